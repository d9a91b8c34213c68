// A diagnostic as the command line prints it: plain data that passes between threads and into JSON unchanged.
import type { Diagnostic, Severity } from '../text/diagnostic';
import { hex } from '../text/numbers';
import { positionAt, type SourceRange } from '../text/source-file';
import { displayPath } from './terminal';

/** Lines and columns count from 1; they are null where there is no source, as in a blob. */
export interface ReportedDiagnostic {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly endLine: number | null;
  readonly endColumn: number | null;
  readonly severity: Severity;
  readonly rule: string;
  /** Path of the node that it is about. */
  readonly node: string | null;
  /** Of a binary table, the byte that it is about; line and column are then of the text that `iort decompile` prints. */
  readonly offset?: string;
  readonly message: string;
  readonly evidence: readonly ReportedEvidence[];
  /** Titles. */
  readonly fixes: readonly string[];
}

export interface ReportedEvidence {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly offset?: string;
  readonly message: string;
}

export const severities: readonly Severity[] = ['error', 'warning', 'info', 'hint'];

export interface ReportFilter {
  /** The lowest that is printed. */
  readonly severity: Severity;
  /** Rule ids; empty: all. */
  readonly only: readonly string[];
  readonly ignore: readonly string[];
}

export function isReported({ rule, severity }: Diagnostic, filter: ReportFilter): boolean {
  if (severities.indexOf(severity) > severities.indexOf(filter.severity)) return false;
  return (filter.only.length === 0 || filter.only.includes(rule)) && !filter.ignore.includes(rule);
}

/** `root` is the file that a diagnostic without a place is reported for. */
export function reportDiagnostic(diagnostic: Diagnostic, root: string): ReportedDiagnostic {
  const { rule, severity, range, node, offset, message, evidence = [], fixes = [] } = diagnostic;
  return {
    ...(range === undefined ? nowhere(root) : place(range)),
    severity,
    rule,
    node: node ?? null,
    ...(offset === undefined ? {} : { offset: hex(offset) }),
    message,
    evidence: evidence.map((each) => {
      const { file, line, column } = place(each.range);
      const byte = each.offset === undefined ? {} : { offset: hex(each.offset) };
      return { file, line, column, ...byte, message: each.message };
    }),
    fixes: fixes.map(({ title }) => title),
  };
}

function place({ file, start, end }: SourceRange) {
  const from = positionAt(file, start);
  const to = positionAt(file, end);
  return {
    file: displayPath(file.path),
    line: from.line + 1,
    column: from.character + 1,
    endLine: to.line + 1,
    endColumn: to.character + 1,
  };
}

function nowhere(root: string) {
  return { file: displayPath(root), line: null, column: null, endLine: null, endColumn: null };
}
