// Predicted groups against those of a running machine, group by group and line by line.
import { isAcpiObject, objectCondition } from '../acpi-objects';
import type { KernelVersion } from '../kernel-profile';
import type { PredictedDevice, PredictedGroup } from '../prediction';
import { bootWords } from './boot-words';
import { compareGroup, type Stranger, type VerifiedGroup } from './compare-group';
import { matchByContent } from './match-content';
import { isPciFunction, locate, type DescribedHost } from './locate';
import { noDriver, type GroupDump, type RecordedDevice, type RecordedGroup } from './recorded';

export interface Verification {
  readonly kernel: KernelVersion;
  /** How recorded groups found theirs: by their devices, or, where the dump has none, by their lines. */
  readonly matchedBy: 'devices' | 'content';
  /** One for each recorded group. */
  readonly groups: readonly VerifiedGroup[];
  /** Predicted groups of which no device is in a recorded group. */
  readonly absent: readonly AbsentGroup[];
  /** What the machine's kernel was told at boot that may explain differences. */
  readonly bootWords: readonly string[];
  readonly isEqual: boolean;
}

export interface AbsentGroup {
  readonly group: PredictedGroup;
  /** The kernel may well leave it out, for a reason that no source tells. */
  readonly isExpected: boolean;
  readonly reason: string;
}

/** Compares what a machine has with what is predicted of its description. */
export function verifyHost(host: DescribedHost, dump: GroupDump): Verification {
  const { kernel } = host.prediction;
  const hasDevices = dump.groups.some(({ devices }) => devices !== undefined) || dump.groups.length === 0;
  const groups = hasDevices ? dump.groups.map((group) => verifyGroup(host, group)) : matchByContent(host, dump.groups);
  const absent = absentGroups(host, dump, groups);
  const isEqual = groups.every((group) => group.isEqual) && absent.every(({ isExpected }) => isExpected);
  return {
    kernel: kernel.version,
    matchedBy: hasDevices ? 'devices' : 'content',
    groups,
    absent,
    bootWords: bootWords(dump.commandLine),
    isEqual,
  };
}

function verifyGroup(host: DescribedHost, recorded: RecordedGroup): VerifiedGroup {
  const found = new Set<PredictedGroup>();
  const members: PredictedDevice[] = [];
  const strangers: Stranger[] = [];
  for (const device of recorded.devices ?? []) {
    const place = locate(host, device);
    if (place.kind === 'missing') strangers.push({ device, kind: 'not-in-sources', reason: place.message });
    else if (place.group === undefined)
      strangers.push({ device, kind: 'no-group', reason: place.reason ?? 'it is behind no IOMMU' });
    else {
      const { group } = place;
      found.add(group);
      // An undescribed function is its bridge's stand-in, or shares the group of a described function of its slot.
      const own = group.devices.find(({ path }) => path === place.path);
      if (own !== undefined && !members.includes(own)) members.push(own);
    }
  }
  return compareGroup(host, recorded, [...found], members, strangers);
}

function absentGroups(host: DescribedHost, dump: GroupDump, verified: readonly VerifiedGroup[]): AbsentGroup[] {
  const seen = new Set(verified.flatMap(({ predicted }) => predicted));
  const loose = new Map<string, RecordedDevice>();
  const refused: AbsentGroup[] = [];
  for (const device of dump.ungrouped ?? []) {
    const place = locate(host, device);
    if (place.kind !== 'found') continue;
    loose.set(place.path, device);
    if (device.driver === undefined || device.driver === noDriver) continue;
    if (place.group === undefined || isOnlyStandIn(place.group, place.path, device)) continue;
    seen.add(place.group);
    if (place.group.devices.every(isAcpiObject)) {
      const reason = `${device.name} has the driver ${device.driver} and no group: the DSDT gives it no _CCA, as far as can be told, and Linux then looks for no IOMMU`;
      refused.push({ group: place.group, isExpected: true, reason });
      continue;
    }
    // A driver binds after the firmware's IOMMU was looked for (drivers/base/dd.c really_probe, dma_configure).
    const reason = `${device.name} has the driver ${device.driver} and no group: its IOMMU is not there, or did not take it`;
    refused.push({ group: place.group, isExpected: false, reason });
  }
  const idle = idleIommus(host, dump);
  const isIdle = ({ devices }: PredictedGroup): boolean => devices.some(({ iommu }) => idle.has(iommu.path));
  const isDescribed = ({ devices }: PredictedGroup): boolean =>
    devices.some(({ standsForUndescribed }) => !standsForUndescribed);
  const absent = host.prediction.groups
    .filter((group) => !seen.has(group) && (isDescribed(group) || isIdle(group)))
    .map((group) => withoutIommu(group, idle) ?? absentGroup(host, group, dump, loose));
  return [...refused, ...absent];
}

/** IOMMUs that the machine made devices of and that no driver took, by their nodes. */
function idleIommus({ prediction, names }: DescribedHost, dump: GroupDump): Map<string, RecordedDevice> {
  const predicted = new Set(prediction.groups.flatMap(({ devices }) => devices.map(({ iommu }) => iommu.path)));
  const found = new Map<string, RecordedDevice>();
  for (const device of dump.ungrouped ?? []) {
    const path = device.node === undefined ? undefined : names.resolve(device.node);
    if (path !== undefined && device.driver === noDriver && predicted.has(path)) found.set(path, device);
  }
  return found;
}

function withoutIommu(group: PredictedGroup, idle: ReadonlyMap<string, RecordedDevice>): AbsentGroup | undefined {
  const found = group.devices.find(({ iommu }) => idle.has(iommu.path));
  if (found === undefined) return undefined;
  const { path } = found.iommu;
  const reason = `no driver is bound to its IOMMU ${path} (${idle.get(path)!.name}): the kernel was built or started without it, or it refused the hardware`;
  return { group, isExpected: false, reason };
}

/** A host bridge's own device has no stream IDs: the group with its path is that of the functions behind it. */
function isOnlyStandIn({ devices }: PredictedGroup, path: string, { name }: RecordedDevice): boolean {
  return !isPciFunction(name) && devices.every((device) => device.path !== path || device.standsForUndescribed);
}

function absentGroup(
  { prediction: { kernel } }: DescribedHost,
  group: PredictedGroup,
  dump: GroupDump,
  loose: ReadonlyMap<string, RecordedDevice>,
): AbsentGroup {
  const own = group.devices.filter(({ standsForUndescribed }) => !standsForUndescribed);
  const recorded = own.map(({ path }) => loose.get(path)).filter((device) => device !== undefined);
  const formsAtBind = kernel.groupsFormAt === 'bind';
  if (own.length > 0 && own.every(isAcpiObject) && !formsAtBind) {
    const what = recorded.length > 0 ? 'the machine has the device, without a group' : 'the machine has no such device';
    return { group, isExpected: true, reason: `${what}: ${objectCondition}` };
  }
  if (recorded.length > 0) {
    const reason = `no driver is bound to ${recorded.map(({ name }) => name).join(', ')}; Linux ${kernel.version} forms a group when one binds`;
    if (formsAtBind) return { group, isExpected: true, reason };
    return { group, isExpected: false, reason: `the machine has the device and did not put it into a group` };
  }
  if (own.every(({ master }) => master.kind === 'pci-function')) {
    return { group, isExpected: true, reason: 'the function is not there, or no driver is bound to it' };
  }
  const what = dump.ungrouped === undefined ? 'it is in no recorded group' : 'the machine has no such device';
  if (formsAtBind) {
    const reason = `${what}: no driver is bound to it, as far as can be told, and Linux ${kernel.version} forms a group when one binds`;
    return { group, isExpected: true, reason };
  }
  return {
    group,
    isExpected: false,
    reason: `${what}: its node was off or changed at boot, or the driver of its bus is not there`,
  };
}
