// The MADT's fixed part and its entries as lines (ACPICA source/common/dmtbdump2.c AcpiDmDumpMadt). A current iasl reads
// entries of a GIC with offsets that are one too high, and a field too far in GICC of 80 bytes; here the bytes hold.
import type { MadtEntry, MadtTable } from '../madt/model';
import type { StructureLayout, TextStyle } from '../layout/field';
import { nameOfValue } from '../layout/field';
import { madtEntryHeaderLayout, madtEntryLayout, madtTableLayout, writtenMadtFields } from '../layout/madt';
import { tableHeaderLayout } from '../layout/table-header';
import { ownBytesLabel } from './own-lines';
import { blank, ownBytesLines, type Printer } from './print-lines';
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
  const name = nameOfValue(madtEntryHeaderLayout.fields[0]!, type)?.name ?? 'Unknown Subtable Type';
  const headerEnd = printLayout(printer, madtEntryHeaderLayout, offset, end, {
    notes: new Map([['type', ` [${name}]`]]),
  });
  const layout = madtEntryLayout(Number(type));
  const writtenOf = (of: StructureLayout, style: TextStyle) => writtenMadtFields(of, style, tableRevision);
  const covered =
    layout === undefined ? headerEnd : printLayout(printer, layout, headerEnd, end, { writtenOf, origin: offset });
  ownBytesLines(printer, ownBytesLabel, covered, end);
}
