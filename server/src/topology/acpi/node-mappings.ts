// The kernel's look-up of one ID at one node of an IORT, and the same for a range of IDs in parts that fare alike
// (drivers/acpi/arm64/iort.c iort_id_map, iort_get_id_mapping_index).
import { leading } from '../../text/in-order';
import type { DeviceIdRule } from '../model';
import { nodeType, type KernelMapping, type KernelNode, type KernelTable } from './kernel-table';

/** IDs that all fare alike. */
export interface Span {
  readonly first: number;
  readonly last: number;
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

/** Why no mapping of a node takes an ID. */
export type NoStep =
  | 'not-covered'
  /** the node counts mappings behind the table's end, and none before covers the ID */
  | 'beyond-table';

export type Step = { readonly mapping: KernelMapping; readonly output: number; readonly reference: number } | NoStep;

/** The look-up of one ID. `mappings` are those that may take the ID, in order; the special one is not among them. */
export function stepAt(mappings: readonly KernelMapping[], takesSingle: boolean, endsEarly: boolean, id: number): Step {
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
export function onlyStep(mappings: readonly KernelMapping[], first: number, last: number): Step | undefined {
  const [mapping] = mappings;
  if (mapping === undefined || mappings.length > 1 || mapping.reference === 0) return undefined;
  const { inputBase, outputBase, reference } = mapping;
  if (mapping.single) return { mapping, output: outputBase, reference };
  const fits = inputBase <= first && last <= mapping.last && outputBase + (last - inputBase) <= 0xffffffff;
  return fits ? { mapping, output: outputBase + (first - inputBase), reference } : undefined;
}

/** The mappings of a node as its look-ups take them. */
export interface NodeMappings {
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

/** Those that count in translations. */
export function mappingsThatCount(table: KernelTable, node: KernelNode, rule: DeviceIdRule): NodeMappings {
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
export function* partsOf(node: NodeMappings, endsEarly: boolean, ids: Span): Generator<Part> {
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
