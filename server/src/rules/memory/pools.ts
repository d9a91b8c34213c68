// Properties of reserved regions that contradict each other, and pools that cannot be set up.
import type { Fix } from '../../text/diagnostic';
import { insertProperty } from '../address-edits';
import { humanSize, withSize } from '../numbers';
import { evidenceAt, type Rule } from '../rule';
import { rangeOfEntry, readChildren, type ReservedChild } from './kernel-reading';

const initNode = 'Linux drivers/of/of_reserved_mem.c fdt_init_reserved_mem_node';
const cmaSetup = 'Linux kernel/dma/contiguous.c rmem_cma_setup';

export const noMapReusable: Rule = {
  id: 'reserved-memory-no-map-reusable',
  severity: 'warning',
  summary: 'A reserved region is both no-map and reusable',
  docs: {
    effect:
      'A `shared-dma-pool` with both is set up neither as CMA nor as a coherent pool, and then *given back*: the memory is ordinary memory, and devices that name the region get none. Other regions are just not mapped, and `reusable` says nothing.',
    why: 'Reusable memory is used by the kernel for movable pages, so it must be in its map; both set-up functions refuse the combination, and after a failed set-up the reservation is undone.',
    fix: 'Leave out `no-map` for a CMA pool, `reusable` for a pool that the kernel is not to touch.',
    sources: [
      initNode,
      `${cmaSetup}, Linux kernel/dma/coherent.c rmem_dma_setup`,
      'dtschema reserved-memory.yaml (no-map and reusable exclude each other)',
    ],
    example: {
      failing: `&{/reserved-memory} {
	pool@90000000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90000000 0x0 0x4000000>;
		no-map;
		reusable;
	};
};`,
      corrected: `&{/reserved-memory} {
	pool@90000000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90000000 0x0 0x4000000>;
		reusable;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format'],
  *check({ tree }) {
    for (const child of readChildren(tree)) {
      if (!child.noMap || !child.reusable) continue;
      yield {
        about: child.path,
        range: place(child, 'reusable') ?? child.source,
        node: child.path,
        message: `${child.path} is both no-map and reusable, which exclude each other: ${child.isPool ? 'Linux sets the pool up neither way and gives the memory back to itself, and devices that name the region get none' : 'it is not mapped, and reusable says nothing'}. Leave one of them out.`,
        evidence: evidenceAt([place(child, 'no-map'), 'no-map']),
        fixes: [...removeFix(child, 'no-map'), ...removeFix(child, 'reusable')],
      };
    }
  },
};

function place({ node }: ReservedChild, name: string) {
  return node.properties.get(name)?.definitions.at(-1)?.whole;
}

function removeFix(child: ReservedChild, name: string): Fix[] {
  const range = place(child, name);
  // With several definitions the one before would come into force.
  if (range === undefined || child.node.properties.get(name)!.definitions.length > 1) return [];
  return [{ title: `Remove ${name}`, change: () => ({ edits: [{ ...range, newText: '' }] }) }];
}

export const cmaRegionMisaligned: Rule = {
  id: 'cma-region-misaligned',
  severity: 'warning',
  summary: 'A CMA pool does not start and end where CMA can begin and end',
  docs: {
    effect:
      '“incorrect alignment of CMA region”: the pool is not set up and its memory given back; devices that name the region, or all of them if it is `linux,cma-default`, do without.',
    why: 'CMA works in page blocks: 2 MiB with 4 KiB pages, 32 MiB with 16 KiB, 512 MiB with 64 KiB (CMA_MIN_ALIGNMENT_BYTES on arm64; 32-bit Arm asks for 4 MiB).',
    fix: 'Align base and size to the page block of the largest page size that the board is to boot with, or use `size` and `alloc-ranges`, which the kernel aligns itself.',
    sources: [cmaSetup, 'Linux drivers/of/of_reserved_mem.c __reserved_mem_alloc_size'],
    example: {
      failing: `&{/reserved-memory} {
	pool@90100000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90100000 0x0 0x4000000>;
		reusable;
	};
};`,
      corrected: `&{/reserved-memory} {
	pool@90200000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90200000 0x0 0x4000000>;
		reusable;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format', 'reserved-memory-reg-length', 'reserved-memory-no-map-reusable'],
  *check({ tree, kernel }) {
    const block = pageBlock(kernel.pageSize);
    for (const { isPool, reusable, noMap, entries, path, source, reg } of readChildren(tree)) {
      const [first] = entries;
      if (!isPool || !reusable || noMap || first === undefined || rangeOfEntry(first) === undefined) continue;
      if (first.start % block === 0n && first.size % block === 0n) continue;
      const what = first.start % block === 0n ? `size ${withSize(first.size)}` : `base ${withSize(first.start)}`;
      yield {
        about: path,
        range: first.source ?? reg?.definitions.at(-1)?.whole ?? source,
        node: path,
        message: `Its ${what} is no multiple of ${humanSize(block)}, the least that CMA can begin and end at with pages of ${humanSize(kernel.pageSize)}: Linux says “incorrect alignment of CMA region”, sets up no pool and takes the memory back. Align base and size.`,
      };
    }
  },
};

/** A page block on arm64: as large as one entry of the level above pages. */
function pageBlock(pageSize: bigint): bigint {
  return pageSize * (pageSize / 8n);
}

export const poolDefaultIgnored: Rule = {
  id: 'pool-default-ignored',
  severity: 'warning',
  summary: 'linux,cma-default or linux,dma-default on a region that is no such pool, or on two',
  docs: {
    effect:
      'The property is not looked at: the default pool is the kernel’s own, of the size that its configuration or `cma=` gives. With two default pools the last one set up wins, and the other is used only by devices that name it.',
    why: '`linux,cma-default` is read when a `shared-dma-pool` with `reusable` and without `no-map` is set up as CMA; `linux,dma-default` when one without `reusable` becomes a coherent pool.',
    fix: 'Add what is missing (`compatible = "shared-dma-pool"`, `reusable`), or leave the property out.',
    sources: [cmaSetup, 'Linux kernel/dma/coherent.c rmem_dma_setup'],
    example: {
      failing: `&{/reserved-memory} {
	pool@90000000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90000000 0x0 0x4000000>;
		linux,cma-default;
	};
};`,
      corrected: `&{/reserved-memory} {
	pool@90000000 {
		compatible = "shared-dma-pool";
		reg = <0x0 0x90000000 0x0 0x4000000>;
		reusable;
		linux,cma-default;
	};
};`,
    },
  },
  prerequisites: ['reserved-memory-format', 'reserved-memory-no-map-reusable', 'cma-region-misaligned'],
  *check({ tree }) {
    const defaults: ReservedChild[] = [];
    for (const child of readChildren(tree)) {
      const isCma = child.node.properties.has('linux,cma-default');
      const name = isCma ? 'linux,cma-default' : 'linux,dma-default';
      if (!isCma && !child.node.properties.has(name)) continue;
      const lack = whatIsMissing(child, isCma);
      if (lack !== undefined) {
        yield {
          about: child.path,
          range: place(child, name) ?? child.source,
          node: child.path,
          message: `${name} is not looked at here, because ${lack}: the default pool is the kernel's own. Add what is missing, or leave the property out.`,
          fixes: reusableFix(child, isCma),
        };
      } else if (isCma) defaults.push(child);
    }
    for (const child of defaults.slice(1)) {
      yield {
        about: child.path,
        range: place(child, 'linux,cma-default') ?? child.source,
        node: child.path,
        message: `${defaults[0]!.path} is linux,cma-default as well: the pool that is set up last becomes the default, the other is used only by devices that name it. Leave the property to one of them.`,
        evidence: evidenceAt([place(defaults[0]!, 'linux,cma-default'), 'The other default']),
      };
    }
  },
};

function reusableFix({ node, isPool, reusable, noMap, path }: ReservedChild, isCma: boolean): Fix[] {
  const change = isCma && isPool && !reusable && !noMap ? insertProperty(node, 'reusable;') : undefined;
  return change === undefined ? [] : [{ title: `Make ${path} reusable`, isPreferred: true, change }];
}

function whatIsMissing({ isPool, reusable, noMap }: ReservedChild, isCma: boolean): string | undefined {
  if (!isPool) return 'the node has no compatible = "shared-dma-pool"';
  if (isCma) return reusable ? (noMap ? 'it is no-map' : undefined) : 'it is not reusable';
  return reusable ? 'it is reusable, which makes it CMA' : undefined;
}
