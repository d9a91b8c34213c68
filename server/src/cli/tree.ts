// doorbell tree FILE
import { Option, type Command } from 'commander';
import fs from 'node:fs';
import { writeFdt } from '../tree/fdt-write';
import type { DeviceTree } from '../tree/model';
import { printDts, treeToJson } from '../tree/print';
import { compileFile, printErrors } from './board';
import { addSourceOptions, type SourceOptions } from './options';
import { UsageError } from './terminal';

interface TreeArguments extends SourceOptions {
  readonly format: 'dts' | 'dtb' | 'json';
  readonly symbols?: true;
  readonly output?: string;
  readonly force?: true;
}

export function addTree(program: Command): void {
  addSourceOptions(program.command('tree'))
    .description('print the final merged tree')
    .argument('<file>', 'a devicetree source or blob, or an archive of `doorbell collect`')
    .addOption(new Option('--format <format>', 'form of the output').choices(['dts', 'dtb', 'json']).default('dts'))
    .option('-@, --symbols', 'add symbols and fixups, as dtc -@ does')
    .option('-o, --output <file>', 'write to a file instead of the standard output')
    .option('-f, --force', 'print the tree also where the sources have errors')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 the sources have errors that dtc would refuse, 2 the file cannot be used.',
    )
    .action(runTree);
}

function runTree(file: string, options: TreeArguments): void {
  const { tree, diagnostics, context } = compileFile(file, options, { symbols: options.symbols === true });
  const errors = printErrors(diagnostics, context.root);
  if (errors > 0) process.exitCode = 1;
  if (errors > 0 && options.force !== true) return;
  const output = render(tree, options.format);
  if (options.output === undefined || options.output === '-') process.stdout.write(output);
  else writeOutput(options.output, output);
}

function render(tree: DeviceTree, format: TreeArguments['format']): string | Uint8Array {
  switch (format) {
    case 'dts':
      return printDts(tree);
    case 'dtb':
      return writeFdt(tree);
    case 'json':
      return `${JSON.stringify(treeToJson(tree), undefined, 2)}\n`;
  }
}

function writeOutput(file: string, output: string | Uint8Array): void {
  try {
    fs.writeFileSync(file, output);
  } catch (error) {
    throw new UsageError(`${file}: cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
