// `iommu-addresses` as written: cells that the kernel reads otherwise than they were meant.
import type { Fix } from '../text/diagnostic';
import type { WrittenReservation } from '../topology/model';
import { reinterpret, rewriteEntry } from './address-edits';
import { count, formatRange, hex, withSize } from './numbers';
import { readingKernels, readReservations, reservationKey, writtenEntries, type NamedEntry } from './reservations';
import { evidenceAt, type Finding, type Rule, type RuleInput } from './rule';

const binding = 'Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml (iommu-addresses)';
const kernelFunction = 'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions';

export const iommuAddressesCellCount: Rule = {
  id: 'iommu-addresses-cell-count',
  severity: 'error',
  summary: 'An entry of iommu-addresses does not have the cells that the bus of its device asks for',
  docs: {
    effect:
      'The kernel reserves some other address than the one that was meant, reads past the end of the property, or oopses at boot. What was to be protected is not.',
    why: 'Address and size are read with `#address-cells` and `#size-cells` of the *device’s parent bus*, not with those of `/reserved-memory`. A PCI function’s parent is the host bridge: three cells for the address, of which the first holds the PCI space flags, and two for the size.',
    fix: 'Write as many cells as the device’s bus has; for a PCI function `<&device 0x02000000 HIGH LOW SIZE-HIGH SIZE-LOW>`.',
    kernels: readingKernels,
    sources: [kernelFunction, 'Linux drivers/of/address.c of_translate_dma_region', binding],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x0 0x90000000 0x0 0x100000>;
	};
};

&net {
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&net 0x02000000 0x0 0x90000000 0x0 0x100000>;
	};
};

&net {
	memory-region = <&hole>;
};`,
    },
  },
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const named of writtenEntries(input)) {
      const { node, entry } = named;
      if (entry.problem?.code !== 'bad-length') continue;
      const meant = meaningOf(named);
      if (meant === undefined && isCutOff(named)) continue;
      yield {
        about: reservationKey(node.path, entry.devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: cellCountMessage(input, named),
        evidence: cellEvidence(input, entry),
        fixes: rewriteFix(entry, meant),
      };
    }
  },
};

function cellCountMessage(input: RuleInput, named: NamedEntry): string {
  const { entry } = named;
  const device = entry.devicePath ?? 'the device';
  return (
    `This entry of iommu-addresses gives ${device} ${count(entry.cells.length, 'cell')}, but the bus that ${device} is on has ${entry.addressCells} for an address and ${entry.sizeCells} for a size. ` +
    `Linux reads the entry by that bus and not by /reserved-memory: it ${whatLinuxReads(input, named)}. Write ${form(entry)}.`
  );
}

function whatLinuxReads({ kernel }: RuleInput, { entry, reservation }: NamedEntry): string {
  const outcome = reservation?.outcomes[kernel.busRule];
  switch (outcome?.kind) {
    case 'region':
      return `reserves ${formatRange(outcome.range)} instead of what was meant`;
    case 'oops':
      return 'takes an address that no dma-ranges cover, dereferences NULL and hangs the boot';
    case 'unknown':
      return 'reads on past the end of the property, and what is reserved is accidental';
    case 'ignored':
      return `reserves nothing (${outcome.problem.message})`;
    case undefined:
      return entry.listed
        ? 'takes the wrong cells for the address and the size'
        : 'would take the wrong cells for the address and the size';
  }
}

/** `<&device 0x02000000 HIGH LOW SIZE-HIGH SIZE-LOW>` */
function form({ addressCells, sizeCells }: WrittenReservation): string {
  const address = addressCells === 3 ? 'FLAGS HIGH LOW' : addressCells === 2 ? 'HIGH LOW' : 'ADDRESS';
  const size = sizeCells === 2 ? 'SIZE-HIGH SIZE-LOW' : 'SIZE';
  const flags = addressCells === 3 ? ', where FLAGS is 0x02000000 for memory' : '';
  return `<&device ${address} ${size}>${flags}`;
}

function cellEvidence({ topology, tree }: RuleInput, { devicePath }: WrittenReservation) {
  const master = topology.masters.find(({ path }) => path === devicePath);
  const busPath = devicePath?.slice(0, devicePath.lastIndexOf('/')) ?? '';
  const bus = busPath === '' ? tree.root : undefined;
  const parent =
    bus ??
    [...busPath.split('/').slice(1)].reduce<typeof tree.root | undefined>(
      (at, name) => at?.children.get(name),
      tree.root,
    );
  return evidenceAt(
    [
      parent?.properties.get('#address-cells')?.definitions.at(-1)?.whole,
      'The cells of an address on the bus of the device',
    ],
    [parent?.properties.get('#size-cells')?.definitions.at(-1)?.whole, 'The cells of a size there'],
    [master?.source, 'The device'],
  );
}

function meaningOf({ entry, master }: NamedEntry) {
  return reinterpret(
    entry,
    master?.inbound.windows?.map(({ device }) => device),
  );
}

function rewriteFix(entry: WrittenReservation, meant: ReturnType<typeof meaningOf>): Fix[] {
  const change = meant && rewriteEntry(entry, meant.cells);
  if (meant === undefined || change === undefined) return [];
  const range = formatRange({ start: meant.address, end: meant.address + meant.size - 1n });
  return [
    {
      title: `Write ${range} with ${entry.addressCells} address and ${entry.sizeCells} size cells`,
      isPreferred: true,
      change,
    },
  ];
}

/** The last entry of its property, and short of cells. */
function isCutOff({ node, entry }: NamedEntry): boolean {
  return node.entries.at(-1) === entry && entry.cells.length < entry.addressCells + entry.sizeCells;
}

export const iommuAddressesTruncated: Rule = {
  id: 'iommu-addresses-truncated',
  severity: 'error',
  summary: 'iommu-addresses ends inside an entry',
  docs: {
    effect:
      'The kernel reads on past the end of the property. What it reserves depends on what happens to lie there in memory.',
    why: 'Where a cell is the device’s phandle, the kernel takes the address and size cells behind it without looking at the length of the property.',
    fix: 'Complete the entry.',
    kernels: readingKernels,
    sources: [kernelFunction, binding],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x7000000 0x0>;
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
  prerequisites: ['iommu-addresses-cell-count', 'iommu-addresses-false-phandle'],
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const named of writtenEntries(input)) {
      const { node, entry } = named;
      if (entry.problem?.code !== 'bad-length' || !isCutOff(named)) continue;
      yield truncated(
        node.path,
        entry.devicePath,
        entry.source ?? node.addressesSource,
        `it has ${count(entry.cells.length, 'cell')} of ${entry.addressCells + entry.sizeCells}. Write ${form(entry)}`,
      );
    }
  },
};

function truncated(node: string, device: string | undefined, range: Finding['range'], detail: string): Finding {
  return {
    about: reservationKey(node, device),
    range,
    node,
    message: `iommu-addresses ends inside the entry for ${device ?? 'a device'}: Linux reads on past the end of the property, and what it reserves is accidental; ${detail}.`,
  };
}

export const iommuAddressesFalsePhandle: Rule = {
  id: 'iommu-addresses-false-phandle',
  severity: 'warning',
  summary: 'A cell of another device’s entry is taken for a reference to this device',
  docs: {
    effect:
      'The device gets a reservation that nobody wrote: a piece of another device’s entry, read as an address and a size.',
    why: 'The kernel walks `iommu-addresses` cell by cell. A cell that is not the phandle of the device it asks for is skipped alone, so the addresses and sizes in other devices’ entries are tried as phandles too.',
    fix: 'Give the device another phandle (leave it to dtc, without a `phandle` property), or put the two devices’ entries into nodes of their own.',
    kernels: readingKernels,
    sources: [kernelFunction],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x1000>, <&dma 0x0 0xa0000000 0x0 0x2000>;
	};
};

&dma {
	memory-region = <&hole>;
};

&dma2 {
	phandle = <0x1000>;
	memory-region = <&hole>;
};`,
      corrected: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x1000>, <&dma 0x0 0xa0000000 0x0 0x2000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
    },
  },
  prerequisites: ['iommu-addresses-cell-count'],
  *check(input) {
    for (const { master, reservation, outcome } of readReservations(input)) {
      if (!reservation.accidental) continue;
      const read =
        outcome.kind === 'region'
          ? `and reserves ${formatRange(outcome.range)} for it`
          : outcome.kind === 'oops'
            ? 'finds an address that no dma-ranges cover, and oopses at boot'
            : 'and reads what follows as an address and a size';
      yield {
        about: reservationKey(reservation.node.path, master.path),
        range: reservation.source,
        node: reservation.node.path,
        ...(outcome.kind === 'oops' ? { severity: 'error' as const } : {}),
        message: `A cell in the entry of another device is ${phandleText(input, master.path)}the phandle of ${master.path}: Linux walks iommu-addresses cell by cell, takes it for an entry of ${master.path} ${read}. Give ${master.path} another phandle, or a node of its own.`,
        evidence: evidenceAt([master.source, 'The device whose phandle it is']),
      };
    }
  },
};

function phandleText({ tree }: RuleInput, path: string): string {
  for (const [phandle, node] of tree.phandles) {
    if (path.endsWith(`/${node.name}`)) return `${hex(phandle)}, which is `;
  }
  return '';
}

export const iommuAddressesZeroSize: Rule = {
  id: 'iommu-addresses-zero-size',
  severity: 'warning',
  summary: 'An entry of iommu-addresses has size 0',
  docs: {
    effect: 'The kernel says “Cannot reserve IOVA region of 0 size” and reserves nothing for the entry.',
    why: 'A size of 0 is often a lost cell or a 64-bit size of which only the high cell was written.',
    fix: 'Write the size, or remove the entry.',
    kernels: readingKernels,
    sources: [kernelFunction],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x7000000 0x0 0x0>;
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
  holdsFor: ({ firmwareRegions }) => firmwareRegions,
  *check(input) {
    for (const { node, entry } of writtenEntries(input)) {
      const size = entry.cells.slice(entry.addressCells);
      if (entry.problem !== undefined || size.length !== entry.sizeCells || size.some((cell) => cell !== 0)) continue;
      const device = entry.devicePath ?? 'the device';
      const address = entry.cells.slice(entry.addressCells === 3 ? 1 : 0, entry.addressCells);
      yield {
        about: reservationKey(node.path, entry.devicePath),
        range: entry.source ?? node.addressesSource,
        node: node.path,
        message: `The entry for ${device} at ${withSize(address.reduce((sum, cell) => (sum << 32n) | BigInt(cell), 0n))} has size 0: Linux says “Cannot reserve IOVA region of 0 size” and reserves nothing, so the kernel and VFIO may hand these addresses out. Write the size, or remove the entry.`,
      };
    }
  },
};
