// An edit of a table leaves the masters, SMMUs and groups that it has nothing to do with as they were, the same objects: what is
// worked out for them need not be worked out again. That they are also right is in test/rules/iort/edited-tables.test.ts.
import assert from 'node:assert/strict';
import { buildIort } from '../../server/src/acpi/iort/build';
import { documentOfText } from '../../server/src/acpi/text/document';
import { printTable } from '../../server/src/acpi/text/print';
import { kernelProfiles } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { editedFile, sourceFile, type SourceFile } from '../../server/src/text/source-file';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import { crowdedTable } from '../bench/crowded-tables';

const machine = 200;
const settings = { preserveBootConfiguration: true };

function analysed(file: SourceFile) {
  const { iort: table, placeOf } = documentOfText(file);
  const topology = topologyFromAcpi({ table: table!, placeOf }, undefined, settings);
  const kernels = Object.values(kernelProfiles).map((kernel) => predictRegions(topology, kernel));
  return { topology, kernels };
}

function common<T>(before: readonly T[], after: readonly T[]): number {
  const known = new Set(before);
  return after.filter((each) => known.has(each)).length;
}

describe('what an edit of a table leaves as it was', () => {
  const cases: readonly { line: string; which: number; masters: number; iommus: number; groups: number }[] = [
    // Of 20 ITS groups, 20 SMMUs, 10 segments, 140 components and 10 RMRs; behind an SMMU are 14 components or one segment.
    { line: 'Output Base : 0000000', which: 60, masters: 1, iommus: 0, groups: 14 },
    { line: 'Memory Size Limit : ', which: 20, masters: 1, iommus: 0, groups: 14 },
    { line: 'Event GSIV : 000000', which: 15, masters: 14, iommus: 1, groups: 14 },
    { line: 'Identifiers : 0000000', which: 15, masters: 14, iommus: 1, groups: 14 },
    { line: 'Base Address of RMR : 000000800', which: 3, masters: 14, iommus: 1, groups: 14 },
    { line: 'PCI Segment Number : 000000', which: 4, masters: 1, iommus: 0, groups: 1 },
    { line: 'Oem ID : "', which: 0, masters: 0, iommus: 0, groups: 0 },
  ];
  for (const { line, which, masters, iommus, groups } of cases) {
    it(`is all but ${masters} masters where "${line}" is edited`, () => {
      const built = buildIort(crowdedTable(machine));
      assert.ok('bytes' in built);
      const text = printTable(built.bytes, { style: 'current' });
      const first = sourceFile(`/edited/${line}.dsl`, text, 'latin1');
      const before = analysed(first);
      let at = -1;
      for (let count = 0; count <= which; count++) at = text.indexOf(line, at + 1);
      at += line.length;
      assert.ok(at >= line.length, 'there is such a line');
      const after = analysed(editedFile(first, at, at + 1, text[at] === '1' ? '2' : '1'));
      const { topology } = before;
      assert.equal(topology.masters.length - common(topology.masters, after.topology.masters), masters);
      assert.equal(topology.iommus.length - common(topology.iommus, after.topology.iommus), iommus);
      for (const [index, prediction] of before.kernels.entries()) {
        const same = common(prediction.groups, after.kernels[index]!.groups);
        assert.equal(prediction.groups.length - same, groups, prediction.kernel.version);
      }
    });
  }

  it('is nothing of what a setting says otherwise', () => {
    const built = buildIort(crowdedTable(machine));
    assert.ok('bytes' in built);
    const first = sourceFile('/edited/settings.dsl', printTable(built.bytes, { style: 'current' }), 'latin1');
    const at = first.text.indexOf('Output Base : 0000000') + 'Output Base : 0000000'.length;
    const second = editedFile(first, at, at + 1, first.text[at] === '1' ? '2' : '1');
    const widthsOf = (file: SourceFile, streamIdBits?: number): Set<number | undefined> => {
      const { iort: table, placeOf } = documentOfText(file);
      const { iommus } = topologyFromAcpi({ table: table!, placeOf }, undefined, { ...settings, streamIdBits });
      return new Set(iommus.map(({ driver }) => driver.streamIdBits?.bits));
    };
    assert.deepEqual([...widthsOf(first)], [16]);
    assert.deepEqual([...widthsOf(second, 20)], [20]);
    assert.deepEqual([...widthsOf(second)], [16]);
  });
});
