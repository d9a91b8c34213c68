// Entries of a MADT that machines without a GIC have: x86, Itanium, LoongArch. They are read and written like the others; the
// analysis does not ask for them.
import { fieldMakers, named, structure } from './define';
import type { Field, FlagField, StructureLayout } from './field';

const specification = (section: string) => `ACPI 6.5, 5.2.12.${section}`;

const enabled: FlagField = {
  name: 'enabled',
  label: 'Processor Enabled',
  bit: 0,
  width: 1,
  meaning: 'The processor is usable',
};
const onlineCapable: FlagField = {
  name: 'onlineCapable',
  label: 'Runtime Online Capable',
  bit: 1,
  width: 1,
  meaning: 'The processor can be brought online later',
};
const polarity: FlagField = {
  name: 'polarity',
  label: 'Polarity',
  bit: 0,
  width: 2,
  values: [named(0, 'bus default'), named(1, 'active high'), named(3, 'active low')],
  meaning: 'When the input is active',
};
const trigger: FlagField = {
  name: 'trigger',
  label: 'Trigger Mode',
  bit: 2,
  width: 2,
  values: [named(0, 'bus default'), named(1, 'edge'), named(3, 'level')],
  meaning: 'What the input triggers on',
};
const inputFlags = [polarity, trigger];

const flagsLabel = 'Flags (decoded below)';
const apic = fieldMakers(specification('2 Processor Local APIC Structure'));
const ioApic = fieldMakers(specification('3 I/O APIC Structure'));
const override = fieldMakers(specification('5 Interrupt Source Override Structure'));
const nmi = fieldMakers(specification('6 Non-Maskable Interrupt Source Structure'));
const localNmi = fieldMakers(specification('7 Local APIC NMI Structure'));
const addressOverride = fieldMakers(specification('8 Local APIC Address Override Structure'));
const ioSapic = fieldMakers(specification('9 I/O SAPIC Structure'));
const sapic = fieldMakers(specification('10 Local SAPIC Structure'));
const platform = fieldMakers(specification('11 Platform Interrupt Source Structure'));
const x2apic = fieldMakers(specification('12 Processor Local x2APIC Structure'));
const x2apicNmi = fieldMakers(specification('13 Local x2APIC NMI Structure'));
const wakeup = fieldMakers(specification('19 Multiprocessor Wakeup Structure'));
const loongson = fieldMakers(specification('20 Core Programmable Interrupt Controller Structure and following'));

/** A string behind the fields of a local SAPIC, for processors whose _UID is one. */
export const processorUidString: Field = sapic.text(
  'uidString',
  'Processor UID String',
  'The processor’s _UID where it is a string.',
);

/** The bytes of entries of types 80h and above, in the text of a current iasl. */
export const oemData: Field = fieldMakers(specification('Multiple APIC Description Table')).bytes(
  'oemData',
  'OEM Data',
  'Bytes whose meaning the manufacturer of the machine defines.',
);

/** By the type of the entry: what follows its two bytes of header. */
export const otherEntryLayouts: ReadonlyMap<number, StructureLayout> = new Map<number, StructureLayout>([
  layout(0x00, 'local-apic', 'Local APIC', 'A processor and its local APIC.', [
    apic.integer('processorId', 'Processor ID', 1, 'The processor’s _UID.'),
    apic.integer('apicId', 'Local Apic ID', 1, 'ID of its local APIC.'),
    apic.flags('flags', flagsLabel, 4, 'Flags of the processor.', [enabled, onlineCapable]),
  ]),
  layout(0x01, 'io-apic', 'I/O APIC', 'An I/O APIC.', [
    ioApic.integer('ioApicId', 'I/O Apic ID', 1, 'ID of the I/O APIC.'),
    ioApic.reserved('reserved', 1),
    ioApic.integer('address', 'Address', 4, 'Physical address of its registers.', { shownAs: 'address' }),
    ioApic.integer('interruptBase', 'Interrupt', 4, 'The first of its global interrupts.', { shownAs: 'decimal' }),
  ]),
  layout(0x02, 'interrupt-override', 'Interrupt override', 'An ISA interrupt that arrives elsewhere.', [
    override.integer('bus', 'Bus', 1, '0: ISA.'),
    override.integer('source', 'Source', 1, 'The interrupt on the bus.', { shownAs: 'decimal' }),
    override.integer('interrupt', 'Interrupt', 4, 'The global interrupt.', { shownAs: 'decimal' }),
    override.flags('flags', flagsLabel, 2, 'Flags of the input.', inputFlags),
  ]),
  layout(0x03, 'nmi-source', 'NMI source', 'A global interrupt that is non-maskable.', [
    nmi.flags('flags', flagsLabel, 2, 'Flags of the input.', inputFlags),
    nmi.integer('interrupt', 'Interrupt', 4, 'The global interrupt.', { shownAs: 'decimal' }),
  ]),
  layout(0x04, 'local-apic-nmi', 'Local APIC NMI', 'The input of local APICs that the NMI is wired to.', [
    localNmi.integer('processorId', 'Processor ID', 1, 'The processor’s _UID; FFh for all.'),
    localNmi.flags('flags', flagsLabel, 2, 'Flags of the input.', inputFlags),
    localNmi.integer('input', 'Interrupt Input LINT', 1, 'The input: LINT0 or LINT1.'),
  ]),
  layout(0x05, 'local-apic-address', 'Local APIC address', 'Where local APICs are, in 64 bits.', [
    addressOverride.reserved('reserved', 2),
    addressOverride.integer('address', 'APIC Address', 8, 'Physical address of local APICs.', { shownAs: 'address' }),
  ]),
  layout(0x06, 'io-sapic', 'I/O SAPIC', 'An I/O SAPIC.', [
    ioSapic.integer('ioSapicId', 'I/O Sapic ID', 1, 'ID of the I/O SAPIC.'),
    ioSapic.reserved('reserved', 1),
    ioSapic.integer('interruptBase', 'Interrupt Base', 4, 'The first of its global interrupts.', {
      shownAs: 'decimal',
    }),
    ioSapic.integer('address', 'Address', 8, 'Physical address of its registers.', { shownAs: 'address' }),
  ]),
  layout(0x07, 'local-sapic', 'Local SAPIC', 'A processor and its local SAPIC.', [
    sapic.integer('processorId', 'Processor ID', 1, 'The processor’s ID.'),
    sapic.integer('sapicId', 'Local Sapic ID', 1, 'ID of its local SAPIC.'),
    sapic.integer('sapicEid', 'Local Sapic EID', 1, 'EID of its local SAPIC.'),
    sapic.reserved('reserved', 3),
    sapic.flags('flags', flagsLabel, 4, 'Flags of the processor.', [enabled]),
    sapic.integer('processorUid', 'Processor UID', 4, 'The processor’s _UID where it is a number.'),
  ]),
  layout(0x08, 'platform-interrupt', 'Platform interrupt source', 'An interrupt of the platform: PMI, INIT, CPEI.', [
    platform.flags('flags', flagsLabel, 2, 'Flags of the input.', inputFlags),
    platform.integer('type', 'InterruptType', 1, '1 PMI, 2 INIT, 3 corrected platform errors.'),
    platform.integer('processorId', 'Processor ID', 1, 'ID of the processor that takes it.'),
    platform.integer('processorEid', 'Processor EID', 1, 'EID of the processor that takes it.'),
    platform.integer('vector', 'I/O Sapic Vector', 1, 'The vector in the I/O SAPIC.'),
    platform.integer('interrupt', 'Interrupt', 4, 'The global interrupt.', { shownAs: 'decimal' }),
    platform.flags('platformFlags', flagsLabel, 4, 'Flags of the source.', [
      { name: 'cpeiOverride', label: 'CPEI Override', bit: 0, width: 1, meaning: 'The processor may be another one' },
    ]),
  ]),
  layout(0x09, 'local-x2apic', 'Local x2APIC', 'A processor and its local x2APIC.', [
    x2apic.reserved('reserved', 2),
    x2apic.integer('x2apicId', 'Processor x2Apic ID', 4, 'ID of its local x2APIC.'),
    x2apic.flags('flags', flagsLabel, 4, 'Flags of the processor.', [enabled]),
    x2apic.integer('processorUid', 'Processor UID', 4, 'The processor’s _UID.'),
  ]),
  layout(0x0a, 'local-x2apic-nmi', 'Local x2APIC NMI', 'The input of local x2APICs that the NMI is wired to.', [
    x2apicNmi.flags('flags', flagsLabel, 2, 'Flags of the input.', inputFlags),
    x2apicNmi.integer('processorUid', 'Processor UID', 4, 'The processor’s _UID; FFFFFFFFh for all.'),
    x2apicNmi.integer('input', 'Interrupt Input LINT', 1, 'The input: LINT0 or LINT1.'),
    x2apicNmi.reserved('reserved', 3),
  ]),
  layout(0x10, 'multiprocessor-wakeup', 'Multiprocessor wakeup', 'How processors are woken.', [
    wakeup.integer('version', 'Mailbox Version', 2, 'Version of the mailbox.'),
    wakeup.reserved('reserved', 4),
    wakeup.integer('mailbox', 'Mailbox Address', 8, 'Physical address of the mailbox.', { shownAs: 'address' }),
    wakeup.integer('resetVector', 'ResetVector', 8, 'Physical address of the reset vector (version 1).', {
      shownAs: 'address',
    }),
  ]),
  layout(0x11, 'core-pic', 'Core interrupt controller', 'A processor of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('processorId', 'ProcessorId', 4, 'The processor’s _UID.'),
    loongson.integer('coreId', 'CoreId', 4, 'Number of the core.'),
    loongson.integer('flags', 'Flags', 4, 'Bit 0: usable.'),
  ]),
  layout(0x12, 'legacy-io-pic', 'Legacy I/O interrupt controller', 'LIOINTC of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('address', 'Address', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    loongson.integer('size', 'Size', 2, 'Size of its registers.', { shownAs: 'size' }),
    loongson.integer('cascade', 'Cascade', 2, 'Inputs of the core’s controller that it is wired to.'),
    loongson.integer('cascadeMap', 'CascadeMap', 8, 'Which of its interrupts arrive on which input.'),
  ]),
  layout(0x13, 'ht-pic', 'HT interrupt controller', 'HTVECINTC of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('address', 'Address', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    loongson.integer('size', 'Size', 2, 'Size of its registers.', { shownAs: 'size' }),
    loongson.integer('cascade', 'Cascade', 8, 'Inputs that it is wired to.'),
  ]),
  layout(0x14, 'extended-io-pic', 'Extended I/O interrupt controller', 'EIOINTC of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('cascade', 'Cascade', 1, 'Input of the core’s controller that it is wired to.'),
    loongson.integer('node', 'Node', 1, 'Its node.'),
    loongson.integer('nodeMap', 'NodeMap', 8, 'The nodes that it serves.'),
  ]),
  layout(0x15, 'msi-pic', 'MSI interrupt controller', 'MSI controller of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('messageAddress', 'MsgAddress', 8, 'Physical address of the doorbell.', { shownAs: 'address' }),
    loongson.integer('start', 'Start', 4, 'The first vector.', { shownAs: 'decimal' }),
    loongson.integer('count', 'Count', 4, 'How many vectors.', { shownAs: 'decimal' }),
  ]),
  layout(0x16, 'bridge-io-pic', 'Bridge I/O interrupt controller', 'PCH PIC of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('address', 'Address', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    loongson.integer('size', 'Size', 2, 'Size of its registers.', { shownAs: 'size' }),
    loongson.integer('id', 'Id', 2, 'Its number.'),
    loongson.integer('gsiBase', 'GsiBase', 2, 'The first of its global interrupts.', { shownAs: 'decimal' }),
  ]),
  layout(0x17, 'lpc-pic', 'LPC interrupt controller', 'PCH LPC of LoongArch.', [
    loongson.integer('version', 'Version', 1, 'Version of the entry.'),
    loongson.integer('address', 'Address', 8, 'Physical address of its registers.', { shownAs: 'address' }),
    loongson.integer('size', 'Size', 2, 'Size of its registers.', { shownAs: 'size' }),
    loongson.integer('cascade', 'Cascade', 1, 'Input of the bridge’s controller that it is wired to.'),
  ]),
]);

function layout(
  type: number,
  name: string,
  title: string,
  meaning: string,
  fields: readonly Field[],
): [number, StructureLayout] {
  return [type, structure({ name, title, meaning, specification: fields.at(-1)!.specification, fields })];
}
