// What real arm64 kernels made of the sources in fixtures/truth, and the prediction for the same.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import { decodeMadt } from '../../server/src/acpi/madt/decode';
import type { DeviceLookup, DeviceNames } from '../../server/src/iova/find-device';
import { findDevice } from '../../server/src/iova/find-device';
import type { KernelProfile, KernelVersion, ProfileSettings } from '../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import type { RegionPrediction } from '../../server/src/iova/predict';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { Topology } from '../../server/src/topology/model';
import { nodeByReference, nodePath } from '../../server/src/tree/navigate';
import { machineOfTables, topologyOfMachine } from '../../server/src/workspace/acpi-machine';
import { acpiNames } from '../../server/src/workspace/acpi-names';
import { treeOf, treeOfFile } from '../topology/trees';

const truth = path.join(import.meta.dirname, '../fixtures/truth');

export interface RecordedDevice {
  path: string;
  origin: string;
  driver: string;
}

export interface RecordedMap {
  iova: string;
  size: string;
  result: string;
}

/** What VFIO's type1 said of a group, alone in a container or as the next one of a joint container. */
export interface RecordedAttach {
  attach: string;
  page_sizes?: string;
  iova_ranges?: string[];
  maps?: RecordedMap[];
  /** By PCI address. */
  msi_address?: Record<string, string>;
}

export interface RecordedGroup {
  id: number;
  devices: RecordedDevice[];
  reserved_regions: string[];
  vfio?: RecordedAttach;
}

export interface RecordedKernel {
  same_as?: string;
  crash?: boolean;
  groups: RecordedGroup[];
  ungrouped: RecordedDevice[];
  joint_container?: (RecordedAttach & { added: number })[];
}

export interface Recorded {
  title: string;
  args: string;
  kernels: Record<string, RecordedKernel>;
}

/** A source as one kernel took it. */
export interface RecordedCase {
  name: string;
  title: string;
  /** The oracle's arguments, one word each. */
  args: readonly string[];
  /** As the oracle calls its kernels: `6.12`, `6.12-16k`. */
  kernel: string;
  recorded: RecordedKernel;
}

export interface PredictedCase extends RecordedCase {
  names: DeviceNames;
  topology: Topology;
  prediction: RegionPrediction;
}

type Announced = ProfileSettings['virtioIommuRegions'];

/** What the recorded virtio-iommu devices announced: QEMU's doorbell by default, or its `reserved-regions` of the arguments. */
const announced: Record<string, Announced> = {
  'd35-virtio-iommu': [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
  'd36-virtio-iommu-direct': [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
  'd37-virtio-iommu-gicv2m': [{ start: 0x8020000n, size: 0x1000n, type: 'msi' }],
  'd38-virtio-iommu-own-regions': [
    { start: 0x20000000n, size: 0x100000n, type: 'reserved' },
    { start: 0x20100000n, size: 0x100000n, type: 'reserved' },
    { start: 0x20080000n, size: 0x100000n, type: 'reserved' },
  ],
  'a17-viot': [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
  'v09-end-of-space': [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
  'd39-virtio-iommu-own-msi': [
    { start: 0xfee00000n, size: 0x100000n, type: 'msi' },
    { start: 0x08000000n, size: 0x100000n, type: 'reserved' },
  ],
};

/**
 * The .args cases ran on QEMU's own tree. Of those with a virtio-iommu that tree is in the .dtsi, but for the MSI controller: a
 * v2m frame with GICv2, none with its=off.
 */
const withoutIts = '&pcie { /delete-property/ msi-map; };';
const withV2m = `/ { v2m: v2m@8020000 { compatible = "arm,gic-v2m-frame"; reg = <0 0x8020000 0 0x1000>; msi-controller; }; };
&pcie { msi-map = <0 &v2m 0 0x10000>; };`;

/** Every case in a folder of fixtures/truth, under every kernel that it was recorded with. */
export function recordedCases(folder: 'dt' | 'vfio' | 'iort'): RecordedCase[] {
  const names = readdirSync(path.join(truth, folder)).filter((file) => file.endsWith('.json'));
  return names.flatMap((file) => {
    const { title, args, kernels } = JSON.parse(readFileSync(path.join(truth, folder, file), 'utf8')) as Recorded;
    return Object.entries(kernels).map(([kernel, result]) => ({
      name: path.join(folder, path.basename(file, '.json')),
      title,
      args: args.split(' '),
      kernel,
      recorded: result.same_as === undefined ? result : kernels[result.same_as]!,
    }));
  });
}

export function predicted(given: RecordedCase): PredictedCase {
  const { names, topology } = given.name.startsWith('iort/') ? described(given) : ofTree(given);
  return { ...given, names, topology, prediction: predictRegions(topology, profileOf(given)) };
}

function ofTree(given: RecordedCase): Pick<PredictedCase, 'names' | 'topology'> {
  const file = path.join(truth, `${given.name}.dts`);
  const tree = existsSync(file) ? treeOfFile(file) : treeOf(ownTree(given), file);
  const resolve = (name: string): string | undefined => {
    const node = nodeByReference(tree, name);
    return node && nodePath(node);
  };
  return { names: { resolve }, topology: topologyFromTree(tree) };
}

/** By the binary of the table that was put in place of QEMU's, or QEMU's own, beside it the MADT; or by a folder of all tables. */
function described({ name, args }: RecordedCase): Pick<PredictedCase, 'names' | 'topology'> {
  const bytesOf = (file: string): Uint8Array => readFileSync(path.join(truth, 'iort', file));
  const settings = { preserveBootConfiguration: args.includes('--preserve-config') };
  const folder = path.join(truth, name);
  if (existsSync(folder)) {
    const all = readdirSync(folder).map(
      (signature) => [signature, readFileSync(path.join(folder, signature))] as const,
    );
    const topology = topologyOfMachine(machineOfTables(name, new Map(all))!, settings);
    return { names: acpiNames(topology), topology };
  }
  const own = path.join(truth, `${name}.aml`);
  const iort = decodeIort(existsSync(own) ? readFileSync(own) : bytesOf('00-qemu.aml'));
  const isGicv2 = args.some((word) => word.includes('gic-version=2'));
  const madt = decodeMadt(bytesOf(isGicv2 ? '../gicv2m/APIC.aml' : 'qemu-madt.aml'));
  const placeOf = (): undefined => undefined;
  const topology = topologyFromAcpi({ table: iort, placeOf }, { table: madt, placeOf }, settings);
  return { names: acpiNames(topology), topology };
}

function profileOf({ name, kernel }: RecordedCase): KernelProfile {
  const [version, pages] = kernel.split('-') as [KernelVersion, string | undefined];
  const virtioIommuRegions = announced[path.basename(name)];
  return kernelProfile({
    kernel: version,
    ...(pages !== undefined && { pageSize: BigInt(parseInt(pages, 10)) * 1024n }),
    ...(virtioIommuRegions && { virtioIommuRegions }),
  });
}

function ownTree({ args }: RecordedCase): string {
  const machine = args[args.indexOf('--machine') + 1] ?? '';
  const change = machine.includes('gic-version=2') ? withV2m : machine.includes('its=off') ? withoutIts : '';
  return `/dts-v1/;\n#include "virt-gicv3-virtio-iommu.dtsi"\n${change}\n`;
}

/** The values of an option of the oracle that may be given several times. */
export function optionValues(args: readonly string[], option: string): string[] {
  return args.filter((_, at) => args[at - 1] === option);
}

export function find({ names, topology, prediction }: PredictedCase, device: RecordedDevice): DeviceLookup {
  return findDevice(topology, prediction, names, nameOf(device));
}

/** The tree path or ACPI object where there is one, else the PCI address. */
export function nameOf({ origin, path: sysfsPath }: RecordedDevice): string {
  return /^(?:of|acpi):(.*)$/.exec(origin)?.[1] ?? path.basename(sysfsPath);
}
