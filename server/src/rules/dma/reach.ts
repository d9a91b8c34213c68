// What DMA reaches: memory beyond the windows of a bus, memory behind the windows of PCI, and windows nobody finds.
import { intersect, overlaps, sizeOf, subtract, union } from '../../iova/ranges';
import type { AddressRange, DmaMaster, MemoryRange } from '../../topology/model';
import type { Fix } from '../../text/diagnostic';
import { dmaParent } from '../../tree/addresses';
import { nodeAt, nodePath } from '../../tree/navigate';
import type { DeviceTree, DtNode } from '../../tree/model';
import { insertProperty } from '../address-edits';
import { claimedByBus } from '../masters';
import { formatRange, humanSize, list } from '../numbers';
import { evidenceAt, type Rule, type RuleInput } from '../rule';
import { dmaBuses, dmaKey, placesWindows, type DmaBus } from './buses';

/** Memory as the sources have it; boot loaders often write it anew. */
function memoryNodes({ topology }: RuleInput): MemoryRange[] {
  return topology.memory.filter(({ kind, availability }) => kind === 'memory' && availability.enabled);
}

function ram(input: RuleInput): AddressRange[] {
  return union<bigint>(memoryNodes(input).map(({ range }) => range));
}

/** Enabled host bridges whose functions write to memory untranslated. */
function* untranslatedBridges({ topology, tree }: RuleInput): Generator<DmaMaster> {
  for (const master of topology.masters) {
    if (master.kind !== 'pci-host' || !master.availability.enabled || master.iommuMap !== undefined) continue;
    if (!placesWindows(tree, master.path)) yield master;
  }
}

export const memoryBeyondDmaRanges: Rule = {
  id: 'memory-beyond-dma-ranges',
  severity: 'info',
  summary: 'The dma-ranges of a host bridge without IOMMU do not reach all memory',
  docs: {
    effect:
      'DMA of the functions to the rest goes through bounce buffers (swiotlb) in the memory that is reached, which costs a copy for each transfer; a device whose driver cannot bounce fails. Where nothing of memory is reached, no DMA works (a warning).',
    why: 'Without an IOMMU the function writes physical addresses, moved as `dma-ranges` say; what they do not list does not get through.',
    fix: 'Complete `dma-ranges` if the bridge forwards more; otherwise this is the hardware’s limit, and an IOMMU would lift it.',
    sources: [
      'Linux drivers/of/device.c of_dma_configure_id (bus_dma_limit, dma_range_map)',
      'Linux drivers/of/address.c of_dma_get_range',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ iommu-map;
	/delete-property/ msi-map;
	dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x20000000>;
};`,
      corrected: `&pcie {
	/delete-property/ iommu-map;
	/delete-property/ msi-map;
	dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x40000000>;
};`,
    },
  },
  prerequisites: ['dma-ranges-length', 'dma-ranges-useless-entry', 'dma-ranges-without-cells'],
  *check(input) {
    const memory = ram(input);
    if (memory.length === 0) return;
    for (const master of untranslatedBridges(input)) {
      const { windows, problem, levels } = master.inbound;
      if (windows === undefined || problem !== undefined) continue;
      const reached = union<bigint>(windows.filter(({ kind }) => kind !== 'io').map((window) => window.memory));
      const missing = subtract(memory, reached);
      if (missing.length === 0) continue;
      const isAll = intersect(memory, reached).length === 0;
      const bus = levels[0]?.bus ?? master.path;
      yield {
        about: dmaKey(bus),
        range: levels[0]?.source ?? master.source,
        node: bus,
        ...(isAll ? { severity: 'warning' as const } : {}),
        message: isAll
          ? `No memory is in reach of the functions behind ${master.path}: dma-ranges lead to ${windowsText(reached)}, memory is at ${windowsText(memory)}. Without an IOMMU, none of their DMA works. Correct dma-ranges, or the memory node.`
          : `Functions behind ${master.path} reach ${humanSize(sizeOfAll(intersect(memory, reached)))} of ${humanSize(sizeOfAll(memory))} of memory: ${windowsText(missing)} ${missing.length === 1 ? 'lies' : 'lie'} beyond dma-ranges, and DMA there goes through bounce buffers, a copy for each transfer. If the bridge forwards more, complete dma-ranges.`,
        evidence: evidenceAt(
          ...memoryNodes(input)
            .slice(0, 4)
            .map(({ source, range }) => [source, `Memory ${formatRange(range)}`] as const),
        ),
      };
    }
  },
};

function windowsText(ranges: readonly AddressRange[]): string {
  return ranges.length === 0 ? 'nowhere' : list(ranges.map(formatRange), 4);
}

function sizeOfAll(ranges: readonly AddressRange[]): bigint {
  return ranges.reduce((sum, range) => sum + sizeOf(range), 0n);
}

export const pciWindowHidesMemory: Rule = {
  id: 'pci-window-hides-memory',
  severity: 'warning',
  summary: 'DMA to part of memory goes to bus addresses that the bridge’s own outbound windows claim',
  docs: {
    effect:
      'Behind a bridge without IOMMU, buffers in that memory have bus addresses that other PCI devices answer to: behind a switch, DMA to them ends in a peer’s registers instead of memory. Linux does not leave such memory out.',
    why: 'An outbound window (`ranges`) and an inbound one (`dma-ranges`, or identity where there is none) give the same bus addresses to devices and to memory.',
    fix: 'Give the outbound window bus addresses where no memory is (the first cells of its entry), or move memory’s bus addresses with `dma-ranges`.',
    sources: [
      'Linux drivers/of/address.c of_dma_get_range',
      'Linux drivers/iommu/dma-iommu.c iova_reserve_pci_windows (what is done behind an IOMMU)',
    ],
    example: {
      failing: `&pcie {
	/delete-property/ iommu-map;
	ranges = <0x02000000 0x0 0x90000000 0x0 0x50000000 0x0 0x10000000>;
};`,
      corrected: `&pcie {
	/delete-property/ iommu-map;
	ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x10000000>;
};`,
    },
  },
  prerequisites: ['dma-ranges-length', 'dma-ranges-useless-entry'],
  *check(input) {
    const memory = ram(input);
    if (memory.length === 0) return;
    for (const master of untranslatedBridges(input)) {
      const { windows, problem } = master.inbound;
      if (problem !== undefined) continue;
      for (const outbound of claimedByBus(master)) {
        const hidden = (windows ?? [{ device: outbound.bus, memory: outbound.bus, kind: undefined }])
          .filter(({ kind, device }) => kind !== 'io' && overlaps(device, outbound.bus))
          .flatMap(({ device, memory: behind }) => {
            const [bus] = intersect([device as AddressRange], [outbound.bus]);
            if (bus === undefined) return [];
            const shift = behind.start - device.start;
            return intersect([{ start: bus.start + shift, end: bus.end + shift }], memory);
          });
        const [first] = hidden;
        if (first === undefined) continue;
        yield {
          about: `${master.path} ranges`,
          range: outbound.source ?? master.source,
          node: master.path,
          message: `The outbound window ${formatRange(outbound.bus)} of ${master.path} has the bus addresses that the memory ${windowsText(hidden)} has for DMA: behind a switch, DMA of functions to that memory goes to other PCI devices. Give the window bus addresses where no memory is.`,
          evidence: evidenceAt(
            [master.inbound.levels[0]?.source, 'What gives memory its bus addresses'],
            ...memoryNodes(input)
              .filter(({ range }) => overlaps(range, first))
              .map(({ source, path }) => [source, `${path} is the memory`] as const),
          ),
        };
      }
    }
  },
};

export const dmaRangesNotFound: Rule = {
  id: 'dma-ranges-not-found',
  severity: 'warning',
  summary: 'A bus between the devices and the dma-ranges above them has none, so that Linux gives up looking',
  docs: {
    effect:
      'DMA of the devices is taken for unlimited and not moved. If the bus above does move addresses, DMA goes to the wrong memory; if it forwards less, buffers beyond it are used and lost.',
    why: 'Linux looks upwards for the first `dma-ranges` that is not empty. From the second bus on, one that has no such property at all ends the search (“missing one is an error”).',
    fix: 'Give the bus in between an empty `dma-ranges;`.',
    sources: ['Linux drivers/of/address.c of_dma_get_range', 'Linux drivers/of/device.c of_dma_configure_id'],
    example: {
      failing: `/ {
	outer {
		compatible = "simple-bus";
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		dma-ranges = <0x0 0x0 0x0 0x80000000 0x0 0x40000000>;

		middle {
			compatible = "simple-bus";
			#address-cells = <2>;
			#size-cells = <2>;
			ranges;

			inner {
				compatible = "simple-bus";
				#address-cells = <2>;
				#size-cells = <2>;
				ranges;

				dma@20000000 {
					compatible = "example,dma";
					reg = <0x0 0x20000000 0x0 0x1000>;
					iommus = <&smmu 0xfff3>;
				};
			};
		};
	};
};`,
      corrected: `/ {
	outer {
		compatible = "simple-bus";
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		dma-ranges = <0x0 0x0 0x0 0x80000000 0x0 0x40000000>;

		middle {
			compatible = "simple-bus";
			#address-cells = <2>;
			#size-cells = <2>;
			ranges;
			dma-ranges;

			inner {
				compatible = "simple-bus";
				#address-cells = <2>;
				#size-cells = <2>;
				ranges;

				dma@20000000 {
					compatible = "example,dma";
					reg = <0x0 0x20000000 0x0 0x1000>;
					iommus = <&smmu 0xfff3>;
				};
			};
		};
	};
};`,
    },
  },
  prerequisites: ['dma-ranges-length'],
  *check(input) {
    const buses = new Map(dmaBuses(input).map((bus) => [bus.node, bus]));
    if (buses.size === 0) return;
    const seen = new Set<DtNode>();
    for (const master of input.topology.masters) {
      if (!master.availability.enabled || master.kind === 'pci-function') continue;
      const gap = gapAbove(input.tree, master, buses);
      if (gap === undefined || seen.has(gap.node)) continue;
      seen.add(gap.node);
      if (isHarmless(input, gap.lost)) continue;
      const path = nodePath(gap.node);
      yield {
        about: dmaKey(path),
        range: gap.node.definitions[0]?.name,
        node: path,
        message: `${path} has no dma-ranges, so Linux stops there when it looks for those that ${master.path} is behind: the dma-ranges of ${gap.lost.path} do not count for it, and its DMA is taken for unlimited and not moved. Write an empty dma-ranges; into ${path}.`,
        evidence: evidenceAt(
          [gap.lost.ranges.property.definitions.at(-1)?.whole, 'The dma-ranges that are not found'],
          [master.source, 'Whose DMA it is about'],
        ),
        fixes: emptyRangesFix(gap.node, path),
      };
    }
  },
};

function emptyRangesFix(node: DtNode, path: string): Fix[] {
  const change = insertProperty(node, 'dma-ranges;');
  return change === undefined ? [] : [{ title: `Write an empty dma-ranges into ${path}`, isPreferred: true, change }];
}

/** What is not found moves nothing, and all memory is in its reach. */
function isHarmless(input: RuleInput, { ranges }: DmaBus): boolean {
  if (ranges.kind !== 'entries') return true;
  if (ranges.entries.some(({ child, parent }) => child !== parent)) return false;
  const reached = union(ranges.entries.map(({ parent, size }) => ({ start: parent, end: parent + size - 1n })));
  return subtract(ram(input), reached).length === 0;
}

/** The bus that ends the search for the `dma-ranges` of one further up; the first bus need not have the property. */
function gapAbove(
  tree: DeviceTree,
  { path, kind }: DmaMaster,
  buses: ReadonlyMap<DtNode, DmaBus>,
): { readonly node: DtNode; readonly lost: DmaBus } | undefined {
  const device = nodeAt(tree, path);
  if (device === undefined) return undefined;
  let gap: DtNode | undefined;
  let at = kind === 'pci-host' || kind === 'bus' ? device : dmaParent(tree, device);
  for (let depth = 0; at !== undefined && depth < 64; depth++, at = dmaParent(tree, at)) {
    const lost = buses.get(at);
    if (lost !== undefined) return gap === undefined ? undefined : { node: gap, lost };
    if (depth > 0 && !at.properties.has('dma-ranges')) gap ??= at;
  }
  return undefined;
}
