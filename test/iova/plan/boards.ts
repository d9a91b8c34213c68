// Boards to plan on, and plans in short.
import {
  presetLayout,
  type GuestLayout,
  type PresetName,
  type PresetOptions,
} from '../../../server/src/iova/guests/layout';
import { kernelProfile, type ProfileSettings } from '../../../server/src/iova/kernel-profile';
import type { Situation } from '../../../server/src/iova/plan/change';
import { planContainer, planGuest, type GuestPlan, type PlanOptions } from '../../../server/src/iova/plan/plan';
import { remediesFor } from '../../../server/src/iova/plan/remedies';
import { predictRegions } from '../../../server/src/iova/predict';
import { topologyOf } from '../../topology/trees';

export const gib = 1n << 30n;
export const mib = 1n << 20n;

/** A host bridge behind the SMMU with an ITS; `more` are its further properties and children. */
export function bridge(more = ''): string {
  return `pcie: pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0 0x10000000 0 0x1000000>;
    #address-cells = <3>; #size-cells = <2>; iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x10000>; ${more} };`;
}

/** A reservation for a function 1.0 behind the bridge; `reg` is its physical place, if it has one. */
export function netReservation(start: bigint, size: bigint, reg = ''): string {
  const cells = (value: bigint) => `0x${(value >> 32n).toString(16)} 0x${(value & 0xffffffffn).toString(16)}`;
  return `reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
      hole: hole@0 { ${reg} iommu-addresses = <&net 0x02000000 ${cells(start)} ${cells(size)}>; }; };
    ${bridge('net: net@1,0 { reg = <0x800 0 0 0 0>; memory-region = <&hole>; };')}`;
}

export function situation(
  nodes: string,
  device: string,
  guest: GuestLayout,
  options: PlanOptions = {},
  settings: ProfileSettings = {},
): Situation {
  const topology = topologyOf(nodes);
  const prediction = predictRegions(topology, kernelProfile(settings));
  const groups = prediction.groups.filter(({ devices }) => devices.some(({ path }) => path === device));
  if (groups.length === 0) throw new Error(`${device} is in no group`);
  return { topology, prediction, groups, guest, options };
}

export function plan({ topology, prediction, groups, guest, options }: Situation): GuestPlan {
  return planGuest(topology, prediction, groups[0]!, guest, options);
}

export function container({ topology, prediction, groups, guest, options }: Situation): GuestPlan[] {
  return planContainer(topology, prediction, groups, guest, options);
}

export function guest(name: PresetName, size: bigint, options?: PresetOptions): GuestLayout {
  return presetLayout(name, size, options);
}

/** `EINVAL region 40000000-400fffff` for each map. */
export function mapResults({ maps }: GuestPlan): string[] {
  return maps.map(({ result: { result, conflicts } }) =>
    [
      result,
      ...conflicts.map(({ kind, range }) => `${kind} ${range.start.toString(16)}-${range.end.toString(16)}`),
    ].join(' '),
  );
}

/** `kind + kind: title + title` for each remedy. */
export function remedyTitles(given: Situation): string[] {
  return remediesFor(given).map(
    ({ steps }) => `${steps.map(({ kind }) => kind).join(' + ')}: ${steps.map(({ title }) => title).join(' + ')}`,
  );
}
