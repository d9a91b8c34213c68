// Where devices end up, taken over from the last version of a table as far as an edit has not changed it. SMMUs know nothing of each
// other's devices: what has changed of one IOMMU's is predicted anew with all that it has, and the others stay as they were.
import type { DmaMaster, Iommu, Topology } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import { placements, type Placement } from './place';
import { probe, type Probed } from './probe';

/** What a kernel makes of one master. */
interface Part {
  readonly probed: readonly Probed[];
  /** One for each. */
  readonly placed: readonly Placement[];
  /** All that it may have to do with. */
  readonly iommus: readonly Iommu[];
  /** Its devices share groups with none behind other IOMMUs. */
  readonly isApart: boolean;
  /** No place in the text has been looked up for it, which would be that of an earlier version (Topology.lineage). */
  readonly mayStay: boolean;
}

interface Version {
  /** In the order in which the kernel meets them. */
  readonly masters: readonly DmaMaster[];
  /** One for each. */
  readonly parts: readonly Part[];
}

/** The last versions, by lineage. */
const versions = new WeakMap<object, WeakMap<KernelProfile, Version>>();

/** Where all devices of a topology end up, in the order of `masters`, which are all of it in the order in which the kernel meets them. */
export function placementsOf(
  topology: Topology,
  masters: readonly DmaMaster[],
  kernel: KernelProfile,
): readonly Placement[] {
  const { lineage } = topology;
  if (lineage === undefined) {
    const all = masters.flatMap((master) => probe(master, kernel));
    return placements(topology, all, kernel);
  }
  let known = versions.get(lineage);
  if (known === undefined) versions.set(lineage, (known = new WeakMap<KernelProfile, Version>()));
  const before = known.get(kernel);
  const parts = (before && nextParts(topology, masters, kernel, before)) ?? allParts(topology, masters, kernel);
  if (parts.every((part) => part.isApart)) known.set(kernel, { masters, parts });
  else known.delete(kernel);
  return parts.flatMap(({ placed }) => placed);
}

function allParts(topology: Topology, masters: readonly DmaMaster[], kernel: KernelProfile): readonly Part[] {
  const probed = masters.map((master) => probe(master, kernel));
  return placedParts(topology, masters, probed, kernel);
}

/** `probed` has what became of each of the masters. */
function placedParts(
  topology: Topology,
  masters: readonly DmaMaster[],
  probed: readonly (readonly Probed[])[],
  kernel: KernelProfile,
): readonly Part[] {
  const placed = placements(topology, probed.flat(), kernel);
  let at = 0;
  return masters.map((master, index) => {
    const own = probed[index]!;
    const first = at;
    at += own.length;
    return {
      probed: own,
      placed: placed.slice(first, at),
      iommus: iommusOf(master, kernel),
      isApart: own.every(isApart),
      mayStay: own.every(mayStay),
    };
  });
}

const groupsOfOneIommu: ReadonlySet<string> = new Set(['stream-owner', 'stream-match', 'device']);

function isApart({ master, attachment }: Probed): boolean {
  if (master.kind === 'pci-function') return false;
  return !attachment.ok || groupsOfOneIommu.has(attachment.iommu.driver.grouping);
}

function mayStay({ found, unmappable, outputDoubt }: Probed): boolean {
  return unmappable === undefined && outputDoubt === undefined && found?.oops === undefined;
}

function iommusOf({ streams, iommuMap }: DmaMaster, { mapRule }: KernelProfile): readonly Iommu[] {
  const entries = iommuMap?.readings[mapRule].entries ?? [];
  const links = [...streams.map(({ iommu }) => iommu), ...entries.map(({ target }) => target)];
  return links.flatMap(({ target }) => target ?? []);
}

/** Undefined where there are other masters than before, or most have changed. */
function nextParts(
  topology: Topology,
  masters: readonly DmaMaster[],
  kernel: KernelProfile,
  before: Version,
): readonly Part[] | undefined {
  if (before.masters.length !== masters.length) return undefined;
  const changed = new Set<number>();
  const renewed = new Set<Iommu>();
  for (const [index, master] of masters.entries()) {
    const part = before.parts[index]!;
    if (master === before.masters[index] && part.mayStay) continue;
    changed.add(index);
    for (const iommu of part.iommus) renewed.add(iommu);
    for (const iommu of iommusOf(master, kernel)) renewed.add(iommu);
  }
  if (changed.size > masters.length / 2) return undefined;

  const again: number[] = [];
  for (const [index, { iommus }] of before.parts.entries()) {
    if (changed.has(index) || iommus.some((iommu) => renewed.has(iommu))) again.push(index);
  }
  const concerned = again.map((index) => masters[index]!);
  const probed = again.map((index) =>
    changed.has(index) ? probe(masters[index]!, kernel) : before.parts[index]!.probed,
  );
  const isConcerned = new Set(concerned);
  const section: Topology = { ...topology, masters: topology.masters.filter((master) => isConcerned.has(master)) };
  const parts = [...before.parts];
  for (const [count, next] of placedParts(section, concerned, probed, kernel).entries()) {
    const index = again[count]!;
    parts[index] = changed.has(index) ? next : { ...next, placed: mixed(before.parts[index]!, next, renewed) };
  }
  return numbered(parts);
}

/** What is behind an IOMMU of which nothing has changed stays where it was. */
function mixed(before: Part, next: Part, renewed: ReadonlySet<Iommu>): readonly Placement[] {
  return next.probed.map(({ attachment }, which) => {
    const hasStayed = attachment.ok && !renewed.has(attachment.iommu);
    return hasStayed ? before.placed[which]! : next.placed[which]!;
  });
}

/** With the groups counted from 0. */
function numbered(parts: readonly Part[]): readonly Part[] {
  let next = 0;
  const count = (placement: Placement): Placement => {
    if (placement.kind !== 'leads') return placement;
    const id = next++;
    return placement.group.id === id ? placement : { kind: 'leads', group: { ...placement.group, id } };
  };
  return parts.map((part) => {
    const placed = part.placed.map(count);
    return placed.every((each, which) => each === part.placed[which]) ? part : { ...part, placed };
  });
}
