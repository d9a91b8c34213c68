// Linux's IOMMU drivers as data: which nodes they bind, and what they do about reserved regions and VFIO.
// Read off drivers/iommu of 6.1, 6.12 and 7.2; each entry names its file.
import type { AddressRange, Iova } from './address';
import type { IommuDriver } from './model';

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
    softwareMsi: 'never',
    firmwareRegions: 'no',
    ownRegions: 'none',
    vfio: 'never',
    acceptedCells,
    refusesCells: false,
    hasStreamIds,
    grouping: 'device',
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
  refusesCells: true,
  grouping: 'stream-owner',
  streamIdBits: { bits: 16, known: false },
};

/** drivers/iommu/arm/arm-smmu/arm-smmu.c: SMR id and mask have 16 bits each. */
const smmu: IommuDriver = {
  ...plain('arm-smmu', [1, 2], true, bits(48)),
  softwareMsi: 'always',
  firmwareRegions: 'yes',
  vfio: 'coherent-walk-or-master',
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

/** drivers/iommu/apple-dart.c: PCI functions get one hardware MSI page, at a place that the kernel's configuration sets. */
const appleDart: IommuDriver = {
  ...plain('apple-dart', [1], true, bits(32)),
  firmwareRegions: 'yes',
  ownRegions: 'driver',
  grouping: 'stream-match',
};

/** drivers/iommu/exynos-iommu.c */
const exynos: IommuDriver = { ...plain('exynos-sysmmu', [0], false, bits(32)), firmwareRegions: 'from-6.17' };

/** drivers/iommu/mtk_iommu.c mtk_iommu_get_resv_regions: some SoCs reserve two windows inside a larger one. */
const mediatek: IommuDriver = { ...plain('mtk-iommu', [1], true), grouping: 'iommu' };
const mediatekWindows: IommuDriver = { ...plain('mtk-iommu', [1], true), ownRegions: 'driver' };

const rockchip: IommuDriver = { ...plain('rk_iommu', [0], false, bits(32)), grouping: 'iommu' };
const omap: IommuDriver = { ...plain('omap-iommu', [0], false, bits(32)), grouping: 'iommu' };
const sun50i: IommuDriver = { ...plain('sun50i-iommu', [1], true, bits(32)), grouping: 'iommu' };
const sprd: IommuDriver = { ...plain('sprd-iommu', [0], false, bits(28)), grouping: 'iommu' };
const ipmmu = plain('ipmmu-vmsa', [1], true, bits(32));
const tegraSmmu = plain('tegra-smmu', [1], true, bits(32));
const msm = plain('msm_iommu', [1], true, bits(32));
const verisilicon = plain('vsi-iommu', [0], false, bits(32));
const riscv = plain('riscv-iommu', [1], true);
/** drivers/iommu/arm/arm-smmu/qcom_iommu.c: claims to be coherent always, reports no region. */
const qcom: IommuDriver = { ...plain('qcom-iommu', [1], true, bits(32)), vfio: 'always' };

const byCompatible = new Map<string, IommuDriver>();
function bind(driver: IommuDriver, compatibles: string): void {
  for (const compatible of compatibles.split(' ')) byCompatible.set(compatible, driver);
}

bind(smmuV3, 'arm,smmu-v3');
bind(smmu, 'arm,smmu-v1 arm,smmu-v2 arm,mmu-400 arm,mmu-401 arm,mmu-500 cavium,smmu-v2 nvidia,smmu-500 qcom,smmu-v2');
bind(virtioIommu, 'virtio,pci-iommu pci1af4,1057');
bind(appleDart, 'apple,t8103-dart apple,t8103-usb4-dart apple,t6000-dart apple,t8110-dart');
bind(exynos, 'samsung,exynos-sysmmu');
bind(mediatek, 'mediatek,mt2712-m4u mediatek,mt6779-m4u mediatek,mt6795-m4u mediatek,mt8167-m4u mediatek,mt8173-m4u');
bind(mediatek, 'mediatek,mt8183-m4u mediatek,mt8188-iommu-infra mediatek,mt8195-iommu-infra mediatek,mt8365-m4u');
bind(
  mediatek,
  'mediatek,mt6893-iommu-mm mediatek,mt8189-iommu-apu mediatek,mt8189-iommu-infra mediatek,mt8189-iommu-mm',
);
bind(
  mediatekWindows,
  'mediatek,mt8192-m4u mediatek,mt8186-iommu-mm mediatek,mt8188-iommu-vdo mediatek,mt8188-iommu-vpp',
);
bind(mediatekWindows, 'mediatek,mt8195-iommu-vdo mediatek,mt8195-iommu-vpp');
bind(plain('mtk-iommu-v1', [1], true, bits(32)), 'mediatek,mt2701-m4u');
bind(omap, 'ti,omap2-iommu ti,omap4-iommu ti,dra7-iommu ti,dra7-dsp-iommu');
bind(rockchip, 'rockchip,iommu rockchip,rk3568-iommu');
bind(sprd, 'sprd,iommu-v1');
bind(sun50i, 'allwinner,sun50i-h6-iommu allwinner,sun50i-h616-iommu');
bind(ipmmu, 'renesas,ipmmu-vmsa renesas,rcar-gen4-ipmmu-vmsa renesas,ipmmu-r8a774a1 renesas,ipmmu-r8a774b1');
bind(ipmmu, 'renesas,ipmmu-r8a774c0 renesas,ipmmu-r8a774e1 renesas,ipmmu-r8a7795 renesas,ipmmu-r8a7796');
bind(ipmmu, 'renesas,ipmmu-r8a77961 renesas,ipmmu-r8a77965 renesas,ipmmu-r8a77970 renesas,ipmmu-r8a77980');
bind(ipmmu, 'renesas,ipmmu-r8a77990 renesas,ipmmu-r8a77995 renesas,ipmmu-r8a779a0');
bind(tegraSmmu, 'nvidia,tegra30-mc nvidia,tegra114-mc nvidia,tegra124-mc nvidia,tegra132-mc nvidia,tegra210-mc');
bind(msm, 'qcom,apq8064-iommu');
bind(qcom, 'qcom,msm-iommu-v1 qcom,msm-iommu-v2');
bind(verisilicon, 'rockchip,rk3588-av1-iommu verisilicon,iommu-1.2');
bind(riscv, 'riscv,iommu riscv,pci-iommu pci1efd,edf1');

const noDriver: IommuDriver = { ...plain('', [], true), known: false, vfio: 'unknown' };

/**
 * The driver that Linux binds to a node with these `compatible` strings; one with `known: false` for a node that has
 * `#iommu-cells` but is none of Linux's IOMMUs. `virtio,mmio` is an IOMMU only by its `#iommu-cells`.
 */
export function iommuDriver(compatibles: readonly string[]): IommuDriver {
  for (const compatible of compatibles) {
    const driver = byCompatible.get(compatible);
    if (driver !== undefined) return driver;
    if (compatible === 'virtio,mmio') return virtioIommu;
  }
  return noDriver;
}
