// What the set-ups of the oracles share: a lock, folders that appear only when complete, Debian packages for missing tools.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Fills a fresh folder and moves it to `target` when it is complete, so that a run cut short leaves nothing half done. */
export function intoPlace(target: string, fill: (folder: string) => void): string {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}.new-`);
  try {
    fill(folder);
    rmSync(target, { recursive: true, force: true });
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return target;
}

/** Installs Debian packages when one of the tools is missing and we may; else says what to install. */
export function needTools(tools: readonly string[], packages: readonly string[]): void {
  const missing = tools.filter((tool) => !isInPath(tool));
  if (missing.length === 0) return;
  if (!isRoot()) throw new Error(`missing ${missing.join(', ')}: install ${packages.join(' ')}`);
  run('apt-get', ['update', '-qq'], '/');
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], '/');
}

function isInPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, tool)));
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Takes the lock, waiting for a living holder; returns what gives it back. */
export async function lock(folder: string): Promise<() => void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path.join(folder, 'pid'))) rmSync(folder, { recursive: true, force: true });
    else await sleep(500);
  }
  writeFileSync(path.join(folder, 'pid'), String(process.pid));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}

function isAbandoned(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false; // its holder is just writing it
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
