// Plans as text: for each device what the kernel answers, why, with the source line, and what would make it work.
import { blocksText } from '../iova/plan/block-mappings';
import { namedPart, type DevicePlan } from '../iova/plan/plan-json';
import type { GuestPlan, PlannedMap, Verdict } from '../iova/plan/plan';
import type { Remedy } from '../iova/plan/remedies';
import type { JudgedWindow, Reason, WindowPlan } from '../iova/plan/window-plan';
import { sysfsAddress } from '../iova/print-regions';
import { typeWord, type GroupRegion, type PredictedDevice } from '../iova/prediction';
import { sizeOf } from '../iova/ranges';
import type { KernelProfile } from '../iova/kernel-profile';
import type { GuestLayout } from '../iova/guests/layout';
import type { MapConflict } from '../iova/vfio/dma-map';
import { count, hex, humanSize, list } from '../text/numbers';
import { positionAt, type SourceRange } from '../text/source-file';
import type { AddressRange } from '../topology/model';
import { displayPath, type Painter, type Style } from './terminal';

const verdictStyles: Readonly<Record<Verdict, Style>> = {
  works: 'info',
  unknown: 'warning',
  fails: 'warning',
  refused: 'error',
};

/** The guest, in front of its plans. */
export function printGuest(guest: GuestLayout, backend: string, kernel: KernelProfile, paint: Painter): string {
  const lines = [
    `${paint(guest.title, 'strong')}, mapped through ${backend} by Linux ${kernel.version} with pages of ${humanSize(kernel.pageSize)}`,
    ...guest.ram.map((ram) => `  ${rangeText(ram)}  ${ram.what}, ${placeText(ram)}`),
    ...guest.notes.map((note) => `  ${note}`),
    paint(`  ${guest.source}`, 'faint'),
  ];
  return `${lines.join('\n')}\n`;
}

/** The plans of one guest; devices of which the same is to be said come together. */
export function printPlans(plans: readonly DevicePlan[], paint: Painter): string {
  const alike = new Map<string, { body: string; first: DevicePlan; others: string[] }>();
  for (const each of plans) {
    const body = planLines(each, paint)
      .map((line) => `  ${line}\n`)
      .join('');
    const key = `${each.plan.verdict} ${withoutName(body, each)}`;
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { body, first: each, others: [] });
    else known.others.push(each.device);
  }
  return [...alike.values()].map((entry) => entryText(entry, paint)).join('\n');
}

function entryText(
  { body, first, others }: { body: string; first: DevicePlan; others: readonly string[] },
  paint: Painter,
): string {
  const { verdict, group } = first.plan;
  const standIn = group.devices.find(({ path, standsForUndescribed }) => path === first.device && standsForUndescribed);
  const standsFor = standIn === undefined ? '' : ` (${standInWords(standIn)})`;
  const heading = `${paint(first.device, 'strong')}${standsFor}  ${paint(verdict, verdictStyles[verdict])}\n`;
  if (others.length === 0) return `${heading}${body}`;
  const names = others.map((name) => `${paint(name, 'strong')}  ${paint(verdict, verdictStyles[verdict])}, alike\n`);
  return `${heading}${names.join('')}${body}`;
}

function standInWords({ path, master, functions }: PredictedDevice): string {
  if (path === master.path) return 'functions behind it that the sources do not describe';
  const isOne = functions?.length === 1 && functions[0]!.first === functions[0]!.last;
  return isOne ? 'a function that the sources do not describe' : 'functions that the sources do not describe';
}

/** A text about one device as it would read about another. */
function withoutName(text: string, { device, plan }: DevicePlan): string {
  let plain = text;
  const names = [device, ...plan.group.devices.map(({ path }) => path)].sort((one, other) => other.length - one.length);
  for (const name of names) {
    plain = plain.replaceAll(new RegExp(`${escaped(name)}(?![\\w,@.+-])`, 'g'), '\u0001');
  }
  // The places of its own node.
  return plain.replaceAll(/ \([^()\s]+:\d+:\d+\)/g, '');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function planLines({ plan, remedies }: DevicePlan, paint: Painter): string[] {
  const { attach, unknown } = plan;
  const isAttached = attach.result === 'ok';
  return [
    ...section('attach', attachLines(plan, paint)),
    ...section('interrupts', isolationLines(plan)),
    ...(isAttached ? section('usable', plan.ranges.map(rangeWithPlace)) : []),
    ...section('maps', mapLines(plan, paint)),
    ...section('blocks', blockLines(plan)),
    ...section('VMM', vmmLines(plan)),
    ...section('DMA', reachLines(plan)),
    ...section('window', isAttached || attach.result === 'EPERM' ? windowLines(plan, paint) : []),
    ...section('unknown', unknown),
    ...section('remedy', remedyLines(plan, remedies)),
  ];
}

const indent = 12;

/** A word in front of the first of its lines. */
function section(word: string, lines: readonly string[]): string[] {
  return lines.map((line, at) => `${(at === 0 ? word : '').padEnd(indent)}${line}`);
}

function attachLines({ attach, attachConflicts, options }: GuestPlan, paint: Painter): string[] {
  const when = options.hotplug === true ? ', while the guest runs' : '';
  if (attach.result === 'ok') return [`ok${when}`];
  const conflicts = attachConflicts.map((conflict) => `  ${conflictText(conflict)}`);
  return [`${paint(attach.result, 'error')} from ${attach.step}${when}: ${attach.reason}`, ...conflicts];
}

/** The chain of each device; a reason that the attach gave already is not said again. */
function isolationLines(plan: GuestPlan): string[] {
  const { isolation, attach } = plan;
  const lines = isolation.devices.flatMap(({ isolated, reason, chain, controller }) => {
    const way = chain.map(
      ({ path, property, source }) => `${path}${property === undefined ? '' : ` ${property}`}${evidence(source)}`,
    );
    if (isolated === true) return [`isolated: ${way.join(' → ')}`];
    const word = isolated === false ? 'not isolated' : 'perhaps not isolated';
    const why = reason === undefined || reason === attach.reason ? '' : `: ${reason}`;
    return [`${word}${why}`, ...(controller === undefined ? [] : [`  ${way.join(' → ')}`])];
  });
  lines.push(...deliveryLines(plan));
  const { scope, reason } = isolation;
  return scope === 'system' && reason !== undefined && reason !== attach.reason ? [reason, ...lines] : lines;
}

/** Where MSIs are written to, each place once. */
function deliveryLines({ interrupts, group }: GuestPlan): string[] {
  const texts = interrupts.flatMap(({ delivery }) => {
    switch (delivery.kind) {
      case 'mapped':
        return delivery.address === undefined
          ? `MSIs are mapped from ${sysfsAddress(delivery.base)} upwards`
          : `MSIs are written to ${sysfsAddress(delivery.address)}, the first doorbell’s place in the window`;
      case 'untranslated':
        if (!delivery.passes && group.unknown.length > 0) return 'where MSIs go depends on regions that nobody knows';
        return `MSIs are written to ${delivery.address === undefined ? 'the doorbell' : sysfsAddress(delivery.address)} as it is, and ${delivery.passes ? 'pass the IOMMU there' : 'the IOMMU stops them: no interrupt arrives'}`;
      case 'refused':
        return `MSIs cannot be switched on, ${delivery.error}: ${delivery.reason}`;
      case 'none':
        return [];
    }
  });
  return [...new Set(texts)];
}

function mapLines(plan: GuestPlan, paint: Painter): string[] {
  if (plan.attach.result !== 'ok' && plan.options.hotplug !== true) {
    const hits = plan.maps.filter(({ result }) => result.conflicts.length > 0);
    if (plan.attach.result !== 'EPERM' || hits.length === 0) return [];
    return ['not reached, and with the device attached refused as well:', ...hits.flatMap((map) => oneMap(map, paint))];
  }
  return plan.maps.flatMap((map) => oneMap(map, paint));
}

function oneMap({ ram, result }: PlannedMap, paint: Painter): string[] {
  const word = result.result === 'ok' ? 'ok' : paint(result.result, 'error');
  return [
    `${rangeText(ram)}  ${word}, ${placeText(ram)}`,
    ...result.conflicts.map((conflict) => `  ${conflictText(conflict)}`),
  ];
}

function conflictText({ kind, range, region }: MapConflict): string {
  if (region !== undefined) return `meets ${regionText(region)}`;
  switch (kind) {
    case 'aperture':
      return `beyond what the IOMMU translates: ${rangeWithPlace(range)}`;
    case 'mapping':
      return `is mapped already: ${rangeWithPlace(range)}`;
    case 'alignment':
      return 'start and size must be multiples of the host’s pages, and not 0';
    default:
      return 'runs past 2^64';
  }
}

function regionText({ range, type, parts }: GroupRegion): string {
  const { origin, reservation, source } = namedPart(parts);
  const whose = reservation === undefined ? origins[origin] : `${origin} of ${reservation.node.path}`;
  return `${rangeText(range)} ${typeWord(type)} (${humanSize(sizeOf(range))}), ${whose}${evidence(source)}`;
}

const origins: Readonly<Record<string, string>> = {
  'sw-msi': 'the software MSI window',
  'hw-msi': 'a hardware MSI region',
  driver: 'the IOMMU driver’s own',
};

function blockLines({ blocks, attach }: GuestPlan): string[] {
  if (attach.result !== 'ok' && attach.result !== 'EPERM') return [];
  const { without, with: cut, extra, gone, holes } = blocks;
  if (holes.length === 0) return [blocksText(without)];
  const sum = extra >= 0n ? `${extra} more` : `${-extra} fewer`;
  const lost = gone === undefined ? '' : `, no ${humanSize(gone)} block is left`;
  const shown = holes.slice(0, 5).map(({ hole, text }) => `at ${sysfsAddress(hole.start)}: ${text}`);
  return [
    `${blocksText(without)} in one piece; ${blocksText(cut)} with ${count(holes.length, 'hole')} left out: ${sum}${lost}`,
    ...shown,
    ...(holes.length > shown.length ? [`and ${holes.length - shown.length} holes more`] : []),
  ];
}

function vmmLines({ vmmRefusals, guest }: GuestPlan): string[] {
  return vmmRefusals.map(
    ({ ram, region }) => `${guest.name} does not start: ${ram.what} overlaps ${regionText(region)}`,
  );
}

function reachLines({ unreached, attach }: GuestPlan): string[] {
  if (unreached.length === 0) return [];
  const maps = attach.result === 'ok' ? 'the maps succeed' : 'the maps would succeed';
  return [
    `${maps}, since VFIO looks at neither dma-ranges nor address limits, but DMA of the device fails:`,
    ...unreached.slice(0, 5).map(({ text, source }) => `  ${text}${evidence(source)}`),
    ...(unreached.length > 5 ? [`  and ${unreached.length - 5} ranges more`] : []),
  ];
}

function windowLines({ window, group }: GuestPlan, paint: Painter): string[] {
  if (window === undefined) return [noWindow(group)];
  const { range, fits, reasons, doorbells, needed } = window;
  const uses = doorbells.map(({ address }) => sysfsAddress(address));
  const use =
    doorbells.length === 0
      ? 'no doorbell is known that would be mapped there'
      : `${humanSize(needed)} ${needed > sizeOf(range) ? 'needed' : 'of it'} for ${count(doorbells.length, 'doorbell')} (${list(uses, 3)})`;
  const word = fits ? 'fits' : paint(doorbells.length === 0 ? 'would not fit' : 'does not fit', 'warning');
  const lines = [`${rangeText(range)}  ${word}, ${use}`, ...reasons.map((reason) => `  ${reasonText(reason)}`)];
  return fits ? lines : [...lines, ...placeLines(window), policyLine(window)];
}

function noWindow({ regions, unknown }: GuestPlan['group']): string {
  if (unknown.length > 0) return 'not known';
  return regions.some(({ type }) => type === 'hardware-msi')
    ? 'none: a hardware MSI region takes its place, doorbells are used untranslated'
    : 'none: the driver of the IOMMU has no software MSI window';
}

function placeLines({ candidates }: WindowPlan): string[] {
  const good = candidates.filter(({ fits }) => fits);
  const bad = candidates.filter(({ fits }) => !fits);
  if (good.length === 0) return ['no other place fits', ...badLines(bad)];
  return [...good.map((candidate) => `fits at     ${candidateText(candidate, 1)}`), ...badLines(bad)];
}

/** Places that fail for the same first reason share a line. */
function badLines(candidates: readonly JudgedWindow[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { range, name, reasons } of candidates) {
    const reason = reasons[0]?.text ?? '';
    const place = `${hex(range.start)} (${name ?? humanSize(sizeOf(range))})`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), place]);
  }
  return [...byReason].map(([reason, places]) => `not at      ${places.join(', ')}: ${reason}`);
}

function candidateText({ range, name, reasons }: JudgedWindow, most: number): string {
  const all = [...(name === undefined ? [] : [name]), ...reasons.slice(0, most).map(({ text }) => text)];
  return `${hex(range.start)}, ${humanSize(sizeOf(range))}: ${all.join('; ')}`;
}

function policyLine({ policies }: WindowPlan): string {
  const outcomes = policies.map(({ policy, range, fits }) => {
    return `${policy} ${range === undefined ? 'finds none' : `${hex(range.start)} ${fits ? 'fits' : 'fails'}`}`;
  });
  return `by policy   ${outcomes.join(', ')} (mainline kernels know the first alone)`;
}

function remedyLines(plan: GuestPlan, remedies: readonly Remedy[]): string[] {
  const { verdict, guest } = plan;
  if ((verdict === 'works' || verdict === 'unknown') && guest.problems.length === 0) return [];
  if (remedies.length === 0) return [noRemedy(plan)];
  return remedies.flatMap(({ steps }, at) =>
    steps.flatMap(({ title, cost }, step) => [
      `${step === 0 ? `${at + 1}. ` : '   and '}${title}`,
      `${step === 0 ? '   ' : '       '}${cost}`,
    ]),
  );
}

/** What decides it, where none of the changes that were tried helps. */
function noRemedy({ attach, group }: GuestPlan): string {
  if (group.oops !== undefined) return 'correct what makes the kernel oops: `doorbell check` has the place';
  if (attach.result !== 'ok' && attach.step === 'bind') return bindRemedies[group.devices[0]!.iommu.driver.vfio];
  return 'none known: no other memory of the guest, place of the window or place of the reservations makes it work';
}

const ifCoherent = 'if the hardware does keep its table walks coherent, its node lacks dma-coherent';
const bindRemedies: Readonly<Record<PredictedDevice['iommu']['driver']['vfio'], string>> = {
  always: 'none known',
  'coherent-walk': `nothing about the guest helps; ${ifCoherent}`,
  'coherent-walk-or-master': `nothing about the guest helps; ${ifCoherent}, or that of the device if its DMA is coherent`,
  never: 'none: nothing about the guest or its memory makes this driver of Linux take part in VFIO',
  unknown: 'none known: Linux has no driver for this IOMMU',
};

function reasonText({ text, source }: Reason): string {
  return `${text}${evidence(source)}`;
}

function rangeWithPlace(range: AddressRange): string {
  return `${rangeText(range)}  ${placeText(range)}`;
}

/** As sysfs has it, the last address included. */
function rangeText({ start, end }: AddressRange): string {
  return `${sysfsAddress(start)}-${sysfsAddress(end)}`;
}

function placeText({ start, end }: AddressRange): string {
  if (end < start) return 'no proper range';
  return `${humanSize(sizeOf({ start, end }))} at ${start === 0n ? '0' : humanSize(start)}`;
}

function evidence(source: SourceRange | undefined): string {
  if (source === undefined) return '';
  const { line, character } = positionAt(source.file, source.start);
  return ` (${displayPath(source.file.path)}:${line + 1}:${character + 1})`;
}
