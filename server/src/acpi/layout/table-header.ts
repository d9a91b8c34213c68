// The header that every ACPI table begins with.
import { fieldMakers, structure } from './define';

const { integer, characters } = fieldMakers('ACPI 6.5, 5.2.6 System Description Table Header');

export const tableHeaderLayout = structure({
  name: 'table-header',
  title: 'Table header',
  meaning: 'The header of every ACPI table.',
  specification: 'ACPI 6.5, 5.2.6 System Description Table Header',
  fields: [
    characters('signature', 'Signature', 4, 'Which table this is: "IORT", or "APIC" for the MADT.'),
    integer('length', 'Table Length', 4, 'Length of the whole table with this header.', {
      computed: 'table-length',
      units: 'bytes',
      shownAs: 'size',
    }),
    integer('revision', 'Revision', 1, 'Revision of the table’s layout.'),
    integer('checksum', 'Checksum', 1, 'Makes the sum of all bytes of the table zero, modulo 256.', {
      computed: 'checksum',
    }),
    characters('oemId', 'Oem ID', 6, 'The OEM. Linux takes errata of HiSilicon’s PMCG from it ("HISI  ").'),
    characters('oemTableId', 'Oem Table ID', 8, 'The OEM’s name of the table. Linux takes errata of PMCG from it.'),
    integer('oemRevision', 'Oem Revision', 4, 'The OEM’s revision of the table.'),
    characters('creatorId', 'Asl Compiler ID', 4, 'The tool that made the table.', { computed: 'compiler' }),
    integer('creatorRevision', 'Asl Compiler Revision', 4, 'Revision of the tool that made the table.', {
      computed: 'compiler',
    }),
  ],
});
