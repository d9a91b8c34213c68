// What the kernel will make of a topology: groups, and the regions that each device and group reserves.
import type { SourceRange } from '../text/source-file';
import type { AddressRange, DmaMaster, Iommu, Iova, Problem, Reservation } from '../topology/model';
import type { KernelProfile } from './kernel-profile';

export interface RegionPrediction {
  readonly kernel: KernelProfile;
  readonly groups: readonly PredictedGroup[];
  /** Masters without a group, each with the reason. */
  readonly ungrouped: readonly UngroupedMaster[];
}

/** The kernel's types in its own order, which sorting goes by (include/linux/iommu.h enum iommu_resv_type). Both MSI kinds print as `msi`. */
export const regionTypes = ['direct', 'direct-relaxable', 'reserved', 'hardware-msi', 'software-msi'] as const;
export type RegionType = (typeof regionTypes)[number];

export type RegionOrigin = 'sw-msi' | 'hw-msi' | 'iommu-addresses' | 'rmr' | 'driver';

export interface PredictedGroup {
  /** Our own count from 0; the kernel's depends on the order in which it probes. */
  readonly id: number;
  readonly devices: readonly PredictedDevice[];
  /** As sysfs prints them: sorted and merged over all devices. Empty when the kernel crashes on the group. */
  readonly regions: readonly GroupRegion[];
  /** The kernel dereferences NULL when it asks for this group's regions. */
  readonly oops: Problem | undefined;
  /** Regions that exist but that we cannot know, each with a reason. */
  readonly unknown: readonly string[];
}

export interface PredictedDevice {
  readonly path: string;
  readonly master: DmaMaster;
  /** It is a host bridge (or other bus) that stands for the functions behind it which the sources do not describe. */
  readonly standsForUndescribed: boolean;
  /** Of a stand-in: the functions that it stands for, where others behind the same IOMMU reserve something else (IORT: RMR). */
  readonly functions?: readonly FunctionRange[];
  readonly iommu: Iommu;
  /** Empty for a stand-in. */
  readonly streamIds: readonly number[];
  /** What this device reserves, in the kernel's order, before anything is sorted or merged. */
  readonly regions: readonly DeviceRegion[];
}

/** Requester IDs, both ends included. */
export interface FunctionRange {
  readonly first: number;
  readonly last: number;
}

export interface DeviceRegion {
  readonly range: AddressRange<Iova>;
  readonly type: RegionType;
  readonly origin: RegionOrigin;
  /** The entry that made it. */
  readonly source: SourceRange | undefined;
  readonly reservation: Reservation | undefined;
}

/** A line of `reserved_regions`. */
export interface GroupRegion {
  readonly range: AddressRange<Iova>;
  readonly type: RegionType;
  /** What it was merged from: at least one. */
  readonly parts: readonly { readonly device: PredictedDevice; readonly region: DeviceRegion }[];
}

export interface UngroupedMaster {
  readonly path: string;
  readonly master: DmaMaster;
  readonly reason: string;
  /** The problem that keeps it out, if it is one: no IOMMU at all is none. */
  readonly problem: Problem | undefined;
}

/** The kernel's word for a type. */
export function typeWord(type: RegionType): 'direct' | 'direct-relaxable' | 'reserved' | 'msi' {
  return type === 'hardware-msi' || type === 'software-msi' ? 'msi' : type;
}
