// Reservations against what an IOMMU can do: whole pages of the host's size, inside the addresses that it translates.
import { alignDown, alignUp, overlaps } from '../iova/ranges';
import { hostAperture } from '../iova/vfio/address-space';
import type { Fix } from '../text/diagnostic';
import { rewriteRange, writtenEntry } from './address-edits';
import { formatRange, hex, humanSize, withSize } from './numbers';
import { misread, readingKernels, readReservations, reservationKey, type ReadReservation } from './reservations';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

export const iommuAddressesWraps: Rule = {
  id: 'iommu-addresses-wraps',
  severity: 'warning',
  summary: 'An entry of iommu-addresses runs past the end of the address space',
  docs: {
    effect:
      'Nothing sensible is reserved: sysfs shows a region whose end lies below its start, and what the kernel’s allocator and VFIO leave out is accidental.',
    why: 'The end is computed as start + size − 1 in 64 bits, and nobody checks that it does not wrap.',
    fix: 'Correct address and size: a digit too many, or cells in the wrong order, is the usual reason.',
    kernels: readingKernels,
    sources: [
      'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions',
      'Linux drivers/iommu/iommu.c iommu_insert_resv_region',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_iommu_regions',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0xffffffff 0xfff00000 0x0 0x200000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0xfff00000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: misread,
  *check(input) {
    for (const { master, reservation, outcome } of readReservations(input)) {
      if (outcome.kind !== 'region' || reservation.accidental || outcome.range.end >= outcome.range.start) continue;
      const { start, end } = outcome.range;
      yield {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.source ?? reservation.node.source,
        node: reservation.node.path,
        message: `The region from ${withSize(start)} on that ${reservation.node.path} reserves for ${master.path} runs past 2^64, and its end wraps to ${hex(end)}: what the kernel and VFIO make of that is accidental, and what was meant is not kept free. Correct address and size.`,
      };
    }
  },
};

export const iommuAddressesMisaligned: Rule = {
  id: 'iommu-addresses-misaligned',
  severity: 'info',
  summary: 'A reserved region does not begin and end with a page of the host',
  docs: {
    effect:
      'A direct region that starts inside a page is not mapped from there to the next page (a warning): the device faults on it, and a region of less than a page is not mapped at all. One that ends inside a page opens the rest of that page to the device. Of a mere reservation the whole pages that it touches are lost to VFIO and to the kernel’s DMA (information).',
    why: 'IOMMUs map pages, of the host’s size at least. The kernel rounds both ends of a direct region *up* to a page. VFIO cuts reserved regions out byte by byte and then takes whole pages only; the kernel’s own allocator leaves out the pages that are touched. A region that fits hosts with pages of 4 KiB need not fit 16 or 64 KiB.',
    fix: 'Begin and end the region at multiples of 64 KiB, which suits all hosts, or at least of the page size of this one (`pageSize` in `doorbell.json`).',
    kernels: readingKernels,
    sources: [
      'Linux drivers/iommu/iommu.c iommu_create_device_direct_mappings (ALIGN)',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_iommu_regions',
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_resv_exclude',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000100 0x0 0x200>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x10000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: [...misread, 'iommu-addresses-shifted', 'iommu-addresses-wraps'],
  *check(input) {
    const { pageSize } = input.kernel;
    for (const read of readReservations(input)) {
      const { outcome, reservation } = read;
      if (outcome.kind !== 'region' || reservation.accidental) continue;
      const { start, end } = outcome.range;
      if (start % pageSize === 0n && (end + 1n) % pageSize === 0n) continue;
      const isMapped = outcome.type === 'direct';
      yield {
        about: reservationKey(reservation.node.path, read.master.path),
        range: reservation.source ?? reservation.node.source,
        node: reservation.node.path,
        ...(isMapped && start % pageSize !== 0n ? { severity: 'warning' as const } : {}),
        message: isMapped ? directText(input, read, outcome.range) : reservedText(input, read, outcome.range),
        evidence: evidenceAt(
          [input.settings.place?.(['pageSize']), `The host's pages have ${humanSize(pageSize)}`],
          isMapped ? [reservation.node.physicalSource, 'The memory that is to be mapped'] : undefined,
        ),
        fixes: isMapped ? [] : roundFix(input, read, outcome.range),
      };
    }
  },
};

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

function directText({ kernel }: RuleInput, { master, reservation }: ReadReservation, { start, end }: Range): string {
  const first = alignUp(start, kernel.pageSize);
  const next = alignUp(end + 1n, kernel.pageSize);
  const page = humanSize(kernel.pageSize);
  const whole = `The direct region ${formatRange({ start, end })} of ${reservation.node.path}`;
  if (first >= next)
    return `${whole} lies inside one page of the host, which has pages of ${page}: Linux rounds both ends up and maps nothing, so ${master.path} faults on it. Begin it at a multiple of ${withSize(kernel.pageSize)}.`;
  const missing =
    first > start ? ` ${formatRange({ start, end: first - 1n })} is not mapped, and ${master.path} faults there;` : '';
  const extra = next > end + 1n ? ` ${formatRange({ start: end + 1n, end: next - 1n })} is mapped besides;` : '';
  return `${whole} is no whole number of pages of the host, which have ${page}, and Linux rounds both ends up:${missing}${extra} begin and end it at multiples of ${withSize(kernel.pageSize)}.`;
}

function reservedText({ kernel }: RuleInput, { master, reservation }: ReadReservation, range: Range): string {
  const { start, end } = rounded(range, kernel.pageSize);
  return `The region ${formatRange(range)} of ${reservation.node.path} begins or ends inside a page of the host, which has pages of ${humanSize(kernel.pageSize)}: all of ${formatRange({ start, end })} is lost to ${master.path}, since VFIO and the kernel map whole pages only. Say so, or make it whole pages; multiples of 64 KiB suit hosts of any page size.`;
}

function rounded({ start, end }: Range, pageSize: bigint): Range {
  return { start: alignDown(start, pageSize), end: alignUp(end + 1n, pageSize) - 1n };
}

/** Reserves the pages that are lost in any case; not where that would meet another region. */
function roundFix({ kernel }: RuleInput, { device, master, reservation }: ReadReservation, range: Range): Fix[] {
  const entry = writtenEntry(reservation);
  const pages = rounded(range, kernel.pageSize);
  const isMoved = range.start !== reservation.writtenStart;
  if (entry === undefined || isMoved || reservation.node.physical !== undefined) return [];
  if (device.regions.some((other) => other.reservation !== reservation && overlaps(other.range, pages))) return [];
  const windows = master.inbound.windows;
  const isReached = windows?.some(({ device: { start, end } }) => start <= pages.start && pages.end <= end) ?? true;
  const change = isReached ? rewriteRange(entry, pages.start, pages.end - pages.start + 1n) : undefined;
  return change === undefined
    ? []
    : [{ title: `Reserve the whole pages, ${formatRange(pages)}`, isPreferred: true, change }];
}

export const directRegionNotMappable: Rule = {
  id: 'direct-region-not-mappable',
  severity: 'warning',
  summary: 'A direct region lies beyond the addresses that the IOMMU translates',
  docs: {
    effect:
      'The device gets no IOMMU group: its DMA is not translated, or faults, and VFIO cannot take it. From Linux 7.2 on, the IOMMU fails to register, and all devices behind it lose theirs.',
    why: 'A direct region must be mapped before its device may use the IOMMU. A page table of 48 bits (32 for some IOMMUs) has no place for it, and the failure ends the set-up.',
    fix: 'Correct the address: a digit too many, or cells in the wrong order, is the usual reason.',
    kernels: 'Linux 6.3 and later',
    sources: [
      'Linux drivers/iommu/iommu.c iommu_create_device_direct_mappings, iommu_setup_default_domain',
      'Linux drivers/iommu/io-pgtable-arm.c arm_lpae_map_pages (ERANGE)',
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware: firmware@1000000000000 {
		reg = <0x10000 0x0 0x0 0x100000>;
		iommu-addresses = <&dma 0x10000 0x0 0x0 0x100000>;
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
  *check({ prediction, kernel }) {
    const seen = new Set<string>();
    for (const { problem, master } of prediction.ungrouped) {
      if (problem?.code !== 'not-mappable') continue;
      // On 7.2 all masters of the IOMMU are lost by the same region.
      const key = `${problem.node} ${problem.source?.start ?? ''}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const reservation = master.reservations.find(({ node }) => node.path === problem.node);
      const whom =
        kernel.groupsFormAt === 'add'
          ? `On Linux ${kernel.version} no device behind its IOMMU gets a group`
          : `${master.path} gets no IOMMU group (Linux 6.3 and later; from 7.2 on no device behind its IOMMU does)`;
      yield {
        about: reservationKey(problem.node, master.path),
        range: problem.source ?? reservation?.node.source,
        node: problem.node,
        message: `${capital(problem.message)}. ${whom}: DMA is not translated or faults, and VFIO can take nothing. Correct the address.`,
        evidence: evidenceAt(
          [reservation?.node.physicalSource, 'The memory that is to be mapped'],
          [master.source, 'The device'],
        ),
      };
    }
  },
};

export const iommuAddressesBeyondAperture: Rule = {
  id: 'iommu-addresses-beyond-aperture',
  severity: 'info',
  summary: 'A reserved region lies beyond the addresses that the IOMMU translates, and reserves nothing',
  docs: {
    effect: 'The entry does nothing: nobody could map anything there. What was meant to be kept free is not.',
    why: 'The kernel’s allocator and VFIO hand out only what the IOMMU’s page tables can hold: 48 bits for SMMUs, unless the hardware has fewer, 32 bits for many others.',
    fix: 'Correct the address: a digit too many, or cells in the wrong order, is the usual reason.',
    kernels: readingKernels,
    sources: [
      'Linux drivers/iommu/dma-iommu.c iommu_dma_alloc_iova (aperture_end)',
      'Linux drivers/vfio/vfio_iommu_type1.c vfio_iommu_aper_resize',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x70000000 0x0 0x0 0x100000>;
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
  prerequisites: [...misread, 'iommu-addresses-shifted', 'iommu-addresses-wraps'],
  *check(input) {
    for (const { device, master, reservation, outcome } of readReservations(input)) {
      const { range: aperture, known } = hostAperture(device.iommu);
      if (!known || outcome.kind !== 'region' || outcome.range.start <= aperture.end) continue;
      const finding: Finding = {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.addressSource ?? reservation.source ?? reservation.node.source,
        node: reservation.node.path,
        message: `${formatRange(outcome.range)} lies beyond what ${device.iommu.path} translates, ${formatRange(aperture)}: reserving it for ${master.path} does nothing, and what was meant is not kept free. Correct the address; a digit too many or cells in the wrong order is the usual reason.`,
        evidence: evidenceAt([device.iommu.source, 'The IOMMU']),
      };
      yield finding;
    }
  },
};

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
