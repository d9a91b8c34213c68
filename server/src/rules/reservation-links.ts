// Reservations that never reach the device they name: not listed, not meant for it, or not read by its IOMMU's driver.
import type { Fix } from '../text/diagnostic';
import type { DmaMaster, Reservation, ReservationNode } from '../topology/model';
import { nodeAt } from '../tree/navigate';
import { addReference } from './address-edits';
import { list } from './numbers';
import { readingKernels, readsFirmwareRegions, reservationKey, writtenEntries, type NamedEntry } from './reservations';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

const kernelFunction = 'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions';

export const iommuAddressesNotListed: Rule = {
  id: 'iommu-addresses-not-listed',
  severity: 'warning',
  summary: 'The device named in iommu-addresses does not list the region in its memory-region',
  docs: {
    effect: 'The entry does nothing: the kernel and VFIO hand the addresses out.',
    why: 'The kernel starts at the device and walks its `memory-region`. A region that no `memory-region` of the device leads to is never looked at. A `memory-region` of the PCI host bridge does nothing for the functions behind it.',
    fix: 'Add the region to the device’s `memory-region`.',
    kernels: readingKernels,
    sources: [kernelFunction],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
	};
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-cell-count', 'iommu-addresses-truncated'],
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const { node, entry } of writtenEntries(input)) {
      const { devicePath, listed } = entry;
      const device = devicePath === undefined ? undefined : nodeAt(input.tree, devicePath);
      if (devicePath === undefined || listed || device?.properties.get('memory-region')?.data.broken === true) continue;
      yield {
        about: reservationKey(node.path, devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: `This entry does nothing: ${devicePath} does not list ${node.path} in its memory-region, and Linux looks nowhere else. The addresses are handed out as if they were free. Add the region to the device's memory-region.`,
        evidence: evidenceAt([
          device?.properties.get('memory-region')?.definitions.at(-1)?.whole ?? device?.definitions[0]?.name,
          'Where the region is missing',
        ]),
        fixes: memoryRegionFix(input, node.path, devicePath),
      };
    }
  },
};

function memoryRegionFix({ tree }: RuleInput, region: string, device: string): Fix[] {
  const node = nodeAt(tree, device);
  const target = nodeAt(tree, region);
  const change = node && target && addReference(node, 'memory-region', target, region);
  return change === undefined
    ? []
    : [{ title: `Add the region to the memory-region of ${device}`, isPreferred: true, change }];
}

export const memoryRegionWithoutEntry: Rule = {
  id: 'memory-region-without-entry',
  severity: 'warning',
  summary: 'A device lists a region whose iommu-addresses have no entry for it',
  docs: {
    effect: 'Nothing of the region is reserved for the device: its IOVAs are handed out as if they were free.',
    why: 'Each entry of `iommu-addresses` counts for the one device that it names.',
    fix: 'Add an entry for the device, or take the region out of its `memory-region` if it is not meant.',
    kernels: readingKernels,
    sources: [kernelFunction],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};

&dma2 {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>, <&dma2 0x0 0x70000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};

&dma2 {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-false-phandle'],
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const group of input.prediction.groups) {
      for (const device of group.devices) {
        if (!readsFirmwareRegions(input, device) || device.standsForUndescribed) continue;
        yield* missingEntries(device.master);
      }
    }
  },
};

/** Of one device; of the more that there are, one stands for all. */
const mostFindings = 20;

function* missingEntries(master: DmaMaster): Generator<Finding> {
  const { path } = master;
  const missing = master.memoryRegions.filter(({ target }) => target !== undefined && lacksEntry(target, path));
  for (const [index, { target, source }] of missing.entries()) {
    if (target === undefined) continue;
    const rest = index === mostFindings ? missing.length - mostFindings - 1 : 0;
    if (index > mostFindings) break;
    const more = rest === 0 ? '' : ` The same holds for ${rest} more regions in its list.`;
    yield {
      about: reservationKey(target.path, path),
      range: source ?? master.source,
      node: path,
      message: `${path} lists ${target.path}, but the iommu-addresses there name only ${list([...new Set(target.entries.map(({ devicePath }) => devicePath ?? '?'))])}: nothing of the region is reserved for ${path}, and the addresses are handed out. Add an entry for it, or take the region out of its memory-region.${more}`,
      evidence: evidenceAt([target.addressesSource, 'The entries of the region']),
    };
  }
}

/** An entry that could not be resolved may be the missing one. */
function lacksEntry({ entries }: ReservationNode, path: string): boolean {
  return entries.length > 0 && !entries.some(({ devicePath }) => devicePath === undefined || devicePath === path);
}

export const iommuAddressesIgnored: Rule = {
  id: 'iommu-addresses-ignored',
  severity: 'warning',
  summary: 'iommu-addresses that Linux does not read: the IOMMU’s driver or the kernel does not ask for them',
  docs: {
    effect: 'The entry is silently ignored: the addresses are handed out as if they were free.',
    why: 'Only drivers that ask for firmware’s regions look at `iommu-addresses`: arm-smmu, arm-smmu-v3, virtio-iommu, apple-dart, and exynos from 6.17 on. Kernels before 6.3 do not look at all.',
    fix: 'Do not rely on the entry with this kernel and this IOMMU.',
    kernels:
      'Linux before 6.3 for every IOMMU, Linux before 6.17 for Exynos, all kernels for the other drivers that do not ask',
    sources: [
      'Linux drivers/iommu/*.c: get_resv_regions of struct iommu_ops',
      'Linux drivers/iommu/dma-iommu.c iommu_dma_get_resv_regions',
    ],
    example: {
      kernel: '6.1',
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `/* Linux 6.1 has no way to reserve IOVAs for a device. */
&dma {
	status = "okay";
};`,
    },
  },
  *check(input) {
    if (!input.kernel.firmwareRegions) {
      yield* ignoredByKernel(input);
      return;
    }
    const devices = new Map(
      input.prediction.groups.flatMap(({ devices }) => devices.map((device) => [device.path, device] as const)),
    );
    for (const { node, entry } of writtenEntries(input)) {
      const device = devices.get(entry.devicePath ?? '');
      if (device === undefined || readsFirmwareRegions(input, device)) continue;
      const { driver, path } = device.iommu;
      const name = driver.known ? `Linux's driver ${driver.name}` : 'whatever drives it';
      const later = driver.firmwareRegions === 'from-6.17' ? ' before Linux 6.17' : ', in no kernel up to 7.2';
      // What no driver of Linux binds is not known to ignore anything.
      if (!driver.known) continue;
      yield {
        about: reservationKey(node.path, entry.devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: `This entry does nothing: ${device.path} is behind ${path}, and ${name} does not read iommu-addresses${later}. The addresses are handed out as if they were free.`,
        evidence: evidenceAt([device.iommu.source, 'The IOMMU']),
      };
    }
  },
};

/** One finding for the board: the cause is the kernel. */
function* ignoredByKernel(input: RuleInput) {
  const entries: NamedEntry[] = [...writtenEntries(input)].filter(({ entry }) => entry.listed);
  const [first] = entries;
  if (first === undefined) return;
  const devices = [...new Set(entries.map(({ entry }) => entry.devicePath ?? '?'))];
  const direct = entries.filter(({ reservation }) => isDirect(reservation)).map(({ entry }) => entry.devicePath ?? '?');
  const later =
    direct.length === 0
      ? ''
      : ` VFIO takes ${list([...new Set(direct)])} here; from 6.6 on it does not, because the region is direct.`;
  yield {
    about: 'iommu-addresses',
    range: first.node.addressesSource ?? first.node.source,
    node: first.node.path,
    message: `Linux ${input.kernel.version} does not read iommu-addresses; kernels do from 6.3 on. Nothing is reserved for ${list(devices)}, and the addresses are handed out as if they were free.${later}`,
    evidence: evidenceAt(...entries.slice(1).map(({ node }) => [node.addressesSource, 'Ignored as well'] as const)),
  };
}

function isDirect(reservation: Reservation | undefined): boolean {
  const outcome = reservation?.outcomes['inherited-cells'];
  return outcome?.kind === 'region' && outcome.type === 'direct';
}
