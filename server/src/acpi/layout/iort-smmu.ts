// Bodies of the SMMU nodes, and the interrupts of an SMMUv1/v2.
import { fieldMakers, named, structure } from './define';
import type { FlagField } from './field';

const smmu = fieldMakers('Arm DEN0049, SMMUv1 or SMMUv2 node');
const smmuv3 = fieldMakers('Arm DEN0049, SMMUv3 node');

export const smmuLayout = structure({
  name: 'smmu',
  title: 'SMMUv1/v2',
  meaning: 'An SMMU of architecture version 1 or 2.',
  specification: 'Arm DEN0049, SMMUv1 or SMMUv2 node',
  fields: [
    smmu.integer('base', 'Base Address', 8, 'Physical address of the registers.', { shownAs: 'address' }),
    smmu.integer('span', 'Span', 8, 'Length of the registers.', { units: 'bytes', shownAs: 'size' }),
    smmu.integer('model', 'Model', 4, 'Which SMMU it is; Linux refuses others than these.', {
      values: [
        named(0, 'SMMUv1', 'Generic SMMUv1'),
        named(1, 'SMMUv2', 'Generic SMMUv2'),
        named(2, 'MMU-400', 'Arm CoreLink MMU-400'),
        named(3, 'MMU-500', 'Arm CoreLink MMU-500'),
        named(4, 'MMU-401', 'Arm CoreLink MMU-401'),
        named(5, 'ThunderX', 'Cavium ThunderX SMMUv2'),
      ],
      isClosed: true,
    }),
    smmu.flags('flags', 'Flags (decoded below)', 4, 'Flags of the SMMU.', [
      {
        name: 'dvm',
        label: 'DVM Supported',
        bit: 0,
        width: 1,
        meaning: 'The SMMU receives DVM messages (unused by Linux)',
      },
      {
        name: 'coherentWalk',
        label: 'Coherent Walk',
        bit: 1,
        width: 1,
        meaning: 'Translation table walks are coherent with the CPUs’ caches',
      },
    ]),
    smmu.integer(
      'globalOffset',
      'Global Interrupt Offset',
      4,
      'Where the global interrupts are, from the node’s start.',
      {
        computed: 'global-interrupt-offset',
        reference: 'node-offset',
        default: 0x3cn,
      },
    ),
    smmu.integer(
      'contextCount',
      'Context Interrupt Count',
      4,
      'Number of context interrupts; Linux needs one at least.',
      {
        computed: 'context-interrupt-count',
        shownAs: 'decimal',
      },
    ),
    smmu.integer('contextOffset', 'Context Interrupt Offset', 4, 'Where they are, from the node’s start.', {
      computed: 'context-interrupt-offset',
      reference: 'node-offset',
      default: 0x4cn,
    }),
    smmu.integer('pmuCount', 'PMU Interrupt Count', 4, 'Number of PMU interrupts; Linux does not use them.', {
      computed: 'pmu-interrupt-count',
      shownAs: 'decimal',
    }),
    smmu.integer('pmuOffset', 'PMU Interrupt Offset', 4, 'Where they are, from the node’s start.', {
      computed: 'pmu-interrupt-offset',
      reference: 'node-offset',
      default: 0x4cn,
    }),
  ],
});

const edgeTriggered: FlagField = {
  name: 'edge',
  label: 'Edge Triggered',
  bit: 0,
  width: 1,
  values: [named(0, 'level'), named(1, 'edge')],
  meaning: 'The interrupt is edge triggered, not level sensitive',
};

export const globalInterruptLayout = structure({
  name: 'smmu-global-interrupts',
  title: 'SMMU global interrupts',
  meaning: 'Interrupts for global faults.',
  specification: 'Arm DEN0049, SMMUv1 or SMMUv2 node',
  fields: [
    smmu.integer('gsiv', 'NSgIrpt', 4, 'GSIV of SMMU_NSgIrpt, the non-secure global interrupt.', {
      shownAs: 'decimal',
    }),
    smmu.flags('flags', 'NSgIrpt Flags (decoded below)', 4, 'Flags of SMMU_NSgIrpt.', [edgeTriggered]),
    smmu.integer('configGsiv', 'NSgCfgIrpt', 4, 'GSIV of SMMU_NSgCfgIrpt; Linux does not use it.', {
      shownAs: 'decimal',
    }),
    smmu.flags('configFlags', 'NSgCfgIrpt Flags (decoded below)', 4, 'Flags of SMMU_NSgCfgIrpt.', [edgeTriggered]),
  ],
});

/** iasl writes GSIV and flags as one number of 64 bits. */
const interruptFlags: readonly FlagField[] = [
  { name: 'gsiv', label: 'GSIV', bit: 0, width: 32, lines: [], meaning: 'The interrupt’s number' },
  { ...edgeTriggered, bit: 32, lines: [] },
];

/** One element of the array of context interrupts. */
export const contextInterrupt = smmu.flags(
  'contextInterrupt',
  'Context Interrupt',
  8,
  'Interrupt of a context bank: the GSIV in the low half, flags in the high half.',
  interruptFlags,
);

/** One element of the array of PMU interrupts. */
export const pmuInterrupt = smmu.flags(
  'pmuInterrupt',
  'PMU Interrupt',
  8,
  'Interrupt of a performance monitor: the GSIV in the low half, flags in the high half.',
  interruptFlags,
);

export const smmuv3Layout = structure({
  name: 'smmuv3',
  title: 'SMMUv3',
  meaning: 'An SMMU of architecture version 3.',
  specification: 'Arm DEN0049, SMMUv3 node',
  fields: [
    smmuv3.integer('base', 'Base Address', 8, 'Physical address of the registers: a multiple of 64 KiB.', {
      shownAs: 'address',
    }),
    smmuv3.flags('flags', 'Flags (decoded below)', 4, 'Flags of the SMMU.', [
      {
        name: 'coherencyOverride',
        label: 'COHACC Override',
        bit: 0,
        width: 1,
        meaning:
          'Table walks are coherent, whatever SMMU_IDR0 says. Clear: Linux refuses VFIO for every device behind it',
      },
      {
        name: 'httuOverride',
        label: 'HTTU Override',
        bit: 1,
        width: 2,
        lineWidth: 1,
        values: [
          named(0, 'none', 'No hardware update of flags'),
          named(1, 'access flag', 'Hardware updates access flags'),
          named(2, 'access and dirty', 'Hardware updates access flags and dirty state'),
        ],
        meaning: 'Hardware update of translation tables, whatever SMMU_IDR0 says (iasl’s line shows the low bit alone)',
      },
      {
        name: 'proximityDomainValid',
        label: 'Proximity Domain Valid',
        bit: 3,
        width: 1,
        sinceNode: 1,
        meaning: 'The proximity domain is valid (issue C)',
      },
      {
        name: 'deviceIdValid',
        label: 'DeviceID Valid',
        bit: 4,
        width: 1,
        lines: ['current'],
        sinceNode: 5,
        meaning: 'The DeviceID mapping index is valid (issue E.e)',
      },
    ]),
    smmuv3.reserved('reserved', 4),
    smmuv3.integer('vatosAddress', 'VATOS Address', 8, 'Physical address of the VATOS page; 0 for none.', {
      shownAs: 'address',
    }),
    smmuv3.integer('model', 'Model', 4, 'Which SMMU it is.', {
      values: [
        named(0, 'generic', 'Generic SMMUv3'),
        named(1, 'Hi161x', 'HiSilicon Hi161x: its own doorbell pages are reserved for MSIs'),
        named(2, 'CN99xx', 'Cavium CN99xx: 64 KiB of registers'),
      ],
      isClosed: true,
    }),
    smmuv3.integer('eventGsiv', 'Event GSIV', 4, 'Interrupt of the event queue; 0 where it is an MSI.', {
      shownAs: 'decimal',
    }),
    smmuv3.integer(
      'priGsiv',
      'PRI GSIV',
      4,
      'Interrupt of the page request queue; 0 where it is an MSI or there is none.',
      {
        shownAs: 'decimal',
      },
    ),
    smmuv3.integer('gerrGsiv', 'GERR GSIV', 4, 'Interrupt of global errors; 0 where it is an MSI.', {
      shownAs: 'decimal',
    }),
    smmuv3.integer('syncGsiv', 'Sync GSIV', 4, 'Interrupt of completed commands; 0 where it is an MSI.', {
      shownAs: 'decimal',
    }),
    smmuv3.integer(
      'proximityDomain',
      'Proximity Domain',
      4,
      'NUMA node of the SMMU, where the flag says it is valid.',
      {
        sinceNode: 1,
      },
    ),
    smmuv3.integer(
      'deviceIdIndex',
      'Device ID Mapping Index',
      4,
      'Which of the node’s mappings gives the device ID of the SMMU’s own MSIs. Node revision 1 to 4: valid unless all four GSIVs are set; from 5: where the flag says so.',
      { sinceNode: 1, shownAs: 'decimal' },
    ),
  ],
});
