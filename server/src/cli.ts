// The command line's entry: verbs, and what becomes of failures.
import './v8-tuning';
import { Command, CommanderError } from 'commander';
import { addCheck } from './cli/check';
import { serveAsThread } from './cli/check-pool';
import { addCollect } from './cli/collect';
import { addCompare } from './cli/compare';
import { addExport } from './cli/export';
import { addPlan } from './cli/plan';
import { addRegions } from './cli/regions';
import { printError, UsageError } from './cli/terminal';
import { addTree } from './cli/tree';
import { addVerify } from './cli/verify';
import { version } from './cli/version';

async function main(): Promise<void> {
  const program = new Command('doorbell')
    .description('Predicts what Linux makes of a devicetree: reserved IOVA regions and MSI window conflicts.')
    .version(version)
    .configureOutput({
      outputError: (message) => {
        printError(message.replace(/^error: /, '').trim());
      },
    })
    .exitOverride();
  addCheck(program);
  addRegions(program);
  addPlan(program);
  addCompare(program);
  addVerify(program);
  addExport(program);
  addCollect(program);
  addTree(program);
  await program.parseAsync();
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const reason = error instanceof Error ? error.message : String(error);
    printError(error instanceof UsageError ? reason : `internal error: ${reason}`);
    process.exitCode = 2;
  }
}

if (!serveAsThread()) {
  // The reader of a pipe went away: there is nobody left to tell.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));
  process.stderr.on('error', () => process.exit(2));
  process.on('uncaughtException', fail);
  main().catch(fail);
}
