// The MADT ("APIC"): what machines with a GIC have in it; madt-*.ts have the entries of others.
import { fieldMakers, named, structure } from './define';
import { writtenFields } from './field';
import type { Field, StructureLayout, TextStyle } from './field';
import { gicv5ItsLayout, gicv5RouterLayout, gicv5TranslateFrameLayout } from './madt-gicv5';
import { riscvEntryLayouts } from './madt-riscv';
import { otherEntryLayouts } from './madt-other';

const table = fieldMakers('ACPI 6.5, 5.2.12 Multiple APIC Description Table');
const cpu = fieldMakers('ACPI 6.5, 5.2.12.14 GIC CPU Interface Structure');
const distributor = fieldMakers('ACPI 6.5, 5.2.12.15 GIC Distributor Structure');
const frame = fieldMakers('ACPI 6.5, 5.2.12.16 GIC MSI Frame Structure');
const redistributor = fieldMakers('ACPI 6.5, 5.2.12.17 GIC Redistributor Structure');
const its = fieldMakers('ACPI 6.5, 5.2.12.18 GIC Interrupt Translation Service Structure');

export const madtTableLayout = structure({
  name: 'madt',
  title: 'MADT',
  meaning: 'Multiple APIC Description Table: the machine’s interrupt controllers.',
  specification: 'ACPI 6.5, 5.2.12 Multiple APIC Description Table',
  fields: [
    table.integer('localAddress', 'Local Apic Address', 4, 'Physical address of local interrupt controllers (x86).'),
    table.flags('flags', 'Flags (decoded below)', 4, 'Flags of the machine.', [
      {
        name: 'pcAt',
        label: 'PC-AT Compatibility',
        bit: 0,
        width: 1,
        meaning: 'The machine has two 8259 as well (x86)',
      },
    ]),
  ],
});

export const madtEntryTypes = [
  named(0x00, 'Processor Local APIC'),
  named(0x01, 'I/O APIC'),
  named(0x02, 'Interrupt Source Override'),
  named(0x03, 'NMI Source'),
  named(0x04, 'Local APIC NMI'),
  named(0x05, 'Local APIC Address Override'),
  named(0x06, 'I/O SAPIC'),
  named(0x07, 'Local SAPIC'),
  named(0x08, 'Platform Interrupt Sources'),
  named(0x09, 'Processor Local x2APIC'),
  named(0x0a, 'Local x2APIC NMI'),
  named(0x0b, 'Generic Interrupt Controller'),
  named(0x0c, 'Generic Interrupt Distributor'),
  named(0x0d, 'Generic MSI Frame'),
  named(0x0e, 'Generic Interrupt Redistributor'),
  named(0x0f, 'Generic Interrupt Translator'),
  named(0x10, 'Mutiprocessor Wakeup'),
  named(0x11, 'CPU Core Interrupt Controller'),
  named(0x12, 'Legacy I/O Interrupt Controller'),
  named(0x13, 'HT Interrupt Controller'),
  named(0x14, 'Extend I/O Interrupt Controller'),
  named(0x15, 'MSI Interrupt Controller'),
  named(0x16, 'Bridge I/O Interrupt Controller'),
  named(0x17, 'LPC Interrupt Controller'),
  named(0x18, 'RISC-V Interrupt Controller'),
  named(0x19, 'RISC-V Incoming MSI Controller'),
  named(0x1a, 'RISC-V APLIC Controller'),
  named(0x1b, 'RISC-V PLIC Controller'),
  named(0x1c, 'Generic Interrupt v5 Router'),
  named(0x1d, 'Generic Interrupt v5 Translator Config'),
  named(0x1e, 'Generic Interrupt v5 Translator Entry'),
] as const;

export const madtEntryHeaderLayout = structure({
  name: 'madt-entry',
  title: 'MADT entry',
  meaning: 'What every entry begins with.',
  specification: 'ACPI 6.5, 5.2.12 Multiple APIC Description Table',
  fields: [
    table.integer('type', 'Subtable Type', 1, 'What kind of entry this is.', { values: madtEntryTypes }),
    table.integer('length', 'Length', 1, 'Length of the entry.', {
      computed: 'subtable-length',
      units: 'bytes',
      shownAs: 'size',
    }),
  ],
});

const notCoherent = (label: string) =>
  [
    {
      name: 'notCoherent',
      label,
      bit: 0,
      width: 1,
      lines: ['current'],
      sinceTable: 7,
      meaning: 'Its accesses to memory are not coherent with the CPUs’ caches',
    },
  ] as const;

const interfaceFlags = cpu.flags('flags', 'Flags (decoded below)', 4, 'Flags of the processor.', [
  { name: 'enabled', label: 'Processor Enabled', bit: 0, width: 1, meaning: 'The processor is usable' },
  {
    name: 'performanceEdge',
    label: 'Performance Interrupt Trigger Mode',
    bit: 1,
    width: 1,
    meaning: 'The performance interrupt is edge triggered',
  },
  {
    name: 'virtualEdge',
    label: 'Virtual GIC Interrupt Trigger Mode',
    bit: 2,
    width: 1,
    meaning: 'The maintenance interrupt is edge triggered',
  },
  {
    name: 'onlineCapable',
    label: 'Online Capable',
    bit: 3,
    width: 1,
    lines: ['current'],
    sinceTable: 6,
    meaning: 'The processor can be brought online later',
  },
  {
    name: 'notCoherent',
    label: 'GICR non-coherent',
    bit: 4,
    width: 1,
    lines: ['current'],
    sinceTable: 7,
    meaning: 'The redistributor’s accesses to memory are not coherent',
  },
]);
const interfaceHead = [
  cpu.reserved('reserved', 2),
  cpu.integer('interfaceNumber', 'CPU Interface Number', 4, 'Number of the CPU interface (GICv1, v2).'),
  cpu.integer('processorUid', 'Processor UID', 4, 'The processor’s _UID.'),
  interfaceFlags,
  cpu.integer(
    'parkingVersion',
    'Parking Protocol Version',
    4,
    'Version of the parking protocol; 0 where PSCI is used.',
  ),
  cpu.integer('performanceGsiv', 'Performance Interrupt', 4, 'Interrupt of the performance monitors.', {
    shownAs: 'decimal',
  }),
  cpu.integer('parkedAddress', 'Parked Address', 8, 'Physical address of the processor’s mailbox.', {
    shownAs: 'address',
  }),
  cpu.integer('base', 'Base Address', 8, 'Physical address of the CPU interface’s registers (GICv1, v2).', {
    shownAs: 'address',
  }),
  cpu.integer('virtualBase', 'Virtual GIC Base Address', 8, 'Physical address of GICV.', { shownAs: 'address' }),
  cpu.integer('hypervisorBase', 'Hypervisor GIC Base Address', 8, 'Physical address of GICH.', { shownAs: 'address' }),
  cpu.integer('maintenanceGsiv', 'Virtual GIC Interrupt', 4, 'The maintenance interrupt.', { shownAs: 'decimal' }),
  cpu.integer('redistributorBase', 'Redistributor Base Address', 8, 'Physical address of the redistributor (GICv3).', {
    shownAs: 'address',
  }),
  cpu.integer('mpidr', 'ARM MPIDR', 8, 'The processor’s MPIDR_EL1.'),
  cpu.integer('efficiencyClass', 'Efficiency Class', 1, 'How efficient the processor is among the others.'),
  cpu.reserved('reserved2', 1),
  cpu.integer('speGsiv', 'SPE Overflow Interrupt', 2, 'Interrupt of statistical profiling (ACPI 6.3).', {
    shownAs: 'decimal',
  }),
] as const;
const traceInterrupt = cpu.integer('trbeGsiv', 'TRBE Interrupt', 2, 'Interrupt of the trace buffer (ACPI 6.5).', {
  shownAs: 'decimal',
});

/** Type 11. 76 bytes before ACPI 6.3, 80 with SPE, 82 with TRBE, 88 in ACPI 6.7. */
export const gicCpuInterfaceLayout = structure({
  name: 'gic-cpu-interface',
  title: 'GIC CPU interface',
  meaning: 'A processor and its interface to the GIC.',
  specification: 'ACPI 6.5, 5.2.12.14 GIC CPU Interface Structure',
  fields: [
    ...interfaceHead,
    traceInterrupt,
    cpu.integer('affinityId', 'IAFFID', 2, 'Interrupt affinity ID (GICv5, ACPI 6.7); no version of iasl knows it.'),
    cpu.integer('irsId', 'IRS ID', 4, 'The IRS of the processor (GICv5, ACPI 6.7); no version of iasl knows it.'),
  ],
  written: { '20200925': interfaceHead, current: [...interfaceHead, traceInterrupt] },
});

/** Type 12. */
export const gicDistributorLayout = structure({
  name: 'gic-distributor',
  title: 'GIC distributor',
  meaning: 'The GIC itself.',
  specification: 'ACPI 6.5, 5.2.12.15 GIC Distributor Structure',
  fields: [
    distributor.reserved('reserved', 2),
    distributor.integer('gicId', 'Local GIC Hardware ID', 4, 'Number of the GIC.'),
    distributor.integer('base', 'Base Address', 8, 'Physical address of the distributor.', { shownAs: 'address' }),
    distributor.integer('interruptBase', 'Interrupt Base', 4, 'Reserved, must be zero.'),
    distributor.integer('version', 'Version', 1, 'Version of the GIC’s architecture.', {
      values: [
        named(0, 'unsaid', 'Not said: asked of the hardware'),
        named(1, 'GICv1'),
        named(2, 'GICv2'),
        named(3, 'GICv3'),
        named(4, 'GICv4'),
        named(5, 'GICv5'),
      ],
    }),
    distributor.reserved('reserved2', 3),
  ],
});

/** Type 13. */
export const gicMsiFrameLayout = structure({
  name: 'gic-msi-frame',
  title: 'GICv2m frame',
  meaning: 'A frame of GICv2m: a doorbell that turns MSIs into shared peripheral interrupts.',
  specification: 'ACPI 6.5, 5.2.12.16 GIC MSI Frame Structure',
  fields: [
    frame.reserved('reserved', 2),
    frame.integer('frameId', 'MSI Frame ID', 4, 'Number of the frame; unique.'),
    frame.integer('base', 'Base Address', 8, 'Physical address of the frame, 4 KiB.', { shownAs: 'address' }),
    frame.flags('flags', 'Flags (decoded below)', 4, 'Flags of the frame.', [
      {
        name: 'selectSpi',
        label: 'Select SPI',
        bit: 0,
        width: 1,
        meaning: 'Count and base below hold, not those of the frame’s MSI_TYPER register',
      },
    ]),
    frame.integer('spiCount', 'SPI Count', 2, 'Number of interrupts.', { shownAs: 'decimal' }),
    frame.integer('spiBase', 'SPI Base', 2, 'The first interrupt.', { shownAs: 'decimal' }),
  ],
});

const redistributorTail = [
  redistributor.integer('base', 'Base Address', 8, 'Physical address of the range of redistributors.', {
    shownAs: 'address',
  }),
  redistributor.integer('rangeLength', 'Length', 4, 'Length of the range.', { units: 'bytes', shownAs: 'size' }),
] as const;

/** Type 14. */
export const gicRedistributorLayout = structure({
  name: 'gic-redistributor',
  title: 'GIC redistributors',
  meaning: 'A range of memory with redistributors of GICv3.',
  specification: 'ACPI 6.5, 5.2.12.17 GIC Redistributor Structure',
  fields: [
    redistributor.flags('flags', 'Flags (decoded below)', 1, 'Flags of the range.', notCoherent('GICR non-coherent'), {
      sinceTable: 7,
    }),
    redistributor.reserved('reserved', 1),
    ...redistributorTail,
  ],
  written: { '20200925': [redistributor.reserved('reservedBefore', 2), ...redistributorTail] },
});

const translatorTail = [
  its.integer('itsId', 'Translation ID', 4, 'GIC ITS ID: what the identifiers of the IORT’s ITS groups name.'),
  its.integer('base', 'Base Address', 8, 'Physical address of the ITS: its doorbell is 64 KiB + 40h above.', {
    shownAs: 'address',
  }),
  its.reserved('reserved2', 4),
] as const;

/** Type 15. */
export const gicItsLayout = structure({
  name: 'gic-its',
  title: 'GIC ITS',
  meaning: 'An Interrupt Translation Service.',
  specification: 'ACPI 6.5, 5.2.12.18 GIC Interrupt Translation Service Structure',
  fields: [
    its.flags('flags', 'Flags (decoded below)', 1, 'Flags of the ITS.', notCoherent('GIC ITS non-coherent'), {
      sinceTable: 7,
    }),
    its.reserved('reserved', 1),
    ...translatorTail,
  ],
  written: { '20200925': [its.reserved('reservedBefore', 2), ...translatorTail] },
});

/**
 * The lines of an entry's fields in a table of a revision: before revision 7, a current iasl has for redistributors and ITS
 * what 20200925 has.
 */
export function writtenMadtFields(layout: StructureLayout, style: TextStyle, tableRevision: number): readonly Field[] {
  const isLater = layout.fields.some(({ sinceTable }) => (sinceTable ?? 0) > tableRevision);
  return writtenFields(layout, isLater ? '20200925' : style);
}

/** What follows an entry's two bytes of header; undefined where only its bytes are kept. */
export function madtEntryLayout(type: number): StructureLayout | undefined {
  return entries.get(type);
}

const entries: ReadonlyMap<number, StructureLayout> = new Map<number, StructureLayout>([
  ...otherEntryLayouts,
  ...riscvEntryLayouts,
  [0x0b, gicCpuInterfaceLayout],
  [0x0c, gicDistributorLayout],
  [0x0d, gicMsiFrameLayout],
  [0x0e, gicRedistributorLayout],
  [0x0f, gicItsLayout],
  [0x1c, gicv5RouterLayout],
  [0x1d, gicv5ItsLayout],
  [0x1e, gicv5TranslateFrameLayout],
]);

/** From this type on manufacturers define the entries. */
export const firstOemType = 0x80;

/** The bytes of an entry that has no layout. */
export const madtEntryBytes: Field = table.bytes('bytes', 'Bytes', 'The entry’s bytes.');
