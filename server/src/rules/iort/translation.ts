// What Linux makes of a node's ID mappings, as far as rules ask for it.
import type { IdMapping, IortNode, IortTable, Smmuv3Node } from '../../acpi/iort/model';
import { oncePer } from '../../text/once';
import type { TableInput } from '../table-rule';
import { nodeRevision } from './finding';

/** IDs, both ends included. */
export interface IdRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface InputRange extends IdRange {
  readonly mapping: IdMapping;
}

/** The IDs that a mapping takes. */
export function inputRange(mapping: IdMapping): InputRange {
  const start = mapping.inputBase.value;
  return { mapping, start, end: start + mapping.count.value };
}

/** The IDs that it makes of them: one for a single mapping. */
export function outputRange({ outputBase, count, single }: IdMapping): IdRange {
  const start = outputBase.value;
  return { start, end: start + (single ? 0n : count.value) };
}

/** What decides of a mapping beside the table: how the kernel finds an SMMUv3's own. */
type ForKernel = Pick<TableInput, 'kernel'>;

/** The interrupts that an SMMUv3 has: with one of them 0, it sends messages. */
export function hasAllInterrupts({ values }: Smmuv3Node): boolean {
  const { eventGsiv, priGsiv, gerrGsiv, syncGsiv } = values;
  return [eventGsiv, priGsiv, gerrGsiv, syncGsiv].every((gsiv) => gsiv?.value !== 0n);
}

/** Whether the kernel goes by the flag DeviceID Valid of the node: from node revision 5 on, and from Linux 6.2 on. */
export function goesByFlag({ kernel }: ForKernel, node: Smmuv3Node): boolean {
  return kernel.deviceIdRule === 'by-flag' && nodeRevision(node) >= 5;
}

/**
 * The index of an SMMUv3's own mapping, if it counts: where the kernel goes by the flag if that says so, else from node
 * revision 1 on unless all four interrupts are wired (Linux iort_get_id_mapping_index).
 */
export function deviceIdIndex(input: ForKernel, node: Smmuv3Node): bigint | undefined {
  const { deviceIdIndex: index, flags } = node.values;
  if (nodeRevision(node) < 1 || index === undefined) return undefined;
  const isValid = goesByFlag(input, node) ? ((flags?.value ?? 0n) & 0x10n) !== 0n : !hasAllInterrupts(node);
  return isValid ? index.value : undefined;
}

/** Whether translation skips the mapping: it gives the device ID of the SMMU's own interrupts. */
export function isDeviceIdMapping(input: ForKernel, node: IortNode, { index }: IdMapping): boolean {
  return node.kind === 'smmuv3' && deviceIdIndex(input, node) === BigInt(index);
}

/** The mappings that translate ranges of IDs, in order: not the single ones, not an SMMUv3's own. */
export function rangeMappings(input: ForKernel, node: IortNode): InputRange[] {
  if (!['root-complex', 'named-component', 'smmu', 'smmuv3'].includes(node.kind)) return [];
  return node.mappings.filter((mapping) => !mapping.single && !isDeviceIdMapping(input, node, mapping)).map(inputRange);
}

/** Parts of a range that none of the others covers, in order. */
export function uncovered(range: IdRange, covering: readonly IdRange[]): IdRange[] {
  const gaps: IdRange[] = [];
  let next = range.start;
  for (const { start, end } of [...covering].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    if (end < next) continue;
    if (start > range.end) break;
    if (start > next) gaps.push({ start: next, end: start - 1n });
    next = end + 1n;
  }
  if (next <= range.end) gaps.push({ start: next, end: range.end });
  return gaps;
}

/** Whether a range lies in the 32 bits that IDs have. */
export function fits({ end }: IdRange): boolean {
  return end <= 0xffffffffn;
}

/** A mapping of a master that leads to an SMMU, and the stream IDs that it makes there. */
export interface StreamRange extends IdRange {
  readonly node: IortNode;
  readonly mapping: IdMapping;
  readonly smmu: IortNode;
}

/** The stream IDs that a root complex or a named component makes on SMMUs, in the order of its mappings. */
export function streamRanges(node: IortNode): readonly StreamRange[] {
  return node.kind === 'root-complex' || node.kind === 'named-component' ? rangesOfMaster(node) : [];
}

const rangesOfMaster = oncePer((node: IortNode): readonly StreamRange[] => {
  const isSmmu = ({ target }: IdMapping) => target?.kind === 'smmu' || target?.kind === 'smmuv3';
  // Linux asks a component's mappings for its stream IDs up to the first that gives none; ranges are for a bus's children.
  const last = node.mappings.findIndex((mapping) => !mapping.single || !isSmmu(mapping));
  const isAsked = ({ index, single }: IdMapping) => node.kind === 'root-complex' || !single || last < 0 || index < last;
  return node.mappings.flatMap((mapping) => {
    const { target } = mapping;
    if (!isAsked(mapping) || (target?.kind !== 'smmu' && target?.kind !== 'smmuv3')) return [];
    const { start, end } = outputRange(mapping);
    return [{ start, end, node, mapping, smmu: target }];
  });
});

/** The stream IDs that arrive at the SMMUs, found once for all rules. */
export interface Streams {
  /** Those of one SMMU that meet a range of IDs. */
  readonly meeting: (smmu: IortNode, ids: IdRange) => readonly StreamRange[];
  /** In order of their first IDs. */
  readonly bySmmu: ReadonlyMap<IortNode, readonly StreamRange[]>;
}

/** Ranges of one SMMU that are said to meet one: more than anybody reads. */
const mostMeeting = 64;

/** The stream IDs of all root complexes and named components, by the way of their mappings. */
export function streams({ table }: Pick<TableInput, 'table'>): Streams {
  return streamsOf(table);
}

const streamsOf = oncePer((table: IortTable): Streams => {
  const bySmmu = new Map<IortNode, StreamRange[]>();
  for (const node of table.nodes) {
    for (const range of streamRanges(node)) {
      const ranges = bySmmu.get(range.smmu);
      if (ranges === undefined) bySmmu.set(range.smmu, [range]);
      else ranges.push(range);
    }
  }
  for (const ranges of bySmmu.values()) ranges.sort(byStart);
  const meeting = (smmu: IortNode, { start, end }: IdRange) => {
    const ranges = bySmmu.get(smmu) ?? [];
    const highest = highestEnds(ranges);
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]!.start <= end) low = middle + 1;
      else high = middle;
    }
    const found: StreamRange[] = [];
    for (let at = low - 1; at >= 0 && highest[at]! >= start && found.length < mostMeeting; at--) {
      if (ranges[at]!.end >= start) found.push(ranges[at]!);
    }
    return found.reverse();
  };
  return { meeting, bySmmu };
});

/** The highest end up to each of the sorted ranges: in front of a lower one nothing meets an ID any more. */
const highestEnds = oncePer((ranges: readonly StreamRange[]): readonly bigint[] => {
  const highest: bigint[] = [];
  for (const { end } of ranges) highest.push(highest.length > 0 && highest.at(-1)! > end ? highest.at(-1)! : end);
  return highest;
});

/** By the first ID, then by the place in the table. */
function byStart(a: StreamRange, b: StreamRange): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : a.mapping.offset - b.mapping.offset;
}
