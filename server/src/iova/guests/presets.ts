// Where each VMM puts RAM, as data. Read off the VMMs' sources; each entry names the file.
import { humanSize } from '../../text/numbers';
import { alignDown, alignUp } from '../ranges';

const oneMiB = 1n << 20n;
const oneGiB = 1n << 30n;
const fourGiB = 1n << 32n;
const oneTiB = 1n << 40n;
/** No CPU has more physical address bits (Arm LPA2, x86 with 5 levels). */
export const addressLimit = 1n << 52n;

export const presetNames = [
  'qemu-virt',
  'kvmtool',
  'crosvm',
  'cloud-hypervisor',
  'firecracker',
  'openvmm-linux',
  'openvmm-uefi',
  'xen',
  'bhyve',
  'q35',
] as const;
export type PresetName = (typeof presetNames)[number];

/** What a preset can be varied by; each preset says which of them it takes. */
export interface PresetOptions {
  /** Where RAM starts (kvmtool `--mem SIZE@ADDR`). */
  readonly base?: bigint;
  /** Bytes of memory plugged in while the guest runs (QEMU `maxmem` and a DIMM). */
  readonly plugged?: bigint;
  /** Most RAM below 4 GiB (QEMU x86 `max-ram-below-4g`). */
  readonly below4g?: bigint;
  /** crosvm `--protected-vm`: the firmware's memory is mapped as well. */
  readonly protected?: true;
  /** The guest's CPU is AMD's: QEMU x86 keeps RAM out of the HyperTransport range. */
  readonly amd?: true;
}

export interface Preset {
  /** As its users call it. */
  readonly vmm: string;
  readonly source: string;
  /** What can be moved, and how. */
  readonly knobs: readonly string[];
  readonly guestIommu: string | undefined;
  readonly options: readonly (keyof PresetOptions)[];
  readonly notes?: readonly string[];
  /** It reads the reserved regions itself and takes none, whatever its type, in its RAM. */
  readonly strict?: true;
  /** Places that RAM fills one after the other; the last one ends where the VMM can have no more. */
  readonly places: (size: bigint, options: PresetOptions) => readonly Place[];
  /** Mapped besides, at a fixed place. */
  readonly fixed?: (options: PresetOptions) => readonly (Place & { readonly what: string })[];
  /** Where memory goes that is plugged in, by the end of RAM. */
  readonly pluggedAt?: (ramEnd: bigint) => bigint;
  readonly leastBase?: bigint;
}

export interface Place {
  readonly start: bigint;
  readonly size: bigint;
}

function upTo(start: bigint, end: bigint): Place {
  return { start, size: end - start };
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  'qemu-virt': {
    vmm: 'QEMU virt',
    source: 'QEMU 10.2 hw/arm/virt.c base_memmap, virt_set_memmap; hw/vfio/listener.c',
    knobs: ['-m SIZE: RAM is one block from 1 GiB upwards, no option moves it'],
    guestIommu: '-device virtio-iommu-pci',
    options: ['plugged'],
    places: () => [upTo(oneGiB, addressLimit)],
    // device_memory_base
    pluggedAt: (ramEnd) => alignUp(ramEnd, oneGiB),
  },
  kvmtool: {
    vmm: 'kvmtool',
    source: 'kvmtool arm/include/arm-common/kvm-arch.h, arm/aarch64/kvm.c; vfio/core.c vfio_configure_reserved_regions',
    knobs: ['--mem SIZE@ADDR: RAM from any address of 2 GiB or more'],
    guestIommu: undefined,
    options: ['base'],
    strict: true,
    places: (_, { base = 2n * oneGiB }) => [upTo(base, addressLimit)],
    leastBase: 2n * oneGiB,
  },
  crosvm: {
    vmm: 'crosvm',
    source: 'crosvm aarch64/src/lib.rs, devices/src/vfio.rs',
    knobs: ['--mem SIZE: RAM is one block from 2 GiB upwards, no option moves it'],
    guestIommu: '--vfio PATH,iommu=viommu',
    options: ['protected'],
    places: () => [upTo(2n * oneGiB, addressLimit)],
    fixed: (options) =>
      options.protected === true
        ? [{ start: 0x7fc00000n, size: 4n * oneMiB, what: 'firmware of the protected VM' }]
        : [],
  },
  'cloud-hypervisor': {
    vmm: 'cloud-hypervisor',
    source: 'cloud-hypervisor arch/src/aarch64/layout.rs; vmm/src/device_manager.rs',
    knobs: ['--memory size=: RAM starts at 1 GiB, no option moves it'],
    guestIommu: '--device path=PATH,iommu=on',
    options: [],
    places: () => [upTo(oneGiB, 0xfc000000n), upTo(fourGiB, addressLimit)],
  },
  firecracker: {
    vmm: 'Firecracker',
    source: 'Firecracker src/vmm/src/arch/aarch64/layout.rs',
    knobs: ['mem_size_mib: RAM starts at 2 GiB, no option moves it'],
    guestIommu: undefined,
    options: [],
    notes: [
      'Passing devices through is being merged into Firecracker in 2026; that it maps all RAM and takes an error as fatal is expected, not read.',
    ],
    places: () => [upTo(2n * oneGiB, 256n * oneGiB), { start: 512n * oneGiB, size: 768n * oneGiB }],
  },
  'openvmm-linux': {
    vmm: 'OpenVMM with Linux direct boot',
    source:
      'OpenVMM openvmm_core/src/worker/memory_layout.rs, dispatch.rs ram_start_address; vm_topology/src/layout.rs',
    knobs: ['--memory SIZE: RAM starts at 1 GiB, no option moves it'],
    guestIommu: 'a guest SMMU',
    options: [],
    notes: [openvmmHole()],
    places: (size) => openvmmPlaces(oneGiB, size),
  },
  'openvmm-uefi': {
    vmm: 'OpenVMM with UEFI',
    source: 'OpenVMM openvmm_core/src/worker/memory_layout.rs; vm_topology/src/layout.rs',
    knobs: ['Linux direct boot instead of UEFI: RAM then starts at 1 GiB'],
    guestIommu: 'a guest SMMU',
    options: [],
    notes: [openvmmHole()],
    places: (size) => openvmmPlaces(0n, size),
  },
  xen: {
    vmm: 'Xen on Arm',
    source: 'Xen xen/include/public/arch-arm.h GUEST_RAM0_BASE, GUEST_RAM1_BASE',
    knobs: ['direct-map domains have the host’s own layout instead'],
    guestIommu: undefined,
    options: [],
    notes: [
      'Xen assigns devices by its own SMMU driver; Linux’s window and VFIO’s checks play no part in it. The layout is for comparing.',
    ],
    places: () => [upTo(oneGiB, fourGiB), { start: 8n * oneGiB, size: 1016n * oneGiB }],
  },
  bhyve: {
    vmm: 'bhyve',
    source: 'FreeBSD usr.sbin/bhyve/aarch64/bhyverun_machdep.c; libvmmapi VM_HIGHMEM_BASE',
    knobs: ['-m SIZE: RAM is one block from 4 GiB upwards, no option moves it'],
    guestIommu: undefined,
    options: [],
    notes: ['bhyve runs on FreeBSD, where Linux’s window and VFIO’s checks play no part. The layout is for comparing.'],
    places: () => [upTo(fourGiB, addressLimit)],
  },
  q35: {
    vmm: 'QEMU q35 (x86)',
    source: 'QEMU hw/i386/pc_q35.c pc_q35_init, hw/i386/pc.c pc_memory_init',
    knobs: ['-machine max-ram-below-4g=SIZE: less RAM below 4 GiB, the rest above'],
    guestIommu: '-device intel-iommu,caching-mode=on or -device virtio-iommu-pci',
    options: ['plugged', 'below4g', 'amd'],
    places: q35Places,
    pluggedAt: (ramEnd) => alignUp(ramEnd > fourGiB ? ramEnd : fourGiB, oneGiB),
  },
};

/** Low MMIO of one PCIe root complex (`--pcie-root-complex`, `low_mmio` 64 MiB by default) below the chipset's, which starts here. */
const openvmmChipset = 0xef000000n;
const openvmmLowMmio = 64n * oneMiB;

function openvmmHole(): string {
  return `The MMIO hole below 4 GiB is that of one PCIe root complex with its default low_mmio of ${humanSize(64n << 20n)}; more of them make it larger.`;
}

/** find_lowest_splittable_fit: a place that is too small for all of it is filled in whole grains only. */
function openvmmPlaces(start: bigint, size: bigint): Place[] {
  const below = upTo(start, openvmmChipset - openvmmLowMmio);
  const high = upTo(fourGiB, addressLimit);
  if (size <= below.size) return [below];
  const grain = size < oneGiB ? 2n * oneMiB : oneGiB;
  return [{ start, size: alignDown(below.size, grain) }, high];
}

/** From 2816 MiB on, RAM below 4 GiB ends at 2 GiB, so that gigabyte pages fit. */
function q35Places(size: bigint, { below4g, amd }: PresetOptions): Place[] {
  const usual = size >= 0xb0000000n ? 2n * oneGiB : 0xb0000000n;
  const low = below4g !== undefined && below4g < usual ? below4g : usual;
  const above = size > low ? size - low : 0n;
  const highStart = amd === true && reachesHyperTransport(above) ? oneTiB : fourGiB;
  return [upTo(0n, low), upTo(highStart, addressLimit)];
}

/** pc_memory_init: RAM, then the 64-bit PCI hole of 32 GiB, on a gigabyte boundary. */
function reachesHyperTransport(above: bigint): boolean {
  return alignUp(fourGiB + above, oneGiB) + 32n * oneGiB > 0xfd00000000n;
}
