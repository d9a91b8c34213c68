// Where the software MSI window could lie, best place first, and what each policy of choosing it comes to.
import type { AddressRange, Iova } from '../topology/address';
import { rangeOf } from '../topology/address';
import type { RegionPrediction } from './prediction';
import { alignDown, alignUp, compare, overlaps, sizeOf } from './ranges';
import { allowedByAll, granule, windowDemands } from './window-demands';
import type { Obstacle, WindowDemand } from './window-demands';

const oneGiB = 1n << 30n;
const fourGiB = 1n << 32n;

export interface WindowCandidate {
  readonly range: AddressRange<Iova>;
  /** Why it is where it is, and what to keep in mind; best reasons first. */
  readonly reasons: readonly string[];
}

/** What keeps a device from using a window, obstacle by obstacle; empty if it fits. */
export function windowConflicts(demand: WindowDemand, window: AddressRange<Iova>): Obstacle[] {
  const needed = rangeOf(window.start, demand.least);
  return demand.obstacles.filter(({ range }) => overlaps(range, needed));
}

/**
 * Places for the window that every device could use, best first, at most `most`; the present one is left out. A window is
 * aligned to 64 KiB, has the usual size where there is room and never less than all doorbells need. Places below 1 GiB come
 * first, since no VMM but one has RAM there; then those under 4 GiB, which 32-bit MSI capabilities can hold, from the top.
 */
export function windowCandidates(
  prediction: RegionPrediction,
  most = 3,
  guestRam: readonly AddressRange[] = [],
): WindowCandidate[] {
  const current = prediction.kernel.msiWindow;
  const possible = windowDemands(prediction, guestRam).filter(canBeMet);
  if (possible.length === 0) return [];
  const least = possible.reduce((largest, demand) => (demand.least > largest ? demand.least : largest), granule);
  const unknownObstacles = possible.find((demand) => demand.unknownObstacles !== undefined)?.unknownObstacles;
  const usual = sizeOf(current);
  const found = new Map<bigint, AddressRange<Iova>>();
  for (const free of allowedByAll(possible)) {
    for (const place of placesIn(free, usual, least, current.start)) found.set(place.start, place);
  }
  found.delete(current.start);
  return [...found.values()]
    .sort((one, other) => rank(one, other, current))
    .slice(0, most)
    .map((range) => ({ range, reasons: meritsOf(range, usual, least, guestRam.length > 0, unknownObstacles) }));
}

function canBeMet({ allowed, least }: WindowDemand): boolean {
  return allowed.some((free) => bounds(free, least) !== undefined);
}

/** The lowest and highest start of a window of that size in a free range. */
function bounds({ start, end }: AddressRange<Iova>, size: bigint): { lowest: Iova; highest: Iova } | undefined {
  if (sizeOf({ start, end }) < size) return undefined;
  const lowest = alignUp(start, granule);
  const highest = alignDown((end - size + 1n) as Iova, granule);
  return lowest <= highest ? { lowest, highest } : undefined;
}

/** In one free range: the nearest to the present place, the lowest, the highest, and the highest below 4 GiB. */
function placesIn(free: AddressRange<Iova>, usual: bigint, least: bigint, wanted: Iova): AddressRange<Iova>[] {
  const size = fittingSize(free, usual, least);
  const room = size === undefined ? undefined : bounds(free, size);
  if (size === undefined || room === undefined) return [];
  // A window of its size's alignment reads better, and costs no more of the large blocks around it than it must.
  const lowest = alignUp(room.lowest, size);
  const highest = alignDown(room.highest, size);
  if (lowest > highest) return [rangeOf(room.lowest, size)];
  const under4G = alignDown((fourGiB - size) as Iova, size);
  const nearest = alignDown(wanted, size);
  return [lowest, highest, clamp(nearest, lowest, highest), clamp(under4G, lowest, highest)].map((start) =>
    rangeOf(start, size),
  );
}

function fittingSize(free: AddressRange<Iova>, usual: bigint, least: bigint): bigint | undefined {
  for (let size = usual; size > least; size = alignDown(size / 2n, granule)) {
    if (size >= granule && bounds(free, size) !== undefined) return size;
  }
  return bounds(free, least) === undefined ? undefined : least;
}

function clamp(value: Iova, lowest: Iova, highest: Iova): Iova {
  return value < lowest ? lowest : value > highest ? highest : value;
}

function rank(one: AddressRange<Iova>, other: AddressRange<Iova>, current: AddressRange<Iova>): number {
  const zones = zone(one) - zone(other);
  if (zones !== 0) return zones;
  const sizes = compare(sizeOf(other), sizeOf(one));
  if (sizes !== 0) return sizes;
  return zone(one) === 0 ? compare(distance(one, current), distance(other, current)) : compare(other.start, one.start);
}

/** 0 below 1 GiB, 1 below 4 GiB, 2 above. */
function zone({ end }: AddressRange): 0 | 1 | 2 {
  return end < oneGiB ? 0 : end < fourGiB ? 1 : 2;
}

function distance(one: AddressRange, other: AddressRange): bigint {
  return one.start > other.start ? one.start - other.start : other.start - one.start;
}

const zoneReasons = [
  'below 1 GiB, where VMMs have no RAM',
  'below 4 GiB, so that 32-bit MSI capabilities reach it',
  'above 4 GiB: functions whose MSI capability has only 32 address bits cannot use it',
] as const;

/**
 * What speaks for a place that fits: `usual` is the size that windows have, `least` what they must have. Above 1 GiB a place
 * must be checked against the guest's RAM, where that is not known.
 */
export function meritsOf(
  range: AddressRange<Iova>,
  usual: bigint,
  least: bigint,
  knowsGuest: boolean,
  unknownObstacles?: string,
): string[] {
  const isUnchecked = zone(range) === 1 && !knowsGuest;
  const reasons: string[] = [`${zoneReasons[zone(range)]}${isUnchecked ? '; check it against the guest’s RAM' : ''}`];
  reasons.push(
    unknownObstacles === undefined
      ? 'clear of reserved regions and outbound PCI windows, inside what is forwarded and translated'
      : `clear of reserved regions, inside what is translated; check it against the PCI host bridge’s windows: ${unknownObstacles}`,
  );
  if (sizeOf(range) < usual)
    reasons.push(`smaller than the usual window; the doorbells need ${String(least / granule)} pages of 64 KiB`);
  return reasons;
}

/** How a kernel finds the window. Mainline knows `fixed` alone; the others were proposed for it. */
export type WindowPolicy =
  | { readonly kind: 'fixed' }
  /** Bases that are tried in turn; the first that overlaps no reserved region is taken. */
  | { readonly kind: 'fallback'; readonly bases: readonly Iova[] }
  /** From the IOVA allocator: the highest free place below 4 GiB, then anywhere. */
  | { readonly kind: 'allocator' }
  /** What a VMM asks for through iommufd. */
  | { readonly kind: 'user'; readonly window: AddressRange<Iova> };

/** The window that a policy gives a device; undefined when it finds no place. */
export function windowByPolicy(demand: WindowDemand, policy: WindowPolicy): AddressRange<Iova> | undefined {
  switch (policy.kind) {
    case 'fixed':
      return demand.window;
    case 'user':
      return policy.window;
    case 'fallback': {
      const size = sizeOf(demand.window);
      const regions = demand.obstacles.filter(({ kind }) => kind === 'reserved-region' || kind === 'relaxable-region');
      const tried = [demand.window, ...policy.bases.map((base) => rangeOf(base, size))];
      return tried.find((window) => !regions.some(({ range }) => overlaps(range, window)));
    }
    case 'allocator':
      return allocated(demand);
  }
}

/** As iommu_dma_alloc_iova: from the top, first within 32 bits. */
function allocated({ allowed, window, least }: WindowDemand): AddressRange<Iova> | undefined {
  const places = allowed.flatMap((free) => placesIn(free, sizeOf(window), least, window.start));
  const highestFirst = places.sort((one, other) => compare(other.start, one.start));
  return highestFirst.find(({ end }) => end < fourGiB) ?? highestFirst[0];
}
