// What Linux makes of a node's ID mappings, as far as rules ask for it.
import type { IdMapping, IortNode, Smmuv3Node } from '../../acpi/iort/model';
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
