// The recorded kernels of fixtures/truth/dt as machines: their trees, and a root directory such as each of them had.
import fs from 'node:fs';
import path from 'node:path';
import { writeFdt } from '../../server/src/tree/fdt-write';
import type { DeviceTree } from '../../server/src/tree/model';
import { treeOf, treeOfFile } from '../topology/trees';
import type { Folder } from '../workspace/folder';

const folder = path.join(__dirname, '../fixtures/truth/dt');

export interface RecordedTruthDevice {
  path: string;
  origin: string;
  driver: string;
}

export interface RecordedTruthGroup {
  id: number;
  type: string;
  devices: RecordedTruthDevice[];
  reserved_regions: string[];
}

export interface RecordedKernel {
  same_as?: string;
  crash?: boolean;
  groups: RecordedTruthGroup[];
  ungrouped: RecordedTruthDevice[];
}

export interface TruthCase {
  readonly name: string;
  readonly version: '6.1' | '6.12' | '7.2';
  readonly recorded: RecordedKernel;
}

/** Every case on every kernel that it was recorded on, kernels that crash on it aside. */
export function truthCases(): TruthCase[] {
  const names = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => path.basename(file, '.json'));
  return names.flatMap((name) => {
    const { kernels } = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), 'utf8')) as {
      kernels: Record<string, RecordedKernel>;
    };
    return Object.entries(kernels)
      .map(([version, found]) => {
        const recorded = found.same_as === undefined ? found : kernels[found.same_as]!;
        return { name, version: version as TruthCase['version'], recorded: withBridges(recorded) };
      })
      .filter(({ recorded }) => recorded.crash !== true);
  });
}

/** The recordings list what may be a master by its `iommus`; a machine has its host bridge as a device, too. */
function withBridges(recorded: RecordedKernel): RecordedKernel {
  const devices = [...recorded.groups.flatMap((group) => group.devices), ...recorded.ungrouped];
  const names = devices.map(({ path: place }) => /^(platform\/[^/]+)\/pci0000:00\//.exec(place)?.[1]);
  const bridges = [...new Set(names.filter((name) => name !== undefined))].map((name) => {
    return { path: name, origin: 'of:/pcie@10000000', driver: 'pci-host-generic' };
  });
  return { ...recorded, ungrouped: [...recorded.ungrouped, ...bridges] };
}

export function truthCase(name: string, version: TruthCase['version']): TruthCase {
  const found = truthCases().find((each) => each.name === name && each.version === version);
  if (found === undefined) throw new Error(`no ${name} on ${version}`);
  return found;
}

/** The source of a case; those that ran on QEMU's own tree have that. */
export function truthSource(name: string): string {
  const file = path.join(folder, `${name}.dts`);
  return fs.existsSync(file) ? file : path.join(folder, 'virt-gicv3-virtio-iommu.dtsi');
}

export function truthTree(name: string): DeviceTree {
  const source = truthSource(name);
  if (source.endsWith('.dts')) return treeOfFile(source);
  return treeOf(`/dts-v1/;\n#include "${path.basename(source)}"\n`, path.join(folder, `${name}.dts`));
}

/** What the virtio-iommu of a recorded case announced, as doorbell.json has it. */
export const announcedRegions: Readonly<Record<string, readonly object[]>> = {
  'd35-virtio-iommu': [{ start: '0x8090000', size: '0x10000', type: 'msi' }],
  'd36-virtio-iommu-direct': [{ start: '0x8090000', size: '0x10000', type: 'msi' }],
  'd37-virtio-iommu-gicv2m': [{ start: '0x8020000', size: '0x1000', type: 'msi' }],
  'd38-virtio-iommu-own-regions': [
    { start: '0x20000000', size: '0x100000', type: 'reserved' },
    { start: '0x20100000', size: '0x100000', type: 'reserved' },
    { start: '0x20080000', size: '0x100000', type: 'reserved' },
  ],
  'd39-virtio-iommu-own-msi': [
    { start: '0xfee00000', size: '0x100000', type: 'msi' },
    { start: '0x08000000', size: '0x100000', type: 'reserved' },
  ],
};

/** Releases as the recorded kernels gave them. */
export const releases: Readonly<Record<TruthCase['version'], string>> = {
  '6.1': '6.1.0-50-arm64',
  '6.12': '6.12.107+deb12-arm64',
  '7.2': '7.2.12+deb14-arm64',
};

/** Writes the root directory that a recorded machine had, as far as `doorbell collect` looks at it. */
export function writeMachine({ root, write }: Folder, { name, version, recorded }: TruthCase): void {
  const link = (target: string, at: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, at)), { recursive: true });
    fs.symlinkSync(path.posix.relative(path.posix.dirname(`/${at}`), `/${target}`), path.join(root, at));
  };
  const addDevice = (device: RecordedTruthDevice, group: number | undefined): void => {
    const place = `sys/devices/${device.path}`;
    const id = path.posix.basename(device.path);
    const bus = /^[0-9a-f]{4}:/.test(id) ? 'pci' : 'platform';
    fs.mkdirSync(path.join(root, place), { recursive: true });
    link(place, `sys/bus/${bus}/devices/${id}`);
    if (device.origin.startsWith('of:')) {
      link(`sys/firmware/devicetree/base${device.origin.slice(3)}`, `${place}/of_node`);
    }
    if (device.driver !== '-') link(`sys/bus/${bus}/drivers/${device.driver}`, `${place}/driver`);
    if (group !== undefined) {
      link(`sys/kernel/iommu_groups/${group}`, `${place}/iommu_group`);
      link(place, `sys/kernel/iommu_groups/${group}/devices/${id}`);
    }
  };
  for (const group of recorded.groups) {
    const lines = group.reserved_regions.map((line) => `${line}\n`).join('');
    write(`sys/kernel/iommu_groups/${group.id}/reserved_regions`, lines);
    write(`sys/kernel/iommu_groups/${group.id}/type`, `${group.type}\n`);
    for (const device of group.devices) addDevice(device, group.id);
  }
  for (const device of recorded.ungrouped) addDevice(device, undefined);
  write('sys/firmware/fdt', writeFdt(truthTree(name)));
  write('proc/sys/kernel/osrelease', `${releases[version]}\n`);
  write('proc/cmdline', 'console=ttyAMA0\n');
  write('proc/iomem', '40000000-bfffffff : System RAM\n');
  write('proc/self/smaps', '00400000-00500000 r-xp 00000000 00:00 0\nSize: 4 kB\nKernelPageSize:        4 kB\n');
  write('sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts', 'N\n');
}
