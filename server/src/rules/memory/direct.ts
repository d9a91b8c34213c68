// Reserved regions with `iommu-addresses`, seen from memory's side: is what a device has mapped 1:1 really kept for it?
import { overlaps } from '../../iova/ranges';
import { nodeAt } from '../../tree/navigate';
import { formatRange } from '../numbers';
import { misread, readingKernels, readReservations, reservationKey, type ReadReservation } from '../reservations';
import { evidenceAt, type Rule, type RuleInput } from '../rule';
import { rangeOfEntry, readChildren, reservedMemory, type ReservedChild } from './kernel-reading';

const kernelFunction = 'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions';

export const disabledRegionReserves: Rule = {
  id: 'disabled-region-reserves',
  severity: 'warning',
  summary: 'A region that is switched off still reserves its iommu-addresses',
  docs: {
    effect:
      'The addresses stay reserved for the device, and a region with `reg` stays mapped 1:1, which keeps the device from VFIO. The memory itself is not set aside, though, so the kernel uses it while the device can write to it.',
    why: 'The two sides are read by different code: that for memory looks at `status`, that for IOVAs does not.',
    fix: 'Take the region out of the device’s `memory-region`, or remove `iommu-addresses`, instead of disabling the node.',
    kernels: readingKernels,
    sources: [kernelFunction, 'Linux drivers/of/of_reserved_mem.c fdt_scan_reserved_mem (of_fdt_device_is_available)'],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>;
		status = "disabled";
	};
};

&dma {
	memory-region = <&hole>;
};`,
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
  prerequisites: misread,
  *check(input) {
    const disabled = new Set(
      reservedMemory(input.tree)?.children.flatMap(({ isEnabled, path }) => (isEnabled ? [] : [path])),
    );
    if (disabled.size === 0) return;
    const seen = new Set<string>();
    for (const { reservation, outcome, master } of readReservations(input)) {
      const { node } = reservation;
      if (outcome.kind !== 'region' || seen.has(node.path) || !disabled.has(node.path)) continue;
      const status = nodeAt(input.tree, node.path)?.properties.get('status');
      seen.add(node.path);
      yield {
        about: reservationKey(node.path, master.path),
        range: status?.definitions.at(-1)?.whole ?? node.source,
        node: node.path,
        message: `${node.path} is switched off, but Linux does not look at status when it reads iommu-addresses: ${formatRange(outcome.range)} stays ${outcome.type} for ${master.path}. Take the region out of its memory-region instead.`,
        evidence: evidenceAt([reservation.source, 'What stays reserved'], [master.source, 'The device']),
      };
    }
  },
};

export const directRegionInUse: Rule = {
  id: 'direct-region-in-use',
  severity: 'warning',
  summary: 'Memory that a device has mapped 1:1 is not kept from the kernel',
  docs: {
    effect:
      'The kernel uses the pages for whatever it likes, while the device (or the firmware that drives it) goes on reading and writing them: memory is corrupted, at random and much later.',
    why: 'The direct mapping is made from `iommu-addresses` and `reg` of any node that `memory-region` leads to. The memory is set aside only for enabled, direct children of `/reserved-memory` without `reusable`.',
    fix: 'Put the node directly below `/reserved-memory`, enabled, with `no-map` or without `reusable`.',
    kernels: readingKernels,
    sources: [
      kernelFunction,
      'Linux drivers/iommu/iommu.c iommu_create_device_direct_mappings',
      'Linux drivers/of/of_reserved_mem.c fdt_scan_reserved_mem',
    ],
    example: {
      failing: `/ {
	firmware: firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
      corrected: `&{/reserved-memory} {
	firmware: firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>;
	};
};

&dma {
	memory-region = <&firmware>;
};`,
    },
  },
  prerequisites: [...misread, 'reserved-memory-format', 'reserved-memory-reg-length'],
  *check(input) {
    const reserved = new Map(readChildren(input.tree).map((child) => [child.path, child]));
    const seen = new Set<string>();
    for (const read of readReservations(input)) {
      const { reservation, outcome, master } = read;
      const { node } = reservation;
      if (outcome.kind !== 'region' || outcome.type !== 'direct' || seen.has(node.path)) continue;
      seen.add(node.path);
      const reason = whyInUse(input, read, reserved.get(node.path));
      if (reason === undefined) continue;
      yield {
        about: reservationKey(node.path, master.path),
        restsOn: ['/reserved-memory', node.path],
        range: node.physicalSource ?? node.source,
        node: node.path,
        message: `${master.path} has ${formatRange(outcome.range)} mapped 1:1, but the memory is not kept from the kernel, because ${reason.text}: the kernel uses these pages while the device can write to them. Put the node directly below /reserved-memory, enabled and not reusable.`,
        evidence: evidenceAt([reservation.source, 'What maps it'], [reason.memory, 'The memory it lies in']),
      };
    }
  },
};

function whyInUse(
  input: RuleInput,
  { outcome }: ReadReservation,
  child: ReservedChild | undefined,
): { readonly text: string; readonly memory: ReturnType<typeof memoryAt> } | undefined {
  if (outcome.kind !== 'region') return undefined;
  const memory = memoryAt(input, outcome.range);
  if (memory === undefined) return undefined;
  if (child !== undefined)
    return child.reusable && !child.noMap ? { text: 'the region is reusable', memory } : undefined;
  if (isReservedElsewhere(input, outcome.range)) return undefined;
  return { text: 'its node is no enabled child of /reserved-memory', memory };
}

function memoryAt({ topology }: RuleInput, range: { readonly start: bigint; readonly end: bigint }) {
  return topology.memory.find(
    (each) => each.kind === 'memory' && each.availability.enabled && overlaps(each.range, range),
  )?.source;
}

/** Another region, or the header, sets the same memory aside. */
function isReservedElsewhere({ tree }: RuleInput, range: { readonly start: bigint; readonly end: bigint }): boolean {
  const covers = (start: bigint, size: bigint): boolean => start <= range.start && range.end < start + size;
  if (tree.memoryReservations.some(({ address, size }) => covers(address, size))) return true;
  return readChildren(tree).some(({ entries, reusable }) => {
    return !reusable && entries.some((entry) => rangeOfEntry(entry) !== undefined && covers(entry.start, entry.size));
  });
}
