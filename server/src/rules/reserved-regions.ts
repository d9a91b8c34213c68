// What becomes of reservations that the kernel does read: crashes, refusals and surprises at run time.
import { overlaps } from '../iova/ranges';
import type { Fix } from '../text/diagnostic';
import type { AddressRange, DmaMaster } from '../topology/model';
import { rewriteEntry, writtenEntry } from './address-edits';
import { doorbells } from './masters';
import { formatRange, hex, list, withSize } from './numbers';
import { misread, readingKernels, readReservations, reservationKey, type ReadReservation } from './reservations';
import { evidenceAt, type Finding, type Rule } from './rule';

const kernelFunction = 'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions';

export const iommuAddressesOutsideDmaRanges: Rule = {
  id: 'iommu-addresses-outside-dma-ranges',
  severity: 'error',
  summary: 'The dma-ranges above the device do not cover an address in iommu-addresses: the kernel oopses',
  docs: {
    effect:
      'The kernel dereferences NULL while it holds the lock of the IOMMU group. The device never probes, and whoever reads `reserved_regions` of that group hangs, often the boot itself.',
    why: 'The address is translated through the parents’ `dma-ranges`. Where no entry covers it, `of_translate_dma_region` returns NULL, and the caller takes that for its read position. For a PCI function this also happens when the flags cell names another address space than the entry of `dma-ranges` (0 instead of 0x02000000). Not fixed in 7.2.',
    fix: 'Correct the address or its flags cell, or complete `dma-ranges`. What the bus never forwards needs no reservation.',
    kernels: readingKernels,
    sources: [kernelFunction, 'Linux drivers/of/address.c of_translate_dma_region, of_bus_pci_map'],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x20000000 0x0 0x100000>;
	};
};

&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x0 0x20000000>;
};

&net {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x1ff00000 0x0 0x100000>;
	};
};

&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x0 0x20000000>;
};

&net {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const read of readReservations(input)) {
      const { master, reservation, outcome } = read;
      const later = reservation.outcomes['own-cells'];
      const isLaterOnly = outcome.kind !== 'oops' && later.kind === 'oops';
      if (reservation.accidental || (outcome.kind !== 'oops' && !isLaterOnly)) continue;
      const { problem } = outcome.kind === 'oops' ? outcome : (later as Extract<typeof later, { kind: 'oops' }>);
      yield {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.source ?? problem.source,
        node: reservation.node.path,
        ...(isLaterOnly ? { severity: 'warning' as const } : {}),
        message:
          `${isLaterOnly ? 'From Linux 6.13 on, the' : 'The'} address ${withSize(reservation.writtenStart)} reserved for ${master.path} has no translation through the dma-ranges above it (${reasonOf(problem.message)}): ` +
          `Linux then dereferences NULL while it holds the lock of the IOMMU group, ${master.path} never probes and the boot hangs where sysfs is read${isLaterOnly ? '' : ' (6.3 to 7.2 at least)'}. ` +
          `Correct the address, or complete dma-ranges.`,
        evidence: evidenceAt(...levelEvidence(master)),
        fixes: flagsFix(read),
      };
    }
  },
};

/** The problem's message goes on about the oops. */
function reasonOf(message: string): string {
  return message.replace(/^the address does not translate: /, '').replace(/; Linux then .*$/, '');
}

/** The flags cell of PCI, where that is all that is wrong. */
function flagsFix({ master, reservation }: ReadReservation): Fix[] {
  const entry = writtenEntry(reservation);
  if (entry?.addressCells !== 3 || entry.cells.length !== entry.addressCells + entry.sizeCells) return [];
  const end = reservation.writtenStart + reservation.size - 1n;
  const window = master.inbound.windows?.find(
    ({ device, kind }) =>
      (kind === 'memory32' || kind === 'memory64') && device.start <= reservation.writtenStart && end <= device.end,
  );
  const flags = entry.cells[0]!;
  if (window === undefined || ((flags >>> 24) & 3) >= 2) return [];
  const cells = [0x02000000, ...entry.cells.slice(1)].map((cell, index) => (index === 0 ? '0x02000000' : hex(cell)));
  const change = rewriteEntry(entry, cells.join(' '));
  return change === undefined
    ? []
    : [{ title: 'Say that the address is in memory space (0x02000000)', isPreferred: true, change }];
}

function levelEvidence({ inbound }: DmaMaster) {
  return inbound.levels.map(
    ({ source, windows, bus }) =>
      [
        source,
        `${bus} forwards ${windows.length === 0 ? 'nothing' : list(windows.map(({ device }) => formatRange(device)))}`,
      ] as const,
  );
}

export const directRegion: Rule = {
  id: 'direct-region',
  severity: 'warning',
  summary: 'A direct region keeps the whole group from VFIO',
  docs: {
    effect:
      'From Linux 6.6 on, no device of the group can be passed through: attaching it fails with EINVAL (“Firmware has requested this device have a 1:1 IOMMU mapping…”). The host’s own use is not affected. Behind a virtio-iommu, 6.12 oopses at boot (an error then); 7.2 does not.',
    why: '`iommu-addresses` equal to `reg` asks for a 1:1 mapping that must exist at all times, as firmware or hardware keeps using the memory. VFIO would have to remove it (`require_direct`).',
    fix: 'If nothing uses the memory after boot, remove the entry. If only the address must stay free, leave out `reg`: a region without it is `reserved`, which VFIO respects. Otherwise the device stays with the host.',
    kernels:
      'Linux 6.6 and later; earlier kernels attach the group and only keep the region out of what the user may map',
    sources: [
      'Linux drivers/iommu/iommu.c __iommu_device_set_domain, iommu_create_device_direct_mappings',
      kernelFunction,
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware: firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
      corrected: `&{/reserved-memory} {
	firmware: firmware {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
    },
  },
  prerequisites: misread,
  holdsFor: ({ refusesDirect }) => refusesDirect,
  *check(input) {
    for (const { device, master, reservation, outcome } of readReservations(input)) {
      if (outcome.kind !== 'region' || outcome.type !== 'direct') continue;
      const { vfio } = device.iommu.driver;
      if (vfio === 'never' || vfio === 'unknown') continue;
      const group = input.prediction.groups.find(({ devices }) => devices.includes(device));
      const others = (group?.devices ?? []).filter((each) => each !== device).map(({ path }) => path);
      const oopses = input.kernel.virtioDirectOops && device.iommu.driver.name === 'virtio-iommu';
      const whole = others.length === 0 ? '' : `, nor ${list(others)} in the same group`;
      yield {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.source ?? reservation.node.source,
        node: reservation.node.path,
        ...(oopses ? { severity: 'error' as const } : {}),
        message: `${formatRange(outcome.range)} is a direct region: ${reservation.node.path} maps it 1:1 for ${master.path}. From Linux 6.6 on, VFIO cannot take ${master.path}${whole}: attaching fails with EINVAL, because the 1:1 mapping would have to go. The host's own drivers are not affected. If only the address must stay free, leave out reg; if firmware needs the memory, the device stays with the host.${oopses ? ` Behind a virtio-iommu, Linux ${input.kernel.version} even oopses at boot on a direct region.` : ''}`,
        evidence: evidenceAt([reservation.node.physicalSource, 'reg is the same range, which makes the region direct']),
      };
    }
  },
};

export const iommuAddressesNotDirect: Rule = {
  id: 'iommu-addresses-not-direct',
  severity: 'warning',
  summary: 'A region that is not mapped 1:1 is treated as a mere reservation',
  docs: {
    effect:
      'The kernel warns “treating non-direct mapping […] as reservation” and maps nothing: the device cannot reach the memory at this address.',
    why: 'Only a region whose `iommu-addresses` equal the first entry of `reg`, after translation by `dma-ranges`, in start and in length, is mapped. Linux has no other static mappings.',
    fix: 'Make both the same if the memory is to be mapped; leave out `reg` if the address is only to stay free.',
    kernels: readingKernels,
    sources: ['Linux drivers/iommu/of_iommu.c iommu_resv_region_get_type'],
    example: {
      failing: `&{/reserved-memory} {
	firmware: firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
      corrected: `&{/reserved-memory} {
	firmware: firmware {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const { master, reservation, outcome } of readReservations(input)) {
      if (outcome.kind !== 'region' || !outcome.notDirect || reservation.accidental) continue;
      const { node } = reservation;
      yield {
        about: reservationKey(node.path, master.path),
        range: reservation.source ?? node.source,
        node: node.path,
        message: `${node.path} gives ${master.path} the addresses ${formatRange(outcome.range)} for memory at ${physicalText(node.physical)}. Linux maps only what is the same on both sides: it says “treating non-direct mapping as reservation”, and ${master.path} cannot reach the memory there. Make both the same, or leave out reg if the address is only to stay free.`,
        evidence: evidenceAt([node.physicalSource, 'The memory that belongs to it']),
      };
    }
  },
};

function physicalText(physical: AddressRange | undefined): string {
  return physical === undefined ? 'no address' : formatRange(physical);
}

export const iommuAddressesShifted: Rule = {
  id: 'iommu-addresses-shifted',
  severity: 'warning',
  summary: 'dma-ranges move a reservation to another address than the one written',
  docs: {
    effect: 'The kernel and VFIO keep another range free than the one that was written; the written one is handed out.',
    why: 'The address is translated by the parents’ `dma-ranges`, and the result is what is reserved, not only what is compared with `reg`.',
    fix: 'Write the address that `dma-ranges` turn into the IOVA that must stay free.',
    kernels: readingKernels,
    sources: [kernelFunction, 'Linux drivers/of/address.c of_translate_dma_region'],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x10000000 0x0 0x100000>;
	};
};

&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x40000000 0x0 0x40000000>;
};

&net {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x10000000 0x0 0x100000>;
	};
};

&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x0 0x40000000>;
};

&net {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const { master, reservation, outcome } of readReservations(input)) {
      if (outcome.kind !== 'region' || reservation.accidental || outcome.range.start === reservation.writtenStart)
        continue;
      const written = { start: reservation.writtenStart, end: reservation.writtenStart + reservation.size - 1n };
      yield {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.addressSource ?? reservation.source,
        node: reservation.node.path,
        message: `Written is ${formatRange(written)}, but the dma-ranges above ${master.path} turn it into ${formatRange(outcome.range)}, and that is what Linux reserves: VFIO refuses the latter and hands out what was written. Write the address that dma-ranges turn into the one that must stay free.`,
        evidence: evidenceAt(...levelEvidence(master)),
      };
    }
  },
};

export const reservedRegionUntranslatable: Rule = {
  id: 'reserved-region-untranslatable',
  severity: 'warning',
  summary: 'The reg of a reserved region has no physical address, so nothing of it is reserved',
  docs: {
    effect:
      'The kernel says “failed to parse memory region” and skips the node: none of its `iommu-addresses` are reserved.',
    why: '`reg` is translated through the `ranges` of its parents. Without `ranges`, addresses below a node have no meaning outside it.',
    fix: 'Give `/reserved-memory` an empty `ranges`, and the cell counts of the root.',
    kernels: readingKernels,
    sources: [kernelFunction, 'Linux drivers/of/address.c of_address_to_resource'],
    example: {
      failing: `/ {
	carveout {
		#address-cells = <2>;
		#size-cells = <2>;

		firmware: firmware@90000000 {
			reg = <0x0 0x90000000 0x0 0x100000>;
			iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
		};
	};
};

&dma {
	memory-region = <&firmware>;
};`,
      corrected: `&{/reserved-memory} {
	firmware: firmware {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const { master, reservation } of readReservations(input)) {
      const { node } = reservation;
      const { physicalProblem } = node;
      if (physicalProblem === undefined) continue;
      yield {
        about: `${node.path} reg`,
        range: node.physicalSource ?? physicalProblem.source ?? node.source,
        node: node.path,
        message: `${capital(physicalProblem.message)}: Linux says “failed to parse memory region” and reserves nothing of ${node.path}, neither for ${master.path} nor for any other device.`,
        evidence: evidenceAt([node.addressesSource, 'What is not reserved']),
      };
    }
  },
};

export const directRegionOverDoorbell: Rule = {
  id: 'direct-region-over-doorbell',
  severity: 'warning',
  summary: 'A direct region covers an MSI doorbell',
  docs: {
    effect:
      'The device can write to the doorbell’s page untranslated: it can raise interrupts of its own choice, and the doorbell’s mapping and the direct one claim the same page.',
    why: 'A direct region maps every page of it 1:1, a doorbell page among them.',
    fix: 'Leave the doorbell page out of the region.',
    kernels: readingKernels,
    sources: [
      'Linux drivers/iommu/iommu.c iommu_create_device_direct_mappings',
      'Linux drivers/iommu/dma-iommu.c iommu_dma_prepare_msi',
    ],
    example: {
      failing: `&{/reserved-memory} {
	frames: frames@2f000000 {
		reg = <0x0 0x2f000000 0x0 0x100000>;
		iommu-addresses = <&net 0x02000000 0x0 0x2f000000 0x0 0x100000>;
	};
};

&net {
	memory-region = <&frames>;
};`,
      corrected: `&{/reserved-memory} {
	frames: frames@2e000000 {
		reg = <0x0 0x2e000000 0x0 0x100000>;
		iommu-addresses = <&net 0x02000000 0x0 0x2e000000 0x0 0x100000>;
	};
};

&net {
	memory-region = <&frames>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const { master, reservation, outcome } of readReservations(input)) {
      if (outcome.kind !== 'region' || outcome.type !== 'direct') continue;
      for (const { page, source } of doorbells(master, input.kernel)) {
        if (!overlaps(page, outcome.range)) continue;
        const finding: Finding = {
          about: reservationKey(reservation.node.path, master.path),
          range: reservation.source ?? reservation.node.source,
          node: reservation.node.path,
          message: `The direct region ${formatRange(outcome.range)} of ${master.path} covers the MSI doorbell page ${formatRange(page)}: the device can then write to the doorbell untranslated and raise any interrupt. Leave the doorbell page out of the region.`,
          evidence: evidenceAt([source, 'The doorbell']),
        };
        yield finding;
      }
    }
  },
};

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
