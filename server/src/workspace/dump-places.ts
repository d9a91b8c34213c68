// Findings about a table of a dump, at the bytes of the dump: the text that they were found in was printed, and is in no file.
import { placeInDump, type DumpedTable } from '../acpi/acpidump';
import type { TableDocument } from '../acpi/text/document';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';

/** A table, and the text printed from it. */
export interface ShownTable {
  readonly document: TableDocument;
  readonly table: DumpedTable;
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
