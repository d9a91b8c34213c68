// Where reserved regions lie: on each other, beside memory, across pages; and entries of `reg` that do not count.
import { compare, contains, overlaps, sizeOf, subtract, union } from '../../iova/ranges';
import type { SourceRange } from '../../text/source-file';
import type { AddressRange } from '../../topology/model';
import type { DeviceTree } from '../../tree/model';
import { count, formatRange, hex, humanSize, list, withSize } from '../numbers';
import { evidenceAt, type Finding, type Rule, type RuleInput } from '../rule';
import { rangeOfEntry, readChildren, type ReservedChild } from './kernel-reading';
import { oncePer } from '../../text/once';

const reservedMem = 'Linux drivers/of/of_reserved_mem.c';
const notRead = ['reserved-memory-format', 'reserved-memory-reg-length', 'reserved-memory-no-place'];

/** A range that is set aside, and by whom. */
interface Reserved {
  readonly range: AddressRange;
  readonly source: SourceRange | undefined;
  readonly path: string;
  readonly child: ReservedChild | undefined;
}

const reservedRanges = oncePer((tree: DeviceTree): readonly Reserved[] =>
  readChildren(tree).flatMap((child) => child.entries.flatMap((entry) => reserved(child, entry))),
);

function reserved(child: ReservedChild, entry: ReservedChild['entries'][number]): Reserved[] {
  const range = rangeOfEntry(entry);
  if (range === undefined) return [];
  return [
    {
      range,
      path: child.path,
      child,
      get source() {
        return entry.source ?? child.source;
      },
    },
  ];
}

function* headerRanges({ tree }: RuleInput): Generator<Reserved> {
  for (const { address, size, source } of tree.memoryReservations) {
    const range = rangeOfEntry({ start: address, size, source });
    if (range !== undefined) yield { range, source, path: '/memreserve/', child: undefined };
  }
}

export const reservedMemoryOverlap: Rule = {
  id: 'reserved-memory-overlap',
  severity: 'warning',
  summary: 'Two reserved regions claim the same memory',
  docs: {
    effect:
      'Linux says “OVERLAP DETECTED!” and goes on: two users write to the same memory. Where one is `no-map` and the kernel has set the other one aside before, it fails (EBUSY) and stays in the kernel’s map. Where one is a CMA pool (`shared-dma-pool`, `reusable`), the kernel hands the other’s memory out as its own.',
    why: 'Each region is reserved on its own; that another one has the memory already is only reported.',
    fix: 'Make the regions disjoint, or make one node of them if they are meant to share.',
    sources: [
      `${reservedMem} __rmem_check_for_overlap, early_init_dt_reserve_memory`,
      'Linux kernel/dma/contiguous.c rmem_cma_setup',
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x200000>;
		no-map;
	};

	log@90100000 {
		reg = <0x0 0x90100000 0x0 0x1000>;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};

	log@90100000 {
		reg = <0x0 0x90100000 0x0 0x1000>;
	};
};`,
    },
  },
  prerequisites: notRead,
  *check(input) {
    const regions = [...reservedRanges(input.tree), ...headerRanges(input)];
    regions.sort((one, other) => compare(one.range.start, other.range.start));
    let reaching: Reserved | undefined;
    for (const next of regions) {
      if (reaching !== undefined && next.range.start <= reaching.range.end) {
        const finding = overlapFinding(reaching, next);
        if (finding !== undefined) yield finding;
      }
      if (reaching === undefined || next.range.end > reaching.range.end) reaching = next;
    }
  },
};

function overlapFinding(one: Reserved, other: Reserved): Finding | undefined {
  // The header's reservations have no node to show.
  const [shown, holder] = other.child === undefined ? [one, other] : [other, one];
  if (shown.child === undefined || (shown.path === holder.path && shown.child === holder.child)) return undefined;
  const start = shown.range.start > holder.range.start ? shown.range.start : holder.range.start;
  const end = shown.range.end < holder.range.end ? shown.range.end : holder.range.end;
  const pool = [shown, holder].find(({ child }) => child?.isPool === true && child.reusable && !child.noMap);
  // A region that both the header and a node reserve is reserved twice, no more.
  const isHarmless = holder.child === undefined && pool === undefined;
  const effect =
    pool !== undefined
      ? `${pool.path} is a CMA pool, so Linux hands the common part out as its own memory`
      : isHarmless
        ? 'it is reserved either way'
        : 'Linux says “OVERLAP DETECTED!” and goes on, and both users write to the common part';
  return {
    about: shown.path,
    range: shown.source,
    node: shown.path,
    ...(isHarmless ? { severity: 'hint' as const } : {}),
    message: `${shown.path} and ${holder.path} both claim ${formatRange({ start, end })}: ${effect}. Make the regions disjoint, or one node of them.`,
    evidence: evidenceAt([holder.source, `${formatRange(holder.range)} of ${holder.path}`]),
  };
}

export const reservedMemoryOutside: Rule = {
  id: 'reserved-memory-outside',
  severity: 'hint',
  summary: 'A pool for the kernel’s own use lies outside of all memory that the sources describe',
  docs: {
    effect:
      'The pool has no pages: it cannot be activated, and drivers that allocate from it fail. Boot loaders often write the memory node anew; then this is about what they are given. Regions that others own (`no-map`, firmware) may lie anywhere and are not looked at.',
    why: 'A `shared-dma-pool` is made of the kernel’s pages, which exist for `/memory` only.',
    fix: 'Correct `reg`, or the memory node.',
    sources: [`${reservedMem} early_init_dt_reserve_memory`, 'Linux kernel/dma/contiguous.c rmem_cma_setup'],
    example: {
      failing: `&{/reserved-memory} {
	pool@20000000 {
		compatible = "shared-dma-pool";
		reusable;
		reg = <0x0 0x20000000 0x0 0x4000000>;
	};
};`,
      corrected: `&{/reserved-memory} {
	pool@90000000 {
		compatible = "shared-dma-pool";
		reusable;
		reg = <0x0 0x90000000 0x0 0x4000000>;
	};
};`,
    },
  },
  prerequisites: notRead,
  *check(input) {
    if (input.tree.isPlugin) return;
    const nodes = input.topology.memory.filter(({ kind, availability }) => kind === 'memory' && availability.enabled);
    const memory = union<bigint>(nodes.map(({ range }) => range));
    if (memory.length === 0) return;
    for (const region of reservedRanges(input.tree)) {
      const { range, path, child } = region;
      if (child?.isPool !== true || child.noMap || !child.reusable || contains(memory, range)) continue;
      const { source } = region;
      yield {
        about: path,
        range: source,
        node: path,
        message: `The pool ${formatRange(range)} is not inside the memory that the sources describe: without pages of its own it cannot be activated. If the boot loader writes the memory node, this is about what it is given.`,
        evidence: evidenceAt(
          ...nodes.slice(0, 4).map((each) => [each.source, `Memory ${formatRange(each.range)}`] as const),
        ),
      };
    }
  },
};

export const reservedMemoryPartlyOutside: Rule = {
  id: 'reserved-memory-partly-outside',
  severity: 'info',
  summary: 'A reserved region begins inside memory and ends outside of it, or the other way round',
  docs: {
    effect:
      'Linux sets aside what is memory and says nothing of the rest. Whoever uses the region finds no memory behind the edge: its accesses fault, or wrap to other memory.',
    why: 'A region may lie wholly outside of memory (memory of its own, or what firmware hides). One that lies across the edge has most likely a wrong size, or memory has. Boot loaders often write the memory node anew; then this is about what they are given.',
    fix: 'Correct `reg` of the region, or the memory node.',
    sources: [
      'Linux drivers/of/of_reserved_mem.c early_init_dt_reserve_memory',
      'Linux drivers/of/fdt.c early_init_dt_scan_memory',
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware@bff00000 {
		reg = <0x0 0xbff00000 0x0 0x1000000>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@bff00000 {
		reg = <0x0 0xbff00000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  prerequisites: [...notRead, 'reserved-memory-outside'],
  *check(input) {
    if (input.tree.isPlugin) return;
    const nodes = input.topology.memory.filter(({ kind, availability }) => kind === 'memory' && availability.enabled);
    const memory = union<bigint>(nodes.map(({ range }) => range));
    for (const region of reservedRanges(input.tree)) {
      const { range, path } = region;
      const missing = subtract([range], memory);
      const [first] = missing;
      if (first === undefined || sizeOf(first) === sizeOf(range)) continue;
      const { source } = region;
      const met = nodes.find((each) => overlaps(each.range, range));
      yield {
        about: path,
        range: source,
        node: path,
        message: `${formatRange(range)} is memory only in part: ${list(missing.map(formatRange))} lies outside of all that the sources describe, and whoever uses the region finds nothing there. Correct its reg, or the memory node; if the boot loader writes that, this is about what it is given.`,
        evidence: evidenceAt(met && [met.source, `Memory ${formatRange(met.range)}`]),
      };
    }
  },
};

/** What is smaller than any page is a mailbox in a memory of its own, and no page size would do. */
const smallestPage = 0x1000n;

export const reservedMemoryMisaligned: Rule = {
  id: 'reserved-memory-misaligned',
  severity: 'info',
  summary: 'A reserved region does not start and end at page boundaries',
  docs: {
    effect:
      'The pages at its edges are shared with other memory: with `no-map`, a whole page at each edge leaves the kernel’s map with what else is in it, or stays in the map with the part that should not; a device that has the region mapped reaches the rest of the page. (A `no-map` region that is smaller than any page, as mailboxes of firmware are, is a hint.)',
    why: 'Memory is mapped by pages of the host: 4, 16 or 64 KiB (`pageSize` in doorbell.json).',
    fix: 'Start and end the region at a multiple of the largest page size that the board is to boot with.',
    sources: [
      `${reservedMem} early_init_dt_reserve_memory (memblock_mark_nomap)`,
      'Linux drivers/iommu/iommu.c iommu_create_device_direct_mappings',
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware@90000800 {
		reg = <0x0 0x90000800 0x0 0x1000>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x2000>;
		no-map;
	};
};`,
    },
  },
  prerequisites: [...notRead, 'cma-region-misaligned'],
  *check(input) {
    const { pageSize } = input.kernel;
    for (const region of reservedRanges(input.tree)) {
      const { range, path, child } = region;
      const size = sizeOf(range);
      if (range.start % pageSize === 0n && size % pageSize === 0n) continue;
      const { source } = region;
      const what = range.start % pageSize === 0n ? `size ${withSize(size)}` : `start ${hex(range.start)}`;
      yield {
        about: path,
        range: source,
        node: path,
        ...(child?.noMap === true && size < smallestPage ? { severity: 'hint' as const } : {}),
        message: `Its ${what} is no multiple of the page size ${humanSize(pageSize)}: the ${child?.noMap === true ? 'page at the edge leaves the kernel’s map as a whole, or stays in it' : 'page at the edge is shared with other memory'}. Let the region start and end at page boundaries.`,
      };
    }
  },
};

export const reservedMemoryExtraReg: Rule = {
  id: 'reserved-memory-extra-reg',
  severity: 'info',
  summary: 'Only the first entry of a reserved region’s reg counts',
  docs: {
    effect:
      'Linux 7.2 sets only the first range aside, and uses the others as its own memory (a warning). Kernels to 7.1 set all aside, but drivers are given the first alone (“ignores 1 regions in node”). With `iommu-addresses`, the physical side is the first range on all kernels: an entry for another one is not mapped.',
    why: 'A region of the kernel’s table has one base and one size; `iommu-addresses` are compared with the first `reg` entry.',
    fix: 'Give each range a node of its own.',
    kernels:
      'all kernels: to 7.1 all entries are set aside and the first alone can be used, from 7.2 on the first alone is set aside',
    sources: [
      `${reservedMem} fdt_scan_reserved_mem_reg_nodes (6.12), __reserved_mem_reserve_reg (7.2)`,
      'Linux drivers/iommu/of_iommu.c of_iommu_get_resv_regions (of_address_to_resource of entry 0)',
    ],
    example: {
      failing: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>, <0x0 0x94000000 0x0 0x100000>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};

	firmware@94000000 {
		reg = <0x0 0x94000000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  prerequisites: notRead,
  *check(input) {
    const isLost = input.kernel.reservedMemory === 'first-entry';
    for (const { node, path, entries, source } of readChildren(input.tree)) {
      const [, ...others] = entries;
      const second = others.find(({ size }) => size > 0n);
      if (second === undefined) continue;
      const lost = others.reduce((sum, { size }) => sum + size, 0n);
      const hasAddresses = node.properties.has('iommu-addresses');
      const effect = isLost
        ? `Linux ${input.kernel.version} sets only the first aside and uses the other ${humanSize(lost)} as its own memory`
        : `drivers are given the first range alone, and from Linux 7.2 on only that is set aside (${humanSize(lost)} are not)`;
      yield {
        about: path,
        range: second.source ?? source,
        node: path,
        ...(isLost || hasAddresses ? { severity: 'warning' as const } : {}),
        message: `Only the first of ${count(entries.length, 'entry', 'entries')} of reg counts: ${effect}.${hasAddresses ? ' iommu-addresses are compared with the first as well: an entry for another range is not mapped.' : ''} Give each range a node of its own.`,
      };
    }
  },
};
