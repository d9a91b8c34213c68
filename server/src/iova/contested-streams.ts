// Stream IDs of an IORT's named components that another master has as well: which one comes first decides, and no table tells it.
import { usableEntries } from '../topology/id-maps';
import type { DmaMaster, Iommu, Topology } from '../topology/model';
import type { Attachment } from './attach';
import { pciName } from './function-classes';
import type { KernelProfile } from './kernel-profile';
import { lastAtOrBefore } from '../text/in-order';

/** By master, a sentence for each rival. */
export function contestedStreams(
  topology: Topology,
  all: readonly { readonly master: DmaMaster; readonly attachment: Attachment }[],
  kernel: KernelProfile,
): ReadonlyMap<DmaMaster, readonly string[]> {
  const contested = new Map<DmaMaster, string[]>();
  const contest = (master: DmaMaster, text: string): void => {
    const texts = contested.get(master);
    if (texts === undefined) contested.set(master, [text]);
    else if (!texts.includes(text)) texts.push(text);
  };
  if (topology.firmware !== 'acpi') return contested;
  const functions = kernel.groupsFormAt === 'bind' ? functionsByStream(topology, kernel) : undefined;
  /** Of a crowd with one ID, the first names one of the others, and they name it. */
  const isKnown = new Set<DmaMaster>();
  const owners = new Map<Iommu, Map<number, DmaMaster>>();
  for (const { master, attachment } of all) {
    if (master.kind !== 'platform' || !attachment.ok || attachment.iommu.driver.grouping !== 'stream-owner') continue;
    const { iommu, streams } = attachment;
    let known = owners.get(iommu);
    if (known === undefined) owners.set(iommu, (known = new Map<number, DmaMaster>()));
    for (const { id } of streams) {
      const other = known.get(id);
      if (other === undefined) known.set(id, master);
      else if (other !== master) {
        contest(master, contestText(id, other));
        if (!isKnown.has(other)) contest(other, contestText(id, master));
        isKnown.add(other).add(master);
      }
      const rival = functions?.(iommu, id);
      if (rival !== undefined) contest(master, rivalText(id, master, rival));
    }
  }
  return contested;
}

/** The first one that Linux meets keeps the ID, and their order is that of the ACPI namespace. */
function contestText(id: number, { path }: DmaMaster): string {
  return `Stream ID 0x${id.toString(16)} is that of ${path} as well: the one that stands first in the ACPI namespace has a group, the other has none.`;
}

/** Before 7.2, drivers of PCI functions bind first. Which functions there are, no table tells. */
function rivalText(id: number, { path }: DmaMaster, rival: string): string {
  return `If there is a function ${rival}, it has stream ID 0x${id.toString(16)} as soon as its driver binds, and ${path} has no group.`;
}

interface Mapped {
  readonly first: number;
  readonly last: number;
  /** The highest last ID of this one and those before it. */
  readonly reach: number;
  readonly isSingle: boolean;
  readonly input: number;
  readonly segment: number;
}

/** Which function has a stream ID, by the maps of the root complexes. */
function functionsByStream(
  { masters }: Topology,
  { mapRule }: KernelProfile,
): (iommu: Iommu, id: number) => string | undefined {
  const unsorted = new Map<Iommu, Omit<Mapped, 'reach'>[]>();
  for (const { iommuMap, hostBridge, availability } of masters) {
    if (hostBridge === undefined || !availability.enabled) continue;
    const { segment } = hostBridge;
    for (const { input, output, length, single, target } of usableEntries(iommuMap, mapRule)) {
      const iommu = target.target;
      if (iommu === undefined || length === 0) continue;
      const isSingle = single === true;
      const mapped = { first: output, last: isSingle ? output : output + length - 1, isSingle, input, segment };
      const list = unsorted.get(iommu);
      if (list === undefined) unsorted.set(iommu, [mapped]);
      else list.push(mapped);
    }
  }
  const sorted = new Map(Array.from(unsorted, ([iommu, list]) => [iommu, inOrder(list)] as const));
  return (iommu, id) => {
    const list = sorted.get(iommu) ?? [];
    let at = lastAtOrBefore(list.length, (index) => list[index]!.first, id);
    for (; at >= 0 && list[at]!.reach >= id; at--) {
      const { first, last, isSingle, input, segment } = list[at]!;
      if (id <= last) return pciName(isSingle ? input : input + (id - first), segment);
    }
    return undefined;
  };
}

function inOrder(list: readonly Omit<Mapped, 'reach'>[]): Mapped[] {
  let reach = -1;
  return [...list]
    .sort((one, other) => one.first - other.first)
    .map((each) => ({ ...each, reach: (reach = Math.max(reach, each.last)) }));
}
