// PCI host bridges: their windows of bus addresses, and the functions that the tree describes behind them.
import { busKind, readRanges, translate } from '../tree/addresses';
import type { RangesEntry } from '../tree/addresses';
import { addressCells, cellValue, nodePath, stringValue } from '../tree/navigate';
import type { DtNode } from '../tree/model';
import type { BusAddress, PhysicalAddress } from './address';
import { rangeOf } from './address';
import type { Builder } from './builder';
import { availabilityOf, labelNames, nodeSource, problemAt } from './builder';
import type { HostBridge, OutboundWindow, Problem } from './model';
import { cellsOf } from './translate';

/** A PCI bus whose parent is none, and that says enough of itself to be a device. */
export function isHostBridge(node: DtNode): boolean {
  if (node.parent === undefined || !isPciNode(node) || isPciNode(node.parent)) return false;
  return bridgeProperties.some((name) => node.properties.has(name));
}

const bridgeProperties = ['compatible', 'ranges', 'iommu-map', 'msi-map', 'bus-range'];

/** `device_type` says so, or the name does and addresses have PCI's three cells. */
export function isPciNode(node: DtNode): boolean {
  const hasType = node.properties.has('device_type');
  if (!hasType && !node.name.startsWith('pcie')) return false;
  return (
    busKind(node) === 'pci' &&
    (hasType
      ? stringValue(node, 'device_type') === 'pci' || addressCells(node) === 3
      : cellValue(node, '#address-cells') === 3)
  );
}

/** `fallbackSegment`: the number that Linux gives to a bridge without `linux,pci-domain`, if it probes them in tree order. */
export function readHostBridge(builder: Builder, node: DtNode, fallbackSegment: number): HostBridge {
  const segment = cellValue(node, 'linux,pci-domain');
  const range = node.properties.get('bus-range');
  const buses = range && cellsOf(range.data.bytes);
  const { windows, problem } = readOutbound(builder, node);
  return {
    path: nodePath(node),
    labels: labelNames(node),
    availability: availabilityOf(node),
    segment: segment ?? fallbackSegment,
    segmentKnown: segment !== undefined,
    busRange: { first: (buses?.[0] ?? 0) & 0xff, last: (buses?.[1] ?? 0xff) & 0xff },
    outbound: windows,
    outboundProblem: problem,
    source: nodeSource(node),
  };
}

function readOutbound(builder: Builder, node: DtNode): { windows: OutboundWindow[]; problem: Problem | undefined } {
  const found = readRanges(node, 'ranges');
  if (found.kind === 'missing' || found.kind === 'identity') return { windows: [], problem: undefined };
  if (found.kind === 'malformed') {
    return { windows: [], problem: problemAt(builder, 'bad-cells', found.reason, found.property) };
  }
  let problem: Problem | undefined;
  if (found.rest > 0) {
    const message = `ranges ends with ${String(found.rest)} cells that make no whole entry`;
    problem = problemAt(builder, 'bad-length', message, found.property);
  }
  const windows = found.entries.flatMap((entry) => outboundWindow(builder, node, entry) ?? []);
  return { windows, problem };
}

/** One entry; undefined for one of size 0 or that wraps. A bridge without flags cell (not three address cells) has plain memory. */
function outboundWindow(builder: Builder, node: DtNode, entry: RangesEntry): OutboundWindow | undefined {
  const bus = rangeOf(entry.child as BusAddress, entry.size);
  if (entry.size === 0n || bus.end < bus.start) return undefined;
  const values = cellsOf(entry.property.data.bytes);
  const parentAt = entry.firstCell + addressCells(node);
  const parentCells = addressCells(node.parent ?? node);
  const found = translate(builder.tree, node, Array.from(values.subarray(parentAt, parentAt + parentCells)), 'ranges');
  return {
    bus,
    cpu: found.ok ? rangeOf(found.address as PhysicalAddress, entry.size) : undefined,
    kind: (['configuration', 'io', 'memory32', 'memory64'] as const)[(entry.flags >>> 24) & 3]!,
    prefetchable: (entry.flags & 0x40000000) !== 0,
    source: entry.source,
  };
}

/** A PCI function that the tree describes. */
export interface DescribedFunction {
  readonly node: DtNode;
  /** The bridge node above it; undefined on the root bus. */
  readonly upstream: DtNode | undefined;
  readonly requesterId: number | undefined;
  readonly aliases: readonly number[];
  readonly isBridge: boolean;
}

/**
 * All functions below a host bridge, those of a bus by device number, each bridge followed by what is behind it. Linux finds a
 * function's node by device and function number (of_pci_find_child_device).
 */
export function describedFunctions(host: DtNode, bridge: HostBridge): DescribedFunction[] {
  const found: DescribedFunction[] = [];
  // Bus numbers that the description leaves open are counted as Linux assigns them: depth first (pci_scan_child_bus_extend).
  let lastBus = bridge.busRange.first;
  const visit = (parent: DtNode, bus: number, upstream: DtNode | undefined): void => {
    const children = functionsOn(parent);
    const isConventional = upstream !== undefined && hasConventionalDevices(children);
    for (const { node, deviceFunction, writtenBus } of children) {
      const isBridge = isPciNode(node) || cellValue(node, '#address-cells') === 3;
      const ownBus = writtenBus === 0 ? bus : writtenBus;
      const requesterId = (ownBus << 8) | deviceFunction;
      found.push({ node, upstream, requesterId, aliases: isConventional ? [ownBus << 8] : [], isBridge });
      if (!isBridge) continue;
      const range = node.properties.get('bus-range');
      lastBus = (range && cellsOf(range.data.bytes)[0]) ?? lastBus + 1;
      visit(node, lastBus & 0xff, node);
    }
  };
  visit(host, bridge.busRange.first, undefined);
  return found;
}

interface FunctionNode {
  readonly node: DtNode;
  readonly deviceFunction: number;
  readonly writtenBus: number;
}

function functionsOn(bus: DtNode): FunctionNode[] {
  const found: FunctionNode[] = [];
  for (const node of bus.children.values()) {
    const reg = node.properties.get('reg');
    const values = reg && cellsOf(reg.data.bytes);
    // A function's `reg` starts with its configuration address: bus, device and function.
    if (values === undefined || values.length < 5) continue;
    const first = values[0]!;
    found.push({ node, deviceFunction: (first >>> 8) & 0xff, writtenBus: (first >>> 16) & 0xff });
  }
  return found.sort((one, other) => one.deviceFunction - other.deviceFunction);
}

/**
 * A PCI Express link has device 0 alone, and the bus inside a switch holds nothing but bridges. So a device of another
 * number that is no bridge sits on a conventional bus, whose bridge puts its own requester ID on what passes.
 */
function hasConventionalDevices(children: readonly FunctionNode[]): boolean {
  return children.some(({ node, deviceFunction }) => deviceFunction >> 3 !== 0 && !isPciNode(node));
}
