// Reservations of IOVA space in a tree: `iommu-addresses` as written, and as drivers/iommu/of_iommu.c
// of_iommu_get_resv_regions reads them for one device.
import { dmaParent, translateReg } from '../tree/addresses';
import { cellsSource, partAt, readNumber } from '../tree/cells';
import { addressCells, nodePath, sizeCells } from '../tree/navigate';
import type { DtNode, DtProperty } from '../tree/model';
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
import { busWithoutCells, cellsOf, translateByRule } from './translate';

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
    entries: addresses ? writtenEntries(builder, node, addresses) : [],
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
  const entry = translateReg(builder.tree, node, 0);
  const failed = (message: string): Physical => {
    return {
      range: undefined,
      problem: problemAt(builder, 'not-translatable', message, reg),
      source: propertySource(reg),
    };
  };
  if (entry === undefined) return failed('reg holds no whole entry by the cell counts of the parent');
  const { translation, size, source } = entry;
  if (!translation.ok) return failed(`reg has no physical address: ${translation.message}`);
  const range = rangeOf(translation.address as PhysicalAddress, size);
  if (size > 0n && range.end < range.start) return failed('reg runs past the end of the address space');
  return { range, problem: undefined, source };
}

/** The entries as their author means them: each starts with a reference to a device. */
function writtenEntries(builder: Builder, node: DtNode, property: DtProperty): WrittenReservation[] {
  const values = cellsOf(property.data.bytes);
  const entries: WrittenReservation[] = [];
  for (let at = 0; at < values.length;) {
    const device = builder.tree.phandles.get(values[at]!);
    const bus = device && (dmaParent(builder.tree, device) ?? device);
    const addressCount = bus ? addressCells(bus) : 0;
    const sizeCount = bus ? sizeCells(bus) : 0;
    const next = nextReference(builder, property, values, at, addressCount + sizeCount);
    const cells = Array.from(values.subarray(at + 1, next));
    entries.push({
      devicePath: device && nodePath(device),
      phandle: values[at]!,
      cells,
      addressCells: addressCount,
      sizeCells: sizeCount,
      listed: device !== undefined && listsRegion(builder, device, node),
      problem: writtenProblem(builder, property, at, device, cells.length, addressCount, sizeCount),
      referenceSource: cellsSource(property, at, 1),
      source: cellsSource(property, at, next - at),
    });
    at = next;
  }
  return entries;
}

function writtenProblem(
  builder: Builder,
  property: DtProperty,
  at: number,
  device: DtNode | undefined,
  count: number,
  addressCount: number,
  sizeCount: number,
): Problem | undefined {
  if (device === undefined) {
    const phandle = cellsOf(property.data.bytes)[at]!;
    return problemAt(builder, 'unresolved', `no node has phandle 0x${phandle.toString(16)}`, property, at);
  }
  if (count === addressCount + sizeCount) return undefined;
  const message = `${String(count)} cells follow the reference, and the bus of ${nodePath(device)} has ${String(addressCount)} for an address and ${String(sizeCount)} for a size`;
  return problemAt(builder, 'bad-length', message, property, at, 1 + count);
}

/** Where the next entry starts: at the next cell written as a reference; in a blob, where the counts say. */
function nextReference(builder: Builder, property: DtProperty, values: Uint32Array, at: number, count: number): number {
  const isWritten = partAt(property, at * 4)?.kind === 'phandle';
  if (!isWritten) {
    // Numbers for phandles: trust the counts where they lead to another known phandle or to the end.
    const expected = Math.min(at + 1 + count, values.length);
    return count === 0 ? values.length : expected;
  }
  for (let cell = at + 1; cell < values.length; cell++) {
    if (partAt(property, cell * 4)?.kind === 'phandle') return cell;
    // A reference written as a number, after an entry that is complete.
    if (cell === at + 1 + count && builder.tree.phandles.has(values[cell]!) && values.length - cell > count)
      return cell;
  }
  return values.length;
}

function listsRegion(builder: Builder, device: DtNode, region: DtNode): boolean {
  const list = device.properties.get('memory-region');
  return (
    list !== undefined && cellsOf(list.data.bytes).some((phandle) => builder.tree.phandles.get(phandle) === region)
  );
}

/** Where a device's `memory-region` leads. The kernel takes any node and looks at no status. */
export function readMemoryRegions(
  builder: Builder,
  device: DtNode,
  find: (node: DtNode) => ReservationNode,
): Link<ReservationNode>[] {
  const property = device.properties.get('memory-region');
  if (property === undefined) return [];
  return Array.from(cellsOf(property.data.bytes), (phandle, cell) => {
    const source = cellsSource(property, cell, 1);
    const node = builder.tree.phandles.get(phandle);
    if (node !== undefined) return { phandle, path: nodePath(node), target: find(node), problem: undefined, source };
    // 0 is an empty place in a list whose names need it.
    const problem =
      phandle === 0
        ? undefined
        : problemAt(builder, 'unresolved', `no node has phandle 0x${phandle.toString(16)}`, property, cell);
    return { phandle, path: undefined, target: undefined, problem, source };
  });
}

/** What of_iommu_get_resv_regions finds for a device, in its order. */
export function readReservations(
  builder: Builder,
  device: DtNode,
  regions: readonly Link<ReservationNode>[],
): Reservation[] {
  const found: Reservation[] = [];
  // After an oops nothing more happens; the walk goes on for the other kind of kernel.
  const ended = new Map<BusRule, ReservationOutcome>();
  for (const { phandle, target } of regions) {
    const node = builder.tree.phandles.get(phandle);
    const property = node?.properties.get('iommu-addresses');
    if (node === undefined || target === undefined || property === undefined) continue;
    walkCells(builder, device, { node, target, property, values: cellsOnce(property) }, ended, found);
    if (ended.size === rules.length) break;
  }
  return found;
}

const cellsOfProperty = new WeakMap<DtProperty, Uint32Array>();

/** The cells of a property that many devices may ask for. */
function cellsOnce(property: DtProperty): Uint32Array {
  let values = cellsOfProperty.get(property);
  if (values === undefined) {
    values = cellsOf(property.data.bytes);
    cellsOfProperty.set(property, values);
  }
  return values;
}

interface RegionCells {
  readonly node: DtNode;
  readonly target: ReservationNode;
  readonly property: DtProperty;
  readonly values: Uint32Array;
}

/** The loop over one property: a cell that is the device's phandle opens an entry, any other is skipped alone. */
function walkCells(
  builder: Builder,
  device: DtNode,
  region: RegionCells,
  ended: Map<BusRule, ReservationOutcome>,
  found: Reservation[],
): void {
  const { property, values, target } = region;
  const bus = dmaParent(builder.tree, device);
  if (bus === undefined || device.phandle === undefined) return;
  const addressCount = addressCells(bus);
  const sizeCount = sizeCells(bus);
  // A phandle that two nodes claim leads to one of them only.
  if (builder.tree.phandles.get(device.phandle) !== device) return;
  let starts: ReadonlySet<number> | undefined;
  for (let at = 0; at < values.length;) {
    if (values[at] !== device.phandle) {
      at++;
      continue;
    }
    starts ??= new Set(entryStarts(region));
    const first = at + 1;
    at = first + addressCount + sizeCount;
    const read = at <= values.length ? values : withFollowing(region, values);
    const isWhole = at <= read.length;
    const size = isWhole ? readNumber(read, first + addressCount, sizeCount) : 0n;
    const entry = { builder, device, region, read, first, addressCount, sizeCount, size, isWhole };
    const inherited = ended.get('inherited-cells') ?? outcomeOf(entry, 'inherited-cells');
    const own =
      ended.get('own-cells') ?? (needsOwnReading(inherited) ? outcomeOf(entry, 'own-cells', inherited) : inherited);
    const outcomes = { 'inherited-cells': inherited, 'own-cells': own };
    for (const rule of rules) if (outcomes[rule].kind === 'oops') ended.set(rule, outcomes[rule]);
    found.push({
      origin: 'iommu-addresses',
      node: target,
      outcomes,
      accidental: !starts.has(first - 1),
      writtenStart: isWhole ? writtenAddress(read, first, addressCount) : 0n,
      size,
      source: cellsSource(property, first - 1, Math.min(at, values.length) - first + 1),
      addressSource: cellsSource(property, first, Math.min(addressCount, Math.max(values.length - first, 1))),
      sizeSource:
        at <= values.length && sizeCount > 0 ? cellsSource(property, first + addressCount, sizeCount) : undefined,
    });
    if (ended.size === rules.length) return;
  }
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
  readonly builder: Builder;
  readonly device: DtNode;
  readonly region: RegionCells;
  /** Cells as the kernel reads them, some perhaps behind the property. */
  readonly read: Uint32Array;
  readonly first: number;
  readonly addressCount: number;
  readonly sizeCount: number;
  readonly size: bigint;
  readonly isWhole: boolean;
}

function outcomeOf(entry: Entry, rule: BusRule, other?: ReservationOutcome): ReservationOutcome {
  const { builder, device, region, first, addressCount, sizeCount, size } = entry;
  const { property, target, values } = region;
  const { read } = entry;
  if (target.physicalProblem !== undefined) return { kind: 'ignored', problem: target.physicalProblem };
  const lostReg = rule === 'own-cells' ? regWithoutBus(entry) : undefined;
  if (lostReg !== undefined) return { kind: 'ignored', problem: lostReg };
  if (property.data.broken) {
    return { kind: 'unknown', problem: problemAt(builder, 'unreadable', 'the value cannot be read', property) };
  }
  if (!entry.isWhole) return { kind: 'unknown', problem: truncation(entry) };
  const found = translateByRule(builder.tree, device, read, first, 'dma-ranges', rule);
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
function regWithoutBus({ builder, region: { node } }: Entry): Problem | undefined {
  const reg = node.properties.get('reg');
  const bus = reg && busWithoutCells(builder.tree, node, 'ranges');
  if (reg === undefined || bus === undefined) return undefined;
  const message = `reg has no physical address from Linux 6.13 on: ${nodePath(bus)} has no #address-cells of its own`;
  return problemAt(builder, 'not-translatable', message, reg);
}

function truncation({ builder, device, region, first }: Entry): Problem {
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

/** Cells at which the written entries start. */
function entryStarts({ target }: RegionCells): number[] {
  const starts: number[] = [];
  let at = 0;
  for (const { cells } of target.entries) {
    starts.push(at);
    at += 1 + cells.length;
  }
  return starts;
}
