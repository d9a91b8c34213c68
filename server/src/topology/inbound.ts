// What the buses between a device and memory forward of its accesses: the `dma-ranges` of each, put together.
import { busKind, dmaParent, readRanges } from '../tree/addresses';
import type { RangesEntry } from '../tree/addresses';
import { nodePath } from '../tree/navigate';
import type { DtNode } from '../tree/model';
import type { BusAddress, PhysicalAddress } from './address';
import { rangeOf } from './address';
import type { Builder } from './builder';
import { problemAt, propertySource } from './builder';
import type { Inbound, InboundLevel, InboundWindow, Problem } from './model';

const nothingToSay: Inbound = { levels: [], windows: undefined, problem: undefined };

/** The way up from `bus`, the bus that the device is on (for what is behind a host bridge: the bridge itself). */
export function inboundFrom(builder: Builder, bus: DtNode | undefined, cache: Map<DtNode, Inbound>): Inbound {
  if (bus === undefined) return nothingToSay;
  const known = cache.get(bus);
  if (known !== undefined) return known;
  // The root's own property is never read: translation ends when the root is reached.
  const next = dmaParent(builder.tree, bus);
  // A loop of DMA parents finds itself here, and ends.
  cache.set(bus, nothingToSay);
  const above = inboundFrom(builder, next, cache);
  const result = next === undefined ? nothingToSay : joined(builder, bus, above);
  cache.set(bus, result);
  return result;
}

function joined(builder: Builder, bus: DtNode, above: Inbound): Inbound {
  const found = readRanges(bus, 'dma-ranges');
  if (found.kind === 'missing' || found.kind === 'identity') return above;
  const source = propertySource(found.property);
  let problem: Problem | undefined = above.problem;
  if (found.kind === 'malformed') {
    problem = problemAt(builder, 'bad-cells', found.reason, found.property);
    const level: InboundLevel = { bus: nodePath(bus), source, windows: [] };
    return { levels: [level, ...above.levels], windows: [], problem };
  }
  if (found.rest > 0) {
    const message = `dma-ranges ends with ${String(found.rest)} cells that make no whole entry`;
    problem = problemAt(builder, 'bad-length', message, found.property);
  }
  const windows = found.entries.map((entry) => windowOf(bus, entry)).filter((window) => window !== undefined);
  const level: InboundLevel = { bus: nodePath(bus), source, windows };
  return { levels: [level, ...above.levels], windows: through(windows, above.windows), problem };
}

/** An entry as a window; undefined for one that no address is in (size 0, or wrapping at 2^64, as of_bus_default_map has it). */
function windowOf(bus: DtNode, entry: RangesEntry): InboundWindow | undefined {
  const device = rangeOf(entry.child as BusAddress, entry.size);
  if (entry.size === 0n || device.end < device.start) return undefined;
  const kind = busKind(bus) === 'pci' ? kinds[(entry.flags >>> 24) & 3] : undefined;
  return { device, memory: rangeOf(entry.parent as PhysicalAddress, entry.size), kind, source: entry.source };
}

/** By the space bits of PCI's first cell. Configuration space makes no sense here; Linux takes such an entry for DMA all the same. */
const kinds = [undefined, 'io', 'memory32', 'memory64'] as const;

/** What of one level's windows the level above lets through. */
function through(windows: readonly InboundWindow[], above: readonly InboundWindow[] | undefined): InboundWindow[] {
  if (above === undefined) return [...windows];
  const result: InboundWindow[] = [];
  for (const window of windows) {
    const toDevice = window.device.start - window.memory.start;
    for (const upper of above) {
      const start = max(window.memory.start, upper.device.start);
      const end = min(window.memory.end, upper.device.end);
      if (start > end) continue;
      const size = end - start + 1n;
      const memory = rangeOf((upper.memory.start + (start - upper.device.start)) as PhysicalAddress, size);
      result.push({ ...window, device: rangeOf((start + toDevice) as BusAddress, size), memory });
    }
  }
  return result;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
