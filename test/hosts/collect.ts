// Runs the script of `doorbell collect` in a shell, on a root directory other than /.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { folderWith } from '../workspace/folder';
import { writeMachine, type TruthCase } from './truth';

export const script = path.resolve(__dirname, '../../server/src/cli/collect.sh');

/** Shells that are there, of those that must be able to run the script. */
export function shells(): string[][] {
  const wanted = [['sh'], ['dash'], ['busybox', 'sh'], ['bash']];
  return wanted.filter(([name]) => spawnSync(name!, ['-c', ':']).error === undefined);
}

export interface Collected {
  readonly archive: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects from `root` into a folder of its own. */
export function collect(root: string, shell: readonly string[] = ['sh']): Collected {
  const folder = folderWith('//- tmp/\n');
  const archive = folder.at('host.tar.gz');
  const { status, stdout, stderr } = spawnSync(shell[0]!, [...shell.slice(1), script, archive], {
    env: { ...process.env, DOORBELL_ROOT: root, TMPDIR: folder.at('tmp') },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { archive, status, stdout, stderr };
}

/** The archive of a recorded machine. */
export function archiveOf(given: TruthCase): string {
  const machine = folderWith('');
  writeMachine(machine, given);
  const { archive, status, stderr } = collect(machine.root);
  assert.equal(status, 0, stderr);
  return archive;
}
