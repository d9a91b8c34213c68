// What differs between Linux versions, as data. Each value was read off that version's sources; the file and function are named.
import type { AddressRange, Iova } from '../topology/address';
import { rangeOf } from '../topology/address';
import type { BusRule, DeviceIdRule, KernelVersion, MapRule } from '../topology/model';

export type { KernelVersion } from '../topology/model';

/** Regions that a hypervisor's virtio-iommu announces when the driver probes; no source file tells them. */
export interface AnnouncedRegion {
  readonly range: AddressRange<Iova>;
  /** `msi`: a hardware MSI region; anything else becomes `reserved`. */
  readonly type: 'msi' | 'reserved';
}

export interface KernelProfile {
  readonly version: KernelVersion;
  /** `CONFIG_ARM64_*K_PAGES`, in bytes. */
  readonly pageSize: bigint;
  /**
   * The software MSI window. `MSI_IOVA_BASE` and `MSI_IOVA_LENGTH` in drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c,
   * drivers/iommu/arm/arm-smmu/arm-smmu.c and drivers/iommu/virtio-iommu.c: 0x8000000, 0x100000 in all versions.
   */
  readonly msiWindow: AddressRange<Iova>;
  /** How the window came to be what it is: the kernel's constant, or a value from the settings. */
  readonly msiWindowOrigin: 'kernel' | 'settings';
  /** `iommu-addresses` are read at all: drivers/iommu/of_iommu.c of_iommu_get_resv_regions, from 6.3. */
  readonly firmwareRegions: boolean;
  /** Exynos reports them too: drivers/iommu/exynos-iommu.c, from 6.17. */
  readonly exynosRegions: boolean;
  /** drivers/acpi/arm64/iort.c iort_get_id_mapping_index: goes by the flag "DeviceID valid" from 6.2 on. */
  readonly deviceIdRule: DeviceIdRule;
  /** IORT reserved memory nodes are read: drivers/acpi/arm64/iort.c iort_iommu_rmr_get_resv_regions, in all three. */
  readonly rmr: boolean;
  /** A device with a direct region may not be assigned: drivers/iommu/iommu.c `require_direct`, from 6.6. */
  readonly refusesDirect: boolean;
  /** A direct region that cannot be mapped keeps its device from its IOMMU: drivers/iommu/iommu.c iommu_setup_default_domain, from 6.5. */
  readonly unmappableDirect: 'ignored' | 'fails';
  /** What VFIO asks about MSI isolation: the whole system (kernel/irq/irqdomain.c) to 6.2, the device (kernel/irq/msi.c) from 6.3. */
  readonly msiIsolation: 'system' | 'device';
  /** drivers/of/base.c of_map_id: entries of four cells; from 7.2 three and the target's count. */
  readonly mapRule: MapRule;
  /** drivers/of/address.c of_bus_default_match: from 6.13 a bus without `#address-cells` does not translate. */
  readonly busRule: BusRule;
  /** Groups form when a device is added (7.2), or when a driver binds. */
  readonly groupsFormAt: 'add' | 'bind';
  /** A stream ID that an SMMUv3 cannot hold loses the device, or the SMMU with all its masters. */
  readonly streamIdOutOfRange: 'device' | 'iommu';
  /** SMMUv3 with a wrong `#iommu-cells`: fails to probe, or goes on in bypass (6.1 arm_smmu_device_probe). */
  readonly wrongIommuCells: 'fails' | 'bypass';
  /** A virtio-iommu with a direct region oopses at boot. */
  readonly virtioDirectOops: boolean;
  /**
   * sysfs shows one page of regions: drivers/iommu/iommu.c iommu_group_show_resv_regions, sysfs_emit_at. 6.1 writes on past
   * its page (sprintf), and fs/sysfs/file.c sysfs_kf_seq_show then gives out one page all the same.
   */
  readonly sysfsLimit: bigint;
  /** VFIO_IOMMU_MAP_DMA with an IOVA that wraps: drivers/vfio/vfio_iommu_type1.c vfio_dma_do_map. */
  readonly wrapError: 'EINVAL' | 'EOVERFLOW';
  /** vfio_find_dma there compares ends that are excluded, and so misses what ends at 2^64 − 1; included from 7.0. */
  readonly type1Ends: 'excluded' | 'included';
  /**
   * drivers/iommu/iommufd: not there (6.1); with MSI cookies, page by page and domain (6.12); or handing out doorbell
   * pages itself, one place a doorbell for a whole file descriptor (driver.c iommufd_sw_msi, 7.2).
   */
  readonly iommufd: 'none' | 'cookie' | 'native';
  /** Doorbell pages that one iommufd descriptor can hold (driver.c iommufd_sw_msi_get_map); undefined: as many as fit. */
  readonly iommufdDoorbells: number | undefined;
  /**
   * What becomes of MSIs in a page table that type1 gave no window, be it for a hardware MSI region: the doorbell's physical
   * address is written, or (from 6.15 drivers/iommu/iommu.c iommu_dma_prepare_msi: EOPNOTSUPP) they cannot be switched on.
   */
  readonly msiWithoutWindow: 'untranslated' | 'refused';
  /** drivers/of/of_reserved_mem.c __reserved_mem_reserve_reg: which `reg` entries are set aside from memory. */
  readonly reservedMemory: 'all-entries' | 'first-entry';
  /**
   * drivers/iommu/mtk_iommu.c mtk_iommu_get_iova_region_id: a device's window by the `dma-ranges` above it (6.1), or by its
   * larb and ports.
   */
  readonly mediatekWindows: 'dma-ranges' | 'ports';
  /** What the virtio-iommu devices announce, if the settings tell; undefined: unknown. */
  readonly virtioIommuRegions: readonly AnnouncedRegion[] | undefined;
}

const window: AddressRange<Iova> = rangeOf(0x8000000n as Iova, 0x100000n);

const linux612: KernelProfile = {
  version: '6.12',
  pageSize: 0x1000n,
  msiWindow: window,
  msiWindowOrigin: 'kernel',
  firmwareRegions: true,
  exynosRegions: false,
  deviceIdRule: 'by-flag',
  rmr: true,
  refusesDirect: true,
  unmappableDirect: 'fails',
  msiIsolation: 'device',
  mapRule: 'four-cells',
  busRule: 'inherited-cells',
  groupsFormAt: 'bind',
  streamIdOutOfRange: 'device',
  wrongIommuCells: 'fails',
  virtioDirectOops: true,
  sysfsLimit: 0x1000n,
  wrapError: 'EINVAL',
  type1Ends: 'excluded',
  iommufd: 'cookie',
  iommufdDoorbells: undefined,
  msiWithoutWindow: 'untranslated',
  reservedMemory: 'all-entries',
  mediatekWindows: 'ports',
  virtioIommuRegions: undefined,
};

export const kernelProfiles: Readonly<Record<KernelVersion, KernelProfile>> = {
  '6.1': {
    ...linux612,
    version: '6.1',
    firmwareRegions: false,
    deviceIdRule: 'by-interrupts',
    refusesDirect: false,
    unmappableDirect: 'ignored',
    msiIsolation: 'system',
    wrongIommuCells: 'bypass',
    virtioDirectOops: false,
    mediatekWindows: 'dma-ranges',
    iommufd: 'none',
  },
  '6.12': linux612,
  '7.2': {
    ...linux612,
    version: '7.2',
    exynosRegions: true,
    mapRule: 'target-cells',
    busRule: 'own-cells',
    groupsFormAt: 'add',
    streamIdOutOfRange: 'iommu',
    virtioDirectOops: false,
    wrapError: 'EOVERFLOW',
    type1Ends: 'included',
    iommufd: 'native',
    iommufdDoorbells: 64,
    msiWithoutWindow: 'refused',
    reservedMemory: 'first-entry',
  },
};

export const defaultKernel: KernelProfile = linux612;

/** What the settings may change in a profile; keys left out keep the kernel's own value. */
export interface ProfileSettings {
  readonly kernel?: KernelVersion;
  /** In bytes: 4, 16 or 64 KiB. */
  readonly pageSize?: bigint;
  readonly msiWindow?: { readonly base: bigint; readonly size: bigint };
  readonly virtioIommuRegions?: readonly {
    readonly start: bigint;
    readonly size: bigint;
    readonly type: 'msi' | 'reserved';
  }[];
}

/** The profile of a kernel version with the settings laid over it. */
export function kernelProfile(settings: ProfileSettings = {}): KernelProfile {
  const profile = kernelProfiles[settings.kernel ?? defaultKernel.version];
  const { pageSize = profile.pageSize, msiWindow, virtioIommuRegions } = settings;
  return {
    ...profile,
    pageSize,
    sysfsLimit: pageSize,
    ...(msiWindow && {
      msiWindow: rangeOf(msiWindow.base as Iova, msiWindow.size),
      msiWindowOrigin: 'settings' as const,
    }),
    ...(virtioIommuRegions && {
      virtioIommuRegions: virtioIommuRegions.map(({ start, size, type }) => ({
        range: rangeOf(start as Iova, size),
        type,
      })),
    }),
  };
}
