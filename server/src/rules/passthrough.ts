// The default domain of the host's own devices: what `iommu.passthrough` in the boot arguments makes of reservations.
import { bootFlag } from './boot-arguments';
import { count, list } from './numbers';
import { evidenceAt, type Rule } from './rule';
import { readReservations } from './reservations';

export const passthroughParameter = 'iommu.passthrough';

export const iommuPassthrough: Rule = {
  id: 'iommu-passthrough',
  severity: 'info',
  summary: 'The boot arguments take the host’s own DMA past the IOMMU, so that reservations do not bind it',
  docs: {
    effect:
      'The host’s devices get identity domains: their DMA goes to physical memory untranslated. Nothing is allocated around `iommu-addresses`, and a direct region needs no mapping. VFIO is not affected: it has a domain of its own, keeps to the reservations and still refuses groups with a direct region.',
    why: '`iommu.passthrough=1` makes identity the type of default domains. Reservations are obeyed by the allocator of IOVAs, which such a domain does not have.',
    fix: 'Take the argument out if the reservation is there to keep the host’s own DMA away from an address.',
    kernels: 'Linux 6.3 and later, which read `iommu-addresses`',
    sources: [
      'Linux drivers/iommu/iommu.c iommu_set_def_domain_type, iommu_create_device_direct_mappings',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_iommu_regions',
    ],
    example: {
      failing: `/ {
	chosen {
		bootargs = "iommu.passthrough=1";
	};
};

&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  *check(input) {
    const flag = bootFlag(input.tree, passthroughParameter);
    if (flag?.isOn !== true) return;
    const found = [...readReservations(input)].filter(({ outcome }) => outcome.kind === 'region');
    if (found.length === 0) return;
    const nodes = [...new Set(found.map(({ reservation }) => reservation.node))];
    const devices = [...new Set(found.map(({ master }) => master.path))];
    yield {
      about: passthroughParameter,
      range: flag.source,
      node: '/chosen',
      message: `With ${passthroughParameter} the host's own DMA is not translated, and ${count(nodes.length, 'reservation')} of IOVAs (${list(nodes.map(({ path }) => path))}, for ${list(devices)}; read from Linux 6.3 on) ${nodes.length === 1 ? 'does' : 'do'} not bind it: only VFIO keeps to them. Take the argument out if they are there for the host's own drivers.`,
      evidence: evidenceAt(
        ...nodes.slice(0, 8).map(({ addressesSource }) => [addressesSource, 'Reserved for VFIO alone'] as const),
      ),
    };
  },
};
