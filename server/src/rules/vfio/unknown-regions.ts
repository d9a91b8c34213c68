// A virtio-iommu announces its regions when the driver probes it: no source tells them.
import type { Fix } from '../../text/diagnostic';
import type { Iommu } from '../../topology/model';
import { isCompatible } from '../../tree/navigate';
import { formatRange, hex, list } from '../numbers';
import { evidenceAt, type Rule, type RuleInput } from '../rule';
import { deviceNames, devicesByIommu } from './devices';

export const virtioIommuRegionsUnknown: Rule = {
  id: 'virtio-iommu-regions-unknown',
  severity: 'hint',
  severityWithGuests: 'info',
  summary: 'What a virtio-iommu reserves stands in no source',
  docs: {
    effect:
      'Reserved regions, the MSI window and what a guest may map are unknown for the devices behind it, until `doorbell.json` gives the regions.',
    why: 'The hypervisor announces the regions when the driver probes the device (VIRTIO_IOMMU_PROBE_T_RESV_MEM). A hardware MSI region among them takes the place of the software window. QEMU’s `virt` announces the doorbell page of its ITS or of its GICv2m frame; cloud-hypervisor the whole ITS.',
    fix: 'Set `virtioIommuRegions` in `doorbell.json`; an empty list where the hypervisor announces nothing. On a running machine, `reserved_regions` in sysfs has them.',
    sources: [
      'Linux drivers/iommu/virtio-iommu.c viommu_add_resv_mem, viommu_get_resv_regions',
      'QEMU hw/arm/virt.c virt_machine_device_pre_plug_cb',
    ],
    example: {
      failing: `&pcie {
	iommu-map = <0x0 &viommu 0x0 0x8>, <0x10 &viommu 0x10 0xfff0>;

	viommu: iommu@1,0 {
		compatible = "virtio,pci-iommu";
		reg = <0x800 0x0 0x0 0x0 0x0>;
		#iommu-cells = <1>;
	};
};`,
      corrected: `&pcie {
	iommu-map = <0x0 &viommu 0x0 0x8>, <0x10 &viommu 0x10 0xfff0>;

	viommu: iommu@1,0 {
		compatible = "virtio,pci-iommu";
		reg = <0x800 0x0 0x0 0x0 0x0>;
		#iommu-cells = <1>;
	};
};`,
      correctedSettings: { virtioIommuRegions: [{ start: '0x8090000', size: '0x10000', type: 'msi' }] },
    },
  },
  *check(input) {
    if (input.kernel.virtioIommuRegions !== undefined) return;
    for (const [iommu, devices] of devicesByIommu(input.prediction)) {
      if (iommu.driver.ownRegions !== 'announced') continue;
      yield {
        about: iommu.path,
        range: iommu.source,
        node: iommu.path,
        message: `What ${iommu.path} reserves for ${deviceNames(devices)} is announced by the hypervisor and stands in no source, so their regions and their MSI window are not known. Give them in virtioIommuRegions of doorbell.json; sysfs of a running machine shows them.`,
        evidence: evidenceAt(
          ...devices.slice(0, 4).map(({ master }) => [master.source, 'A device behind it'] as const),
        ),
        fixes: announcedFix(input, iommu),
      };
    }
  },
};

/** QEMU's `virt` announces the doorbell page of the one controller that it has (hw/arm/virt.c). */
function announcedFix({ tree, topology }: RuleInput, { path }: Iommu): Fix[] {
  if (!isCompatible(tree.root, 'linux,dummy-virt')) return [];
  const pages = topology.msiControllers.flatMap(({ doorbells }) => doorbells.map(({ page }) => page));
  if (pages.length !== 1) return [];
  const regions = pages.map(({ start, end }) => ({ start: hex(start), size: hex(end - start + 1n), type: 'msi' }));
  return [
    {
      title: `Say that ${path} announces ${list(pages.map(formatRange))} for MSIs, as QEMU's virt does`,
      change: () => ({ edits: [], settings: [[['virtioIommuRegions'], regions]] }),
    },
  ];
}
