// The one board that a verb is about.
import path from 'node:path';
import { analyse, compileBoard, type CompiledBoard, type Snapshot } from '../workspace/analysis';
import { damageBeside, whyNoDevices } from '../workspace/acpi-machine';
import type { CompileOptions } from '../workspace/compile';
import { contextOf, type Context } from '../workspace/contexts';
import { createFileStore, type FileStore } from '../workspace/files';
import type { HostArchive } from '../workspace/host-archive';
import type { Settings } from '../workspace/settings';
import type { SettingsFile } from '../workspace/settings-file';
import { contextOptions, type SourceOptions } from './options';
import { printText } from './print-text';
import { reportDiagnostic } from './report';
import { count } from '../text/numbers';
import { displayPath, painterFor, printError, UsageError } from './terminal';
import type { Diagnostic } from '../text/diagnostic';

/** `base`: settings below those of doorbell.json. */
export function analyseFile(file: string, options: SourceOptions, base: SettingsFile = {}): Snapshot {
  const snapshot = usable(withContext(file, options, analyse, base), file);
  const reason = snapshot.acpi && whyNoDevices(snapshot.acpi);
  if (reason !== undefined) throw new UsageError(`${file}: ${reason}`);
  return snapshot;
}

export function compileFile(file: string, options: SourceOptions, compileOptions: CompileOptions): CompiledBoard {
  const board = usable(
    withContext(file, options, (context, files) => compileBoard(context, files, compileOptions)),
    file,
  );
  if (board.acpi !== undefined) throw new UsageError(`${file}: is an ACPI table, which has no tree`);
  return board;
}

function withContext<T>(
  given: string,
  options: SourceOptions,
  compute: (context: Context, files: FileStore) => T,
  base: SettingsFile = {},
): T {
  const files = createFileStore();
  const file = path.resolve(given);
  const context = contextOf(file, files, { ...contextOptions(options, files), editorSettings: base });
  if (context.root !== file) printError(`${displayPath(file)}: read as part of ${displayPath(context.root)}`);
  return compute(context, files);
}

function usable<T extends CompiledBoard | Snapshot>(board: T, given: string): T {
  const { root, settings } = board.context;
  const name = root === path.resolve(given) ? given : displayPath(root);
  if (board.unusable !== undefined) throw new UsageError(`${name}: ${board.unusable}`);
  if (board.host !== undefined) printError(`${name}: ${hostNote(board.host, settings)}`);
  return board;
}

/** Which kernel an archive was recorded on, whose rules are used for it, and what it lacks. */
export function hostNote({ release, machine, missing }: HostArchive, { kernel, pageSize }: Settings): string {
  const recorded = release === undefined ? 'recorded on an unknown kernel' : `recorded on Linux ${release}`;
  const lacks = missing.length === 0 ? '' : `; missing: ${missing.join(', ')}`;
  return `${recorded}${machine === undefined ? '' : ` (${machine})`}, read by the rules of Linux ${kernel} with pages of ${pageSize}${lacks}`;
}

/** Tells on the standard error of errors in the sources, which make `what` doubtful; nothing where there are none. */
export function warnOfErrors({ diagnostics, context, acpi, topology }: Snapshot, what: 'plan' | 'regions'): void {
  for (const damage of acpi === undefined ? [] : damageBeside(acpi))
    printError(`${displayPath(damage.file ?? context.root)}: ${damage.message}`);
  if (context.settings.streamIdBits === undefined && topology.problems.some(({ code }) => code === 'stream-id-range'))
    printError(
      `${displayPath(context.root)}: 16 bits are assumed for the stream IDs of SMMUv3s, and some have more: "streamIdBits" in doorbell.json can say how many there are`,
    );
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  // A table in binary form is often one that got damaged on its way here.
  const { offset, message } = first;
  const which = offset === undefined ? '' : ` (at byte 0x${offset.toString(16)}: ${message})`;
  printError(
    `${displayPath(context.root)}: ${count(errors.length, 'error')}${which}, see \`doorbell check\`: the ${what} may not be what the kernel makes`,
  );
}

/** Errors among a board's diagnostics, printed to the standard error; tells how many. */
export function printErrors(diagnostics: readonly Diagnostic[], root: string): number {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const paint = painterFor(process.stderr);
  for (const error of errors) process.stderr.write(printText(reportDiagnostic(error, root), paint));
  return errors.length;
}
