// One guest and one device, or several in one container: what the kernel answers to every step, and what fails behind its back.
import { count } from '../../text/numbers';
import type { AddressRange, Iova, Topology } from '../../topology/model';
import { properRam, type GuestLayout, type GuestRam } from '../guests/layout';
import type { KernelProfile } from '../kernel-profile';
import type { GroupRegion, PredictedDevice, PredictedGroup, RegionPrediction } from '../prediction';
import { overlaps } from '../ranges';
import { blockSizes } from '../vfio/address-space';
import type { AttachResult } from '../vfio/attach-result';
import { addGroup, emptyContainer, mapDma, type Backend, type Container } from '../vfio/container';
import { excludes, rangeOfMap, regionsMet, type DmaMap, type MapConflict, type MapResult } from '../vfio/dma-map';
import { msiDelivery, placedDoorbells, type MsiDelivery } from '../vfio/doorbells';
import { isolationOf, type GroupIsolation } from '../vfio/msi-isolation';
import { blockMappings, type BlockCost } from './block-mappings';
import { unreachedRam, type Unreached } from './reach';
import { planWindow, type WindowPlan } from './window-plan';

export interface PlanOptions {
  /** type1 where not given. */
  readonly backend?: Backend;
  /** The guest runs and its RAM is mapped before the device is added. */
  readonly hotplug?: boolean;
  /** The module parameter allow_unsafe_interrupts. */
  readonly allowUnsafeInterrupts?: boolean;
  /** By the groups' places in the container: of a function that the sources do not describe, so that its group is that of its host bridge. */
  readonly requesterIds?: readonly (number | undefined)[];
}

export interface GuestPlan {
  readonly group: PredictedGroup;
  readonly guest: GuestLayout;
  readonly options: PlanOptions;
  readonly attach: AttachResult;
  /** What of the guest's memory refuses the attach (hotplug), or what an earlier device's apertures do. */
  readonly attachConflicts: readonly MapConflict[];
  /** What the VMM may map once the device is in; empty when it is refused. */
  readonly ranges: readonly AddressRange<Iova>[];
  readonly maps: readonly PlannedMap[];
  /** Reserved regions that make the VMM give up before it asks the kernel. */
  readonly vmmRefusals: readonly VmmRefusal[];
  /** Blocks of all RAM, each reserved region that meets it being a hole. */
  readonly blocks: BlockCost;
  /** RAM that is mapped and that DMA of the device does not reach. */
  readonly unreached: readonly Unreached[];
  /** Whose interrupts are isolated, by which chain of nodes. */
  readonly isolation: GroupIsolation;
  /** Where each device's MSIs go once it is in; empty when it is refused. */
  readonly interrupts: readonly PlannedInterrupts[];
  /** Undefined where no software window is used. */
  readonly window: WindowPlan | undefined;
  /** Why the plan may be wrong: apertures or regions that nobody knows. */
  readonly unknown: readonly string[];
  readonly verdict: Verdict;
}

/**
 * `refused`: the kernel or the VMM says no; `fails`: both agree, and DMA or interrupts of the device do not work all the same;
 * `unknown`: nothing is known against it, but there are regions that nobody knows.
 */
export type Verdict = 'works' | 'unknown' | 'fails' | 'refused';

export interface PlannedMap {
  readonly ram: GuestRam;
  /** Each map is judged as if it were the only one. */
  readonly result: MapResult;
  /** Of this range, the holes being the reserved regions that it meets. */
  readonly blocks: BlockCost;
}

export interface PlannedInterrupts {
  readonly device: PredictedDevice;
  readonly delivery: MsiDelivery;
}

export interface VmmRefusal {
  readonly ram: GuestRam;
  readonly region: GroupRegion;
}

/** The plan for a group as the only one in its container. */
export function planGuest(
  topology: Topology,
  prediction: RegionPrediction,
  group: PredictedGroup,
  guest: GuestLayout,
  options: PlanOptions = {},
): GuestPlan {
  return planContainer(topology, prediction, [group], guest, options)[0]!;
}

/**
 * The plans for groups that are added to one container in turn. RAM is mapped behind the last of them, or with `hotplug` before
 * the first; a group that is refused is left out and the next one tried.
 */
export function planContainer(
  topology: Topology,
  prediction: RegionPrediction,
  groups: readonly PredictedGroup[],
  guest: GuestLayout,
  options: PlanOptions = {},
): GuestPlan[] {
  const { kernel } = prediction;
  const maps = guest.ram.map(mapOf);
  const proper = properRam(guest);
  let container = emptyContainer(options.backend ?? 'type1');
  let before: readonly MapResult[] | undefined;
  if (options.hotplug === true) {
    const empty = container;
    before = maps.map((map) => mapDma(empty, kernel, map).result);
    for (const map of maps) container = mapDma(container, kernel, map).container;
  }
  const added = groups.map((group, at) => {
    const requesterId = options.requesterIds?.[at];
    const result = addGroup(container, topology, prediction, group, {
      ...options,
      ...(requesterId !== undefined && { requesterId }),
    });
    container = result.container;
    return { group, requesterId, ...result };
  });
  const after = before ?? maps.map((map) => mapDma(container, kernel, map).result);
  const inside = added.filter(({ attach }) => attach.result === 'ok').map(({ group }) => group);
  const overflowing = placedDoorbells(container, kernel).filter(({ error }) => error !== undefined).length;
  return added.map(({ group, requesterId, attach, conflicts, unknown, container: joined }): GuestPlan => {
    const isAttached = attach.result === 'ok';
    const results = isAttached ? after : (before ?? maps.map((map) => notReached(map, group, joined)));
    const sizes = blockSizes(group.devices[0]!.iommu, kernel);
    const together = isAttached ? inside : [group];
    const judged: Judged = {
      group,
      attach,
      maps: guest.ram.map((ram, at) => plannedMap(ram, withRegions(results[at]!, group), kernel, sizes)),
      vmmRefusals: guest.strict ? vmmRefusals(proper, group) : [],
      unreached: [...new Set(group.devices.map(({ master }) => master))].flatMap((master) =>
        unreachedRam(master, proper),
      ),
      interrupts: isAttached
        ? group.devices.map((device) => ({
            device,
            delivery: msiDelivery(container, kernel, group, device, requesterId),
          }))
        : [],
      window: planWindow(prediction, together, proper, noRoom(overflowing)),
    };
    return {
      ...judged,
      guest,
      options,
      attachConflicts: conflicts,
      ranges: isAttached ? joined.ranges : [],
      // Nobody asks for the blocks of a change that is only tried.
      get blocks() {
        return blocksOf(proper, together, kernel, sizes);
      },
      isolation: isolationOf(topology, kernel, group, requesterId),
      unknown,
      verdict: verdictOf(judged),
    };
  });
}

/** drivers/iommu/iommufd/driver.c iommufd_sw_msi_get_map, from 6.15: a descriptor holds no more doorbells than bits in a long. */
function noRoom(overflowing: number): string | undefined {
  if (overflowing === 0) return undefined;
  return `iommufd has no room for ${count(overflowing, 'doorbell')} of these devices: MSIs of their controllers fail with EOVERFLOW`;
}

function mapOf({ start, size }: GuestRam): DmaMap {
  return { iova: start, size };
}

/**
 * Without the device the container has no IOMMU, and type1 answers every map with EINVAL (drivers/vfio/container.c
 * vfio_fops_unl_ioctl); an address space of iommufd takes it.
 */
function notReached(map: DmaMap, group: PredictedGroup, { backend }: Container): MapResult {
  const conflicts = met(map, group);
  return { map, result: backend === 'type1' ? 'EINVAL' : 'ok', conflicts };
}

/** RAM that was mapped before the device came has been accepted; what it meets of the device is to be seen all the same. */
function withRegions(result: MapResult, group: PredictedGroup): MapResult {
  return result.conflicts.length > 0 ? result : { ...result, conflicts: met(result.map, group) };
}

function met(map: DmaMap, group: PredictedGroup): MapConflict[] {
  const range = rangeOfMap(map);
  return map.size > 0n && range.start <= range.end ? regionsMet([group], range) : [];
}

function plannedMap(ram: GuestRam, result: MapResult, kernel: KernelProfile, sizes: readonly bigint[]): PlannedMap {
  const holes = result.conflicts.filter(({ kind }) => kind === 'region').map(({ range }) => range);
  return {
    ram,
    result,
    get blocks() {
      return blockMappings(ram.size > 0n ? [ram] : [], holes, kernel.pageSize, sizes);
    },
  };
}

function blocksOf(
  ram: readonly GuestRam[],
  groups: readonly PredictedGroup[],
  kernel: KernelProfile,
  sizes: readonly bigint[],
): BlockCost {
  const holes = new Map<string, AddressRange>();
  for (const { regions } of groups) {
    for (const region of regions) {
      if (excludes(region)) holes.set(`${region.range.start} ${region.range.end}`, region.range);
    }
  }
  return blockMappings(ram, [...holes.values()], kernel.pageSize, sizes);
}

/** kvmtool vfio/core.c vfio_configure_reserved_regions: every line of the group's file counts, of whatever type. */
function vmmRefusals(ram: readonly GuestRam[], { regions }: PredictedGroup): VmmRefusal[] {
  return ram.flatMap((range) =>
    regions.filter((region) => overlaps(region.range, range)).map((region) => ({ ram: range, region })),
  );
}

/** What decides the verdict. */
type Judged = Pick<GuestPlan, 'attach' | 'group' | 'interrupts' | 'maps' | 'unreached' | 'vmmRefusals' | 'window'>;

function verdictOf(plan: Judged): Verdict {
  const { attach, group, interrupts, maps, unreached, vmmRefusals: refusals, window } = plan;
  if (attach.result !== 'ok' || refusals.length > 0) return 'refused';
  if (maps.some(({ result }) => result.result !== 'ok')) return 'refused';
  if (unreached.length > 0) return 'fails';
  // Without a doorbell nothing is ever mapped into the window.
  if (window !== undefined && !window.fits && window.doorbells.length > 0) return 'fails';
  if (group.unknown.length > 0) return 'unknown';
  return interrupts.every(({ delivery }) => arrives(delivery)) ? 'works' : 'fails';
}

function arrives(delivery: MsiDelivery): boolean {
  if (delivery.kind === 'refused') return false;
  return delivery.kind !== 'untranslated' || delivery.passes;
}
