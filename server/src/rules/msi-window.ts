// The kernel's software MSI window, which VFIO maps doorbells into, against everything that can be in its way.
import type { DeviceRegion, RegionType } from '../iova/prediction';
import { overlaps, subtract } from '../iova/ranges';
import type { WindowDemand } from '../iova/window-demands';
import type { Fix } from '../text/diagnostic';
import type { AddressRange, InboundLevel } from '../topology/model';
import { moveReservationFix } from './address-edits';
import {
  claimedByBus,
  concerned,
  forwarded,
  neededPart,
  onePerPath,
  translationSource,
  vfioCaveat,
  windowDemandsOf,
} from './masters';
import { formatRange, hex, list } from './numbers';
import { reservationKey } from './reservations';
import { evidenceAt, type Finding, type MachineInput, type Rule, type RuleInput } from './rule';
import { relocationFixes } from './relocation';

const onlyVfio = "The host's own drivers are not affected: their doorbells are mapped wherever there is room.";

export const msiWindowOverlap: Rule = {
  id: 'msi-window-overlap',
  severity: 'warning',
  summary: 'The MSI window overlaps a reserved region of the same group',
  docs: {
    effect:
      'When a device of the group is passed through, VFIO maps the MSI doorbells into the reserved region. Interrupts of the device are then lost, or its writes land where the region said that no other mapping may be.',
    why: 'VFIO takes the start of the software MSI window as the place for doorbell mappings and counts upwards page by page. It cuts reserved regions out of what the user may map, but does not compare them with the window. The kernel’s own DMA is not affected: it allocates addresses for doorbells around every reserved region.',
    fix: 'Move the reservation if it may lie elsewhere, or use a kernel or VMM whose window does, and say so in `doorbell.json` (`msiWindow`).',
    kernels: 'all kernels; regions of `iommu-addresses` exist from Linux 6.3 on',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group (resv_msi_base)',
      'Linux drivers/iommu/dma-iommu.c iommu_get_msi_cookie, cookie_get_msi_page',
      'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c MSI_IOVA_BASE, MSI_IOVA_LENGTH',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x7000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-cell-count', 'iommu-addresses-truncated', 'iommu-addresses-false-phandle'],
  *check(input) {
    for (const demand of windowDemandsOf(input.prediction)) {
      const inTheWay = demand.device.regions.filter(
        ({ type, range }) => type !== 'software-msi' && overlaps(range, demand.window),
      );
      if (inTheWay.length === 0) continue;
      const relocations = relocationFixes(input, demand);
      for (const region of inTheWay) yield overlapFinding(input, demand, region, relocations);
    }
  },
};

function overlapFinding(
  input: RuleInput,
  demand: WindowDemand,
  region: DeviceRegion,
  relocations: readonly Fix[],
): Finding {
  const { group, device, window } = demand;
  const { master } = device;
  const { reservation } = region;
  const node = reservation?.node;
  const what = node === undefined ? 'that the IOMMU driver reports' : `that ${node.path} reserves (from Linux 6.3 on)`;
  const isHit = overlaps(region.range, neededPart(demand));
  const outcome = isHit
    ? outcomes[region.type]
    : 'only the first pages of the window are needed now, but nothing keeps the kernel from using the rest';
  const advice =
    relocations.length === 0
      ? 'Move the reservation: no other place for the window suits this device.'
      : 'Move the reservation, or use a kernel or VMM whose window lies elsewhere.';
  const others = group.devices.length > 1 ? ` and all of its group (${group.devices.length} devices)` : '';
  return {
    about: reservationKey(node?.path, master.path),
    range: region.source ?? node?.source,
    node: node?.path ?? master.path,
    message:
      `The MSI window ${formatRange(window)} overlaps the ${region.type} region ${formatRange(region.range)} ${what} for ${master.path}. ` +
      `When VFIO passes ${master.path}${others} through, it maps MSI doorbells from ${hex(window.start)} upwards without looking at other regions: ${outcome}. ` +
      `${onlyVfio} ${advice}${vfioCaveat(device)}`,
    evidence: evidenceAt(
      windowEvidence(input),
      [node?.physicalSource, 'The physical region that belongs to it'],
      [translationSource(master), `What puts ${master.path} behind ${device.iommu.path}`],
      ...shiftEvidence(master.inbound.levels, region),
    ),
    fixes: [...moveReservationFix(input, device, region), ...relocations],
  };
}

const outcomes: Readonly<Record<RegionType, string>> = {
  reserved: 'writes to a reserved address do not come out where an IOMMU mapping says, so its interrupts are lost',
  direct:
    'doorbell and direct mapping claim the same pages, so interrupts or firmware memory of the device are lost (kernels from 6.6 on refuse the group in any case, because the region is direct)',
  'direct-relaxable': 'firmware may still use these addresses, so interrupts or its memory are lost',
  'hardware-msi': 'the hardware answers there itself, untranslated',
  'software-msi': 'it is the window itself',
};

export const msiWindowNotForwarded: Rule = {
  id: 'msi-window-not-forwarded',
  severity: 'warning',
  summary: 'The buses above a device do not forward the MSI window to its IOMMU',
  docs: {
    effect:
      'A device that is passed through is told to write its MSIs to an address that its host bridge never passes on. No interrupt of it arrives.',
    why: 'The bridge’s `dma-ranges` list what it forwards of the devices’ writes. VFIO does not look at them: the fixed window is offered and used all the same. The kernel’s own DMA is not affected, since it allocates doorbell addresses inside `dma-ranges`.',
    fix: 'If the hardware does forward the window, complete `dma-ranges`. Otherwise the device works with VFIO only on a kernel or VMM that puts the window inside what is forwarded; say so in `doorbell.json` (`msiWindow`).',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_pci_windows',
      'Linux arch/arm64/boot/dts/arm/juno-base.dtsi (the known case)',
    ],
    example: {
      failing: `&pcie {
	dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>;
};`,
      corrected: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
    },
  },
  *check(input) {
    for (const demand of onePerPath(windowDemandsOf(input.prediction))) {
      const { master } = demand.device;
      // Without MSIs nothing is ever mapped into the window.
      if (master.kind === 'platform' && master.msi.parents.length === 0 && master.msi.map === undefined) continue;
      const reached = forwarded(master);
      if (reached === undefined) continue;
      if (subtract([neededPart(demand)], reached).length === 0) continue;
      yield notForwardedFinding(input, demand, reached);
    }
  },
};

function notForwardedFinding(input: RuleInput, demand: WindowDemand, reached: readonly AddressRange[]): Finding {
  const { device, window } = demand;
  const { master } = device;
  const { levels } = master.inbound;
  const needed = neededPart(demand);
  const level =
    levels.find(
      ({ windows }) =>
        subtract(
          [needed],
          windows.map((each) => each.device),
        ).length > 0,
    ) ?? levels[0];
  const fixes = relocationFixes(input, demand);
  const forwards = reached.length === 0 ? 'nothing' : `only ${list(reached.map(formatRange), 4)}`;
  const advice =
    fixes.length === 0
      ? 'No other place for the window suits it either.'
      : 'Only a kernel or VMM that puts the window inside what is forwarded makes it work.';
  return {
    about: `${level?.bus ?? master.path} dma-ranges`,
    range: level?.source ?? master.source,
    node: level?.bus ?? master.path,
    message:
      `${capital(concerned(master))} can never use the MSI window ${formatRange(window)}: the dma-ranges of ${level?.bus ?? master.path} forward ${forwards}. ` +
      `VFIO does not look at dma-ranges and maps the doorbells at ${hex(window.start)} all the same, so no MSI write of a passed-through device reaches ${device.iommu.path} and its interrupts never arrive. ` +
      `${onlyVfio} ${advice}${vfioCaveat(device)}`,
    evidence: evidenceAt(
      ...(level?.windows ?? []).map(
        ({ device: forwardedRange, source }) => [source, `Forwards ${formatRange(forwardedRange)}`] as const,
      ),
      windowEvidence(input),
      [translationSource(master), `What puts them behind ${device.iommu.path}`],
      [master.msi.map?.source ?? master.msi.parents[0]?.source, 'Where their MSIs are meant to go'],
    ),
    fixes,
  };
}

export const msiWindowInPciWindow: Rule = {
  id: 'msi-window-in-pci-window',
  severity: 'warning',
  summary: 'The MSI window lies inside an outbound PCI window',
  docs: {
    effect:
      'A passed-through function writes its MSIs to a bus address that belongs to other PCI devices. The write is taken for peer-to-peer traffic: it never reaches the IOMMU, the interrupt is lost and a peer’s registers may be overwritten.',
    why: 'Addresses inside the host bridge’s outbound memory windows are routed between devices on the bus. VFIO does not compare the window with them. The kernel’s own DMA leaves them out (`iova_reserve_pci_windows`).',
    fix: 'Give the bridge another bus address in `ranges` if the hardware can, or use a kernel or VMM whose window lies elsewhere and say so in `doorbell.json` (`msiWindow`).',
    sources: [
      'Linux drivers/iommu/dma-iommu.c iova_reserve_pci_windows',
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group',
    ],
    example: {
      failing: `&pcie {
	ranges = <0x02000000 0x0 0x0 0x0 0x10000000 0x0 0x10000000>;
};`,
      corrected: `&pcie {
	ranges = <0x02000000 0x0 0x10000000 0x0 0x10000000 0x0 0x10000000>;
};`,
    },
  },
  *check(input) {
    for (const demand of onePerPath(windowDemandsOf(input.prediction))) {
      const { device, window } = demand;
      const { master } = device;
      for (const outbound of claimedByBus(master)) {
        if (!overlaps(outbound.bus, window)) continue;
        const bridge = master.hostBridge!;
        yield {
          about: `${bridge.path} ranges`,
          range: outbound.source ?? bridge.source,
          node: bridge.path,
          message:
            `The MSI window ${formatRange(window)} lies inside the outbound window ${formatRange(outbound.bus)} of ${bridge.path}. ` +
            `When VFIO passes a function through, its MSIs are written to bus addresses that other PCI devices answer to: they need not reach ${device.iommu.path}, the interrupt is lost and a peer may be overwritten. ` +
            `${onlyVfio} Move the PCI window to another bus address, or use a kernel or VMM whose MSI window lies elsewhere.${vfioCaveat(device)}`,
          evidence: evidenceAt(windowEvidence(input), [
            translationSource(master),
            `What puts the functions behind ${device.iommu.path}`,
          ]),
          fixes: relocationFixes(input, demand),
        };
      }
    }
  },
};

export function windowEvidence({ kernel, settings }: MachineInput) {
  if (kernel.msiWindowOrigin !== 'settings') return undefined;
  return [settings.msiWindowSource, `The MSI window is set to ${formatRange(kernel.msiWindow)} here`] as const;
}

/** Where the region does not lie where it was written, the `dma-ranges` that moved it. */
function shiftEvidence(levels: readonly InboundLevel[], { reservation, range }: DeviceRegion) {
  if (reservation === undefined || reservation.writtenStart === range.start) return [];
  return levels.map(
    ({ source, bus }) =>
      [
        source,
        `The dma-ranges of ${bus} move the region from ${hex(reservation.writtenStart)} to ${hex(range.start)}`,
      ] as const,
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
