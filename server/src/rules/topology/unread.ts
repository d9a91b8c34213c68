// References to IOMMUs and MSI controllers that stand where Linux does not read them, or that it reads only in part.
import { nodeSource } from '../../topology/builder';
import { nodeAt, nodePath } from '../../tree/navigate';
import { list } from '../numbers';
import { isEnabled, propertyKey } from '../references';
import { evidenceAt, type Rule } from '../rule';
import { surveyOf } from '../survey';
import { isCoherentForVfio } from '../vfio/devices';

/** Kinds of bus whose children bring an ID to `of_dma_configure_id`, beside PCI: by `compatible`. */
const busesWithIds = /^(fsl,qoriq-mc|xlnx,versal-net-cdx|nvidia,tegra\d+-host1x)$/;

export const idMapNotRead: Rule = {
  id: 'id-map-not-read',
  severity: 'warning',
  summary: 'iommu-map on a node that is no PCI host bridge and no other bus whose devices have IDs',
  docs: {
    effect: 'The map is never read: neither the node’s device nor its children get an IOMMU by it.',
    why: 'Only buses that give each device an ID ask the map: PCI, NXP’s fsl-mc, AMD’s CDX and Tegra’s host1x contexts. For any other device Linux reads `iommus` alone.',
    fix: 'Use `iommus` for a single device. If the node is a PCI host bridge, say so: `device_type = "pci"`, with three address cells.',
    sources: [
      'Linux drivers/iommu/of_iommu.c of_iommu_configure_device (id is NULL for platform devices)',
      'Documentation/devicetree/bindings/pci/pci-iommu.txt',
    ],
    example: {
      failing: `&dma {
	/delete-property/ iommus;
	iommu-map = <0x0 &smmu 0xfff1 0x1>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0xfff1>;
};`,
    },
  },
  *check({ topology, tree }) {
    for (const { kind, availability, iommuMap, path, source, compatible, streams } of topology.masters) {
      if (kind !== 'bus' || !availability.enabled || iommuMap === undefined) continue;
      if (compatible.length === 0 || compatible.some((name) => busesWithIds.test(name))) continue;
      const instead = streams.length > 0 ? 'the device itself has its iommus' : 'nothing here has an IOMMU';
      yield {
        about: propertyKey(path, 'iommu-map'),
        range: iommuMap.source ?? source,
        node: path,
        message: `Linux never reads this iommu-map: ${path} (${compatible[0]!}) is no PCI host bridge, and none of the other buses whose devices have IDs (fsl-mc, CDX, host1x), so ${instead}. Use iommus, or describe the node as a bus.`,
        evidence: evidenceAt([
          nodeAt(tree, path)?.properties.get('compatible')?.definitions.at(-1)?.whole,
          'What the node is',
        ]),
      };
    }
  },
};

export const iommusNotRead: Rule = {
  id: 'iommus-not-read',
  severity: 'warning',
  summary: 'iommus on a PCI function, or on a host bridge in place of iommu-map',
  docs: {
    effect:
      'On a PCI function’s node `iommus` is never read. On a host bridge it puts the bridge’s own device behind the IOMMU and nothing else: the functions behind it have none, their DMA is not translated and VFIO cannot take them.',
    why: 'For a PCI function Linux asks the host bridge’s `iommu-map` with the function’s requester ID, and nothing else.',
    fix: 'Write an `iommu-map` in the host bridge.',
    sources: [
      'Linux drivers/iommu/of_iommu.c of_iommu_configure (dev_is_pci), of_pci_iommu_init',
      'Documentation/devicetree/bindings/pci/pci-iommu.txt',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ iommu-map;
	iommus = <&smmu 0x8>;
};`,
      corrected: `&pcie {
	iommu-map = <0x8 &smmu 0x8 0x1>;
};`,
    },
  },
  *check(input) {
    const { topology, tree } = input;
    for (const { kind, availability, iommuMap, path, source } of topology.masters) {
      if ((kind !== 'pci-function' && kind !== 'pci-host') || !availability.enabled) continue;
      const property = nodeAt(tree, path)?.properties.get('iommus');
      const isHost = kind === 'pci-host';
      // The bridge's own device may have stream IDs beside those of its functions.
      if (property === undefined || (isHost && iommuMap !== undefined)) continue;
      yield {
        about: propertyKey(path, 'iommus'),
        range: property.definitions.at(-1)?.whole ?? source,
        node: path,
        message: isHost
          ? `iommus puts only the device of ${path} itself behind the IOMMU. For the PCI functions behind it Linux reads iommu-map, and there is none: their DMA is not translated, and VFIO cannot take them.`
          : `Linux never reads iommus of a PCI function: ${path} is behind an IOMMU only if the iommu-map of its host bridge covers its requester ID.`,
      };
    }
  },
};

export const iommusTwoIommus: Rule = {
  id: 'iommus-two-iommus',
  severity: 'warning',
  summary: 'iommus of one device lead to two SMMUs, and Linux takes all stream IDs for the first one’s',
  docs: {
    effect:
      'The stream IDs of the second SMMU are programmed into the first: what the device sends through the second is not translated or faults, and another device of the first may lose its IDs. Where the two have different drivers, the device gets no IOMMU at all (EINVAL).',
    why: 'A device has one `iommu_fwspec` with one IOMMU, that of the first entry; further entries only add their IDs to it.',
    fix: 'Split the device into one node for each SMMU, as its masters really are, or leave out the entries of the second.',
    sources: [
      'Linux drivers/iommu/iommu.c iommu_fwspec_init',
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_probe_device (fwspec->iommu_fwnode)',
    ],
    example: {
      failing: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,smmu-v3";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		dma-coherent;
	};
};

&dma {
	iommus = <&smmu 0xfff1>, <&smmu2 0x3>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0xfff1>;
};`,
    },
  },
  prerequisites: ['iommus-cell-count', 'iommu-target-disabled', 'unresolved-phandle', 'iommu-target-not-iommu'],
  *check({ topology }) {
    for (const { availability, streams, path, source } of topology.masters) {
      const first = streams[0]?.iommu.target;
      if (!availability.enabled || first === undefined || streams[0]!.iommu.problem !== undefined) continue;
      for (const { iommu, source: entrySource } of streams) {
        const { target } = iommu;
        if (target === undefined || target === first || iommu.problem !== undefined) continue;
        const isSameDriver = target.driver === first.driver;
        const isSmmu = first.driver.name.startsWith('arm-smmu');
        // Drivers of other IOMMUs keep a list of theirs for each device.
        if (!first.driver.known || !target.driver.known || (isSameDriver && !isSmmu)) continue;
        yield {
          about: propertyKey(path, 'iommus'),
          range: entrySource ?? source,
          node: path,
          message: isSameDriver
            ? `${path} names ${first.path} first, so Linux takes this stream ID for one of ${first.path} too: what the device sends through ${target.path} is not translated. Give each SMMU a node of its own, or leave this entry out.`
            : `${path} names ${first.path} (${first.driver.name}) first; an IOMMU of another driver (${target.path}, ${target.driver.name}) is refused with EINVAL, and the device then has no IOMMU at all. Leave one of the two out.`,
          evidence: evidenceAt([streams[0]!.source, 'The entry that counts'], [target.source, 'The second IOMMU']),
        };
        break;
      }
    }
  },
};

export const mmuMastersNotRead: Rule = {
  id: 'mmu-masters-not-read',
  severity: 'warning',
  summary: 'mmu-masters in an SMMU, a form of description that kernels do not support any more',
  docs: {
    effect:
      'The devices that the property names have no IOMMU (“deprecated "mmu-masters" DT property in use; SMMU support unavailable”). Where other SMMUs of the board are described by `iommus`, those that probe after the first one of the other kind fail (“not probing due to mismatched DT properties”), and nothing behind them has an IOMMU.',
    why: 'The form went out of use in 2016. Linux supports it only if built with ARM_SMMU_LEGACY_DT_BINDINGS, which is off by default and in distributions, and then for VFIO alone. One kernel takes one form or the other, for all SMMUs.',
    fix: 'Give the SMMU `#iommu-cells = <1>`, each device `iommus` with the stream IDs that stand in `mmu-masters`, and a host bridge `iommu-map`; remove `mmu-masters`.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_device_dt_probe, arm_smmu_register_legacy_master',
      'Linux drivers/iommu/Kconfig ARM_SMMU_LEGACY_DT_BINDINGS',
    ],
    example: {
      failing: `/ {
	iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#global-interrupts = <1>;
		mmu-masters = <&dma 0x100>;
	};
};

&dma {
	/delete-property/ iommus;
	#stream-id-cells = <1>;
};`,
      corrected: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <1>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&dma {
	iommus = <&smmu2 0x100>;
};`,
    },
  },
  *check({ tree, topology }) {
    const nodes = surveyOf(tree).legacySmmus.filter((node) => isEnabled(tree, nodePath(node)));
    if (nodes.length === 0) return;
    const other = topology.iommus.find(
      ({ driver, availability, path }) =>
        driver.name === 'arm-smmu' && availability.enabled && !nodes.some((node) => nodePath(node) === path),
    );
    const conflict =
      other === undefined
        ? ''
        : ` ${other.path} is described in the other form, and Linux takes one of the two for all: whichever of them probes second fails.`;
    for (const node of nodes) {
      const path = nodePath(node);
      const written = node.properties.get('mmu-masters')?.definitions.at(-1);
      yield {
        about: path,
        range: written?.whole ?? nodeSource(node),
        node: path,
        message: `Kernels are built without support for mmu-masters, so the devices that ${path} names here have no IOMMU: DMA is not translated, and VFIO cannot take them.${conflict} Use iommus and iommu-map.`,
        evidence: evidenceAt(other && [other.source, 'The other form']),
      };
    }
  },
};

export const sharedStreamGroup: Rule = {
  id: 'shared-stream-group',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'Devices behind an SMMUv1 or v2 share a group, because their stream IDs match the same entry',
  docs: {
    effect:
      'The devices are in one IOMMU group with one address space: VFIO can take only all of them, none may keep a host driver, and the reservations of one bind all.',
    why: 'A stream matching entry has an ID and a mask. Where one device’s entry wholly covers another’s, the SMMU cannot tell them apart, and the driver lets them share it.',
    fix: 'If the hardware sends different IDs, correct them, or narrow the masks (`stream-match-mask`, or the second cell).',
    sources: ['Linux drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_find_sme, arm_smmu_device_group'],
    example: {
      failing: `/ {
	smmu2: iommu@2c000000 {
		compatible = "arm,mmu-500";
		reg = <0x0 0x2c000000 0x0 0x20000>;
		#iommu-cells = <2>;
		#global-interrupts = <1>;
		dma-coherent;
	};
};

&dma {
	iommus = <&smmu2 0x100 0xff>;
};

&dma2 {
	iommus = <&smmu2 0x108 0x0>;
};`,
      corrected: `&dma {
	iommus = <&smmu 0x100>;
};

&dma2 {
	iommus = <&smmu 0x108>;
};`,
    },
  },
  *check({ prediction }) {
    for (const { devices } of prediction.groups) {
      const [first] = devices;
      if (devices.length < 2 || first?.iommu.driver.grouping !== 'stream-match') continue;
      // PCI has reasons of its own, and each finding one place.
      const members = devices.filter(({ master }) => master.kind === 'platform');
      const [owner, second] = members;
      if (owner === undefined || second === undefined) continue;
      yield {
        about: `${owner.path} group`,
        range: second.master.streams[0]?.source ?? second.master.source,
        node: second.path,
        message: `${list(members.map(({ path }) => path))} share one IOMMU group: behind ${owner.iommu.path} their stream IDs match the same entry. ${devices.every(isCoherentForVfio) ? 'VFIO can take only all of them together, and a' : 'A'} reservation of one binds all.`,
        evidence: evidenceAt(
          ...members
            .slice(0, 8)
            .map(
              ({ master }) => [master.streams[0]?.source ?? master.source, `The stream IDs of ${master.path}`] as const,
            ),
        ),
      };
    }
  },
};

export const itsDeviceIdMissing: Rule = {
  id: 'its-device-id-missing',
  severity: 'error',
  summary: 'A platform device’s MSIs go to an ITS that has no device ID for it',
  docs: {
    effect: 'The device gets no MSIs: allocating them fails with EINVAL, and its driver usually does not probe.',
    why: 'The device ID is the one cell of the `msi-parent` entry. With `#msi-cells` absent, 0 or above 1 there is no such cell, and the ITS’s driver refuses.',
    fix: 'Give the ITS `#msi-cells = <1>` and each `msi-parent` of a platform device its ID.',
    sources: [
      'Linux drivers/irqchip/irq-gic-v3-its-msi-parent.c of_pmsi_get_dev_id, its_pmsi_prepare',
      'Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml',
    ],
    example: {
      failing: `&its {
	#msi-cells = <0>;
};

&pcie {
	msi-map = <0x0 &its 0x0 0x10000>;
};

&dma {
	msi-parent = <&its>;
};`,
      corrected: `&dma {
	msi-parent = <&its 0x7>;
};`,
    },
  },
  prerequisites: ['msi-parent-cell-count', 'msi-target-not-controller', 'msi-target-disabled'],
  *check({ topology }) {
    for (const { kind, availability, msi, path, source } of topology.masters) {
      if (kind !== 'platform' || !availability.enabled) continue;
      for (const { controller, cells, problem, source: entrySource } of msi.parents) {
        const its = controller.target;
        if (problem !== undefined || its?.kind !== 'its' || cells.length === 1) continue;
        yield {
          about: propertyKey(path, 'msi-parent'),
          restsOn: [its.path],
          range: entrySource ?? msi.source ?? source,
          node: path,
          message: `${its.path} has ${its.cells === 0 ? 'no #msi-cells, or 0' : `#msi-cells = ${its.cells}`}, so this entry holds ${its.cells === 0 ? 'no device ID' : 'more than a device ID'}: allocating MSIs for ${path} fails with EINVAL. Give the ITS #msi-cells = <1>, and the entry the device's ID.`,
          evidence: evidenceAt([its.source, 'The ITS']),
        };
      }
    }
  },
};
