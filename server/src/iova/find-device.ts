// `--device`: a tree path, a label, or a PCI address, to the group that the device is in.
import type { DmaMaster, HostBridge, Iommu, Topology } from '../topology/model';
import { attachByMap } from './attach';
import type { Stream } from './attach';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from './prediction';

/** What the sources say of names beside masters; the caller has the tree. */
export interface DeviceNames {
  /** The path that a path, `&label` or `label` names; undefined if there is none such. */
  readonly resolve: (name: string) => string | undefined;
}

export type DeviceLookup =
  /** `group` is undefined for a device that the kernel never puts into one, with the reason. */
  | {
      readonly kind: 'found';
      readonly path: string;
      readonly group: PredictedGroup | undefined;
      readonly reason: string | undefined;
    }
  | { readonly kind: 'missing'; readonly message: string };

const pciAddress = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i;

/** Finds a device and its group. A PCI function need not be described: its requester ID goes through the bridge's map. */
export function findDevice(
  topology: Topology,
  prediction: RegionPrediction,
  names: DeviceNames,
  wanted: string,
): DeviceLookup {
  const address = pciAddress.exec(wanted);
  if (address !== null) {
    const [segment, bus, device, number] = address.slice(1).map((part) => parseInt(part || '0', 16)) as [
      number,
      number,
      number,
      number,
    ];
    if (device > 0x1f) return { kind: 'missing', message: `${wanted} is no PCI address: device numbers end at 1f` };
    return findFunction(topology, prediction, segment, (bus << 8) | (device << 3) | number, wanted);
  }
  const path = names.resolve(wanted);
  if (path === undefined) return { kind: 'missing', message: `there is no device ${wanted}` };
  const group = groupOf(prediction, path);
  const reason = prediction.ungrouped.find((each) => each.path === path)?.reason;
  return { kind: 'found', path, group, reason: group ? undefined : (reason ?? 'it is behind no IOMMU') };
}

/** A device's own group; for a host bridge that only stands for others, the group of those. */
function groupOf({ groups }: RegionPrediction, path: string): PredictedGroup | undefined {
  const isOwn = (group: PredictedGroup): boolean =>
    group.devices.some((device) => device.path === path && !device.standsForUndescribed);
  return groups.find(isOwn) ?? groups.find(({ devices }) => devices.some((device) => device.path === path));
}

function findFunction(
  topology: Topology,
  prediction: RegionPrediction,
  segment: number,
  requesterId: number,
  wanted: string,
): DeviceLookup {
  const bridge = bridgeOf(topology, segment);
  const host = topology.masters.find(({ kind, hostBridge }) => kind === 'pci-host' && hostBridge === bridge);
  if (bridge === undefined || host === undefined) {
    return { kind: 'missing', message: `there is no PCI host bridge for ${wanted}` };
  }
  const described = topology.masters.find(
    (master) => master.kind === 'pci-function' && master.hostBridge === bridge && master.requesterId === requesterId,
  );
  if (described !== undefined) {
    const group = prediction.groups.find(({ devices }) => devices.some(({ master }) => master === described));
    const reason = prediction.ungrouped.find(({ master }) => master === described)?.reason;
    return { kind: 'found', path: described.path, group, reason: group ? undefined : reason };
  }
  return undescribedFunction(prediction, host, bridge, requesterId);
}

/** A function without a node has what its IOMMU's driver reserves for everybody: the group of the bridge's stand-in. */
function undescribedFunction(
  prediction: RegionPrediction,
  host: DmaMaster,
  { path, availability }: HostBridge,
  requesterId: number,
): DeviceLookup {
  if (!availability.enabled) return { kind: 'found', path, group: undefined, reason: `${path} is not enabled` };
  const attachment = attachByMap(host, [requesterId], prediction.kernel);
  if (!attachment.ok) return { kind: 'found', path, group: undefined, reason: attachment.reason };
  const { iommu, rangeProblem, streams } = attachment;
  if (rangeProblem !== undefined && iommu.driver.grouping === 'stream-owner') {
    return { kind: 'found', path, group: undefined, reason: rangeProblem.message };
  }
  const owner = ownerBefore(prediction, iommu, streams);
  if (owner !== undefined) {
    return { kind: 'found', path, group: undefined, reason: `its stream ID already belongs to ${owner.path}` };
  }
  const group =
    prediction.groups.find(({ devices }) => devices.some(({ master }) => isSlotMate(master, host, requesterId))) ??
    prediction.groups.find(({ devices }) =>
      devices.some((device) => device.master === host && device.standsForUndescribed && device.iommu === iommu),
    );
  const reason = prediction.ungrouped.find(({ master }) => master === host)?.reason;
  return { kind: 'found', path, group, reason: group ? undefined : reason };
}

/**
 * A platform device that has a stream ID of the function: the first owner keeps it, and from 7.2 on that is the platform device.
 * Before, PCI functions with a driver come first.
 */
function ownerBefore(
  { groups, kernel }: RegionPrediction,
  iommu: Iommu,
  streams: readonly Stream[],
): PredictedDevice | undefined {
  if (kernel.groupsFormAt !== 'add' || iommu.driver.grouping !== 'stream-owner') return undefined;
  return groups
    .flatMap(({ devices }) => devices)
    .find((device) => device.iommu === iommu && streams.some(({ id }) => device.streamIds.includes(id)));
}

/** A described function of the same endpoint: without ACS they share a group (grouping.ts). */
function isSlotMate(master: DmaMaster, host: DmaMaster, requesterId: number): boolean {
  if (master.kind !== 'pci-function' || master.hostBridge !== host.hostBridge || master.isBridge) return false;
  return master.requesterId !== undefined && master.requesterId >> 3 === requesterId >> 3;
}

/** By segment; enabled bridges before disabled ones, numbers that the sources give before those that we count. */
function bridgeOf({ hostBridges }: Topology, segment: number): HostBridge | undefined {
  const all = hostBridges.filter((bridge) => bridge.segment === segment);
  const enabled = all.filter(({ availability }) => availability.enabled);
  return enabled.find(({ segmentKnown }) => segmentKnown) ?? enabled[0] ?? all[0];
}
