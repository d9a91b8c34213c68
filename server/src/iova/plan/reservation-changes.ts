// Changes of what firmware reserves: a reservation moved out of the guest's RAM, a 1:1 region made relaxable or given up.
import { formatRange, hex, list } from '../../text/numbers';
import type { AddressRange, Iova } from '../../topology/model';
import { rangeOf } from '../../topology/address';
import { properRam } from '../guests/layout';
import { mergeRegions } from '../merge';
import type { DeviceRegion, GroupRegion, PredictedDevice, PredictedGroup } from '../prediction';
import { nearestFree, overlaps, sizeOf, subtract, union } from '../ranges';
import { wholeSpace } from '../vfio/address-space';
import type { Change, Situation } from './change';
import type { GuestPlan } from './plan';

/** The largest page of a host. */
const granule = 0x10000n;

/** Moves of reservations that stand in the way, and direct regions made relaxable or given up. They are not tried yet. */
export function reservationChanges(situation: Situation, plans: readonly GuestPlan[]): Change[] {
  return [...moves(situation, plans), ...relaxed(plans), ...withoutDirect(plans)];
}

function* moves(situation: Situation, plans: readonly GuestPlan[]): Generator<Change> {
  const ram = union(properRam(situation.guest));
  const windows = plans.flatMap(({ window }) => window?.range ?? []);
  const isInTheWay = ({ range, type, reservation }: DeviceRegion): boolean =>
    reservation !== undefined && type === 'reserved' && [...ram, ...windows].some((other) => overlaps(range, other));
  const found = new Map<DeviceRegion, AddressRange<Iova>>();
  const groups = plans.map(({ group }) => group);
  for (const device of groups.flatMap(({ devices }) => devices)) {
    let free = subtract([device.iommu.driver.aperture ?? wholeSpace], [...ram, ...windows]);
    free = subtract(
      free,
      groups.flatMap(({ regions }) => regions.map(({ range }) => range)),
    );
    for (const region of device.regions.filter(isInTheWay)) {
      const size = sizeOf(region.range);
      const start = nearestFree(free, region.range.start, size, granule);
      if (start === undefined) return;
      found.set(region, rangeOf(start, size));
      free = subtract(free, [rangeOf(start, size)]);
    }
  }
  if (found.size === 0) return;
  const names = [...found].map(
    ([{ range, reservation }, to]) => `${reservation!.node.path} from ${formatRange(range)} to ${hex(to.start)}`,
  );
  yield {
    kind: 'reservation',
    title: `move ${found.size === 1 ? 'the reservation' : 'the reservations'} of ${list([...new Set(names)], 4)}`,
    cost: 'only if firmware and hardware can use another place',
    rank: 5,
    guest: undefined,
    window: undefined,
    apply: (current) =>
      withRegions(current, (region) => {
        const to = found.get(region);
        return to === undefined ? region : { ...region, range: to };
      }),
  };
}

/** drivers/acpi/arm64/iort.c iort_get_rmrs: ranges of an RMR that may be remapped are relaxable, and VFIO takes those. */
function* relaxed(plans: readonly GuestPlan[]): Generator<Change> {
  const isOfRmr = ({ type, origin }: DeviceRegion): boolean => type === 'direct' && origin === 'rmr';
  const found = directRegions(plans).flatMap(({ parts }) => parts.filter(({ region }) => isOfRmr(region)));
  if (found.length === 0) return;
  const nodes = found.flatMap(({ region }) => region.reservation?.node.path ?? []);
  yield {
    kind: 'reservation',
    title: `let the IORT say “Remapping Permitted” of ${list([...new Set(nodes)], 4)}`,
    cost: 'only if the device need not reach the ranges any more once its driver or a guest has it',
    rank: 6,
    guest: undefined,
    window: undefined,
    apply: (current) =>
      withRegions(current, (region) => (isOfRmr(region) ? { ...region, type: 'direct-relaxable' } : region)),
  };
}

function directRegions(plans: readonly GuestPlan[]): GroupRegion[] {
  return plans
    .filter(({ attach }) => attach.result !== 'ok')
    .flatMap(({ group }) => group.regions.filter(({ type }) => type === 'direct'));
}

function* withoutDirect(plans: readonly GuestPlan[]): Generator<Change> {
  const direct = directRegions(plans);
  if (direct.length === 0) return;
  const nodes = direct.flatMap(({ parts }) => parts.map(({ region }) => region.reservation?.node.path ?? 'firmware'));
  yield {
    kind: 'reservation',
    title: `give up the 1:1 regions of ${list([...new Set(nodes)], 4)} for the device`,
    cost: 'only if firmware no longer has the device access them once the kernel runs',
    rank: 7,
    guest: undefined,
    window: undefined,
    apply: (current) => withRegions(current, (region) => (region.type === 'direct' ? undefined : region)),
  };
}

/** The same groups with each of their devices' regions replaced, or taken away. */
function withRegions(situation: Situation, replace: (region: DeviceRegion) => DeviceRegion | undefined): Situation {
  const changed = (group: PredictedGroup): PredictedGroup => {
    const devices = group.devices.map((device): PredictedDevice => ({
      ...device,
      regions: device.regions.flatMap((region) => replace(region) ?? []),
    }));
    return { ...group, devices, regions: mergeRegions(devices) };
  };
  return { ...situation, groups: situation.groups.map(changed) };
}
