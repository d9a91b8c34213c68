// `dma-ranges` as written: entries that cannot work, that compete, or that a kernel does not read at all.
import { addressSpace, busKind, type RangesEntry } from '../../tree/addresses';
import { nodePath } from '../../tree/navigate';
import type { DtNode } from '../../tree/model';
import type { Fix } from '../../text/diagnostic';
import { count, formatRange, hex, withSize } from '../numbers';
import { evidenceAt, type Rule } from '../rule';
import { dmaBuses, dmaKey } from './buses';

const translation = 'Linux drivers/of/address.c of_translate_dma_region, of_bus_default_map';
const dmaRange = 'Linux drivers/of/address.c of_dma_get_range';
const space = 1n << 64n;

export const dmaRangesLength: Rule = {
  id: 'dma-ranges-length',
  severity: 'warning',
  summary: 'The length of dma-ranges is no whole number of entries, or its cell counts leave none',
  docs: {
    effect:
      'The cells at the end are ignored without a message, and what they were to forward is not forwarded. Often the entries before them are then read wrongly too, because a cell is missing in one of them.',
    why: 'An entry has the address cells of the bus itself, those of its parent, and the bus’s size cells.',
    fix: 'Count the cells: `#address-cells` of the node, `#address-cells` of its parent, `#size-cells` of the node.',
    sources: ['Linux drivers/of/address.c of_pci_range_parser_one, parser_init'],
    example: {
      failing: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x02000000 0x1 0x0 0x1 0x0>;
};`,
      corrected: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x02000000 0x1 0x0 0x1 0x0 0x1 0x0>;
};`,
    },
  },
  *check(input) {
    for (const { node, path, ranges } of dmaBuses(input)) {
      if (ranges.kind === 'entries' && ranges.rest === 0) continue;
      const source = ranges.property.definitions.at(-1)?.whole;
      yield {
        about: dmaKey(path),
        range: source,
        node: path,
        message:
          ranges.kind === 'malformed'
            ? `${ranges.reason}: Linux reads no entry of it, and devices below ${path} are taken to reach nothing.`
            : `dma-ranges ends with ${count(ranges.rest, 'cell')} that ${ranges.rest === 1 ? 'makes' : 'make'} no whole entry: Linux ignores them, and if a cell is missing further up, it reads the entries behind it wrongly. Each entry has the address cells of ${path}, those of its parent, and the size cells of ${path}.`,
        evidence: evidenceAt(...cellCounts(node)),
      };
    }
  },
};

function cellCounts(node: DtNode) {
  const place = (of: DtNode | undefined, name: string) => of?.properties.get(name)?.definitions.at(-1)?.whole;
  return [
    [place(node, '#address-cells'), 'The address cells of the bus'],
    [place(node.parent, '#address-cells'), 'Those of its parent'],
    [place(node, '#size-cells'), 'The size cells of the bus'],
  ] as const;
}

export const dmaRangesUselessEntry: Rule = {
  id: 'dma-ranges-useless-entry',
  severity: 'warning',
  summary: 'An entry of dma-ranges has size 0, or runs past the end of the address space',
  docs: {
    effect:
      'The entry forwards nothing: no address lies in it. An `iommu-addresses` entry for a device below finds no translation there and makes the kernel oops.',
    why: 'An address is in an entry when it is at least its start and less than start + size, computed in 64 bits. Size 0 is often 4 GiB (2^32) written with one size cell; some boot loaders write the size of memory there (an info).',
    fix: 'Write the size with two cells (`#size-cells = <2>`), or the size that is meant.',
    sources: [translation, dmaRange],
    example: {
      failing: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x02000000 0xffffffff 0x0 0x1 0x0 0x2 0x0>;
};`,
      corrected: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
    },
  },
  prerequisites: ['dma-ranges-length'],
  *check(input) {
    for (const { path, ranges } of dmaBuses(input)) {
      if (ranges.kind !== 'entries') continue;
      for (const entry of ranges.entries) {
        const { child, parent, size } = entry;
        const isPast = child + size > space || parent + size > space;
        if (size > 0n && !isPast) continue;
        yield {
          about: dmaKey(path),
          range: entry.source ?? ranges.property.definitions.at(-1)?.whole,
          node: path,
          // Some boot loaders write the size of memory there.
          ...(size === 0n ? { severity: 'info' as const } : {}),
          message:
            size === 0n
              ? `This entry of dma-ranges has size 0 and forwards nothing: addresses from ${hex(child)} on are not reachable through it, unless a boot loader completes it. If 4 GiB are meant, the size needs two cells.`
              : `This entry of dma-ranges (${hex(child)} to ${hex(parent)}, size ${withSize(size)}) runs past 2^64: its end wraps, and Linux finds no address in it. Write the size that is meant.`,
        };
      }
    }
  },
};

export const dmaRangesOverlap: Rule = {
  id: 'dma-ranges-overlap',
  severity: 'warning',
  summary: 'Two entries of dma-ranges forward the same addresses to different memory',
  docs: {
    effect:
      'The hardware does one of the two, Linux takes the first: DMA to the overlap may reach other memory than the kernel believes. Where both entries say the same, nothing is lost (a hint).',
    why: 'Translations of DMA addresses take the first entry that holds the address.',
    fix: 'Make the entries disjoint.',
    sources: [translation, 'Linux drivers/of/address.c of_dma_get_range'],
    example: {
      failing: `&pcie {
	/delete-property/ iommu-map;
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x02000000 0x0 0x80000000 0x1 0x80000000 0x0 0x80000000>;
};`,
      corrected: `&pcie {
	/delete-property/ iommu-map;
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
    },
  },
  prerequisites: ['dma-ranges-length', 'dma-ranges-useless-entry', 'pci-dma-ranges-refused'],
  *check(input) {
    for (const { node, path, ranges } of dmaBuses(input)) {
      if (ranges.kind !== 'entries' || ranges.entries.length < 2) continue;
      const kind = busKind(node);
      for (const [first, second] of overlappingEntries(ranges.entries, (entry) => addressSpace(kind, entry.flags))) {
        const start = second.child > first.child ? second.child : first.child;
        const firstEnd = first.child + first.size;
        const secondEnd = second.child + second.size;
        const end = (firstEnd < secondEnd ? firstEnd : secondEnd) - 1n;
        const isSame = first.parent - first.child === second.parent - second.child;
        yield {
          about: dmaKey(path),
          range: second.source ?? ranges.property.definitions.at(-1)?.whole,
          node: path,
          ...(isSame ? { severity: 'hint' as const } : {}),
          message: isSame
            ? `${formatRange({ start, end })} is forwarded by an earlier entry of dma-ranges already, to the same memory. Make the entries disjoint.`
            : `${formatRange({ start, end })} is forwarded twice: by an earlier entry to ${hex(first.parent + start - first.child)}, by this one to ${hex(second.parent + start - second.child)}. Linux takes the first, whatever the hardware does. Make the entries disjoint.`,
          evidence: evidenceAt([first.source, 'The earlier entry']),
        };
      }
    }
  },
};

/** Pairs in the order of the property, found in order of address; each entry is the second of one pair at most. */
function* overlappingEntries(
  entries: readonly RangesEntry[],
  spaceOf: (entry: RangesEntry) => string,
): Generator<readonly [first: RangesEntry, second: RangesEntry]> {
  const usable = entries.filter(({ child, size }) => size > 0n && child + size <= space);
  const sorted = usable.sort((one, other) => (one.child < other.child ? -1 : one.child > other.child ? 1 : 0));
  const reaching = new Map<string, RangesEntry>();
  const reported = new Set<number>();
  for (const entry of sorted) {
    const of = spaceOf(entry);
    const open = reaching.get(of);
    if (open !== undefined && entry.child < open.child + open.size) {
      const [first, second] = open.index < entry.index ? [open, entry] : [entry, open];
      if (!reported.has(second.index)) yield [first, second];
      reported.add(second.index);
    }
    if (open === undefined || entry.child + entry.size > open.child + open.size) reaching.set(of, entry);
  }
}

export const pciDmaRangesRefused: Rule = {
  id: 'pci-dma-ranges-refused',
  severity: 'error',
  summary: 'The dma-ranges of a host bridge with an IOMMU overlap, or descend, and Linux refuses them',
  docs: {
    effect:
      'Each device behind the bridge reports “Failed to reserve IOVA” and “Failed to set up IOMMU …; retaining platform DMA ops”: its driver then uses physical addresses, which the IOMMU does not map, and all of its DMA faults.',
    why: 'Linux reserves what lies between the windows. It sorts them by memory address and expects the bus addresses to ascend as well, each window starting where or after the one before ended.',
    fix: 'Make the windows disjoint, and let bus addresses ascend with memory addresses. A prefetchable and a plain window of the same range count as two: keep one.',
    sources: ['Linux drivers/iommu/dma-iommu.c iova_reserve_pci_windows, iommu_setup_dma_ops'],
    example: {
      failing: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x42000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
      corrected: `&pcie {
	dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>;
};`,
    },
  },
  prerequisites: ['dma-ranges-length', 'dma-ranges-useless-entry'],
  *check(input) {
    const buses = new Map(dmaBuses(input).map((bus) => [bus.path, bus]));
    for (const { kind, path, iommuMap, availability } of input.topology.masters) {
      const bus = buses.get(path);
      if (kind !== 'pci-host' || iommuMap === undefined || !availability.enabled || bus?.ranges.kind !== 'entries')
        continue;
      if (!input.prediction.groups.some(({ devices }) => devices.some(({ master }) => master.iommuMap === iommuMap)))
        continue;
      const sorted = bus.ranges.entries
        .filter(({ size }) => size > 0n)
        .sort((one, other) =>
          one.parent < other.parent ? -1 : one.parent > other.parent ? 1 : one.index - other.index,
        );
      for (let index = 1; index < sorted.length; index++) {
        const before = sorted[index - 1]!;
        const entry = sorted[index]!;
        if (entry.child >= before.child + before.size || isMerged(before, entry)) continue;
        yield {
          about: dmaKey(path),
          range: entry.source ?? bus.ranges.property.definitions.at(-1)?.whole,
          node: path,
          message: `By memory address this window of dma-ranges (bus address ${hex(entry.child)}) comes after the one that ends at bus address ${hex(before.child + before.size - 1n)}: Linux expects bus addresses to ascend and says “Failed to reserve IOVA”. Devices behind ${path} then do DMA with physical addresses that their IOMMU does not map, and all of it faults. Make the windows disjoint and ascending.`,
          evidence: evidenceAt(
            [before.source, 'The window before it'],
            [iommuMap.source, 'What puts the devices behind an IOMMU'],
          ),
        };
        break;
      }
    }
  },
};

/** of_pci_range_parser_one makes one window of neighbours that go on on both sides. */
function isMerged(before: RangesEntry, entry: RangesEntry): boolean {
  return (
    entry.flags === before.flags &&
    entry.index === before.index + 1 &&
    entry.child === before.child + before.size &&
    entry.parent === before.parent + before.size
  );
}

export const dmaRangesWithoutCells: Rule = {
  id: 'dma-ranges-without-cells',
  severity: 'info',
  summary: 'A bus with dma-ranges has no #address-cells of its own, which kernels from 6.13 on do not read',
  docs: {
    effect:
      'From Linux 6.13 on the property is not read: 7.2 takes the devices below for unlimited and not moved, 6.13 to 7.1 crash on it. Where the bus does move addresses, DMA goes to the wrong memory. Kernels to 6.12 inherit the count, and nothing happens (an info; an error with 7.2).',
    why: 'A bus is matched by its own `#address-cells` since 6.13; the parent’s are no longer inherited for translation.',
    fix: 'Write `#address-cells` and `#size-cells` into the node, with the parent’s values.',
    kernels: 'Linux 6.13 and later; earlier kernels inherit the count',
    sources: ['Linux drivers/of/address.c of_bus_default_match (6.13), parser_init (7.2)'],
    example: {
      kernel: '7.2',
      failing: `/ {
	bus {
		compatible = "simple-bus";
		ranges;
		dma-ranges = <0x0 0x0 0x0 0x80000000 0x0 0x40000000>;
	};
};`,
      corrected: `/ {
	bus {
		compatible = "simple-bus";
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		dma-ranges = <0x0 0x0 0x0 0x80000000 0x0 0x40000000>;
	};
};`,
    },
  },
  prerequisites: ['dma-ranges-length'],
  *check(input) {
    for (const { node, path, ranges } of dmaBuses(input)) {
      const kind = busKind(node);
      if (node.properties.has('#address-cells') || kind === 'pci' || kind === 'isa') continue;
      const isNow = input.kernel.busRule === 'own-cells';
      yield {
        about: dmaKey(path),
        range: ranges.property.definitions.at(-1)?.whole,
        node: path,
        ...(isNow ? { severity: 'error' as const } : {}),
        message: `${path} has dma-ranges, but no #address-cells of its own: ${isNow ? `Linux ${input.kernel.version}` : 'from 6.13 on Linux'} does not know how to read them, and takes DMA of the devices below for unlimited and not moved (6.13 to 7.1 crash here). Write #address-cells and #size-cells into the node.`,
        fixes: cellsFix(node),
      };
    }
  },
};

/** The counts that older kernels inherit, written where newer ones look. */
function cellsFix(node: DtNode): Fix[] {
  const property = node.properties.get('dma-ranges')?.definitions.at(-1);
  const inherited = ['#address-cells', '#size-cells'].map((name) => [name, inheritedText(node, name)] as const);
  if (property === undefined || inherited.some(([, value]) => value === undefined)) return [];
  const { file, start } = property.whole;
  const missing = inherited.filter(([name]) => !node.properties.has(name));
  return [
    {
      title: `Write ${missing.map(([name]) => name).join(' and ')} into ${nodePath(node)}`,
      isPreferred: true,
      change: () => ({
        edits: [
          { file, start, end: start, newText: missing.map(([name, value]) => `${name} = <${value!}>; `).join('') },
        ],
      }),
    },
  ];
}

function inheritedText(node: DtNode, name: string): string | undefined {
  for (let at: DtNode | undefined = node; at !== undefined; at = at.parent) {
    const bytes = at.properties.get(name)?.data.bytes;
    if (bytes !== undefined) return bytes.length === 4 ? String(bytes[3]!) : undefined;
  }
  return undefined;
}
