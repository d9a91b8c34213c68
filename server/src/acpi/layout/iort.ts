// The IORT's own structures: what stands behind the table's header, the header of a node, the ID mapping. Labels are those
// of iasl; revisions after Arm DEN0049 as ACPICA, Linux, EDK2 and the Firmware Test Suite have them.
import { fieldMakers, named, structure } from './define';
import type { Field, StructureLayout, TextStyle } from './field';
import {
  itsGroupLayout,
  iwbLayout,
  namedComponentLayout,
  pmcgLayout,
  rmrLayout,
  rootComplexLayout,
} from './iort-nodes';
import { smmuLayout, smmuv3Layout } from './iort-smmu';
import { tableHeaderLayout } from './table-header';

const table = fieldMakers('Arm DEN0049, IORT table');
const node = fieldMakers('Arm DEN0049, node format');
const mapping = fieldMakers('Arm DEN0049, ID mapping format');

export const iortTableLayout = structure({
  name: 'iort',
  title: 'IORT',
  meaning: 'IO Remapping Table: which device reaches which SMMU and ITS with which ID.',
  specification: 'Arm DEN0049, IORT table',
  fields: [
    table.integer('nodeCount', 'Node Count', 4, 'Number of nodes. Linux walks this many and no more.', {
      computed: 'node-count',
      shownAs: 'decimal',
    }),
    table.integer('nodeOffset', 'Node Offset', 4, 'Where the first node begins, from the start of the table.', {
      computed: 'node-offset',
      reference: 'table-offset',
      default: 0x30n,
    }),
    table.reserved('reserved', 4),
  ],
});

/** Bytes of the table before its first node, at least. */
export const iortFixedSize = tableHeaderLayout.size + iortTableLayout.size;

/** Between the table's fixed part and the first node. */
export const optionalPadding = table.bytes(
  'optionalPadding',
  'Optional Padding',
  'Bytes between the table’s header and its first node; of no meaning.',
);

export const nodeTypes = [
  named(0, 'ITS group', 'A set of GIC Interrupt Translation Services that a device may send its MSIs to'),
  named(1, 'Named component', 'A device of the ACPI namespace that is a DMA master'),
  named(2, 'PCI root complex', 'All requester IDs of one PCI segment'),
  named(3, 'SMMUv1/v2', 'An SMMU of Arm’s architecture versions 1 and 2'),
  named(4, 'SMMUv3', 'An SMMU of Arm’s architecture version 3'),
  named(5, 'PMCG', 'A performance monitor counter group of an SMMUv3'),
  named(6, 'RMR', 'Reserved memory ranges: memory that devices use since boot and must go on reaching'),
  named(7, 'IWB', 'A GICv5 interrupt wire bridge'),
] as const;

const identifier = node.integer(
  'identifier',
  'Identifier',
  4,
  'Unique number of the node (table revision 1 and later; reserved before).',
  { sinceTable: 1 },
);

const nodeHeaderFields = [
  node.integer('type', 'Type', 1, 'What kind of node this is.', { values: nodeTypes, isClosed: true }),
  node.integer('length', 'Length', 2, 'Length of the node with its arrays and mappings.', {
    computed: 'node-length',
    units: 'bytes',
    shownAs: 'size',
  }),
  node.integer('revision', 'Revision', 1, 'Revision of the node’s layout.'),
  identifier,
  node.integer('mappingCount', 'Mapping Count', 4, 'Number of ID mappings.', {
    computed: 'mapping-count',
    shownAs: 'decimal',
  }),
  node.integer('mappingOffset', 'Mapping Offset', 4, 'Where the ID mappings begin, from the start of the node.', {
    computed: 'mapping-offset',
    reference: 'node-offset',
  }),
] as const;

/** As tables of revision 0 and iasl 20200925 have it: no identifier yet. */
const nodeHeaderFieldsBeforeIdentifier: readonly Field[] = nodeHeaderFields.map((field) =>
  field === identifier ? { ...identifier, label: 'Reserved', reserved: true } : field,
);

export const nodeHeaderLayout = structure({
  name: 'node-header',
  title: 'Node header',
  meaning: 'What every node begins with.',
  specification: 'Arm DEN0049, node format',
  fields: nodeHeaderFields,
  written: { '20200925': nodeHeaderFieldsBeforeIdentifier },
});

/** The lines of a node's header: the identifier is called Reserved by iasl 20200925, and in tables of revision 0. */
export function writtenNodeHeader(style: TextStyle, tableRevision: number): readonly Field[] {
  return style === '20200925' || tableRevision === 0 ? nodeHeaderFieldsBeforeIdentifier : nodeHeaderFields;
}

export const idMappingLayout = structure({
  name: 'id-mapping',
  title: 'ID mapping',
  meaning: 'A range of IDs that comes in, and the IDs at which node it goes out as.',
  specification: 'Arm DEN0049, ID mapping format',
  fields: [
    mapping.integer('inputBase', 'Input base', 4, 'The lowest ID that this mapping takes.'),
    mapping.integer('count', 'ID Count', 4, 'The number of IDs minus 1: 0 for one ID, FFFF for 65536.'),
    mapping.integer('outputBase', 'Output Base', 4, 'The ID that the lowest input ID becomes.'),
    mapping.integer('outputReference', 'Output Reference', 4, 'The node that gets the ID: its offset in the table.', {
      reference: 'table-offset',
    }),
    mapping.flags('flags', 'Flags (decoded below)', 4, 'Flags of the mapping.', [
      {
        name: 'single',
        label: 'Single Mapping',
        bit: 0,
        width: 1,
        meaning: 'The input ID is ignored: everything becomes the one output ID',
        values: [named(0, 'range'), named(1, 'single')],
      },
    ]),
  ],
});

/** The body of a node by its type; undefined for types that nobody has published. */
export function bodyLayout(type: number): StructureLayout | undefined {
  return bodies[type];
}

const bodies: readonly StructureLayout[] = [
  itsGroupLayout,
  namedComponentLayout,
  rootComplexLayout,
  smmuLayout,
  smmuv3Layout,
  pmcgLayout,
  rmrLayout,
  iwbLayout,
];
