// Tables written after real machines, as their firmware has them: the layouts are those of published tables, the addresses
// invented.
import assert from 'node:assert/strict';
import { buildIort, type MappingDraft, type NodeDraft, type TableDraft } from '../../../server/src/acpi/iort/build';

const all = (target: number): MappingDraft => ({ inputBase: 0, count: 0xffff, outputBase: 0, target });
const range = (inputBase: number, count: number, outputBase: number, target: number): MappingDraft => ({
  inputBase,
  count,
  outputBase,
  target,
});
const one = (outputBase: number, target: number): MappingDraft => ({
  inputBase: 0,
  count: 0,
  outputBase,
  target,
  flags: 1,
});
const coherent = { cacheCoherency: 1, memoryFlags: 3 };

function its(...identifiers: number[]): NodeDraft {
  return { kind: 'its-group', revision: 1, identifiers };
}

function smmuv3(
  base: bigint,
  mappings: readonly MappingDraft[],
  fields: Record<string, number | bigint> = {},
): NodeDraft {
  return { kind: 'smmuv3', revision: 4, fixedSize: 0x44, fields: { base, flags: 1, ...fields }, mappings };
}

function complex(segment: number, mappings: readonly MappingDraft[], fields: Record<string, number> = {}): NodeDraft {
  return {
    kind: 'root-complex',
    revision: 3,
    fixedSize: 0x24,
    fields: { ...coherent, segment, memorySizeLimit: 0x40, ...fields },
    mappings,
  };
}

function component(name: string, mappings: readonly MappingDraft[], more: Partial<NodeDraft> = {}): NodeDraft {
  const fields = { ...coherent, memorySizeLimit: 0x30 };
  return { kind: 'named-component', revision: 4, fields, name, padding: new Uint8Array(4), mappings, ...more };
}

const drafts: Readonly<Record<string, TableDraft>> = {
  'server with a SMMUv3 a socket, ITS a die': {
    revision: 3,
    nodes: [
      its(0, 1),
      its(2),
      its(3),
      smmuv3(0x43_ff60_0000n, [range(0, 0x7fff, 0, 0), one(0xfff0, 0)], {
        eventGsiv: 0x50,
        gerrGsiv: 0x52,
        syncGsiv: 0x51,
      }),
      smmuv3(0x63_ff60_0000n, [all(1)], { proximityDomain: 1, flags: 9 }),
      smmuv3(0x83_ff60_0000n, [all(2)], { model: 2 }),
      complex(0, [range(0, 0xff, 0, 3), range(0x100, 0xfeff, 0x100, 3)]),
      complex(1, [all(4)]),
      complex(2, [range(0, 0xfff, 0x1000, 5)]),
    ],
  },
  'root complex with ATS and gaps between its buses': {
    revision: 5,
    nodes: [
      its(0),
      smmuv3(0x2b40_0000n, [all(0)]),
      complex(0, [range(0x100, 0x1ff, 0x100, 1), range(0x800, 0x7ff, 0x800, 1), range(0xff00, 0xff, 0xff00, 0)], {
        atsAttribute: 1,
      }),
    ],
  },
  'SMMUv2 with named components': {
    revision: 0,
    nodes: [
      { ...its(0), revision: 0 },
      {
        kind: 'smmu',
        revision: 1,
        fields: { base: 0x5000_0000n, span: 0x10000n, model: 1, flags: 2 },
        globalInterrupts: { gsiv: 0x61, flags: 1, configGsiv: 0x62 },
        contextInterrupts: [0x63, 0x64, 0x65, 0x1_0000_0066n],
        pmuInterrupts: [0x67],
        mappings: [all(0)],
      },
      component('\\_SB_.SDC0', [one(0x10, 1)], { revision: 2 }),
      component('\\_SB_.USB0', [one(0x20, 1), one(0x21, 1)], { revision: 2, padding: new Uint8Array(8) }),
      component('\\_SB_.PCI0.ETH0', [range(0, 0xf, 0x40, 1)], { revision: 2, padding: new Uint8Array(1) }),
    ],
  },
  'GPU whose frame buffer is reserved': {
    revision: 5,
    nodes: [
      its(0),
      smmuv3(0x2b40_0000n, [all(0)]),
      complex(0, [all(1)]),
      component('\\_SB_.GPU0', [one(0x8, 1)]),
      {
        kind: 'rmr',
        revision: 3,
        fields: { flags: 0x15 },
        descriptors: [
          { base: 0xf700_0000n, length: 0x80_0000n },
          { base: 0xfee0_0000n, length: 0x1_0000n },
        ],
        mappings: [range(0, 0, 0x8, 1)],
      },
    ],
  },
  'SMMUv3 with its counter groups': {
    revision: 3,
    nodes: [
      its(0),
      smmuv3(0x1_4000_0000n, [all(0)]),
      ...[0x1_4000_2000n, 0x1_4004_2000n].map((base): NodeDraft => ({
        kind: 'pmcg',
        revision: 2,
        fields: { page0Base: base, page1Base: base + 0x1_0000n, overflowGsiv: 0x70 },
        reference: 1,
      })),
      {
        kind: 'pmcg',
        revision: 2,
        fields: { page0Base: 0x1_4008_2000n, page1Base: 0x1_4009_2000n },
        reference: 1,
        mappings: [one(0xff, 0)],
      },
      complex(0, [all(1)]),
    ],
  },
  'twelve segments': {
    revision: 6,
    nodes: [
      its(0),
      smmuv3(0x5_0000_0000n, [all(0)]),
      ...Array.from({ length: 12 }, (_, segment) => complex(segment, [range(0, 0xfff, segment << 12, 1)])),
    ],
  },
  'no SMMU': {
    revision: 0,
    nodes: [
      { ...its(0), revision: 0 },
      { ...complex(0, [all(0)]), revision: 1 },
    ],
  },
  'Hi161x with padding before its nodes': {
    revision: 0,
    header: { oemId: 'HISI  ', oemTableId: 'HIP08   ' },
    padding: new Uint8Array(20),
    nodes: [
      { ...its(0), revision: 0 },
      { ...smmuv3(0x1_4804_0000n, [all(0)], { model: 1 }), revision: 2 },
      { ...complex(0, [range(0, 0x3fff, 0, 1), range(0x7c00, 0x3ff, 0x7c00, 1)]), revision: 1 },
    ],
  },
};

/** Names, and tables that 20200925 (revision 0) or a current iasl compiles. */
export const machines: readonly { readonly name: string; readonly revision: number; readonly bytes: Uint8Array }[] =
  Object.entries(drafts).map(([name, draft]) => {
    const built = buildIort(draft);
    assert.ok('bytes' in built, name);
    return { name, revision: draft.revision, bytes: built.bytes };
  });
