// Several hosts for one guest: what they reserve together, which guests all of them can take, and what migration between
// them has to know.
import type { AddressRange, Iova } from '../../topology/address';
import type { GuestLayout } from '../guests/layout';
import { unreachedRam } from '../plan/reach';
import { lastAddress, subtract } from '../ranges';
import { fitLayout, isInTheWay, rulesOut, type FittedLayout } from './fit';
import { lostInterrupts, type LostInterrupts } from './lost-interrupts';
import { matchMasters, separateSubjects, type ComparedHost, type Matching, type Subject } from './match-masters';
import { migrationNotes, type MigrationNote } from './migration';
import { fewestThatHit } from './obstruction';
import {
  apertureReasons,
  byRange,
  reachReasons,
  reasonsOf,
  unite,
  type Reason,
  type UnitedRange,
} from './reservations';
import { topologyDifferences, type TopologyDifference } from './topology-differences';

export interface Comparison {
  readonly subjects: readonly Subject[];
  readonly unmatched: Matching['unmatched'];
  /** Devices that some host cannot give to a guest; they count for nothing below unless the user asked for them. */
  readonly refused: readonly Subject[];
  /** Devices that can be given away and whose MSIs then do not arrive on a host. */
  readonly interrupts: readonly LostInterrupts[];
  /** Regions of all subjects, of those as well that cannot be given away. */
  readonly reservations: readonly UnitedRange[];
  /** Where DMA of the devices does not arrive, each host's. */
  readonly unreached: readonly Reason[];
  /** Where a guest with the devices can have memory for DMA on all hosts; empty where a device that was asked for is refused. */
  readonly ranges: readonly AddressRange<Iova>[];
  readonly layouts: readonly ComparedLayout[];
  /** Why none of the layouts suits; undefined where one does. */
  readonly proof: Proof | undefined;
  readonly migration: readonly MigrationNote[];
  readonly topology: readonly TopologyDifference[];
  /** Regions or apertures that no source tells, by host. */
  readonly unknown: readonly { readonly host: number; readonly reason: string }[];
}

export interface ComparedLayout extends FittedLayout {
  /** RAM of the guest as it is that maps and that DMA does not arrive at: VFIO does not look at what buses forward. */
  readonly unreached: readonly { readonly host: number; readonly text: string }[];
}

export type Proof =
  /** a device that was asked for cannot be given away on a host */
  | { readonly kind: 'refused'; readonly subjects: readonly Subject[] }
  /** there is no device to give away on all hosts */
  | { readonly kind: 'no-device' }
  /** every layout meets one of these; no smaller set does it if `isExact` */
  | { readonly kind: 'ranges'; readonly ranges: readonly UnitedRange[]; readonly isExact: boolean };

/** Compares hosts for guests with the given devices, or with any device that all of them have. */
export function compareHosts(
  hosts: readonly ComparedHost[],
  given: readonly Subject[] | undefined,
  guests: readonly GuestLayout[],
): Comparison {
  const { subjects, unmatched } = given === undefined ? matched(hosts) : { subjects: given, unmatched: [] };
  const refused = subjects.filter(isRefused);
  const usable = given === undefined ? subjects.filter((subject) => !isRefused(subject)) : subjects;
  const reservations = unite(reasonsOf(subjects));
  const unreached = reachReasons(usable);
  const obstacles = byRange([...reasonsOf(usable), ...apertureReasons(usable), ...unreached]);
  const isPossible = usable.length > 0 && (given === undefined || refused.length === 0);
  const layouts = guests.map((guest) => {
    const fitted = fitLayout(guest, obstacles);
    const ramUnreached = unreachedBy(guest.ram, usable);
    const layout = { ...fitted, unreached: ramUnreached };
    if (isPossible) return layout;
    return { ...layout, fits: false, placement: undefined, largest: fitted.largest && 0n };
  });
  const kept = obstacles.filter(({ reasons }) => reasons.some(isInTheWay)).map(({ range }) => range);
  return {
    subjects,
    unmatched,
    refused,
    interrupts: lostInterrupts(hosts, usable),
    reservations,
    unreached,
    ranges: isPossible ? subtract([{ start: 0n as Iova, end: lastAddress as Iova }], kept) : [],
    layouts,
    proof: isPossible
      ? proofOf(layouts, obstacles)
      : given === undefined
        ? { kind: 'no-device' }
        : { kind: 'refused', subjects: refused },
    migration: migrationNotes(hosts, subjects),
    topology: topologyDifferences(hosts, subjects),
    unknown: unknownOf(subjects),
  };
}

function matched(hosts: readonly ComparedHost[]): Matching {
  const matching = matchMasters(hosts);
  return matching.subjects.length > 0 ? matching : { subjects: separateSubjects(hosts), unmatched: matching.unmatched };
}

/** A guest cannot have it on some host that has one like it. */
export function isRefused({ on }: Subject): boolean {
  return on.some((each) => each !== undefined && each.vfio?.attach.result !== 'ok');
}

function proofOf(layouts: readonly FittedLayout[], obstacles: readonly UnitedRange[]): Proof | undefined {
  if (layouts.length === 0 || layouts.some(({ fits, placement }) => fits || placement !== undefined)) return undefined;
  const fixed = layouts.filter(({ noRoom }) => noRoom === undefined);
  // A layout that could lie anywhere is ruled out by its own ranges; those may rule out the others as well.
  const needed = [...new Set(layouts.flatMap(({ noRoom }) => noRoom ?? []))];
  const open = fixed.filter(({ guest }) => !needed.some((united) => rulesOut(united, guest)));
  const found = fewestThatHit(obstacles, open, ({ guest }, united) => rulesOut(united, guest));
  const ranges = [...new Set([...needed, ...(found?.ranges ?? [])])].sort((one, other) =>
    one.range.start < other.range.start ? -1 : 1,
  );
  return { kind: 'ranges', ranges, isExact: found?.isExact !== false && needed.length === 0 };
}

function unreachedBy(ram: readonly AddressRange[], subjects: readonly Subject[]): ComparedLayout['unreached'] {
  const found = new Map<string, { host: number; text: string }>();
  for (const { on } of subjects) {
    on.forEach((each, host) => {
      for (const { text } of each?.master === undefined ? [] : unreachedRam(each.master, ram))
        found.set(`${host} ${text}`, { host, text });
    });
  }
  return [...found.values()];
}

function unknownOf(subjects: readonly Subject[]): { host: number; reason: string }[] {
  const found = new Map<string, { host: number; reason: string }>();
  for (const { on } of subjects) {
    on.forEach((each, host) => {
      for (const reason of new Set([...(each?.group?.unknown ?? []), ...(each?.vfio?.unknown ?? [])]))
        found.set(`${host} ${reason}`, { host, reason });
    });
  }
  return [...found.values()];
}
