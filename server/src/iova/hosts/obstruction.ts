// Why something does not fit: the fewest ranges that together rule it out.
import type { AddressRange } from '../../topology/address';
import { sizeOf } from '../ranges';

/**
 * The fewest of the ranges that leave no free place of `size` bytes in `space`; undefined if all of them together leave one.
 * Each next one is, of those that begin before a place would fit, the one that ends last: no choice can do with fewer.
 */
export function fewestThatFill<T extends { readonly range: AddressRange }>(
  ranges: readonly T[],
  space: AddressRange,
  size: bigint,
): T[] | undefined {
  const sorted = [...ranges].sort((one, other) => (one.range.start < other.range.start ? -1 : 1));
  const chosen: T[] = [];
  let from = space.start;
  let next = 0;
  let furthest: T | undefined;
  while (from <= space.end && sizeOf({ start: from, end: space.end }) >= size) {
    for (; next < sorted.length && sorted[next]!.range.start < from + size; next++) {
      const candidate = sorted[next]!;
      if (furthest === undefined || candidate.range.end > furthest.range.end) furthest = candidate;
    }
    if (furthest === undefined || furthest.range.end < from) return undefined;
    chosen.push(furthest);
    from = furthest.range.end + 1n;
  }
  return chosen;
}

/** The fewest of the ranges such that each of the demands is hit by one; exact to three of them, near to it beyond. */
export function fewestThatHit<T, Demand>(
  ranges: readonly T[],
  demands: readonly Demand[],
  isHit: (demand: Demand, range: T) => boolean,
): { readonly ranges: T[]; readonly isExact: boolean } | undefined {
  const hits = ranges
    .map((each) => ({ each, of: demands.map((demand) => isHit(demand, each)) }))
    .filter(({ of }) => of.includes(true));
  if (demands.some((_, at) => !hits.some(({ of }) => of[at] === true))) return undefined;
  // Ranges that hit the same demands are as good as one another: the first stands for all.
  const byHits = new Map<string, Hit<T>>();
  for (const hit of hits) {
    const key = hit.of.join();
    if (!byHits.has(key)) byHits.set(key, hit);
  }
  const distinct = [...byHits.values()];
  for (const size of [0, 1, 2, 3]) {
    const found = search(
      distinct,
      demands.map((_, at) => at),
      size,
    );
    if (found !== undefined) return { ranges: found.map(({ each }) => each), isExact: true };
  }
  return { ranges: greedy(distinct, demands.length).map(({ each }) => each), isExact: false };
}

interface Hit<T> {
  readonly each: T;
  readonly of: readonly boolean[];
}

function search<T>(hits: readonly Hit<T>[], open: readonly number[], size: number): Hit<T>[] | undefined {
  const [first] = open;
  if (first === undefined) return [];
  if (size === 0) return undefined;
  for (const hit of hits) {
    if (hit.of[first] !== true) continue;
    const rest = search(
      hits,
      open.filter((at) => hit.of[at] !== true),
      size - 1,
    );
    if (rest !== undefined) return [hit, ...rest];
  }
  return undefined;
}

function greedy<T>(hits: readonly Hit<T>[], count: number): Hit<T>[] {
  const open = new Set(Array.from({ length: count }, (_, at) => at));
  const chosen: Hit<T>[] = [];
  const gain = ({ of }: Hit<T>): number => [...open].filter((at) => of[at] === true).length;
  while (open.size > 0) {
    const best = hits.reduce((one, other) => (gain(other) > gain(one) ? other : one));
    chosen.push(best);
    for (const at of [...open]) if (best.of[at] === true) open.delete(at);
  }
  return chosen;
}
