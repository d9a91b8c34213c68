// The command line as a program: verbs, and what becomes of failures.
import { Command, CommanderError } from 'commander';
import { addCheck } from './check';
import { serveAsThread } from './check-pool';
import { addCollect } from './collect';
import { addCompare } from './compare';
import { addExport } from './export';
import { addIort } from './iort';
import { addPlan } from './plan';
import { addRegions } from './regions';
import { printError, UsageError } from './terminal';
import { addTree } from './tree';
import { addVerify } from './verify';
import { version } from './version';

async function main(onWorked: () => void): Promise<void> {
  const program = new Command('doorbell')
    .description(
      'Predicts what Linux makes of a devicetree or an ACPI IORT: reserved IOVA regions and MSI window conflicts.',
    )
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
  addIort(program);
  // A verb that prints a text has run nothing of what the others run.
  program.hook('postAction', (_, { args }) => {
    if (args.length > 0) onWorked();
  });
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

/** `onWorked` is called when a verb has done its work on files. */
export function run(onWorked: () => void): void {
  if (!serveAsThread()) {
    // The reader of a pipe went away: there is nobody left to tell.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));
    process.stderr.on('error', () => process.exit(2));
    process.on('uncaughtException', fail);
    main(onWorked).catch(fail);
  }
}
