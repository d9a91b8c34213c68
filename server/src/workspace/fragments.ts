// Boards of which something is not there: parts that are analysed alone because no board that includes them is known,
// boards whose source tree is not configured, and those with an include that brings nothing.
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import type { Context } from './contexts';

const macrosBusiness: ReadonlySet<string> = new Set(['syntax-unknown-word']);

/** What a part may well lack for being only a part: the version, and labels and macros that its board has. */
const boardsBusiness: ReadonlySet<string> = new Set([
  'syntax-missing-version',
  'syntax-unknown-word',
  'unresolved-reference',
]);

/** A board's diagnostics without those that what is not there would answer, and a word that it was seen without it. */
export function fragmentDiagnostics(
  context: Context,
  root: SourceFile,
  diagnostics: readonly Diagnostic[],
): readonly Diagnostic[] {
  return includedDiagnostics(partDiagnostics(context, root, configuredDiagnostics(context, root, diagnostics)));
}

const failedIncludes: ReadonlySet<string> = new Set(['include-not-found', 'include-unreadable', 'include-malformed']);

/** Without what is missed because an include brings nothing: that is said with the include. */
function includedDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const failed = diagnostics.filter(({ rule }) => failedIncludes.has(rule));
  if (failed.length === 0) return diagnostics;
  // A header has macros only.
  const missed = failed.every(isOfHeader) ? macrosBusiness : boardsBusiness;
  const own = diagnostics.filter(({ rule }) => !missed.has(rule));
  if (own.length === diagnostics.length) return diagnostics;
  const labels = diagnostics.filter(({ rule }) => missed.has(rule) && rule === 'unresolved-reference').length;
  const macros = diagnostics.filter(({ rule }) => rule === 'syntax-unknown-word').length;
  const counts = [counted(labels, 'reference to a label', 'references to labels'), counted(macros, 'macro', 'macros')];
  const notChecked = counts.filter((count) => count !== undefined).join(' and ');
  if (notChecked === '') return own;
  return own.map((diagnostic) =>
    failedIncludes.has(diagnostic.rule)
      ? {
          ...diagnostic,
          message: `${diagnostic.message}. Not checked for want of it: ${notChecked} that nothing else defines`,
        }
      : diagnostic,
  );
}

function isOfHeader({ rule, range }: Diagnostic): boolean {
  if (rule === 'include-malformed' || range === undefined) return false;
  return /\.h[>"]$/.test(range.file.text.slice(Math.max(range.start, range.end - 4), range.end));
}

function counted(count: number, one: string, many: string): string | undefined {
  if (count === 0) return undefined;
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

/** A tree's diagnostics without those that its configuration would answer. */
function configuredDiagnostics(
  { lacksConfiguration }: Context,
  root: SourceFile,
  diagnostics: readonly Diagnostic[],
): readonly Diagnostic[] {
  if (!lacksConfiguration) return diagnostics;
  const own = diagnostics.filter((diagnostic) => !isOfConfiguration(diagnostic));
  if (own.length === diagnostics.length) return diagnostics;
  const message =
    'This source tree is not configured (there is no include/generated/autoconf.h): what depends on CONFIG_ macros is not checked. ' +
    'Configure it in place (make …_defconfig, then make include/config.h), or give the macros that the board needs in doorbell.json ("contexts", "defines").';
  return [
    { rule: 'configuration-unknown', severity: 'info', range: { file: root, start: 0, end: 0 }, message },
    ...own,
  ];
}

/** U-Boot makes these headers and the macros that begin so: Makefile, scripts/Makefile.autoconf. */
function isOfConfiguration({ rule, range }: Diagnostic): boolean {
  if (range === undefined) return false;
  const written = range.file.text.slice(range.start, Math.min(range.end, range.start + 80));
  if (rule === 'include-not-found') return /^[<"](?:generated\/|config\.h[>"])/.test(written);
  return rule === 'syntax-unknown-word' && /^(?:CONFIG|CFG)_/.test(written);
}

/** A part's diagnostics without those that its board would answer, and a word that it was seen without one. */
function partDiagnostics(
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

/** Nothing, or text without a single brace or semicolon, in a file that nobody calls a devicetree source: something else. */
export function isOtherText({ path, text }: SourceFile): boolean {
  return !/\.(?:dts|dtsi|dtso|overlay|h)$/i.test(path) && !/[{};]/.test(text);
}
