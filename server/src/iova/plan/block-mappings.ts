// What holes in guest RAM cost in page table blocks: arithmetic on the ends of ranges, however large the guest.
import type { AddressRange } from '../../topology/address';
import { count, humanSize } from '../../text/numbers';
import { alignDown, alignUp, compare, overlaps, sizeOf, union } from '../ranges';
import { smmuBlockSizes } from '../vfio/address-space';
import { leading } from '../../text/in-order';

/** So many blocks of one size. */
export interface BlockCount {
  readonly size: bigint;
  readonly count: bigint;
}

export interface BlockCost {
  /** What the page table can map at once, largest first. */
  readonly sizes: readonly bigint[];
  /** Blocks of all RAM, largest size first; sizes of which there are none are left out. */
  readonly without: readonly BlockCount[];
  /** The same with every hole cut out. */
  readonly with: readonly BlockCount[];
  /** Blocks more than without any hole; below zero where the holes take more away than they break. */
  readonly extra: bigint;
  /** The largest size of which there were blocks and are none any more, with all holes. */
  readonly gone: bigint | undefined;
  /** Each hole that meets RAM by itself, as if there were no other, in the order given. */
  readonly holes: readonly HoleCost[];
}

export interface HoleCost {
  readonly hole: AddressRange;
  /** The part of it that lies in RAM, in whole pages. */
  readonly taken: bigint;
  readonly lost: readonly BlockCount[];
  readonly gained: readonly BlockCount[];
  readonly extra: bigint;
  /** `this 4 KiB hole turns one 1 GiB block into 511 × 2 MiB + 511 × 4 KiB` */
  readonly text: string;
}

/**
 * Blocks that map guest RAM one to one, with memory behind it that is as large and aligned as the blocks (huge pages), each
 * RAM range by a map of its own. Holes count by whole pages; those that meet no RAM are left out of the result. Block sizes
 * are those of the page table, smallest first; an SMMU's where not given.
 */
export function blockMappings(
  ram: readonly AddressRange[],
  holes: readonly AddressRange[],
  pageSize: bigint,
  blockSizes: readonly bigint[] = smmuBlockSizes(pageSize),
): BlockCost {
  const sizes = [...blockSizes].reverse();
  const ranges = ram.map((range) => wholePages(range, pageSize)).filter((range) => range !== undefined);
  const without = emptyTally(sizes);
  for (const range of ranges) addBlocks(without, range, sizes, 1n);
  const cut = [...without];
  const pageHoles = union(holes.filter(({ start, end }) => start <= end).map((hole) => touchedPages(hole, pageSize)));
  for (const range of ranges) addCut(cut, range, pageHoles, sizes);
  const find = overlapFinder(ranges);
  const each: HoleCost[] = [];
  for (const hole of holes) {
    if (hole.start > hole.end) continue;
    const pages = touchedPages(hole, pageSize);
    const met = find(pages);
    if (met.length > 0) each.push(holeCost(hole, pages, met, sizes));
  }
  return {
    sizes,
    without: countsOf(without, sizes),
    with: countsOf(cut, sizes),
    extra: total(cut) - total(without),
    gone: sizes.find((_, at) => without[at]! > 0n && cut[at] === 0n),
    holes: each,
  };
}

/** How many blocks a list comes to. */
export function totalBlocks(counts: readonly BlockCount[]): bigint {
  return counts.reduce((sum, { count: number }) => sum + number, 0n);
}

/** `4 × 1 GiB + 3 × 2 MiB`; `none` for an empty list. */
export function blocksText(counts: readonly BlockCount[]): string {
  if (counts.length === 0) return 'none';
  return counts.map(({ size, count: number }) => `${number} × ${humanSize(size)}`).join(' + ');
}

/** Blocks by size, in the order of the sizes. */
type Tally = bigint[];

function emptyTally(sizes: readonly bigint[]): Tally {
  return sizes.map(() => 0n);
}

/** Adds (or with −1 takes away) the blocks of one range: of each size those that fit and lie in no larger one. */
function addBlocks(tally: Tally, { start, end }: AddressRange, sizes: readonly bigint[], sign: 1n | -1n): void {
  let covered = 0n;
  sizes.forEach((size, at) => {
    const inside = alignDown(end + 1n, size) - alignUp(start, size);
    if (inside <= covered) return;
    tally[at]! += (sign * (inside - covered)) / size;
    covered = inside;
  });
}

/** Replaces the blocks of a range by those of what the holes, a set, leave of it. */
function addCut(tally: Tally, range: AddressRange, holes: readonly AddressRange[], sizes: readonly bigint[]): void {
  let at = firstReaching(holes, range.start);
  if (at === holes.length || holes[at]!.start > range.end) return;
  addBlocks(tally, range, sizes, -1n);
  let from = range.start;
  for (; at < holes.length && holes[at]!.start <= range.end; at++) {
    const hole = holes[at]!;
    if (hole.start > from) addBlocks(tally, { start: from, end: hole.start - 1n }, sizes, 1n);
    from = hole.end + 1n;
  }
  if (from <= range.end) addBlocks(tally, { start: from, end: range.end }, sizes, 1n);
}

/** The first range of a set that ends at an address or behind it. */
function firstReaching(set: readonly AddressRange[], address: bigint): number {
  return leading(set.length, (index) => set[index]!.end < address);
}

function holeCost(
  hole: AddressRange,
  pages: AddressRange,
  ranges: readonly AddressRange[],
  sizes: readonly bigint[],
): HoleCost {
  const change = emptyTally(sizes);
  let taken = 0n;
  for (const range of ranges) {
    addCut(change, range, [pages], sizes);
    const start = pages.start > range.start ? pages.start : range.start;
    const end = pages.end < range.end ? pages.end : range.end;
    taken += end - start + 1n;
  }
  const gained = countsOf(change, sizes);
  const lost = countsOf(
    change.map((number) => -number),
    sizes,
  );
  return { hole, taken, lost, gained, extra: total(change), text: sentence(hole, taken, lost, gained) };
}

function sentence(
  hole: AddressRange,
  taken: bigint,
  lost: readonly BlockCount[],
  gained: readonly BlockCount[],
): string {
  const name = `this ${humanSize(sizeOf(hole))} hole`;
  const blocks = lost.map(({ size, count: number }) => count(Number(number), `${humanSize(size)} block`)).join(' and ');
  if (gained.length === 0)
    return `${name} takes ${blocks} of RAM away (${humanSize(taken)}) and breaks no larger block`;
  return `${name} turns ${blocks} into ${blocksText(gained)}`;
}

function countsOf(tally: Tally, sizes: readonly bigint[]): BlockCount[] {
  return sizes.map((size, at) => ({ size, count: tally[at]! })).filter(({ count: number }) => number > 0n);
}

function total(tally: Tally): bigint {
  return tally.reduce((sum, number) => sum + number, 0n);
}

/** The whole pages inside a range; undefined if there is none. */
function wholePages({ start, end }: AddressRange, pageSize: bigint): AddressRange | undefined {
  const first = alignUp(start, pageSize);
  const last = alignDown(end + 1n, pageSize) - 1n;
  return first <= last ? { start: first, end: last } : undefined;
}

/** A hole of a few bytes costs the pages that it touches. */
function touchedPages({ start, end }: AddressRange, pageSize: bigint): AddressRange {
  return { start: alignDown(start, pageSize), end: alignUp(end + 1n, pageSize) - 1n };
}

/** A look-up of the ranges that meet another one. The furthest end up to each place tells how far back to look. */
function overlapFinder(ranges: readonly AddressRange[]): (wanted: AddressRange) => AddressRange[] {
  const sorted = [...ranges].sort((one, other) => compare(one.start, other.start));
  const reach: bigint[] = [];
  for (const { end } of sorted) reach.push(reach.length > 0 && reach.at(-1)! > end ? reach.at(-1)! : end);
  return (wanted) => {
    const found: AddressRange[] = [];
    let at = leading(sorted.length, (index) => sorted[index]!.start <= wanted.end) - 1;
    for (; at >= 0 && reach[at]! >= wanted.start; at--) {
      if (overlaps(sorted[at]!, wanted)) found.push(sorted[at]!);
    }
    return found;
  };
}
