// The MADT's fixed part and its entries as lines (ACPICA source/common/dmtbdump2.c AcpiDmDumpMadt). A current iasl reads
// entries of a GIC with offsets that are one too high, and a field too far in GICC of 80 bytes; here the bytes hold.
import type { MadtEntry, MadtTable } from '../madt/model';
import type { StructureLayout, TextStyle } from '../layout/field';
import { nameOfValue } from '../layout/field';
import {
  firstOemType,
  madtEntryHeaderLayout,
  madtEntryLayout,
  madtTableLayout,
  writtenMadtFields,
} from '../layout/madt';
import { oemData, processorUidString } from '../layout/madt-other';
import { tableHeaderLayout } from '../layout/table-header';
import { ownBytesLabel } from './own-lines';
import { blank, bufferLine, nameLine, ownBytesLines, type Printer } from './print-lines';
import { printLayout } from './print-structure';

export function printMadtEntries(printer: Printer, table: MadtTable): void {
  blank(printer);
  let covered = printLayout(printer, madtTableLayout, tableHeaderLayout.size, table.end);
  const revision = Number(table.header.revision?.value ?? 0n);
  for (const entry of table.entries) {
    ownBytesLines(printer, ownBytesLabel, covered, entry.offset);
    blank(printer);
    printEntry(printer, entry, revision);
    covered = entry.end;
  }
  ownBytesLines(printer, ownBytesLabel, covered, table.bytes.length);
  blank(printer);
}

function printEntry(printer: Printer, entry: MadtEntry, tableRevision: number): void {
  const { offset, end } = entry;
  const type = entry.type.value;
  const name = typeName(type, printer.style);
  const headerEnd = printLayout(printer, madtEntryHeaderLayout, offset, end, {
    notes: new Map([['type', ` [${name}]`]]),
  });
  const layout = madtEntryLayout(Number(type));
  const writtenOf = (of: StructureLayout, style: TextStyle) => writtenMadtFields(of, style, tableRevision);
  let covered =
    layout === undefined ? headerEnd : printLayout(printer, layout, headerEnd, end, { writtenOf, origin: offset });
  if (layout?.name === 'local-sapic' && printer.bytes.indexOf(0, covered) === end - 1 && end > covered) {
    nameLine(printer, processorUidString, covered, end - covered);
    covered = end;
  } else if (Number(type) >= firstOemType && printer.style === 'current' && end > covered) {
    bufferLine(printer, oemData, covered, end);
    covered = end;
  }
  ownBytesLines(printer, ownBytesLabel, covered, end);
}

/** As each iasl calls it: 20200925 knows the entries that ACPI 6.3 has. */
function typeName(type: bigint, style: TextStyle): string {
  if (style === '20200925' && type > lastOfAcpi63) return 'Unknown Subtable Type';
  if (type >= firstOemType) return 'Types 80-FF are used for OEM data';
  return nameOfValue(madtEntryHeaderLayout.fields[0]!, type)?.name ?? 'Unknown Subtable Type';
}

const lastOfAcpi63 = 0x0f;
