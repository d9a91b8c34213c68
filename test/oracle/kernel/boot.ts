// Boots a kernel in QEMU's `virt` machine on a device tree and returns what it said.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConsole } from './console';
import type { Seen } from './console';
import type { KernelFiles } from './kernels';

/** Hardware that a tree has to fit, and what is asked of the kernel. */
export interface Machine {
  /** Words after `virt-7.2,` of QEMU's -M. */
  readonly options: string;
  /** More words for the kernel's command line. */
  readonly append?: string;
  /** QEMU's -device arguments. */
  readonly devices: readonly string[];
  /** VFIO is tried on every group of PCI functions. */
  readonly vfio: VfioTrial | undefined;
}

export interface VfioTrial {
  readonly unsafe: boolean;
  /** Maps to try in each group's own container: IOVA and size. */
  readonly maps: readonly (readonly [bigint, bigint])[];
  /** Maps made in the shared container before further groups join. */
  readonly premaps: readonly (readonly [bigint, bigint])[];
}

/** What `options` are for a GICv3 with ITS and an SMMUv3; the trees of fixtures/truth are of this machine unless they say otherwise. */
export const smmuMachine = 'gic-version=3,iommu=smmuv3';

/** A virtio-net function at 00:01.0 and a virtio-rng function at 00:02.0. */
export const twoFunctions: readonly string[] = [
  'virtio-net-pci,disable-legacy=on,iommu_platform=on,addr=1.0,romfile=',
  'virtio-rng-pci,disable-legacy=on,iommu_platform=on,addr=2.0',
];

export interface Boot {
  readonly seen: Seen;
  readonly console: string;
  /** Why QEMU itself gave up. */
  readonly failure: string | undefined;
  readonly seconds: number;
}

/** A kernel that takes longer hangs. Emulation is slow where other work competes. */
const patience = 180_000;

export async function boot(files: KernelFiles, blob: Uint8Array, machine: Machine): Promise<Boot> {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-boot-'));
  try {
    const tree = path.join(folder, 'case.dtb');
    writeFileSync(tree, blob);
    return await run(qemuArguments(files, tree, machine));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** QEMU's own tree of a machine. */
export function ownTree({ options, devices }: Machine): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-tree-'));
  try {
    const file = path.join(folder, 'own.dtb');
    const machine = `virt-7.2,acpi=off,dumpdtb=${file},${options}`;
    const args = ['-M', machine, '-cpu', 'cortex-a57', '-m', '1G', '-smp', '1', '-nographic', '-net', 'none'];
    execFileSync('qemu-system-aarch64', [...args, ...devices.flatMap((device) => ['-device', device])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function qemuArguments(files: KernelFiles, tree: string, { options, append, devices, vfio }: Machine): string[] {
  // A kernel that only oopsed would hang with its probe half done: an oops ends the run as a panic does.
  const words = ['console=ttyAMA0', 'rdinit=/init', 'panic=-1', 'oops=panic', 'loglevel=3'];
  if (append !== undefined && append !== '') words.push(append);
  if (vfio !== undefined) {
    words.push('doorbell.vfio=1');
    if (vfio.unsafe) words.push('doorbell.unsafe=1');
    if (vfio.maps.length > 0) words.push(`doorbell.maps=${mapsText(vfio.maps)}`);
    if (vfio.premaps.length > 0) words.push(`doorbell.premaps=${mapsText(vfio.premaps)}`);
  }
  return [
    ['-M', `virt-7.2,acpi=off,${options}`],
    // The Cortex-A57 has no 16 KiB pages; `max` is slower.
    ['-cpu', files.kernel.pageSize === 0x4000n ? 'max,pauth-impdef=on' : 'cortex-a57'],
    ['-m', '1G', '-smp', '1', '-nographic', '-no-reboot', '-net', 'none'],
    ['-kernel', files.image, '-initrd', files.initramfs, '-dtb', tree, '-append', words.join(' ')],
    devices.flatMap((device) => ['-device', device]),
  ].flat();
}

function mapsText(maps: readonly (readonly [bigint, bigint])[]): string {
  return maps.map(([iova, size]) => `0x${iova.toString(16)}:0x${size.toString(16)}`).join(',');
}

function run(args: readonly string[]): Promise<Boot> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-aarch64', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: patience });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => output.push(data));
    child.stderr.on('data', (data: Buffer) => errors.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const console = Buffer.concat(output).toString('latin1');
      const complaint = Buffer.concat(errors).toString('latin1').trim();
      const hung = signal === null ? undefined : `it did not end in ${String(patience / 1000)} s`;
      resolve({
        seen: readConsole(console),
        console,
        failure: hung ?? (code === 0 ? undefined : complaint),
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
}
