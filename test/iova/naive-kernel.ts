// What the kernel does with regions, word for word and slowly: the yardstick for what is done fast. Lists are arrays here.
import type { RegionType } from '../../server/src/iova/prediction';
import { regionTypes } from '../../server/src/iova/prediction';

export interface NaiveRegion {
  readonly start: bigint;
  length: bigint;
  readonly type: RegionType;
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** drivers/iommu/iommu.c iommu_insert_resv_region. */
export function insertRegion(added: NaiveRegion, regions: NaiveRegion[]): NaiveRegion[] {
  const region = { ...added };
  const rank = (type: RegionType): number => regionTypes.indexOf(type);
  const isBefore = (iter: NaiveRegion): boolean =>
    region.start < iter.start || (region.start === iter.start && rank(region.type) <= rank(iter.type));
  const found = regions.findIndex(isBefore);
  const place = found < 0 ? regions.length : found;
  const stack: NaiveRegion[] = [];
  for (const iter of [...regions.slice(0, place), region, ...regions.slice(place)]) {
    const top = iter.type === region.type ? stack.findLast(({ type }) => type === iter.type) : undefined;
    if (top === undefined) {
      stack.push(iter);
      continue;
    }
    const iterEnd = u64(iter.start + iter.length - 1n);
    const topEnd = u64(top.start + top.length - 1n);
    if (iter.start > u64(topEnd + 1n)) stack.push(iter);
    else top.length = u64((topEnd > iterEnd ? topEnd : iterEnd) - top.start + 1n);
  }
  return stack;
}

/** drivers/iommu/iommu.c iommu_group_show_resv_regions, without the end of its page. */
export function show(regions: readonly NaiveRegion[]): string[] {
  const hex = (value: bigint): string => `0x${u64(value).toString(16).padStart(16, '0')}`;
  const word = (type: RegionType): string => (type.endsWith('msi') ? 'msi' : type);
  return regions.map(({ start, length, type }) => `${hex(start)} ${hex(start + length - 1n)} ${word(type)}`);
}

/** The cells of one device's reservations, found cell by cell as drivers/iommu/of_iommu.c of_iommu_get_resv_regions does. */
export function reservationsOf(phandle: number, properties: readonly (readonly number[])[]): NaiveRegion[] {
  const found: NaiveRegion[] = [];
  for (const cells of properties) {
    for (let at = 0; at < cells.length;) {
      if (cells[at++] !== phandle) continue;
      const [high, low, sizeHigh, sizeLow] = cells.slice(at, at + 4).map(BigInt) as [bigint, bigint, bigint, bigint];
      at += 4;
      const length = (sizeHigh << 32n) | sizeLow;
      if (length > 0n) found.push({ start: (high << 32n) | low, length, type: 'reserved' });
    }
  }
  return found;
}

/** Repeatable numbers from 0 to below `limit` (a linear congruence). */
export function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
