// How the kernel puts the regions of a group's devices into one list: drivers/iommu/iommu.c iommu_insert_resv_region.
import type { AddressRange, Iova } from '../topology/address';
import { regionTypes } from './prediction';
import type { GroupRegion, PredictedDevice, RegionType } from './prediction';
import { compare, lastAddress } from './ranges';
import { leading } from '../text/in-order';

/** The list of a group: each device's regions inserted in turn. */
export function mergeRegions(devices: readonly PredictedDevice[]): GroupRegion[] {
  const [only] = devices;
  const [region, second] = only?.regions ?? [];
  if (devices.length === 1 && second === undefined)
    return region === undefined ? [] : [single({ device: only!, region })];
  const byType = new Map<RegionType, Part[]>();
  for (const device of devices) {
    for (const region of device.regions) {
      const same = byType.get(region.type);
      const part = { device, region };
      if (same === undefined) byType.set(region.type, [part]);
      else same.push(part);
    }
  }
  // Regions of one type know nothing of the others but their places.
  const lists = [...byType.values()].map((parts) => (parts.some(isOdd) ? inserted(parts) : sortedAndJoined(parts)));
  const merged: readonly GroupRegion[] = lists.flat();
  return lists.length < 2 ? [...merged] : [...merged].sort(comparePlaces);
}

type Part = GroupRegion['parts'][number];

interface Growing extends GroupRegion {
  range: AddressRange<Iova>;
  readonly parts: Part[];
}

/** Only beside a region that ends at the last address, or below its own start, does the order of insertion show. */
function isOdd({ region: { range } }: Part): boolean {
  return range.end === lastAddress || range.end < range.start;
}

/**
 * Regions of one type one by one, as the kernel does it: a new one goes before what starts at the same address or later.
 * What was there before touches nothing of its own, so that joining begins at the new one's place and goes on as long as
 * something joins.
 */
export function inserted(parts: readonly Part[]): GroupRegion[] {
  const list: Growing[] = [];
  for (const part of parts) {
    const place = firstFrom(list, part.region.range.start);
    list.splice(place, 0, single(part));
    const from = place > 0 && joins(list[place - 1]!, list[place]!) ? place - 1 : place;
    let end = from + 1;
    for (; end < list.length && joins(list[from]!, list[end]!); end++) join(list[from]!, list[end]!);
    list.splice(from + 1, end - from - 1);
  }
  return list;
}

/** The same result at once, where no region is odd. */
export function sortedAndJoined(parts: readonly Part[]): GroupRegion[] {
  const list: Growing[] = [];
  const sorted = [...parts].sort((one, other) => compare(one.region.range.start, other.region.range.start));
  for (const part of sorted) {
    const region = single(part);
    const top = list.at(-1);
    if (top !== undefined && joins(top, region)) join(top, region);
    else list.push(region);
  }
  return list;
}

function single(part: Part): Growing {
  return { range: part.region.range, type: part.region.type, parts: [part] };
}

/** The first place in a sorted list that starts at `start` or later. */
function firstFrom(list: readonly GroupRegion[], start: bigint): number {
  return leading(list.length, (index) => list[index]!.range.start < start);
}

/** Overlaps or touches. The sum wraps at 2^64, so that what follows a region which ends there stays apart. */
function joins(top: GroupRegion, region: GroupRegion): boolean {
  return region.range.start <= BigInt.asUintN(64, top.range.end + 1n);
}

function join(top: Growing, { range, parts }: GroupRegion): void {
  if (range.end > top.range.end) top.range = { start: top.range.start, end: range.end };
  for (const part of parts) top.parts.push(part);
}

function comparePlaces(one: GroupRegion, other: GroupRegion): number {
  return compare(one.range.start, other.range.start) || rankOf(one.type) - rankOf(other.type);
}

function rankOf(type: RegionType): number {
  return regionTypes.indexOf(type);
}
