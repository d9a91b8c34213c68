// The whole prediction: which master is in which group on a kernel, and what the group reserves.
import type { DmaMaster, Iommu, Problem, Topology } from '../topology/model';
import { attachByList, attachByMap, attachUndescribed, isWhollyOutOfRange, none } from './attach';
import type { Attachment, Stream } from './attach';
import { deviceRegions } from './device-regions';
import { functionClasses, type FunctionClass } from './function-classes';
import type { DeviceRegions } from './device-regions';
import { unmappableRegion } from './direct-mappings';
import { newGrouping } from './grouping';
import type { Grouping } from './grouping';
import type { KernelProfile } from './kernel-profile';
import { mergeRegions } from './merge';
import type { PredictedDevice, PredictedGroup, RegionPrediction, UngroupedMaster } from './prediction';

export type * from './prediction';

/** Groups and reserved regions as the kernel will report them. Every master is in a group or in `ungrouped`, a bus perhaps in both. */
export function predictRegions(topology: Topology, kernel: KernelProfile): RegionPrediction {
  const all = inOrder(topology, kernel).flatMap((master) =>
    candidates(master, kernel).map((candidate) => withRegions(candidate, kernel)),
  );
  const lost = lostIommus(topology, all, kernel);
  const ungrouped: UngroupedMaster[] = [];
  const grouping = newGrouping(kernel);
  for (const candidate of all) {
    const { master } = candidate;
    const reason = keptOut(candidate, lost, kernel) ?? place(grouping, candidate);
    if (reason !== undefined) ungrouped.push({ path: candidate.stand?.path ?? master.path, master, ...reason });
  }
  return { kernel, groups: grouping.groups().map(predictedGroup), ungrouped };
}

/**
 * Devices are met in this order (seen on all kernels). 7.2 adds platform devices first, then PCI's as it finds them: bus by bus.
 * Before it drivers bind, those of PCI first, and of these that of bridges (pcieport), which is never a module.
 */
function inOrder({ masters }: Topology, kernel: KernelProfile): DmaMaster[] {
  const isPci = ({ kind }: DmaMaster): boolean => kind === 'pci-host' || kind === 'pci-function';
  const pci = masters.filter(isPci).sort(byRequesterId);
  const others = masters.filter((master) => !isPci(master));
  if (kernel.groupsFormAt === 'add') return [...others, ...pci];
  return [...pci.filter(({ isBridge }) => isBridge), ...pci.filter(({ isBridge }) => !isBridge), ...others];
}

/** Host bridges stay in front of what is behind them. */
function byRequesterId(one: DmaMaster, other: DmaMaster): number {
  if (one.hostBridge !== other.hostBridge) return 0;
  return (one.requesterId ?? -1) - (other.requesterId ?? -1);
}

interface Candidate {
  readonly master: DmaMaster;
  readonly standsForUndescribed: boolean;
  readonly attachment: Attachment;
  /** Of functions that no source describes, and that reserve alike. */
  readonly stand?: FunctionClass;
}

/** What of a master may become a member of a group: itself, and for buses a stand-in for what is behind them. */
function candidates(master: DmaMaster, kernel: KernelProfile): Candidate[] {
  const { availability, laterAvailability = availability } = master;
  const now = kernel.busRule === 'own-cells' ? laterAvailability : availability;
  if (!now.enabled) {
    const attachment = none(`it is not enabled: ${now.reason}`);
    return [{ master, standsForUndescribed: false, attachment }];
  }
  const own = (attachment: Attachment): Candidate => ({ master, standsForUndescribed: false, attachment });
  switch (master.kind) {
    case 'platform':
      return [own(attachByList(master, kernel))];
    case 'pci-function': {
      const ids = master.requesterId === undefined ? [] : [master.requesterId, ...master.aliases];
      return [own(attachByMap(master, ids, kernel))];
    }
    case 'pci-host':
    case 'bus': {
      if (master.iommuMap?.property === 'iort') {
        return functionClasses(master, kernel).map((stand) => {
          return { master, standsForUndescribed: true, attachment: stand.attachment, stand };
        });
      }
      const behind = attachUndescribed(master, kernel);
      const stands = behind.map((attachment) => ({ master, standsForUndescribed: true, attachment }));
      return master.streams.length > 0 ? [...stands, own(attachByList(master, kernel))] : stands;
    }
  }
}

interface Probed extends Candidate {
  /** What the IOMMU driver will report for it; undefined without an IOMMU. */
  readonly found: DeviceRegions | undefined;
  /** Direct regions that keep it from its IOMMU. */
  readonly unmappable: Problem | undefined;
}

function withRegions(candidate: Candidate, kernel: KernelProfile): Probed {
  const { master, standsForUndescribed, attachment, stand } = candidate;
  if (!attachment.ok) return { ...candidate, found: undefined, unmappable: undefined };
  const ids = stand?.streamIds ?? attachment.streams.map(({ id }) => id);
  const found = deviceRegions(attachment.iommu, master, !standsForUndescribed, ids, kernel);
  const unmappable = found.oops ? undefined : unmappableRegion(attachment.iommu, found.regions, kernel);
  return { ...candidate, found, unmappable };
}

interface Reason {
  readonly reason: string;
  readonly problem: Problem | undefined;
}

function keptOut(
  { attachment, unmappable }: Probed,
  lost: ReadonlyMap<Iommu, Problem>,
  kernel: KernelProfile,
): Reason | undefined {
  if (!attachment.ok) return { reason: attachment.reason, problem: attachment.problem };
  const { iommu, rangeProblem } = attachment;
  const cause = lost.get(iommu);
  if (cause !== undefined) {
    return { reason: `Linux ${kernel.version} fails to register ${iommu.path}: ${cause.message}`, problem: cause };
  }
  // The SMMUv1/v2 driver takes 16 bits of the ID and goes on.
  if (rangeProblem !== undefined && iommu.driver.grouping === 'stream-owner') {
    return { reason: rangeProblem.message, problem: rangeProblem };
  }
  return unmappable && { reason: unmappable.message, problem: unmappable };
}

/**
 * SMMUs that do not register because some device behind them has a stream ID out of range, or a direct region that cannot be
 * mapped: from 7.2 on the error of one device's probe is that of the IOMMU (drivers/iommu/iommu.c bus_iommu_probe).
 */
function lostIommus({ masters }: Topology, all: readonly Probed[], kernel: KernelProfile): Map<Iommu, Problem> {
  const lost = new Map<Iommu, Problem>();
  if (kernel.streamIdOutOfRange !== 'iommu') return lost;
  const lose = (iommu: Iommu | undefined, problem: Problem | undefined): void => {
    if (iommu?.driver.grouping === 'stream-owner' && problem !== undefined && !lost.has(iommu))
      lost.set(iommu, problem);
  };
  for (const { attachment, unmappable } of all) {
    if (attachment.ok && unmappable !== undefined && !lost.has(attachment.iommu))
      lost.set(attachment.iommu, unmappable);
  }
  for (const master of masters) {
    if (!master.availability.enabled) continue;
    for (const { iommu, problem } of master.streams) {
      if (problem?.code === 'stream-id-range') lose(iommu.target, problem);
    }
    if (master.kind === 'pci-function' && master.requesterId !== undefined) {
      const attachment = attachByMap(master, [master.requesterId, ...master.aliases], kernel);
      if (attachment.ok) lose(attachment.iommu, attachment.rangeProblem);
    } else if (master.iommuMap !== undefined) {
      for (const entry of master.iommuMap.readings[kernel.mapRule].entries) {
        if (isWhollyOutOfRange(entry)) lose(entry.target.target, entry.problem);
      }
    }
  }
  return lost;
}

/** Puts a device that has an IOMMU into its group; the reason if the IOMMU driver refuses it. */
function place(grouping: Grouping, candidate: Probed): Reason | undefined {
  const { master, standsForUndescribed, attachment, found, stand } = candidate;
  if (!attachment.ok || found === undefined) return undefined;
  const { iommu } = attachment;
  const streams: readonly Stream[] = attachment.streams;
  const { regions, oops, unknown } = found;
  const device: PredictedDevice = {
    path: stand?.path ?? master.path,
    master,
    standsForUndescribed,
    ...(stand?.functions && { functions: stand.functions }),
    iommu,
    streamIds: streams.map(({ id }) => id),
    regions,
  };
  const refusal = grouping.add({ device, streams, oops, unknown: [...unknown, ...(stand?.unknown ?? [])] });
  return refusal === undefined ? undefined : { reason: refusal, problem: undefined };
}

function predictedGroup(members: ReturnType<Grouping['groups']>[number], id: number): PredictedGroup {
  const devices = members.map(({ device }) => device);
  const oops = members.find((member) => member.oops !== undefined)?.oops;
  const unknown = [...new Set(members.flatMap((member) => member.unknown))];
  return { id, devices, regions: oops === undefined ? mergeRegions(devices) : [], oops, unknown };
}
