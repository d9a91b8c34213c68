// Which of the devices that a kernel finds get into which groups.
import type { DmaMaster, Iommu, Problem, Topology } from '../topology/model';
import type { Stream } from './attach';
import { contestedStreams } from './contested-streams';
import { mayJoinOthers } from './direct-mappings';
import { newGrouping, type Grouping, type Member } from './grouping';
import type { KernelProfile } from './kernel-profile';
import { doubtfulIommus, isSetUpBefore, lostIommus, type Loss } from './lost-iommus';
import { mergeRegions } from './merge';
import type { PredictedDevice, PredictedGroup, UngroupedMaster } from './prediction';
import { idsOf, pathOf, type Probed } from './probe';

/** Where a device ends up: it is the first of a group, joins one, or has none. */
export type Placement =
  | { readonly kind: 'leads'; readonly group: PredictedGroup }
  | { readonly kind: 'joins' }
  | { readonly kind: 'ungrouped'; readonly master: UngroupedMaster };

const joins: Placement = { kind: 'joins' };

/** Where each of them ends up; they are in the order in which the kernel meets them. Groups are counted from 0. */
export function placements(topology: Topology, all: readonly Probed[], kernel: KernelProfile): readonly Placement[] {
  const lost = lostIommus(topology, all, kernel);
  const doubts = doubtfulIommus(all, kernel);
  const contested = contestedStreams(topology, all, kernel);
  const grouping = newGrouping(kernel);
  /** By group, which of them is the first in it. */
  const leaders: number[] = [];
  const placed = all.map((candidate, index): Placement => {
    const { master } = candidate;
    const reason = keptOut(candidate, lost, kernel) ?? join(grouping, candidate, doubts, contested);
    if (reason !== undefined) return { kind: 'ungrouped', master: { path: pathOf(candidate), master, ...reason } };
    if (grouping.groups().length > leaders.length) leaders.push(index);
    return joins;
  });
  for (const [id, leader] of leaders.entries())
    placed[leader] = { kind: 'leads', group: predictedGroup(grouping.groups()[id]!.members, id) };
  return placed;
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
function join(
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
  const reasons = isKnown
    ? unknown
    : [...unknown, ...(stand?.unknown ?? []), doubt, ...(contest ?? []), joining].filter((each) => each !== undefined);
  // Who is the first owner is not known, so none of them keeps the others out.
  const cannotBeFirst = mayJoin ? undefined : unmappable?.message;
  const owned = contest === undefined ? streams : [];
  const refusal = grouping.add({ device, streams: owned, oops, unknown: reasons, cannotBeFirst });
  if (refusal === undefined) return undefined;
  return { reason: refusal, problem: refusal === unmappable?.message ? unmappable : undefined };
}

function predictedGroup(members: readonly Member[], id: number): PredictedGroup {
  const [only] = members;
  if (members.length === 1 && only!.oops === undefined) {
    const devices = [only!.device];
    return { id, devices, regions: mergeRegions(devices), oops: undefined, unknown: eachOnce(only!.unknown) };
  }
  const devices = members.map(({ device }) => device);
  const oops = members.find((member) => member.oops !== undefined)?.oops;
  const unknown = eachOnce(members.flatMap((member) => member.unknown));
  return { id, devices, regions: oops === undefined ? mergeRegions(devices) : [], oops, unknown };
}

function eachOnce(reasons: readonly string[]): readonly string[] {
  return reasons.length === 0 ? reasons : [...new Set(reasons)];
}
