// What published firmware says in its IORT, in our own words: kinds, revisions, numbers and references are those of the
// sources named, repeated nodes are left out.
import type { MappingDraft, NodeDraft, TableDraft } from '../../../server/src/acpi/iort/build';
import { all, coherent, its, range, single, table } from './drafts';

type Fields = Readonly<Record<string, number | bigint>>;

function smmuv3(revision: number, base: bigint, fields: Fields, mappings: readonly MappingDraft[]): NodeDraft {
  return { kind: 'smmuv3', revision, fixedSize: 0x44, fields: { base, flags: 1, ...fields }, mappings };
}

function complex(revision: number, size: number, fields: Fields, mappings: readonly MappingDraft[]): NodeDraft {
  return { kind: 'root-complex', revision, fixedSize: size, fields, mappings };
}

function component(
  revision: number,
  name: string,
  padding: number,
  fields: Fields,
  mappings: readonly MappingDraft[],
): NodeDraft {
  return { kind: 'named-component', revision, fields, name, padding: new Uint8Array(padding), mappings };
}

function numbers(count: number, first: number | bigint): bigint[] {
  return Array.from({ length: count }, (_, index) => BigInt(first) + BigInt(index));
}

function counters(base: bigint, overflowGsiv: number, reference: number): NodeDraft {
  const fields = { page0Base: base + 0x2000n, page1Base: base + 0x1_2000n, overflowGsiv };
  return { kind: 'pmcg', revision: 1, fixedSize: 0x28, fields, reference };
}

const altraBases = [0x33_fffe_0000_00n, 0x37_fffe_0000_00n];

/** Silicon/Ampere/AmpereAltraPkg AcpiPcieDxe, of edk2-platforms: an SMMUv3 a root complex, which sends messages. */
const ampereAltra: TableDraft = {
  revision: 0,
  nodes: [
    its(0, 0),
    its(0, 1),
    ...[0, 1].map((at) => complex(1, 0x24, { ...coherent, segment: 0xc + at, memorySizeLimit: 64 }, [all(4 + at)])),
    ...altraBases.map((base, at) =>
      smmuv3(2, base, { deviceIdIndex: 1 }, [range(0, 0xffff, at << 16, at), single(at << 16, at, 1)]),
    ),
    ...altraBases.flatMap((base, at) =>
      [0x4_0000n, 0x6_0000n, 0xa_0000n, 0xe_0000n, 0n].map((offset, unit) =>
        counters(base + offset, 400 + at * 16 + unit, 4 + at),
      ),
    ),
  ],
};

/** Of hip08: the numbers of IDs where their numbers minus 1 belong. */
const hip08Smmu = (base: bigint, index: number, ...mappings: readonly MappingDraft[]): NodeDraft =>
  smmuv3(1, base, { flags: 9, proximityDomain: 1, deviceIdIndex: index }, mappings);

/** Silicon/Hisilicon/Hi1620/Hi1620AcpiTables/Hi1620Iort.asl, of edk2-platforms. */
const hisiliconHip08: TableDraft = {
  revision: 0,
  padding: new Uint8Array(4),
  nodes: [
    its(0, 0),
    hip08Smmu(0x1_4800_0000n, 2, range(0, 0x4000, 0, 0), range(0x7b00, 0x100, 0x7b00, 0), single(0x7f01, 0, 1)),
    hip08Smmu(0x1_0000_0000n, 1, range(0x7c00, 0x200, 0x7c00, 0), single(0x7f03, 0, 1)),
    hip08Smmu(0x1_4000_0000n, 1, range(0x7400, 0x300, 0x7400, 0), single(0x7f04, 0, 1)),
    complex(0, 0x24, { cacheCoherency: 1 }, [
      range(0, 0x4000, 0, 1),
      range(0x7b00, 0x100, 0x7b00, 1),
      range(0x7a00, 0x100, 0x7a00, 0),
      range(0x7800, 0x200, 0x7800, 0),
      range(0x7c00, 0x200, 0x7c00, 2),
      range(0x7400, 0x300, 0x7400, 3),
    ]),
    component(0, '\\_SB_.MB30', 10, {}, [single(0x7fd1, 0, 1)]),
  ],
};

/** Silicon/Hisilicon/Hi1616/D05AcpiTables/D05Iort.asl, of edk2-platforms: no SMMU, interrupt generators. */
const hisiliconHip07: TableDraft = {
  revision: 0,
  padding: new Uint8Array(4),
  nodes: [
    its(0, 0),
    its(0, 1),
    component(0, '\\_SB_.MBI0', 10, {}, [single(0x1_20c7, 1, 1)]),
    ...[
      [2, 0x8000],
      [4, 0x8800],
    ].map(([segment = 0, base = 0], at) =>
      complex(0, 0x20, { cacheCoherency: 1, memoryFlags: 1, segment }, [range(base, 0x800, base, at)]),
    ),
  ],
};

/** Platform/NXP/LX2160aRdbPkg/AcpiTables/Iort.aslc, of NXP's edk2-platforms: an MMU-500, a bus of network objects. */
const nxpLx2160: TableDraft = {
  revision: 0,
  nodes: [
    its(0, 0),
    {
      kind: 'smmu',
      revision: 0,
      fields: { base: 0x500_0000n, span: 0x80_0000n, model: 3, flags: 3 },
      globalInterrupts: { gsiv: 47, configGsiv: 48 },
      contextInterrupts: numbers(64, 178),
      pmuInterrupts: numbers(10, 243),
      mappings: [range(0x4000, 0x3fff, 0x4000, 0), range(0x1800, 0, 0x1800, 0), range(0x1801, 7, 0x1801, 0)],
    },
    complex(0, 0x24, coherent, [range(0, 0, 0x1800, 1), range(0x100, 7, 0x1801, 1)]),
    component(0, '\\_SB_.MCE0', 9, { ...coherent, memorySizeLimit: 48 }, [range(0x4000, 0x3fff, 0x4000, 1)]),
    component(0, '\\_SB_.USB0', 9, { memorySizeLimit: 40 }, [single(3, 1)]),
  ],
};

const channels = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** Platform/ARM/SgiPkg/AcpiTables, of edk2-platforms (RD-N2): wired SMMUv3 that keep a mapping for messages. */
const armRdN2: TableDraft = {
  revision: 3,
  nodes: [
    its(1, 0),
    its(1, 1),
    smmuv3(4, 0x2_8000_0000n, { eventGsiv: 40, priGsiv: 43, gerrGsiv: 42, syncGsiv: 41, deviceIdIndex: 1 }, [
      range(0, 0x2fff, 0, 0),
      single(0x1_0000, 0, 1),
    ]),
    smmuv3(4, 0x2_8800_0000n, { deviceIdIndex: 1 }, [range(0x40, 9, 0x40, 1), single(0x1_0000, 1, 1)]),
    complex(3, 0x24, { cacheCoherency: 1, atsAttribute: 1, memorySizeLimit: 48 }, [range(0, 0x2fff, 0, 2)]),
    component(
      4,
      '\\_SB_.DMA0',
      5,
      { cacheCoherency: 1, memorySizeLimit: 48 },
      channels.map((channel) => ({ ...single(0x40 + channel, 3, 1), inputBase: channel })),
    ),
  ],
};

/** misc/acer-aspire-1/acpi, of aarch64-laptops/build (Qualcomm SC7180): made for Windows, whose names need no padding. */
const qualcommSc7180: TableDraft = {
  revision: 0,
  nodes: [
    {
      kind: 'smmu',
      revision: 0,
      fields: { base: 0x1500_0000n, span: 0x10_0000n, model: 3 },
      globalInterrupts: { gsiv: 0x61 },
      contextInterrupts: numbers(80, 0x81),
      pmuInterrupts: numbers(6, 0x20),
    },
    component(0, '\\_SB.GPU0', 22, { memorySizeLimit: 40 }, [
      range(0x30a_0000, 0, 2, 0),
      range(0x303_0000, 1, 0, 0),
      range(0x303_0002, 0, 4, 0),
    ]),
  ],
};

/** The Sky1 of CIX, as a board's firmware gives it out: displays whose SMMUv3 has no ITS, and a frame buffer. */
const cixSky1: TableDraft = {
  revision: 5,
  nodes: [
    its(0, 0),
    smmuv3(2, 0xb01_0000n, { eventGsiv: 0x6b, priGsiv: 0x74, gerrGsiv: 0x70, syncGsiv: 0x6c }, [all(0)]),
    complex(0, 0x28, { ...coherent, atsAttribute: 1 }, [all(1)]),
    {
      ...smmuv3(2, 0xb1b_0000n, { eventGsiv: 0x8d, priGsiv: 0x96, gerrGsiv: 0x92, syncGsiv: 0x8e }, []),
      identifier: 1,
    },
    component(
      0,
      '\\_SB_.DPU0',
      0,
      { ...coherent, memorySizeLimit: 40 },
      [0, 1, 3, 4, 5].map((id) => single(id, 3)),
    ),
    component(0, '\\_SB_.AEU0', 0, { ...coherent, memorySizeLimit: 40 }, [single(2, 3)]),
    {
      kind: 'rmr',
      revision: 3,
      fields: { flags: 0x11 },
      descriptors: [{ base: 0x8480_0000n, length: 0x80_0000n }],
      mappings: [single(0, 3), single(1, 3)],
    },
  ],
};

/** Silicon/Qemu/SbsaQemu, of edk2-platforms: the index is that of no mapping, and does not count. */
const qemuSbsa: TableDraft = {
  revision: 0,
  nodes: [
    its(0, 0),
    smmuv3(2, 0x6005_0000n, { eventGsiv: 74, priGsiv: 75, gerrGsiv: 77, syncGsiv: 76, deviceIdIndex: 1 }, [all(0)]),
    complex(0, 0x24, coherent, [all(1)]),
  ],
};

/** QEMU's hw/arm/virt-acpi-build.c where an SMMUv3 is nested in the host's: the host's MSI window is kept for it. */
const qemuNested: TableDraft = table(
  its(1, 0),
  smmuv3(4, 0xc00_0000n, { eventGsiv: 0x90, priGsiv: 0x91, gerrGsiv: 0x93, syncGsiv: 0x92 }, [all(0)]),
  complex(3, 0x24, { ...coherent, memorySizeLimit: 64, atsAttribute: 1 }, [
    range(0x100, 0x1ff, 0x100, 1),
    range(0, 0xff, 0, 0),
    range(0x300, 0xfcff, 0x300, 0),
  ]),
  {
    kind: 'rmr',
    revision: 3,
    descriptors: [{ base: 0x800_0000n, length: 0x10_0000n }],
    mappings: [{ ...single(0x100, 1, 0x1ff), inputBase: 0x100 }],
  },
);

/** NVIDIA/edk2-nvidia, IortInfoParser.c (TH500): without a PRI interrupt, the index is the number of mappings. */
const nvidiaGrace: TableDraft = table(
  its(1, 0),
  smmuv3(4, 0x1100_0000n, { flags: 9, eventGsiv: 0x110, gerrGsiv: 0x112, deviceIdIndex: 1 }, [range(0, 0xffff, 0, 0)]),
  complex(4, 0x28, { ...coherent, memorySizeLimit: 48, atsAttribute: 1 }, [all(1)]),
);

export const firmware = {
  nvidiaGrace,
  ampereAltra,
  hisiliconHip08,
  hisiliconHip07,
  nxpLx2160,
  armRdN2,
  qualcommSc7180,
  cixSky1,
  qemuSbsa,
  qemuNested,
};
