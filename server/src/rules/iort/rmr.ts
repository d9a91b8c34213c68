// RMR nodes as such: which of them Linux reads at all, and their ranges.
import type { IortNode, RmrDescriptor, RmrNode } from '../../acpi/iort/model';
import { formatRange, hex, withSize } from '../numbers';
import { evidenceAt } from '../rule';
import type { TableInput, TableRule } from '../table-rule';
import { setFix } from './edits';
import {
  descriptorName,
  finding,
  mappingKey,
  mappingName,
  nodeKey,
  nodesOf,
  placeOf,
  tableRevision,
  theNode,
} from './finding';
import { targetFixes } from './references';
import { acpiView, amendment, firmwareTestSuite, linux, specification } from './sources';

const granule = 0x10000n;
const mappingSize = 20;
const descriptorSize = 20;

export function descriptorKey({ offset }: RmrDescriptor): string {
  return `descriptor ${offset}`;
}

/** The memory that a descriptor keeps; undefined for one of no length. */
export function rangeOf({ base, length }: RmrDescriptor): { readonly start: bigint; readonly end: bigint } | undefined {
  return length.value === 0n ? undefined : { start: base.value, end: base.value + length.value - 1n };
}

/** Which memory an RMR node keeps. */
export function descriptorSight(node: IortNode): string | undefined {
  return node.kind === 'rmr'
    ? node.descriptors.map(({ base, length }) => `${base.value} ${length.value}`).join()
    : undefined;
}

export const iortRmrTableRevision: TableRule = {
  id: 'iort-rmr-table-revision',
  severity: 'error',
  summary: 'RMR nodes in a table whose revision makes Linux ignore them',
  docs: {
    effect:
      'The regions are not reserved and not mapped: devices that go on using the memory (a display, a controller with firmware of its own) fault as soon as the SMMU is set up.',
    why: '“Only supports ARM DEN 0049E.d onwards”: Linux looks at RMR nodes in tables of revision 5 and later. The node’s own revision is not read.',
    fix: 'Raise the table’s revision to 5, and the node’s to 3.',
    sources: [linux('iort_find_rmrs')],
    example: {
      failing: amendment('Header', 'Revision : 03'),
      corrected: amendment('Header', 'Revision : 05'),
    },
  },
  perNode: true,
  *check(input) {
    const { revision } = input.table.header;
    const value = tableRevision(input);
    if (revision === undefined || value >= 5) return;
    for (const node of nodesOf(input, 'rmr')) {
      const message = `Linux ignores ${theNode(node)}: it reads RMR nodes in tables of revision 5 and later, and this one has ${value}`;
      const evidence = evidenceAt([placeOf(input, revision), 'The table’s revision']);
      const fix = setFix(input, 'Raise the table’s revision to 5', [[revision, 5n]], { isPreferred: true });
      yield finding(input, node.header.type, node, message, { evidence, fixes: [fix] });
    }
  },
};

export const iortRmrAlign: TableRule = {
  id: 'iort-rmr-align',
  severity: 'error',
  summary: 'A reserved range is not made of whole blocks of 64 KiB',
  docs: {
    effect:
      'Linux complains (“RMR descriptor[…] not aligned to 64K, continue with […]”) and rounds outwards to its own pages: with pages of 4 KiB it reserves another range than with 16 or 64 KiB. On a range past the end of addresses, its end wraps.',
    why: 'The table must hold for kernels with pages of 64 KiB as well, so base and length are multiples of that.',
    fix: 'Round outwards: the base down, the end up.',
    sources: [linux('iort_rmr_alloc'), acpiView, specification('RMR descriptor')],
    example: {
      failing: amendment('RMR', 'Base Address of RMR : 0000000090001000', 'Length of RMR : 0000000000001000'),
      corrected: amendment('RMR', 'Base Address of RMR : 0000000090000000', 'Length of RMR : 0000000000010000'),
    },
  },
  prerequisites: ['iort-rmr-length-zero', 'iort-rmr-no-descriptor'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      for (const descriptor of node.descriptors) {
        const { base, length } = descriptor;
        const end = base.value + length.value;
        const about = { about: descriptorKey(descriptor), restsOn: [nodeKey(node)] };
        if (length.value !== 0n && end > 1n << 64n) {
          const message = `The range of ${descriptorName(node, descriptor.index)} of ${theNode(node)} ends past 64-bit addresses: ${withSize(length.value)} from ${hex(base.value)}`;
          yield finding(input, length, node, message, about);
          continue;
        }
        if (base.value % granule === 0n && length.value % granule === 0n) continue;
        const start = base.value - (base.value % granule);
        const size = ((end + granule - 1n) / granule) * granule - start;
        const range = rangeOf(descriptor) ?? { start: base.value, end: base.value };
        const message = `${descriptorName(node, descriptor.index)} of ${theNode(node)} keeps ${formatRange(range)}, no whole blocks of 64 KiB: Linux rounds outwards to its own page size`;
        const fits = length.value > 0n && size < 1n << 64n;
        const fixes = fits
          ? [
              setFix(
                input,
                `Round outwards: ${formatRange({ start, end: start + size - 1n })}`,
                [
                  [base, start],
                  [length, size],
                ],
                { isPreferred: true },
              ),
            ]
          : [];
        yield finding(input, base.value % granule === 0n ? length : base, node, message, { ...about, fixes });
      }
    }
  },
};

export const iortRmrLengthZero: TableRule = {
  id: 'iort-rmr-length-zero',
  severity: 'error',
  summary: 'A reserved range of no length',
  docs: {
    effect:
      'Linux says “RMR descriptor[…] with zero length, continue anyway” and keeps it: sysfs lists a region whose end lies below its start.',
    why: 'A range has one byte at least, 64 KiB by its granule. Nothing is reserved by this one.',
    fix: 'Give it its length, or take the descriptor out.',
    sources: [linux('iort_rmr_desc_check_overlap'), acpiView],
    example: {
      failing: amendment('RMR', 'Length of RMR : 0000000000000000'),
      corrected: amendment('RMR', 'Length of RMR : 0000000000100000'),
    },
  },
  prerequisites: ['iort-rmr-no-descriptor'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      for (const descriptor of node.descriptors) {
        const { base, length } = descriptor;
        if (length.value !== 0n) continue;
        const message = `${descriptorName(node, descriptor.index)} of ${theNode(node)}, at ${hex(base.value)}, has no length: it reserves nothing, and sysfs shows an end below the start`;
        yield finding(input, length, node, message, { about: descriptorKey(descriptor), restsOn: [nodeKey(node)] });
      }
    }
  },
};

export const iortRmrOverlap: TableRule = {
  id: 'iort-rmr-overlap',
  severity: 'error',
  summary: 'Reserved ranges overlap',
  docs: {
    effect:
      'Within one node Linux says “RMR descriptor[…] overlaps, continue anyway”. All ranges are used; what is reserved for whom, and with which attributes, depends on the order. Ranges of one node that only touch are shown as one region (a note).',
    why: 'The specification wants one description for each piece of memory: two may contradict each other in flags and attributes.',
    fix: 'Describe each piece once; several devices that share it are several mappings of one node.',
    sources: [linux('iort_rmr_desc_check_overlap'), specification('reserved memory range node')],
    example: {
      failing: amendment(
        'RMR',
        ...['Base Address of RMR : 0000000090000000', 'Length of RMR : 0000000000100000', 'Reserved : 00000000', ''],
        ...['Base Address of RMR : 0000000090080000', 'Length of RMR : 0000000000100000', 'Reserved : 00000000'],
      ),
      corrected: amendment(
        'RMR',
        'Base Address of RMR : 0000000090000000',
        'Length of RMR : 0000000000180000',
        'Reserved : 00000000',
      ),
    },
  },
  prerequisites: ['iort-rmr-length-zero', 'iort-rmr-no-descriptor'],
  sight: descriptorSight,
  *check(input) {
    const all = nodesOf(input, 'rmr').flatMap((node) =>
      node.descriptors.flatMap((descriptor) => {
        const range = rangeOf(descriptor);
        return range === undefined ? [] : [{ node, descriptor, range }];
      }),
    );
    all.sort((a, b) =>
      a.range.start < b.range.start
        ? -1
        : a.range.start > b.range.start
          ? 1
          : a.descriptor.offset - b.descriptor.offset,
    );
    let longest = all[0];
    for (const one of all.slice(1)) {
      if (longest === undefined) continue;
      // One node's ranges have the same devices; of two nodes a device may have one alone.
      const isTouching = one.node === longest.node && one.range.start === longest.range.end + 1n;
      if (one.range.start <= longest.range.end || isTouching) {
        const [first, second] = longest.descriptor.offset < one.descriptor.offset ? [longest, one] : [one, longest];
        const where =
          first.node === second.node ? theNode(first.node) : `${theNode(second.node)} and ${theNode(first.node)}`;
        const message = `The ranges ${formatRange(first.range)} and ${formatRange(second.range)} of ${where} ${isTouching ? 'touch: sysfs shows them as one region where their types are the same' : 'overlap'}`;
        const evidence = evidenceAt([placeOf(input, first.descriptor.base), 'The other range']);
        yield finding(input, second.descriptor.base, second.node, message, {
          about: descriptorKey(second.descriptor),
          restsOn: [nodeKey(first.node), nodeKey(second.node)],
          ...(isTouching ? { severity: 'info' } : {}),
          evidence,
        });
      }
      if (one.range.end > longest.range.end) longest = one;
    }
  },
};

const rmrHead = ['Type : 06', 'Length : 0030', 'Revision : 03', 'Identifier : 00000007'];
const rmrFlags = [
  'Flags (decoded below) : 00000001',
  'Remapping Permitted : 1',
  'Access Privileged : 0',
  'Access Attributes : 00',
];
const rmrRange = ['Base Address of RMR : 0000000090000000', 'Length of RMR : 0000000000100000', 'Reserved : 00000000'];

export const iortRmrNoMapping: TableRule = {
  id: 'iort-rmr-no-mapping',
  severity: 'error',
  summary: 'An RMR node without ID mappings: Linux skips it',
  docs: {
    effect: 'Linux says “Invalid ID mapping, skipping RMR node” and reserves nothing.',
    why: 'The mappings say whose memory it is: stream IDs of an SMMU.',
    fix: 'Map the stream IDs of the devices that use the memory.',
    sources: [linux('iort_node_get_rmr_info')],
    example: {
      failing: amendment(
        'RMR',
        ...rmrHead,
        ...['Mapping Count : 00000000', 'Mapping Offset : 00000000', ''],
        ...rmrFlags,
        ...['Number of RMR Descriptors : 00000001', 'RMR Descriptor Offset : 0000001C', ''],
        ...rmrRange,
      ),
      corrected: amendment(
        'RMR',
        'Input base : 00000000',
        'ID Count : 00000000',
        'Output Base : 00000001',
        'Output Reference : 000000A0',
      ),
    },
  },
  prerequisites: ['iort-mapping-outside-node', 'iort-rmr-table-revision'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      const { mappingCount } = node.header;
      if (mappingCount.value !== 0n) continue;
      const message = `${theNode(node)} has no ID mapping: Linux skips it (“Invalid ID mapping, skipping RMR node”)`;
      yield finding(input, mappingCount, node, message);
    }
  },
};

export const iortRmrNoDescriptor: TableRule = {
  id: 'iort-rmr-no-descriptor',
  severity: 'error',
  summary: 'An RMR node without memory ranges, or with ranges over something else in it',
  docs: {
    effect:
      'Linux passes over the node without a word: nothing is reserved. Where the offset leads over the node’s own fields or its mappings, what is there becomes addresses, and those are reserved.',
    why: 'The ranges are its descriptors; count and offset must lead to one at least. Linux checks neither against what else is in the node.',
    fix: 'Add the ranges, or take the node out; compiling the text computes the offset.',
    sources: [linux('iort_node_get_rmr_info'), acpiView],
    example: {
      failing: amendment(
        'RMR',
        ...['Type : 06', 'Length : 0030', 'Revision : 03', 'Identifier : 00000007'],
        ...['Mapping Count : 00000001', 'Mapping Offset : 0000001C', ''],
        ...rmrFlags,
        ...['Number of RMR Descriptors : 00000000', 'RMR Descriptor Offset : 00000000', ''],
        ...['Input base : 00000000', 'ID Count : 00000000', 'Output Base : 00000001', 'Output Reference : 000000A0'],
        ...['Flags (decoded below) : 00000000', 'Single Mapping : 0'],
      ),
      corrected: amendment('RMR', ...rmrRange),
    },
  },
  prerequisites: ['iort-node-too-short', 'iort-rmr-table-revision', 'iort-rmr-no-mapping'],
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      const { descriptorCount, descriptorOffset } = node.values;
      if (descriptorCount === undefined || descriptorOffset === undefined) continue;
      const start = descriptorOffset.value;
      if (descriptorCount.value === 0n || start === 0n) {
        const what = descriptorCount.value === 0n ? 'has no descriptor' : 'counts descriptors, but their offset is 0';
        const at = descriptorCount.value === 0n ? descriptorCount : descriptorOffset;
        yield finding(input, at, node, `${theNode(node)} ${what}: Linux reserves nothing for it`);
        continue;
      }
      const over = coveredBy(node, Number(start));
      if (over === undefined) continue;
      const message = `The descriptors of ${theNode(node)} are at ${hex(start)} of the node, over its ${over}: Linux takes what is there for addresses`;
      yield finding(input, descriptorOffset, node, message);
    }
  },
};

/** Header, flags, count and offset. */
const rmrFieldsEnd = 0x1c;

/** What the descriptors lie over, if their offset from the node's start is such. */
function coveredBy({ descriptors, header, mappings }: RmrNode, start: number): string | undefined {
  if (start < rmrFieldsEnd) return 'own fields';
  const mappingStart = Number(header.mappingOffset.value);
  const isOver =
    mappings.length > 0 &&
    start < mappingStart + mappings.length * mappingSize &&
    mappingStart < start + descriptors.length * descriptorSize;
  return isOver ? 'ID mappings' : undefined;
}

export const iortRmrTarget: TableRule = {
  id: 'iort-rmr-target',
  severity: 'error',
  summary: 'An RMR node’s mapping leads to something else than an SMMU',
  docs: {
    effect:
      'Linux compares the reference with the device’s SMMU: the mapping matches no device, and nothing is reserved.',
    why: 'The stream IDs of an RMR node belong to an SMMU.',
    fix: 'Refer to the SMMU that the devices are behind.',
    sources: [linux('iort_node_get_rmr_info'), specification('reserved memory range node')],
    example: {
      failing: amendment('RMR', 'Output Reference : 00000030'),
      corrected: amendment('RMR', 'Output Reference : 000000A0'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      for (const mapping of node.mappings) {
        const { target, outputReference } = mapping;
        if (target === undefined || ['smmu', 'smmuv3', 'unknown'].includes(target.kind)) continue;
        const message = `${mappingName(node, mapping)} of ${theNode(node)} leads to ${theNode(target)}: only the stream IDs of an SMMU have reserved memory`;
        const fixes = targetFixes(input, node, mapping);
        yield finding(input, outputReference, node, message, { about: mappingKey(mapping), fixes });
      }
    }
  },
};

export const iortRmrFlags: TableRule = {
  id: 'iort-rmr-flags',
  severity: 'warning',
  summary: 'Flags of an RMR node that are reserved, or an attribute that nobody has defined',
  docs: {
    effect:
      'Linux maps memory of an unknown attribute as normal and not cacheable. Reserved bits do nothing; fwts reports them.',
    why: 'Bit 0 permits remapping, bit 1 says that accesses are privileged, bits 2 to 9 are the attribute: 0 to 3 device memory, 4 normal and not cacheable, 5 normal and write-back. The rest is reserved.',
    fix: 'Clear the bits; give one of the six attributes.',
    sources: [firmwareTestSuite, specification('reserved memory range node'), linux('iort_get_rmrs')],
    example: {
      failing: amendment('RMR', 'Flags (decoded below) : 00000401'),
      corrected: amendment('RMR', 'Flags (decoded below) : 00000001'),
    },
  },
  perNode: true,
  *check(input) {
    for (const node of nodesOf(input, 'rmr')) {
      const { flags } = node.values;
      if (flags === undefined) continue;
      const attribute = (flags.value >> 2n) & 0xffn;
      if (flags.value >> 10n !== 0n) {
        const message = `The flags of ${theNode(node)} are ${hex(flags.value)}: bits 10 to 31 are reserved`;
        const fix = setFix(input, 'Clear the reserved bits', [[flags, flags.value & 0x3ffn]], { isPreferred: true });
        yield finding(input, flags, node, message, { fixes: [fix] });
      }
      if (attribute > 5n)
        yield finding(input, flags, node, attributeMessage(node, attribute), {
          fixes: attributeFixes(input, flags),
        });
    }
  },
};

function attributeMessage(node: RmrNode, attribute: bigint): string {
  return `${theNode(node)} has the access attribute ${hex(attribute)}; 0 to 5 are defined, and Linux maps it as normal memory that is not cached`;
}

function attributeFixes(input: TableInput, flags: NonNullable<RmrNode['values']['flags']>) {
  const without = flags.value & ~0x3fcn;
  return [
    setFix(input, 'Say normal memory, write-back (5)', [[flags, without | (5n << 2n)]]),
    setFix(input, 'Say device memory, nGnRnE (0)', [[flags, without]]),
  ];
}
