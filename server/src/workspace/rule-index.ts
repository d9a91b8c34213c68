// Every rule of every layer: what a diagnostic's id may be.
import { preprocessProblems } from '../preprocess/problems';
import { rules } from '../rules/catalogue';
import { syntaxRules } from '../syntax/problems';
import type { Severity } from '../text/diagnostic';
import { treeRules } from '../tree/problems';
import { workspaceRules } from './problems';

export interface RuleSummary {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

export function allRules(): readonly RuleSummary[] {
  const known: readonly RuleSummary[] = [
    ...workspaceRules,
    ...preprocessProblems,
    ...syntaxRules,
    ...treeRules,
    ...rules,
  ];
  return [...known, { id: 'internal-error', severity: 'warning', summary: 'A rule failed; a bug of doorbell' }];
}
