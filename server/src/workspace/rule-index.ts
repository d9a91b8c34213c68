// Every rule of every layer: what a diagnostic's id may be.
import { withWorkspace, type CatalogueEntry } from '../rules/catalogue';
import { workspaceRules } from './problems';

export type RuleSummary = Pick<CatalogueEntry, 'id' | 'severity' | 'summary'>;

export function allRules(): readonly RuleSummary[] {
  return withWorkspace(workspaceRules);
}

/** Ids that the documented settings name and that a later version gives: naming one is no mistake. */
const laterRules: readonly string[] = [];

let ids: ReadonlySet<string> | undefined;

/** Whether settings may speak of a rule. */
export function isRuleId(id: string): boolean {
  ids ??= new Set([...allRules().map((rule) => rule.id), ...laterRules]);
  return ids.has(id);
}
