// How the kernel puts the regions of a group's devices into one list: drivers/iommu/iommu.c iommu_insert_resv_region.
import { regionTypes } from './prediction';
import type { GroupRegion, PredictedDevice } from './prediction';
import type { Iova } from '../topology/address';

/** The list of a group: each device's regions inserted in turn. */
export function mergeRegions(devices: readonly PredictedDevice[]): GroupRegion[] {
  let list: GroupRegion[] = [];
  for (const device of devices) {
    for (const region of device.regions) {
      list = insert(list, { range: region.range, type: region.type, parts: [{ device, region }] });
    }
  }
  return list;
}

function insert(list: readonly GroupRegion[], region: GroupRegion): GroupRegion[] {
  const rank = regionTypes.indexOf(region.type);
  const { start } = region.range;
  let place = list.findIndex(
    (other) => start < other.range.start || (start === other.range.start && rank <= regionTypes.indexOf(other.type)),
  );
  if (place < 0) place = list.length;
  return mergeSameType([...list.slice(0, place), region, ...list.slice(place)], region.type);
}

/** Joins neighbours of one type that overlap or touch. The sum wraps at 2^64, so that what follows a region which ends there stays apart. */
function mergeSameType(list: readonly GroupRegion[], type: GroupRegion['type']): GroupRegion[] {
  const merged: GroupRegion[] = [];
  for (const region of list) {
    const at = region.type === type ? merged.findLastIndex((each) => each.type === type) : -1;
    const top = merged[at];
    if (top === undefined || region.range.start > BigInt.asUintN(64, top.range.end + 1n)) {
      merged.push(region);
      continue;
    }
    const end: Iova = region.range.end > top.range.end ? region.range.end : top.range.end;
    merged[at] = { ...top, range: { start: top.range.start, end }, parts: [...top.parts, ...region.parts] };
  }
  return merged;
}
