// Where devices end up, taken over from the last version of a table as far as an edit has not changed it. SMMUs know nothing of each
// other's devices: what has changed of one IOMMU's is predicted anew with all that it has, and the others stay as they were.
import { iommusOf, isBehind } from '../topology/id-maps';
import type { DmaMaster, Iommu, Topology } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import { placements, type Placement } from './place';
import { probe, type Probed } from './probe';

/** What a kernel makes of all masters. */
interface Version {
  /** In the order in which the kernel meets them. */
  readonly masters: readonly DmaMaster[];
  /** Which of `probed` is the first of each master; one more for the end. */
  readonly firsts: readonly number[];
  readonly probed: readonly Probed[];
  /** One for each of these. */
  readonly placed: readonly Placement[];
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
  if (lineage === undefined) return firstVersion(topology, masters, kernel).placed;
  let known = versions.get(lineage);
  if (known === undefined) versions.set(lineage, (known = new WeakMap<KernelProfile, Version>()));
  const before = known.get(kernel);
  const version = (before && nextVersion(topology, masters, kernel, before)) ?? firstVersion(topology, masters, kernel);
  if (version.probed.every(isApart)) known.set(kernel, version);
  else known.delete(kernel);
  return version.placed;
}

function firstVersion(topology: Topology, masters: readonly DmaMaster[], kernel: KernelProfile): Version {
  const probed: Probed[] = [];
  const firsts = masters.map((master) => {
    const first = probed.length;
    for (const each of probe(master, kernel)) probed.push(each);
    return first;
  });
  firsts.push(probed.length);
  return { masters, firsts, probed, placed: placements(topology, probed, kernel) };
}

const groupsOfOneIommu: ReadonlySet<string> = new Set(['stream-owner', 'stream-match', 'device']);

/** It shares a group with no device that is behind another IOMMU. */
function isApart({ master, attachment }: Probed): boolean {
  if (master.kind === 'pci-function') return false;
  return !attachment.ok || groupsOfOneIommu.has(attachment.iommu.driver.grouping);
}

/** No place in the text has been looked up for it, which would be that of an earlier version (Topology.lineage). */
function mayStay({ found, unmappable, outputDoubt }: Probed): boolean {
  return unmappable === undefined && outputDoubt === undefined && found?.oops === undefined;
}

/** Undefined where there are other masters than before, or other devices of them, or most have changed. */
function nextVersion(
  topology: Topology,
  masters: readonly DmaMaster[],
  kernel: KernelProfile,
  before: Version,
): Version | undefined {
  const { firsts } = before;
  if (before.masters.length !== masters.length) return undefined;
  const changed = changedMasters(masters, before);
  if (changed.length > masters.length / 2) return undefined;
  const probed = [...before.probed];
  const renewed = new Set<Iommu>();
  const concerned = new Set<DmaMaster>();
  for (const index of changed) {
    const master = masters[index]!;
    const own = probe(master, kernel);
    if (own.length !== firsts[index + 1]! - firsts[index]!) return undefined;
    for (const [which, each] of own.entries()) probed[firsts[index]! + which] = each;
    for (const version of [before.masters[index]!, master])
      for (const iommu of iommusOf(version, kernel.mapRule)) renewed.add(iommu);
    concerned.add(master);
  }
  for (const master of masters) if (isBehind(master, renewed, kernel.mapRule)) concerned.add(master);
  const section: Topology = { ...topology, masters: topology.masters.filter((master) => concerned.has(master)) };

  const places: number[] = [];
  for (let at = 0; at < probed.length; at++) if (concerned.has(probed[at]!.master)) places.push(at);
  const again = places.map((at) => probed[at]!);
  const placed = [...before.placed];
  for (const [which, placement] of placements(section, again, kernel).entries()) {
    // What is behind another IOMMU as well, of which nothing has changed, stays there where it was.
    const { attachment } = again[which]!;
    if (!attachment.ok || renewed.has(attachment.iommu)) placed[places[which]!] = placement;
  }
  countGroups(placed);
  return { masters, firsts, probed, placed };
}

/** Places of masters that are not what they were. */
function changedMasters(masters: readonly DmaMaster[], before: Version): readonly number[] {
  const changed: number[] = [];
  for (let index = 0; index < masters.length; index++) {
    let isSame = masters[index] === before.masters[index];
    for (let at = before.firsts[index]!; isSame && at < before.firsts[index + 1]!; at++)
      isSame = mayStay(before.probed[at]!);
    if (!isSame) changed.push(index);
  }
  return changed;
}

/** Groups are counted from 0. */
function countGroups(placed: Placement[]): void {
  let id = 0;
  for (let at = 0; at < placed.length; at++) {
    const placement = placed[at]!;
    if (placement.kind !== 'leads') continue;
    if (placement.group.id !== id) placed[at] = { kind: 'leads', group: { ...placement.group, id } };
    id++;
  }
}
