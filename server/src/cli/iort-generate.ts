// doorbell iort generate FILE
import { Option, type Command } from 'commander';
import { textStyles, type TextStyle } from '../acpi/layout/field';
import { issues, templateRevision } from '../acpi/text/template';
import { count } from '../text/numbers';
import type { AcpiObjects } from '../topology/to-iort';
import type { DeviceTree } from '../tree/model';
import { nodeAt } from '../tree/navigate';
import { noObjects, printAcpiObjects, proposeNames } from '../workspace/acpi-objects';
import { generateIort, noteKinds, noteTitles, type Generated } from '../workspace/generated-iort';
import { settingsProfile } from '../workspace/settings';
import { compileFile, printErrors } from './board';
import { objectsOf } from './objects-file';
import { addAnalysisOptions, type SourceOptions } from './options';
import { writeTo } from './table-output';
import { displayPath, printError, UsageError } from './terminal';

interface GenerateArguments extends SourceOptions {
  readonly output?: string;
  readonly map?: string;
  readonly newMap?: string;
  readonly style: TextStyle;
  readonly revision: string;
  readonly force?: true;
}

export function addGenerate(iort: Command): void {
  const style = new Option('--style <iasl>', 'form of the text: of a current iasl, or of 20200925 (Debian 12)');
  addAnalysisOptions(iort.command('generate'))
    .description('the IORT of the machine that a devicetree describes; what it cannot say is listed')
    .argument('<file>', 'a devicetree source or blob, or an archive of `doorbell collect`')
    .option(
      '-o, --output <file>',
      'the table: text, or binary where FILE ends in .aml, .dat or .bin (default: text to the standard output)',
    )
    .option(
      '--map <file>',
      'what ACPI calls nodes: JSON {"/soc/usb@1": "\\\\_SB_.USB0"}, or lines of a node and its object; numbers are GIC ITS IDs and PCI segments',
    )
    .option('--new-map <file>', 'propose an object for every device that has none, use it, and write the whole map')
    .addOption(style.choices(textStyles).default('current'))
    .option('--revision <issue>', `issue of Arm DEN0049 (${[...issues.keys()].join(', ')}) or revision`, 'E.f')
    .option('-f, --force', 'write the table also where the sources have errors')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 the sources have errors that dtc would refuse, 2 the file cannot be used.',
    )
    .action(generate);
}

function generate(file: string, options: GenerateArguments): void {
  const revision = templateRevision(options.revision);
  if (revision === undefined)
    throw new UsageError(
      `there is no IORT of revision ${options.revision}: ${[...issues.keys()].join(', ')} are known`,
    );
  const { tree, diagnostics, context } = compileFile(file, options, {});
  const errors = printErrors(diagnostics, context.root);
  if (errors > 0) process.exitCode = 1;
  if (errors > 0 && options.force !== true) {
    printError(`${file}: ${count(errors, 'error')}, nothing written`);
    return;
  }
  const given = options.map === undefined ? noObjects : objectsOf(options.map, tree);
  const kernel = settingsProfile(context.settings);
  const name = displayPath(context.root);
  const make = (objects: AcpiObjects): Generated => {
    const result = generateIort(tree, { revision, style: options.style, objects, kernel, name });
    if ('problem' in result) throw new UsageError(`${file}: ${result.problem}`);
    return result;
  };
  const { newMap } = options;
  const objects = newMap === undefined ? given : withProposals(given, make(given).unnamed, tree);
  const result = make(objects);
  if (newMap !== undefined) writeTo(newMap, Buffer.from(printAcpiObjects(objects)));
  for (const kind of noteKinds) {
    for (const { node, message } of result.notes.filter((each) => each.kind === kind))
      printError(`${noteTitles[kind]}: ${node}: ${message}`);
  }
  const { output = '-' } = options;
  if (output === '-') process.stdout.write(result.text);
  else writeTo(output, /\.(?:aml|dat|bin)$/i.test(output) ? result.bytes : Buffer.from(result.text, 'latin1'));
}

function withProposals(given: AcpiObjects, unnamed: readonly string[], tree: DeviceTree): AcpiObjects {
  const nodes = unnamed.flatMap((path) => nodeAt(tree, path) ?? []);
  return { ...given, names: new Map([...given.names, ...proposeNames(nodes, given.names)]) };
}
