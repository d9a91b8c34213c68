// The union of what hosts reserve, cut where the set of those that reserve changes.
import type { AddressRange, Iova } from '../../topology/address';
import { unreachedRam } from '../plan/reach';
import type { GroupRegion, RegionType } from '../prediction';
import { compare, lastAddress, subtract } from '../ranges';
import type { Subject } from './match-masters';

/** Why a host keeps a range: a region, or that its IOMMU does not translate that far, or that DMA does not arrive from there. */
export interface Reason {
  /** Number of the host, from 0. */
  readonly host: number;
  readonly device: string;
  readonly kind: RegionType | 'aperture' | 'unreached';
  /** As the kernel lists it. */
  readonly range: AddressRange<Iova>;
  readonly region: GroupRegion | undefined;
  /** Of `unreached`: what keeps DMA away. */
  readonly text?: string;
}

export interface UnitedRange {
  readonly range: AddressRange<Iova>;
  readonly reasons: readonly Reason[];
}

/** Every region of every device on every host; what several devices of a host share stands there once. */
export function reasonsOf(subjects: readonly Subject[]): Reason[] {
  const reasons: Reason[] = [];
  const seen = new Set<string>();
  for (const subject of subjects) {
    for (const [host, on] of subject.on.entries()) {
      if (on?.group === undefined) continue;
      for (const region of on.group.regions) {
        const { range, type } = region;
        const key = `${host} ${range.start} ${range.end} ${type}`;
        if (range.end < range.start || seen.has(key)) continue;
        seen.add(key);
        reasons.push({ host, device: on.path, kind: type, range, region });
      }
    }
  }
  return reasons;
}

/** What the IOMMUs of the devices do not translate. */
export function apertureReasons(subjects: readonly Subject[]): Reason[] {
  const reasons: Reason[] = [];
  const seen = new Set<string>();
  const whole: AddressRange<Iova> = { start: 0n as Iova, end: lastAddress as Iova };
  for (const subject of subjects) {
    for (const [host, on] of subject.on.entries()) {
      const aperture = on?.group?.devices[0]?.iommu.driver.aperture;
      if (on === undefined || aperture === undefined) continue;
      for (const range of subtract([whole], [aperture])) {
        const key = `${host} ${range.start} ${range.end}`;
        if (seen.has(key)) continue;
        seen.add(key);
        reasons.push({ host, device: on.path, kind: 'aperture', range, region: undefined });
      }
    }
  }
  return reasons;
}

/** Where DMA of the devices does not arrive as it is: VFIO does not look at it, and a guest with RAM there fails all the same. */
export function reachReasons(subjects: readonly Subject[]): Reason[] {
  const found = new Map<string, Reason>();
  const whole: AddressRange<Iova> = { start: 0n as Iova, end: lastAddress as Iova };
  for (const { on } of subjects) {
    for (const [host, each] of on.entries()) {
      if (each?.master === undefined) continue;
      for (const { range, text } of unreachedRam(each.master, [whole])) {
        const kept = { start: range.start as Iova, end: range.end as Iova };
        const reason: Reason = { host, device: each.path, kind: 'unreached', range: kept, region: undefined, text };
        found.set(`${host} ${text}`, reason);
      }
    }
  }
  return [...found.values()];
}

/** The ranges as the hosts have them, each once with all that keep it; they may overlap. */
export function byRange(reasons: readonly Reason[]): UnitedRange[] {
  const found = new Map<string, { readonly range: AddressRange<Iova>; readonly reasons: Reason[] }>();
  for (const reason of reasons) {
    const key = `${reason.range.start} ${reason.range.end}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { range: reason.range, reasons: [reason] });
    else known.reasons.push(reason);
  }
  return [...found.values()].sort((one, other) => compare(one.range.start, other.range.start));
}

/** The ranges in ascending order; neighbours that are reserved for the same reasons are one. */
export function unite(reasons: readonly Reason[]): UnitedRange[] {
  const starts = new Map<bigint, Reason[]>();
  const ends = new Map<bigint, Reason[]>();
  const push = (map: Map<bigint, Reason[]>, at: bigint, reason: Reason): void => {
    const list = map.get(at);
    if (list === undefined) map.set(at, [reason]);
    else list.push(reason);
  };
  for (const reason of reasons) {
    push(starts, reason.range.start, reason);
    push(ends, reason.range.end + 1n, reason);
  }
  const edges = [...new Set([...starts.keys(), ...ends.keys()])].sort((one, other) => (one < other ? -1 : 1));
  const active = new Set<Reason>();
  const united: UnitedRange[] = [];
  edges.forEach((edge, at) => {
    for (const reason of ends.get(edge) ?? []) active.delete(reason);
    for (const reason of starts.get(edge) ?? []) active.add(reason);
    const next = edges[at + 1];
    if (active.size === 0 || next === undefined) return;
    united.push({ range: { start: edge as Iova, end: (next - 1n) as Iova }, reasons: [...active] });
  });
  return united;
}
