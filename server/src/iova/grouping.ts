// Which devices share a group: by the IOMMU driver's rules for stream IDs, and by PCI's for isolation.
import type { Iommu, Problem } from '../topology/model';
import type { Stream } from './attach';
import type { KernelProfile } from './kernel-profile';
import { mediatekGroup, mediatekRefusal, mediatekWindow } from './mediatek';
import { newPciNeighbours } from './pci-neighbours';
import type { PredictedDevice } from './prediction';
import { newStreamOwners, type StreamOwners } from './stream-owners';

export interface Member {
  readonly device: PredictedDevice;
  readonly streams: readonly Stream[];
  readonly oops: Problem | undefined;
  readonly unknown: readonly string[];
  /** Why it makes no group of its own; it joins one that is there. */
  readonly cannotBeFirst: string | undefined;
}

export interface Grouping {
  /** Puts a device into the group it shares or a new one; the reason if the IOMMU driver refuses it. */
  readonly add: (member: Member) => string | undefined;
  readonly groups: () => readonly { readonly members: readonly Member[] }[];
}

interface Group {
  readonly number: number;
  readonly members: Member[];
}

interface Owner {
  readonly group: Group;
  readonly path: string;
}

type Owners = StreamOwners<Owner>;

export function newGrouping(kernel: KernelProfile): Grouping {
  const groups: Group[] = [];
  const owners = new Map<Iommu, Owners>();
  const neighbours = newPciNeighbours();
  const byKey = new Map<string, Group>();

  return {
    groups: () => groups,
    add(member) {
      const { device, streams } = member;
      let known = owners.get(device.iommu);
      if (known === undefined) owners.set(device.iommu, (known = newStreamOwners<Owner>()));
      const shared = sharedByStream(known, member);
      if (typeof shared === 'string') return shared;
      const driver = driverGroup(member, kernel);
      if (driver.refusal !== undefined) return driver.refusal;
      const { key } = driver;
      const joined = shared ?? byKey.get(key ?? '') ?? sharedByPci(device);
      if (joined === undefined && member.cannotBeFirst !== undefined) return member.cannotBeFirst;
      const group = joined ?? newGroup(member);
      if (key !== undefined) byKey.set(key, group);
      if (joined !== undefined) group.members.push(member);
      // Nothing else is a neighbour.
      if (device.master.kind === 'pci-function') neighbours.add(device.master, group.number);
      if (streams.length > 0) {
        const owner: Owner = { group, path: device.path };
        for (const stream of streams) known.add(stream, owner);
      }
      return undefined;
    },
  };

  function newGroup(first: Member): Group {
    const group: Group = { number: groups.length, members: [first] };
    groups.push(group);
    return group;
  }

  /** pci_device_group: what cannot be kept apart shares. */
  function sharedByPci({ master, standsForUndescribed }: PredictedDevice): Group | undefined {
    if (master.kind !== 'pci-function' || standsForUndescribed) return undefined;
    const number = neighbours.groupFor(master);
    return number === undefined ? undefined : groups[number];
  }
}

interface DriverGroup {
  /** What the devices of one group have in common; undefined where the driver makes no groups of its own. */
  readonly key?: string | undefined;
  readonly refusal?: string | undefined;
}

const noGroup: DriverGroup = {};

/** Drivers that know better than PCI which devices share. */
function driverGroup({ device, streams }: Member, kernel: KernelProfile): DriverGroup {
  const { iommu, master } = device;
  const { grouping, mediatek, sharedSwgroups } = iommu.driver;
  if (grouping === 'iommu') return { key: `${iommu.path} all` };
  if (grouping !== 'swgroup' && mediatek === undefined) return noGroup;
  const ids = streams.map(({ id }) => id);
  if (grouping === 'swgroup') {
    const [first] = ids;
    if (first === undefined) return {};
    return { key: `${iommu.path} ${sharedSwgroups.includes(first) ? 'shared' : String(first)}` };
  }
  // Of what is not described, nobody knows the port.
  if (mediatek === undefined || ids.length === 0) return {};
  const window = mediatekWindow(mediatek, master, ids, kernel);
  if (!window.ok) return { refusal: window.reason };
  const refusal = mediatekRefusal(mediatek, ids);
  return refusal === undefined ? { key: mediatekGroup(iommu, mediatek, window.index, ids) } : { refusal };
}

/** A group, a refusal, or nothing to share. */
function sharedByStream(owners: Owners, { device, streams }: Member): Group | string | undefined {
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
function refusedByOwner(owners: Owners, streams: readonly Stream[]): string | undefined {
  for (const { id } of streams) {
    const owner = owners.ofId(id);
    if (owner !== undefined) return `stream ID 0x${id.toString(16)} already belongs to ${owner.path}`;
  }
  return undefined;
}

/** arm_smmu_find_sme: an entry that an existing one covers shares it, and its group; one that only overlaps is refused. */
function matchedStream(owners: Owners, streams: readonly Stream[]): Group | string | undefined {
  let group: Group | undefined;
  for (const stream of streams) {
    const covering = owners.covering(stream);
    if (covering === undefined) {
      const other = owners.overlapping(stream);
      if (other === undefined) continue;
      const { id, mask } = stream;
      return `stream ID 0x${id.toString(16)} with mask 0x${mask.toString(16)} overlaps one of ${other.path}`;
    }
    if (group !== undefined && covering.group !== group)
      return `its stream IDs belong to two groups, that of ${covering.path} is one`;
    group = covering.group;
  }
  return group;
}
