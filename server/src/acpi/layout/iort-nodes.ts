// Bodies of the nodes that are no SMMU: what follows the 16 bytes of the node's header. Offsets in the specification are
// from the node's start. A later revision adds fields at the end; the node's length and mapping offset say which are there.
import { fieldMakers, named, structure } from './define';
import { memoryAccessFields } from './iort-memory';

const its = fieldMakers('Arm DEN0049, ITS group node');
const component = fieldMakers('Arm DEN0049, named component node');
const complex = fieldMakers('Arm DEN0049, root complex node');
const pmcg = fieldMakers('Arm DEN0049, PMCG node');
const rmr = fieldMakers('Arm DEN0049, reserved memory range node');
const iwb = fieldMakers('Arm DEN0049 E.g, IWB node');

export const itsGroupLayout = structure({
  name: 'its-group',
  title: 'ITS group',
  meaning: 'The Interrupt Translation Services that a device may send its MSIs to. Linux uses the first.',
  specification: 'Arm DEN0049, ITS group node',
  fields: [
    its.integer('itsCount', 'ItsCount', 4, 'Number of ITS identifiers.', {
      computed: 'its-count',
      shownAs: 'decimal',
      default: 1n,
    }),
  ],
});

/** One element of the array behind `itsCount`. */
export const itsIdentifier = its.integer(
  'identifiers',
  'Identifiers',
  4,
  'GIC ITS ID of an entry of type 15 in the MADT.',
);

export const namedComponentLayout = structure({
  name: 'named-component',
  title: 'Named component',
  meaning: 'A DMA master that the ACPI namespace describes.',
  specification: 'Arm DEN0049, named component node',
  fields: [
    component.flags('nodeFlags', 'Node Flags', 4, 'What the device can do as an SMMU’s client.', [
      {
        name: 'stall',
        label: 'Stall Supported',
        bit: 0,
        width: 1,
        lines: [],
        sinceNode: 1,
        meaning: 'Transactions may be stalled on a fault (issue C)',
      },
      {
        name: 'pasidWidth',
        label: 'PASID Width',
        bit: 1,
        width: 5,
        lines: [],
        sinceNode: 2,
        meaning: 'Bits of PASIDs (substream IDs) that the device uses, 0 to 20 (issue D)',
      },
    ]),
    ...memoryAccessFields,
    component.integer(
      'memorySizeLimit',
      'Memory Size Limit',
      1,
      'Bits of an address that the device can send: DMA mask and bus limit in Linux; the smallest of the table caps ZONE_DMA.',
      { units: 'bits', shownAs: 'decimal', default: 0x40n },
    ),
    component.text(
      'deviceName',
      'Device Name',
      'Full path of the device in the ACPI namespace, padded segments as in \\_SB_.DEV0; Linux compares byte for byte.',
    ),
  ],
});

/** Between the name's NUL and the mappings (or the node's end). */
export const namePadding = component.bytes(
  'padding',
  'Padding',
  'Bytes between the name and what follows it: to a multiple of 4.',
);

const rootComplexHead = [
  ...memoryAccessFields,
  complex.flags('atsAttribute', 'ATS Attribute', 4, 'What the root complex supports of Address Translation Services.', [
    {
      name: 'ats',
      label: 'ATS Supported',
      bit: 0,
      width: 1,
      lines: [],
      meaning: 'ATS is supported: Linux enables it in the functions below',
    },
    {
      name: 'pri',
      label: 'PRI Supported',
      bit: 1,
      width: 1,
      lines: [],
      sinceNode: 2,
      meaning: 'The Page Request Interface is supported (issue E)',
    },
    {
      name: 'pasidForwarding',
      label: 'PASID Forwarding',
      bit: 2,
      width: 1,
      lines: [],
      sinceNode: 3,
      meaning: 'PASIDs are forwarded on translated transactions (issue E.b)',
    },
  ]),
  complex.integer('segment', 'PCI Segment Number', 4, 'The PCI segment whose requester IDs come in here: its _SEG.'),
  complex.integer(
    'memorySizeLimit',
    'Memory Size Limit',
    1,
    'Bits of an address that functions can send: DMA mask and bus limit in Linux; the smallest of the table caps ZONE_DMA.',
    { units: 'bits', shownAs: 'decimal', sinceNode: 1, default: 0x40n },
  ),
] as const;

const pasidCapabilities = complex.flags(
  'pasidCapabilities',
  'PASID Capabilities',
  2,
  'PASIDs that the root complex supports (issue E.d; reserved before).',
  [
    {
      name: 'maximumWidth',
      label: 'Maximum PASID Width',
      bit: 0,
      width: 5,
      lines: [],
      meaning: 'Bits of PASIDs, 0 to 20',
    },
  ],
  { sinceNode: 4 },
);
const rootComplexReserved = complex.reserved('reserved', 1, { sinceNode: 1 });

export const rootComplexLayout = structure({
  name: 'root-complex',
  title: 'PCI root complex',
  meaning: 'All functions of one PCI segment. Linux uses the first such node of a segment.',
  specification: 'Arm DEN0049, root complex node',
  fields: [
    ...rootComplexHead,
    pasidCapabilities,
    rootComplexReserved,
    complex.flags(
      'flags',
      'Flags',
      4,
      'Flags of the root complex (issue E.d); no version of iasl knows them.',
      [
        {
          name: 'pasid',
          label: 'PASID Supported',
          bit: 0,
          width: 1,
          lines: [],
          meaning: 'The root complex supports PASIDs',
        },
      ],
      { sinceNode: 4 },
    ),
  ],
  written: {
    '20200925': [...rootComplexHead, complex.reserved('reservedBefore', 3)],
    current: [...rootComplexHead, pasidCapabilities, rootComplexReserved],
  },
});

export const pmcgLayout = structure({
  name: 'pmcg',
  title: 'PMCG',
  meaning: 'A performance monitor counter group.',
  specification: 'Arm DEN0049, PMCG node',
  fields: [
    pmcg.integer('page0Base', 'Page 0 Base Address', 8, 'Physical address of the registers’ page 0.', {
      shownAs: 'address',
    }),
    pmcg.integer('overflowGsiv', 'Overflow Interrupt GSIV', 4, 'Interrupt on overflow; 0 where it is an MSI.', {
      shownAs: 'decimal',
    }),
    pmcg.integer(
      'nodeReference',
      'Node Reference',
      4,
      'The SMMU, root complex or named component that the counters belong to: its offset in the table.',
      { reference: 'table-offset' },
    ),
    pmcg.integer('page1Base', 'Page 1 Base Address', 8, 'Physical address of the page with the counters (issue D).', {
      shownAs: 'address',
      sinceNode: 1,
    }),
  ],
});

export const accessAttributes = [
  named(0, 'Device-nGnRnE', 'Device memory, no gathering, no reordering, no early acknowledgement'),
  named(1, 'Device-nGnRE', 'Device memory, no gathering, no reordering'),
  named(2, 'Device-nGRE', 'Device memory, no gathering'),
  named(3, 'Device-GRE', 'Device memory'),
  named(4, 'Normal non-cacheable', 'Normal memory, inner and outer non-cacheable'),
  named(5, 'Normal write-back', 'Normal memory, inner and outer write-back, inner shareable'),
] as const;

export const rmrLayout = structure({
  name: 'rmr',
  title: 'RMR',
  meaning: 'Reserved memory ranges of the devices whose stream IDs the mappings give.',
  specification: 'Arm DEN0049, reserved memory range node',
  fields: [
    rmr.flags('flags', 'Flags (decoded below)', 4, 'What may be done with the ranges.', [
      {
        name: 'remappingPermitted',
        label: 'Remapping Permitted',
        bit: 0,
        width: 1,
        meaning: 'The system may map something else there: Linux makes the regions direct-relaxable',
      },
      {
        name: 'accessPrivileged',
        label: 'Access Privileged',
        bit: 1,
        width: 1,
        sinceTable: 5,
        meaning: 'The device’s accesses are privileged (issue E.d)',
      },
      {
        name: 'accessAttributes',
        label: 'Access Attributes',
        bit: 2,
        width: 8,
        lineWidth: 6,
        digits: 2,
        sinceTable: 5,
        values: accessAttributes,
        meaning: 'Memory attributes of the mapping (issue E.d)',
      },
    ]),
    rmr.integer('descriptorCount', 'Number of RMR Descriptors', 4, 'Number of memory ranges, 1 at least.', {
      computed: 'rmr-count',
      shownAs: 'decimal',
    }),
    rmr.integer('descriptorOffset', 'RMR Descriptor Offset', 4, 'Where they begin, from the start of the node.', {
      computed: 'rmr-offset',
      reference: 'node-offset',
    }),
  ],
});

export const rmrDescriptorLayout = structure({
  name: 'rmr-descriptor',
  title: 'RMR descriptor',
  meaning: 'One reserved memory range.',
  specification: 'Arm DEN0049, RMR descriptor',
  fields: [
    rmr.integer('base', 'Base Address of RMR', 8, 'Physical address of the range: a multiple of 64 KiB.', {
      shownAs: 'address',
    }),
    rmr.integer('length', 'Length of RMR', 8, 'Length of the range: a multiple of 64 KiB, not 0.', {
      units: 'bytes',
      shownAs: 'size',
    }),
    rmr.reserved('reserved', 4),
  ],
});

export const iwbLayout = structure({
  name: 'iwb',
  title: 'IWB',
  meaning: 'A GICv5 interrupt wire bridge (issue E.g, table revision 7).',
  specification: 'Arm DEN0049 E.g, IWB node',
  fields: [
    iwb.integer('configBase', 'Config Frame base', 8, 'Physical address of the configuration frame.', {
      shownAs: 'address',
    }),
    iwb.integer('index', 'IWB Index', 2, 'Number of the bridge in the space of GICv5’s wired interrupts; unique.'),
    iwb.text('deviceName', 'IWB Device Name', 'Full path of the bridge in the ACPI namespace.'),
  ],
});
