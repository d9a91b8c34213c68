// What the data says must agree with itself; that it agrees with iasl is shown by compiling with iasl.
import assert from 'node:assert/strict';
import { definedBits, flagLines, flagValue, sizeOf, withFlag, writtenFields } from '../../server/src/acpi/layout/field';
import type { Field, StructureLayout, TextStyle } from '../../server/src/acpi/layout/field';
import {
  bodyLayout,
  idMappingLayout,
  iortTableLayout,
  nodeHeaderLayout,
  writtenNodeHeader,
} from '../../server/src/acpi/layout/iort';
import { rmrDescriptorLayout, rootComplexLayout } from '../../server/src/acpi/layout/iort-nodes';
import {
  contextInterrupt,
  globalInterruptLayout,
  pmuInterrupt,
  smmuv3Layout,
} from '../../server/src/acpi/layout/iort-smmu';
import { madtEntryHeaderLayout, madtEntryLayout, madtTableLayout } from '../../server/src/acpi/layout/madt';
import { tableHeaderLayout } from '../../server/src/acpi/layout/table-header';
import { fieldOffset } from '../../server/src/acpi/structure-values';
import { fixedNodeSize } from '../../server/src/acpi/iort/build';

const bodies = Array.from({ length: 8 }, (_, type) => bodyLayout(type)!);
const entries = Array.from({ length: 256 }, (_, type) => madtEntryLayout(type)).filter(
  (layout) => layout !== undefined,
);
const layouts: readonly StructureLayout[] = [
  ...[
    tableHeaderLayout,
    iortTableLayout,
    nodeHeaderLayout,
    idMappingLayout,
    rmrDescriptorLayout,
    globalInterruptLayout,
  ],
  ...[madtTableLayout, madtEntryHeaderLayout],
  ...bodies,
  ...entries,
];
const allFields: readonly Field[] = [...layouts.flatMap(({ fields }) => fields), contextInterrupt, pmuInterrupt];

describe('layouts', () => {
  it('have the sizes of the specification', () => {
    const sizes = (layout: StructureLayout) => layout.size;
    assert.deepEqual(
      [tableHeaderLayout, iortTableLayout, nodeHeaderLayout, idMappingLayout, rmrDescriptorLayout].map(sizes),
      [36, 12, 16, 20, 20],
    );
    // With the node's header; names and arrays come on top.
    assert.deepEqual(
      bodies.map(({ size }) => 16 + size),
      [0x14, 0x1d, 0x28, 0x3c, 0x44, 0x28, 0x1c, 0x1a],
    );
  });
  it('have the sizes that revisions of nodes have', () => {
    const sizes = (type: number, ...revisions: number[]) =>
      revisions.map((each) => fixedNodeSize(bodyLayout(type)!, each));
    assert.deepEqual(sizes(2, 0, 1, 2, 3, 4), [0x20, 0x24, 0x24, 0x24, 0x28]);
    assert.deepEqual(sizes(4, 0, 1, 5), [0x3c, 0x44, 0x44]);
    assert.deepEqual(sizes(5, 0, 1, 2), [0x20, 0x28, 0x28]);
  });
  it('have fields at the offsets of the specification', () => {
    const at = (layout: StructureLayout, name: string) => 16 + fieldOffset(layout, name)!;
    assert.equal(at(smmuv3Layout, 'vatosAddress'), 0x20);
    assert.equal(at(smmuv3Layout, 'proximityDomain'), 0x3c);
    assert.equal(at(rootComplexLayout, 'pasidCapabilities'), 0x21);
    assert.equal(at(bodyLayout(3)!, 'pmuOffset'), 0x38);
    assert.equal(at(bodyLayout(1)!, 'memorySizeLimit'), 0x1c);
    assert.equal(fieldOffset(smmuv3Layout, 'none'), undefined);
  });
  it('name each field once, and say what it means', () => {
    for (const { name, fields } of layouts) {
      assert.equal(new Set(fields.map((field) => field.name)).size, fields.length, name);
    }
    for (const { name, label, meaning, specification } of allFields) {
      assert.ok(label !== '' && meaning.length > 5 && specification !== '', name);
    }
  });
  it('take as many bytes in the text of either compiler, but for fields that it does not know', () => {
    const written = (layout: StructureLayout, style: TextStyle) =>
      writtenFields(layout, style).reduce((size, field) => size + sizeOf(field), 0);
    const unknown = (style: TextStyle) =>
      layouts
        .filter((layout) => written(layout, style) !== layout.size)
        .map((layout) => [layout.name, layout.size - written(layout, style)]);
    assert.deepEqual(unknown('20200925'), [
      ['root-complex', 4],
      ['gic-cpu-interface', 8],
    ]);
    assert.deepEqual(unknown('current'), [
      ['root-complex', 4],
      ['gic-cpu-interface', 6],
    ]);
  });
  it('have flags that fit in their fields and do not overlap', () => {
    for (const { name, size, flags = [] } of allFields) {
      let bits = 0n;
      for (const { bit, width } of flags) {
        const mask = ((1n << BigInt(width)) - 1n) << BigInt(bit);
        assert.equal(bits & mask, 0n, name);
        bits |= mask;
      }
      assert.equal(bits >> BigInt(8 * size), 0n, name);
    }
  });
  it('call the identifier Reserved where it is', () => {
    const label = (fields: readonly Field[]) => fields[3]!.label;
    assert.equal(label(writtenNodeHeader('current', 3)), 'Identifier');
    assert.equal(label(writtenNodeHeader('current', 0)), 'Reserved');
    assert.equal(label(writtenNodeHeader('20200925', 3)), 'Reserved');
  });
  it('know which bits a revision defines', () => {
    const flags = smmuv3Layout.fields.find(({ name }) => name === 'flags')!;
    assert.equal(definedBits(flags, 0), 0x7n);
    assert.equal(definedBits(flags, 4), 0xfn);
    assert.equal(definedBits(flags), 0x1fn);
    assert.equal(definedBits(smmuv3Layout.fields.find(({ name }) => name === 'reserved')!), 0n);
    assert.equal(definedBits(smmuv3Layout.fields.find(({ name }) => name === 'model')!), 0xffffffffn);
  });
  it('read and change single flags', () => {
    const flags = smmuv3Layout.fields.find(({ name }) => name === 'flags')!;
    const override = flags.flags!.find(({ name }) => name === 'httuOverride')!;
    assert.equal(flagValue(override, 0b1101n), 0b10n);
    assert.equal(withFlag(override, 0b1101n, 0b01n), 0b1011n);
    assert.equal(withFlag(override, 0n, 0b111n), 0b110n);
    assert.deepEqual(
      flagLines(flags, '20200925').map(({ label }) => label),
      ['COHACC Override', 'HTTU Override', 'Proximity Domain Valid'],
    );
    assert.equal(flagLines(flags, 'current').length, 4);
  });
});
