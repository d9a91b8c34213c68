// Reservations of IOVA space in a tree: `iommu-addresses` as written, and as drivers/iommu/of_iommu.c
// of_iommu_get_resv_regions reads them for one device.
import { dmaParent } from '../tree/addresses';
import { cellsSource, readNumber } from '../tree/cells';
import { addressCells, nodePath, sizeCells } from '../tree/navigate';
import type { DtNode, DtProperty } from '../tree/model';
import type { SourceRange } from '../text/source-file';
import type { AddressRange, Iova, PhysicalAddress } from './address';
import { rangeOf } from './address';
import type { Builder } from './builder';
import { labelNames, nodeSource, problemAt, propertySource } from './builder';
import type {
  BusRule,
  Link,
  Problem,
  Reservation,
  ReservationNode,
  ReservationOutcome,
  WrittenReservation,
} from './model';
import { readResource } from './registers';
import type { DmaTranslator } from './translate';
import { busWithoutCells, cellsOnce, dmaTranslator } from './translate';
import { readWrittenEntries } from './written-reservations';
import { lastAtOrBefore } from '../text/in-order';

const rules = ['inherited-cells', 'own-cells'] as const;

/** A node that a `memory-region` leads to, or that has `iommu-addresses`. */
export function readReservationNode(builder: Builder, node: DtNode): ReservationNode {
  const reg = node.properties.get('reg');
  const physical = reg && readPhysical(builder, node, reg);
  const addresses = node.properties.get('iommu-addresses');
  return {
    path: nodePath(node),
    labels: labelNames(node),
    physical: physical?.range,
    physicalProblem: physical?.problem,
    physicalSource: physical?.source,
    entries: addresses ? readWrittenEntries(builder, node, addresses) : [],
    source: nodeSource(node),
    addressesSource: propertySource(addresses),
  };
}

interface Physical {
  readonly range: AddressRange<PhysicalAddress> | undefined;
  readonly problem: Problem | undefined;
  readonly source: Reservation['source'];
}

/** of_address_to_resource of entry 0. Without it, the kernel skips the node for every device. */
function readPhysical(builder: Builder, node: DtNode, reg: DtProperty): Physical {
  const resource = readResource(builder.tree, node, 0);
  if (resource.kind === 'memory')
    return { range: rangeOf(resource.start, resource.size), problem: undefined, source: resource.source };
  const code = resource.kind === 'none' ? 'not-translatable' : 'unknown-resource';
  return {
    range: undefined,
    problem: problemAt(builder, code, resource.message, reg),
    source: propertySource(reg),
  };
}

/** Where a device's `memory-region` leads. The kernel takes any node and looks at no status. */
export function readMemoryRegions(
  builder: Builder,
  device: DtNode,
  find: (node: DtNode) => ReservationNode,
): readonly Link<ReservationNode>[] {
  const property = device.properties.get('memory-region');
  if (property === undefined) return [];
  return Array.from(cellsOnce(property), (phandle, cell) => memoryRegion(builder, property, phandle, cell, find));
}

function memoryRegion(
  builder: Builder,
  property: DtProperty,
  phandle: number,
  cell: number,
  find: (node: DtNode) => ReservationNode,
): Link<ReservationNode> {
  const source = cellsSource(property, cell, 1);
  const node = builder.tree.phandles.get(phandle);
  if (node !== undefined) {
    const target = find(node);
    return { phandle, path: target.path, target, problem: undefined, source };
  }
  // 0 is an empty place in a list whose names need it.
  const problem =
    phandle === 0
      ? undefined
      : problemAt(builder, 'unresolved', `no node has phandle 0x${phandle.toString(16)}`, property, cell);
  return { phandle, path: undefined, target: undefined, problem, source };
}

/**
 * Makes the things that a `memory-region` leads to, unless that was done for another one (`known`). Whether it all leads
 * somewhere; if not, there are problems to report.
 */
export function visitMemoryRegions(
  builder: Builder,
  device: DtNode,
  known: Set<number>,
  find: (node: DtNode) => ReservationNode,
): boolean {
  const property = device.properties.get('memory-region');
  if (property === undefined) return true;
  let leads = true;
  for (const phandle of cellsOnce(property)) {
    if (known.has(phandle)) continue;
    const node = builder.tree.phandles.get(phandle);
    if (node === undefined) {
      leads &&= phandle === 0;
    } else {
      known.add(phandle);
      find(node);
    }
  }
  return leads;
}

/** The reservations that name devices: for a device's phandle, the nodes that have it in some cell, by their own phandles. */
export type ReservationIndex = ReadonlyMap<number, ReadonlyMap<number, RegionCells>>;

/** `regions`: all nodes with `iommu-addresses`. */
export function indexReservations(
  builder: Builder,
  regions: readonly DtNode[],
  find: (node: DtNode) => ReservationNode,
): ReservationIndex {
  const index = new Map<number, Map<number, RegionCells>>();
  const { phandles } = builder.tree;
  const listing = new Set<number>();
  for (const [phandle, node] of phandles) if (node.properties.has('memory-region')) listing.add(phandle);
  for (const node of regions) {
    const property = node.properties.get('iommu-addresses');
    if (property === undefined || node.phandle === undefined || phandles.get(node.phandle) !== node) continue;
    const values = cellsOnce(property);
    const region: RegionCells = { node, target: find(node), property, values };
    for (const value of values) {
      if (!listing.has(value)) continue;
      let named = index.get(value);
      if (named === undefined) index.set(value, (named = new Map<number, RegionCells>()));
      named.set(node.phandle, region);
    }
  }
  return index;
}

/** What of_iommu_get_resv_regions finds for a device, in its order. */
export function readReservations(builder: Builder, device: DtNode, index: ReservationIndex): Reservation[] {
  const list = device.properties.get('memory-region');
  const named = device.phandle === undefined ? undefined : index.get(device.phandle);
  if (list === undefined || named === undefined) return [];
  const bus = dmaParent(builder.tree, device);
  // A phandle that two nodes claim leads to one of them only.
  if (bus === undefined || builder.tree.phandles.get(device.phandle!) !== device) return [];
  const walk: Walk = {
    builder,
    device,
    addressCount: addressCells(bus),
    sizeCount: sizeCells(bus),
    translate: dmaTranslator(builder.tree, device),
    ended: new Map(),
    found: [],
  };
  for (const phandle of cellsOnce(list)) {
    const region = named.get(phandle);
    if (region === undefined) continue;
    walkCells(walk, region);
    // After an oops nothing more happens; the walk goes on for the other kind of kernel.
    if (walk.ended.size === rules.length) break;
  }
  return walk.found;
}

export interface RegionCells {
  readonly node: DtNode;
  readonly target: ReservationNode;
  readonly property: DtProperty;
  readonly values: Uint32Array;
}

/** What stays the same while one device's regions are walked. */
interface Walk {
  readonly builder: Builder;
  readonly device: DtNode;
  readonly addressCount: number;
  readonly sizeCount: number;
  readonly translate: DmaTranslator;
  readonly ended: Map<BusRule, ReservationOutcome>;
  readonly found: Reservation[];
}

/** Trees may have millions of reservations: where one is written is found out when somebody asks. */
class ReadReservation implements Reservation {
  readonly origin = 'iommu-addresses';

  constructor(
    private readonly property: DtProperty,
    /** The cells that it is read from, the first one being the device's phandle. */
    private readonly first: number,
    private readonly end: number,
    private readonly walk: Walk,
    readonly node: ReservationNode,
    readonly outcomes: Readonly<Record<BusRule, ReservationOutcome>>,
    readonly entry: WrittenReservation | undefined,
    readonly writtenStart: bigint,
    readonly size: bigint,
  ) {}

  get accidental(): boolean {
    return this.entry === undefined;
  }

  get source(): SourceRange | undefined {
    return cellsSource(this.property, this.first, Math.min(this.end, this.length) - this.first);
  }

  get addressSource(): SourceRange | undefined {
    const first = this.first + 1;
    const count = Math.min(this.walk.addressCount, Math.max(this.length - first, 1));
    return cellsSource(this.property, first, count);
  }

  get sizeSource(): SourceRange | undefined {
    const { addressCount, sizeCount } = this.walk;
    if (this.end > this.length || sizeCount === 0) return undefined;
    return cellsSource(this.property, this.first + 1 + addressCount, sizeCount);
  }

  private get length(): number {
    return this.property.data.bytes.length >> 2;
  }
}

/** The loop over one property: a cell that is the device's phandle opens an entry, any other is skipped alone. */
function walkCells(walk: Walk, region: RegionCells): void {
  const { device, addressCount, sizeCount, ended, found } = walk;
  const { property, values, target } = region;
  for (let at = values.indexOf(device.phandle!); at >= 0;) {
    const first = at + 1;
    const end = first + addressCount + sizeCount;
    const read = end <= values.length ? values : withFollowing(region, values);
    const isWhole = end <= read.length;
    const size = isWhole ? readNumber(read, first + addressCount, sizeCount) : 0n;
    const entry: Entry = { walk, region, read, first, size, isWhole };
    const inherited = ended.get('inherited-cells') ?? outcomeOf(entry, 'inherited-cells');
    const own =
      ended.get('own-cells') ?? (needsOwnReading(inherited) ? outcomeOf(entry, 'own-cells', inherited) : inherited);
    const outcomes = { 'inherited-cells': inherited, 'own-cells': own };
    for (const rule of rules) if (outcomes[rule].kind === 'oops') ended.set(rule, outcomes[rule]);
    const start = isWhole ? writtenAddress(read, first, addressCount) : 0n;
    const written = entryAt(target, at);
    found.push(new ReadReservation(property, at, end, walk, target, outcomes, written, start, size));
    if (ended.size === rules.length) return;
    at = end < values.length ? values.indexOf(device.phandle!, end) : -1;
  }
}

/** The entry that starts at a cell, found by halves. */
function entryAt({ entries }: ReservationNode, cell: number): WrittenReservation | undefined {
  const entry = entries[lastAtOrBefore(entries.length, (index) => entries[index]!.cell, cell)];
  return entry?.cell === cell ? entry : undefined;
}

/** Only what was translated can differ between the rules. */
function needsOwnReading(inherited: ReservationOutcome): boolean {
  return inherited.kind === 'region' || (inherited.kind === 'ignored' && inherited.problem.code === 'zero-size');
}

/** Without the flags that PCI's three cells start with. */
function writtenAddress(values: Uint32Array, first: number, count: number): bigint {
  return count === 3 ? readNumber(values, first + 1, 2) : readNumber(values, first, count);
}

/**
 * The cells of a property and those that the kernel finds behind them: the flattened tree goes on with a token, and after
 * that of a property with its length. What comes then (an offset of a name) nobody can tell.
 */
function withFollowing({ node, property }: RegionCells, values: Uint32Array): Uint32Array {
  if (property.data.bytes.length % 4 !== 0) return values;
  const properties = [...node.properties.values()];
  const next = properties[properties.indexOf(property) + 1];
  // FDT_PROP 3, FDT_BEGIN_NODE 1, FDT_END_NODE 2
  const behind = next ? [3, next.data.bytes.length] : [node.children.size > 0 ? 1 : 2];
  return Uint32Array.from([...values, ...behind]);
}

interface Entry {
  readonly walk: Walk;
  readonly region: RegionCells;
  /** Cells as the kernel reads them, some perhaps behind the property. */
  readonly read: Uint32Array;
  /** The first cell of the address. */
  readonly first: number;
  readonly size: bigint;
  readonly isWhole: boolean;
}

function outcomeOf(entry: Entry, rule: BusRule, other?: ReservationOutcome): ReservationOutcome {
  const { walk, region, read, first, size } = entry;
  const { builder, device, addressCount, sizeCount } = walk;
  const { property, target, values } = region;
  const { physicalProblem } = target;
  if (physicalProblem !== undefined)
    return { kind: physicalProblem.code === 'unknown-resource' ? 'unknown' : 'ignored', problem: physicalProblem };
  const lostReg = rule === 'own-cells' ? regWithoutBus(entry) : undefined;
  if (lostReg !== undefined) return { kind: 'ignored', problem: lostReg };
  if (property.data.broken) {
    return { kind: 'unknown', problem: problemAt(builder, 'unreadable', 'the value cannot be read', property) };
  }
  if (!entry.isWhole) return { kind: 'unknown', problem: truncation(entry) };
  const found = walk.translate(read, first, rule);
  if (!found.ok) {
    const message = `the address does not translate: ${found.reason}; Linux then reads from address 0 and oopses`;
    return {
      kind: 'oops',
      problem: problemAt(builder, 'not-translatable', message, property, first - 1, 1 + addressCount),
    };
  }
  if (other !== undefined) return other;
  if (size === 0n) {
    const message = `the entry for ${nodePath(device)} has size 0, which Linux skips`;
    return {
      kind: 'ignored',
      problem: problemAt(builder, 'zero-size', message, property, first + addressCount, sizeCount),
    };
  }
  const truncated = first + addressCount + sizeCount > values.length ? truncation(entry) : undefined;
  return regionOf(rangeOf(found.address as Iova, size), target.physical, truncated);
}

/** From 6.13 on a `reg` below a bus without `#address-cells` has no address, so that the node reserves nothing. */
function regWithoutBus({ walk: { builder }, region: { node } }: Entry): Problem | undefined {
  const reg = node.properties.get('reg');
  const bus = reg && busWithoutCells(builder.tree, node, 'ranges');
  if (reg === undefined || bus === undefined) return undefined;
  const message = `reg has no physical address from Linux 6.13 on: ${nodePath(bus)} has no #address-cells of its own`;
  return problemAt(builder, 'not-translatable', message, reg);
}

function truncation({ walk: { builder, device }, region, first }: Entry): Problem {
  const message = `the property ends inside the entry for ${nodePath(device)}, and Linux reads on past its end`;
  return problemAt(builder, 'bad-length', message, region.property, first - 1, region.values.length);
}

/** iommu_resv_region_get_type. A physical region of one byte counts as none there, as one of size 0 does. */
function regionOf(
  range: AddressRange<Iova>,
  physical: AddressRange<PhysicalAddress> | undefined,
  truncated: Problem | undefined,
): ReservationOutcome {
  if (physical === undefined || physical.start >= physical.end) {
    return { kind: 'region', range, type: 'reserved', notDirect: false, truncated };
  }
  const isDirect = physical.start === (range.start as bigint) && physical.end === (range.end as bigint);
  return { kind: 'region', range, type: isDirect ? 'direct' : 'reserved', notDirect: !isDirect, truncated };
}
