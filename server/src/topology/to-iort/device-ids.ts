// The device IDs that an SMMU's stream IDs become on their way to an ITS. In a tree each master says both; in an IORT the
// SMMU says it once for all of them.
import type { Iommu, MsiController } from '../model';
import { leading } from '../../text/in-order';

/** Stream IDs that become device IDs, one by one. */
export interface DeviceIdRange {
  readonly first: number;
  readonly last: number;
  readonly controller: MsiController;
  /** Of the first. */
  readonly id: number;
}

export interface DeviceIds {
  /** Adds what does not contradict what is there; returns what does. */
  readonly add: (iommu: Iommu, range: DeviceIdRange) => readonly DeviceIdRange[];
  /** In order of stream IDs, as few ranges as possible. */
  readonly of: (iommu: Iommu) => readonly DeviceIdRange[];
}

export function newDeviceIds(): DeviceIds {
  const byIommu = new Map<Iommu, DeviceIdRange[]>();
  return {
    add(iommu, range) {
      const known = byIommu.get(iommu) ?? [];
      byIommu.set(iommu, known);
      const refused: DeviceIdRange[] = [];
      // The first that ends there or behind.
      let at = leading(known.length, (index) => known[index]!.last < range.first);
      let { first } = range;
      while (first <= range.last) {
        const next = known[at];
        if (next === undefined || next.first > first) {
          const last = Math.min(range.last, (next?.first ?? Infinity) - 1);
          known.splice(at++, 0, part(range, first, last));
          first = last + 1;
          continue;
        }
        const last = Math.min(range.last, next.last);
        const wanted = part(range, first, last);
        const isSame = next.controller === range.controller && next.id - next.first === range.id - range.first;
        if (!isSame) refused.push(wanted);
        first = last + 1;
        at++;
      }
      return refused;
    },
    of: (iommu) => joined(byIommu.get(iommu) ?? []),
  };
}

function part(range: DeviceIdRange, first: number, last: number): DeviceIdRange {
  return { ...range, first, last, id: range.id + (first - range.first) };
}

function joined(ranges: readonly DeviceIdRange[]): DeviceIdRange[] {
  const list: DeviceIdRange[] = [];
  for (const range of ranges) {
    const before = list.at(-1);
    const isNext =
      before?.last === range.first - 1 &&
      before.controller === range.controller &&
      before.id - before.first === range.id - range.first;
    if (isNext) list[list.length - 1] = { ...before, last: range.last };
    else list.push(range);
  }
  return list;
}
