// Random IORTs for QEMU's `virt` machine. Most of what they say is sane, so that much is compared; each has some of what is not.
import type { Random } from '../random';
import { randomFrom } from '../random';
import type {
  AcpiDescription,
  AcpiFunction,
  MappingDescription,
  NodeDescription,
  PatchDescription,
} from './description';

/** QEMU's SMMUv3; another place has no registers behind it, and the machine would stop there. */
const smmuBase = 0x9050000n;

export function generateAcpi(seed: number): AcpiDescription {
  const random = randomFrom(seed);
  const functions = makeFunctions(random);
  const nodes: NodeDescription[] = [
    ...makeGroups(random),
    makeSmmu(random, 'smmu'),
    ...(random.chance(0.05) ? [makeSmmu(random, 'twin')] : []),
    ...makeRootComplexes(random, functions),
    ...makeComponents(random),
    ...makeRanges(random, functions),
    ...makeOthers(random),
  ];
  const ordered = random.chance(0.5) ? random.shuffled(nodes) : nodes;
  return {
    revision: random.chance(0.85) ? random.pick([5, 5, 5, 6]) : random.pick([0, 1, 3, 4, 7]),
    nodes: ordered,
    preserved: random.chance(0.65) ? true : undefined,
    extraCount: random.chance(0.06) ? random.pick([-1, 1, 3, 100]) : undefined,
    patches: random.chance(0.1) ? [makePatch(random, ordered)] : [],
    functions,
    maps: makeMaps(random, 5),
    premaps: makeMaps(random, 2),
  };
}

function makeFunctions(random: Random): AcpiFunction[] {
  const devices = random.shuffled([1, 2, 3, 4, 5, 8, 16, 31]).slice(0, random.pick([1, 2, 2, 3, 4]));
  return devices.flatMap((device): AcpiFunction[] => {
    if (random.chance(0.15)) return [{ device, function: 0, behindPort: true }];
    const count = random.chance(0.15) ? random.pick([2, 3, 8]) : 1;
    return Array.from({ length: count }, (_, number) => ({ device, function: number }));
  });
}

function requesterIds(functions: readonly AcpiFunction[]): number[] {
  let bus = 0;
  const sorted = [...functions].sort((one, other) => one.device - other.device);
  return sorted.flatMap(({ device, function: number, behindPort }) =>
    behindPort === true ? [device << 3, ++bus << 8] : [(device << 3) | number],
  );
}

/** The machine has one ITS, of identifier 0. */
function makeGroups(random: Random): NodeDescription[] {
  const group = (key: string, identifiers: number[]): NodeDescription => ({
    key,
    kind: 'its-group',
    revision: random.pick([0, 1]),
    identifiers,
    mappings: [],
  });
  const groups = random.chance(0.95)
    ? [group('its', random.chance(0.9) ? [0] : random.pick([[0, 1], [1, 0], [1], []]))]
    : [];
  return random.chance(0.15) ? [...groups, group('its2', random.pick([[0], [7]]))] : groups;
}

function makeSmmu(random: Random, key: string): NodeDescription {
  const gsiv = (number: number): number => (random.chance(0.93) ? number : 0);
  const flags = (random.chance(0.93) ? 1 : 0) | (random.chance(0.08) ? 16 : 0);
  return {
    key,
    kind: 'smmuv3',
    revision: random.pick([0, 1, 2, 3, 4, 4, 4, 5, 5]),
    fixedSize: 0x44,
    fields: {
      base: smmuBase,
      flags,
      model: random.chance(0.9) ? 0 : random.pick([1, 1, 3]),
      eventGsiv: gsiv(0x6a),
      priGsiv: gsiv(0x6b),
      gerrGsiv: gsiv(0x6d),
      syncGsiv: gsiv(0x6c),
      deviceIdIndex: random.chance(0.9) ? 0 : random.pick([1, 5]),
    },
    mappings: smmuMappings(random),
  };
}

function smmuMappings(random: Random): MappingDescription[] {
  const whole: MappingDescription = { inputBase: 0, count: 0xffff, outputBase: 0, target: 'its' };
  const own: MappingDescription = { inputBase: 0, count: 0, outputBase: 0x9000, target: 'its', flags: 1 };
  switch (random.int(8)) {
    case 0:
      return [own, whole];
    case 1:
      return [whole, own];
    case 2:
      return [];
    case 3:
      return makeMappings(random, ['its', 'its2'], 0x10000);
    default:
      return [whole];
  }
}

function makeRootComplexes(random: Random, functions: readonly AcpiFunction[]): NodeDescription[] {
  const complex = (key: string, segment: number): NodeDescription => ({
    key,
    kind: 'root-complex',
    revision: random.pick([0, 1, 3, 3, 4]),
    fixedSize: 0x24,
    fields: {
      cacheCoherency: 1,
      memoryFlags: 3,
      segment,
      memorySizeLimit: random.chance(0.9) ? 64 : random.pick([32, 40, 48, 63]),
    },
    mappings: complexMappings(random, functions),
  });
  const found = random.chance(0.98) ? [complex('rc', 0)] : [];
  if (random.chance(0.1)) found.push(complex('rc2', random.pick([0, 1])));
  return found;
}

function complexMappings(random: Random, functions: readonly AcpiFunction[]): MappingDescription[] {
  const ids = requesterIds(functions);
  const id = random.pick(ids);
  const range = (
    inputBase: number,
    count: number,
    outputBase: number,
    target = 'smmu',
    flags?: number,
  ): MappingDescription => ({
    inputBase,
    count,
    outputBase,
    target,
    ...(flags !== undefined && { flags }),
  });
  switch (random.int(14)) {
    // one too many, as QEMU's own tables have it
    case 0:
      return [range(0, id + 1, 0), range(id + 1, 0xffff - id, 0, 'its')];
    case 1:
      return [range(id, 0xffff - id, 0, 'its'), range(0, id, 0)];
    case 2:
      return [range(0, id, 0x100), range(id, 0x100, 0x8000)];
    case 3:
      return [range(id, 0, 0x1234), range(0, 0xffff, 0)];
    case 4:
      return ids.map((each, at) => range(each, 0, 0x700 + at));
    case 5:
      return random.chance(0.3) ? [range(0, 0, 0x33, 'smmu', 1)] : [range(0, 0xffff, 0)];
    case 6:
      return makeMappings(random, ['smmu', 'smmu', 'its', 'rc2', 'nothing'], 0x200);
    case 7:
      return random.chance(0.2)
        ? [range(0, 0xffff, 0, random.pick(['0x0', '0x30', 'nothing'])), range(0, 0xffff, 0)]
        : [range(0, 0xffff, 0)];
    case 8:
      return [range(0, 0xffff, random.pick([0, 0x100, 0x8000, 0xfff0]))];
    default:
      return [range(0, 0xffff, 0)];
  }
}

function makeMappings(random: Random, targets: readonly string[], below: number): MappingDescription[] {
  return Array.from({ length: random.between(1, 4) }, () => ({
    inputBase: random.pick([0, 8, 0x10, 0x18, 0x20, 0x40, 0xf8, 0x100, random.int(below)]),
    count: random.pick([0, 7, 8, 0xf, 0x1f, 0xff, 0x100, 0xffff]),
    outputBase: random.pick([0, 0, 8, 0x10, 0x100, 0x1000, random.int(0x4000)]),
    target: random.pick(targets),
    ...(random.chance(0.04) && { flags: 1 }),
  }));
}

/** VR00 to VR31 are the machine's virtio-mmio transports: drivers try them, and find nothing behind them. */
function makeComponents(random: Random): NodeDescription[] {
  const names = random.shuffled(Array.from({ length: 32 }, (_, slot) => `VR${String(slot).padStart(2, '0')}`));
  const count = random.pick([0, 2, 4, 8]);
  return Array.from({ length: count }, (_, at): NodeDescription => {
    const name = random.chance(0.06)
      ? random.pick(['VR0', 'vr01', 'XX99', ''])
      : random.chance(0.05)
        ? names[0]!
        : names[at]!;
    const root = random.chance(0.96) ? '\\_SB_.' : random.pick(['\\_SB.', '_SB_.', '\\_SB_.PCI0.']);
    return {
      key: `nc${String(at)}`,
      kind: 'named-component',
      revision: random.pick([0, 2, 4, 4]),
      name: `${root}${name}`,
      fields: {
        cacheCoherency: 1,
        memoryFlags: 3,
        memorySizeLimit: random.chance(0.93) ? 40 : random.pick([32, 64, 0x80]),
      },
      mappings: componentMappings(random, at),
    };
  });
}

function componentMappings(random: Random, at: number): MappingDescription[] {
  const own = 0x400 + at * 8;
  const single = (outputBase: number, target = 'smmu'): MappingDescription => ({
    inputBase: 0,
    count: 0,
    outputBase,
    target,
    flags: 1,
  });
  const range = (count: number, target = 'smmu'): MappingDescription => ({
    inputBase: 0,
    count,
    outputBase: own,
    target,
  });
  switch (random.int(14)) {
    case 0:
      return [single(own), single(own + 1), single(own + 2)];
    case 1:
      return [single(own), range(3), single(own + 7)];
    case 2:
      return [range(0), single(own)];
    case 3:
      return [single(own), range(0, 'its')];
    case 4:
      return [single(own, 'its'), single(own)];
    case 5:
      return [single(own), single(own)];
    case 6:
      return [single(0x400 + random.int(at + 1) * 8)];
    case 7:
      return random.chance(0.3) ? [single(own, random.pick(['nothing', '0x0', 'rc']))] : [single(own)];
    case 8:
      return [single(random.pick([8, 0x10, 0xffff, 0]))];
    case 9:
      return random.chance(0.15)
        ? [single(0x10000)]
        : [single(own), single(own + 1, random.pick(['its', 'nothing', '0x0']))];
    default:
      return [single(own)];
  }
}

const places = [
  0x0n,
  0x7fff0000n,
  0x8000000n,
  0x80f0000n,
  0x8090000n,
  0x70000000n,
  0x70010000n,
  0x71000000n,
  0xffff0000n,
  0x1_0000_0000n,
];
const odd = [
  0x70001000n,
  0x70010800n,
  0x7000ffffn,
  0xffff_ffff_f000n,
  0xffff_ffff_ffff_0000n,
  0x1_0000_0000_0000n,
  0x80000800n,
];
const lengths = [0x10000n, 0x10000n, 0x20000n, 0x100000n];
const oddLengths = [0n, 0x1000n, 0xfffn, 0x10001n, 0x11000n];

function makeRanges(random: Random, functions: readonly AcpiFunction[]): NodeDescription[] {
  const ids = requesterIds(functions);
  return Array.from({ length: random.pick([0, 1, 1, 2, 3, 5]) }, (_, at): NodeDescription => {
    // Direct regions that no driver maps are looked through page by page: small ones, and mostly relaxable.
    const descriptors = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => ({
      base: random.chance(0.8) ? random.pick(places) : random.pick(odd),
      length: random.chance(0.85) ? random.pick(lengths) : random.pick(oddLengths),
    }));
    return {
      key: `rmr${String(at)}`,
      kind: 'rmr',
      revision: random.pick([1, 3, 3, 3]),
      fields: { flags: random.pick([0, 1, 1, 3, 0x15]) },
      descriptors: random.chance(0.04) ? [] : descriptors,
      mappings: rangeMappings(random, ids),
    };
  });
}

function rangeMappings(random: Random, ids: readonly number[]): MappingDescription[] {
  const some = (): MappingDescription => ({
    inputBase: random.pick([0, 0, 0x55]),
    count: random.pick([0, 0, 0, 7, 0x1f, 0xff]),
    outputBase: random.pick([...ids, ...ids, 0x400, 0x408, 0x700, 0x701, 0x108, 0x5000, 0]),
    target: random.chance(0.95) ? 'smmu' : random.pick(['its', 'nothing', 'rc', 'twin']),
    ...(random.chance(0.1) && { flags: 1 }),
  });
  if (random.chance(0.05)) return [];
  if (random.chance(0.04))
    return [{ inputBase: 0, count: 0xffffffff, outputBase: random.pick([0, 8]), target: 'smmu' }];
  return Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, some);
}

function makeOthers(random: Random): NodeDescription[] {
  if (!random.chance(0.1)) return [];
  const pmcg: NodeDescription = {
    key: 'pmcg',
    kind: 'pmcg',
    revision: random.pick([0, 1, 2]),
    fixedSize: 0x28,
    fields: { page0Base: smmuBase + 0x4000n, page1Base: smmuBase + 0x14000n, overflowGsiv: 0 },
    mappings: [{ inputBase: 0, count: 0, outputBase: 0x9001, target: 'its', flags: 1 }],
  };
  const iwb: NodeDescription = {
    key: 'iwb',
    kind: 'iwb',
    revision: 1,
    name: '\\_SB_.IWB0',
    fields: { configBase: 0n, index: 0 },
    mappings: [],
  };
  return [random.pick([pmcg, iwb])];
}

/** Mapping counts and offsets that are not what the node has. */
function makePatch(random: Random, nodes: readonly NodeDescription[]): PatchDescription {
  const node = random.pick(nodes).key;
  return random.chance(0.5)
    ? { node, offset: 8, size: 4, value: random.pick([0, 1, 2, 3]) }
    : { node, offset: 12, size: 4, value: random.pick([0, 0x24, 0x28, 0x44, 0x40]) };
}

function makeMaps(random: Random, most: number): { iova: bigint; size: bigint }[] {
  return Array.from({ length: random.int(most + 1) }, () => ({
    iova: random.pick([
      0n,
      0x7fff000n,
      0x8000000n,
      0x8090000n,
      0x8100000n,
      0x6fff0000n,
      0x70000000n,
      0x70010000n,
      0x71000000n,
      0xffff0000n,
      0x1_0000_0000n,
    ]),
    size: random.pick([0x1000n, 0x10000n, 0x20000n]),
  }));
}
