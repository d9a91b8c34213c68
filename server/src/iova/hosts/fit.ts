// Guest layouts against what all hosts leave free: does it fit, how much RAM would, and where memory could go instead.
import type { AddressRange, Iova } from '../../topology/address';
import { presetLayout, properRam, type GuestLayout } from '../guests/layout';
import { alignDown, alignUp, lastAddress, overlaps, subtract } from '../ranges';
import { fewestThatFill } from './obstruction';
import { placementOf, splitPlacement, type Placement } from '../guests/placement';
import type { Reason, UnitedRange } from './reservations';

const oneMiB = 1n << 20n;
const twoMiB = 2n * oneMiB;
/** Largest guest that is tried: what 48 address bits hold, halved. */
const largestTried = 1n << 47n;

export interface FittedLayout {
  readonly guest: GuestLayout;
  readonly fits: boolean;
  /** What its RAM meets; empty where it fits. */
  readonly conflicts: readonly UnitedRange[];
  /** Most RAM that the same VMM could have on all hosts, in whole MiB; undefined for own layouts, 0 for none. */
  readonly largest: bigint | undefined;
  /** How the VMM is told; for a layout that does not fit, another that does with the same RAM. Undefined where there is none. */
  readonly placement: Placement | undefined;
  /** Where the VMM can put its RAM anywhere and there is no room: the fewest ranges that leave none. */
  readonly noRoom: readonly UnitedRange[] | undefined;
}

/** What of the union counts for a layout: a VMM that reads the list itself takes no region, whatever its type. */
export function obstaclesFor(guest: GuestLayout, united: readonly UnitedRange[]): UnitedRange[] {
  if (guest.strict) return [...united];
  return united.filter(({ reasons }) => reasons.some(isInTheWay));
}

/** VFIO leaves `direct-relaxable` regions to the user (vfio_iommu_type1.c vfio_iommu_resv_exclude). */
export function isInTheWay({ kind }: Reason): boolean {
  return kind !== 'direct-relaxable';
}

export function fitLayout(guest: GuestLayout, united: readonly UnitedRange[]): FittedLayout {
  const obstacles = obstaclesFor(guest, united);
  const conflicts = conflictsOf(guest, obstacles);
  const fits = conflicts.length === 0 && guest.problems.length === 0;
  const free = subtract(
    [{ start: 0n as Iova, end: lastAddress as Iova }],
    obstacles.map(({ range }) => range),
  );
  const base = fits ? undefined : otherBase(guest, free);
  const moved = base === undefined ? undefined : presetLayout('kvmtool', guest.size, { base });
  const placement = fits ? placementOf(guest) : moved !== undefined ? placementOf(moved) : splitPlacement(guest, free);
  const isMovable = guest.preset?.name === 'kvmtool';
  const noRoom =
    !fits && isMovable && moved === undefined ? fewestThatFill(obstacles, kvmtoolSpace, guest.size) : undefined;
  return { guest, fits, conflicts, largest: largestFitting(guest, obstacles), placement, noRoom };
}

function conflictsOf(guest: GuestLayout, obstacles: readonly UnitedRange[]): UnitedRange[] {
  return obstacles.filter((united) => meets(guest, united));
}

function meets(guest: GuestLayout, { range }: UnitedRange): boolean {
  return properRam(guest).some((part) => overlaps(part, range));
}

/** Whether a range rules a layout out as it is. */
export function rulesOut(united: UnitedRange, guest: GuestLayout): boolean {
  return meets(guest, united) && obstaclesFor(guest, [united]).length > 0;
}

/** kvmtool takes RAM from any address of 2 GiB or more; guests have 52 address bits at most. */
const kvmtoolSpace: AddressRange = { start: 2n << 30n, end: (1n << 52n) - 1n };

/** The lowest address, on 2 MiB so that large pages fit, from which kvmtool's RAM meets nothing. */
function otherBase(guest: GuestLayout, free: readonly AddressRange<Iova>[]): bigint | undefined {
  if (guest.preset?.name !== 'kvmtool') return undefined;
  for (const { start, end } of free) {
    const base = alignUp(start > kvmtoolSpace.start ? start : kvmtoolSpace.start, twoMiB);
    const top = end < kvmtoolSpace.end ? end : kvmtoolSpace.end;
    if (base + guest.size - 1n <= top) return base;
  }
  return undefined;
}

/** Doubled until it does not fit, then halved down to the MiB in between. */
function largestFitting({ preset }: GuestLayout, obstacles: readonly UnitedRange[]): bigint | undefined {
  if (preset === undefined) return undefined;
  const fits = (size: bigint): boolean => {
    const guest = presetLayout(preset.name, size, preset.options);
    return guest.problems.length === 0 && conflictsOf(guest, obstacles).length === 0;
  };
  let good = 0n;
  let bad = oneMiB;
  while (bad <= largestTried && fits(bad)) [good, bad] = [bad, bad * 2n];
  while (bad - good > oneMiB) {
    const middle = alignDown((good + bad) / 2n, oneMiB);
    if (fits(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
