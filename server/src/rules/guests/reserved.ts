// Guest RAM where the host's IOMMU groups reserve addresses: VFIO takes no map that touches one.
import type { DeviceRegion, PredictedDevice } from '../../iova/prediction';
import { overlaps } from '../../iova/ranges';
import { excludes } from '../../iova/vfio/dma-map';
import { moveReservationFix } from '../address-edits';
import { windowDemandsOf } from '../masters';
import { windowEvidence } from '../msi-window';
import { formatRange, hex, list } from '../numbers';
import { relocationFixes } from '../relocation';
import { misread, reservationKey } from '../reservations';
import { evidenceAt, type Finding, type MachineRule, type MachineInput } from '../rule';
import { deviceNames, isBindable } from '../vfio/devices';
import { isProper, knobsText, ramKey, ramPieces, ramText, type RamPiece } from './ram';

const mapFunctions =
  'Linux drivers/vfio/vfio_iommu_type1.c vfio_dma_do_map, vfio_iommu_iova_dma_valid, vfio_iommu_resv_conflict';

export const guestRamOverReservation: MachineRule = {
  id: 'guest-ram-over-reservation',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json lies where a device has a reserved region',
  docs: {
    effect:
      'The guest cannot have the device: mapping the RAM fails with EINVAL, all of it, even if one page is in the way, and the VMM gives up. Adding the device while the guest runs fails with EINVAL as well.',
    why: 'With passthrough and no IOMMU of its own, the guest’s physical addresses are the device’s IOVAs. VFIO cuts the reserved regions of the device’s group out of what may be mapped, and a map must lie in one piece of the rest.',
    fix: 'Move the reservation if it may lie elsewhere; let the guest’s RAM end before it or start behind it, or leave it out; or give the guest an IOMMU (virtio-iommu, SMMU), behind which its addresses are no longer the IOVAs.',
    kernels: 'all kernels; regions of `iommu-addresses` exist from Linux 6.3 on',
    sources: [mapFunctions, 'Linux drivers/iommu/iommu.c iommu_get_group_resv_regions'],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      settings: { guests: { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } } },
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
  prerequisites: [...misread, 'direct-region'],
  *check(input) {
    const pieces = ramPieces(input).filter(isProper);
    if (pieces.length === 0) return;
    for (const { device, region } of firmRegions(input)) {
      const hit = pieces.filter(({ ram }) => overlaps(ram, region.range));
      const guests = new Set(hit.map(({ guest }) => guest));
      for (const guest of guests) {
        yield rejectedMap(
          input,
          device,
          region,
          hit.filter((piece) => piece.guest === guest),
        );
      }
    }
  },
};

/** Regions that keep users out, other than the window, of devices that could be passed through; each place once. */
function* firmRegions({
  prediction,
}: MachineInput): Generator<{ readonly device: PredictedDevice; readonly region: DeviceRegion }> {
  const seen = new Set<string>();
  for (const group of prediction.groups.filter(isBindable)) {
    for (const device of group.devices) {
      for (const region of device.regions) {
        if (region.type === 'software-msi' || !excludes(region)) continue;
        const { source, range } = region;
        const key = `${source?.file.path ?? device.iommu.path} ${source?.start ?? ''} ${range.start} ${range.end}`;
        if (seen.has(key)) continue;
        seen.add(key);
        yield { device, region };
      }
    }
  }
}

function rejectedMap(
  input: MachineInput,
  device: PredictedDevice,
  region: DeviceRegion,
  hit: readonly RamPiece[],
): Finding {
  const { path } = device;
  const node = region.reservation?.node;
  const since = region.reservation?.origin === 'rmr' ? '' : ' (from Linux 6.3 on)';
  const from = node === undefined ? '' : ` of ${node.path}${since}`;
  const isDirect =
    region.type === 'direct' ? ' (From 6.6 on the device is refused in any case, because the region is direct.)' : '';
  const [first] = hit;
  return {
    about: reservationKey(node?.path, path),
    range: region.source ?? first?.place ?? device.iommu.source,
    node: node?.path ?? path,
    message:
      `The ${region.type} region ${formatRange(region.range)}${from} of ${path} lies in ${list(hit.map(ramText))}: VFIO refuses to map this RAM, all of it, with EINVAL, so the guest cannot have ${path}; added to the running guest, ${path} is refused with EINVAL. ` +
      `Move the reservation, keep the guest's RAM clear of it, or give the guest an IOMMU.${knobsText(hit.map(({ guest }) => guest))}${isDirect}`,
    evidence: evidenceAt(...hit.map((piece) => [piece.place, `The ${ramText(piece)}`] as const)),
    fixes: moveReservationFix(input, device, region),
  };
}

export const guestRamOverMsiWindow: MachineRule = {
  id: 'guest-ram-over-msi-window',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json covers the MSI window',
  docs: {
    effect:
      'The guest cannot have any device that has the window: mapping the RAM fails with EINVAL, all of it, and the VMM gives up.',
    why: 'The window is a reserved region of every device behind an SMMU or virtio-iommu: VFIO needs it for the doorbells, and cuts it out of what may be mapped. Linux has it at 128 MiB, so that RAM from 0 upwards always meets it; VMMs start RAM at 1 GiB or above for this reason.',
    fix: 'Start the guest’s RAM above the window (1 GiB is usual), leave the window out of it, or use a kernel or VMM whose window lies elsewhere.',
    sources: [mapFunctions, 'Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_get_resv_regions'],
    example: {
      failing: '',
      settings: { guests: { mine: { ram: [{ start: '0x0', size: '0x80000000' }] } } },
      corrected: '',
      correctedSettings: { guests: { mine: { ram: [{ start: '0x40000000', size: '0x80000000' }] } } },
    },
  },
  *check(input) {
    const { msiWindow } = input.kernel;
    const hit = ramPieces(input).filter((piece) => isProper(piece) && overlaps(piece.ram, msiWindow));
    if (hit.length === 0) return;
    const demands = windowDemandsOf(input.prediction).filter(({ group }) => isBindable(group));
    const [first] = demands;
    if (first === undefined) return;
    const fixes = relocationFixes(input, first);
    for (const piece of hit) {
      yield {
        about: ramKey(piece),
        range: piece.place ?? first.device.iommu.source,
        node: undefined,
        message:
          `The ${ramText(piece)} covers the MSI window ${formatRange(msiWindow)} of ${deviceNames(demands.map(({ device }) => device))}: VFIO refuses to map this RAM, all of it, with EINVAL, so the guest can have none of them. ` +
          `Start its RAM behind the window, at ${hex(1n << 30n)} (1 GiB) as most VMMs do, or leave the window out of it.${knobsText([piece.guest])}`,
        evidence: evidenceAt(windowEvidence(input), [
          first.device.iommu.source,
          'The IOMMU whose driver sets the window aside',
        ]),
        fixes,
      };
    }
  },
};
