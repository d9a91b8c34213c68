// Boots a kernel in QEMU's `virt` machine, on a device tree or with ACPI tables, and returns what it said.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    return await run(
      qemuArguments(files, { acpi: 'off', initramfs: files.initramfs, words: [], more: ['-dtb', tree] }, machine),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What Debian's package qemu-efi-aarch64 has: ACPI comes by UEFI alone. */
export const uefi = '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd';

export interface AcpiBoot {
  /** In place of QEMU's own of the same signatures. */
  readonly tables: readonly Uint8Array[];
  /** Signatures of tables that the guest is to hand out. */
  readonly wanted?: readonly string[];
}

/** Boots by UEFI, with tables in front of the initramfs that replace QEMU's (drivers/acpi/tables.c acpi_table_upgrade). */
export async function bootAcpi(files: KernelFiles, { tables, wanted = [] }: AcpiBoot, machine: Machine): Promise<Boot> {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-boot-'));
  try {
    const initramfs = path.join(folder, 'initramfs');
    writeFileSync(initramfs, Buffer.concat([tableArchive(folder, tables), readFileSync(files.initramfs)]));
    const words = ['acpi=force', ...(wanted.length > 0 ? [`doorbell.tables=${wanted.join(',')}`] : [])];
    return await run(qemuArguments(files, { acpi: 'on', initramfs, words, more: ['-bios', uefi] }, machine));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `kernel/firmware/acpi` as cpio has it, not compressed. */
function tableArchive(folder: string, tables: readonly Uint8Array[]): Buffer {
  if (tables.length === 0) return Buffer.alloc(0);
  const place = 'kernel/firmware/acpi';
  mkdirSync(path.join(folder, place), { recursive: true });
  const names = tables.map((bytes, index) => {
    const name = `${place}/${String(index)}.aml`;
    writeFileSync(path.join(folder, name), bytes);
    return name;
  });
  const input = ['kernel', 'kernel/firmware', place, ...names].map((name) => `${name}\n`).join('');
  return execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], { cwd: folder, input });
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
    return packed(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without the room behind it: given the whole MiB that it dumps, QEMU adds another, and arm64 kernels take no more than two. */
function packed(blob: Buffer): Uint8Array {
  const header = (word: number): number => blob.readUInt32BE(word * 4);
  const [structure, strings] = [header(2) + header(9), header(3) + header(8)];
  const result = Buffer.from(blob.subarray(0, Math.max(structure, strings)));
  result.writeUInt32BE(result.length, 4);
  return result;
}

interface Firmware {
  readonly acpi: 'on' | 'off';
  readonly initramfs: string;
  /** For the kernel's command line. */
  readonly words: readonly string[];
  /** Arguments of QEMU. */
  readonly more: readonly string[];
}

function qemuArguments(files: KernelFiles, firmware: Firmware, { options, append, devices, vfio }: Machine): string[] {
  // A kernel that only oopsed would hang with its probe half done: an oops ends the run as a panic does.
  const words = ['console=ttyAMA0', 'rdinit=/init', 'panic=-1', 'oops=panic', 'loglevel=3', ...firmware.words];
  if (append !== undefined && append !== '') words.push(append);
  if (vfio !== undefined) {
    words.push('doorbell.vfio=1');
    if (vfio.unsafe) words.push('doorbell.unsafe=1');
    if (vfio.maps.length > 0) words.push(`doorbell.maps=${mapsText(vfio.maps)}`);
    if (vfio.premaps.length > 0) words.push(`doorbell.premaps=${mapsText(vfio.premaps)}`);
  }
  return [
    ['-M', `virt-7.2,acpi=${firmware.acpi},${options}`],
    // The Cortex-A57 has no 16 KiB pages; `max` is slower.
    ['-cpu', files.kernel.pageSize === 0x4000n ? 'max,pauth-impdef=on' : 'cortex-a57'],
    ['-m', '1G', '-smp', '1', '-nographic', '-no-reboot', '-net', 'none'],
    ['-kernel', files.image, '-initrd', firmware.initramfs, ...firmware.more, '-append', words.join(' ')],
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
    child.on('close', (code) => {
      const console = Buffer.concat(output).toString('latin1');
      const complaint = Buffer.concat(errors).toString('latin1').trim();
      // QEMU takes the signal for a wish to end, and ends well.
      const hung = child.killed ? `it did not end in ${String(patience / 1000)} s` : undefined;
      resolve({
        seen: readConsole(console),
        console,
        failure: hung ?? (code === 0 ? undefined : complaint),
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
}
