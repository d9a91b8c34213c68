// What reading and compiling a table's text can say: the table of its diagnostics. iasl refuses what is an error here;
// rules of their own say what is wrong with the table that comes out.
import { count } from '../../text/numbers';
import type { Diagnostic, Fix, Severity, TextEdit } from '../../text/diagnostic';
import type { SourceFile } from '../../text/source-file';

export interface TableTextRule {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

export const tableTextRules = [
  rule('table-comment-unclosed', 'error', 'A comment is not closed: iasl compiles what stands before it'),
  rule('table-string-unclosed', 'error', 'A string is not closed: iasl takes the next line into it'),
  rule('table-not-text', 'error', 'A byte for which iasl takes the file for a binary, and writes nothing'),
  rule('table-lone-return', 'error', 'A carriage return without a newline ends what iasl reads'),
  rule('table-directive', 'error', 'A directive of iasl’s preprocessor that is wrong, or is not followed'),
  rule('table-line-ignored', 'info', 'A line without a colon, which iasl skips'),
  rule('table-definition-block', 'error', 'A line with “DefinitionBlock”, for which iasl takes the file for ASL'),
  rule('table-signature', 'error', 'The text does not begin with the signature of a table that iasl knows'),
  rule('table-signature-missing', 'info', 'A text that does not say which table it is'),
  rule('table-line-unexpected', 'error', 'A line that is not the next field of its structure'),
  rule('table-line-missing', 'error', 'A field of a structure is missing'),
  rule('table-node-unknown', 'error', 'A structure of a type that nobody has published'),
  rule('table-number', 'error', 'A value that is no integer'),
  rule('table-number-range', 'error', 'An integer that is too large for its field'),
  rule('table-division-by-zero', 'error', 'An expression divides by zero'),
  rule('table-label-unknown', 'error', 'A label that is not defined'),
  rule('table-string-length', 'error', 'A string that is too long for its field'),
  rule('table-bytes', 'error', 'A value that is no list of bytes'),
  rule('table-flag-range', 'error', 'A flag that is too large for its bits'),
  rule('table-flag-lines', 'warning', 'Flags of a MADT that the lines below say otherwise: iasl compiles the lines'),
  rule('table-reserved', 'warning', 'A reserved field that is not zero: it is compiled as zero, or refused'),
  rule('table-padding', 'warning', 'A named component whose mapping offset iasl refuses'),
  rule('table-array-order', 'warning', 'Arrays of a node in an order that iasl refuses'),
  rule('table-empty', 'warning', 'A table without nodes, which iasl refuses'),
  rule('table-node-too-long', 'error', 'A node of more than 65535 bytes, whose length iasl cuts off'),
  rule('table-own-line', 'warning', 'A `//doorbell` comment that says nothing'),
  rule(
    'table-dump',
    'warning',
    'A line of what acpidump printed that lacks bytes, or gives them twice; a table that is there a second time',
  ),
  rule('table-too-many', 'info', 'So many problems that the rest is not listed'),
] as const satisfies readonly TableTextRule[];

export type TableTextRuleId = (typeof tableTextRules)[number]['id'];

/** Text that a fix puts in place of a part of the file. */
export interface ProblemEdit {
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

export interface ProblemFix extends ProblemEdit {
  readonly title: string;
}

/** Another way to mend it, in several places. */
export interface OtherFix {
  readonly title: string;
  readonly edits: readonly ProblemEdit[];
}

export interface TableTextProblem {
  readonly rule: TableTextRuleId;
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly fix?: ProblemFix | undefined;
  readonly otherFix?: OtherFix | undefined;
  /** So many lines behind it have the same problem, which is not said of each. */
  readonly alike?: number;
  /** Index of the structure that was read last when it was found. */
  readonly structure?: number;
}

/** More problems than this in one text are not listed. */
export const mostProblems = 1000;

const severities = new Map<string, Severity>(tableTextRules.map(({ id, severity }) => [id, severity]));

/** Problems in order of the text, as diagnostics of a file. */
export function diagnosticsOf(file: SourceFile, problems: readonly TableTextProblem[]): Diagnostic[] {
  const sorted = [...problems].sort((a, b) => a.start - b.start);
  const listed = sorted.slice(0, mostProblems).map((problem) => diagnosticOf(file, problem));
  if (sorted.length <= mostProblems) return listed;
  const { start, end } = sorted[mostProblems]!;
  const message = `${sorted.length - mostProblems} more problems are not listed.`;
  return [...listed, diagnosticOf(file, { rule: 'table-too-many', start, end, message })];
}

function diagnosticOf(file: SourceFile, problem: TableTextProblem): Diagnostic {
  const { rule, start, end, fix, otherFix, alike = 0 } = problem;
  const others = `; ${count(alike, 'line')} behind it ${alike === 1 ? 'fits' : 'fit'} nowhere either.`;
  const message = alike === 0 ? problem.message : problem.message.replace(/\.$/, others);
  const diagnostic = { rule, severity: severities.get(rule)!, range: { file, start, end }, message };
  if (fix === undefined) return diagnostic;
  const edit = ({ start: from, end: to, newText }: ProblemEdit): TextEdit => ({ file, start: from, end: to, newText });
  const first: Fix = { title: fix.title, isPreferred: true, change: () => ({ edits: [edit(fix)] }) };
  const other: Fix[] =
    otherFix === undefined
      ? []
      : [{ title: otherFix.title, change: () => ({ edits: otherFix.edits.map((each) => edit(each)) }) }];
  return { ...diagnostic, fixes: [first, ...other] };
}

function rule<const Id extends string>(id: Id, severity: Severity, summary: string) {
  return { id, severity, summary };
}
