// One mapping of a guest's memory into an IOMMU: what the kernel answers to it, and what stands in its way.
import type { AddressRange } from '../../topology/model';
import type { GroupRegion, PredictedGroup } from '../prediction';
import { lastAddress, overlaps, subtract } from '../ranges';

/** What VFIO_IOMMU_MAP_DMA or IOMMU_IOAS_MAP (with a fixed IOVA) is asked for, in bytes. */
export interface DmaMap {
  readonly iova: bigint;
  readonly size: bigint;
}

export type MapError =
  | 'EINVAL'
  | 'EEXIST'
  | 'EOVERFLOW'
  /** type1 alone: more maps than dma_entry_limit */
  | 'ENOSPC';

export interface MapConflict {
  /** The region, the mapping that is there, the part beyond the aperture; for the other kinds the map itself. */
  readonly range: AddressRange;
  readonly kind: 'region' | 'aperture' | 'mapping' | 'alignment' | 'wrap';
  /** For `region` alone. */
  readonly region: GroupRegion | undefined;
}

export interface MapResult {
  readonly map: DmaMap;
  readonly result: 'ok' | MapError;
  /** All that stands in the way, not only what the kernel stops at; in ascending order within a kind. */
  readonly conflicts: readonly MapConflict[];
}

/** Both ends, as the kernel adds them up: a map that wraps ends below its start. */
export function rangeOfMap({ iova, size }: DmaMap): AddressRange {
  return { start: iova, end: BigInt.asUintN(64, iova + size - 1n) };
}

/** An IOVA, or IOVA and size together, beyond 2^64 − 1. Size 0 does not count. */
export function wraps({ iova, size }: DmaMap): boolean {
  return size > 0n && iova + size - 1n > lastAddress;
}

export function isAligned({ iova, size }: DmaMap, alignment: bigint): boolean {
  return (iova | size) % alignment === 0n;
}

/** A conflict of the map with itself. */
export function ownConflict(map: DmaMap, kind: 'alignment' | 'wrap'): MapConflict {
  return { range: rangeOfMap(map), kind, region: undefined };
}

/** Reserved regions that a user may not map. */
export function excludes({ type }: Pick<GroupRegion, 'type'>): boolean {
  return type !== 'direct-relaxable';
}

/** The reserved regions of these groups that a range meets, each once where groups share one. */
export function regionsMet(groups: readonly PredictedGroup[], range: AddressRange): MapConflict[] {
  const met = new Map<string, MapConflict>();
  for (const { regions } of groups) {
    for (const region of regions) {
      if (!excludes(region) || !overlaps(region.range, range)) continue;
      const key = `${String(region.range.start)} ${String(region.range.end)} ${region.type}`;
      if (!met.has(key)) met.set(key, { range: region.range, kind: 'region', region });
    }
  }
  return [...met.values()].sort((one, other) => (one.range.start < other.range.start ? -1 : 1));
}

/** What of a range lies beyond the address spaces that all IOMMUs of a container share. */
export function beyond(apertures: readonly AddressRange[], range: AddressRange): MapConflict[] {
  const outside = apertures.flatMap((aperture) => subtract([range], [aperture]));
  const seen = new Set<bigint>();
  return outside
    .filter(({ start }) => !seen.has(start) && seen.add(start))
    .map((part) => ({ range: part, kind: 'aperture', region: undefined }));
}

export function mappingsMet(maps: readonly DmaMap[], range: AddressRange): MapConflict[] {
  return maps
    .map(rangeOfMap)
    .filter((other) => overlaps(other, range))
    .map((other) => ({ range: other, kind: 'mapping', region: undefined }));
}
