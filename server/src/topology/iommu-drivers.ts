// Linux's IOMMU drivers as data: which nodes they bind, and what they do about reserved regions and VFIO.
// Read off drivers/iommu of 6.1, 6.12 and 7.2; each entry names its file.
import type { AddressRange, Iova } from './address';
import { mediatekIommus } from './mediatek-iommus';
import type { IommuDriver, KernelVersion } from './model';

const everyKernel: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];

function bits(count: number): AddressRange<Iova> {
  return { start: 0n as Iova, end: ((1n << BigInt(count)) - 1n) as Iova };
}

/** Most drivers: no `get_resv_regions`, no `capable`, so that sysfs shows nothing and VFIO refuses. */
function plain(
  name: string,
  acceptedCells: readonly number[],
  hasStreamIds: boolean,
  aperture?: AddressRange<Iova>,
): IommuDriver {
  return {
    name,
    known: true,
    kernels: everyKernel,
    softwareMsi: 'never',
    firmwareRegions: 'no',
    ownRegions: 'none',
    vfio: 'never',
    registerBytes: 0n,
    acceptedCells,
    refusesCells: false,
    refusesEntries: false,
    hasStreamIds,
    grouping: 'device',
    mediatek: undefined,
    sharedSwgroups: [],
    streamIdBits: undefined,
    aperture,
  };
}

/** drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c. Stage 1 with 48 bits unless IDR5.VAX; IDR1.SIDSIZE is in no source. */
const smmuV3: IommuDriver = {
  ...plain('arm-smmu-v3', [1], true, bits(48)),
  softwareMsi: 'always',
  firmwareRegions: 'yes',
  vfio: 'coherent-walk',
  registerBytes: 0x20000n,
  refusesCells: true,
  grouping: 'stream-owner',
  streamIdBits: { bits: 16, known: false },
};

/** What registers alone tell. */
export interface HardwareSettings {
  /** Of all SMMUv3 of the machine: IDR1.SIDSIZE. Undefined: not known. */
  readonly streamIdBits?: number | undefined;
}

const smmuV3sByWidth = new Map<number, IommuDriver>();

function smmuV3With(bits: number | undefined): IommuDriver {
  if (bits === undefined) return smmuV3;
  let driver = smmuV3sByWidth.get(bits);
  if (driver === undefined) {
    driver = { ...smmuV3, streamIdBits: { bits, known: true } };
    smmuV3sByWidth.set(bits, driver);
  }
  return driver;
}

/** drivers/iommu/arm/arm-smmu/arm-smmu.c: SMR id and mask have 16 bits each. */
const smmu: IommuDriver = {
  ...plain('arm-smmu', [1, 2], true, bits(48)),
  softwareMsi: 'always',
  firmwareRegions: 'yes',
  vfio: 'coherent-walk-or-master',
  registerBytes: 1n,
  grouping: 'stream-match',
  streamIdBits: { bits: 16, known: true },
};

/** drivers/iommu/virtio-iommu.c: geometry and regions come from the device. */
const virtioIommu: IommuDriver = {
  ...plain('virtio-iommu', [1], true, bits(64)),
  softwareMsi: 'unless-reported',
  firmwareRegions: 'yes',
  ownRegions: 'announced',
  vfio: 'always',
};

/**
 * drivers/iommu/apple-dart.c: PCI functions get one hardware MSI page. The T8110's address width stands in a register; the
 * others have 32 bits.
 */
const appleDart: IommuDriver = {
  ...plain('apple-dart', [1], true, bits(32)),
  firmwareRegions: 'yes',
  ownRegions: 'msi-page',
  refusesEntries: true,
  grouping: 'stream-match',
};

/** drivers/iommu/exynos-iommu.c. Its domains claim 64 bits; the page table has 32. */
const exynos: IommuDriver = { ...plain('exynos-sysmmu', [0], false, bits(32)), firmwareRegions: 'from-6.17' };

/** drivers/iommu/mtk_iommu.c */
const mediatek: IommuDriver = {
  ...plain('mtk-iommu', [1], true),
  ownRegions: 'windows',
  refusesEntries: true,
  grouping: 'window',
};
/** drivers/iommu/mtk_iommu_v1.c */
const mediatekV1: IommuDriver = { ...plain('mtk-iommu-v1', [1], true, bits(32)), refusesEntries: true };

/** generic_single_device_group: drivers/iommu/{rockchip,omap,sun50i,sprd}-iommu.c, ipmmu-vmsa.c on arm64, vsi-iommu.c. */
function oneGroup(driver: IommuDriver): IommuDriver {
  return { ...driver, grouping: 'iommu' };
}

const rockchip = oneGroup(plain('rk_iommu', [0], false, bits(32)));
const omap = oneGroup(plain('omap-iommu', [0], false, bits(32)));
const sun50i = oneGroup(plain('sun50i-iommu', [1], true, bits(32)));
const sprd = oneGroup(plain('sprd-iommu', [0], false, bits(28)));
const ipmmu = oneGroup(plain('ipmmu-vmsa', [1], true, bits(32)));
const verisilicon = oneGroup(plain('vsi-iommu', [0], false, bits(32)));
/** drivers/iommu/tegra-gart.c, gone after 6.1: its aperture is the node's second `reg`. */
const tegraGart = plain('tegra-gart', [0], false);
const msm = plain('msm_iommu', [1], true, bits(32));
const riscv = plain('riscv-iommu', [1], true);
/** drivers/iommu/arm/arm-smmu/qcom_iommu.c: claims to be coherent always, reports no region. */
const qcom: IommuDriver = { ...plain('qcom-iommu', [1], true, bits(32)), vfio: 'always', refusesEntries: true };

/** drivers/iommu/tegra-smmu.c tegra_smmu_device_group; the shared clients stand in drivers/memory/tegra. */
function tegraSmmu(...sharedSwgroups: readonly number[]): IommuDriver {
  return { ...plain('tegra-smmu', [1], true, bits(32)), grouping: 'swgroup', sharedSwgroups };
}

const byCompatible = new Map<string, IommuDriver>();
function bind(driver: IommuDriver, compatibles: string, kernels = everyKernel): void {
  const bound = kernels === everyKernel ? driver : { ...driver, kernels };
  for (const compatible of compatibles.split(' ')) byCompatible.set(compatible, bound);
}

const from612: readonly KernelVersion[] = ['6.12', '7.2'];
const from72: readonly KernelVersion[] = ['7.2'];

bind(smmuV3, 'arm,smmu-v3');
bind(smmu, 'arm,smmu-v1 arm,smmu-v2 arm,mmu-400 arm,mmu-401 arm,mmu-500 cavium,smmu-v2 nvidia,smmu-500 qcom,smmu-v2');
bind(virtioIommu, 'virtio,pci-iommu pci1af4,1057');
bind(appleDart, 'apple,t8103-dart apple,t6000-dart');
bind(appleDart, 'apple,t8103-usb4-dart', from612);
bind({ ...appleDart, aperture: undefined }, 'apple,t8110-dart', from612);
bind(exynos, 'samsung,exynos-sysmmu');
for (const [compatible, data] of mediatekIommus) {
  const aperture = data.windows.length === 1 ? data.windows[0]!.range : undefined;
  const isNew = /mt6893|mt8189/.test(compatible);
  const kernels = isNew ? from72 : /mt8188|mt8365/.test(compatible) ? from612 : everyKernel;
  bind({ ...mediatek, mediatek: data, aperture }, compatible, kernels);
}
bind(mediatekV1, 'mediatek,mt2701-m4u');
bind(omap, 'ti,omap2-iommu ti,omap4-iommu ti,dra7-iommu ti,dra7-dsp-iommu');
bind(rockchip, 'rockchip,iommu rockchip,rk3568-iommu');
bind(sprd, 'sprd,iommu-v1');
bind(sun50i, 'allwinner,sun50i-h6-iommu');
bind(sun50i, 'allwinner,sun50i-h616-iommu', from612);
bind(ipmmu, 'renesas,ipmmu-vmsa renesas,rcar-gen4-ipmmu-vmsa renesas,ipmmu-r8a774a1 renesas,ipmmu-r8a774b1');
bind(ipmmu, 'renesas,ipmmu-r8a774c0 renesas,ipmmu-r8a774e1 renesas,ipmmu-r8a7795 renesas,ipmmu-r8a7796');
bind(ipmmu, 'renesas,ipmmu-r8a77961 renesas,ipmmu-r8a77965 renesas,ipmmu-r8a77970 renesas,ipmmu-r8a77980');
bind(ipmmu, 'renesas,ipmmu-r8a77990 renesas,ipmmu-r8a77995 renesas,ipmmu-r8a779a0');
// Clients of one group: display controllers, 2D and 3D engines, by include/dt-bindings/memory/tegra*-mc.h.
bind(tegraSmmu(1, 2, 4, 9, 10), 'nvidia,tegra30-mc');
bind(tegraSmmu(1, 2, 4, 6), 'nvidia,tegra114-mc');
bind(tegraSmmu(1, 2, 24), 'nvidia,tegra124-mc nvidia,tegra132-mc');
bind(tegraSmmu(1, 2), 'nvidia,tegra210-mc');
bind(tegraGart, 'nvidia,tegra20-mc-gart', ['6.1']);
bind(msm, 'qcom,apq8064-iommu');
bind(qcom, 'qcom,msm-iommu-v1');
bind(qcom, 'qcom,msm-iommu-v2', from612);
bind(verisilicon, 'verisilicon,iommu-1.2', from72);
bind(riscv, 'riscv,iommu riscv,pci-iommu pci1efd,edf1', from72);

const noDriver: IommuDriver = { ...plain('', [], true), known: false, kernels: [], vfio: 'unknown' };

/** All `compatible` strings that some driver binds, for the table of drivers. */
export function driversByCompatible(): ReadonlyMap<string, IommuDriver> {
  return new Map([...byCompatible, ['virtio,mmio', virtioIommu]]);
}

/**
 * The driver that Linux binds to a node with these `compatible` strings; one with `known: false` for a node that has
 * `#iommu-cells` but is none of Linux's IOMMUs. `virtio,mmio` is an IOMMU only by its `#iommu-cells`.
 */
export function iommuDriver(compatibles: readonly string[], hardware: HardwareSettings = {}): IommuDriver {
  for (const compatible of compatibles) {
    const driver = byCompatible.get(compatible);
    if (driver === smmuV3) return smmuV3With(hardware.streamIdBits);
    if (driver !== undefined) return driver;
    if (compatible === 'virtio,mmio') return virtioIommu;
  }
  return noDriver;
}
