// Random trees. Most of what they say is sane, so that much is compared; each has some of what is not.
import type {
  BusDescription,
  EntryDescription,
  FunctionDescription,
  HostDescription,
  MapDescription,
  MapEntryDescription,
  MasterDescription,
  RangeDescription,
  RegDescription,
  RegionDescription,
  StreamDescription,
  Target,
  TreeDescription,
} from './description';
import type { Random } from './random';
import { randomFrom } from './random';

const end = (1n << 64n) - 1n;

/** Where things are likely to go wrong: edges of the MSI window, of 32 and 48 bits, of the address space. */
const edges = [
  0n,
  0x1000n,
  0x7fff000n,
  0x7ffffffn,
  0x8000000n,
  0x8000001n,
  0x8080000n,
  0x80fffffn,
  0x8100000n,
  0x8101000n,
  0x10000000n,
  0x70000000n,
  0x7fffffffn,
  0x80000000n,
  0xfffff000n,
  0xffffffffn,
  0x100000000n,
  0xfffffffff000n,
  0xffffffffffffn,
  0x1000000000000n,
  1n << 63n,
  end - 0xfffn,
  end,
];

/** Without 2^44 to 2^48: QEMU's SMMU takes such addresses in and cannot put them out, as no source tells. */
const physicalEdges = edges.filter((address) => address < 1n << 44n || address >= 1n << 48n);

const sizes = [1n, 0x800n, 0x1000n, 0x1000n, 0x1000n, 0x2000n, 0x10000n, 0x10000n, 0x100000n, 0x1000000n];
const oddSizes = [0n, 0xfffn, 0x40000000n, 0x80000000n, 0x100000000n, 1n << 48n, 1n << 63n, end];

/** A direct region is looked through page by page at boot: of larger ones no kernel comes back. */
const physicalSizes = oddSizes.filter((size) => size <= 0x80000000n);

/** The tree of a seed. */
export function generateTree(seed: number): TreeDescription {
  const random = randomFrom(seed);
  const maker: Maker = { random, used: [], phandles: new Set(), regs: [], ramLeft: 0x8000000n };
  const buses = makeBuses(maker);
  const masters = makeMasters(maker, buses);
  const functions = makeFunctions(maker);
  const regions = makeRegions(maker, buses, masters, functions);
  return {
    smmu: {
      cells: random.chance(0.98) ? 1 : random.pick([0, 2, undefined]),
      incoherent: flag(random, 0.04),
      disabled: flag(random, 0.01),
    },
    host: makeHost(maker, regions),
    buses,
    masters: masters.map((master) => ({ ...master, memoryRegion: makeMemoryRegion(random, master.name, regions) })),
    functions: functions.map((each) => ({ ...each, memoryRegion: makeMemoryRegion(random, each.name, regions) })),
    reservedMemory: {
      addressCells: random.chance(0.95) ? 2 : random.pick([1, 3]),
      sizeCells: random.chance(0.95) ? 2 : 1,
      withoutRanges: flag(random, 0.04),
    },
    regions,
    maps: makeMaps(maker, 6),
    premaps: makeMaps(maker, 2),
  };
}

interface Maker {
  readonly random: Random;
  /** Ranges given so far: others are put beside and onto them. */
  readonly used: RegDescription[];
  readonly phandles: Set<number>;
  readonly regs: RegDescription[];
  /** How much of the machine's memory may still be set aside. */
  ramLeft: bigint;
}

function flag(random: Random, probability: number): true | undefined {
  return random.chance(probability) ? true : undefined;
}

function makeBuses({ random }: Maker): BusDescription[] {
  const buses: BusDescription[] = [];
  const count = random.pick([0, 1, 2, 3, 4, 6]);
  for (let index = 0; index < count; index++) {
    const parent = random.chance(0.5) && buses.length > 0 ? random.pick(buses).name : undefined;
    const addressCells = random.chance(0.97) ? random.pick([1, 2, 2, 3]) : undefined;
    buses.push({
      name: `b${String(index)}`,
      parent,
      addressCells,
      sizeCells: random.chance(0.97) ? random.pick([1, 2]) : undefined,
      dmaRanges: makeDmaRanges(random, addressCells === 3 ? [0, 0, 0, 0x2000000] : [0]),
      disabled: flag(random, 0.03),
    });
  }
  return buses;
}

/** None, identity, or entries: shifting, partial, several, in any order, some overlapping. */
function makeDmaRanges(random: Random, flags: readonly number[]): RangeDescription[] | undefined {
  const kind = random.int(10);
  if (kind < 4) return undefined;
  if (kind < 6) return [];
  const count = random.between(1, 3);
  return Array.from({ length: count }, () => {
    const child = random.pick([0n, 0n, 0x40000000n, 0x80000000n, 0x8000000n, 0x70000000n, 0x100000000n]);
    const parent = random.pick([child, child, 0n, 0x40000000n, 0x80000000n, 0x70000000n, 0x100000000n, 0x8000000n]);
    const size = random.pick([
      0x40000000n,
      0x80000000n,
      0x40000000n,
      0x10000000n,
      0x100000n,
      0x100000000n,
      0xffffffffn,
    ]);
    return { flags: random.pick(flags), child, parent, size: random.chance(0.02) ? 0n : size };
  });
}

function makeMasters(maker: Maker, buses: readonly BusDescription[]): MasterDescription[] {
  const { random } = maker;
  const count = random.pick([3, 6, 10, 16, 24, 40]);
  const slots = random.shuffled(Array.from({ length: 32 }, (_, slot) => slot));
  const masters: MasterDescription[] = [];
  for (let index = 0; index < count; index++) {
    const kind = random.chance(0.93) ? 'virtio' : 'driverless';
    masters.push({
      name: `m${String(index)}`,
      kind,
      slot: kind === 'virtio' && random.chance(0.6) ? slots.pop() : undefined,
      bus: random.chance(0.6) && buses.length > 0 ? random.pick(buses).name : undefined,
      phandle: makePhandle(maker),
      // Which devices no driver claims stands in no source, so such a one takes no stream ID from another.
      iommus: kind === 'driverless' ? [{ target: 'right', cells: [0x800 + index] }] : makeStreams(random, index),
      memoryRegion: [],
      disabled: flag(random, 0.03),
      dmaParent: random.chance(0.03) && buses.length > 0 ? random.pick(buses).name : undefined,
    });
  }
  for (const kind of ['pl061', 'pl031'] as const) {
    if (!random.chance(0.3)) continue;
    const iommus: StreamDescription[] = [{ target: 'right', cells: [kind === 'pl061' ? 0x300 : 0x301] }];
    masters.push({ name: kind, kind, phandle: makePhandle(maker), iommus, memoryRegion: [] });
  }
  return masters;
}

/** Mostly numbers that stand nowhere else; some that are addresses or sizes as well, so that entries match by accident. */
function makePhandle({ random, phandles }: Maker): number {
  for (;;) {
    const phandle = random.chance(0.12)
      ? random.pick([0x1000, 0x2000, 0x10000, 0x100000, 0x8000000, 0x2000000, 0x70000000, 0x40000000, 0x1000000])
      : 0x4000 + random.int(0x1000);
    if (phandles.has(phandle)) continue;
    phandles.add(phandle);
    return phandle;
  }
}

function makeStreams(random: Random, index: number): StreamDescription[] {
  const own = 0x400 + index * 8;
  const right = (...cells: number[]): StreamDescription => ({ target: 'right', cells });
  switch (random.int(30)) {
    case 0:
      return [right(own), right(own + 1), right(own + 2)];
    case 1:
      return [right(own), right(own)];
    case 2:
      return [right(0x400 + random.int(index + 1) * 8)];
    case 3:
      return [right()];
    case 4:
      return [{ target: random.pick<Target>(['wrong', 'nothing']), cells: [own] }];
    case 5:
      return [right(own), { target: random.pick<Target>(['wrong', 'nothing']), cells: [own + 1] }];
    case 6:
      return [right(random.pick([0xffff, 0, 0x7fff]))];
    case 7:
      return random.chance(0.15) ? [right(random.pick([0x10000, 0xffffffff]))] : [right(own)];
    case 8:
      return [];
    case 9:
      return [right(own), right()];
    default:
      return [right(own)];
  }
}

function makeFunctions(maker: Maker): FunctionDescription[] {
  const { random } = maker;
  const found: FunctionDescription[] = [];
  const add = (
    kind: FunctionDescription['kind'],
    behind: string | undefined,
    device: number,
    number: number,
  ): string => {
    const name = `f${String(found.length)}`;
    const described = flag(random, 0.8);
    found.push({
      name,
      kind,
      behind,
      device,
      function: number,
      described,
      phandle: makePhandle(maker),
      memoryRegion: [],
    });
    return name;
  };
  const count = random.pick([1, 2, 2, 3, 4, 6]);
  const devices = random.shuffled([1, 2, 3, 4, 5, 6, 7, 8, 16, 31]);
  for (let index = 0; index < count; index++) {
    const device = devices[index]!;
    switch (random.int(8)) {
      case 0: {
        const functions = random.pick([2, 3, 8]);
        for (let number = 0; number < functions; number++) add('endpoint', undefined, device, number);
        break;
      }
      case 1:
        add('endpoint', add('root-port', undefined, device, 0), 0, 0);
        break;
      case 2: {
        const bridge = add('pci-bridge', undefined, device, 0);
        add('endpoint', bridge, 1, 0);
        if (random.chance(0.7)) add('endpoint', bridge, 2, 0);
        break;
      }
      default:
        add('endpoint', undefined, device, 0);
    }
  }
  // On a conventional bus the first function takes the requester ID that all share: a node must tell that it is there.
  return found.map((each) => ({
    ...each,
    described: each.kind === 'endpoint' && !isBehindBridge(each, found) ? each.described : true,
  }));
}

function isBehindBridge({ behind }: FunctionDescription, all: readonly FunctionDescription[]): boolean {
  return all.some(({ name, kind }) => name === behind && kind === 'pci-bridge');
}

function makeHost({ random }: Maker, regions: readonly RegionDescription[]): HostDescription {
  const whole: MapEntryDescription = { input: 0, target: 'right', output: [0], length: 0x10000 };
  return {
    iommuMap: random.chance(0.6) ? [whole] : random.chance(0.95) ? makeMap(random) : undefined,
    iommuMapMask: random.chance(0.1) ? random.pick([0xffff, 0xfff8, 0xff00, 0xf8, 0]) : undefined,
    msiMap: random.chance(0.6) ? [whole] : random.chance(0.6) ? makeMap(random) : undefined,
    msiMapMask: random.chance(0.06) ? random.pick([0xffff, 0xfff8, 0]) : undefined,
    msiParentCells: random.chance(0.2) ? random.pick([0, 1, 1, 2]) : undefined,
    dmaRanges: random.chance(0.3) ? makeDmaRanges(random, [0x2000000, 0x2000000, 0x3000000, 0x42000000, 0]) : undefined,
    memoryRegion: random.chance(0.1) && regions.length > 0 ? [random.pick(regions).name] : undefined,
  };
}

/** Partial maps, entries on top of each other, odd lengths and targets. */
function makeMap(random: Random): MapEntryDescription[] {
  return Array.from({ length: random.between(1, 4) }, () => {
    const target: Target = random.chance(0.94) ? 'right' : random.pick<Target>(['wrong', 'nothing']);
    const output = random.chance(0.97)
      ? [random.pick([0, 0x100, 0x1000, 0x8000, 0xfff0])]
      : random.pick([[], [0x10, 0]]);
    return {
      input: random.pick([0, 0, 8, 0x10, 0x18, 0x20, 0x80, 0xf8, 0x100]),
      target,
      output,
      length: random.pick([0x10000, 0x10000, 0x1000, 0x100, 8, 16, 1, 0]),
    };
  });
}

function makeRegions(
  maker: Maker,
  buses: readonly BusDescription[],
  masters: readonly MasterDescription[],
  functions: readonly FunctionDescription[],
): RegionDescription[] {
  const { random } = maker;
  const devices = [...masters.map(({ name }) => name), ...functions.map(({ name }) => name)];
  const regions: RegionDescription[] = [];
  const count = random.between(2, Math.min(30, devices.length + 4));
  for (let index = 0; index < count; index++) {
    const reg = makeReg(maker);
    const entries: EntryDescription[] = [];
    const wanted = random.chance(0.02) ? random.between(60, 110) : random.pick([0, 1, 1, 1, 2, 2, 3, 5]);
    const crowded = random.pick(devices);
    for (let number = 0; number < wanted; number++) {
      const device = wanted >= 60 ? crowded : random.chance(0.97) ? random.pick(devices) : 'nobody';
      entries.push(makeEntry(maker, device, reg?.[0], buses, masters));
    }
    const last = entries.at(-1);
    if (last !== undefined && random.chance(0.03))
      entries[entries.length - 1] = { ...last, missing: random.between(1, 3) };
    regions.push({
      name: `r${String(index)}`,
      reg,
      disabled: flag(random, 0.08),
      noMap: flag(random, 0.2),
      atRoot: flag(random, 0.06),
      entries,
    });
  }
  return regions;
}

/** Physical ranges: memory that the kernel can spare, or where no memory is. */
function makeReg(maker: Maker): RegDescription[] | undefined {
  const { random, regs } = maker;
  if (random.chance(0.4)) return undefined;
  if (random.chance(0.03)) return [];
  const one = (): RegDescription => {
    const size = random.chance(0.95) ? random.pick(sizes) : random.pick(physicalSizes);
    const earlier = regs.length > 0 && random.chance(0.3) ? random.pick(regs) : undefined;
    const place = earlier
      ? earlier.address + earlier.size + random.pick([0n, 0n, 1n, 0x1000n])
      : random.pick([0x50000000n, 0x60000000n, 0x70000000n, 0x90000000n, 0x100000000n, 0x8000000n, 0x2000000n]) +
        BigInt(random.int(16)) * 0x100000n;
    const address = random.chance(0.05) ? random.pick(physicalEdges) : BigInt.asUintN(64, place);
    return { address, size };
  };
  const spare = (reg: RegDescription): RegDescription => {
    const isMemory = reg.address < 0x80000000n && reg.address + reg.size > 0x40000000n;
    if (!isMemory) return reg;
    const fits = reg.address >= 0x50000000n && reg.address + reg.size <= 0x7f000000n && reg.size <= maker.ramLeft;
    if (!fits) return { address: 0x90000000n, size: reg.size };
    maker.ramLeft -= reg.size;
    return reg;
  };
  const found = Array.from({ length: random.chance(0.9) ? 1 : 2 }, () => spare(one()));
  regs.push(...found);
  return found;
}

function makeEntry(
  maker: Maker,
  device: string,
  reg: RegDescription | undefined,
  buses: readonly BusDescription[],
  masters: readonly MasterDescription[],
): EntryDescription {
  const { random, used } = maker;
  const master = masters.find(({ name }) => name === device);
  const bus = buses.find(({ name }) => name === (master?.dmaParent ?? master?.bus));
  const isWide = device.startsWith('f') || bus?.addressCells === 3;
  const window = bus?.dmaRanges !== undefined && bus.dmaRanges.length > 0 ? random.pick(bus.dmaRanges) : undefined;
  let range: RegDescription;
  if (reg !== undefined && random.chance(0.6)) {
    const isWhole = random.chance(0.8);
    const shift = window !== undefined && random.chance(0.7) ? window.parent - window.child : 0n;
    range = { address: BigInt.asUintN(64, reg.address - shift), size: isWhole ? reg.size : random.pick(sizes) };
  } else {
    range = makeRange(maker);
    if (window !== undefined && random.chance(0.9)) {
      const offset = window.size === 0n ? 0n : range.address % window.size;
      range = { address: window.child + offset, size: range.size };
    }
  }
  used.push(range);
  const flags = device.startsWith('f')
    ? random.chance(0.9)
      ? 0x2000000
      : random.pick([0, 0x3000000, 0x42000000, 0x1000000])
    : (window?.flags ?? 0);
  return {
    device,
    flags: isWide ? flags : 0,
    ...range,
    twoAndTwo: flag(random, isWide ? 0.06 : 0.02),
  };
}

/** Edges, neighbours of what is there, or anything. */
function makeRange({ random, used }: Maker): RegDescription {
  const size = random.chance(0.93) ? random.pick(sizes) : random.pick(oddSizes);
  const kind = random.int(10);
  if (kind < 4 && used.length > 0) {
    const other = random.pick(used);
    const last = other.address + other.size;
    const address = random.pick([
      last,
      last,
      last + 1n,
      last - 1n,
      other.address,
      other.address - size,
      other.address + 0x1000n,
    ]);
    return { address: BigInt.asUintN(64, address), size: random.chance(0.2) ? other.size : size };
  }
  if (kind < 7) {
    const address = random.pick(edges);
    const toEnd = end - address + 1n;
    return { address, size: random.chance(0.08) && toEnd <= end ? toEnd : size };
  }
  if (kind < 9) return { address: 0x10000000n + BigInt(random.int(64)) * 0x1000n, size };
  return { address: random.bits(random.pick([32, 40, 48, 64])), size };
}

/** Regions that name the device, and now and then others. */
function makeMemoryRegion(random: Random, device: string, regions: readonly RegionDescription[]): string[] {
  const own = regions.filter(({ entries }) => entries.some((entry) => entry.device === device)).map(({ name }) => name);
  const listed = own.filter(() => random.chance(0.92));
  if (random.chance(0.12) && regions.length > 0) listed.push(random.pick(regions).name);
  if (random.chance(0.03) && listed.length > 0) listed.push(listed[0]!);
  if (random.chance(0.02)) listed.splice(random.int(listed.length + 1), 0, 'nothing');
  return listed;
}

function makeMaps(maker: Maker, count: number): MapDescription[] {
  const { random, used } = maker;
  return Array.from({ length: count }, () => {
    const near =
      used.length > 0 && random.chance(0.7) ? random.pick(used) : { address: random.pick(edges), size: 0x1000n };
    const place = near.address + random.pick([0n, near.size, -0x1000n, 0x1000n, near.size - 0x1000n]);
    const aligned = BigInt.asUintN(64, place) & ~(random.chance(0.9) ? 0xfffn : 0x7ffn);
    return { iova: aligned, size: random.pick([0x1000n, 0x1000n, 0x2000n, 0x10000n, 0x200000n, 0x800n]) };
  });
}
