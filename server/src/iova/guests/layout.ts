// Guest layouts: presets for a size of RAM, and layouts that users write down.
import type { AddressRange, Iova } from '../../topology/address';
import { rangeOf } from '../../topology/address';
import { formatRange, hex, humanSize } from '../../text/numbers';
import { compare, sizeOf } from '../ranges';
import type { GuestLayout, GuestRam } from './guest';
import { addressLimit, presets, type Place, type Preset, type PresetName, type PresetOptions } from './presets';

export type { GuestLayout, GuestRam } from './guest';
export { presetNames, type PresetName, type PresetOptions } from './presets';

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** The options that a preset takes. */
export function presetOptions(name: PresetName): readonly (keyof PresetOptions)[] {
  return presets[name].options;
}

/**
 * What a VMM maps for `ramSize` bytes of RAM. A size that it cannot have gives a layout without RAM that says so in
 * `problems`.
 */
export function presetLayout(name: PresetName, ramSize: bigint, options: PresetOptions = {}): GuestLayout {
  const preset = presets[name];
  const problem = refusal(preset, ramSize, options);
  return {
    name,
    title: titleOf(preset, ramSize, options),
    ram: problem === undefined ? ramOf(preset, ramSize, options) : [],
    size: ramSize,
    source: preset.source,
    knobs: preset.knobs,
    guestIommu: preset.guestIommu,
    strict: preset.strict === true,
    notes: preset.notes ?? [],
    problems: problem === undefined ? [] : [problem],
    preset: { name, options },
  };
}

/** A layout that the user gives: `guests` of doorbell.json, or a guest file. What contradicts itself is named in `problems`. */
export function ownLayout(
  name: string,
  spans: readonly { readonly start: bigint; readonly size: bigint }[],
  source: string,
): GuestLayout {
  const ram = spans.map(({ start, size }): GuestRam => ramAt(start, size, 'RAM'));
  const size = spans.reduce((sum, span) => sum + span.size, 0n);
  return {
    name,
    title: `${name} with ${humanSize(size)} of RAM`,
    ram,
    size,
    source,
    knobs: ['the layout is yours: each range can be moved, split or cut'],
    guestIommu: 'virtio-iommu or an SMMU, if the VMM has one',
    strict: false,
    notes: [],
    problems: spanProblems(spans),
    preset: undefined,
  };
}

/** The parts of a layout that are proper ranges: neither empty nor wrapping. */
export function properRam({ ram }: GuestLayout): GuestRam[] {
  return ram.filter(({ start, end, size }) => size > 0n && start <= end);
}

function refusal(preset: Preset, size: bigint, options: PresetOptions): string | undefined {
  if (size <= 0n) return `${preset.vmm} with no RAM at all`;
  const { base } = options;
  if (base !== undefined && preset.leastBase !== undefined && base < preset.leastBase)
    return `${preset.vmm} takes RAM from ${hex(preset.leastBase)} (${humanSize(preset.leastBase)}) upwards, not from ${hex(base)}`;
  const room = preset.places(size, options).reduce((sum, place) => sum + (place.size > 0n ? place.size : 0n), 0n);
  if (size > room) return `${preset.vmm} has room for ${humanSize(room)} of RAM, not for ${humanSize(size)}`;
  const { plugged } = options;
  const { start = 0n, size: more = 0n } =
    pluggedRam(preset, ramOf(preset, size, { ...options, plugged: 0n }), plugged) ?? {};
  if (start + more > addressLimit) return `${preset.vmm} has no room for ${humanSize(plugged!)} of memory to plug in`;
  return undefined;
}

function ramOf(preset: Preset, size: bigint, options: PresetOptions): GuestRam[] {
  const filled: Place[] = [];
  let rest = size;
  for (const { start, size: room } of preset.places(size, options)) {
    if (rest === 0n || room <= 0n) continue;
    const taken = rest < room ? rest : room;
    filled.push({ start, size: taken });
    rest -= taken;
  }
  const names = filled.length === 1 ? ['RAM'] : ['low RAM', 'high RAM'];
  const ram = filled.map((place, at) => ramAt(place.start, place.size, names[at] ?? 'RAM'));
  const fixed = (preset.fixed?.(options) ?? []).map(({ start, size: taken, what }) => ramAt(start, taken, what));
  const plugged = pluggedRam(preset, ram, options.plugged);
  return [...fixed, ...ram, ...(plugged === undefined ? [] : [plugged])];
}

function pluggedRam(preset: Preset, ram: readonly GuestRam[], plugged: bigint | undefined): GuestRam | undefined {
  if (plugged === undefined || plugged === 0n || preset.pluggedAt === undefined) return undefined;
  const end = ram.reduce((highest, range) => (range.end > highest ? range.end : highest), 0n);
  return ramAt(preset.pluggedAt(end + 1n), plugged, 'memory plugged in');
}

function ramAt(start: bigint, size: bigint, what: string): GuestRam {
  return { ...rangeOf(start as Iova, size), size, what };
}

function titleOf(
  { vmm }: Preset,
  size: bigint,
  { base, plugged, below4g, protected: isProtected, amd }: PresetOptions,
): string {
  const more = [
    base === undefined ? '' : ` at ${hex(base)}`,
    plugged === undefined ? '' : ` and ${humanSize(plugged)} plugged in`,
    below4g === undefined ? '' : `, at most ${humanSize(below4g)} of it below 4 GiB`,
    isProtected === true ? ', protected' : '',
    amd === true ? ', AMD CPU' : '',
  ];
  return `${vmm} with ${humanSize(size)} of RAM${more.join('')}`;
}

/** Ranges that are empty, that wrap, and that overlap another, each by its number from 0. */
function spanProblems(spans: readonly { readonly start: bigint; readonly size: bigint }[]): string[] {
  const problems: string[] = [];
  if (spans.length === 0) problems.push('it has no RAM at all');
  const proper: { readonly at: number; readonly range: AddressRange }[] = [];
  spans.forEach(({ start, size }, at) => {
    const range = rangeOf(start, size);
    if (size === 0n) problems.push(`ram[${at}] at ${hex(start)} is empty`);
    else if (range.end < range.start)
      problems.push(`ram[${at}] from ${hex(start)} of ${humanSize(size)} runs past 2^64`);
    else proper.push({ at, range });
  });
  return [...problems, ...overlapProblems(proper)];
}

function overlapProblems(ranges: readonly { readonly at: number; readonly range: AddressRange }[]): string[] {
  const problems: string[] = [];
  const sorted = [...ranges].sort((one, other) => compare(one.range.start, other.range.start) || one.at - other.at);
  let furthest = sorted[0];
  for (const each of sorted.slice(1)) {
    if (furthest !== undefined && each.range.start <= furthest.range.end) {
      const [first, second] = each.at < furthest.at ? [each, furthest] : [furthest, each];
      problems.push(
        `ram[${second.at}] ${formatRange(second.range)} overlaps ram[${first.at}] ${formatRange(first.range)}`,
      );
    }
    if (furthest === undefined || each.range.end > furthest.range.end) furthest = each;
  }
  return problems;
}

/** Bytes of RAM that lie in proper ranges. */
export function ramBytes(layout: GuestLayout): bigint {
  return properRam(layout).reduce((sum, range) => sum + sizeOf(range), 0n);
}
