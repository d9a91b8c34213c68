// Values of a table of a dump, and findings about it, at the bytes of the dump: the text that they were found in was printed, and is in no file.
import { placeInDump, type DumpedTable } from '../acpi/acpidump';
import type { TableDocument } from '../acpi/text/document';
import type { PlaceOf } from '../acpi/text/table-text';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';

/** A table, and the text printed from it. */
export interface ShownTable {
  readonly document: TableDocument;
  readonly table: DumpedTable;
}

/** Where a table's values stand in the dump that it comes from. */
export function placesInDump(file: SourceFile, tables: readonly ShownTable[], document: TableDocument): PlaceOf {
  const table = tables.find((each) => each.document === document)?.table;
  return ({ offset, size }) => {
    const place = table && placeInDump(table, offset, size);
    return place && { file, ...place };
  };
}

/** Fixes change the printed text, or write comments: a dump has no place for either. */
export function atDumpedBytes(
  diagnostics: readonly Diagnostic[],
  dump: SourceFile,
  tables: readonly ShownTable[],
): Diagnostic[] {
  return diagnostics.map((diagnostic) => {
    const { rule, severity, range, node, message, evidence } = diagnostic;
    if (range === undefined) return diagnostic;
    if (range.file !== dump && !tables.some(({ document }) => document.file === range.file)) return diagnostic;
    return {
      rule,
      severity,
      range: placed(range),
      node,
      message,
      ...(evidence && { evidence: evidence.map((each) => ({ ...each, range: placed(each.range) })) }),
    };
  });

  function placed(range: SourceRange): SourceRange {
    const shown = tables.find(({ document }) => document.file === range.file);
    if (shown === undefined) return range;
    const { document, table } = shown;
    const field = document.fieldAt(range.start);
    const place = field && placeInDump(table, field.offset, field.size);
    return { file: dump, ...(place ?? { start: table.start, end: table.start + table.signature.length }) };
  }
}
