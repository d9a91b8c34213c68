// Groups that may be one on the real machine. PCI functions share a group unless Access Control Services (ACS) keep them
// apart, and whether a function or the bridge above it has ACS stands in no source (drivers/iommu/iommu.c pci_device_group).
import type { DmaMaster } from '../topology/model';
import type { PredictedGroup, RegionPrediction } from './prediction';
import { oncePer } from '../text/once';

/** More names than a device has functions help nobody. */
const mostNames = 8;

/** Why functions may share, for a message that names them. */
export const sharingReason =
  'functions of one device, and what is behind a bridge, are kept apart only by ACS, which no source tells';

/**
 * The devices of other groups that a group may turn out to share: further functions of the same device, and the bridges
 * above. What the group reserves then is what all of them do.
 */
export function mayShareWith(prediction: RegionPrediction, group: PredictedGroup): readonly string[] {
  const found = new Set<string>();
  for (const { master, standsForUndescribed } of group.devices) {
    if (standsForUndescribed || master.kind !== 'pci-function' || master.requesterId === undefined) continue;
    for (const path of functionsOf(prediction, master, master.requesterId)) found.add(path);
    for (let bridge = master.upstream; bridge !== undefined; bridge = bridge.upstream) {
      if (isGrouped(prediction, bridge)) found.add(bridge.path);
    }
  }
  for (const { path } of group.devices) found.delete(path);
  return [...found].slice(0, mostNames);
}

/** Described functions in groups that have this requester ID but for the function number, below the host bridge of `master`. */
export function functionsOf(
  prediction: RegionPrediction,
  { hostBridge }: DmaMaster,
  requesterId: number,
): readonly string[] {
  return (
    functionsBySlot(prediction)
      .get(hostBridge)
      ?.get(requesterId >> 3) ?? []
  ).slice(0, mostNames + 1);
}

function isGrouped(prediction: RegionPrediction, bridge: DmaMaster): boolean {
  if (bridge.requesterId === undefined) return false;
  const slot = functionsBySlot(prediction)
    .get(bridge.hostBridge)
    ?.get(bridge.requesterId >> 3);
  return slot?.includes(bridge.path) === true;
}

type Slots = ReadonlyMap<unknown, ReadonlyMap<number, readonly string[]>>;

const functionsBySlot = oncePer((prediction: RegionPrediction): Slots => {
  const all = new Map<unknown, Map<number, string[]>>();
  for (const { devices } of prediction.groups) {
    for (const { master, standsForUndescribed } of devices) {
      if (standsForUndescribed || master.kind !== 'pci-function' || master.requesterId === undefined) continue;
      let slots = all.get(master.hostBridge);
      if (slots === undefined) all.set(master.hostBridge, (slots = new Map<number, string[]>()));
      const slot = slots.get(master.requesterId >> 3);
      if (slot === undefined) slots.set(master.requesterId >> 3, [master.path]);
      else slot.push(master.path);
    }
  }
  return all;
});
