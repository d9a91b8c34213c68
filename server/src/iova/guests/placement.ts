// A guest's memory as VMMs and libvirt are told it.
import type { AddressRange, Iova } from '../../topology/address';
import { properRam, type GuestLayout } from './layout';
import { alignDown, alignUp, sizeOf } from '../ranges';

export interface Placement {
  /** What it comes to, in guest physical addresses. */
  readonly ram: readonly AddressRange<Iova>[];
  /** The VMM's own options. */
  readonly command: string | undefined;
  /** The lines of a domain's XML that make it so; undefined for what libvirt does not run. */
  readonly libvirt: readonly string[] | undefined;
  readonly notes: readonly string[];
}

const oneGiB = 1n << 30n;
/** Memory blocks that guests plug in: 128 MiB, or 512 MiB with 64 KiB pages (arm64 SECTION_SIZE_BITS). */
const block = 512n << 20n;

/** How the VMM of a preset is told to have this layout. */
export function placementOf(guest: GuestLayout): Placement {
  const ram = properRam(guest).map(({ start, end }) => ({ start, end }));
  const size = mebibytes(guest.size);
  const none = { ram, libvirt: undefined, notes: [] };
  const { name, options } = guest.preset ?? { name: undefined, options: {} };
  switch (name) {
    case 'qemu-virt':
      return {
        ...none,
        command: `qemu-system-aarch64 -machine virt -m ${size}M`,
        libvirt: plainLibvirt(guest.size, 'aarch64', 'virt'),
      };
    case 'q35': {
      const below = options.below4g === undefined ? '' : `,max-ram-below-4g=${mebibytes(options.below4g)}M`;
      const isPlain = options.below4g === undefined;
      return {
        ...none,
        command: `qemu-system-x86_64 -machine q35${below} -m ${size}M`,
        libvirt: isPlain ? plainLibvirt(guest.size, 'x86_64', 'q35') : undefined,
      };
    }
    case 'kvmtool':
      return {
        ...none,
        command: `lkvm run --mem ${size}M${options.base === undefined ? '' : `@0x${options.base.toString(16)}`}`,
      };
    case 'crosvm':
      return { ...none, command: `crosvm run --mem ${size}` };
    case 'cloud-hypervisor':
      return { ...none, command: `cloud-hypervisor --memory size=${size}M` };
    case 'firecracker':
      return { ...none, command: `"mem_size_mib": ${size}` };
    case 'openvmm-linux':
    case 'openvmm-uefi':
      return { ...none, command: `openvmm --memory ${size}M` };
    default:
      return { ...none, command: undefined };
  }
}

function plainLibvirt(size: bigint, arch: string, machine: string): string[] {
  return [
    `<os><type arch='${arch}' machine='${machine}'>hvm</type></os>`,
    `<memory unit='MiB'>${mebibytes(size)}</memory>`,
  ];
}

function mebibytes(size: bigint): bigint {
  return size >> 20n;
}

/**
 * QEMU virt with the same RAM around the obstacles: as much as fits from 1 GiB up, the rest as DIMMs at addresses that are
 * free. Plugged memory begins at the next GiB behind RAM, and is as large as maxmem leaves it (hw/arm/virt.c
 * virt_set_memmap); its blocks are of 512 MiB, which every guest kernel takes. Undefined where there is no such way.
 */
export function splitPlacement(guest: GuestLayout, free: readonly AddressRange<Iova>[]): Placement | undefined {
  if (guest.preset?.name !== 'qemu-virt' || guest.size % block !== 0n) return undefined;
  const below = free.find(({ start, end }) => start <= oneGiB && end >= oneGiB);
  if (below === undefined) return undefined;
  const room = alignDown((below.end + 1n - oneGiB) as Iova, block);
  const first = room < guest.size ? room : guest.size;
  if (first < block) return undefined;
  const pluggedAt = alignUp((oneGiB + first) as Iova, oneGiB);
  const dimms: AddressRange<Iova>[] = [];
  let rest = guest.size - first;
  for (const { start, end } of free) {
    if (rest === 0n || end < pluggedAt) continue;
    const from = alignUp(start > pluggedAt ? start : pluggedAt, block);
    const fitting = alignDown((end + 1n > from ? end + 1n - from : 0n) as Iova, block);
    const size = fitting < rest ? fitting : rest;
    if (size <= 0n) continue;
    dimms.push({ start: from, end: (from + size - 1n) as Iova });
    rest -= size;
  }
  if (rest > 0n || dimms.length > 8) return undefined;
  const reach = dimms.at(-1)!.end + 1n - pluggedAt;
  const ram = [{ start: oneGiB as Iova, end: (oneGiB + first - 1n) as Iova }, ...dimms];
  return {
    ram,
    command: dimmCommand(first, first + reach, dimms),
    libvirt: dimmLibvirt(first, guest.size, first + reach, dimms),
    notes: [
      'memory beyond the first block is plugged in as DIMMs: the guest needs ACPI by UEFI firmware (-bios; QEMU refuses DIMMs without), and must not get more of them than here',
    ],
  };
}

function dimmCommand(first: bigint, most: bigint, dimms: readonly AddressRange<Iova>[]): string {
  const parts = dimms.map((dimm, at) => {
    const size = mebibytes(sizeOf(dimm));
    return ` -object memory-backend-ram,id=m${at},size=${size}M -device pc-dimm,memdev=m${at},addr=0x${dimm.start.toString(16)}`;
  });
  return `qemu-system-aarch64 -machine virt -m ${mebibytes(first)}M,slots=${dimms.length},maxmem=${mebibytes(most)}M${parts.join('')}`;
}

function dimmLibvirt(first: bigint, size: bigint, most: bigint, dimms: readonly AddressRange<Iova>[]): string[] {
  return [
    `<os firmware='efi'><type arch='aarch64' machine='virt'>hvm</type></os>`,
    `<features><acpi/></features>`,
    `<maxMemory slots='${dimms.length}' unit='MiB'>${mebibytes(most)}</maxMemory>`,
    `<memory unit='MiB'>${mebibytes(size)}</memory>`,
    `<cpu><numa><cell id='0' cpus='0' memory='${mebibytes(first)}' unit='MiB'/></numa></cpu>`,
    ...dimms.map(
      (dimm, at) =>
        `<memory model='dimm'><target><size unit='MiB'>${mebibytes(sizeOf(dimm))}</size><node>0</node></target><address type='dimm' slot='${at}' base='0x${dimm.start.toString(16)}'/></memory>`,
    ),
  ];
}
