// Changes of the guest's memory: another place where the VMM has an option for it, less RAM, or an own layout cut and moved.
import { formatRange, hex, humanSize } from '../../text/numbers';
import type { AddressRange, Iova } from '../../topology/model';
import { guestArgument, sizeText } from '../guests/guest-spec';
import {
  ownLayout,
  presetLayout,
  properRam,
  type GuestLayout,
  type GuestRam,
  type PresetName,
  type PresetOptions,
} from '../guests/layout';
import { splitPlacement } from '../guests/placement';
import { alignDown, alignUp, intersect, lastAddress, nearestFree, overlaps, sizeOf, subtract, union } from '../ranges';
import { guestChange, type Change, type Situation } from './change';
import type { GuestPlan } from './plan';

const oneMiB = 1n << 20n;
const twoMiB = 2n << 20n;
const oneGiB = 1n << 30n;
const fourGiB = 1n << 32n;

/** Ways to lay out the guest's memory that keep clear of what is in its way. They are not tried yet. */
export function layoutChanges({ guest }: Situation, plans: readonly GuestPlan[]): Change[] {
  const obstacles = obstaclesOf(plans);
  if (obstacles.length === 0 && guest.problems.length === 0) return [];
  const { preset } = guest;
  if (preset === undefined) return ownChanges(guest, plans, obstacles);
  const { name, options } = preset;
  return [
    ...basesOf(guest, name, options, plans, obstacles),
    ...dimmsAround(guest, plans, obstacles),
    ...directBoot(guest, name),
    ...lowerSplits(guest, name, options, obstacles),
    ...lessRam(guest, name, options, obstacles),
  ];
}

/** What RAM must keep clear of: regions and apertures that refuse it, and what DMA does not reach. */
function obstaclesOf(plans: readonly GuestPlan[]): AddressRange[] {
  const found: AddressRange[] = [];
  for (const { maps, attachConflicts, vmmRefusals, unreached } of plans) {
    const all = [...maps.flatMap(({ result }) => result.conflicts), ...attachConflicts];
    for (const { kind, range } of all) if (kind === 'region' || kind === 'aperture') found.push(range);
    for (const { region } of vmmRefusals) found.push(region.range);
    for (const { range } of unreached) found.push(range);
  }
  return union(found);
}

/** Where all of RAM may lie: every plan's ranges, without what this guest's VMM or DMA keeps it from. */
function freeRanges(plans: readonly GuestPlan[], obstacles: readonly AddressRange[]): AddressRange<Iova>[] {
  let free: AddressRange<Iova>[] = [{ start: 0n as Iova, end: lastAddress as Iova }];
  for (const { attach, ranges, group, guest } of plans) {
    if (attach.result === 'ok') free = intersect(free, ranges);
    const excluded = guest.strict ? group.regions : group.regions.filter(({ type }) => type !== 'direct-relaxable');
    free = subtract(
      free,
      excluded.map(({ range }) => range),
    );
    for (const { master } of group.devices) free = subtract(free, notForwarded(master));
  }
  return subtract(free, obstacles);
}

function notForwarded({ inbound, addressLimit }: GuestPlan['group']['devices'][number]['master']): AddressRange[] {
  const whole = [{ start: 0n, end: lastAddress }];
  const { windows, problem } = inbound;
  const straight = windows?.filter(
    ({ kind, device, memory }) => kind !== 'io' && BigInt(device.start) === BigInt(memory.start),
  );
  const beyondBuses =
    straight === undefined || problem !== undefined
      ? []
      : subtract(
          whole,
          straight.map(({ device }) => device),
        );
  return addressLimit === undefined
    ? beyondBuses
    : [...beyondBuses, ...subtract(whole, [{ start: 0n, end: addressLimit }])];
}

/** kvmtool's `--mem SIZE@ADDR`: the place nearest to the present one, on a gigabyte if there is one. */
function basesOf(
  guest: GuestLayout,
  name: PresetName,
  options: PresetOptions,
  plans: readonly GuestPlan[],
  obstacles: readonly AddressRange[],
): Change[] {
  const [ram] = guest.ram;
  if (name !== 'kvmtool' || ram === undefined) return [];
  const base = freeBase(freeRanges(plans, obstacles), ram.start, guest.size);
  if (base === undefined) return [];
  const moved = presetLayout(name, guest.size, { ...options, base });
  return [guestChange('vmm-option', 1, `start RAM at ${hex(base)}: ${commandOf(moved)}`, 'no RAM is lost', moved)];
}

/** QEMU virt: memory behind what is in the way of RAM as DIMMs at free addresses. */
function dimmsAround(guest: GuestLayout, plans: readonly GuestPlan[], obstacles: readonly AddressRange[]): Change[] {
  const placement = splitPlacement(guest, freeRanges(plans, obstacles));
  if (placement?.command === undefined || placement.ram.length < 2) return [];
  const spans = placement.ram.map(({ start, end }) => ({ start, size: end - start + 1n }));
  const split: GuestLayout = {
    ...ownLayout(`${guest.title} around what is reserved`, spans, guest.source),
    guestIommu: guest.guestIommu,
  };
  const title = `plug in as DIMMs what does not fit in one piece: ${placement.command}`;
  const cost = `no RAM is lost; ${placement.notes.join('; ')}`;
  return [guestChange('vmm-option', 2, title, cost, split)];
}

const kvmtoolPlaces: readonly AddressRange[] = [{ start: 2n * oneGiB, end: (1n << 52n) - 1n }];

function freeBase(free: readonly AddressRange<Iova>[], wanted: Iova, size: bigint): Iova | undefined {
  const allowed = intersect(free, kvmtoolPlaces);
  return nearestFree(allowed, wanted, size, oneGiB) ?? nearestFree(allowed, wanted, size, twoMiB);
}

/** VMMs for Arm that run on Linux and pass devices through with its VFIO. */
const otherVmms = ['qemu-virt', 'crosvm', 'cloud-hypervisor', 'openvmm-linux', 'kvmtool'] as const;

/** The same RAM in another VMM; the title is the guest alone. */
export function vmmChanges({ guest }: Situation, plans: readonly GuestPlan[]): Change[] {
  const { preset } = guest;
  if (preset === undefined) return [];
  const free = freeRanges(plans, obstaclesOf(plans));
  const layouts = otherVmms.flatMap((name) => {
    if (name === preset.name) return [];
    if (name !== 'kvmtool') return presetLayout(name, guest.size);
    const base = freeBase(free, (2n * oneGiB) as Iova, guest.size);
    return base === undefined ? [] : presetLayout(name, guest.size, base === 2n * oneGiB ? {} : { base });
  });
  return layouts
    .filter(({ problems }) => problems.length === 0)
    .map((layout) => guestChange('other-vmm', 8, commandOf(layout), 'no RAM is lost', layout));
}

function directBoot(guest: GuestLayout, name: PresetName): Change[] {
  if (name !== 'openvmm-uefi') return [];
  const moved = presetLayout('openvmm-linux', guest.size);
  const title = `boot Linux directly instead of by UEFI, so that RAM starts at 1 GiB: ${commandOf(moved)}`;
  return [guestChange('vmm-option', 1, title, 'no UEFI in the guest; no RAM is lost', moved)];
}

/** QEMU's `max-ram-below-4g`: low RAM ends before what is in its way, the rest goes above 4 GiB. */
function lowerSplits(
  guest: GuestLayout,
  name: PresetName,
  options: PresetOptions,
  obstacles: readonly AddressRange[],
): Change[] {
  if (name !== 'q35') return [];
  const low = guest.ram.find(({ start }) => start < fourGiB);
  const hit = low && obstacles.find((range) => overlaps(range, low));
  if (low === undefined || hit === undefined) return [];
  const below4g = alignDown(hit.start, hit.start >= 64n * oneMiB ? 64n * oneMiB : oneMiB);
  if (below4g <= low.start) return [];
  const moved = presetLayout(name, guest.size, { ...options, below4g });
  const title = `keep low RAM below ${hex(hit.start)} (-machine max-ram-below-4g=${sizeText(below4g)}): ${commandOf(moved)}`;
  return [guestChange('vmm-option', 1, title, 'less of it is below 4 GiB; no RAM is lost', moved)];
}

/** RAM that ends before the first thing in its way, for each of the ranges that meet one. */
function lessRam(
  guest: GuestLayout,
  name: PresetName,
  options: PresetOptions,
  obstacles: readonly AddressRange[],
): Change[] {
  const filled = guest.ram.filter(({ what }) => what !== 'memory plugged in' && !what.startsWith('firmware'));
  const sizes = new Set<bigint>();
  for (const ram of filled) {
    const hit = obstacles.find((range) => overlaps(range, ram));
    if (hit === undefined) continue;
    const size = sizeBelow(filled, hit.start);
    const whole = size >= oneMiB ? alignDown(size, oneMiB) : size;
    if (whole > 0n && whole < guest.size) sizes.add(whole);
  }
  const changes = [...sizes].map((size) => {
    return shrunk(guest, presetLayout(name, size, withoutPlugged(options)));
  });
  return [...changes, ...lessPlugged(guest, name, options, obstacles)];
}

function sizeBelow(filled: readonly GuestRam[], end: bigint): bigint {
  return filled.reduce((sum, ram) => {
    const last = ram.end < end ? ram.end + 1n : end;
    return last > ram.start ? sum + last - ram.start : sum;
  }, 0n);
}

function lessPlugged(
  guest: GuestLayout,
  name: PresetName,
  options: PresetOptions,
  obstacles: readonly AddressRange[],
): Change[] {
  const plugged = guest.ram.find(({ what }) => what === 'memory plugged in');
  const hit = plugged && obstacles.find((range) => overlaps(range, plugged));
  if (plugged === undefined || hit === undefined) return [];
  const size = hit.start > plugged.start ? alignDown(hit.start - plugged.start, oneMiB) : 0n;
  const changed = size > 0n ? { ...options, plugged: size } : withoutPlugged(options);
  return [shrunk(guest, presetLayout(name, guest.size, changed))];
}

function withoutPlugged(options: PresetOptions): PresetOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'plugged'));
}

function shrunk(guest: GuestLayout, smaller: GuestLayout): Change {
  const before = total(guest);
  const lost = before - total(smaller);
  // The more it costs the less it is a small change.
  const rank = 2.5 + (7 * Number((lost * 1000n) / before)) / 1000;
  const cost = `${humanSize(lost)} less of ${humanSize(before)}`;
  return guestChange('less-ram', rank, `give the guest less RAM: ${commandOf(smaller)}`, cost, smaller);
}

function total(guest: GuestLayout): bigint {
  return properRam(guest).reduce((sum, range) => sum + sizeOf(range), 0n);
}

function commandOf(guest: GuestLayout): string {
  return `--guest ${guestArgument(guest) ?? guest.name}`;
}

function ownChanges(guest: GuestLayout, plans: readonly GuestPlan[], obstacles: readonly AddressRange[]): Change[] {
  return [...movedRanges(guest, plans, obstacles), ...cutLayout(guest, obstacles)];
}

/** Each range that meets something goes to the nearest place that is free, at the alignment of its largest block. */
function movedRanges(guest: GuestLayout, plans: readonly GuestPlan[], obstacles: readonly AddressRange[]): Change[] {
  if (guest.problems.length > 0) return [];
  const free = freeRanges(plans, obstacles);
  const isHit = (ram: AddressRange): boolean => obstacles.some((range) => overlaps(range, ram));
  let room = subtract(
    free,
    guest.ram.filter((ram) => !isHit(ram)),
  );
  const moves: string[] = [];
  const spans: { start: bigint; size: bigint }[] = [];
  for (const ram of guest.ram) {
    const { size } = ram;
    if (!isHit(ram)) {
      spans.push({ start: ram.start, size });
      continue;
    }
    const grain = size >= oneGiB ? oneGiB : twoMiB;
    const start = nearestFree(room, ram.start, size, grain) ?? nearestFree(room, ram.start, size, 0x10000n);
    if (start === undefined) return [];
    room = subtract(room, [{ start, end: start + size - 1n }]);
    moves.push(`${formatRange(ram)} to ${hex(start)}`);
    spans.push({ start, size });
  }
  if (moves.length === 0) return [];
  const moved = ownLayout(guest.name, spans, guest.source);
  return [guestChange('layout', 1, `move RAM: ${moves.join(', ')}`, 'no RAM is lost', moved)];
}

/** RAM without what is in its way, by huge pages where it has them; ranges that overlap become one. */
function cutLayout(guest: GuestLayout, obstacles: readonly AddressRange[]): Change[] {
  const ram = union(properRam(guest));
  const holes = obstacles.map(({ start, end }) => ({
    start: alignDown(start, twoMiB),
    end: alignUp(end + 1n, twoMiB) - 1n,
  }));
  const left = subtract(ram, holes);
  if (left.length === 0) return [];
  const spans = left.map(({ start, end }) => ({ start, size: end - start + 1n }));
  const cut = ownLayout(guest.name, spans, guest.source);
  const lost = ram.reduce((sum, range) => sum + sizeOf(range), 0n) - cut.size;
  const met = obstacles.filter((hole) => ram.some((range) => overlaps(range, hole)));
  const title =
    met.length === 0
      ? `write RAM down without what contradicts itself: ${left.map(formatRange).join(', ')}`
      : `leave ${met.length === 1 ? 'the hole' : `${met.length} holes`} out of RAM: ${listOf(left)}`;
  return [guestChange('layout', 3, title, `${humanSize(lost)} less, in ${left.length} ranges`, cut)];
}

function listOf(ranges: readonly AddressRange[]): string {
  const shown = ranges.slice(0, 4).map(formatRange).join(', ');
  return ranges.length > 4 ? `${shown} and ${ranges.length - 4} more` : shown;
}
