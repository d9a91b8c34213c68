// The whole prediction: which master is in which group on a kernel, and what the group reserves.
import type { DmaMaster, Iommu, Problem, Topology } from '../topology/model';
import { attachByList, attachByMap, attachUndescribed, none } from './attach';
import type { Attachment, Stream } from './attach';
import { contestedStreams } from './contested-streams';
import { deviceRegions } from './device-regions';
import { functionClasses, type FunctionClass } from './function-classes';
import type { DeviceRegions } from './device-regions';
import { mayJoinOthers, outputDoubt, unmappableRegion } from './direct-mappings';
import { newGrouping } from './grouping';
import { availabilityOn, busPlace, doubtfulIommus, isSetUpBefore, lostIommus } from './lost-iommus';
import type { Loss } from './lost-iommus';
import type { Grouping } from './grouping';
import type { KernelProfile } from './kernel-profile';
import { mergeRegions } from './merge';
import type { PredictedDevice, PredictedGroup, RegionPrediction, UngroupedMaster } from './prediction';

export type * from './prediction';

/** Groups and reserved regions as the kernel will report them. Every master is in a group or in `ungrouped`, a bus perhaps in both. */
export function predictRegions(topology: Topology, kernel: KernelProfile): RegionPrediction {
  const all: Probed[] = [];
  for (const master of inOrder(topology, kernel)) {
    for (const candidate of candidates(master, kernel)) all.push(withRegions(candidate, kernel));
  }
  const lost = lostIommus(topology, all, kernel);
  const doubts = doubtfulIommus(all, kernel);
  const contested = contestedStreams(topology, all, kernel);
  const ungrouped: UngroupedMaster[] = [];
  const grouping = newGrouping(kernel);
  for (const candidate of all) {
    const { master } = candidate;
    const reason = keptOut(candidate, lost, kernel) ?? place(grouping, candidate, doubts, contested);
    if (reason !== undefined) ungrouped.push({ path: pathOf(candidate), master, ...reason });
  }
  return { kernel, groups: grouping.groups().map(predictedGroup), ungrouped };
}

/**
 * Devices are met in this order (seen on all kernels). An IOMMU of 7.2 asks one kind of bus after another; PCI's functions are in the
 * order in which they were found: bus by bus. Before it drivers bind, those of PCI first, and of these that of bridges (pcieport),
 * which is never a module.
 */
function inOrder({ masters }: Topology, kernel: KernelProfile): DmaMaster[] {
  const on: readonly [DmaMaster[], DmaMaster[], DmaMaster[]] = [[], [], []];
  for (const master of masters) on[busPlace(master)].push(master);
  const pci = on[1].sort(byRequesterId);
  if (kernel.groupsFormAt === 'add') return [...on[0], ...pci, ...on[2]];
  const others = masters.filter((master) => busPlace(master) !== 1);
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
  readonly stand: FunctionClass | undefined;
}

function pathOf({ master, stand }: Candidate): string {
  return stand?.path ?? master.path;
}

/** What of a master may become a member of a group: itself, and for buses a stand-in for what is behind them. */
function candidates(master: DmaMaster, kernel: KernelProfile): Candidate[] {
  const now = availabilityOn(master, kernel);
  if (!now.enabled) {
    const attachment = none(`it is not enabled: ${now.reason}`);
    return [{ master, standsForUndescribed: false, attachment, stand: undefined }];
  }
  const own = (attachment: Attachment): Candidate => ({
    master,
    standsForUndescribed: false,
    attachment,
    stand: undefined,
  });
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
      const stands = behind.map((attachment) => ({ master, standsForUndescribed: true, attachment, stand: undefined }));
      return master.streams.length > 0 ? [...stands, own(attachByList(master, kernel))] : stands;
    }
  }
}

interface Probed extends Candidate {
  /** What the IOMMU driver will report for it; undefined without an IOMMU. */
  readonly found: DeviceRegions | undefined;
  /** Direct regions that keep it from its IOMMU. */
  readonly unmappable: Problem | undefined;
  /** Whether they do depends on the IOMMU's registers. */
  readonly outputDoubt: string | undefined;
}

function withRegions(candidate: Candidate, kernel: KernelProfile): Probed {
  const { master, standsForUndescribed, attachment, stand } = candidate;
  let found: DeviceRegions | undefined;
  let unmappable: Problem | undefined;
  let doubt: string | undefined;
  if (attachment.ok) {
    const ids = stand?.streamIds ?? idsOf(attachment.streams);
    found = deviceRegions(attachment.iommu, master, !standsForUndescribed, ids, kernel);
    unmappable = found.oops ? undefined : unmappableRegion(attachment.iommu, found.regions, kernel);
    if (unmappable === undefined) doubt = outputDoubt(attachment.iommu, found.regions, kernel);
  }
  return { master, standsForUndescribed, attachment, stand, found, unmappable, outputDoubt: doubt };
}

function idsOf(streams: readonly Stream[]): readonly number[] {
  return streams.map(({ id }) => id);
}

interface Reason {
  readonly reason: string;
  readonly problem: Problem | undefined;
}

function keptOut(candidate: Probed, lost: ReadonlyMap<Iommu, Loss>, kernel: KernelProfile): Reason | undefined {
  const { attachment, found, unmappable } = candidate;
  if (!attachment.ok) return { reason: attachment.reason, problem: attachment.problem };
  const { iommu, rangeProblem } = attachment;
  const loss = lost.get(iommu);
  if (loss !== undefined) {
    // The kernel does not get as far as that when a device before has made it oops.
    if (found?.oops !== undefined && isSetUpBefore(candidate.master, loss)) return undefined;
    const { problem } = loss;
    return { reason: `Linux ${kernel.version} fails to register ${iommu.path}: ${problem.message}`, problem };
  }
  // The SMMUv1/v2 driver takes 16 bits of the ID and goes on.
  if (rangeProblem !== undefined && iommu.driver.grouping === 'stream-owner') {
    return { reason: rangeProblem.message, problem: rangeProblem };
  }
  // Where all of a group are set up at once, nobody comes first.
  if (unmappable === undefined || kernel.groupsFormAt !== 'add') return undefined;
  return { reason: unmappable.message, problem: unmappable };
}

/** Puts a device that has an IOMMU into its group; the reason if the IOMMU driver refuses it. */
function place(
  grouping: Grouping,
  candidate: Probed,
  doubts: ReadonlyMap<Iommu, string>,
  contested: ReadonlyMap<DmaMaster, readonly string[]>,
): Reason | undefined {
  const { master, standsForUndescribed, attachment, found, stand, unmappable, outputDoubt: doubtOfOutput } = candidate;
  if (!attachment.ok || found === undefined) return undefined;
  const { iommu } = attachment;
  const streams: readonly Stream[] = attachment.streams;
  const { regions, oops, unknown } = found;
  const path = pathOf(candidate);
  const common = { path, master, standsForUndescribed, iommu, streamIds: idsOf(streams), regions };
  const device: PredictedDevice = stand?.functions === undefined ? common : { ...common, functions: stand.functions };
  const contest = contested.get(master);
  const mayJoin = unmappable !== undefined && mayJoinOthers(stand?.functions);
  const joining = mayJoin
    ? `${path} is in this group only where it joins one of functions that are not kept apart from it: ${unmappable.message}, and a device that is alone in its group has none then.`
    : undefined;
  // Where its IOMMU is in doubt for that, so is the device.
  const doubt = doubts.get(iommu) ?? (doubtOfOutput && `${doubtOfOutput}, and ${path} has no group.`);
  const isKnown = stand === undefined && doubt === undefined && contest === undefined && joining === undefined;
  const doubted = (): string[] => [doubt, ...(contest ?? []), joining].filter((reason) => reason !== undefined);
  const reasons = isKnown ? unknown : [...unknown, ...(stand?.unknown ?? []), ...doubted()];
  // Who is the first owner is not known, so none of them keeps the others out.
  const cannotBeFirst = mayJoin ? undefined : unmappable?.message;
  const owned = contest === undefined ? streams : [];
  const refusal = grouping.add({ device, streams: owned, oops, unknown: reasons, cannotBeFirst });
  if (refusal === undefined) return undefined;
  return { reason: refusal, problem: refusal === unmappable?.message ? unmappable : undefined };
}

function predictedGroup(members: ReturnType<Grouping['groups']>[number], id: number): PredictedGroup {
  const devices = members.map(({ device }) => device);
  const oops = members.find((member) => member.oops !== undefined)?.oops;
  const isKnown = members.every((member) => member.unknown.length === 0);
  const unknown = isKnown ? [] : [...new Set(members.flatMap((member) => member.unknown))];
  return { id, devices, regions: oops === undefined ? mergeRegions(devices) : [], oops, unknown };
}
