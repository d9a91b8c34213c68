// A broken table through all that reads tables: the text and back, the topology, the prediction under each kernel, the rules.
import assert from 'node:assert/strict';
import { documentOfBinary, documentOfText } from '../../server/src/acpi/text/document';
import { isPrintable } from '../../server/src/acpi/text/print';
import { predictRegions } from '../../server/src/iova/predict';
import { printSysfs, regionsJson } from '../../server/src/iova/print-regions';
import { kernelProfile, kernelProfiles, type KernelVersion } from '../../server/src/iova/kernel-profile';
import type { Change } from '../../server/src/text/diagnostic';
import { checkTableRules } from '../../server/src/rules/check';
import { sourceFile, type SourceRange } from '../../server/src/text/source-file';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';

/** Fixes of a table that are computed: a user asks for one, and each may write the text anew. */
const mostChanges = 10;

const file = '/doorbell-fuzz/iort.dsl';

/** Shows a table as text and compiles that: it has the same bytes, and every value of them a place. */
export function checkText(bytes: Uint8Array): void {
  for (const style of ['current', '20200925'] as const) {
    const shown = documentOfBinary(file, bytes, { style });
    const { text } = shown.file;
    // Other tables are left alone: their text is no table's.
    if (!isPrintable(bytes)) return;
    const compiled = documentOfText(sourceFile(file, text, 'latin1'));
    assert.ok(Buffer.from(compiled.bytes).equals(bytes), `the text of ${style} has other bytes`);
    for (const { range, rule } of compiled.diagnostics) checkRange(range, rule);
    for (const node of shown.iort?.nodes ?? []) {
      for (const value of node.all) checkRange(shown.placeOf(value), value.field.name);
    }
  }
}

/** Predicts what each kernel reserves, and runs the rules. */
export function checkAnalysis(bytes: Uint8Array, madtBytes: Uint8Array): void {
  const document = documentOfBinary(file, bytes);
  const { iort: table, placeOf } = document;
  if (table === undefined) return;
  const madt = documentOfBinary('/doorbell-fuzz/apic.dsl', madtBytes);
  const placed = madt.madt && { table: madt.madt, placeOf: madt.placeOf };
  const topology = topologyFromAcpi({ table, placeOf }, placed, { preserveBootConfiguration: true });
  for (const version of Object.keys(kernelProfiles) as KernelVersion[]) {
    const kernel = kernelProfile({ kernel: version });
    const prediction = predictRegions(topology, kernel);
    printSysfs(prediction);
    JSON.stringify(regionsJson(prediction));
    const found = checkTableRules({ document, table, madt: madt.madt, topology, prediction, kernel, settings: {} });
    const changes: (() => Change)[] = [];
    for (const { rule, range, message, evidence = [], fixes = [] } of found) {
      assert.ok(rule !== 'internal-error' && message !== '', message);
      checkRange(range, rule);
      for (const place of evidence) checkRange(place.range, rule);
      for (const { change } of fixes) if (changes.length < mostChanges) changes.push(change);
    }
    for (const change of changes) for (const edit of change().edits) checkRange(edit, 'a fix');
  }
}

function checkRange(range: SourceRange | undefined, what: string): void {
  if (range === undefined) return;
  const { file: place, start, end } = range;
  const isInside = start >= 0 && start <= end && end <= place.text.length;
  assert.ok(isInside, `${what}: ${start}-${end} of ${place.text.length}`);
}
