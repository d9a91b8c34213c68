// What the tree layer can say about a unit: the table of its diagnostics. dtc 1.7.0 rejects a source for each of the errors.
import type { Severity } from '../text/diagnostic';

export interface TreeRule {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

export const treeRules = [
  rule('unresolved-reference', 'error', 'A reference to a label or path that no node has'),
  rule('duplicate-label', 'error', 'A label stands at two places'),
  rule('duplicate-node', 'error', 'A block holds two nodes of the same name'),
  rule('duplicate-property', 'error', 'A block holds two properties of the same name'),
  rule('bad-node-name', 'error', 'A node name with a character that node names cannot have, or with two `@`'),
  rule('bad-property-name', 'error', 'A property name with `@`'),
  rule('bad-name-property', 'error', 'A `name` property that is not the name of its node'),
  rule('bad-phandle', 'error', 'A `phandle` property that is no single valid number'),
  rule('duplicate-phandle', 'error', 'Two nodes with the same phandle'),
  rule('overlay-path-reference', 'error', 'An overlay refers to a path of the base tree, for which there is no fixup'),
  rule('unreadable-incbin', 'error', 'The file of an `/incbin/` cannot be read'),
  rule('truncated-value', 'warning', 'A number that does not fit in its cell'),
] as const satisfies readonly TreeRule[];

export type TreeRuleId = (typeof treeRules)[number]['id'];

function rule<Id extends string>(
  id: Id,
  severity: Severity,
  summary: string,
): { readonly id: Id; readonly severity: Severity; readonly summary: string } {
  return { id, severity, summary };
}
