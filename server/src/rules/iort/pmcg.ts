// Performance monitor counter groups: what they count for, and their pages.
import { hex } from '../numbers';
import type { TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, mappingName, nodeRevision, nodesOf, theNode, wayTo } from './finding';
import { nearestFixes, whereIs } from './references';
import { amendment, linux, specification } from './sources';

export const iortPmcgIrq: TableRule = {
  id: 'iort-pmcg-irq',
  severity: 'error',
  summary: 'A counter group has too many mappings, one that is not single, or none and no interrupt',
  docs: {
    effect:
      'Without an interrupt Linux does not probe the group (“Setup irq failed, PMU @…”), and perf does not list it. A mapping beside a wired interrupt is never read; of several, Linux reads the first; one that is not single gives no device ID.',
    why: 'The overflow interrupt is wired (a GSIV) or an MSI (GSIV 0 and one single mapping to an ITS group), one of the two.',
    fix: 'Name the interrupt, or keep one single mapping to the ITS group.',
    sources: [
      linux('iort_get_id_mapping_index, arm_smmu_v3_pmcg_init_resources'),
      'Linux drivers/perf/arm_smmuv3_pmu.c smmu_pmu_setup_irq',
      'EDK2 AcpiView ValidatePmcgIdMappingCount',
      specification('PMCG node'),
    ],
    example: {
      failing: amendment('PMCG', 'Overflow Interrupt GSIV : 00000000'),
      corrected: amendment('PMCG', 'Overflow Interrupt GSIV : 00000070'),
    },
  },
  prerequisites: ['iort-mapping-outside-node'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'pmcg')) {
      const { overflowGsiv } = node.values;
      const { mappingCount } = node.header;
      if (mappingCount.value > 1n) {
        const message = `${theNode(node)} has ${mappingCount.value} ID mappings; one, for the overflow interrupt, is the most`;
        yield finding(input, node.mappings[1]?.inputBase ?? mappingCount, node, message);
      }
      const mapping = node.mappings[0];
      if (mapping !== undefined && !mapping.single) {
        const { flags } = mapping;
        const fix = setFix(input, 'Set Single Mapping', [[flags, flags.value | 1n]], { isPreferred: true });
        const message = `${mappingName(node, mapping)} of ${theNode(node)} is not single: its MSI gets no device ID`;
        yield finding(input, flags, node, message, { fixes: [fix] });
      }
      if (overflowGsiv === undefined) continue;
      if (overflowGsiv.value === 0n && mappingCount.value === 0n) {
        const message = `${theNode(node)} has no overflow interrupt: neither a GSIV nor a mapping for an MSI. Linux does not probe it (“Setup irq failed”)`;
        yield finding(input, overflowGsiv, node, message, { severity: 'warning' });
      } else if (overflowGsiv.value !== 0n && mappingCount.value > 0n) {
        const message = `${theNode(node)} has a wired overflow interrupt (${hex(overflowGsiv.value)}) and a mapping for an MSI: Linux uses the wire`;
        const fix = setFix(input, 'Use the MSI: write 0', [[overflowGsiv, 0n]]);
        yield finding(input, overflowGsiv, node, message, { severity: 'warning', fixes: [fix] });
      }
    }
  },
};

export const iortPmcgRef: TableRule = {
  id: 'iort-pmcg-ref',
  severity: 'error',
  summary: 'A counter group does not say whose it is',
  docs: {
    effect:
      'Linux does not read the reference. Tools that show counters by their SMMU, and other systems, count for the wrong one or refuse the group.',
    why: 'The reference is the offset of an SMMU, a root complex or a named component in the table. As all references it moves when something in front of its target grows.',
    fix: 'Refer to the node that the counters belong to.',
    sources: [specification('PMCG node')],
    example: {
      failing: amendment('PMCG', 'Node Reference : 00000044'),
      corrected: amendment('PMCG', 'Node Reference : 00000048'),
    },
  },
  prerequisites: ['iort-node-length', 'iort-node-offset'],
  perNode: true,
  *check(input) {
    const kinds = ['smmuv3', 'smmu', 'root-complex', 'named-component'] as const;
    for (const node of nodesOf(input, 'pmcg')) {
      const { nodeReference } = node.values;
      if (nodeReference === undefined) continue;
      const target = input.table.nodeAt(Number(nodeReference.value));
      if (target !== undefined && (target.kind === 'unknown' || (kinds as readonly string[]).includes(target.kind)))
        continue;
      const where = target === undefined ? whereIs(input.table, nodeReference.value) : `which is ${theNode(target)}`;
      const message = `${theNode(node)} refers to ${hex(nodeReference.value)}, ${where}: an SMMU, a root complex or a named component is meant`;
      yield finding(input, nodeReference, node, message, {
        restsOn: ['table', ...wayTo(input, Number(nodeReference.value))],
        fixes: nearestFixes(input, nodeReference, kinds),
      });
    }
  },
};

export const iortPmcgPage1: TableRule = {
  id: 'iort-pmcg-page1',
  severity: 'error',
  summary: 'A counter group’s register pages are missing or unaligned',
  docs: {
    effect:
      'A group whose counters lie in page 1 does not probe without it: the driver gets no second resource, or one at address 0 (a warning). Registers at an unaligned address are others.',
    why: 'The pages are 4 KiB each. The second came with issue D (node revision 1): in a node of revision 0 Linux does not look for it. Whether a group has its counters there only its registers tell.',
    fix: 'Give both addresses, in a node of revision 1 at least; for a group that has one page alone, give that one twice.',
    sources: [linux('arm_smmu_v3_pmcg_init_resources'), 'Linux drivers/perf/arm_smmuv3_pmu.c smmu_pmu_probe'],
    example: {
      failing: amendment('PMCG', 'Page 1 Base Address : 0000000000000000'),
      corrected: amendment('PMCG', 'Page 1 Base Address : 000000002B450000'),
    },
  },
  prerequisites: ['iort-node-too-short'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'pmcg')) {
      const { page0Base, page1Base } = node.values;
      const bases = [page0Base, page1Base].flatMap((value) => (value === undefined ? [] : [value]));
      const unaligned = bases.filter(({ value }) => value % 0x1000n !== 0n);
      for (const base of unaligned) {
        const message = `${base.field.label} of ${theNode(node)} is ${hex(base.value)}, no multiple of 4 KiB`;
        yield finding(input, base, node, message);
      }
      if (page0Base?.value === 0n) {
        yield finding(input, page0Base, node, `${theNode(node)} has no registers: Page 0 Base Address is 0`);
      } else if (nodeRevision(node) === 0) {
        const message = `${theNode(node)} has revision 0, in which Linux does not look for page 1: counters that lie there cannot be used`;
        const fixes =
          page1Base === undefined || page1Base.value === 0n
            ? []
            : [setFix(input, 'Raise the node’s revision to 1', [[node.header.revision, 1n]], { isPreferred: true })];
        yield finding(input, node.header.revision, node, message, { severity: 'warning', fixes });
      } else if (page1Base === undefined || page1Base.value === 0n) {
        const fixes =
          page1Base === undefined || page0Base === undefined
            ? []
            : [setFix(input, 'Give page 0 twice', [[page1Base, page0Base.value]])];
        const message = `${theNode(node)} has no page 1: counters that lie there cannot be used`;
        yield finding(input, page1Base ?? node.header.length, node, message, { severity: 'warning', fixes });
      }
    }
  },
};
