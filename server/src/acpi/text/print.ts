// A table's bytes as text: what `iasl -d` writes, and in lines of ours what iasl would lose. Compiling the text gives the
// bytes back, whatever they are.
import { sourceFile } from '../../text/source-file';
import { readNumber, readText } from '../bytes';
import { decodeIort } from '../iort/decode';
import type { TextStyle } from '../layout/field';
import { tableHeaderLayout } from '../layout/table-header';
import { decodeMadt } from '../madt/decode';
import { checksumOf } from '../table-header';
import { bodyEndsLabel, ownBytesLabel } from './own-lines';
import { assemble } from './assemble';
import { readLines } from './lines';
import { printIortNodes } from './print-iort';
import { blank, bytesRemark, ownBytesLines, ownLine, plain, rawData, type Printer } from './print-lines';
import { PrintedText } from './printed-text';
import { printMadtEntries } from './print-madt';
import { printViotNodes } from './print-viot';
import { printLayout } from './print-structure';

const tableTitles: ReadonlyMap<string, string> = new Map([
  ['IORT', 'IO Remapping Table'],
  ['APIC', 'Multiple APIC Description Table (MADT)'],
  ['VIOT', 'Virtual I/O Translation Table'],
]);

const checksumOffset = 9;

export interface PrintOptions {
  readonly style: TextStyle;
}

/** Whether a binary is a table that can be printed and compiled. */
export function isPrintable(bytes: Uint8Array): boolean {
  return tableTitles.has(readText(bytes, 0, 4));
}

/** The text of an IORT, a MADT or a VIOT. */
export function printTable(bytes: Uint8Array, { style }: PrintOptions): string {
  const lines = printedLines(bytes, style);
  const body = keepingWhatDiffers(lines, bytes) ?? asBytes(bytes, style).toString();
  return `${comment(bytes, style)}\n${body}${rawData(bytes)}`;
}

function comment(bytes: Uint8Array, style: TextStyle): string {
  const form = style === '20200925' ? 'FieldName : FieldValue' : 'FieldName : FieldValue (in hex)';
  return [
    '/*',
    ` * ACPI Data Table [${readText(bytes, 0, 4)}], in the form of iasl ${style === '20200925' ? style : '20260408'}`,
    ' *',
    ` * Format: [HexOffset DecimalOffset ByteLength]  ${form}`,
    ' */',
    '',
  ].join('\n');
}

function printedLines(bytes: Uint8Array, style: TextStyle): PrintedText {
  const signature = readText(bytes, 0, 4);
  const isMadt = signature === 'APIC';
  const flagRevision = isMadt ? (readNumber(bytes, 8, 1) ?? 0) : undefined;
  const printer: Printer = { bytes, style, text: new PrintedText(), flagRevision };
  const end = printHeader(printer);
  if (end < tableHeaderLayout.size) ownBytesLines(printer, ownBytesLabel, end, bytes.length);
  else if (isMadt) printMadtEntries(printer, decodeMadt(bytes));
  else if (signature === 'VIOT') printViotNodes(printer);
  else printIortNodes(printer, decodeIort(bytes));
  return printer.text;
}

/** The header; returns where it ends, which is before its size where there are no more bytes. */
function printHeader(printer: Printer): number {
  const { bytes } = printer;
  const signature = readText(bytes, 0, 4);
  const right = checksumOf(bytes, Math.min(readNumber(bytes, 4, 4) ?? 0, bytes.length));
  const isWrong = bytes.length > 9 && bytes[9] !== right;
  const shown = right.toString(16).toUpperCase().padStart(2, '0');
  return printLayout(printer, tableHeaderLayout, 0, bytes.length, {
    notes: new Map([
      ['signature', `    [${tableTitles.get(signature) ?? signature}]`],
      ['checksum', isWrong ? `     /* Incorrect checksum, should be ${shown} */` : ''],
    ]),
  });
}

function compiled(text: string): Uint8Array {
  return assemble(readLines(sourceFile('', text, 'latin1'))).bytes;
}

/**
 * The text, with the values marked that compiling would change: computed ones that are wrong, reserved ones that are not
 * zero. Undefined where its bytes would be others all the same.
 */
function keepingWhatDiffers(lines: PrintedText, bytes: Uint8Array): string | undefined {
  for (let round = 0; round < 4; round++) {
    const text = lines.toString();
    const result = compiled(text);
    if (Buffer.compare(result, bytes) === 0) return text;
    const differing: number[] = [];
    for (let line = 0; line < lines.lineCount; line++) {
      const { offset, size } = lines.placeOf(line);
      if (offset < 0 || lines.hasRemark(line)) continue;
      if (Buffer.compare(result.subarray(offset, offset + size), bytes.subarray(offset, offset + size)) !== 0) {
        differing.push(line);
      }
    }
    // The checksum depends on all others.
    const others = differing.filter((line) => lines.placeOf(line).offset !== checksumOffset);
    for (const line of others.length > 0 ? others : differing) {
      const { offset, size, isInteger } = lines.placeOf(line);
      lines.remark(line, isInteger ? 'as written' : bytesRemark(bytes, offset, size));
    }
    if (differing.length === 0) return undefined;
  }
  return undefined;
}

/** The last resort: the header as far as it goes, and everything else as bytes. */
function asBytes(bytes: Uint8Array, style: TextStyle): PrintedText {
  const printer: Printer = { bytes, style, text: new PrintedText(), flagRevision: undefined };
  const end = printHeader(printer);
  const { text } = printer;
  for (let line = 0; line < text.lineCount; line++) {
    const { offset, isInteger } = text.placeOf(line);
    if (isInteger && offset >= 0) text.remark(line, 'as written');
  }
  blank(printer);
  if (end === tableHeaderLayout.size) plain(printer, ownLine(bodyEndsLabel, '0024'));
  ownBytesLines(printer, ownBytesLabel, end, bytes.length);
  blank(printer);
  return printer.text;
}
