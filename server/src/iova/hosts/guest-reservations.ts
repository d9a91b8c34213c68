// What a host keeps of the IOVAs of devices that it gives to a guest, as ranges to tell the guest.
import type { AddressRange, Iova } from '../../topology/address';
import { typeWord, type GroupRegion, type PredictedGroup } from '../prediction';
import { alignDown, alignUp, compare, lastAddress, overlaps, union } from '../ranges';

export interface GuestReservation {
  readonly range: AddressRange<Iova>;
  /** The host's regions in it, in the kernel's words. */
  readonly types: readonly string[];
  /** It is larger than what the host reserves, by rounding. */
  readonly isRounded: boolean;
}

export interface GuestReservations {
  readonly ranges: readonly GuestReservation[];
  /** `direct-relaxable` regions: the host lets the guest use them. */
  readonly leftOut: readonly GroupRegion[];
}

/** Everything that the host refuses to map for the groups, regions that overlap or touch as one. */
export function guestReservations(groups: readonly PredictedGroup[]): GuestReservations {
  const all = groups.flatMap(({ regions }) => regions).filter(({ range }) => range.start <= range.end);
  const kept = all.filter(({ type }) => type !== 'direct-relaxable');
  const ranges = union(kept.map(({ range }) => range)).map((range) => ({
    range,
    types: typesIn(range, kept),
    isRounded: false,
  }));
  return { ranges, leftOut: all.filter(({ type }) => type === 'direct-relaxable') };
}

/** The same in whole pages of 64 KiB, rounded outwards, as the descriptors of an RMR must be (DEN0049). */
export function inLargePages({ ranges, leftOut }: GuestReservations): GuestReservations {
  const page = 0x10000n;
  const rounded = union(ranges.map(({ range }) => roundOut(range, page)));
  return {
    leftOut,
    ranges: rounded.map((range) => {
      const inside = ranges.filter((each) => overlaps(each.range, range));
      const types = [...new Set(inside.flatMap((each) => each.types))];
      return { range, types, isRounded: inside.some((each) => !isWhole(each.range, page)) };
    }),
  };
}

function roundOut({ start, end }: AddressRange<Iova>, page: bigint): AddressRange<Iova> {
  const last = alignUp((end + 1n) as Iova, page) - 1n;
  return { start: alignDown(start, page), end: (last > lastAddress ? lastAddress : last) as Iova };
}

function isWhole({ start, end }: AddressRange, page: bigint): boolean {
  return start % page === 0n && (end + 1n) % page === 0n;
}

function typesIn(range: AddressRange, regions: readonly GroupRegion[]): string[] {
  const inside = regions.filter((region) => overlaps(region.range, range));
  return [...new Set(inside.map(({ type }) => typeWord(type)))];
}

/** The range in parts of at most `most` bytes. */
export function partsOf({ start, end }: AddressRange, most: bigint): { start: bigint; size: bigint }[] {
  const parts: { start: bigint; size: bigint }[] = [];
  for (let at = start; at <= end; at += most) {
    const rest = end - at + 1n;
    parts.push({ start: at, size: rest < most ? rest : most });
  }
  return parts.sort((one, other) => compare(one.start, other.start));
}
