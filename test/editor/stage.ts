// What a part of the run has to work with.
import type { CodeServer } from './code-server';
import type { Workbench } from './workbench';

export interface Stage {
  readonly workbench: Workbench;
  /** The workspace folder. */
  readonly workspace: string;
  readonly server: CodeServer;
  readonly shoot: (name: string) => Promise<void>;
}
