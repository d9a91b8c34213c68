// Small sources into trees, and sources whose comments say which diagnostics they get.
import assert from 'node:assert/strict';
import { preprocess } from '../../server/src/preprocess/preprocess';
import { parseUnit } from '../../server/src/syntax/parse';
import type { Diagnostic } from '../../server/src/text/diagnostic';
import { positionAt, sourceFile, type SourceRange } from '../../server/src/text/source-file';
import { type BuiltTree, buildTree, type TreeOptions } from '../../server/src/tree/build';
import type { DeviceTree } from '../../server/src/tree/model';
import { printDts } from '../../server/src/tree/print';

export type Files = Readonly<Record<string, Uint8Array>>;

/** The tree of a source; what `/dts-v1/;` it lacks is put before it. `files` are those of `/incbin/`. */
export function build(source: string, options: Partial<TreeOptions> = {}, files: Files = {}): BuiltTree {
  const text = source.includes('/dts-v1/') ? source : `/dts-v1/; ${source}`;
  const host = { read: () => ({ error: 'no such file' }) };
  const { tokens } = preprocess(sourceFile('/board.dts', text), { includePaths: [], defines: {} }, host);
  const readBinary = (path: string): Uint8Array | { error: string } => files[path] ?? { error: 'no such file' };
  return buildTree(parseUnit(tokens), { readBinary, ...options });
}

/** The tree of a source that has no problems. */
export function treeOf(source: string, options: Partial<TreeOptions> = {}, files: Files = {}): DeviceTree {
  const { tree, diagnostics } = build(source, options, files);
  assert.deepEqual(diagnostics.map(describeDiagnostic), []);
  return tree;
}

/** The source merges into this tree; blanks and line ends do not matter. */
export function checkTree(source: string, expected: string, options: Partial<TreeOptions> = {}): void {
  const printed = printDts(treeOf(source, options)).replace('/dts-v1/;', '');
  assert.equal(squeezed(printed), squeezed(expected));
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/**
 * The diagnostics are those that the comments below the lines say: `// ^^^^ error[rule]`, the carets below the text that
 * each is about, and `// ~~~~ evidence` below what one of them rests on.
 */
export function checkDiagnostics(source: string, options: Partial<TreeOptions> = {}): void {
  const expected: string[] = [];
  const lines: string[] = [];
  for (const line of source.split('\n')) {
    const mark = /^(\s*\/\/ *)(\^+|~+) (\S+)$/.exec(line);
    if (mark === null) lines.push(line);
    else expected.push(`${lines.length - 1}:${mark[1]!.length}+${mark[2]!.length} ${mark[3]!}`);
  }
  const { diagnostics } = build(lines.join('\n'), options);
  const found = diagnostics.flatMap((diagnostic) => [
    `${place(diagnostic.range)} ${diagnostic.severity}[${diagnostic.rule}]`,
    ...(diagnostic.evidence ?? []).map(({ range }) => `${place(range)} evidence`),
  ]);
  assert.deepEqual(found.sort(), expected.sort(), diagnostics.map(describeDiagnostic).join('\n'));
}

function describeDiagnostic({ rule, message }: Diagnostic): string {
  return `${rule}: ${message}`;
}

export function place(range: SourceRange | undefined): string {
  if (range === undefined) return 'nowhere';
  const { line, character } = positionAt(range.file, range.start);
  return `${line}:${character}+${range.end - range.start}`;
}

/** The text that a range covers. */
export function textAt(range: SourceRange | undefined): string | undefined {
  return range?.file.text.slice(range.start, range.end);
}
