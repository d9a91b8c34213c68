// Which devices share a group: by the IOMMU driver's rules for stream IDs, and by PCI's for isolation.
import type { DmaMaster, Iommu, Problem } from '../topology/model';
import type { Stream } from './attach';
import type { PredictedDevice } from './prediction';

export interface Member {
  readonly device: PredictedDevice;
  readonly streams: readonly Stream[];
  readonly oops: Problem | undefined;
  readonly unknown: readonly string[];
}

export interface Grouping {
  /** Puts a device into the group it shares or a new one; the reason if the IOMMU driver refuses it. */
  readonly add: (member: Member) => string | undefined;
  readonly groups: () => readonly (readonly Member[])[];
}

type Group = Member[];

interface Owner extends Stream {
  readonly group: Group;
  readonly path: string;
}

export function newGrouping(): Grouping {
  const groups: Group[] = [];
  const owners = new Map<Iommu, Owner[]>();
  return {
    groups: () => groups,
    add(member) {
      const { device, streams } = member;
      const known = owners.get(device.iommu) ?? [];
      owners.set(device.iommu, known);
      const shared = sharedByStream(known, member);
      if (typeof shared === 'string') return shared;
      const group = shared ?? sharedByPci(groups, device) ?? sharedByIommu(groups, device) ?? newGroup(groups);
      group.push(member);
      for (const stream of streams) known.push({ ...stream, group, path: device.path });
      return undefined;
    },
  };
}

function newGroup(groups: Group[]): Group {
  const group: Group = [];
  groups.push(group);
  return group;
}

/** A group, a refusal, or nothing to share. */
function sharedByStream(owners: readonly Owner[], { device, streams }: Member): Group | string | undefined {
  switch (device.iommu.driver.grouping) {
    case 'stream-owner':
      return refusedByOwner(owners, streams);
    case 'stream-match':
      return matchedStream(owners, streams);
    default:
      return undefined;
  }
}

/** arm_smmu_insert_master: a stream ID belongs to its first owner, the next device with it does not probe. */
function refusedByOwner(owners: readonly Owner[], streams: readonly Stream[]): string | undefined {
  for (const { id } of streams) {
    const owner = owners.find((each) => each.id === id);
    if (owner !== undefined) return `stream ID 0x${id.toString(16)} already belongs to ${owner.path}`;
  }
  return undefined;
}

/** arm_smmu_find_sme: an entry that an existing one covers shares it, and its group; one that only overlaps is refused. */
function matchedStream(owners: readonly Owner[], streams: readonly Stream[]): Group | string | undefined {
  let group: Group | undefined;
  for (const { id, mask } of streams) {
    const covering = owners.find((owner) => (mask & owner.mask) === mask && ((id ^ owner.id) & ~owner.mask) === 0);
    if (covering === undefined) {
      const other = owners.find((owner) => ((id ^ owner.id) & ~(owner.mask | mask)) === 0);
      if (other === undefined) continue;
      return `stream ID 0x${id.toString(16)} with mask 0x${mask.toString(16)} overlaps one of ${other.path}`;
    }
    if (group !== undefined && covering.group !== group)
      return `its stream IDs belong to two groups, that of ${covering.path} is one`;
    group = covering.group;
  }
  return group;
}

/** generic_single_device_group: one group for all that is behind the IOMMU. */
function sharedByIommu(groups: readonly Group[], { iommu }: PredictedDevice): Group | undefined {
  if (iommu.driver.grouping !== 'iommu') return undefined;
  return groups.find((group) => group[0]?.device.iommu === iommu);
}

/** pci_device_group: what cannot be kept apart shares. */
function sharedByPci(groups: readonly Group[], { master, standsForUndescribed }: PredictedDevice): Group | undefined {
  if (master.kind !== 'pci-function' || standsForUndescribed) return undefined;
  const { upstream } = master;
  const isConventional = master.aliases.length > 0;
  return groups.find((group) =>
    group.some(({ device }) => {
      if (isConventional && device.master === upstream) return true;
      return isSameSlot(device.master, master) || (isConventional && hasSameBus(device.master, master));
    }),
  );
}

/** Functions of one endpoint: few have ACS, so we take them for not isolated (get_pci_function_alias_group). */
function isSameSlot(one: DmaMaster, other: DmaMaster): boolean {
  if (one.isBridge || other.isBridge || one.requesterId === undefined || other.requesterId === undefined) return false;
  return hasSameBus(one, other) && one.requesterId >> 3 === other.requesterId >> 3;
}

function hasSameBus(one: DmaMaster, other: DmaMaster): boolean {
  return one.kind === 'pci-function' && one.hostBridge === other.hostBridge && one.upstream === other.upstream;
}
