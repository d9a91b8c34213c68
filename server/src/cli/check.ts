// doorbell check FILE…
import { Option, type Command } from 'commander';
import type { Severity } from '../text/diagnostic';
import { allRules } from '../workspace/rule-index';
import type { FileReport } from './check-file';
import { checkFiles } from './check-pool';
import { createFileStore } from '../workspace/files';
import { addAnalysisOptions, collectList, contextOptions, type SourceOptions } from './options';
import { sarifLog } from './print-sarif';
import { printText } from './print-text';
import { severities, type ReportedDiagnostic } from './report';
import { painterFor, printError, progressLine, UsageError } from './terminal';
import { version } from './version';

interface CheckArguments extends SourceOptions {
  readonly format: 'text' | 'json' | 'sarif';
  readonly severity: Severity;
  readonly only?: readonly string[];
  readonly ignore?: readonly string[];
}

export function addCheck(program: Command): void {
  addAnalysisOptions(program.command('check'))
    .description('print all diagnostics of boards, overlays or includes')
    .argument(
      '<file...>',
      'devicetree sources or blobs, IORTs, or archives of `doorbell collect`; an include is checked through a board that includes it',
    )
    .addOption(new Option('--format <format>', 'form of the output').choices(['text', 'json', 'sarif']).default('text'))
    .addOption(new Option('--severity <level>', 'the lowest severity to print').choices(severities).default('warning'))
    .option('--only <ids>', 'print these rules only (separated by commas)', collectList)
    .option('--ignore <ids>', 'do not print these rules (separated by commas)', collectList)
    .addHelpText('after', '\nExit status: 0 nothing to print, 1 diagnostics were printed, 2 a file cannot be used.')
    .action(runCheck);
}

async function runCheck(files: readonly string[], options: CheckArguments): Promise<void> {
  const { format, severity, only = [], ignore = [] } = options;
  const known = new Set(allRules().map(({ id }) => id));
  const unknown = [...only, ...ignore].find((id) => !known.has(id));
  if (unknown !== undefined) throw new UsageError(`there is no rule ${unknown}`);

  contextOptions(options, createFileStore());
  const paint = painterFor(process.stdout);
  const progress = progressLine();
  const all: ReportedDiagnostic[] = [];
  const unusableFiles: string[] = [];
  const onReport = ({ diagnostics, unusable, note }: FileReport, index: number) => {
    progress.clear();
    if (unusable !== undefined) {
      unusableFiles.push(unusable);
      printError(unusable);
    }
    if (note !== undefined) printError(note);
    if (format === 'text') process.stdout.write(diagnostics.map((diagnostic) => printText(diagnostic, paint)).join(''));
    for (const diagnostic of diagnostics) all.push(diagnostic);
    progress.update(index + 1, files.length);
  };
  await checkFiles(files, { source: options, filter: { severity, only, ignore } }, onReport);
  progress.clear();
  if (format === 'json') process.stdout.write(`${JSON.stringify({ diagnostics: all }, undefined, 2)}\n`);
  if (format === 'sarif') process.stdout.write(`${JSON.stringify(sarifLog(all, allRules(), version), undefined, 2)}\n`);
  process.exitCode = unusableFiles.length > 0 ? 2 : all.length > 0 ? 1 : 0;
}
