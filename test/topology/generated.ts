// The table that a tree gives, its analysis beside that of the tree, device by device.
import assert from 'node:assert/strict';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { findDevice, type DeviceNames } from '../../server/src/iova/find-device';
import { kernelProfiles, type KernelVersion } from '../../server/src/iova/kernel-profile';
import { mergeRegions } from '../../server/src/iova/merge';
import { predictRegions } from '../../server/src/iova/predict';
import type { PredictedDevice, RegionPrediction } from '../../server/src/iova/prediction';
import { sysfsLines } from '../../server/src/iova/print-regions';
import type { AddressRange, Iova } from '../../server/src/topology/address';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { lookUp, usableEntries } from '../../server/src/topology/id-maps';
import type { DmaMaster, Iommu, MapRule, Topology } from '../../server/src/topology/model';
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
  const shared = sharedStreams(ofTree.topology, kernelProfiles[kernel].mapRule);
  for (const [device, name] of devicesOf(ofTree.topology, generated, shared)) {
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

/**
 * By their names in the tree and under ACPI: platform devices that the table has, PCI functions where their map changes. Those that
 * share a stream ID are left out: who has it depends on what a table does not describe.
 */
function devicesOf({ masters }: Topology, { objects }: Generated, shared: SharedStreams): [string, string][] {
  const found: [device: string, name: string][] = [];
  for (const master of masters) {
    if (master.kind === 'platform') {
      const name = objects.names.get(master.path);
      if (name !== undefined && !shared.of(master)) found.push([master.path, name]);
    } else if (master.kind === 'pci-host' && master.availability.enabled) {
      for (const id of requesterIds(master, masters)) {
        const address = pciAddress(master, id);
        if (!shared.ofFunction(master, id)) found.push([address, address]);
      }
    }
  }
  return found;
}

interface SharedStreams {
  readonly of: (master: DmaMaster) => boolean;
  readonly ofFunction: (host: DmaMaster, requesterId: number) => boolean;
}

/** Stream IDs of an SMMUv3 that several described devices have, aliases of bridges included. */
function sharedStreams({ masters }: Topology, rule: MapRule): SharedStreams {
  const owners = new Map<string, Set<DmaMaster>>();
  const idsOf = (master: DmaMaster): string[] =>
    master.kind === 'pci-function'
      ? [master.requesterId!, ...master.aliases].flatMap((id) => mapped(master, id))
      : master.streams.flatMap(({ iommu, streamId }) =>
          isV3(iommu.target) && streamId !== undefined ? [`${iommu.target.path} ${String(streamId)}`] : [],
        );
  const mapped = ({ iommuMap }: DmaMaster, id: number): string[] => {
    const found = iommuMap && lookUp(iommuMap, rule, id);
    const iommu = found?.kind === 'found' ? found.entry.target.target : undefined;
    return found?.kind === 'found' && isV3(iommu) ? [`${iommu.path} ${String(found.id)}`] : [];
  };
  for (const master of masters)
    for (const id of idsOf(master)) owners.set(id, (owners.get(id) ?? new Set()).add(master));
  const isShared = (ids: readonly string[], own: DmaMaster | undefined): boolean =>
    ids.some((id) => [...(owners.get(id) ?? [])].some((owner) => owner !== own));
  return {
    of: (master) => isShared(idsOf(master), master),
    ofFunction(host, requesterId) {
      const described = masters.find((each) => each.hostBridge === host.hostBridge && each.requesterId === requesterId);
      return isShared(described === undefined ? mapped(host, requesterId) : idsOf(described), described);
    },
  };
}

function isV3(iommu: Iommu | undefined): iommu is Iommu {
  return iommu?.driver.grouping === 'stream-owner';
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
  // Linux takes RMRs by its own pages.
  const carried = device.regions
    .filter(({ type }) => type !== 'reserved')
    .map((region) => (region.type === 'direct' ? { ...region, range: inPages(region.range) } : region));
  const alone: PredictedDevice = { ...device, regions: carried };
  return sysfsLines({ ...found.group, regions: mergeRegions([alone]) }, undefined).join(', ');
}

function inPages({ start, end }: AddressRange<Iova>): AddressRange<Iova> {
  return { start: (start & ~0xfffn) as Iova, end: (end | 0xfffn) as Iova };
}
