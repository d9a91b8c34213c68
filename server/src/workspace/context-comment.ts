// The comment with which a file says itself how it is to be analysed:
//
//   // doorbell: root=../board.dts include=../../include define=DEBUG=1 overlay="my overlay.dtso"
//
// It stands in the comment that the file begins with (behind a licence line is fine), as `// …`, `/* … */` or a line of a
// longer block comment. Paths are relative to the file. `include`, `define` and `overlay` may be given several times;
// `include` replaces what walking up to a source tree finds. A value with spaces is put in double quotes.
import path from 'node:path';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';

export interface ContextComment {
  readonly root: string | undefined;
  readonly includePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  readonly overlays: readonly string[];
  readonly range: SourceRange;
  readonly diagnostics: readonly Diagnostic[];
}

const header = /^\uFEFF?(?:[ \t\r]*(?:\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)?[ \t\r]*(?:\n|$))+/;
/** A heading comment is looked for in this much of a file. */
const headerLimit = 4096;
const keys = ['root', 'include', 'define', 'overlay'] as const;

/** What the file's heading comment says; undefined if nothing. */
export function readContextComment(file: SourceFile): ContextComment | undefined {
  const start = file.text.slice(0, headerLimit);
  if (!start.includes('doorbell:')) return undefined;
  const line = /(?:\/\/|\/\*|^[ \t]*\*)[ \t]*doorbell:([^\n]*?)(?:\*\/|\r?$)/m.exec(header.exec(start)?.[0] ?? '');
  if (line === null) return undefined;
  const settings = line[1]!;
  const offset = line.index + line[0].indexOf('doorbell:') + 'doorbell:'.length;
  const directory = path.dirname(file.path);
  const values = new Map<string, string[]>(keys.map((key) => [key, []]));
  const diagnostics: Diagnostic[] = [];
  for (const match of settings.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))|\S+/g)) {
    const known = values.get(match[1] ?? '');
    if (known !== undefined) known.push(match[2] ?? match[3] ?? '');
    else {
      const at = offset + match.index;
      diagnostics.push({
        rule: 'context-comment',
        severity: 'warning',
        range: { file, start: at, end: at + match[0].length },
        message: `"${match[0]}" is no setting of a doorbell comment and is ignored; it takes ${keys.map((key) => `${key}=`).join(', ')}`,
      });
    }
  }
  const paths = (key: string) => values.get(key)!.map((value) => path.resolve(directory, value));
  return {
    root: paths('root').at(-1),
    includePaths: paths('include'),
    defines: parseDefines(values.get('define')!),
    overlays: paths('overlay'),
    range: { file, start: offset, end: offset + settings.length },
    diagnostics,
  };
}

/** `NAME` or `NAME=VALUE` as a compiler's -D takes it: without a value it is 1. */
export function parseDefines(definitions: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    definitions.map((definition) => {
      const equals = definition.indexOf('=');
      return equals < 0 ? [definition, '1'] : [definition.slice(0, equals), definition.slice(equals + 1)];
    }),
  );
}
