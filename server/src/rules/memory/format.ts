// `/reserved-memory`: what makes the kernel ignore it, or one of its nodes.
import type { Fix } from '../../text/diagnostic';
import { cells, readNumber } from '../../tree/cells';
import { addressCells, cellValue, nodePath, sizeCells } from '../../tree/navigate';
import type { DeviceTree, DtNode, DtProperty } from '../../tree/model';
import { count, humanSize, withSize } from '../numbers';
import { evidenceAt, type Finding, type Rule } from '../rule';
import { surveyOf } from '../survey';
import { readChildren, reservedMemory } from './kernel-reading';

const reservedMem = 'Linux drivers/of/of_reserved_mem.c';

export const reservedMemoryFormat: Rule = {
  id: 'reserved-memory-format',
  severity: 'error',
  summary: 'The kernel ignores all of /reserved-memory: its cell counts are not the root’s, or it has no ranges',
  docs: {
    effect:
      '“Reserved memory: unsupported node format, ignoring”: nothing is set aside. The kernel uses memory that firmware, secure world or other processors own; accesses to it fault or corrupt it. No driver finds its region.',
    why: 'Linux reads the nodes below with the root’s cell counts and asks that `/reserved-memory` says the same, and that it has a `ranges`.',
    fix: 'Give the node `#address-cells` and `#size-cells` of the root, and an empty `ranges;`.',
    sources: [
      `${reservedMem} __reserved_mem_check_root, fdt_scan_reserved_mem`,
      'dtschema reserved-memory.yaml (#address-cells, #size-cells, ranges)',
    ],
    example: {
      failing: `&{/reserved-memory} {
	#address-cells = <1>;

	firmware@90000000 {
		reg = <0x90000000 0x0 0x100000>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  *check({ tree }) {
    const found = reservedMemory(tree);
    if (found?.refused === undefined || found.children.length === 0 || tree.isPlugin) return;
    const { node, path, refused, children } = found;
    yield {
      about: path,
      range: refused.property?.definitions.at(-1)?.whole ?? node.definitions[0]?.name,
      node: path,
      message: `Linux ignores all of /reserved-memory (“unsupported node format”), because ${refused.text}: none of its ${count(children.length, 'region')} is set aside, and the kernel uses that memory as its own. Give the node the root's #address-cells and #size-cells, and an empty ranges.`,
      evidence: evidenceAt(
        ...['#address-cells', '#size-cells'].map(
          (name) => [tree.root.properties.get(name)?.definitions.at(-1)?.whole, `The root's ${name}`] as const,
        ),
      ),
      fixes: rangesFix(tree, node),
    };
  },
};

/** Only the lack of `ranges` can be mended without touching every `reg` below. */
function rangesFix({ root }: DeviceTree, node: DtNode): Fix[] {
  const size = node.properties.get('#size-cells')?.definitions.at(-1)?.whole;
  const isRest =
    cellValue(node, '#address-cells') === (cellValue(root, '#address-cells') ?? 1) &&
    cellValue(node, '#size-cells') === (cellValue(root, '#size-cells') ?? 1);
  if (size === undefined || !isRest) return [];
  const { file, end } = size;
  return [
    {
      title: 'Add an empty ranges',
      isPreferred: true,
      change: () => ({ edits: [{ file, start: end, end, newText: ' ranges;' }] }),
    },
  ];
}

export const reservedMemoryRegLength: Rule = {
  id: 'reserved-memory-reg-length',
  severity: 'error',
  summary: 'The reg of a reserved region is no whole number of entries by the root’s cell counts',
  docs: {
    effect:
      '“invalid reg property in …, skipping node”: the region is not set aside, and the kernel uses the memory as its own.',
    why: 'Each entry has the root’s address and size cells, and a `reg` of any other length is refused as a whole.',
    fix: 'Write as many cells as the root has, usually two and two.',
    sources: [`${reservedMem} __reserved_mem_reserve_reg`],
    example: {
      failing: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x100000>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format'],
  *check({ tree }) {
    for (const { path, reg, rest, source } of readChildren(tree)) {
      if (reg === undefined || rest === 0) continue;
      const each = addressCells(tree.root) + sizeCells(tree.root);
      yield {
        about: path,
        restsOn: ['/reserved-memory'],
        range: reg.definitions.at(-1)?.whole ?? source,
        node: path,
        message: `reg has ${reg.data.bytes.length} bytes, and an entry has ${each * 4} (${count(addressCells(tree.root), 'address cell')} and ${count(sizeCells(tree.root), 'size cell')} of the root): Linux skips the node, and uses the memory as its own.`,
      };
    }
  },
};

export const reservedMemoryMisplaced: Rule = {
  id: 'reserved-memory-misplaced',
  severity: 'warning',
  summary: 'Reserved regions where the kernel does not look: below another node, or one level too deep',
  docs: {
    effect: 'The memory is not set aside: the kernel uses it as its own, and no driver finds the region.',
    why: 'Only the direct children of `/reserved-memory` at the root are read.',
    fix: 'Move the regions directly below `/reserved-memory`.',
    sources: [`${reservedMem} fdt_scan_reserved_mem (fdt_path_offset, fdt_for_each_subnode)`],
    example: {
      failing: `&{/reserved-memory} {
	firmware {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;

		part@90000000 {
			reg = <0x0 0x90000000 0x0 0x100000>;
			no-map;
		};
	};
};`,
      corrected: `&{/reserved-memory} {
	part@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  *check({ tree }) {
    if (tree.isPlugin) return;
    for (const child of reservedMemory(tree)?.children ?? []) {
      for (const inner of child.node.children.values()) {
        // A region's node may have children of its own kind, such as the partitions of a log.
        if (child.reg === undefined && isRegion(inner)) yield misplaced(inner, `one level below ${child.path}`);
      }
    }
    for (const node of surveyOf(tree).otherReservedMemory) {
      if (node.parent === undefined || node.parent.name === '__symbols__') continue;
      const regions = [...node.children.values()].filter(isRegion);
      if (regions[0] !== undefined) yield misplaced(regions[0], `in ${nodePath(node)}, not at the root`);
    }
  },
};

function isRegion({ properties }: DtNode): boolean {
  return (properties.has('reg') || properties.has('size')) && (properties.has('no-map') || properties.has('reusable'));
}

function misplaced(node: DtNode, where: string): Finding {
  const path = nodePath(node);
  return {
    about: path,
    range: node.definitions[0]?.name,
    node: path,
    message: `This region lies ${where}: Linux reads only the direct children of /reserved-memory, does not set the memory aside, and uses it as its own. Move the node directly below /reserved-memory.`,
  };
}

export const reservedMemoryNoPlace: Rule = {
  id: 'reserved-memory-no-place',
  severity: 'info',
  summary: 'A reserved region of size 0, or without reg, size and iommu-addresses',
  docs: {
    effect:
      'As it stands, nothing is reserved (“failed to reserve memory for node …: base …, size 0 MiB”), and drivers that look for the region do not find it. Some boot loaders fill such nodes in.',
    why: 'A region has its place from `reg`, or a `size` that the kernel finds a place for; one of IOVA space alone has `iommu-addresses`.',
    fix: 'Write the place or the size; remove the node if no boot loader completes it.',
    sources: [`${reservedMem} __reserved_mem_reserve_reg, __reserved_mem_alloc_size`],
    example: {
      failing: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x0>;
		no-map;
	};
};`,
      corrected: `&{/reserved-memory} {
	firmware@90000000 {
		reg = <0x0 0x90000000 0x0 0x100000>;
		no-map;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format', 'reserved-memory-reg-length'],
  *check({ tree }) {
    if (tree.isPlugin) return;
    for (const { node, path, reg, entries, source } of readChildren(tree)) {
      if (reg === undefined) {
        if (node.properties.has('size') || node.properties.has('iommu-addresses') || node.children.size > 0) continue;
        yield {
          about: path,
          range: source,
          node: path,
          message: `${path} has neither reg nor size, nor iommu-addresses: nothing is reserved, unless a boot loader completes the node.`,
        };
        continue;
      }
      const empty = entries.find(({ size }) => size === 0n);
      if (empty === undefined) continue;
      yield {
        about: path,
        range: empty.source ?? reg.definitions.at(-1)?.whole ?? source,
        node: path,
        message: `The region at ${withSize(empty.start)} has size 0: Linux says “failed to reserve memory” and reserves nothing there, unless a boot loader completes the node.`,
      };
    }
  },
};

export const reservedMemoryNotAllocated: Rule = {
  id: 'reserved-memory-not-allocated',
  severity: 'error',
  summary: 'A region that the kernel is to place itself cannot be placed: malformed size, alignment or alloc-ranges',
  docs: {
    effect:
      'The region does not exist (“failed to allocate memory for node …”, “invalid size property”): drivers that need it fail to probe, or fall back to other memory.',
    why: '`size` has the root’s size cells, `alignment` its *address* cells, `alloc-ranges` whole pairs of both; the region must fit into one of the ranges.',
    fix: 'Write them with the root’s cells; enlarge the range or reduce the size.',
    sources: [`${reservedMem} __reserved_mem_alloc_size, __reserved_mem_alloc_in_range`],
    example: {
      failing: `&{/reserved-memory} {
	pool {
		compatible = "shared-dma-pool";
		reusable;
		size = <0x0 0x10000000>;
		alloc-ranges = <0x0 0x80000000 0x0 0x8000000>;
	};
};`,
      corrected: `&{/reserved-memory} {
	pool {
		compatible = "shared-dma-pool";
		reusable;
		size = <0x0 0x10000000>;
		alloc-ranges = <0x0 0x80000000 0x0 0x20000000>;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format'],
  *check({ tree }) {
    if (tree.isPlugin) return;
    const counts = { address: addressCells(tree.root), size: sizeCells(tree.root) };
    for (const { node, path, reg, source } of readChildren(tree)) {
      const size = node.properties.get('size');
      if (reg !== undefined || size === undefined || size.data.broken) continue;
      const problem = allocationProblem(node, size, counts);
      if (problem === undefined) continue;
      yield {
        about: path,
        range: problem.property.definitions.at(-1)?.whole ?? source,
        node: path,
        message: `${problem.text}: Linux does not place ${path}, and drivers that need the region do without.`,
        evidence: evidenceAt([problem.property === size ? undefined : size.definitions.at(-1)?.whole, 'The size']),
      };
    }
  },
};

interface AllocationProblem {
  readonly property: DtProperty;
  readonly text: string;
}

function allocationProblem(
  node: DtNode,
  size: DtProperty,
  counts: { readonly address: number; readonly size: number },
): AllocationProblem | undefined {
  const bytes = (property: DtProperty) => property.data.bytes.length;
  if (bytes(size) !== counts.size * 4) {
    return {
      property: size,
      text: `size has ${count(bytes(size) / 4, 'cell')}, and the root ${counts.size} (#size-cells)`,
    };
  }
  const wanted = readNumber(cells(size)!, 0, counts.size);
  if (wanted === 0n) return { property: size, text: 'size is 0' };
  const alignment = node.properties.get('alignment');
  if (alignment !== undefined && !alignment.data.broken && bytes(alignment) !== counts.address * 4) {
    const text = `alignment has ${count(bytes(alignment) / 4, 'cell')}, and the root ${counts.address} (#address-cells, which Linux reads it by)`;
    return { property: alignment, text };
  }
  const ranges = node.properties.get('alloc-ranges');
  if (ranges === undefined || ranges.data.broken || bytes(ranges) === 0) return undefined;
  const each = counts.address + counts.size;
  if (bytes(ranges) % (each * 4) !== 0) {
    return { property: ranges, text: `alloc-ranges has ${bytes(ranges)} bytes, and an entry ${each * 4}` };
  }
  const values = cells(ranges)!;
  let largest = 0n;
  for (let at = 0; at + each <= values.length; at += each) {
    const length = readNumber(values, at + counts.address, counts.size);
    if (length > largest) largest = length;
  }
  if (wanted <= largest) return undefined;
  return {
    property: ranges,
    text: `size is ${humanSize(wanted)}, and the largest of alloc-ranges has ${humanSize(largest)}`,
  };
}
