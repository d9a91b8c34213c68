// Entries of a MADT of RISC-V machines. They are read and written like the others; the analysis does not ask for them.
import { fieldMakers, structure } from './define';
import type { StructureLayout } from './field';

const hart = fieldMakers('ACPI 6.6, 5.2.12 RISC-V Interrupt Controller (RINTC) Structure');
const imsic = fieldMakers('ACPI 6.6, 5.2.12 RISC-V Incoming MSI Controller (IMSIC) Structure');
const aplic = fieldMakers('ACPI 6.6, 5.2.12 RISC-V Advanced Platform Level Interrupt Controller (APLIC) Structure');
const plic = fieldMakers('ACPI 6.6, 5.2.12 RISC-V Platform Level Interrupt Controller (PLIC) Structure');

const hartLayout = structure({
  name: 'riscv-intc',
  title: 'RISC-V interrupt controller',
  meaning: 'A hart and its interrupt controller.',
  specification: 'ACPI 6.6, 5.2.12 RISC-V Interrupt Controller (RINTC) Structure',
  fields: [
    hart.integer('version', 'Version', 1, 'Version of the entry.'),
    hart.reserved('reserved', 1),
    hart.integer('flags', 'Flags', 4, 'Bit 0: usable; bit 1: can be brought online later.'),
    hart.integer('hartId', 'HartId', 8, 'ID of the hart.'),
    hart.integer('uid', 'Uid', 4, 'The processor’s _UID.'),
    hart.integer('externalId', 'ExtIntcId', 4, 'The external interrupt controller and its context.'),
    hart.integer('imsicBase', 'ImsicAddr', 8, 'Physical address of the hart’s IMSIC.', { shownAs: 'address' }),
    hart.integer('imsicSize', 'ImsicSize', 4, 'Size of it.', { shownAs: 'size' }),
  ],
});

const imsicLayout = structure({
  name: 'riscv-imsic',
  title: 'RISC-V incoming MSI controller',
  meaning: 'What all incoming MSI controllers have in common.',
  specification: 'ACPI 6.6, 5.2.12 RISC-V Incoming MSI Controller (IMSIC) Structure',
  fields: [
    imsic.integer('version', 'Version', 1, 'Version of the entry.'),
    imsic.reserved('reserved', 1),
    imsic.integer('flags', 'Flags', 4, 'Flags, none defined.'),
    imsic.integer('identities', 'NumIds', 2, 'Interrupt identities of the supervisor.', { shownAs: 'decimal' }),
    imsic.integer('guestIdentities', 'NumGuestIds', 2, 'Interrupt identities of a guest.', { shownAs: 'decimal' }),
    imsic.integer('guestIndexBits', 'GuestIndexBits', 1, 'Bits of an address that number guests.'),
    imsic.integer('hartIndexBits', 'HartIndexBits', 1, 'Bits of an address that number harts.'),
    imsic.integer('groupIndexBits', 'GroupIndexBits', 1, 'Bits of an address that number groups.'),
    imsic.integer('groupIndexShift', 'GroupIndexShift', 1, 'The lowest of them.'),
  ],
});

const aplicLayout = structure({
  name: 'riscv-aplic',
  title: 'RISC-V APLIC',
  meaning: 'An advanced platform-level interrupt controller.',
  specification: 'ACPI 6.6, 5.2.12 RISC-V Advanced Platform Level Interrupt Controller (APLIC) Structure',
  fields: [
    aplic.integer('version', 'Version', 1, 'Version of the entry.'),
    aplic.integer('id', 'Id', 1, 'Its number.'),
    aplic.integer('flags', 'Flags', 4, 'Flags, none defined.'),
    aplic.integer('hardwareId', 'HwId', 8, 'Hardware ID, as _HID has it.'),
    aplic.integer('directHarts', 'NumIdcs', 2, 'Harts that it interrupts directly.', { shownAs: 'decimal' }),
    aplic.integer('sources', 'NumSources', 2, 'Its interrupts.', { shownAs: 'decimal' }),
    aplic.integer('gsiBase', 'GsiBase', 4, 'The first of its global interrupts.', { shownAs: 'decimal' }),
    aplic.integer('base', 'BaseAddr', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    aplic.integer('size', 'Size', 4, 'Size of its registers.', { shownAs: 'size' }),
  ],
});

const plicLayout = structure({
  name: 'riscv-plic',
  title: 'RISC-V PLIC',
  meaning: 'A platform-level interrupt controller.',
  specification: 'ACPI 6.6, 5.2.12 RISC-V Platform Level Interrupt Controller (PLIC) Structure',
  fields: [
    plic.integer('version', 'Version', 1, 'Version of the entry.'),
    plic.integer('id', 'Id', 1, 'Its number.'),
    plic.integer('hardwareId', 'HwId', 8, 'Hardware ID, as _HID has it.'),
    plic.integer('sources', 'NumIrqs', 2, 'Its interrupts.', { shownAs: 'decimal' }),
    plic.integer('maximumPriority', 'MaxPrio', 2, 'The highest priority.', { shownAs: 'decimal' }),
    plic.integer('flags', 'Flags', 4, 'Flags, none defined.'),
    plic.integer('size', 'Size', 4, 'Size of its registers.', { shownAs: 'size' }),
    plic.integer('base', 'BaseAddr', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    plic.integer('gsiBase', 'GsiBase', 4, 'The first of its global interrupts.', { shownAs: 'decimal' }),
  ],
});

/** By the type of the entry: what follows its two bytes of header. */
export const riscvEntryLayouts: ReadonlyMap<number, StructureLayout> = new Map<number, StructureLayout>([
  [0x18, hartLayout],
  [0x19, imsicLayout],
  [0x1a, aplicLayout],
  [0x1b, plicLayout],
]);
