// In what the kernels of the profiles differ, row by row: read off the sources of 6.1.176, 6.12.107 and 7.2.13, and where it
// says so seen on booted kernels. docs/kernels.md is made of it.
import type { KernelProfile, KernelVersion } from './kernel-profile';

export interface KernelDifference {
  readonly id: string;
  /** The field of the profile that holds it; undefined where something else than a profile does. */
  readonly profile: keyof KernelProfile | undefined;
  /** What of the prediction it changes. */
  readonly changes: 'list' | 'groups' | 'attach' | 'map' | 'memory' | 'interrupts';
  /** The upstream release that brought it, as far as it is known. */
  readonly since: string;
  readonly kernels: Readonly<Record<KernelVersion, string>>;
  /** File and function. */
  readonly sources: readonly string[];
  /** The kernels on which it was seen at work; on the others it was read. */
  readonly seen: readonly KernelVersion[];
}

const everywhere: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];
const newer: readonly KernelVersion[] = ['6.12', '7.2'];

export const kernelDifferences: readonly KernelDifference[] = [
  {
    id: 'iommu-addresses',
    profile: 'firmwareRegions',
    changes: 'list',
    since: '6.3',
    kernels: { '6.1': 'not read', '6.12': 'read', '7.2': 'read' },
    sources: [
      'drivers/iommu/of_iommu.c of_iommu_get_resv_regions',
      'drivers/iommu/dma-iommu.c iommu_dma_get_resv_regions',
    ],
    seen: everywhere,
  },
  {
    id: 'exynos-regions',
    profile: 'exynosRegions',
    changes: 'list',
    since: '6.17',
    kernels: {
      '6.1': 'Exynos reports nothing',
      '6.12': 'Exynos reports nothing',
      '7.2': 'Exynos reports `iommu-addresses`',
    },
    sources: ['drivers/iommu/exynos-iommu.c exynos_iommu_ops'],
    seen: [],
  },
  {
    id: 'mediatek-windows',
    profile: 'mediatekWindows',
    changes: 'list',
    since: '6.4',
    kernels: {
      '6.1': 'a device’s window is the one that the `dma-ranges` above it name; windows of 4 GiB',
      '6.12': 'its larb and ports tell; windows end 8 MiB earlier',
      '7.2': 'its larb and ports tell; windows end 8 MiB earlier',
    },
    sources: ['drivers/iommu/mtk_iommu.c mtk_iommu_get_iova_region_id, mtk_iommu_get_resv_regions'],
    seen: [],
  },
  {
    id: 'bus-without-address-cells',
    profile: 'busRule',
    changes: 'list',
    since: '6.13',
    kernels: {
      '6.1': 'addresses below a bus without `#address-cells` translate by the count further up',
      '6.12': 'addresses below a bus without `#address-cells` translate by the count further up',
      '7.2':
        'they do not translate: `reg` has no address, so that an SMMU does not probe; `iommu-addresses` make the kernel oops',
    },
    sources: ['drivers/of/address.c of_bus_default_match'],
    seen: everywhere,
  },
  {
    id: 'sysfs-page',
    profile: undefined,
    changes: 'list',
    since: 'between 6.2 and 6.12',
    kernels: {
      '6.1': 'reserved_regions writes past its page where the list is longer (sprintf); one page is read',
      '6.12': 'reserved_regions ends after one page (sysfs_emit_at)',
      '7.2': 'reserved_regions ends after one page (sysfs_emit_at)',
    },
    sources: ['drivers/iommu/iommu.c iommu_group_show_resv_regions', 'fs/sysfs/file.c sysfs_kf_seq_show'],
    seen: newer,
  },
  {
    id: 'virtio-direct-oops',
    profile: 'virtioDirectOops',
    changes: 'list',
    since: 'between 6.13 and 7.2',
    kernels: {
      '6.1': 'does not arise: no direct regions',
      '6.12': 'a direct region behind a virtio-iommu makes the kernel oops at boot',
      '7.2': 'it is mapped',
    },
    sources: [
      'drivers/iommu/virtio-iommu.c viommu_map_pages',
      'drivers/iommu/iommu.c iommu_create_device_direct_mappings',
    ],
    seen: newer,
  },
  {
    id: 'groups-form',
    profile: 'groupsFormAt',
    changes: 'groups',
    since: '6.15',
    kernels: {
      '6.1': 'when a driver binds a device: bridges, other functions, platform devices',
      '6.12': 'when a driver binds a device: bridges, other functions, platform devices',
      '7.2':
        'when a device is added: those without a driver and the root bridge have groups too; platform devices first, then functions by number',
    },
    sources: ['drivers/iommu/iommu.c iommu_init_device', 'drivers/iommu/of_iommu.c of_iommu_configure'],
    seen: everywhere,
  },
  {
    id: 'id-map-cells',
    profile: 'mapRule',
    changes: 'groups',
    since: '7.2',
    kernels: {
      '6.1': '`iommu-map` and `msi-map` entries have four cells',
      '6.12': '`iommu-map` and `msi-map` entries have four cells',
      '7.2': 'three, and as many as the target’s `#iommu-cells` or `#msi-cells` says',
    },
    sources: ['drivers/of/base.c of_map_id, of_check_bad_map'],
    seen: newer,
  },
  {
    id: 'stream-id-out-of-range',
    profile: 'streamIdOutOfRange',
    changes: 'groups',
    since: '6.15',
    kernels: {
      '6.1': 'a stream ID that an SMMUv3 cannot hold loses that device',
      '6.12': 'a stream ID that an SMMUv3 cannot hold loses that device',
      '7.2': 'it loses the SMMU with all devices behind it: the error of one probe is that of the registration',
    },
    sources: [
      'drivers/iommu/iommu.c bus_iommu_probe, iommu_device_register',
      'drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_init_sid_strtab',
    ],
    seen: everywhere,
  },
  {
    id: 'stream-id-alias',
    profile: undefined,
    changes: 'groups',
    since: '7.0',
    kernels: {
      '6.1': 'the second device with a stream ID fails (EINVAL) and has no group',
      '6.12': 'the second device with a stream ID fails (EINVAL) and has no group',
      '7.2': 'the same with ENODEV, so that the SMMU registers',
    },
    sources: ['drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_insert_master'],
    seen: everywhere,
  },
  {
    id: 'smmu-wrong-cells',
    profile: 'wrongIommuCells',
    changes: 'groups',
    since: 'between 6.2 and 6.12',
    kernels: {
      '6.1': 'an SMMUv3 without `#iommu-cells = <1>` is probed in bypass, and its devices have groups',
      '6.12': 'it does not probe',
      '7.2': 'it does not probe',
    },
    sources: ['drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_device_probe, arm_smmu_device_dt_probe'],
    seen: everywhere,
  },
  {
    id: 'direct-refused',
    profile: 'refusesDirect',
    changes: 'attach',
    since: '6.6',
    kernels: {
      '6.1': 'a device with a direct region (RMR) can be assigned',
      '6.12': 'EINVAL when its DMA ownership is claimed',
      '7.2': 'EINVAL when its DMA ownership is claimed',
    },
    sources: ['drivers/iommu/iommu.c __iommu_device_set_domain (require_direct)'],
    seen: everywhere,
  },
  {
    id: 'direct-region-not-mappable',
    profile: 'unmappableDirect',
    changes: 'groups',
    since: '6.5',
    kernels: {
      '6.1': 'the device has its group, and nothing is mapped there (seen with an RMR)',
      '6.12': 'the device has no group',
      '7.2': 'the device has no group',
    },
    sources: ['drivers/iommu/iommu.c iommu_setup_default_domain', 'drivers/iommu/iommu.c iommu_probe_device (6.1)'],
    seen: everywhere,
  },
  {
    id: 'msi-isolation',
    profile: 'msiIsolation',
    changes: 'attach',
    since: '6.3',
    kernels: {
      '6.1': 'EPERM for all devices where any MSI controller of the system does not isolate',
      '6.12': 'EPERM for a device whose own MSI controller does not isolate, or that has none',
      '7.2': 'EPERM for a device whose own MSI controller does not isolate, or that has none',
    },
    sources: [
      'kernel/irq/irqdomain.c irq_domain_check_msi_remap (6.1)',
      'kernel/irq/msi.c msi_device_has_isolated_msi',
    ],
    seen: everywhere,
  },
  {
    id: 'smmuv3-device-id',
    profile: 'deviceIdRule',
    changes: 'interrupts',
    since: '6.2',
    kernels: {
      '6.1': 'the IORT mapping that an SMMUv3 keeps for its own MSIs counts unless all its interrupts are wired',
      '6.12': 'for nodes of revision 5 and above, where the flag DeviceID Valid says so',
      '7.2': 'for nodes of revision 5 and above, where the flag DeviceID Valid says so',
    },
    sources: ['drivers/acpi/arm64/iort.c iort_get_id_mapping_index'],
    seen: [],
  },
  {
    id: 'iommufd',
    profile: 'iommufd',
    changes: 'attach',
    since: '6.2; doorbells of its own from 6.15',
    kernels: {
      '6.1': 'there is none',
      '6.12': 'doorbells are mapped from the window on for each domain (MSI cookie)',
      '7.2': 'a doorbell has one place for the whole file descriptor',
    },
    sources: ['drivers/iommu/iommufd/driver.c iommufd_sw_msi'],
    seen: [],
  },
  {
    id: 'iommufd-doorbells',
    profile: 'iommufdDoorbells',
    changes: 'interrupts',
    since: '6.15',
    kernels: { '6.1': 'no iommufd', '6.12': 'any number', '7.2': '64 pages for a file descriptor, then EOVERFLOW' },
    sources: ['drivers/iommu/iommufd/driver.c iommufd_sw_msi_get_map'],
    seen: [],
  },
  {
    id: 'msi-without-window',
    profile: 'msiWithoutWindow',
    changes: 'interrupts',
    since: 'between 6.13 and 7.2',
    kernels: {
      '6.1': 'behind a hardware MSI region VFIO’s interrupts use the doorbell as it is',
      '6.12': 'behind a hardware MSI region VFIO’s interrupts use the doorbell as it is',
      '7.2': 'enabling them fails',
    },
    sources: ['drivers/iommu/iommu.c iommu_dma_prepare_msi', 'drivers/iommu/dma-iommu.c iommu_dma_sw_msi'],
    seen: newer,
  },
  {
    id: 'map-wraps',
    profile: 'wrapError',
    changes: 'map',
    since: '7.0',
    kernels: {
      '6.1': 'VFIO_IOMMU_MAP_DMA of a range that wraps at 2^64: EINVAL',
      '6.12': 'VFIO_IOMMU_MAP_DMA of a range that wraps at 2^64: EINVAL',
      '7.2': 'EOVERFLOW',
    },
    sources: ['drivers/vfio/vfio_iommu_type1.c vfio_dma_do_map'],
    seen: everywhere,
  },
  {
    id: 'map-at-the-end',
    profile: 'type1Ends',
    changes: 'map',
    since: '7.0',
    kernels: {
      '6.1': 'ends of mappings are excluded in the arithmetic: one that ends at 2^64 − 1 counts as ending at 0',
      '6.12': 'ends of mappings are excluded in the arithmetic: one that ends at 2^64 − 1 counts as ending at 0',
      '7.2': 'ends are included',
    },
    sources: ['drivers/vfio/vfio_iommu_type1.c vfio_find_dma, vfio_dma_do_map'],
    seen: [],
  },
  {
    id: 'reserved-memory-reg',
    profile: 'reservedMemory',
    changes: 'memory',
    since: '7.2',
    kernels: {
      '6.1': 'all `reg` entries of a reserved-memory node are set aside',
      '6.12': 'all `reg` entries of a reserved-memory node are set aside',
      '7.2': 'the first one alone, with a message; the others are ordinary memory',
    },
    sources: ['drivers/of/of_reserved_mem.c __reserved_mem_reserve_reg'],
    seen: newer,
  },
];
