// What the syntax layer can say about a unit: the table of its diagnostics, and makers of problems.
import type { Severity } from '../text/diagnostic';
import type { SyntaxProblem } from './syntax-tree';

export interface SyntaxRule {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

/** Everything that the parser and the evaluation of literals, expressions and strings report. dtc rejects each of them. */
export const syntaxRules = [
  rule('syntax-missing-version', 'The unit does not begin with `/dts-v1/;`'),
  rule('syntax-missing-tree', 'The unit has headers but no root node'),
  rule('syntax-misplaced-header', '`/dts-v1/;` or `/plugin/;` stands where it may not'),
  rule('syntax-header-mismatch', 'Repeated headers disagree about `/plugin/`'),
  rule('syntax-misplaced-reservation', '`/memreserve/` behind the first node'),
  rule('syntax-first-item', 'The tree begins with something else than a node'),
  rule('syntax-missing-semicolon', 'A `;` is missing'),
  rule('syntax-missing-brace', 'A `{` or `}` is missing'),
  rule('syntax-missing-bracket', 'A `<`, `>`, `[`, `]`, `(` or `)` is missing'),
  rule('syntax-missing-comma', 'Two values follow each other without `,`'),
  rule('syntax-missing-equals', 'A property and its value follow each other without `=`'),
  rule('syntax-missing-value', 'A value is missing behind `=`, `,` or an operator'),
  rule('syntax-missing-name', 'A name or reference is missing'),
  rule('syntax-unexpected', 'Something that has no meaning at its place'),
  rule('syntax-stray-brace', 'A `}` that closes nothing'),
  rule('syntax-outside-node', 'A property or named node outside of any node'),
  rule('syntax-nested-reference', 'A node by reference inside of another node'),
  rule('syntax-delete-form', '`/delete-node/` by reference inside a node, or by name outside of one'),
  rule('syntax-label-place', 'A label stands where it may not'),
  rule('syntax-property-after-node', 'A property follows a subnode of the same block'),
  rule('syntax-unknown-word', 'A word in a value that is no macro that is known'),
  rule('syntax-unparenthesised', 'An expression in a cell list without parentheses'),
  rule('syntax-bad-name', 'A name with characters that names cannot have'),
  rule('syntax-bad-bits', '`/bits/` takes 8, 16, 32 or 64'),
  rule('syntax-bad-literal', 'An integer literal with a digit that its base does not have'),
  rule('syntax-literal-range', 'An integer literal above 64 bits'),
  rule('syntax-bad-character', 'A character literal that is empty or holds several characters'),
  rule('syntax-bad-escape', '`\\x` without hex digits'),
  rule('syntax-bad-byte', 'A byte string holds something else than pairs of hex digits'),
  rule('syntax-division-by-zero', 'An expression divides by zero'),
  rule('syntax-reference-width', 'A reference in cells that are not 32 bits wide'),
  rule('syntax-too-deep', 'Nodes or parentheses nest deeper than this tool follows'),
  rule('syntax-too-many', 'So many syntax problems that the rest is not listed'),
] as const satisfies readonly SyntaxRule[];

export type SyntaxRuleId = (typeof syntaxRules)[number]['id'];

export type ProblemSink = (problem: SyntaxProblem) => void;

/** One token, or the tokens `first` to `last`, are wrong. */
export function problemAt(rule: SyntaxRuleId, first: number, message: string, last = first): SyntaxProblem {
  return { rule, message, first, last, after: false };
}

/** Something is missing behind a token, -1 for the start of the unit. */
export function problemAfter(rule: SyntaxRuleId, token: number, message: string, insert?: string): SyntaxProblem {
  const problem = { rule, message, first: token, last: token, after: true };
  return insert === undefined ? problem : { ...problem, insert };
}

function rule<Id extends string>(id: Id, summary: string): { id: Id; severity: 'error'; summary: string } {
  return { id, severity: 'error', summary };
}
