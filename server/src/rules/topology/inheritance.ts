// Reservations that are stated where nobody who does DMA finds them: on a bridge, on a bus, on a device without an IOMMU.
import { nodeAt } from '../../tree/navigate';
import type { DmaMaster } from '../../topology/model';
import { list } from '../numbers';
import { readingKernels, reservationKey, writtenEntries } from '../reservations';
import { evidenceAt, type Rule, type RuleInput } from '../rule';

const kernelFunction = 'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions';

export const reservationNotInherited: Rule = {
  id: 'reservation-not-inherited',
  severity: 'warning',
  summary: 'A reservation for a host bridge or another bus, which the devices behind it do not inherit',
  docs: {
    effect:
      'Nothing is reserved for the devices that do the DMA: the kernel and VFIO hand the addresses out to them, and what firmware or the bridge uses there is overwritten or lost.',
    why: 'Linux reads `memory-region` of the device itself. PCI functions without a node of their own have none, and nobody looks at the bridge’s.',
    fix: 'Describe the function (`device@1,0` with its `reg`) below the bridge, and give it the `memory-region` and an entry of its own. Behind a bridge whose functions are not known beforehand there is no way in a devicetree; ACPI’s RMR nodes cover ranges of stream IDs.',
    kernels: readingKernels,
    sources: [
      kernelFunction,
      'Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml (iommu-addresses)',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&pcie 0x0 0x70000000 0x0 0x100000>;
	};
};

&pcie {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x70000000 0x0 0x100000>;
	};
};

&net {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-not-listed', 'iommu-addresses-ignored'],
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const { node, entry, master } of writtenEntries(input)) {
      if (!master?.availability.enabled) continue;
      if ((master.kind !== 'pci-host' && master.kind !== 'bus') || master.iommuMap === undefined) continue;
      const own = master.streams.length > 0 ? ' beside its own device' : '';
      const described = functionsBehind(input, master);
      yield {
        about: reservationKey(node.path, entry.devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: `This reserves nothing for the devices behind ${master.path}${own}: Linux reads memory-region of each device itself, and they do not inherit the bridge's. ${described.length === 0 ? 'No function behind it is described; add a node for the one that is meant, with a memory-region and an entry of its own' : `Name ${list(described.map(({ path }) => path))} instead, each with a memory-region of its own`}.`,
        evidence: evidenceAt(
          [
            nodeAt(input.tree, master.path)?.properties.get('memory-region')?.definitions.at(-1)?.whole,
            'The bridge lists it',
          ],
          ...described.slice(0, 8).map(({ source, path }) => [source, `${path} has no reservation by it`] as const),
        ),
      };
    }
  },
};

function functionsBehind({ topology }: RuleInput, { hostBridge }: DmaMaster): DmaMaster[] {
  if (hostBridge === undefined) return [];
  return topology.masters.filter(
    (each) => each.kind === 'pci-function' && each.hostBridge === hostBridge && !each.isBridge,
  );
}

export const reservationWithoutIommu: Rule = {
  id: 'reservation-without-iommu',
  severity: 'warning',
  summary: 'iommu-addresses for a device that is behind no IOMMU',
  docs: {
    effect: 'The entry does nothing: without an IOMMU there are no IOVAs to reserve and no mapping to keep.',
    why: 'Linux asks for reservations when a device is added to an IOMMU group. The device has no `iommus`, or no entry of its host bridge’s `iommu-map` covers it.',
    fix: 'Put the device behind its IOMMU (`iommus`, `iommu-map`), or remove the entry.',
    kernels: readingKernels,
    sources: ['Linux drivers/iommu/iommu.c iommu_get_resv_regions', kernelFunction],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
	};
};

&dma {
	/delete-property/ iommus;
	memory-region = <&hole>;
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
  prerequisites: ['iommu-addresses-not-listed', 'reservation-not-inherited'],
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const { node, entry, master } of writtenEntries(input)) {
      const { devicePath } = entry;
      if (devicePath === undefined || !entry.listed || master?.availability.enabled === false) continue;
      const isBehind =
        master !== undefined && (master.streams.length > 0 || master.iommuMap !== undefined || master.kind === 'bus');
      if (isBehind) continue;
      const device = nodeAt(input.tree, devicePath);
      yield {
        about: reservationKey(node.path, devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: `This entry does nothing: ${devicePath} is behind no IOMMU (${master?.hostBridge === undefined ? 'it has no iommus' : `${master.hostBridge.path} has no iommu-map`}), so there are no IOVAs to reserve for it. Put the device behind its IOMMU, or remove the entry.`,
        evidence: evidenceAt([device?.definitions[0]?.name, 'The device']),
      };
    }
  },
};
