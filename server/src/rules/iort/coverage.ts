// Requester IDs that no mapping of their root complex takes.
import type { IortNode, RootComplexNode } from '../../acpi/iort/model';
import type { Fix } from '../../text/diagnostic';
import { hex, list } from '../numbers';
import type { TableInput, TableRule } from '../table-rule';
import { insertMappingFix, setFix } from './edits';
import { allNodesOf, finding, mappingKey, nodesOf, rangeText, theNode } from './finding';
import { amendment, linux } from './sources';
import { streamsMeeting } from './streams';
import { rangeMappings, uncovered, type IdRange } from './translation';

export const iortMappingGap: TableRule = {
  id: 'iort-mapping-gap',
  severity: 'info',
  summary: 'Requester IDs of a root complex that no mapping takes',
  docs: {
    effect:
      'A function with such a requester ID has no IOMMU and cannot be passed through; its MSIs carry the requester ID unchanged and find no ITS. Where the root complex has no mapping at all that holds for everything behind it (a warning then).',
    why: 'Where no mapping takes the ID, Linux’s look-up fails and leaves the ID as it is.',
    fix: 'Complete the mappings, unless those buses do not exist.',
    sources: [linux('iort_node_map_id, iort_pci_iommu_init')],
    example: {
      failing: amendment('Root complex', 'Input base : 00000000', 'ID Count : 000000FF'),
      corrected: amendment('Root complex', 'Input base : 00000000', 'ID Count : 0000FFFF'),
    },
  },
  prerequisites: ['iort-mapping-outside-node', 'iort-node-too-short', 'iort-rc-segment-duplicate'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex')) {
      if (node.mappings.length === 0) {
        const message = `${theNode(node)} has no ID mapping: no function behind it has an IOMMU, and MSIs find no ITS`;
        const fixes = addedMapping(input, node, { start: 0n, end: 0xffffn });
        yield finding(input, node.header.mappingCount, node, message, { severity: 'warning', fixes });
        continue;
      }
      if (node.mappings.some(({ single }) => single)) continue;
      const gaps = uncovered({ start: 0n, end: 0xffffn }, rangeMappings(input, node));
      if (gaps.length === 0) continue;
      const message = `No mapping of ${theNode(node)} takes the requester IDs ${list(gaps.map(rangeText))}: functions there have no IOMMU, and their MSIs find no ITS`;
      const at = node.mappings[0]!.inputBase;
      const [first] = gaps;
      const fixes = gaps.length === 1 && first !== undefined ? closedGap(input, node, first) : [];
      yield finding(input, at, node, message, { restsOn: node.mappings.map(mappingKey), fixes });
    }
  },
};

/** Where a mapping to an SMMU ends just before the gap it can go on; else a mapping is added. */
function closedGap(input: TableInput, node: RootComplexNode, gap: IdRange): Fix[] {
  const before = rangeMappings(input, node).find(
    ({ end, mapping }) => end + 1n === gap.start && isSmmu(mapping.target),
  );
  if (before === undefined) return addedMapping(input, node, gap);
  const { mapping, start } = before;
  const offset = mapping.outputBase.value - start;
  if (!isFree(input, mapping.target, { start: gap.start + offset, end: gap.end + offset })) return [];
  const ids = gap.end - start;
  const title = `Extend mapping ${mapping.index + 1} to requester ID ${hex(gap.end)}`;
  return [setFix(input, title, [[mapping.count, ids]], { isPreferred: true })];
}

/** Mappings of the requester IDs, unchanged, to the SMMUs on which those stream IDs are free. */
function addedMapping(input: TableInput, node: RootComplexNode, { start, end }: IdRange): Fix[] {
  return allNodesOf(input, 'smmuv3', 'smmu')
    .filter((smmu) => isFree(input, smmu, { start, end }))
    .slice(0, 3)
    .map((smmu) =>
      insertMappingFix(input, `Map ${rangeText({ start, end })} to ${theNode(smmu)}`, node, {
        inputBase: start,
        count: end - start,
        outputBase: start,
        target: smmu,
      }),
    );
}

function isSmmu(node: IortNode | undefined): boolean {
  return node?.kind === 'smmuv3' || node?.kind === 'smmu';
}

/** Nobody has the stream IDs, and those of an SMMU with mappings have a way to an ITS. */
function isFree(input: TableInput, smmu: IortNode | undefined, ids: IdRange): boolean {
  if (smmu === undefined || ids.end > 0xffffffffn) return false;
  const isServed = smmu.mappings.length === 0 || uncovered(ids, rangeMappings(input, smmu)).length === 0;
  return isServed && streamsMeeting(input.table, smmu, ids).length === 0;
}
