// Boards made of inline sources, through the whole analysis.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { exampleSource } from '../../server/src/rules/documentation';
import type { Diagnostic, Fix, TextEdit } from '../../server/src/text/diagnostic';
import { analyse, type Snapshot } from '../../server/src/workspace/analysis';
import { contextOfRoot } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { settingsEdit } from '../../server/src/workspace/settings-edit';

export const documentationFolder = path.join(import.meta.dirname, '../../docs/rules');
export const boardSource = readFileSync(path.join(documentationFolder, 'board.dtsi'), 'utf8');

/** Sources by name; `board.dts` is the root. */
export type Sources = Readonly<Record<string, string>>;

/** An addition to the board of docs/rules. */
export function onBoard(text: string, settings?: object): Sources {
  return {
    'board.dts': exampleSource(text),
    'board.dtsi': boardSource,
    ...(settings === undefined ? {} : { 'doorbell.json': JSON.stringify(settings) }),
  };
}

// No such folder: nothing of the disk comes in.
const folder = '/doorbell-test-board';

export function analyseSources(sources: Sources, kernel?: KernelVersion): Snapshot {
  return analyseIn(sources, kernel).snapshot;
}

function analyseIn(sources: Sources, kernel?: KernelVersion) {
  const files = createFileStore();
  for (const [name, text] of Object.entries(sources)) files.open(path.join(folder, name), text);
  const context = contextOfRoot(path.join(folder, 'board.dts'), files, kernel === undefined ? {} : { kernel });
  return { snapshot: analyse(context, files), files };
}

export function diagnosticsOf(sources: Sources, kernel?: KernelVersion): readonly Diagnostic[] {
  return analyseSources(sources, kernel).diagnostics;
}

/** `warning msi-window-overlap` for each diagnostic of that severity or a graver one, in order. */
export function ruleIds(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ rule, severity }) => `${severity} ${rule}`)
    .sort();
}

/** The sources with a fix applied: its edits, and its settings written into doorbell.json. */
export function applyFix(sources: Sources, fix: Fix): Sources {
  const { edits, settings } = fix.change();
  const all: TextEdit[] = [...edits];
  if (settings !== undefined) {
    const found = settingsEdit(path.join(folder, 'board.dts'), settings, analyseIn(sources).files);
    if ('error' in found) throw new Error(found.error);
    all.push(found.edit);
  }
  const changed: Record<string, string> = { ...sources };
  for (const { file, start, end, newText } of all.sort((one, other) => other.start - one.start)) {
    const name = path.relative(folder, file.path);
    const text = changed[name] ?? '';
    changed[name] = text.slice(0, start) + newText + text.slice(end);
  }
  return changed;
}
