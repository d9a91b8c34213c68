// Runs the built command line as a user does.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
export const program = path.join(root, 'server/dist/cli.js');

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function doorbell(args: readonly string[], cwd: string = root, env: NodeJS.ProcessEnv = {}): Outcome {
  const { status, stdout, stderr } = runBinary(args, cwd, env);
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** As `doorbell`, with the output's bytes. */
export function runBinary(args: readonly string[], cwd: string = root, env: NodeJS.ProcessEnv = {}) {
  assert.ok(fs.existsSync(program), `${program} is not there: run \`npm run build\` first`);
  return spawnSync(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    timeout: 30_000,
    maxBuffer: 256 * 1024 * 1024,
  });
}

/** One line on the standard error, and nothing else: no stack trace, no half result. */
export function assertOneLineError({ status, stdout, stderr }: Outcome, expected: string | RegExp): void {
  assert.equal(stdout, '');
  assert.match(stderr, /^doorbell: [^\n]*\n$/);
  if (typeof expected === 'string') assert.equal(stderr, `doorbell: ${expected}\n`);
  else assert.match(stderr, expected);
  assert.equal(status, 2);
}
