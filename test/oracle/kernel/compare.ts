// The prediction for a tree against what a real kernel made of it.
import { findDevice } from '../../../server/src/iova/find-device';
import type { DeviceNames } from '../../../server/src/iova/find-device';
import type { KernelProfile, ProfileSettings } from '../../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../../server/src/iova/kernel-profile';
import { mergeRegions } from '../../../server/src/iova/merge';
import { predictRegions } from '../../../server/src/iova/predict';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from '../../../server/src/iova/prediction';
import { sysfsAddress, sysfsLines } from '../../../server/src/iova/print-regions';
import type { AttachResult } from '../../../server/src/iova/vfio/attach-result';
import type { Container } from '../../../server/src/iova/vfio/container';
import { addGroup, emptyContainer, mapDma } from '../../../server/src/iova/vfio/container';
import { topologyFromTree } from '../../../server/src/topology/from-tree';
import type { Topology } from '../../../server/src/topology/model';
import type { DeviceTree } from '../../../server/src/tree/model';
import { nodeByReference, nodePath } from '../../../server/src/tree/navigate';
import type { Boot, Machine } from './boot';
import type { Crash, SeenDevice, SeenGroup } from './console';
import type { RealKernel } from './kernels';

export interface Difference {
  readonly kind: 'boot' | 'crash' | 'group' | 'regions' | 'attach' | 'ranges' | 'map';
  /** A device's path, or what else differs. */
  readonly about: string;
  readonly predicted: readonly string[];
  readonly seen: readonly string[];
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** How many lines, absences and attach results were compared. */
  readonly compared: number;
  /** What was not: the prediction says itself that it does not know. */
  readonly unknown: readonly string[];
}

export interface Prediction {
  readonly names: DeviceNames;
  readonly topology: Topology;
  readonly regions: RegionPrediction;
}

/** What we say of a tree. */
export function predict(
  tree: DeviceTree,
  kernel: RealKernel,
  announced?: ProfileSettings['virtioIommuRegions'],
): Prediction {
  const resolve = (name: string): string | undefined => {
    const node = nodeByReference(tree, name);
    return node && nodePath(node);
  };
  return predictTopology(topologyFromTree(tree), { resolve }, kernel, announced);
}

/** What we say of a machine, however it was described. */
export function predictTopology(
  topology: Topology,
  names: DeviceNames,
  kernel: RealKernel,
  announced?: ProfileSettings['virtioIommuRegions'],
): Prediction {
  const settings: ProfileSettings = { kernel: kernel.version, pageSize: kernel.pageSize };
  const profile: KernelProfile = kernelProfile({ ...settings, ...(announced && { virtioIommuRegions: announced }) });
  return { names, topology, regions: predictRegions(topology, profile) };
}

/** Drivers of these try every node of theirs, so that 6.x, which forms groups when a driver probes, forms one. */
const probed = ['virtio,mmio', 'arm,primecell'];
/** The same of QEMU's objects of ACPI: its virtio-mmio transports. */
const probedObject = /^\\_SB_\.VR[0-3]\d$/;

function isTriedByDriver({ compatible, path }: PredictedDevice['master']): boolean {
  return compatible.some((name) => probed.includes(name)) || probedObject.test(path);
}

/** Compares everything that the kernel reported, or its crash. */
export function compare(prediction: Prediction, booted: Boot, machine: Machine): Comparison {
  const { seen } = booted;
  const crashes = predictedCrashes(prediction, machine);
  if (seen.crash !== undefined || crashes.length > 0) return compareCrash(prediction, crashes, seen.crash);
  if (!seen.isComplete) {
    const tail = booted.console.split('\n').slice(-12);
    return {
      differences: [
        { kind: 'boot', about: 'the boot', predicted: ['ends'], seen: [booted.failure ?? 'it does not', ...tail] },
      ],
      compared: 0,
      unknown: [],
    };
  }
  const found: Findings = { differences: [], compared: 0, unknown: [] };
  for (const group of seen.groups) compareGroup(prediction, group, machine, found);
  for (const device of seen.ungrouped) compareUngrouped(prediction, device, found);
  compareAbsent(prediction, booted, found);
  compareJoint(prediction, seen.groups, machine, found);
  return found;
}

interface Findings {
  readonly differences: Difference[];
  compared: number;
  readonly unknown: string[];
}

/** Groups that will crash the kernel at boot, as long as a driver tries a device of theirs. */
function predictedCrashes({ regions }: Prediction, machine: Machine): string[] {
  return regions.groups.flatMap((group) => {
    const isTried = group.devices.some((device) => isProbed(device, regions.kernel, machine));
    return group.oops !== undefined && isTried ? [`${group.devices[0]!.path}: ${group.oops.message}`] : [];
  });
}

function isProbed({ master }: PredictedDevice, kernel: KernelProfile, machine: Machine): boolean {
  if (master.kind === 'pci-function' || master.kind === 'pci-host') return machine.devices.length > 0;
  return kernel.groupsFormAt === 'add' || isTriedByDriver(master);
}

function compareCrash(prediction: Prediction, predicted: readonly string[], crash: Crash | undefined): Comparison {
  // A crash elsewhere is not the one that we mean.
  const isOurs = crash?.trace
    .slice(0, 8)
    .some((name) => /get_resv_regions|viommu|iommu_map|direct_mappings/.test(name));
  if (predicted.length > 0 && isOurs === true) return { differences: [], compared: 1, unknown: [] };
  // What the kernel reads behind the end of a property may be an address that does not translate.
  const unknown = prediction.regions.groups.flatMap((group) => group.unknown);
  if (isOurs === true && unknown.length > 0) return { differences: [], compared: 0, unknown };
  const seen = crash === undefined ? ['no crash'] : [crash.reason, ...crash.trace.slice(0, 12)];
  const expected = predicted.length === 0 ? ['no crash'] : predicted;
  return { differences: [{ kind: 'crash', about: 'a crash', predicted: expected, seen }], compared: 1, unknown: [] };
}

function compareGroup(prediction: Prediction, group: SeenGroup, machine: Machine, found: Findings): void {
  const { regions } = prediction;
  const predicted = new Set<PredictedGroup>();
  for (const device of group.devices) {
    const lookup = find(prediction, device);
    if (lookup.group !== undefined) {
      predicted.add(lookup.group);
      continue;
    }
    const lines = group.regions.map((line) => `${device.sysfs}: ${line}`);
    found.differences.push({
      kind: 'group',
      about: nameOf(device),
      predicted: [`no group: ${lookup.reason}`],
      seen: ['a group', ...lines],
    });
  }
  if (predicted.size === 0) return;
  const about = group.devices.map(nameOf).join(' ');
  if (predicted.size > 1 && !group.devices.every(isPci)) {
    const apart = [...predicted].map(({ devices }) => devices.map(({ path }) => path).join(' '));
    found.differences.push({ kind: 'group', about, predicted: apart, seen: ['one group'] });
    return;
  }
  const whole = together([...predicted]);
  compareMembers(whole, group, prediction, found);
  if (whole.unknown.length > 0) {
    found.unknown.push(...whole.unknown.map((reason) => `${about}: ${reason}`));
    return;
  }
  // The kernel cuts what it prints, so that what VFIO sees is more.
  compareLines('regions', about, sysfsLines(whole, regions.kernel.sysfsLimit), group.regions, found);
  compareAlone(prediction, whole, group, machine, found);
}

/** The group in a container of its own: the attach, the usable ranges, each map for itself. */
function compareAlone(
  prediction: Prediction,
  whole: PredictedGroup,
  { devices, alone }: SeenGroup,
  machine: Machine,
  found: Findings,
): void {
  if (alone === undefined || alone.result === 'not-viable') return;
  const { regions } = prediction;
  const about = devices.map(nameOf).join(' ');
  const { container, attach, unknown } = added(emptyContainer('type1'), prediction, whole, devices, machine);
  if (unknown.some(isDoubt) && attach.result === 'ok' && alone.result !== 'ok') {
    found.unknown.push(...unknown.map((reason) => `attaching ${about}: ${reason}`));
    return;
  }
  compareLines('attach', `attaching ${about}`, [attachText(attach)], [alone.result], found);
  if (alone.result !== 'ok' || attach.result !== 'ok') return;
  compareLines('ranges', `IOVA ranges of ${about}`, rangeLines(container), alone.ranges, found);
  for (const { iova, size, result } of alone.maps) {
    if (result === 'untried') continue;
    const mapped = mapDma(container, regions.kernel, { iova, size }).result.result;
    compareLines('map', `mapping ${mapText({ iova, size })} for ${about}`, [mapped], [result], found);
  }
}

/** All groups in one container, in the kernel's order, the maps made after the first. */
function compareJoint(prediction: Prediction, groups: readonly SeenGroup[], machine: Machine, found: Findings): void {
  const { regions } = prediction;
  let container = emptyContainer('type1');
  for (const { devices, joint } of groups) {
    if (joint === undefined || joint.result === 'not-viable') continue;
    const about = devices.map(nameOf).join(' ');
    const predicted = new Set(devices.flatMap((device) => find(prediction, device).group ?? []));
    if (predicted.size === 0) return;
    const whole = together([...predicted]);
    // What is not known of one group is not known of the container.
    if (whole.unknown.length > 0) return;
    const joined = added(container, prediction, whole, devices, machine);
    if (joined.unknown.some(isDoubt) && joined.attach.result === 'ok' && joint.result !== 'ok') return;
    compareLines('attach', `${about} joining`, [attachText(joined.attach)], [joint.result], found);
    if (joint.result !== 'ok' || joined.attach.result !== 'ok') continue;
    ({ container } = joined);
    for (const { iova, size, result } of joint.maps) {
      const mapped = mapDma(container, regions.kernel, { iova, size });
      ({ container } = mapped);
      compareLines('map', `mapping ${mapText({ iova, size })} for all`, [mapped.result.result], [result], found);
    }
    compareLines('ranges', `IOVA ranges with ${about}`, rangeLines(container), joint.ranges, found);
  }
}

/** Whether interrupts are isolated depends on what no source has. */
function isDoubt(reason: string): boolean {
  return reason.startsWith('It depends on ');
}

/** A group as it joins; of several functions that no source describes, the first that is refused decides. */
function added(
  container: Container,
  { topology, regions }: Prediction,
  whole: PredictedGroup,
  devices: readonly SeenDevice[],
  { vfio }: Machine,
): ReturnType<typeof addGroup> {
  const allowUnsafeInterrupts = vfio?.unsafe === true;
  const undescribed = devices.filter((device) => device.node === undefined && isPci(device));
  const results = undescribed.map((device) =>
    addGroup(container, topology, regions, whole, { allowUnsafeInterrupts, requesterId: requesterIdOf(device) }),
  );
  return (
    results.find(({ attach }) => attach.result !== 'ok') ??
    results[0] ??
    addGroup(container, topology, regions, whole, { allowUnsafeInterrupts })
  );
}

/** Of `…/0000:01:02.3`. */
function requesterIdOf({ sysfs }: SeenDevice): number {
  const [bus, device, number] = sysfs
    .slice(-'01:02.3'.length)
    .split(/[:.]/)
    .map((part) => parseInt(part, 16));
  return (bus! << 8) | (device! << 3) | number!;
}

function rangeLines({ ranges }: Container): string[] {
  return ranges.map(({ start, end }) => `${sysfsAddress(start)} ${sysfsAddress(end)}`);
}

function mapText({ iova, size }: { iova: bigint; size: bigint }): string {
  return `0x${iova.toString(16)} + 0x${size.toString(16)}`;
}

/** PCI functions may share a group for want of isolation, which no source tells: the union of their lists must be right then. */
function together(groups: readonly PredictedGroup[]): PredictedGroup {
  if (groups.length === 1) return groups[0]!;
  const devices = groups.flatMap((group) => group.devices);
  const unknown = groups.flatMap((group) => group.unknown);
  return { ...groups[0]!, devices, regions: mergeRegions(devices), unknown };
}

/** Devices that are in the predicted group must be in the kernel's, unless the machine has no such device. */
function compareMembers(whole: PredictedGroup, group: SeenGroup, prediction: Prediction, found: Findings): void {
  const members = new Set(group.devices.map(({ node }) => node));
  for (const { path, master, standsForUndescribed } of whole.devices) {
    if (standsForUndescribed || members.has(path) || master.kind !== 'platform') continue;
    const isTried = isProbed({ master } as PredictedDevice, prediction.regions.kernel, {
      devices: [],
    } as unknown as Machine);
    if (!isTried) continue;
    found.differences.push({
      kind: 'group',
      about: path,
      predicted: ['a member of the group'],
      seen: group.devices.map(nameOf),
    });
  }
}

function compareUngrouped(prediction: Prediction, device: SeenDevice, found: Findings): void {
  const { kernel } = prediction.regions;
  const lookup = find(prediction, device);
  if (lookup.group === undefined) {
    found.compared++;
    return;
  }
  if (lookup.group.unknown.length > 0) {
    found.unknown.push(...lookup.group.unknown);
    return;
  }
  // Which functions a driver claims stands in no source.
  if (kernel.groupsFormAt === 'bind' && !lookup.group.devices.some(({ master }) => isTriedPlatform(master, device)))
    return;
  const lines = sysfsLines(lookup.group, undefined);
  found.differences.push({
    kind: 'group',
    about: nameOf(device),
    predicted: ['a group', ...lines],
    seen: ['no group'],
  });
}

function isTriedPlatform(master: PredictedDevice['master'], { node }: SeenDevice): boolean {
  return master.path === node && isTriedByDriver(master);
}

/** Platform devices that we put in a group and that the kernel does not know at all. Which objects ACPI has, no data table tells. */
function compareAbsent({ topology, regions }: Prediction, { seen }: Boot, found: Findings): void {
  if (topology.firmware === 'acpi') return;
  const all = [...seen.groups.flatMap(({ devices }) => devices), ...seen.ungrouped];
  const nodes = new Set(all.map(({ node }) => node));
  for (const { devices } of regions.groups) {
    for (const { path, master } of devices) {
      if (master.kind === 'platform' && !nodes.has(path))
        found.differences.push({ kind: 'group', about: path, predicted: ['a group'], seen: ['no such device'] });
    }
  }
}

function compareLines(
  kind: Difference['kind'],
  about: string,
  predicted: readonly string[],
  seen: readonly string[],
  found: Findings,
): void {
  found.compared += Math.max(seen.length, 1);
  if (predicted.join('\n') !== seen.join('\n')) found.differences.push({ kind, about, predicted, seen });
}

function attachText(attach: AttachResult): string {
  if (attach.result === 'ok') return 'ok';
  // Where vfio-pci does not bind, there is no /dev/vfio/N to open.
  return attach.step === 'bind' ? 'open ENOENT' : `${attach.step} ${attach.result}`;
}

function find({ names, topology, regions }: Prediction, device: SeenDevice) {
  const lookup = findDevice(topology, regions, names, nameOf(device));
  return lookup.kind === 'missing'
    ? { group: undefined, reason: lookup.message }
    : { group: lookup.group, reason: lookup.reason ?? '' };
}

/** The tree path where there is one, else the PCI address. */
function nameOf({ node, sysfs }: SeenDevice): string {
  return node ?? sysfs.slice(sysfs.lastIndexOf('/') + 1);
}

function isPci({ sysfs }: SeenDevice): boolean {
  return /\/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(sysfs);
}

/** As text, two columns of lines. */
export function printDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ about, predicted, seen }) => {
      const lines = (sign: string, all: readonly string[], others: readonly string[]): string[] =>
        (all.length > 0 ? all : ['(nothing)']).map((line) => `  ${others.includes(line) ? ' ' : sign} ${line}`);
      return [
        `${about}:`,
        '  predicted',
        ...lines('-', predicted, seen),
        '  kernel',
        ...lines('+', seen, predicted),
      ].join('\n');
    })
    .join('\n');
}
