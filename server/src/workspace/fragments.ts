// Parts of a board that are analysed alone because no board that includes them is known.
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import type { Context } from './contexts';

/** What a part may well lack for being only a part: the version, and labels and macros that its board has. */
const boardsBusiness: ReadonlySet<string> = new Set([
  'syntax-missing-version',
  'syntax-unknown-word',
  'unresolved-reference',
]);

/** A part's diagnostics without those that its board would answer, and a word that it was seen without one. */
export function fragmentDiagnostics(
  { reason }: Context,
  root: SourceFile,
  diagnostics: readonly Diagnostic[],
): readonly Diagnostic[] {
  if (reason !== 'alone') return diagnostics;
  const own = diagnostics.filter(({ rule }) => !boardsBusiness.has(rule));
  if (own.length === diagnostics.length) return diagnostics;
  const message =
    'No board that includes this file is known: labels and macros that it expects from one are not checked. ' +
    'Name the board in a comment on the first line: // doorbell: root=board.dts';
  return [{ rule: 'board-unknown', severity: 'info', range: { file: root, start: 0, end: 0 }, message }, ...own];
}

/** Text without a single brace or semicolon, in a file that nobody calls a devicetree source: something else. */
export function isOtherText({ path, text }: SourceFile): boolean {
  return !/\.(?:dts|dtsi|dtso|overlay|h)$/i.test(path) && !/[{};]/.test(text) && text.trim() !== '';
}
