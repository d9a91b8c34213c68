// The table that a tree gives, its analysis beside that of the tree, device by device.
import assert from 'node:assert/strict';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { findDevice, type DeviceNames } from '../../server/src/iova/find-device';
import { kernelProfiles, type KernelVersion } from '../../server/src/iova/kernel-profile';
import { mergeRegions } from '../../server/src/iova/merge';
import { predictRegions } from '../../server/src/iova/predict';
import type { PredictedDevice, RegionPrediction } from '../../server/src/iova/prediction';
import { sysfsLines } from '../../server/src/iova/print-regions';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { usableEntries } from '../../server/src/topology/id-maps';
import type { DmaMaster, Topology } from '../../server/src/topology/model';
import type { AcpiObjects, Note } from '../../server/src/topology/to-iort';
import type { DeviceTree } from '../../server/src/tree/model';
import { nodeAt } from '../../server/src/tree/navigate';
import { proposeNames } from '../../server/src/workspace/acpi-objects';
import { acpiNames } from '../../server/src/workspace/acpi-names';
import { generateIort } from '../../server/src/workspace/generated-iort';

export interface Generated {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly notes: readonly Note[];
  readonly objects: AcpiObjects;
}

/** With a name for every device that has an IOMMU or MSIs, unless `objects` gives them. Undefined where a tree has nothing for a table. */
export function generate(
  tree: DeviceTree,
  { kernel = '6.12', objects = allNames(tree), revision = 6 }: Partial<Asked> = {},
): Generated | undefined {
  const profile = kernelProfiles[kernel];
  const result = generateIort(tree, { revision, style: 'current', objects, kernel: profile, name: 'test.dts' });
  return 'problem' in result ? undefined : { ...result, objects };
}

interface Asked {
  readonly kernel: KernelVersion;
  readonly objects: AcpiObjects;
  readonly revision: number;
}

export function allNames(tree: DeviceTree): AcpiObjects {
  const { masters } = topologyFromTree(tree);
  const nodes = masters
    .filter(({ kind }) => kind === 'platform' || kind === 'bus')
    .flatMap(({ path }) => nodeAt(tree, path) ?? []);
  return { names: proposeNames(nodes, new Map()), numbers: new Map() };
}

export interface Agreement {
  /** Devices whose regions, or the want of a group, are the same. */
  readonly same: number;
  readonly differences: readonly string[];
}

/** Regions of each device by the tree and by the table. What is neither direct nor a window is no part of any table. */
export function compareWithTree(tree: DeviceTree, generated: Generated, kernel: KernelVersion = '6.12'): Agreement {
  const ofTree = analysed(topologyFromTree(tree), kernel);
  const placeOf = (): undefined => undefined;
  const iort = { table: decodeIort(generated.bytes), placeOf };
  const table = analysed(topologyFromAcpi(iort, undefined, { preserveBootConfiguration: true }), kernel);
  const differences: string[] = [];
  let same = 0;
  for (const [device, name] of devicesOf(ofTree.topology, generated)) {
    const one = regionsOf(ofTree, device);
    const other = regionsOf(table, name);
    if (one === other) same++;
    else if (other !== unknown && one !== unknown)
      differences.push(`${device} (${name}): the tree gives ${one}, the table ${other}`);
  }
  return { same, differences };
}

interface Analysed {
  readonly topology: Topology;
  readonly names: DeviceNames;
  readonly prediction: RegionPrediction;
}

function analysed(topology: Topology, kernel: KernelVersion): Analysed {
  const names =
    topology.firmware === 'acpi' ? acpiNames(topology) : { resolve: (name: string): string | undefined => name };
  return { topology, names, prediction: predictRegions(topology, kernelProfiles[kernel]) };
}

/** By their names in the tree and under ACPI: platform devices that the table has, PCI functions where their map changes. */
function devicesOf({ masters }: Topology, { objects }: Generated): [device: string, name: string][] {
  const found: [string, string][] = [];
  for (const master of masters) {
    if (master.kind === 'platform') {
      const name = objects.names.get(master.path);
      if (name !== undefined) found.push([master.path, name]);
    } else if (master.kind === 'pci-host' && master.availability.enabled) {
      for (const id of requesterIds(master, masters)) {
        const address = pciAddress(master, id);
        found.push([address, address]);
      }
    }
  }
  return found;
}

function requesterIds(host: DmaMaster, masters: readonly DmaMaster[]): number[] {
  const ids = new Set([0, 8, 0x100, 0xffff]);
  for (const { input, length } of usableEntries(host.iommuMap, 'four-cells')) {
    for (const edge of [input - 1, input, input + length - 1, input + length])
      if (edge >= 0 && edge <= 0xffff) ids.add(edge);
  }
  const functions = masters.filter(({ kind, hostBridge }) => kind === 'pci-function' && hostBridge === host.hostBridge);
  for (const { requesterId } of functions) if (requesterId !== undefined) ids.add(requesterId);
  // A tree can hide a function.
  for (const { requesterId, availability } of functions)
    if (requesterId !== undefined && !availability.enabled) ids.delete(requesterId);
  return [...ids];
}

function pciAddress({ hostBridge }: DmaMaster, id: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${hex(hostBridge!.segment, 4)}:${hex(id >> 8, 2)}:${hex((id >> 3) & 0x1f, 2)}.${String(id & 7)}`;
}

/** Which of two devices with one stream ID has it, an order tells that no table has; another IOMMU's regions are in no table. */
const unknown = 'what no IORT tells';

/** Lines of the device alone: who shares its group is another question. */
function regionsOf({ topology, names, prediction }: Analysed, name: string): string {
  const found = findDevice(topology, prediction, names, name);
  if (found.kind === 'missing' || found.group === undefined) return 'no group';
  if (found.group.oops !== undefined) return 'an oops';
  if (found.group.unknown.length > 0) return unknown;
  const device = found.group.devices.find(({ path }) => path === found.path);
  assert.ok(device, `${found.path} is in the group that it is found in`);
  if (!device.iommu.driver.name.startsWith('arm-smmu')) return unknown;
  const carried = device.regions.filter(({ type }) => type !== 'reserved');
  const alone: PredictedDevice = { ...device, regions: carried };
  return sysfsLines({ ...found.group, regions: mergeRegions([alone]) }, undefined).join(', ');
}
