// Entries of a MADT of machines with a GICv5: a router of interrupts (IRS), and its translation services.
import { fieldMakers, structure } from './define';
import type { FlagField } from './field';

const irs = fieldMakers('ACPI 6.7, 5.2.12 GICv5 Interrupt Routing Service Structure');
const its = fieldMakers('ACPI 6.7, 5.2.12 GICv5 Interrupt Translation Service Structure');
const translate = fieldMakers('ACPI 6.7, 5.2.12 GICv5 Interrupt Translation Service Translate Frame Structure');

const notCoherent = (label: string): readonly FlagField[] => [
  {
    name: 'notCoherent',
    label,
    bit: 0,
    width: 1,
    meaning: 'Its accesses to memory are not coherent with the CPUs’ caches',
  },
];

/** Type 28. */
export const gicv5RouterLayout = structure({
  name: 'gicv5-irs',
  title: 'GICv5 IRS',
  meaning: 'An Interrupt Routing Service.',
  specification: 'ACPI 6.7, 5.2.12 GICv5 Interrupt Routing Service Structure',
  fields: [
    irs.integer('version', 'Gic version', 1, 'Version of the GIC’s architecture: 5.'),
    irs.reserved('reserved', 1),
    irs.integer('irsId', 'Irs Id', 4, 'Number of the IRS: what the processors’ entries name.'),
    irs.flags('flags', 'Flags (decoded below)', 4, 'Flags of the IRS.', notCoherent('GICV5 IRS non-coherent')),
    irs.reserved('reserved2', 4),
    irs.integer('configBase', 'Irs Config Frame Physical Base Address', 8, 'Physical address of its configuration.', {
      shownAs: 'address',
    }),
    irs.integer('setLpiBase', 'Irs Setlpi Frame Physical Base Address', 8, 'Physical address of its SETLPI frame.', {
      shownAs: 'address',
    }),
  ],
});

/** Type 29. */
export const gicv5ItsLayout = structure({
  name: 'gicv5-its',
  title: 'GICv5 ITS',
  meaning: 'An Interrupt Translation Service: its configuration.',
  specification: 'ACPI 6.7, 5.2.12 GICv5 Interrupt Translation Service Structure',
  fields: [
    its.flags('flags', 'Flags (decoded below)', 1, 'Flags of the ITS.', notCoherent('GICV5 ITS non-coherent')),
    its.reserved('reserved', 1),
    its.integer('itsId', 'Gic Its Id', 4, 'Number of the ITS: what its translate frames name.'),
    its.integer('base', 'Physical Base Address', 8, 'Physical address of its configuration.', { shownAs: 'address' }),
  ],
});

/** Type 30. */
export const gicv5TranslateFrameLayout = structure({
  name: 'gicv5-translate-frame',
  title: 'GICv5 ITS translate frame',
  meaning: 'A frame of an ITS that devices write their interrupts to.',
  specification: 'ACPI 6.7, 5.2.12 GICv5 Interrupt Translation Service Translate Frame Structure',
  fields: [
    translate.reserved('reserved', 2),
    translate.integer('linkedItsId', 'Linked Its Id', 4, 'The ITS that the frame belongs to.'),
    translate.integer('itsId', 'Its Translate Id', 4, 'Number of the frame.'),
    translate.reserved('reserved2', 4),
    translate.integer('base', 'Its Translate Frame Physical Base Address', 8, 'Physical address of the frame.', {
      shownAs: 'address',
    }),
  ],
});
