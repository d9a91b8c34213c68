// Where IDs go in an IORT: the kernel's look-up of one ID at one node, and the same for whole ranges of IDs along a chain of
// nodes (drivers/acpi/arm64/iort.c iort_id_map, iort_get_id_mapping_index, iort_node_map_id).
import type { DeviceIdRule } from '../model';
import { nodeType, type KernelMapping, type KernelNode, type KernelTable } from './kernel-table';
import { leading } from '../../text/in-order';

/** What ends a search without a result. */
export type StopReason =
  /** the node has no mappings */
  | 'no-mappings'
  /** its first mapping leads to offset 0: the kernel gives up on the node */
  | 'null-reference'
  | 'not-covered'
  /** the reference leads to where the table has no bytes for a node */
  | 'outside-table'
  /** the node counts mappings behind the table's end, and none before covers the ID */
  | 'beyond-table'
  /** a chain that comes back to itself: the kernel never ends */
  | 'loop'
  /** too intricate to be followed */
  | 'too-much';

/** IDs that all fare alike. */
interface Span {
  readonly first: number;
  readonly last: number;
}

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

/** The mapping that is skipped in translations: that of a SMMUv3's own MSIs, or of a PMCG's. Undefined where none is. */
export function specialIndex(table: KernelTable, node: KernelNode, rule: DeviceIdRule): number | undefined {
  if (node.type === nodeType.smmuv3) return smmuv3Index(table, node, rule);
  if (node.type !== nodeType.pmcg) return undefined;
  return table.number(node, 'overflowGsiv') === 0 && node.mappingCount > 0 ? 0 : undefined;
}

const interrupts = ['eventGsiv', 'priGsiv', 'gerrGsiv', 'syncGsiv'];
const deviceIdValid = 1 << 4;

function smmuv3Index(table: KernelTable, node: KernelNode, rule: DeviceIdRule): number | undefined {
  if (node.revision < 1) return undefined;
  if (rule === 'by-flag' && node.revision >= 5) {
    if (((table.number(node, 'flags') ?? 0) & deviceIdValid) === 0) return undefined;
  } else if (interrupts.every((name) => (table.number(node, name) ?? 0) !== 0)) {
    return undefined;
  }
  const index = table.number(node, 'deviceIdIndex') ?? 0;
  return index < node.mappingCount ? index : undefined;
}

type Step = { readonly mapping: KernelMapping; readonly output: number; readonly reference: number } | StopReason;

/** One node's look-up. `mappings` are those that may take the ID, in order; the special one is not among them. */
function stepAt(mappings: readonly KernelMapping[], takesSingle: boolean, endsEarly: boolean, id: number): Step {
  // A match at the last ID of a range is kept only until a better one comes: counts are often one too high.
  let kept: { mapping: KernelMapping; output: number } | undefined;
  for (const mapping of mappings) {
    if (mapping.single) {
      if (!takesSingle) continue;
      return { mapping, output: mapping.outputBase, reference: mapping.reference };
    }
    if (id < mapping.inputBase || id > mapping.last) continue;
    // A remembered reference of 0 is none.
    const isConflict = kept !== undefined && kept.mapping.reference !== 0;
    if (isConflict && id !== mapping.inputBase) continue;
    const output = (mapping.outputBase + (id - mapping.inputBase)) >>> 0;
    if (mapping.count === 0 || id !== mapping.last) return { mapping, output, reference: mapping.reference };
    kept = { mapping, output };
  }
  if (endsEarly) return 'beyond-table';
  if (kept === undefined || kept.mapping.reference === 0) return 'not-covered';
  return { mapping: kept.mapping, output: kept.output, reference: kept.mapping.reference };
}

/** The look-up of a range of IDs at a node with one mapping that takes all of them; undefined where it is not so. */
function onlyStep(mappings: readonly KernelMapping[], first: number, last: number): Step | undefined {
  const [mapping] = mappings;
  if (mapping === undefined || mappings.length > 1 || mapping.reference === 0) return undefined;
  const { inputBase, outputBase, reference } = mapping;
  if (mapping.single) return { mapping, output: outputBase, reference };
  const fits = inputBase <= first && last <= mapping.last && outputBase + (last - inputBase) <= 0xffffffff;
  return fits ? { mapping, output: outputBase + (first - inputBase), reference } : undefined;
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
  const prepared = new Map<KernelNode, PreparedNode>();
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
      const { takesSingle, inOrder } = preparedNode(node);
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
      for (const part of partsOf(preparedNode(node), endsEarly, ids)) {
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

  function preparedNode(node: KernelNode): PreparedNode {
    let known = prepared.get(node);
    if (known === undefined) prepared.set(node, (known = prepare(table, node, rule)));
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

interface PreparedNode {
  readonly takesSingle: boolean;
  /** The mappings that may take an ID, in their order. */
  readonly inOrder: readonly KernelMapping[];
  /** Undefined until ranges of IDs are asked for. */
  sorted?: SortedRanges;
}

interface SortedRanges {
  /** Ranges by the ID that they begin at, and up to which ID those before reach. */
  readonly byBase: readonly KernelMapping[];
  readonly reach: readonly number[];
  /** Single mappings that count: the first alone, since it takes everything. */
  readonly single: KernelMapping | undefined;
  /** IDs at which something may change, each once, sorted. */
  readonly edges: readonly number[];
}

function prepare(table: KernelTable, node: KernelNode, rule: DeviceIdRule): PreparedNode {
  const special = specialIndex(table, node, rule);
  const takesSingle =
    node.type === nodeType.namedComponent || node.type === nodeType.rootComplex || node.type === nodeType.iwb;
  const inOrder: KernelMapping[] = [];
  for (const mapping of table.mappingsOf(node).mappings) {
    if (mapping.index === special) continue;
    if (!mapping.single) {
      if (mapping.last >= mapping.inputBase) inOrder.push(mapping);
    } else if (takesSingle) {
      // It takes everything, so that none behind it is reached.
      inOrder.push(mapping);
      break;
    }
  }
  return { takesSingle, inOrder };
}

function sortedRanges(inOrder: readonly KernelMapping[]): SortedRanges {
  const byBase = inOrder.filter(({ single }) => !single).sort((one, other) => one.inputBase - other.inputBase);
  const edges = new Set<number>();
  for (const { inputBase, last } of byBase)
    for (const edge of [inputBase, inputBase + 1, last, last + 1]) edges.add(edge);
  let furthest = -1;
  const reach = byBase.map(({ last }) => (furthest = Math.max(furthest, last)));
  return {
    byBase,
    reach,
    single: inOrder.find(({ single }) => single),
    edges: [...edges].sort((one, other) => one - other),
  };
}

interface Part extends Span {
  readonly step: Step;
  readonly work: number;
}

/** IDs in parts that one look-up holds for. */
function* partsOf(node: PreparedNode, endsEarly: boolean, ids: Span): Generator<Part> {
  const { takesSingle } = node;
  const { byBase, reach, single, edges } = (node.sorted ??= sortedRanges(node.inOrder));
  let edge = leading(edges.length, (index) => edges[index]! <= ids.first);
  let next = leading(byBase.length, (index) => byBase[index]!.inputBase <= ids.first);
  let active: KernelMapping[] = [];
  for (let before = next - 1; before >= 0 && reach[before]! >= ids.first; before--) insert(active, byBase[before]!);
  for (let at = ids.first; at <= ids.last;) {
    const last = Math.min((edges[edge++] ?? Infinity) - 1, ids.last);
    for (; next < byBase.length && byBase[next]!.inputBase <= at; next++) insert(active, byBase[next]!);
    const work = active.length + 1;
    active = active.filter((mapping) => mapping.last >= at);
    const candidates =
      single === undefined ? active : [...active, single].sort((one, other) => one.index - other.index);
    yield { first: at, last, step: stepAt(candidates, takesSingle, endsEarly, at), work };
    at = last + 1;
  }
}

function insert(list: KernelMapping[], mapping: KernelMapping): void {
  let at = list.length;
  while (at > 0 && list[at - 1]!.index > mapping.index) at--;
  list.splice(at, 0, mapping);
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
