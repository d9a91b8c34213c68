// Random reservations, and the maps that are tried around them.
import type {
  BusDescription,
  EntryDescription,
  FunctionDescription,
  MapDescription,
  MasterDescription,
  RegDescription,
  RegionDescription,
} from './description';
import type { Maker } from './maker';
import { flag } from './maker';
import type { Random } from './random';

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

/** Reservations of all kinds. */
export function makeRegions(
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
      bus: random.chance(0.08) && buses.length > 0 ? random.pick(buses).name : undefined,
      flags: random.chance(0.7) ? 0x200 : random.pick([0, 0x300, 0x100, 0x2000000]),
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

/** Regions that name the device, and now and then others, or what is none. */
export function makeMemoryRegion(
  random: Random,
  device: string,
  regions: readonly RegionDescription[],
  others: readonly string[],
): string[] {
  const own = regions.filter(({ entries }) => entries.some((entry) => entry.device === device)).map(({ name }) => name);
  const listed = own.filter(() => random.chance(0.92));
  if (random.chance(0.12) && regions.length > 0) listed.push(random.pick(regions).name);
  if (random.chance(0.03) && listed.length > 0) listed.push(listed[0]!);
  const odd = random.pick(['nothing', 'empty', random.pick(others)]);
  if (random.chance(0.04)) listed.splice(random.int(listed.length + 1), 0, odd);
  return listed;
}

/** Maps that VFIO is asked for, many of them where a region is. */
export function makeMaps(maker: Maker, count: number): MapDescription[] {
  const { random, used } = maker;
  return Array.from({ length: count }, () => {
    const near =
      used.length > 0 && random.chance(0.7) ? random.pick(used) : { address: random.pick(edges), size: 0x1000n };
    const place = near.address + random.pick([0n, near.size, -0x1000n, 0x1000n, near.size - 0x1000n]);
    const aligned = BigInt.asUintN(64, place) & ~(random.chance(0.9) ? 0xfffn : 0x7ffn);
    return { iova: aligned, size: random.pick([0x1000n, 0x1000n, 0x2000n, 0x10000n, 0x200000n, 0x800n]) };
  });
}
