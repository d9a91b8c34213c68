// What the workspace layer itself can say: the table of its diagnostics.
import type { Severity } from '../text/diagnostic';

export interface WorkspaceRule {
  readonly id: string;
  readonly severity: Severity;
  readonly summary: string;
}

export const workspaceRules: readonly WorkspaceRule[] = [
  {
    id: 'settings-syntax',
    severity: 'error',
    summary: 'doorbell.json is no JSON (comments and trailing commas are taken)',
  },
  {
    id: 'settings-wrong-value',
    severity: 'error',
    summary: 'A value in doorbell.json is of the wrong type or form, and not used',
  },
  {
    id: 'settings-unknown-key',
    severity: 'warning',
    summary: 'A key in doorbell.json that is no setting or rule, or is given twice',
  },
  {
    id: 'context-comment',
    severity: 'warning',
    summary: 'A `doorbell:` comment with a setting that does not exist, or that names no file',
  },
  {
    id: 'board-unknown',
    severity: 'info',
    summary: 'A part of a board is seen without a board: labels and macros that it does not define are not checked',
  },
  {
    id: 'configuration-unknown',
    severity: 'info',
    summary: 'A board of a source tree that is not configured: what depends on CONFIG_ macros is not checked',
  },
  { id: 'overlay-not-applied', severity: 'error', summary: 'An overlay cannot be read, or does not fit the base tree' },
  {
    id: 'too-many-diagnostics',
    severity: 'info',
    summary: 'A rule has so many findings in one file that the rest is not listed',
  },
  {
    id: 'iort-reference-moved',
    severity: 'warning',
    summary: 'In the editor: a reference names the place where a node was before nodes were put in, removed or grown',
  },
  { id: 'unusable-input', severity: 'error', summary: 'A file that cannot be analysed at all' },
];
