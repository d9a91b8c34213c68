// The options that the verbs share, and what they mean for the analysis.
import { InvalidArgumentError, Option, type Command } from 'commander';
import path from 'node:path';
import { kernelProfiles, type KernelVersion } from '../iova/kernel-profile';
import { parseDefines } from '../workspace/context-comment';
import type { ContextOptions } from '../workspace/contexts';
import type { FileStore } from '../workspace/files';
import { displayPath, UsageError } from './terminal';

export interface SourceOptions {
  readonly include?: readonly string[];
  readonly define?: readonly string[];
  readonly overlay?: readonly string[];
  readonly config?: string;
  readonly kernel?: KernelVersion;
}

/** Options of every verb that takes a source. */
export function addSourceOptions(command: Command): Command {
  return command
    .option(
      '-I, --include <dir>',
      'search this directory for includes (repeatable; default: those of the source tree around the file)',
      collect,
    )
    .option('-D, --define <name[=value]>', 'define a macro (repeatable)', collectDefine)
    .option('--overlay <file>', 'apply an overlay, source or blob (repeatable)', collect)
    .option('--config <file>', 'settings to use (default: the nearest doorbell.json upwards)');
}

/** Options of every verb of the analysis. */
export function addAnalysisOptions(command: Command): Command {
  const kernel = new Option(
    '--kernel <version>',
    'the Linux version whose rules apply (default: doorbell.json, else 6.12)',
  );
  return addSourceOptions(command).addOption(kernel.choices(Object.keys(kernelProfiles)));
}

/** What the options say about a context. Files that they name must be there. */
export function contextOptions(options: SourceOptions, files: FileStore): ContextOptions {
  const { include = [], define = [], overlay = [] } = options;
  const overlays = overlay.map((file) => path.resolve(file));
  const settingsFile = options.config === undefined ? undefined : path.resolve(options.config);
  for (const file of [...overlays, ...(settingsFile === undefined ? [] : [settingsFile])]) {
    const found = files.read(file);
    if ('error' in found) throw new UsageError(`${displayPath(file)}: ${found.error}`);
  }
  return {
    includePaths: include.map((directory) => path.resolve(directory)),
    defines: parseDefines(define),
    overlays,
    ...(settingsFile !== undefined && { settingsFile }),
    ...(options.kernel !== undefined && { kernel: options.kernel }),
  };
}

export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

function collectDefine(value: string, earlier: readonly string[] = []): string[] {
  if (!/^[A-Za-z_]\w*(?:\(|=|$)/.test(value)) throw new InvalidArgumentError('It is no macro name.');
  return collect(value, earlier);
}

/** `a,b` and `a b`, given once or several times. */
export function collectList(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...value.split(/[,\s]+/).filter((item) => item !== '')];
}
