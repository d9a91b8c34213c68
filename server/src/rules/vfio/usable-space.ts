// Groups and IOMMUs of which nothing is left to a user: reserved to the last byte, or off.
import type { PredictedGroup } from '../../iova/prediction';
import { hostAperture } from '../../iova/vfio/address-space';
import { excludes } from '../../iova/vfio/dma-map';
import { subtract } from '../../iova/ranges';
import { formatRange, list } from '../numbers';
import { evidenceAt, type Rule } from '../rule';
import { deviceNames, isBindable } from './devices';

export const vfioNoUsableIova: Rule = {
  id: 'vfio-no-usable-iova',
  severity: 'warning',
  summary: 'Reservations leave VFIO no IOVA that it could map anything at',
  docs: {
    effect:
      'No device of the group can be passed through: attaching it fails with EINVAL. The kernel’s own drivers find no address for their DMA either, unless the default domain is an identity one.',
    why: 'VFIO starts with the address space of the IOMMU, cuts every reserved region of the group out of it, and refuses the group when nothing is left. The MSI window is cut out as well.',
    fix: 'Make the region as large as it must be. A size of 2^64 − 1, or of the whole address space, is often a mistake in the cells.',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_resv_exclude',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_iommu_regions',
    ],
    kernels: 'all kernels; regions of `iommu-addresses` exist from Linux 6.3 on',
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x0 0x0 0x8000000>, <&dma 0x0 0x8100000 0xffffffff 0xf7efffff>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x0 0x0 0x8000000>, <&dma 0x0 0x8100000 0x0 0xf7f00000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-cell-count', 'iommu-addresses-truncated', 'iommu-addresses-false-phandle'],
  *check({ prediction }) {
    for (const group of prediction.groups) {
      // The window alone leaves enough.
      const isPlain = group.regions.every(({ type }) => type === 'software-msi');
      if (isPlain || !isBindable(group) || hasUsableRange(group)) continue;
      const [device] = group.devices;
      const regions = group.regions.filter((region) => excludes(region) && region.type !== 'software-msi');
      const parts = regions.flatMap((region) => region.parts.map(({ region: part }) => part));
      const first = parts.find(({ source }) => source !== undefined) ?? parts[0];
      if (device === undefined || first === undefined) continue;
      const node = first.reservation?.node;
      yield {
        about: device.path,
        range: first.source ?? node?.source ?? device.master.source,
        node: node?.path ?? device.path,
        message: `Nothing is left for VFIO to map for ${deviceNames(group.devices)}: ${list(regions.map(({ range }) => formatRange(range)))} ${regions.length === 1 ? 'is' : 'are'} reserved (from Linux 6.3 on), ${device.iommu.path} translates no further than ${formatRange(hostAperture(device.iommu).range)}, and attaching the group fails with EINVAL. Drivers of the host find no address for DMA either. Make the reservation smaller.`,
        evidence: evidenceAt(
          ...parts
            .filter((part) => part !== first)
            .slice(0, 8)
            .map(({ source, range }) => [source, `Reserves ${formatRange(range)}`] as const),
          [device.iommu.source, 'The IOMMU'],
        ),
      };
    }
  },
};

function hasUsableRange({ devices, regions }: PredictedGroup): boolean {
  const [device] = devices;
  if (device === undefined) return true;
  return (
    subtract(
      [hostAperture(device.iommu).range],
      regions.filter(excludes).map(({ range }) => range),
    ).length > 0
  );
}

export const vfioSmmuDisabled: Rule = {
  id: 'vfio-smmu-disabled',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'An IOMMU that could serve VFIO is not enabled',
  docs: {
    effect:
      'The devices behind it have no IOMMU group, so none of them can be passed through, and their DMA is not confined.',
    why: 'A node whose `status` is not `okay` gets no driver. Boards ship with the SMMU off where firmware does not set it up, or where nobody has tried it.',
    fix: 'Set `status = "okay"`, and `iommus` or `iommu-map` on the devices behind it, if the hardware and its firmware allow it.',
    sources: [
      'Linux drivers/of/platform.c of_platform_bus_create',
      'Linux drivers/iommu/of_iommu.c of_iommu_configure',
    ],
    example: {
      failing: `/ {
	iommu@2c000000 {
		compatible = "arm,smmu-v3";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		dma-coherent;
		status = "disabled";
	};
};`,
      corrected: `/ {
	iommu@2c000000 {
		compatible = "arm,smmu-v3";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		dma-coherent;
		status = "okay";
	};
};`,
    },
  },
  prerequisites: ['iommu-target-disabled'],
  *check({ topology }) {
    for (const { path, availability, driver, source } of topology.iommus) {
      if (availability.enabled || driver.vfio === 'never' || driver.vfio === 'unknown') continue;
      yield {
        about: path,
        range: source,
        node: path,
        message: `${path} is not enabled (${availability.reason}), so Linux has no IOMMU for the devices that it serves: they are in no group, and VFIO can take none of them. Set status = "okay" and refer to it by iommus or iommu-map, if the hardware and its firmware allow it.`,
        evidence: evidenceAt([availability.source, 'Why it is not enabled']),
      };
    }
  },
};
