// Every problem that preprocessing reports: its id, how grave it is, and what it means. The documentation is made from this.
import type { Severity } from '../text/diagnostic';

export interface ProblemKind {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

const kinds = {
  'comment-unterminated': ['error', 'A block comment is never closed'],
  'string-unterminated': ['error', 'A string has no closing quote'],
  'include-not-found': ['error', 'An included file is not in any of the folders that are searched'],
  'include-unreadable': ['error', 'An included file is there but cannot be read'],
  'include-too-deep': ['error', 'Files include each other more than 200 levels deep, usually in a circle'],
  'include-malformed': ['error', 'An include directive names no file'],
  'unit-too-large': ['error', 'A file, or all that it includes, is larger than a board can be; the rest is left out'],
  'macro-malformed': ['error', 'A macro definition cannot be read'],
  'line-malformed': ['error', 'A #line directive has no line number'],
  'macro-redefined': ['warning', 'A macro is defined again with another value'],
  'macro-call-unterminated': ['error', 'A macro call has no closing parenthesis'],
  'macro-argument-count': ['error', 'A macro call has too few or too many arguments'],
  'macro-too-large': ['error', 'Macros expand to more tokens than a board can have'],
  'condition-malformed': ['error', 'The expression of #if or #elif cannot be evaluated'],
  'conditional-unterminated': ['error', 'An #if has no #endif'],
  'conditional-misplaced': ['error', '#elif, #else or #endif without its #if, or behind #else'],
  'error-directive': ['error', 'The source refuses to be compiled: #error'],
  'warning-directive': ['warning', 'The source warns: #warning'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type PreprocessRule = keyof typeof kinds;

export const preprocessProblems: readonly ProblemKind[] = Object.entries(kinds).map(([id, [severity, summary]]) => ({
  id,
  severity,
  summary,
}));

export function severityOf(rule: PreprocessRule): Severity {
  return kinds[rule][0];
}
