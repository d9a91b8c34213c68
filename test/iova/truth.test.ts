// The prediction against what real arm64 kernels printed (fixtures/truth/dt): every case, every recorded kernel, line by line.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DeviceLookup } from '../../server/src/iova/find-device';
import { findDevice } from '../../server/src/iova/find-device';
import type { KernelVersion, ProfileSettings } from '../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import type { RegionPrediction } from '../../server/src/iova/predict';
import { sysfsAddress, sysfsLines } from '../../server/src/iova/print-regions';
import { attachGroup } from '../../server/src/iova/vfio/attach-group';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { Topology } from '../../server/src/topology/model';
import type { DeviceTree } from '../../server/src/tree/model';
import { nodeByReference, nodePath } from '../../server/src/tree/navigate';
import { treeOf, treeOfFile } from '../topology/trees';

const folder = path.join(import.meta.dirname, '../fixtures/truth/dt');

interface RecordedDevice {
  path: string;
  origin: string;
  driver: string;
}

interface RecordedGroup {
  devices: RecordedDevice[];
  reserved_regions: string[];
  vfio?: { attach: string; iova_ranges?: string[] };
}

interface RecordedKernel {
  same_as?: string;
  crash?: boolean;
  groups: RecordedGroup[];
  ungrouped: RecordedDevice[];
}

interface Recorded {
  title: string;
  args: string;
  kernels: Record<string, RecordedKernel>;
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
  'd39-virtio-iommu-own-msi': [
    { start: 0xfee00000n, size: 0x100000n, type: 'msi' },
    { start: 0x08000000n, size: 0x100000n, type: 'reserved' },
  ],
};

const names = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => path.basename(file, '.json'));

describe('reserved regions as recorded kernels print them', () => {
  for (const name of names) {
    const recorded = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as Recorded;
    for (const version of Object.keys(recorded.kernels) as KernelVersion[]) {
      it(`${name} on ${version}: ${recorded.title}`, () => {
        checkCase(caseOf(name, recorded, version));
      });
    }
  }
});

interface Case {
  tree: DeviceTree;
  topology: Topology;
  prediction: RegionPrediction;
  recorded: RecordedKernel;
  isUnsafe: boolean;
}

function caseOf(name: string, recorded: Recorded, version: KernelVersion): Case {
  const file = path.join(folder, `${name}.dts`);
  // The .args cases ran on QEMU's own tree; of those with a virtio-iommu that tree is in the .dtsi, and the MSI
  // controllers in which they differ from it reserve nothing.
  const tree = existsAsSource(name)
    ? treeOfFile(file)
    : treeOf('/dts-v1/;\n#include "virt-gicv3-virtio-iommu.dtsi"\n', file);
  const topology = topologyFromTree(tree);
  const virtioIommuRegions = announced[name];
  const kernel = kernelProfile({ kernel: version, ...(virtioIommuRegions && { virtioIommuRegions }) });
  const result = recorded.kernels[version]!;
  return {
    tree,
    topology,
    prediction: predictRegions(topology, kernel),
    recorded: result.same_as === undefined ? result : recorded.kernels[result.same_as]!,
    isUnsafe: recorded.args.includes('--unsafe'),
  };
}

function existsAsSource(name: string): boolean {
  return readdirSync(folder).includes(`${name}.dts`);
}

function checkCase(given: Case): void {
  const { prediction, recorded } = given;
  const oopses = prediction.groups.filter(({ oops }) => oops !== undefined);
  assert.equal(oopses.length > 0, recorded.crash === true, 'the kernel crashes');
  if (recorded.crash === true) return;
  for (const group of recorded.groups) {
    for (const device of group.devices) checkDevice(given, device, group);
  }
  for (const device of recorded.ungrouped) checkUngrouped(given, device);
}

function checkDevice(given: Case, device: RecordedDevice, { reserved_regions, vfio }: RecordedGroup): void {
  const { topology, prediction, isUnsafe } = given;
  const found = find(given, device);
  assert.ok(found.kind === 'found', `${device.path} exists`);
  assert.ok(found.group !== undefined, `${device.path} is in a group, although ${found.reason ?? ''}`);
  assert.deepEqual(sysfsLines(found.group, prediction.kernel.sysfsLimit), reserved_regions, device.path);
  // Not viable: another driver holds a device of the group, which no source tells.
  if (vfio === undefined || vfio.attach === 'not-viable') return;
  const { attach, ranges } = attachGroup(topology, prediction, found.group, { allowUnsafeInterrupts: isUnsafe });
  assert.equal(attachText(attach), vfio.attach, `attaching ${device.path}: ${attach.reason ?? ''}`);
  if (vfio.iova_ranges === undefined) return;
  const lines = ranges.map(({ start, end }) => `${sysfsAddress(start)} ${sysfsAddress(end)}`);
  assert.deepEqual(lines, vfio.iova_ranges, device.path);
}

function attachText(attach: ReturnType<typeof attachGroup>['attach']): string {
  if (attach.result === 'ok') return 'ok';
  // Where vfio-pci does not bind, there is no /dev/vfio/N to open.
  return attach.step === 'bind' ? 'open ENOENT' : `${attach.step} ${attach.result}`;
}

function checkUngrouped(given: Case, device: RecordedDevice): void {
  // Before 7.2 groups form when a driver binds, and no source tells which devices a driver claims.
  if (given.prediction.kernel.groupsFormAt === 'bind' && device.driver === '-') return;
  const found = find(given, device);
  assert.ok(found.kind === 'found', `${device.path} exists`);
  assert.equal(found.group, undefined, `${device.path} is in no group`);
}

function find({ tree, topology, prediction }: Case, device: RecordedDevice): DeviceLookup {
  return findDevice(topology, prediction, namesIn(tree), nameOf(device));
}

function namesIn(tree: DeviceTree) {
  return {
    resolve: (name: string) => {
      const node = nodeByReference(tree, name);
      return node && nodePath(node);
    },
  };
}

/** The tree path where there is one, else the PCI address. */
function nameOf({ origin, path: sysfsPath }: RecordedDevice): string {
  return origin.startsWith('of:') ? origin.slice(3) : path.basename(sysfsPath);
}
