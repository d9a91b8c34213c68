import assert from 'node:assert/strict';
import { decodeIort } from '../../../server/src/acpi/iort/decode';
import type { TableDocument } from '../../../server/src/acpi/text/document';
import { defaultKernel } from '../../../server/src/iova/kernel-profile';
import { predictRegions } from '../../../server/src/iova/predict';
import { checkTableRules } from '../../../server/src/rules/check';
import { sourceFile } from '../../../server/src/text/source-file';
import { topologyFromAcpi } from '../../../server/src/topology/from-acpi';
import { textDocument } from './table';

/** A table of thousands of nodes of 68 bytes in which everything overlaps everything, and references lead nowhere. */
function crowd(count: number): Uint8Array {
  const size = 0x44;
  const bytes = new Uint8Array(0x30 + count * size);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from('IORT'));
  view.setUint32(4, bytes.length, true);
  bytes[8] = 5;
  view.setUint32(0x24, count, true);
  view.setUint32(0x28, 0x30, true);
  for (let index = 0; index < count; index++) {
    const at = 0x30 + index * size;
    const type = [4, 2, 6][index % 3]!;
    bytes[at] = type;
    view.setUint16(at + 1, size, true);
    bytes[at + 3] = 3;
    if (type === 4) {
      view.setUint32(at + 0x10, 0x2b400000, true);
      continue;
    }
    view.setUint32(at + 8, 1, true);
    view.setUint32(at + 12, 0x30, true);
    view.setUint32(at + 0x34, 0xffff, true);
    view.setUint32(at + 0x3c, index % 7 === 0 ? 0x31 + index : 0x30, true);
    if (type === 6) {
      view.setUint32(at + 0x14, 1, true);
      view.setUint32(at + 0x18, 0x1c, true);
      view.setUint32(at + 0x1c, 0x90000000, true);
      view.setUint32(at + 0x24, 0x100000, true);
    }
  }
  return bytes;
}

describe('rules about an IORT of thousands of nodes', function () {
  this.timeout(60_000);

  it('end, whatever overlaps what, and list no more of one kind than somebody reads', () => {
    const table = decodeIort(crowd(9000));
    const empty = decodeIort(new Uint8Array(0));
    const topology = topologyFromAcpi({ table: empty, placeOf: () => undefined }, undefined, {
      preserveBootConfiguration: false,
    });
    const file = sourceFile('/doorbell-test-table/crowd.aml', '');
    const document: TableDocument = { ...textDocument(''), file, origin: 'binary', iort: table };
    const kernel = defaultKernel;
    const prediction = predictRegions(topology, kernel);
    const found = checkTableRules({ document, table, topology, prediction, kernel, settings: {} });
    const counts = new Map<string, number>();
    for (const { rule } of found) counts.set(rule, (counts.get(rule) ?? 0) + 1);
    assert.equal(counts.get('internal-error'), undefined);
    assert.equal(counts.get('iort-smmuv3-base'), 2000);
    assert.equal(counts.get('iort-rmr-overlap'), 2000);
    assert.ok([...counts.values()].every((count) => count <= 2000));
  });
});
