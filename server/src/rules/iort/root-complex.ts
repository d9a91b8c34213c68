// Root complexes: segments, ATS, PASIDs.
import type { RootComplexNode } from '../../acpi/iort/model';
import { hex } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableRule } from '../table-rule';
import { setFix } from './edits';
import { finding, nodeRevision, nodesOf, placeOf, theNode } from './finding';
import { raiseFix } from './nodes';
import { amendment, firmwareTestSuite, linux, specification } from './sources';

const complex = [
  ...[
    'Type : 02',
    'Length : 0038',
    'Revision : 04',
    'Identifier : 00000008',
    'Mapping Count : 00000001',
    'Mapping Offset : 00000024',
    '',
  ],
  ...[
    'Memory Properties : [IORT Memory Access Properties]',
    'Cache Coherency : 00000001',
    'Hints (decoded below) : 00',
  ],
  ...[
    'Transient : 0',
    'Write Allocate : 0',
    'Read Allocate : 0',
    'Override : 0',
    'Reserved : 0000',
    'Memory Flags (decoded below) : 03',
  ],
  ...['Coherency : 1', 'Device Attribute : 1', 'Ensured Coherency of Accesses : 0', 'ATS Attribute : 00000000'],
];
const complexRest = [
  ...['Memory Size Limit : 40', 'PASID Capabilities : 0000', 'Reserved : 00', ''],
  ...['Input base : 00000000', 'ID Count : 0000FFFF', 'Output Base : 00030000', 'Output Reference : 00000030'],
  ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
];

export const iortRcSegmentDuplicate: TableRule = {
  id: 'iort-rc-segment-duplicate',
  severity: 'error',
  summary: 'Two root complexes have the same PCI segment',
  docs: {
    effect: 'Linux uses the first; the mappings, limit and attributes of the second never count.',
    why: 'Linux looks a function’s root complex up by its segment number and takes the first node that has it (“Each segment number can represent only one root complex”).',
    fix: 'Give the second its own segment, its `_SEG`, or merge the mappings into the first.',
    sources: [linux('iort_match_node_callback'), specification('root complex node')],
    example: {
      failing: amendment('Second root complex', ...complex, 'PCI Segment Number : 00000000', ...complexRest),
      corrected: amendment('Second root complex', ...complex, 'PCI Segment Number : 00000001', ...complexRest),
    },
  },
  sight: (node) => (node.kind === 'root-complex' ? node.values.segment?.value : undefined),
  *check(input) {
    const first = new Map<bigint, RootComplexNode>();
    for (const node of nodesOf(input, 'root-complex')) {
      const { segment } = node.values;
      if (segment === undefined) continue;
      const known = first.get(segment.value);
      if (known === undefined) {
        first.set(segment.value, node);
        continue;
      }
      const message = `The root complexes at ${hex(known.offset)} and ${hex(node.offset)} both have PCI segment ${hex(segment.value)}: Linux uses the first, nothing of this one counts`;
      const evidence = evidenceAt([
        known.values.segment && placeOf(input, known.values.segment),
        'The one that counts',
      ]);
      yield finding(input, segment, node, message, { evidence });
    }
  },
};

export const iortRcAts: TableRule = {
  id: 'iort-rc-ats',
  severity: 'warning',
  summary: 'Bits of the ATS attribute that are reserved, too young for the node, or meaningless without ATS',
  docs: {
    effect:
      'fwts reports reserved bits. Linux reads bit 0 (ATS) alone; readers that know more are told something that the node’s revision cannot say.',
    why: 'Bit 0 is ATS, bit 1 PRI (node revision 2), bit 2 forwarding of PASIDs (node revision 3). Page requests come from the translation cache that ATS fills: there is no PRI without it.',
    fix: 'Clear the bits.',
    sources: [firmwareTestSuite, specification('root complex node'), linux('iort_pci_rc_supports_ats')],
    example: {
      failing: amendment('Root complex', 'ATS Attribute : 00000002'),
      corrected: amendment('Root complex', 'ATS Attribute : 00000003'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex')) {
      const { atsAttribute } = node.values;
      if (atsAttribute === undefined) continue;
      const revision = nodeRevision(node);
      const { value } = atsAttribute;
      const defined = revision >= 3 ? 7n : revision >= 2 ? 3n : 1n;
      const fix = (title: string, bits: bigint) => setFix(input, title, [[atsAttribute, bits]], { isPreferred: true });
      if ((value & ~defined) !== 0n) {
        const young = value & ~defined & 7n;
        const what =
          young === 0n ? 'bits 3 to 31 are reserved' : `node revision ${revision} defines ${hex(defined)} of them`;
        const message = `The ATS attribute of ${theNode(node)} is ${hex(value)}: ${what}`;
        const since = (value & 4n) !== 0n ? 3 : 2;
        const raise = value >> 3n === 0n ? raiseFix(input, node, since) : [];
        const clear = fix('Clear the bits that the revision does not have', value & defined);
        yield finding(input, atsAttribute, node, message, { fixes: [clear, ...raise] });
      } else if ((value & 3n) === 2n) {
        const message = `${theNode(node)} supports page requests (PRI) but not ATS, which they need`;
        yield finding(input, atsAttribute, node, message, {
          fixes: [fix('Clear PRI', value & ~2n), setFix(input, 'Set ATS', [[atsAttribute, value | 1n]])],
        });
      }
    }
  },
};

export const iortRcPasid: TableRule = {
  id: 'iort-rc-pasid',
  severity: 'warning',
  summary: 'PASID capabilities that the specification does not allow',
  docs: {
    effect:
      'Linux does not read them (it asks the functions); fwts reports reserved bits, other systems are told a width that cannot be.',
    why: 'The lowest five bits are the width of PASIDs, 0 to 20; the flag PASID Supported in the field behind says whether it counts. Both came with node revision 4 (issue E.d), before the bytes were reserved. iasl knows no line for the flag and never writes it.',
    fix: 'Clear the field, or raise the node’s revision.',
    sources: [specification('root complex node'), firmwareTestSuite],
    example: {
      failing: amendment('Root complex', 'PASID Capabilities : 0015'),
      corrected: amendment('Root complex', 'PASID Capabilities : 0000'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'root-complex')) {
      const { pasidCapabilities: capabilities, flags } = node.values;
      if (flags !== undefined && nodeRevision(node) >= 4 && (flags.value & ~1n) !== 0n) {
        const message = `The flags of ${theNode(node)} are ${hex(flags.value)}: bits 1 to 31 are reserved`;
        const fix = setFix(input, 'Clear the reserved bits', [[flags, flags.value & 1n]], { isPreferred: true });
        yield finding(input, flags, node, message, { fixes: [fix] });
      }
      if (capabilities === undefined || capabilities.value === 0n) continue;
      const width = capabilities.value & 0x1fn;
      const isSupported = flags !== undefined && (flags.value & 1n) !== 0n;
      const what =
        nodeRevision(node) < 4
          ? `has PASID capabilities ${hex(capabilities.value)}, but node revision ${nodeRevision(node)}: the bytes are reserved before 4`
          : (capabilities.value & ~0x1fn) !== 0n
            ? `has PASID capabilities ${hex(capabilities.value)}: bits 5 to 15 are reserved`
            : width > 20n
              ? `says that PASIDs have ${width} bits; 20 are the most`
              : isSupported
                ? undefined
                : `says that PASIDs have ${width} bits, but not that they are supported (bit 0 of the flags${flags === undefined ? ', which the node is too short for' : ''})`;
      if (what === undefined) continue;
      const clear = setFix(input, 'Set the PASID capabilities to 0', [[capabilities, 0n]], { isPreferred: true });
      yield finding(input, capabilities, node, `${theNode(node)} ${what}`, { fixes: [clear] });
    }
  },
};
