// What would make a plan work, least trouble first. Each remedy is tried in the same model before it is offered.
import { formatRange, hex } from '../../text/numbers';
import type { AddressRange, Iova } from '../../topology/model';
import type { GuestLayout } from '../guests/layout';
import { predictRegions } from '../predict';
import { changeKinds, guestChange, type Change, type Situation } from './change';
import { layoutChanges } from './layout-changes';
import { planContainer, type GuestPlan } from './plan';
import { reservationChanges } from './reservation-changes';

/** Steps that together make every plan of a container work. */
export interface Remedy {
  readonly steps: readonly Change[];
}

const mostRemedies = 6;

/**
 * Ways to make the plans of a situation work; empty where they do, or where nothing that is known here helps. One step is
 * tried first, on top of what is needed whatever else is done; where none is enough, two.
 */
export function remediesFor(situation: Situation, plans: readonly GuestPlan[] = plansOf(situation)): Remedy[] {
  if (plans.every(works)) return [];
  const needed = unsafeInterrupts(plans);
  const base = needed.reduce((current, step) => step.apply(current), situation);
  const basePlans = needed.length > 0 ? plansOf(base) : plans;
  if (basePlans.every(works)) return [{ steps: needed }];
  const singles = possibleChanges(base, basePlans);
  const found: Remedy[] = singles
    .filter((change) => plansOf(change.apply(base)).every(works))
    .map((change) => ({ steps: [...needed, change] }));
  if (found.length === 0) found.push(...pairs(base, singles, needed));
  return found.sort((one, other) => rankOf(one) - rankOf(other)).slice(0, mostRemedies);
}

function plansOf({ topology, prediction, groups, guest, options }: Situation): GuestPlan[] {
  return planContainer(topology, prediction, groups, guest, options);
}

function works({ verdict, guest }: GuestPlan): boolean {
  return verdict === 'works' && guest.problems.length === 0;
}

function rankOf({ steps }: Remedy): number {
  return steps.reduce((sum, { rank }) => sum + rank, 0);
}

function pairs(base: Situation, singles: readonly Change[], needed: readonly Change[]): Remedy[] {
  const found: Remedy[] = [];
  for (const first of singles) {
    const changed = first.apply(base);
    for (const second of possibleChanges(changed, plansOf(changed))) {
      if (changeKinds.indexOf(second.kind) <= changeKinds.indexOf(first.kind)) continue;
      if (plansOf(second.apply(changed)).every(works)) found.push({ steps: [...needed, first, second] });
    }
  }
  return found;
}

function possibleChanges(situation: Situation, plans: readonly GuestPlan[]): Change[] {
  return [
    ...layoutChanges(situation, plans),
    ...guestIommu(situation, plans),
    ...windowMoves(plans),
    ...reservationChanges(situation, plans),
  ];
}

function unsafeInterrupts(plans: readonly GuestPlan[]): Change[] {
  if (!plans.some(({ attach }) => attach.result === 'EPERM')) return [];
  const module = plans[0]?.options.backend === 'iommufd' ? 'iommufd' : 'vfio_iommu_type1';
  return [
    {
      kind: 'unsafe-interrupts',
      title: `load the host’s module with ${module}.allow_unsafe_interrupts=1 (here: --unsafe)`,
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
  const bare: GuestLayout = { ...guest, ram: [], problems: [] };
  return [
    guestChange(
      'guest-iommu',
      4,
      `give the guest an IOMMU of its own: ${guest.guestIommu}`,
      'IOVAs are then the guest’s choice among what the host can map; every DMA map of the guest goes through the VMM',
      bare,
    ),
  ];
}

function windowMoves(plans: readonly GuestPlan[]): Change[] {
  const { window } = plans.find((plan) => plan.window !== undefined && !plan.window.fits) ?? {};
  const best = window?.candidates.find(({ fits }) => fits);
  if (best === undefined) return [];
  const { range } = best;
  return [
    {
      kind: 'msi-window',
      title: `move the MSI window to ${formatRange(range)}`,
      cost: `true only of a host kernel that is built with MSI_IOVA_BASE ${hex(range.start)}, or that lets the VMM choose; no mainline kernel has a switch`,
      rank: 5,
      guest: undefined,
      window: range,
      apply: (situation) => withWindow(situation, range),
    },
  ];
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
