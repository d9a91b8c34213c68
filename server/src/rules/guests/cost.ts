// What reserved regions inside guest RAM cost where a VMM leaves them out: large blocks of the page table.
import { blockMappings, blocksText } from '../../iova/plan/block-mappings';
import { properRam } from '../../iova/guests/layout';
import type { GroupRegion } from '../../iova/prediction';
import { blockSizes } from '../../iova/vfio/address-space';
import { excludes } from '../../iova/vfio/dma-map';
import { oncePerGroup } from '../masters';
import { count, formatRange, humanSize } from '../numbers';
import { misread } from '../reservations';
import { evidenceAt, type MachineRule } from '../rule';
import { deviceNames, isBindable } from '../vfio/devices';
import { ramPieces, ramText } from './ram';

export const hugepageCost: MachineRule = {
  id: 'hugepage-cost',
  severity: 'info',
  summary: 'A reserved region breaks large blocks of a guest’s RAM',
  docs: {
    effect:
      'A VMM that leaves the region out of the guest’s RAM maps the rest in smaller pieces: more page table entries, more misses in the IOMMU’s TLB, and slower DMA. A hole of 4 KiB turns one block of 1 GiB into 511 of 2 MiB and 511 of 4 KiB.',
    why: 'An SMMU with pages of 4 KiB maps 1 GiB, 2 MiB or 4 KiB at a time; with 16 KiB it is 32 MiB, with 64 KiB it is 512 MiB. A block that a hole touches falls apart into all the smaller ones around it.',
    fix: 'Move the reservation out of the RAM, to its end, or next to another hole; make it whole blocks. Where the cost does not matter, switch the rule off.',
    kernels: 'all kernels; regions of `iommu-addresses` exist from Linux 6.3 on',
    sources: [
      'Linux drivers/iommu/io-pgtable-arm.c arm_lpae_restrict_pgsizes',
      'Linux drivers/iommu/iommu.c iommu_pgsize',
    ],
    example: {
      failing: `&{/reserved-memory} {
	hole: hole {
		iommu-addresses = <&dma 0x0 0x90000000 0x0 0x1000>;
	};
};

&dma {
	memory-region = <&hole>;
};`,
      settings: { guests: { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } } },
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
  prerequisites: [...misread, 'direct-region'],
  *check(input) {
    const { prediction, settings, kernel } = input;
    const pieces = ramPieces(input);
    if (pieces.length === 0) return;
    const seen = new Set<string>();
    for (const group of prediction.groups.filter(isBindable)) {
      const { holes, sizes, key } = brokenBlocks(group, kernel);
      // Most groups have the window alone.
      if (seen.has(key)) continue;
      seen.add(key);
      for (const guest of settings.guests ?? []) {
        const ram = properRam(guest);
        const cost = blockMappings(
          ram,
          holes.map(({ range }) => range),
          kernel.pageSize,
          sizes,
        );
        const sum = `${blocksText(cost.without)} without holes, ${blocksText(cost.with)} with ${cost.holes.length === 1 ? 'it' : `all ${cost.holes.length} of them`}`;
        for (const { hole, extra, text } of cost.holes) {
          if (extra <= 0n) continue;
          const region = holes.find(({ range }) => range === hole);
          if (region === undefined) continue;
          const hit = pieces.filter((piece) => piece.guest === guest && touches(piece.ram, region));
          const first = region.parts.find((part) => part.region.source !== undefined) ?? region.parts[0];
          const node = first?.region.reservation?.node;
          const gone = cost.gone === undefined ? '' : ` No block of ${humanSize(cost.gone)} is left.`;
          yield {
            about: node === undefined ? `window of ${guest.name}` : `${node.path} for ${first?.device.path ?? ''}`,
            range: first?.region.source ?? hit[0]?.place ?? first?.device.iommu.source,
            node: node?.path ?? first?.device.path,
            message:
              `Left out of the ${hit.map(ramText).join(', ')}, the ${region.type} region ${formatRange(hole)} of ${deviceNames(group.devices)}${node === undefined || first?.region.reservation?.origin === 'rmr' ? '' : ' (from Linux 6.3 on)'} costs ${count(Number(extra), 'more block')} of the IOMMU's page table: ${text}. ` +
              `In sum the guest's RAM takes ${sum}.${gone}`,
            evidence: evidenceAt(...hit.map((piece) => [piece.place, `The ${ramText(piece)}`] as const)),
          };
        }
      }
    }
  },
};

/** What breaks blocks of which sizes; groups with one key are alike. */
const brokenBlocks = oncePerGroup(({ regions, devices }, kernel) => {
  const holes = regions.filter(excludes);
  const sizes = blockSizes(devices[0]!.iommu, kernel);
  return { holes, sizes, key: `${sizes.join()} ${holes.map(({ range }) => `${range.start} ${range.end}`).join()}` };
});

function touches({ start, end }: { readonly start: bigint; readonly end: bigint }, { range }: GroupRegion): boolean {
  return start <= range.end && range.start <= end;
}
