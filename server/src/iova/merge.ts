// How the kernel puts the regions of a group's devices into one list: drivers/iommu/iommu.c iommu_insert_resv_region.
import type { Iova } from '../topology/address';
import { regionTypes } from './prediction';
import type { GroupRegion, PredictedDevice, RegionType } from './prediction';
import { compare, lastAddress } from './ranges';

/** The list of a group: each device's regions inserted in turn. */
export function mergeRegions(devices: readonly PredictedDevice[]): GroupRegion[] {
  const regions: GroupRegion[] = devices.flatMap((device) =>
    device.regions.map((region) => ({ range: region.range, type: region.type, parts: [{ device, region }] })),
  );
  // Only beside a region that ends at the last address does the order of insertion show.
  return regions.some(({ range }) => range.end === lastAddress) ? inserted(regions) : sortedAndJoined(regions);
}

/** Region by region, as the kernel does it. */
export function inserted(regions: readonly GroupRegion[]): GroupRegion[] {
  let list: GroupRegion[] = [];
  for (const region of regions) {
    let place = list.findIndex((other) => comparePlaces(region, other) <= 0);
    if (place < 0) place = list.length;
    list = joined([...list.slice(0, place), region, ...list.slice(place)]);
  }
  return list;
}

/** The same result at once. */
export function sortedAndJoined(regions: readonly GroupRegion[]): GroupRegion[] {
  return joined([...regions].sort(comparePlaces));
}

function comparePlaces(one: GroupRegion, other: GroupRegion): number {
  return compare(one.range.start, other.range.start) || rankOf(one.type) - rankOf(other.type);
}

function rankOf(type: RegionType): number {
  return regionTypes.indexOf(type);
}

/**
 * Joins neighbours of one type that overlap or touch. The sum wraps at 2^64, so that what follows a region which ends there
 * stays apart.
 */
function joined(list: readonly GroupRegion[]): GroupRegion[] {
  const result: GroupRegion[] = [];
  const lastOfType = new Map<RegionType, number>();
  for (const region of list) {
    const at = lastOfType.get(region.type);
    const top = at === undefined ? undefined : result[at]!;
    if (at === undefined || top === undefined || region.range.start > BigInt.asUintN(64, top.range.end + 1n)) {
      lastOfType.set(region.type, result.length);
      result.push(region);
      continue;
    }
    const end: Iova = region.range.end > top.range.end ? region.range.end : top.range.end;
    result[at] = { ...top, range: { start: top.range.start, end }, parts: [...top.parts, ...region.parts] };
  }
  return result;
}
