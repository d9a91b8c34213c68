// Where IDs go in an IORT, one or whole ranges of them, along a chain of nodes (drivers/acpi/arm64/iort.c iort_node_map_id).
import type { DeviceIdRule } from '../model';
import type { KernelMapping, KernelNode, KernelTable } from './kernel-table';
import {
  mappingsThatCount,
  onlyStep,
  partsOf,
  stepAt,
  type NodeMappings,
  type NoStep,
  type Span,
} from './node-mappings';

/** What ends a search without a result. */
export type StopReason =
  /** the node has no mappings */
  | 'no-mappings'
  /** its first mapping leads to offset 0: the kernel gives up on the node */
  | 'null-reference'
  | NoStep
  /** the reference leads to where the table has no bytes for a node */
  | 'outside-table'
  /** a chain that comes back to itself: the kernel never ends */
  | 'loop'
  /** too intricate to be followed */
  | 'too-much';

/** IDs that come in at the start and reach a node of the wanted kind. */
export interface Arrival extends Span {
  /** What the first of them has become. */
  readonly output: number;
  /** All of them become that same ID (a single mapping on the way). */
  readonly single: boolean;
  readonly node: KernelNode;
  /** The mapping of the first node that they took; undefined where that is itself the wanted one. */
  readonly mapping: KernelMapping | undefined;
}

/** IDs that do not. */
export interface Stop extends Span {
  readonly reason: StopReason;
  /** Where it ends. */
  readonly node: KernelNode;
  /** The mapping whose reference leads nowhere, or that the first node sent them through. */
  readonly mapping: KernelMapping | undefined;
}

export interface Routes {
  readonly arrivals: readonly Arrival[];
  readonly stops: readonly Stop[];
}

/** How far a chain is followed, and how much is looked at altogether: real ones have three nodes, hostile ones do not end. */
const longestChain = 32;
export const mostWork = 1_000_000;

/** A list of mappings that is sooner gone through than put in order. */
const shortList = 8;

const noStops: readonly Stop[] = [];

/** What of a table's IDs has been followed so far; one for each table and rule. */
export interface Router {
  /** Where the IDs `first` to `last` go from a node, to nodes whose types are in `wanted` (a mask). */
  readonly route: (from: KernelNode, first: number, last: number, wanted: number) => Routes;
  /** Where one ID arrives; undefined where it does not. */
  readonly arrival: (from: KernelNode, id: number, wanted: number) => Arrival | undefined;
  /** How much has been looked at so far, of how much there is to be looked at altogether. */
  readonly spent: () => number;
}

export function newRouter(table: KernelTable, rule: DeviceIdRule): Router {
  const prepared = new Map<KernelNode, NodeMappings>();
  let work = 0;

  return {
    route(from, first, last, wanted) {
      const arrival = arrivalOf(from, first, last, wanted);
      return arrival === undefined ? walk(from, first, last, wanted) : { arrivals: [arrival], stops: noStops };
    },
    arrival: (from, id, wanted) => arrivalOf(from, id, id, wanted) ?? walk(from, id, id, wanted).arrivals[0],
    spent: () => work,
  };

  /**
   * IDs from node to node, where nothing is in their way and all go the same way, as mostly; undefined leaves it to the walk, which
   * takes them apart and says why.
   */
  function arrivalOf(from: KernelNode, first: number, last: number, wanted: number): Arrival | undefined {
    let node = from;
    let low = first;
    let high = last;
    let mapping: KernelMapping | undefined;
    let single = false;
    for (let depth = 0; depth <= longestChain && work <= mostWork; depth++) {
      if (((1 << node.type) & wanted) !== 0) return { first, last, output: low, single, node, mapping };
      const { mappings, endsEarly } = table.mappingsOf(node);
      if (mappings.length === 0 || mappings.length > shortList || mappings[0]!.reference === 0) return undefined;
      const { takesSingle, inOrder } = countingAt(node);
      const taken =
        low === high
          ? stepAt(inOrder, takesSingle, endsEarly, low)
          : endsEarly
            ? undefined
            : onlyStep(inOrder, low, high);
      if (taken === undefined || typeof taken === 'string') return undefined;
      const target = table.nodeAt(taken.reference);
      if (target === undefined) return undefined;
      work += mappings.length;
      mapping ??= taken.mapping;
      high = taken.mapping.single ? taken.output : taken.output + (high - low);
      low = taken.output;
      single ||= taken.mapping.single;
      node = target;
    }
    return undefined;
  }

  /** The same for any IDs and nodes. */
  function walk(from: KernelNode, first: number, last: number, wanted: number): Routes {
    const arrivals: Arrival[] = [];
    const stops: Stop[] = [];
    follow(from, { first, last }, { first, last, single: false, mapping: undefined }, 0);
    return { arrivals: joined(arrivals), stops: joinedStops(stops) };

    /** `ids` are at `node` now; `origin` tells what they were at the start. */
    function follow(node: KernelNode, ids: Span, origin: Origin, depth: number): void {
      if (((1 << node.type) & wanted) !== 0) {
        const { first: start, last: end, single, mapping } = origin;
        arrivals.push({ first: start, last: end, output: ids.first, single, node, mapping });
        return;
      }
      const stop = (reason: StopReason, at: Span, mapping: KernelMapping | undefined): void => {
        const { first: start, last: end } = originOf(origin, ids, at);
        stops.push({ first: start, last: end, reason, node, mapping });
      };
      if (depth > longestChain) {
        stop('loop', ids, origin.mapping);
        return;
      }
      const { mappings, endsEarly } = table.mappingsOf(node);
      if (node.mappingCount === 0 || node.mappingOffset === 0) {
        stop('no-mappings', ids, origin.mapping);
        return;
      }
      if (mappings.length === 0) {
        stop('beyond-table', ids, origin.mapping);
        return;
      }
      if (mappings[0]!.reference === 0) {
        stop('null-reference', ids, mappings[0]);
        return;
      }
      for (const part of partsOf(countingAt(node), endsEarly, ids)) {
        work += part.work;
        if (work > mostWork) {
          stop('too-much', { first: part.first, last: ids.last }, origin.mapping);
          return;
        }
        const { step } = part;
        if (typeof step === 'string') {
          stop(step, part, origin.mapping);
          continue;
        }
        const target = table.nodeAt(step.reference);
        if (target === undefined) {
          stop('outside-table', part, step.mapping);
          continue;
        }
        const start = originOf(origin, ids, part);
        const first = origin.mapping ?? step.mapping;
        const isSingle = origin.single || step.mapping.single;
        if (step.mapping.single) {
          const one = { first: step.output, last: step.output };
          follow(target, one, { ...start, single: true, mapping: first }, depth + 1);
          continue;
        }
        // 32 bits: what does not fit comes out at the bottom again.
        for (const [from, to] of unwrapped(step.output, part.last - part.first)) {
          const piece = { first: part.first + from, last: part.first + to };
          const shown = originOf(origin, ids, piece);
          const out = (step.output + from) >>> 0;
          const outputs = { first: out, last: out + (to - from) };
          follow(target, outputs, { ...shown, single: isSingle, mapping: first }, depth + 1);
        }
      }
    }
  }

  function countingAt(node: KernelNode): NodeMappings {
    let known = prepared.get(node);
    if (known === undefined) prepared.set(node, (known = mappingsThatCount(table, node, rule)));
    return known;
  }
}

interface Origin extends Span {
  readonly single: boolean;
  readonly mapping: KernelMapping | undefined;
}

/** The part of the IDs at the start that has become a part of the IDs here. */
function originOf(origin: Origin, ids: Span, part: Span): Span {
  if (origin.single) return { first: origin.first, last: origin.last };
  return { first: origin.first + (part.first - ids.first), last: origin.first + (part.last - ids.first) };
}

function unwrapped(output: number, length: number): [from: number, to: number][] {
  const room = 0xffffffff - output;
  return length <= room
    ? [[0, length]]
    : [
        [0, room],
        [room + 1, length],
      ];
}

/** Neighbours that go on as one range do so in one piece. */
function joined(arrivals: readonly Arrival[]): Arrival[] {
  const list: Arrival[] = [];
  for (const each of arrivals) {
    const before = list.at(-1);
    const isNext =
      before !== undefined &&
      before.last + 1 === each.first &&
      before.node === each.node &&
      before.mapping === each.mapping &&
      before.single === each.single &&
      each.output === (each.single ? before.output : before.output + (each.first - before.first));
    if (isNext) list[list.length - 1] = { ...before, last: each.last };
    else list.push(each);
  }
  return list;
}

function joinedStops(stops: readonly Stop[]): Stop[] {
  const list: Stop[] = [];
  for (const each of stops) {
    const before = list.at(-1);
    const isNext =
      before !== undefined &&
      before.last + 1 === each.first &&
      before.node === each.node &&
      before.reason === each.reason &&
      before.mapping === each.mapping;
    if (isNext) list[list.length - 1] = { ...before, last: each.last };
    else list.push(each);
  }
  return list;
}
