// Guest RAM that a device cannot use although nothing is reserved there: beyond what its IOMMU translates or its buses forward.
import { unreachedRam, type Unreached } from '../../iova/plan/reach';
import { subtract } from '../../iova/ranges';
import { hostAperture } from '../../iova/vfio/address-space';
import type { DmaMaster } from '../../topology/model';
import { concerned } from '../masters';
import { formatRange, list } from '../numbers';
import { evidenceAt, type MachineRule } from '../rule';
import { deviceNames, devicesByIommu, isBindable, isCoherentForVfio } from '../vfio/devices';
import { isProper, knobsText, ramKey, ramPieces, ramText } from './ram';

export const guestRamOutsideAperture: MachineRule = {
  id: 'guest-ram-outside-aperture',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json lies beyond the addresses that an IOMMU translates',
  docs: {
    effect: 'The guest cannot have devices behind this IOMMU: mapping the RAM fails with EINVAL, and the VMM gives up.',
    why: 'VFIO offers only what the IOMMU’s page tables can hold: 48 bits for the SMMUs, unless the hardware has fewer; 32 bits for qcom_iommu.',
    fix: 'Put the guest’s RAM at lower addresses, or pass through devices behind another IOMMU.',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_aper_resize, vfio_iommu_iova_dma_valid',
      'Linux drivers/iommu/io-pgtable-arm.c arm_lpae_restrict_pgsizes',
    ],
    example: {
      failing: '',
      settings: { guests: { mine: { ram: [{ start: '0x1000000000000', size: '0x40000000' }] } } },
      corrected: '',
      correctedSettings: { guests: { mine: { ram: [{ start: '0x10000000000', size: '0x40000000' }] } } },
    },
  },
  *check(input) {
    const pieces = ramPieces(input).filter(isProper);
    if (pieces.length === 0) return;
    for (const [iommu, all] of devicesByIommu(input.prediction)) {
      const { range, known } = hostAperture(iommu);
      const devices = all.filter(isCoherentForVfio);
      if (!known || devices.length === 0) continue;
      for (const piece of pieces) {
        const [outside] = subtract([piece.ram], [range]);
        if (outside === undefined) continue;
        yield {
          about: ramKey(piece),
          range: piece.place ?? iommu.source,
          node: iommu.path,
          message: `The ${ramText(piece)} lies beyond what ${iommu.path} translates, ${formatRange(range)}: VFIO refuses to map it with EINVAL, so the guest can have none of the devices behind it (${deviceNames(devices)}). Put the RAM at lower addresses.`,
          evidence: evidenceAt([iommu.source, 'The IOMMU']),
        };
      }
    }
  },
};

export const guestRamNotReached: MachineRule = {
  id: 'guest-ram-not-reached',
  severity: 'warning',
  summary: 'RAM of a guest in doorbell.json that the buses above a device do not forward',
  docs: {
    effect:
      'VFIO maps the RAM, the guest starts and gives the device addresses in it, and the device’s DMA there never arrives, or arrives somewhere else. A bus limited to 32 bits and RAM above 4 GiB are the usual case.',
    why: '`dma-ranges` and address limits of firmware are not looked at by VFIO: what the IOMMU translates is offered. The host’s own drivers are not affected, because the kernel’s DMA keeps to the limits. The guest knows nothing of them.',
    fix: 'Keep the guest’s RAM inside what is forwarded, describe the limit to the guest (`dma-ranges` in its own tree), or complete `dma-ranges` of the host if the hardware forwards more.',
    sources: [
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_type1_attach_group (geometry alone)',
      'Linux drivers/of/device.c of_dma_configure_id (dma_range_map), drivers/iommu/dma-iommu.c iommu_dma_alloc_iova (bus_dma_limit)',
    ],
    example: {
      failing: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
      settings: {
        guests: {
          mine: {
            ram: [
              { start: '0x40000000', size: '0x40000000' },
              { start: '0x100000000', size: '0x40000000' },
            ],
          },
        },
      },
      corrected: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x2 0x0>;
};`,
    },
  },
  *check(input) {
    const pieces = ramPieces(input).filter(isProper);
    if (pieces.length === 0) return;
    const seen = new Set<string>();
    for (const { devices } of input.prediction.groups.filter(isBindable)) {
      for (const { master } of devices) {
        const key = pathKey(master);
        if (seen.has(key)) continue;
        seen.add(key);
        for (const piece of pieces) {
          const missed = unreachedRam(master, [piece.ram]);
          const [first] = missed;
          if (first === undefined) continue;
          yield {
            about: `${ramKey(piece)} ${key}`,
            range: piece.place ?? first.source,
            node: master.inbound.levels[0]?.bus ?? master.path,
            message:
              `DMA of ${concerned(master)} does not reach all of the ${ramText(piece)}: ${list([...new Set(missed.map(({ text }) => text))], 4)}. ` +
              `VFIO does not look at that and maps the RAM, so a passed-through device fails where the guest puts its buffers there. Keep the guest's RAM inside ${reachedText(master)}, or tell the guest of the limit.${knobsText([piece.guest])}`,
            evidence: evidenceAt(...missed.slice(0, 4).map((each) => [each.source, reasonText(each)] as const)),
          };
        }
      }
    }
  },
};

/** Devices that share a way to memory share what it forwards. */
function pathKey({ hostBridge, inbound, addressLimit, path }: DmaMaster): string {
  return addressLimit === undefined ? (hostBridge?.path ?? inbound.levels[0]?.bus ?? path) : path;
}

function reachedText({ inbound }: DmaMaster): string {
  const windows = (inbound.windows ?? []).filter(({ kind }) => kind !== 'io');
  return windows.length === 0
    ? 'what is forwarded'
    : list(
        windows.map(({ device }) => formatRange(device)),
        4,
      );
}

function reasonText({ kind }: Unreached): string {
  switch (kind) {
    case 'not-forwarded':
      return 'What the bus forwards';
    case 'shifted':
      return 'Moved to other addresses here';
    case 'address-limit':
      return 'The device that is limited';
  }
}
