// What would make a plan work, least trouble first. Each remedy is tried in the same model before it is offered.
import { formatRange, hex } from '../../text/numbers';
import type { AddressRange, Iova } from '../../topology/model';
import type { GuestLayout } from '../guests/layout';
import { predictRegions } from '../predict';
import { unsafeParameters } from '../vfio/msi-isolation';
import { changeKinds, guestChange, type Change, type Situation } from './change';
import { layoutChanges, vmmChanges } from './layout-changes';
import { planContainer, type GuestPlan } from './plan';
import { reservationChanges } from './reservation-changes';

/** Steps that together make every plan of a container work. */
export interface Remedy {
  readonly steps: readonly Change[];
}

const mostRemedies = 5;

/**
 * Ways to make the plans of a situation work; empty where they do, or where nothing that is known here helps. What is needed
 * whatever the guest's memory comes first in each of them; on top of that one step is tried, where none is cheap two, and
 * where that does not help either another VMM.
 */
export function remediesFor(situation: Situation, plans: readonly GuestPlan[] = plansOf(situation)): Remedy[] {
  if (plans.every(works)) return [];
  const found = groundwork(situation).flatMap((steps) => onTopOf(steps, situation));
  return worthwhile(found.sort((one, other) => rankOf(one) - rankOf(other))).slice(0, mostRemedies);
}

/** Without what does more than another remedy by the same kinds of steps, and, where there is another, without guests of almost no RAM. */
function worthwhile(sorted: readonly Remedy[]): Remedy[] {
  const kept: Remedy[] = [];
  for (const remedy of sorted) {
    const kinds = remedy.steps.map(({ kind }) => kind);
    const isMore = kept.some(
      ({ steps }) => steps.length < kinds.length && steps.every(({ kind }) => kinds.includes(kind)),
    );
    if (!isMore) kept.push(remedy);
  }
  const sensible = kept.filter(({ steps }) => steps.every(({ rank }) => rank < senseless));
  return sensible.length > 0 ? sensible : kept;
}

/** The rank of a step that takes more than nine tenths of the guest's RAM (layout-changes.ts). */
const senseless = 8.8;

function plansOf({ topology, prediction, groups, guest, options }: Situation): GuestPlan[] {
  return planContainer(topology, prediction, groups, guest, options);
}

function works({ verdict, guest }: GuestPlan): boolean {
  return (verdict === 'works' || verdict === 'unknown') && guest.problems.length === 0;
}

function isCured(situation: Situation): boolean {
  return plansOf(situation).every(works);
}

function applied(steps: readonly Change[], situation: Situation): Situation {
  return steps.reduce((current, step) => step.apply(current), situation);
}

function rankOf({ steps }: Remedy): number {
  return steps.reduce((sum, { rank }) => sum + rank, 0);
}

/**
 * Alternatives of what must be done even for a guest without RAM, steps of different kinds; one of no steps where nothing must,
 * none where nothing helps.
 */
function groundwork(situation: Situation, done: readonly Change[] = []): (readonly Change[])[] {
  const bare = { ...situation, guest: withoutRam(situation.guest) };
  const plans = plansOf(bare);
  if (plans.every(works)) return [done];
  const unsafe = unsafeInterrupts(plans);
  const changes = unsafe.length > 0 ? unsafe : [...windowPlaces(situation, plans), ...reservationChanges(bare, plans)];
  return changes
    .filter(({ kind }) => !done.some((step) => step.kind === kind))
    .flatMap((change) => groundwork(change.apply(situation), [...done, change]));
}

/**
 * A place for the window that suits the guest as it is. Where there is none, or none that 32-bit MSI capabilities reach, the
 * guest's RAM may have to make way for it: those that suit a guest without RAM (`bare`) are tried as well.
 */
function windowPlaces(situation: Situation, bare: readonly GuestPlan[]): Change[] {
  const moves = windowMoves(plansOf(situation), 1);
  const isLow = ({ window }: Change): boolean => window !== undefined && window.end < fourGiB;
  if (moves.some(isLow)) return moves;
  return [...moves, ...windowMoves(bare, mostPlaces).filter((move) => moves.length === 0 || isLow(move))];
}

const fourGiB = 1n << 32n;
const mostPlaces = 4;

function withoutRam(guest: GuestLayout): GuestLayout {
  return { ...guest, ram: [], problems: [] };
}

function onTopOf(steps: readonly Change[], situation: Situation): Remedy[] {
  const base = applied(steps, situation);
  const plans = plansOf(base);
  if (plans.every(works)) return [{ steps }];
  const singles = possibleChanges(base, plans);
  const found: Remedy[] = singles
    .filter((change) => isCured(change.apply(base)))
    .map((change) => ({ steps: [...steps, change] }));
  if (!found.some((remedy) => rankOf(remedy) - rankOf({ steps }) <= cheap)) found.push(...pairs(base, singles, steps));
  if (found.length > 0) return found;
  const [first, ...others] = vmmChanges(base, plans).filter((change) => isCured(change.apply(base)));
  if (first === undefined) return [];
  const title = `run the guest in a VMM that puts RAM elsewhere: ${[first, ...others].map((each) => each.title).join(' or ')}`;
  return [{ steps: [...steps, { ...first, title }] }];
}

/** The rank up to which nobody looks for two changes instead of one. */
const cheap = 6;

function pairs(base: Situation, singles: readonly Change[], steps: readonly Change[]): Remedy[] {
  const found: Remedy[] = [];
  for (const first of singles) {
    const changed = first.apply(base);
    for (const second of possibleChanges(changed, plansOf(changed))) {
      if (changeKinds.indexOf(second.kind) <= changeKinds.indexOf(first.kind)) continue;
      if (isCured(second.apply(changed))) found.push({ steps: [...steps, first, second] });
    }
  }
  return found;
}

function possibleChanges(situation: Situation, plans: readonly GuestPlan[]): Change[] {
  return [
    ...layoutChanges(situation, plans),
    ...guestIommu(situation, plans),
    ...windowMoves(plans, 1),
    ...reservationChanges(situation, plans),
  ];
}

function unsafeInterrupts(plans: readonly GuestPlan[]): Change[] {
  if (!plans.some(({ attach }) => attach.result === 'EPERM')) return [];
  const parameter = unsafeParameters[plans[0]?.options.backend ?? 'type1'];
  return [
    {
      kind: 'unsafe-interrupts',
      title: `load the host’s module with ${parameter}=1 (here: --unsafe)`,
      cost: 'the guest can then raise interrupts of other devices: only for guests that are trusted',
      rank: 2,
      guest: undefined,
      window: undefined,
      apply: (situation) => ({ ...situation, options: { ...situation.options, allowUnsafeInterrupts: true } }),
    },
  ];
}

/** With an IOMMU of its own the guest has no RAM mapped one to one: it asks for maps where the host has room. */
function guestIommu({ guest }: Situation, plans: readonly GuestPlan[]): Change[] {
  // What DMA does not reach stays out of reach, and nobody tells the guest.
  if (guest.guestIommu === undefined || guest.ram.length === 0) return [];
  if (plans.some(({ unreached }) => unreached.length > 0)) return [];
  return [
    guestChange(
      'guest-iommu',
      4,
      `give the guest an IOMMU of its own: ${guest.guestIommu}`,
      'IOVAs are then the guest’s choice among what the host can map; every DMA map of the guest goes through the VMM',
      withoutRam(guest),
    ),
  ];
}

function windowMoves(plans: readonly GuestPlan[], most: number): Change[] {
  const { window } = plans.find((plan) => plan.window !== undefined && !plan.window.fits) ?? {};
  const places = window?.candidates.filter(({ fits }) => fits).slice(0, most) ?? [];
  return places.map(({ range }) => ({
    kind: 'msi-window',
    title: `move the MSI window to ${formatRange(range)}`,
    cost: `true only of a host kernel that is built with MSI_IOVA_BASE ${hex(range.start)}, or that lets the VMM choose; no mainline kernel has a switch`,
    rank: 5,
    guest: undefined,
    window: range,
    apply: (situation) => withWindow(situation, range),
  }));
}

/** The prediction made again with another window, and the same groups of it. */
function withWindow(situation: Situation, msiWindow: AddressRange<Iova>): Situation {
  const { topology, prediction, groups } = situation;
  const moved = predictRegions(topology, { ...prediction.kernel, msiWindow, msiWindowOrigin: 'settings' });
  const same = groups.flatMap(({ devices: [first] }) => {
    const isFirst = ({
      master,
      iommu,
      standsForUndescribed,
    }: (typeof moved.groups)[number]['devices'][number]): boolean =>
      master === first?.master && iommu === first.iommu && standsForUndescribed === first.standsForUndescribed;
    return moved.groups.find(({ devices }) => devices.some(isFirst)) ?? [];
  });
  return { ...situation, prediction: moved, groups: same };
}
