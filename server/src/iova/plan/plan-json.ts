// The shape of `plan --format json`. Addresses and sizes are hex strings, counts are numbers.
import type { SourceRange } from '../../text/source-file';
import type { AddressRange } from '../../topology/model';
import { guestLabel } from '../guests/guest-spec';
import type { GuestLayout } from '../guests/layout';
import { sysfsAddress } from '../print-regions';
import { typeWord, type GroupRegion, type RegionOrigin } from '../prediction';
import type { MapConflict } from '../vfio/dma-map';
import type { DeviceIsolation } from '../vfio/msi-isolation';
import { totalBlocks, type BlockCost, type BlockCount } from './block-mappings';
import type { GuestPlan, PlannedInterrupts, PlannedMap } from './plan';
import type { Remedy } from './remedies';
import type { JudgedWindow, PolicyOutcome, Reason, WindowPlan } from './window-plan';

/** A place in a source as the caller prints it; null where there is none. */
export type PlaceOf = (source: SourceRange | undefined) => object | null;

/** One device of a plan. */
export interface DevicePlan {
  readonly device: string;
  readonly plan: GuestPlan;
  readonly remedies: readonly Remedy[];
}

interface RangeJson {
  readonly start: string;
  readonly end: string;
}

export function planJson({ device, plan, remedies }: DevicePlan, placeOf: PlaceOf): object {
  const { attach, attachConflicts, group, guest, isolation, ranges, unknown, verdict, window } = plan;
  const conflictOf = (conflict: MapConflict): object => conflictJson(conflict, placeOf);
  return {
    device,
    group: group.id,
    devices: [...new Set(group.devices.map(({ path }) => path))],
    guest: guestLabel(guest),
    verdict,
    attach: {
      result: attach.result,
      reason: attach.reason ?? null,
      step: attach.result === 'ok' ? null : attach.step,
      conflicts: attachConflicts.map(conflictOf),
    },
    ranges: ranges.map(rangeJson),
    maps: plan.maps.map((map) => mapJson(map, placeOf)),
    blocks: blocksJson(plan.blocks),
    vmm: plan.vmmRefusals.map(({ ram, region }) => ({ ram: rangeJson(ram), ...regionJson(region, placeOf) })),
    unreached: plan.unreached.map(({ range, kind, text, source }) => ({
      ...rangeJson(range),
      kind,
      reason: text,
      source: placeOf(source),
    })),
    isolation: {
      isolated: isolation.isolated ?? null,
      scope: isolation.scope,
      reason: isolation.reason ?? null,
      devices: isolation.devices.map((each) => isolationJson(each, placeOf)),
    },
    interrupts: plan.interrupts.map(interruptsJson),
    window: window === undefined ? null : windowJson(window, placeOf),
    remedies: remedies.map(remedyJson),
    ...(unknown.length > 0 && { unknown }),
  };
}

export function guestJson(guest: GuestLayout): object {
  return {
    name: guestLabel(guest),
    title: guest.title,
    source: guest.source,
    ram: guest.ram.map((ram) => ({ ...rangeJson(ram), size: hex(ram.size), what: ram.what })),
    ...(guest.problems.length > 0 && { problems: guest.problems }),
  };
}

function mapJson({ ram, result, blocks }: PlannedMap, placeOf: PlaceOf): object {
  return {
    ...rangeJson(ram),
    size: hex(ram.size),
    what: ram.what,
    result: result.result,
    conflicts: result.conflicts.map((conflict) => conflictJson(conflict, placeOf)),
    blocks: sumJson(blocks),
  };
}

function conflictJson({ kind, range, region }: MapConflict, placeOf: PlaceOf): object {
  if (region !== undefined) return { kind, ...regionJson(region, placeOf) };
  return { kind, ...rangeJson(range), type: kind, origin: null, source: null };
}

function regionJson({ range, type, parts }: GroupRegion, placeOf: PlaceOf): object {
  const { origin, source, reservation } = namedPart(parts);
  const node = reservation?.node.path ?? null;
  const json: { origin: RegionOrigin; node: string | null } = { origin, node };
  return { ...rangeJson(range), type: typeWord(type), ...json, source: placeOf(source) };
}

/** Of a region that was merged the first part that a source line made. */
export function namedPart(parts: GroupRegion['parts']): GroupRegion['parts'][number]['region'] {
  return (parts.find(({ region }) => region.source !== undefined) ?? parts[0]!).region;
}

/** `without` and `with` the holes, as numbers of blocks; by size beside them. */
function sumJson({ without, with: cut, extra, gone }: BlockCost): object {
  return {
    without: Number(totalBlocks(without)),
    with: Number(totalBlocks(cut)),
    extra: Number(extra),
    sizesWithout: countsJson(without),
    sizesWith: countsJson(cut),
    gone: gone === undefined ? null : hex(gone),
  };
}

function blocksJson(cost: BlockCost): object {
  return {
    ...sumJson(cost),
    holes: cost.holes.map(({ hole, lost, gained, extra: more, text }) => ({
      ...rangeJson(hole),
      extra: Number(more),
      lost: countsJson(lost),
      gained: countsJson(gained),
      text,
    })),
  };
}

function countsJson(counts: readonly BlockCount[]): object[] {
  return counts.map(({ size, count }) => ({ size: hex(size), count: Number(count) }));
}

function isolationJson({ device, isolated, reason, chain, controller }: DeviceIsolation, placeOf: PlaceOf): object {
  return {
    device: device.path,
    isolated: isolated ?? null,
    reason: reason ?? null,
    chain: chain.map(({ path, property, source }) => ({ path, property: property ?? null, source: placeOf(source) })),
    controller: controller?.path ?? null,
  };
}

function interruptsJson({ device, delivery }: PlannedInterrupts): object {
  const { path } = device;
  switch (delivery.kind) {
    case 'mapped':
      return {
        device: path,
        kind: delivery.kind,
        base: sysfsAddress(delivery.base),
        address: addressJson(delivery.address),
      };
    case 'untranslated':
      return { device: path, kind: delivery.kind, passes: delivery.passes, address: addressJson(delivery.address) };
    case 'refused':
      return { device: path, kind: delivery.kind, error: delivery.error, reason: delivery.reason };
    case 'none':
      return { device: path, kind: delivery.kind };
  }
}

function addressJson(address: bigint | undefined): string | null {
  return address === undefined ? null : sysfsAddress(address);
}

function windowJson(window: WindowPlan, placeOf: PlaceOf): object {
  const { range, fits, reasons, needed, doorbells, candidates, policies } = window;
  return {
    ...rangeJson(range),
    fits,
    reasons: reasons.map(({ text }) => text),
    evidence: evidence(reasons, placeOf),
    needed: hex(needed),
    doorbells: doorbells.map(({ address }) => sysfsAddress(address)),
    candidates: candidates.map((candidate) => candidateJson(candidate, placeOf)),
    policies: policies.map((outcome) => policyJson(outcome, placeOf)),
  };
}

function candidateJson({ range, name, fits, reasons }: JudgedWindow, placeOf: PlaceOf): object {
  return {
    ...rangeJson(range),
    fits,
    name: name ?? null,
    reasons: reasons.map(({ text }) => text),
    evidence: evidence(reasons, placeOf),
  };
}

function policyJson({ policy, description, range, fits, reasons }: PolicyOutcome, placeOf: PlaceOf): object {
  return {
    policy,
    description,
    ...(range === undefined ? { start: null, end: null } : rangeJson(range)),
    fits,
    reasons: reasons.map(({ text }) => text),
    evidence: evidence(reasons, placeOf),
  };
}

function evidence(reasons: readonly Reason[], placeOf: PlaceOf): (object | null)[] {
  return reasons.map(({ source }) => placeOf(source));
}

function remedyJson({ steps }: Remedy): object {
  return {
    steps: steps.map(({ kind, title, cost, guest, window }) => ({
      kind,
      title,
      cost,
      ...(guest !== undefined && kind !== 'guest-iommu' && { guest: guestJson(guest) }),
      ...(window !== undefined && { window: rangeJson(window) }),
    })),
  };
}

function rangeJson({ start, end }: AddressRange): RangeJson {
  return { start: sysfsAddress(start), end: sysfsAddress(end) };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
