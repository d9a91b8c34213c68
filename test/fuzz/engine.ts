// The whole engine on sources that no disk holds, and what must be true of its answer whatever they are.
import assert from 'node:assert/strict';
import { printSysfs, regionsJson } from '../../server/src/iova/print-regions';
import type { SourceFile, SourceRange } from '../../server/src/text/source-file';
import { readFdt } from '../../server/src/tree/fdt-read';
import { writeFdt } from '../../server/src/tree/fdt-write';
import { printDts, treeToJson } from '../../server/src/tree/print';
import { analyse, type Snapshot } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';

const folder = '/doorbell-fuzz';

/** Analyses `main.dts` of the files, and checks the answer. */
export function analysed(files: Readonly<Record<string, string>>): Snapshot {
  const store = createFileStore();
  for (const [name, text] of Object.entries(files)) store.open(`${folder}/${name}`, text);
  const root = `${folder}/main.dts`;
  const snapshot = analyse(contextOf(root, store), store);
  checkSnapshot(snapshot);
  return snapshot;
}

/** Ranges lie in their files, and every way out of the tree is open. */
function checkSnapshot({ diagnostics, tree, prediction }: Snapshot): void {
  for (const { rule, range, message, evidence = [], fixes = [] } of diagnostics) {
    assert.ok(rule !== '' && message !== '');
    checkRange(range, rule);
    for (const place of evidence) checkRange(place.range, rule);
    for (const { change } of fixes) {
      for (const { file, start, end } of change().edits) checkRange({ file, start, end }, rule);
    }
  }
  const blob = readFdt(writeFdt(tree));
  assert.ok('tree' in blob, 'the blob of the tree cannot be read back');
  printDts(tree);
  JSON.stringify(treeToJson(tree));
  printSysfs(prediction);
  JSON.stringify(regionsJson(prediction));
}

function checkRange(range: SourceRange | undefined, rule: string): void {
  if (range === undefined) return;
  const { file, start, end }: { file: SourceFile; start: number; end: number } = range;
  const isInside = start >= 0 && start <= end && end <= file.text.length;
  assert.ok(isInside && file.path !== '', `${rule}: ${file.path}:${start}-${end} of ${file.text.length}`);
}

/** Reads bytes as a blob: a tree with all ways out, or an error inside the bytes. */
export function readBlob(bytes: Uint8Array): void {
  const read = readFdt(bytes);
  if ('error' in read) {
    assert.ok(read.error !== '' && read.offset >= 0, 'an error without a place');
    return;
  }
  printDts(read.tree);
  JSON.stringify(treeToJson(read.tree));
  writeFdt(read.tree);
}
