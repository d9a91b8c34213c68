import assert from 'node:assert/strict';
import { buildIort } from '../../../server/src/acpi/iort/build';
import { binaryDocument, checkTable, textDocument } from './table';
import { all, checked, component, its, range, rmr, single, smmu, table } from './drafts';

const device = component('\\_SB_.DMA0', [single(1, 1), single(2, 1)]);
type Ranges = Parameters<typeof rmr>[0];

/** Memory of the one device behind the one SMMU. */
function memory(ranges: Ranges, flags = 1, ...others: readonly Ranges[]) {
  const more = others.map((each) => rmr(each, [range(0, 0, 2, 1)], flags));
  return table(its(1, 0), smmu([all(0)]), device, rmr(ranges, [range(0, 0, 1, 1)], flags), ...more);
}

/** The machine's MADT: an ITS at 0x2f020000. */
const madt = textDocument(
  [
    'Signature : "APIC"',
    'Table Length : 00000000',
    'Revision : 05',
    'Checksum : 00',
    'Oem ID : "DOORBL"',
    'Oem Table ID : "EXAMPLE "',
    'Oem Revision : 00000001',
    'Asl Compiler ID : "INTL"',
    'Asl Compiler Revision : 20200925',
    'Local Apic Address : 00000000',
    'Flags (decoded below) : 00000000',
    'PC-AT Compatibility : 0',
    'Subtable Type : 0F',
    'Length : 14',
    'Reserved : 0000',
    'Translation ID : 00000000',
    'Base Address : 000000002F020000',
    'Reserved : 00000000',
    '',
  ].join('\n'),
);

describe('ranges of reserved memory', () => {
  it('of no length are told once, whatever their base is', () => {
    assert.deepEqual(checked(memory([[0x9000_0800n, 0n]])).rules, ['error iort-rmr-length-zero']);
  });

  it('are told by the length where the base is right', () => {
    const { found } = checked(memory([[0x9000_0000n, 0x8000n]]));
    assert.equal(found[0]?.rule, 'iort-rmr-align');
    assert.match(found[0].message, /Linux rounds outwards/);
  });

  it('that touch are one region where one node describes both', () => {
    const ranges: Ranges = [
      [0x9000_0000n, 0x1_0000n],
      [0x9001_0000n, 0x1_0000n],
    ];
    assert.deepEqual(checked(memory(ranges)).rules, ['info iort-rmr-overlap']);
    assert.deepEqual(checked(memory([ranges[0]!], 1, [ranges[1]!])).rules, []);
  });

  it('over an ITS: its doorbell, or the registers in front', () => {
    assert.equal(madt.madt?.entries.length, 1);
    const doorbell = checked(memory([[0x2f03_0000n, 0x1_0000n]]), { madt });
    assert.deepEqual(doorbell.rules, ['error iort-rmr-doorbell']);
    assert.match(doorbell.message('iort-rmr-doorbell'), /where devices write their MSIs/);
    const registers = checked(memory([[0x2f02_0000n, 0x1_0000n]]), { madt });
    assert.deepEqual(registers.rules, ['error iort-rmr-doorbell']);
    assert.match(registers.message('iort-rmr-doorbell'), /the registers of ITS 0x0/);
  });

  it('in the MSI window: what VFIO does with it depends on the flag and the kernel', () => {
    const window: Ranges = [[0x800_0000n, 0x10_0000n]];
    const relaxable = checked(memory(window, 1));
    assert.deepEqual(relaxable.rules, ['warning iort-rmr-doorbell']);
    assert.match(relaxable.message('iort-rmr-doorbell'), /Remapping Permitted/);
    const direct = checked(memory(window, 0));
    assert.deepEqual(direct.rules, ['info iort-rmr-vfio', 'warning iort-rmr-doorbell']);
    assert.match(direct.message('iort-rmr-doorbell'), /refuses the device/);
    const old = checked(memory(window, 0), { kernel: '6.1' });
    assert.deepEqual(old.rules, ['warning iort-rmr-doorbell']);
    assert.match(old.message('iort-rmr-doorbell'), /loses/);
  });
});

describe('descriptors of reserved memory', () => {
  /** The table with the node's descriptor offset as it should not be. */
  function withOffset(offset: number) {
    const built = buildIort(memory([[0x9000_0000n, 0x1_0000n]]));
    assert.ok('bytes' in built);
    const bytes = Uint8Array.from(built.bytes);
    const document = binaryDocument(bytes);
    const node = document.iort!.nodes.find(({ kind }) => kind === 'rmr');
    assert.ok(node?.kind === 'rmr');
    bytes[node.values.descriptorOffset!.offset] = offset;
    return binaryDocument(bytes);
  }

  it('do not lie over the node’s own fields, nor over its mappings', () => {
    for (const offset of [0x10, 0x30]) {
      const rules = checkTable(withOffset(offset), { madt: undefined }).map(({ rule }) => rule);
      assert.deepEqual(rules, ['iort-checksum', 'iort-rmr-no-descriptor']);
    }
  });
});
