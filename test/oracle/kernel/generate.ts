// Random trees. Most of what they say is sane, so that much is compared; each has some of what is not.
import type {
  BusDescription,
  FunctionDescription,
  HostDescription,
  MapEntryDescription,
  MasterDescription,
  RangeDescription,
  RegionDescription,
  StreamDescription,
  Target,
  TreeDescription,
} from './description';
import { makeMaps, makeMemoryRegion, makeRegions } from './generate-regions';
import type { Maker } from './maker';
import { flag } from './maker';
import type { Random } from './random';
import { randomFrom } from './random';

/** The tree of a seed. */
export function generateTree(seed: number): TreeDescription {
  const random = randomFrom(seed);
  const maker: Maker = { random, used: [], phandles: new Set(), regs: [], ramLeft: 0x8000000n };
  const buses = makeBuses(maker);
  const masters = makeMasters(maker, buses);
  const functions = makeFunctions(maker);
  const regions = makeRegions(maker, buses, masters, functions);
  const host = makeHost(maker, regions);
  const others = [...masters, ...functions, ...buses].map(({ name }) => name);
  const listed = <Device extends { readonly name: string }>(device: Device) => ({
    ...device,
    memoryRegion: makeMemoryRegion(random, device.name, regions, others),
  });
  return {
    smmu: makeSmmu(maker, buses),
    host,
    buses,
    masters: masters.map(listed),
    functions: functions.map(listed),
    reservedMemory: {
      addressCells: random.chance(0.9) ? 2 : random.pick([1, 3, 3, 4]),
      sizeCells: random.chance(0.95) ? 2 : random.pick([1, 3]),
      withoutRanges: flag(random, 0.04),
    },
    regions,
    maps: makeMaps(maker, 6),
    premaps: makeMaps(maker, 2),
  };
}

function makeSmmu({ random }: Maker, buses: readonly BusDescription[]): TreeDescription['smmu'] {
  // QEMU's SMMU takes addresses as they are, so that what translates its own DMA would lead it astray.
  const isStraight = ({ parent, dmaRanges }: BusDescription): boolean =>
    (dmaRanges === undefined || dmaRanges.length === 0) && buses.every((bus) => bus.name !== parent || isStraight(bus));
  const working = buses.filter((bus) => bus.disabled !== true && bus.withoutRanges !== true && isStraight(bus));
  return {
    cells: random.chance(0.98) ? 1 : random.pick([0, 2, undefined]),
    incoherent: flag(random, 0.04),
    disabled: flag(random, 0.01),
    bus: random.chance(0.25) && working.length > 0 ? random.pick(working).name : undefined,
    second: random.chance(0.3) ? random.pick(['disabled', 'no-registers'] as const) : undefined,
  };
}

function makeBuses({ random }: Maker): BusDescription[] {
  const buses: BusDescription[] = [];
  /** Where the machine's registers begin on each. */
  const bases = new Map([['', 0x9000000n]]);
  const count = random.pick([0, 1, 2, 3, 4, 6]);
  for (let index = 0; index < count; index++) {
    const parent = random.chance(0.5) && buses.length > 0 ? random.pick(buses).name : undefined;
    const addressCells = random.chance(0.97) ? random.pick([1, 1, 2, 2, 2, 2, 3, 3, 4]) : undefined;
    const below = bases.get(parent ?? '')!;
    const shift = random.chance(0.6) ? 0n : random.pick([0x1000000n, 0x100000n, below]);
    const name = `b${String(index)}`;
    bases.set(name, below >= shift ? below - shift : below);
    buses.push({
      name,
      parent,
      addressCells,
      sizeCells: random.chance(0.97) ? random.pick([1, 1, 1, 2, 2, 2, 3]) : random.pick([undefined, undefined, 0]),
      dmaRanges: makeDmaRanges(random, addressCells === 3 ? [0, 0, 0, 0x2000000] : [0]),
      disabled: flag(random, 0.03),
      flags: random.chance(0.7) ? 0x200 : random.pick([0, 0x100, 0x2000000]),
      shift: below >= shift ? shift : 0n,
      withoutRanges: flag(random, 0.06),
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
    const iommus: StreamDescription[] = [{ target: 'right', cells: [kind === 'pl061' ? 0x7f00 : 0x7f01] }];
    const bus = random.chance(0.5) && buses.length > 0 ? random.pick(buses).name : undefined;
    masters.push({ name: kind, kind, bus, phandle: makePhandle(maker), iommus, memoryRegion: [] });
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
      return [{ target: random.pick<Target>(['wrong', 'off', 'nothing']), cells: [own] }];
    case 5:
      return [right(own), { target: random.pick<Target>(['wrong', 'off', 'nothing']), cells: [own + 1] }];
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

const whole: MapEntryDescription = { input: 0, target: 'right', output: [0], length: 0x10000 };

/** Each function has a stream ID of its own by it. */
export function isWholeMap(entry: MapEntryDescription): boolean {
  return entry === whole;
}

function makeHost({ random }: Maker, regions: readonly RegionDescription[]): HostDescription {
  return {
    iommuMap: random.chance(0.6) ? [whole] : random.chance(0.95) ? makeMap(random) : undefined,
    iommuMapMask: random.chance(0.1) ? random.pick([0xffff, 0xfff8, 0xff00, 0xff, 0xf8, 0x1f8, 0]) : undefined,
    msiMap: random.chance(0.6) ? [whole] : random.chance(0.6) ? makeMap(random) : undefined,
    msiMapMask: random.chance(0.06) ? random.pick([0xffff, 0xfff8, 0xff, 0]) : undefined,
    msiParentCells: random.chance(0.2) ? random.pick([0, 1, 1, 2]) : undefined,
    dmaRanges: random.chance(0.3) ? makeDmaRanges(random, [0x2000000, 0x2000000, 0x3000000, 0x42000000, 0]) : undefined,
    memoryRegion: random.chance(0.1) && regions.length > 0 ? [random.pick(regions).name] : undefined,
  };
}

/** Partial maps, entries on top of each other, odd lengths and targets. */
function makeMap(random: Random): MapEntryDescription[] {
  return Array.from({ length: random.between(1, 4) }, () => {
    const target: Target = random.chance(0.92) ? 'right' : random.pick<Target>(['wrong', 'off', 'nothing']);
    const output = random.chance(0.97)
      ? [random.pick([0, 0x100, 0x400, 0x1000, 0x8000, 0xff00, 0xfff0])]
      : random.pick([[], [0x10, 0]]);
    return {
      input: random.pick([0, 0, 8, 0x10, 0x18, 0x20, 0x80, 0xf8, 0x100, 0x100, 0x108, 0x200]),
      target,
      output,
      length: random.pick([0x10000, 0x10000, 0x1000, 0x100, 8, 16, 1, 0]),
    };
  });
}
