// `--device`: a tree path, a label, or a PCI address, to the group that the device is in.
import type { DmaMaster, HostBridge, Iommu, Topology } from '../topology/model';
import { attachByMap } from './attach';
import type { Stream } from './attach';
import { allNames } from './function-classes';
import { functionsOf, mayShareWith } from './possible-sharing';
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
      /** Of a function that the sources do not describe, so that `group` is that of its host bridge's stand-in. */
      readonly requesterId?: number;
      /** Devices of other groups that the device may turn out to share one with (possible-sharing.ts). */
      readonly mayShare: readonly string[];
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
  if (path === undefined) {
    // Functions that fare alike are called by all of their addresses: what is printed must be found again.
    const printed = prediction.groups.find(({ devices }) =>
      devices.some((device) => device.path === wanted || allNames(device).includes(wanted)),
    );
    if (printed !== undefined) return inGroup(prediction, wanted, printed, undefined);
    return { kind: 'missing', message: `there is no device ${wanted}` };
  }
  const group = groupOf(prediction, path);
  const reason = prediction.ungrouped.find((each) => each.path === path)?.reason;
  return inGroup(prediction, path, group, reason ?? 'it is behind no IOMMU');
}

function inGroup(
  prediction: RegionPrediction,
  path: string,
  group: PredictedGroup | undefined,
  reason: string | undefined,
): DeviceLookup {
  if (group === undefined) return inNoGroup(path, reason);
  return { kind: 'found', path, group, reason: undefined, mayShare: mayShareWith(prediction, group) };
}

function inNoGroup(path: string, reason: string | undefined): DeviceLookup {
  return { kind: 'found', path, group: undefined, reason, mayShare: [] };
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
    return inGroup(prediction, described.path, group, reason);
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
  if (!availability.enabled) return inNoGroup(path, `${path} is not enabled`);
  const attachment = attachByMap(host, [requesterId], prediction.kernel);
  if (!attachment.ok) return inNoGroup(path, attachment.reason);
  const { iommu, rangeProblem, streams } = attachment;
  if (rangeProblem !== undefined && iommu.driver.grouping === 'stream-owner') {
    return inNoGroup(path, rangeProblem.message);
  }
  const owner = ownerBefore(prediction, iommu, streams, host, requesterId);
  if (owner !== undefined) return inNoGroup(path, `its stream ID already belongs to ${owner.path}`);
  const standsForIt = ({ master, standsForUndescribed, iommu: its, functions }: PredictedDevice): boolean =>
    master === host &&
    standsForUndescribed &&
    its === iommu &&
    (functions?.some(({ first, last }) => first <= requesterId && requesterId <= last) ?? true);
  const group = prediction.groups.find(({ devices }) => devices.some(standsForIt));
  if (group === undefined) return inNoGroup(path, prediction.ungrouped.find(({ master }) => master === host)?.reason);
  const stand = group.devices.find(standsForIt)!;
  const mayShare = functionsOf(prediction, host, requesterId);
  return { kind: 'found', path: stand.path, group, reason: undefined, requesterId, mayShare };
}

/**
 * A device that has a stream ID of the function and came before it: the first owner keeps it. From 7.2 on that is a platform device,
 * or a function with a lower number; before, functions come first as their drivers bind, which no source tells.
 */
function ownerBefore(
  { groups, kernel }: RegionPrediction,
  iommu: Iommu,
  streams: readonly Stream[],
  host: DmaMaster,
  requesterId: number,
): PredictedDevice | undefined {
  if (kernel.groupsFormAt !== 'add' || iommu.driver.grouping !== 'stream-owner') return undefined;
  const isLater = ({ hostBridge, requesterId: other }: DmaMaster): boolean =>
    hostBridge === host.hostBridge && other !== undefined && other > requesterId;
  return groups
    .flatMap(({ devices }) => devices)
    .find(
      ({ master, iommu: itsIommu, streamIds }) =>
        itsIommu === iommu && !isLater(master) && streams.some(({ id }) => streamIds.includes(id)),
    );
}

/** By segment; enabled bridges before disabled ones, numbers that the sources give before those that we count. */
function bridgeOf({ hostBridges }: Topology, segment: number): HostBridge | undefined {
  const all = hostBridges.filter((bridge) => bridge.segment === segment);
  const enabled = all.filter(({ availability }) => availability.enabled);
  return enabled.find(({ segmentKnown }) => segmentKnown) ?? enabled[0] ?? all[0];
}
