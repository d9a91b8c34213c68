// SMMUs whose driver gives up before any device is asked about.
import { evidenceAt, type Rule } from '../rule';

export const iommuNotProbed: Rule = {
  id: 'iommu-not-probed',
  severity: 'error',
  summary: 'An SMMU has no registers that Linux can use, or its own DMA reaches no memory: it does not probe',
  docs: {
    effect:
      'The driver gives up (EINVAL, ENOMEM), and the devices behind the SMMU wait for it until Linux lets them go without: their DMA is not translated, and VFIO cannot take them.',
    why: 'An SMMU needs a `reg` that translates to physical addresses through the `ranges` of all buses above it, 128 KiB for an SMMUv3. On a bus with three address cells that is not PCI, the first cell is flags in Linux’s own numbers, and without 0x200 (memory) there is no resource. Queues and tables lie in memory, which the `dma-ranges` above the SMMU must reach.',
    fix: 'Correct `reg`, give each bus above the SMMU its `#address-cells` and its `ranges`, and let `dma-ranges` cover memory, or leave them out.',
    sources: [
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_device_probe, arm_smmu_init_one_queue',
      'Linux drivers/of/address.c __of_address_to_resource, of_bus_default_flags_get_flags',
    ],
    example: {
      failing: `&smmu {
	reg = <0x0 0x2b400000 0x0 0x10000>;
};`,
      corrected: `&smmu {
	reg = <0x0 0x2b400000 0x0 0x20000>;
};`,
    },
  },
  *check({ topology, kernel }) {
    for (const { availability, problem, laterProblem, path, source } of topology.iommus) {
      if (!availability.enabled) continue;
      const now = problem?.code === 'no-registers' || problem?.code === 'no-reach' ? problem : undefined;
      const found = now ?? (problem === undefined ? laterProblem : undefined);
      if (found === undefined) continue;
      const isLaterOnly = now === undefined && kernel.busRule !== 'own-cells';
      yield {
        about: path,
        range: found.source ?? source,
        node: path,
        ...(isLaterOnly ? { severity: 'warning' as const } : {}),
        message: `${isLaterOnly ? 'From Linux 6.13 on, ' : ''}${path} does not probe: ${found.message}. No device behind it has an IOMMU then: DMA is not translated, and VFIO cannot take the devices.`,
        evidence: evidenceAt([source, 'The SMMU']),
      };
    }
  },
};
