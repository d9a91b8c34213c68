// What the user asked not to see, or to see otherwise: severities by rule id, and comments in the sources.
import { lex } from '../preprocess/lexed-files';
import type { Diagnostic, Fix, Severity } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import { hasWord, isContinuation, lengthOf, lineEndAt, lineStarts } from '../text/source-file';
import { placesOf, positionAt, textBetween } from '../text/source-file';
import { firstFrom } from '../text/in-order';
import { oncePer } from '../text/once';

export type SeverityOverride = Severity | 'off';

/** By rule id; from doorbell.json's `rules` and the editor's settings. */
export type SeverityOverrides = Readonly<Record<string, SeverityOverride | undefined>>;

/**
 * The diagnostics of all layers as they are shown: severities overridden, those switched off or ignored by a comment
 * left out, and each with a fix that writes such a comment.
 *
 * `// doorbell-ignore rule-id` counts for its own line and, where it stands alone, for the next line of code;
 * `// doorbell-ignore-file rule-id` counts for its file. Several ids are separated by commas or spaces, a reason may
 * follow after `--`. Block comments on one line do as well.
 */
export function settleDiagnostics(diagnostics: readonly Diagnostic[], overrides: SeverityOverrides): Diagnostic[] {
  const settled: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    const override = Object.hasOwn(overrides, diagnostic.rule) ? overrides[diagnostic.rule] : undefined;
    if (override === 'off' || isIgnored(diagnostic)) continue;
    const fix = ignoreFix(diagnostic);
    settled.push({
      ...diagnostic,
      severity: override ?? diagnostic.severity,
      ...(fix === undefined ? {} : { fixes: [...(diagnostic.fixes ?? []), fix] }),
    });
  }
  return settled;
}

interface Suppressions {
  readonly wholeFile: ReadonlySet<string>;
  /** Rule ids by the line from 0 that they are ignored in. */
  readonly byLine: ReadonlyMap<number, ReadonlySet<string>>;
}

const word = 'doorbell-ignore';
const noSuppressions: Suppressions = { wholeFile: new Set(), byLine: new Map() };
const suppressionsOf = oncePer((file: SourceFile): Suppressions =>
  hasWord(file, word) ? readSuppressions(file) : noSuppressions,
);

function isIgnored({ rule, range }: Diagnostic): boolean {
  if (range === undefined) return false;
  const suppressions = suppressionsOf(range.file);
  if (suppressions.wholeFile.has(rule)) return true;
  return suppressions.byLine.get(positionAt(range.file, range.start).line)?.has(rule) ?? false;
}

const directive = /(?:\/\/|\/\*).*?\bdoorbell-ignore(-file)?[ \t:]+([\w-]+(?:[ \t,]+(?!--)[\w-]+)*)/;

/** Only lines with the word are looked at, and those that they count for: a large table has few of them. */
function readSuppressions(file: SourceFile): Suppressions {
  const wholeFile = new Set<string>();
  const byLine = new Map<number, Set<string>>();
  const lines = new Set(placesOf(file, word).map((place) => positionAt(file, place).line));
  let behind = -1;
  for (const line of [...lines].reverse()) {
    const text = textOfLine(file, line);
    const found = directive.exec(text);
    const ids = found?.[2]?.split(/[ \t,]+/) ?? [];
    const target = standsAlone(text) ? lineOfCode(file, line + 1, behind) : line;
    behind = target;
    if (found?.[1] !== undefined) {
      for (const id of ids) wholeFile.add(id);
    } else if (ids.length > 0 && target >= 0) {
      byLine.set(target, new Set([...(byLine.get(target) ?? []), ...ids]));
    }
  }
  return { wholeFile, byLine };
}

function textOfLine(file: SourceFile, line: number): string {
  const starts = lineStarts(file);
  return textBetween(file, starts[line]!, starts[line + 1] ?? lengthOf(file)).trim();
}

function standsAlone(text: string): boolean {
  return text.startsWith('//') || (text.startsWith('/*') && text.indexOf('*/') === text.length - 2);
}

/** The first line from one on that is neither empty nor a comment; of those from `known` on that is the first. -1 for none. */
function lineOfCode(file: SourceFile, from: number, known: number): number {
  const end = known >= 0 ? known : lineStarts(file).length;
  for (let line = from; line < end; line++) {
    const text = textOfLine(file, line);
    if (text !== '' && !standsAlone(text)) return line;
  }
  return known;
}

function isInBlockComment(file: SourceFile, offset: number): boolean {
  if (isSurelyOutside(file, offset)) return false;
  const { comments } = lex(file);
  const next = firstFrom(comments, offset);
  // Behind a start and not behind its end.
  return next % 2 === 1 && file.text.charAt(comments[next - 1]! + 1) === '*';
}

/** Behind the last opening before it, which is closed before it: a large table is not lexed for the comments in it. */
function isSurelyOutside(file: SourceFile, offset: number): boolean {
  const openings = placesOf(file, '/*');
  const opening = openings[firstFrom(openings, offset) - 1];
  if (opening === undefined) return true;
  const closings = placesOf(file, '*/');
  const closing = closings[firstFrom(closings, opening + 2)];
  return closing !== undefined && closing < offset;
}

/** Writes the comment above the line; undefined where a comment there would not be one, or is lost as in a binary. */
function ignoreFix({ rule, range, offset }: Diagnostic): Fix | undefined {
  if (range?.file.path === undefined || range.file.path === '' || offset !== undefined) return undefined;
  const { file } = range;
  const start = lineStarts(file)[positionAt(file, range.start).line]!;
  if (isContinuation(file, start) || isInBlockComment(file, start)) return undefined;
  return {
    title: `Ignore ${rule} here`,
    isComment: true,
    change: () => {
      const indent = /^[ \t]*/.exec(file.text.slice(start, range.start))?.[0] ?? '';
      const lineEnd = lineEndAt(file.text, start);
      return { edits: [{ file, start, end: start, newText: `${indent}// doorbell-ignore ${rule}${lineEnd}` }] };
    },
  };
}
