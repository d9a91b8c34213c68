// Arithmetic on address ranges with both ends included, so that 2^64 − 1 can be one. A set is a list of ranges in ascending
// order of which none touches another. The packages for this take numbers, or ends that are excluded.
import type { AddressRange } from '../topology/address';

export const lastAddress = (1n << 64n) - 1n;

export function overlaps(one: AddressRange, other: AddressRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}

/** Whether the whole of `inner` lies in one range of the set. */
export function contains(set: readonly AddressRange[], inner: AddressRange): boolean {
  return set.some(({ start, end }) => start <= inner.start && inner.end <= end);
}

/** Bytes in a range; the whole space has 2^64. */
export function sizeOf({ start, end }: AddressRange): bigint {
  return end - start + 1n;
}

/** Any ranges as a set. Ranges that end before they start hold nothing. */
export function union<A extends bigint>(ranges: Iterable<AddressRange<A>>): AddressRange<A>[] {
  const sorted = [...ranges]
    .filter(({ start, end }) => start <= end)
    .sort((one, other) => compare(one.start, other.start));
  const set: { start: A; end: A }[] = [];
  for (const { start, end } of sorted) {
    const last = set.at(-1);
    if (last === undefined || start > last.end + 1n) set.push({ start, end });
    else if (end > last.end) last.end = end;
  }
  return set;
}

/** What is in both sets. */
export function intersect<A extends bigint>(
  one: readonly AddressRange<A>[],
  other: readonly AddressRange[],
): AddressRange<A>[] {
  const common: AddressRange<A>[] = [];
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    const a = one[i]!;
    const b = other[j]!;
    const start = a.start > b.start ? a.start : b.start;
    const end = a.end < b.end ? a.end : b.end;
    if (start <= end) common.push({ start: start as A, end: end as A });
    if (a.end < b.end) i++;
    else j++;
  }
  return common;
}

/** What is in the set and not in any of the other ranges, which need be no set. Both are walked once, side by side. */
export function subtract<A extends bigint>(
  set: readonly AddressRange<A>[],
  removed: Iterable<AddressRange>,
): AddressRange<A>[] {
  const rest: AddressRange<A>[] = [];
  const holes = union(removed);
  let next = 0;
  for (const { start, end } of set) {
    let from: bigint = start;
    while (next < holes.length && holes[next]!.end < from) next++;
    // A hole may reach into the next range of the set as well: only those that end here are left behind.
    for (let at = next; at < holes.length && holes[at]!.start <= end; at++) {
      const hole = holes[at]!;
      if (hole.start > from) rest.push({ start: from as A, end: (hole.start - 1n) as A });
      from = hole.end + 1n;
      if (hole.end <= end) next = at + 1;
    }
    if (from <= end) rest.push({ start: from as A, end });
  }
  return rest;
}

/**
 * The place in the set for `size` bytes that is nearest to `wanted` and a multiple of `alignment` (a power of two, or any
 * other number above 0); of two at the same distance, the higher. Undefined if there is none.
 */
export function nearestFree<A extends bigint>(
  set: readonly AddressRange<A>[],
  wanted: A,
  size: bigint,
  alignment: bigint,
): A | undefined {
  let best: bigint | undefined;
  for (const { start, end } of set) {
    const lowest = alignUp(start, alignment);
    const highest = alignDown(end - size + 1n, alignment);
    if (lowest > highest || size > sizeOf({ start, end })) continue;
    for (const candidate of [alignUp(wanted, alignment), alignDown(wanted, alignment)]) {
      const inside = candidate < lowest ? lowest : candidate > highest ? highest : candidate;
      if (best === undefined || isNearer(inside, best, wanted)) best = inside;
    }
  }
  return best as A | undefined;
}

function isNearer(one: bigint, other: bigint, wanted: bigint): boolean {
  const a = distance(one, wanted);
  const b = distance(other, wanted);
  return a < b || (a === b && one > other);
}

function distance(one: bigint, other: bigint): bigint {
  return one > other ? one - other : other - one;
}

export function alignUp<A extends bigint>(address: A, alignment: bigint): A {
  return (((address + alignment - 1n) / alignment) * alignment) as A;
}

export function alignDown<A extends bigint>(address: A, alignment: bigint): A {
  return ((address / alignment) * alignment) as A;
}

export function compare(one: bigint, other: bigint): -1 | 0 | 1 {
  return one < other ? -1 : one > other ? 1 : 0;
}
