// Tables between their two forms, for an editor that shows a binary as text and saves it as a binary again.
import { readAcpiDump, isAcpiDump } from '../acpi/acpidump';
import { describeTable } from '../acpi/describe-table';
import { tableSignature } from '../acpi/table-header';
import { documentOfText } from '../acpi/text/document';
import { readLines } from '../acpi/text/lines';
import { isPrintable, printTable } from '../acpi/text/print';
import { issues, newIort, templateRevision } from '../acpi/text/template';
import { lineEdits, type LineEdit } from './line-edits';
import type { NewTableResult, TableBytesResult, TableTextResult } from '../protocol';
import { positionAt, sourceFile } from '../text/source-file';

/** The text of a binary, or of one table of what acpidump printed: the IORT where none is named. */
export function tableText(content: Uint8Array, table: string | undefined): TableTextResult {
  // A dump comes first: its text may begin with the name of a table as a binary does.
  const dump = Buffer.from(content).toString('latin1');
  const bytes = isAcpiDump(dump.slice(0, probeLength)) ? tableOfDump(dump, table ?? 'IORT') : content;
  if ('error' in bytes) return bytes;
  if (!isPrintable(bytes)) return { error: notATable(bytes) };
  return { text: printTable(bytes, { style: 'current' }), signature: tableSignature(bytes) };
}

const probeLength = 4096;

function tableOfDump(text: string, wanted: string): Uint8Array | { readonly error: string } {
  const found = readAcpiDump(text).tables.find(({ bytes }) => tableSignature(bytes) === wanted);
  if (found === undefined) return { error: `a dump without the table ${wanted}` };
  return found.bytes;
}

function notATable(content: Uint8Array): string {
  const signature = tableSignature(content);
  return /^[A-Z][A-Z0-9]{3}$/.test(signature)
    ? `the table ${signature}; IORT, APIC (MADT) and VIOT are shown`
    : 'no ACPI table';
}

export function tableBytes(text: string): TableBytesResult {
  const file = sourceFile('', text);
  const { bytes, signature, diagnostics } = documentOfText(file);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const isTable = isPrintable(bytes);
  const place = errors[0]?.range;
  const missing = {
    line: 1,
    message: `No table IORT, APIC or VIOT${signature === '' ? '' : `: this is ${signature}`}.`,
  };
  const line = place === undefined ? 1 : positionAt(file, place.start).line + 1;
  const firstError = errors[0] ? { line, message: errors[0].message } : isTable ? undefined : missing;
  return {
    bytes: Buffer.from(bytes).toString('base64'),
    summary: isTable ? describeTable(bytes) : '',
    errors: Math.max(errors.length, firstError === undefined ? 0 : 1),
    ...(firstError && { firstError }),
  };
}

/** What a save would leave of a text: edits that make it what is printed of its table. None where it has errors. */
export function savedEdits(text: string): { readonly edits: readonly LineEdit[]; readonly hasOwnComments: boolean } {
  const { bytes, diagnostics } = documentOfText(sourceFile('', text));
  const isSaved = isPrintable(bytes) && !diagnostics.some(({ severity }) => severity === 'error');
  if (!isSaved) return { edits: [], hasOwnComments: false };
  const edits = lineEdits(text, printTable(bytes, { style: 'current' }), withoutOffset);
  return { edits, hasOwnComments: hasOwnComments(text) };
}

/** A line that has only moved in the table is the same one. */
function withoutOffset(line: string): string {
  return line.replace(/^(?:[ \t]*\[[^\]:]*\])+/, '').trim();
}

/** What a printed table has as comments: its head, bytes as characters with a backslash behind, and their places. */
const printedComments =
  /^(?:\/\*\s*\* ACPI Data Table \[|\/\/doorbell\b|\/\* Incorrect checksum\b|\/\* [0-9A-F]{3,} \d{4,} +\d+ \*\/$)/;

function hasOwnComments(text: string): boolean {
  const { comments } = readLines(sourceFile('', text)).parts;
  for (let at = 0; at < comments.length; at += 2) {
    const [start, end] = [comments[at]!, comments[at + 1]!];
    if (text[end] !== '\\' && !printedComments.test(text.slice(start, end))) return true;
  }
  return false;
}

export function newTable(issue: string | undefined): NewTableResult {
  const known = Array.from(issues, ([name, revision]) => ({ name, revision }));
  const revision = issue === undefined ? undefined : templateRevision(issue);
  return { issues: known, ...(revision === undefined ? {} : { text: newIort(revision, 'current') }) };
}
