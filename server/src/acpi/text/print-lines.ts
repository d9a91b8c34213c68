// Lines of a table's text in iasl's layout: `[02Ch 0044 004h]                    Reserved : 00000000`, colon in column 46.
import type { Field, FlagField, TextStyle } from '../layout/field';
import { flagLines, flagValue } from '../layout/field';

/** A line, and the bytes that it stands for; `remark` is what `//doorbell` says behind it. */
export interface PrintedLine {
  readonly text: string;
  readonly offset: number;
  readonly size: number;
  /** Whether its value is an integer that can be kept as written. */
  readonly isInteger: boolean;
  remark: string | undefined;
}

/** Collects the lines of one table. */
export interface Printer {
  readonly bytes: Uint8Array;
  readonly style: TextStyle;
  readonly lines: PrintedLine[];
  /** Of the MADT, whose flag lines depend on it; undefined for tables where iasl writes all of them. */
  readonly flagRevision: number | undefined;
}

const bytesPerLine = 16;
const valueColumn = 47;

export function blank(printer: Printer): void {
  plain(printer, '');
}

/** A line without a place in the table. */
export function plain(printer: Printer, text: string): void {
  printer.lines.push({ text, offset: -1, size: 0, isInteger: false, remark: undefined });
}

/** A field of a fixed size with its flag lines; `note` stands behind the value. */
export function fieldLine(printer: Printer, field: Field, offset: number, note = ''): void {
  const { bytes, style } = printer;
  if (field.kind === 'heading') {
    const text = `${lineHead(style, offset, field.size, field.label)}[${field.note ?? field.label}]`;
    plain(printer, text);
    return;
  }
  if (field.kind === 'characters') {
    characterLine(printer, field, offset, note);
    return;
  }
  const value = hexadecimal(bytes, offset, field.size);
  const text = `${lineHead(style, offset, field.size, field.label)}${value}${note}`;
  printer.lines.push({ text, offset, size: field.size, isInteger: true, remark: undefined });
  if (field.flags === undefined) return;
  const bits = BigInt(`0x${value}`);
  for (const flag of linesUnder(printer, field)) plain(printer, flagLine(flag, bits));
}

/** A field that iasl has no words for, in a line of ours. */
export function ownFieldLine(printer: Printer, field: Field, offset: number): void {
  const text = ownLine(field.label, hexadecimal(printer.bytes, offset, field.size));
  printer.lines.push({ text, offset, size: field.size, isInteger: true, remark: undefined });
}

export function ownLine(label: string, value: string): string {
  return `//doorbell ${label.padStart(valueColumn - 3 - '//doorbell '.length)} : ${value}`;
}

/** Bytes in no field, as many lines as they need. */
export function ownBytesLines(printer: Printer, label: string, start: number, end: number): void {
  // A buffer of a current iasl ends in a backslash: what follows directly would belong to it.
  if (start < end && printer.lines.at(-1)?.text.endsWith('\\') === true) blank(printer);
  for (let offset = start; offset < end; offset += bytesPerLine) {
    const size = Math.min(bytesPerLine, end - offset);
    const text = ownLine(label, byteWords(printer.bytes, offset, offset + size).trimEnd());
    printer.lines.push({ text, offset, size, isInteger: false, remark: undefined });
  }
}

/** Bytes as iasl writes buffers: lines of sixteen. */
export function bufferLine(printer: Printer, field: Field, start: number, end: number): void {
  const { bytes, style } = printer;
  const rows: string[] = [];
  for (let offset = start; offset < end; offset += bytesPerLine) {
    const rowEnd = Math.min(offset + bytesPerLine, end);
    const words = byteWords(bytes, offset, rowEnd);
    if (style === '20200925') {
      rows.push(words);
    } else {
      const size = String(rowEnd - offset).padStart(3);
      const place = offset === start ? '' : `/* ${hexOffset(offset)} ${decimalOffset(offset)} ${size} */`;
      const row = `${words.padEnd(3 * bytesPerLine)}/* ${inComment(visible(bytes, offset, rowEnd))} */\\`;
      rows.push(offset === start ? row : place.padEnd(valueColumn) + row);
    }
  }
  const first = lineHead(style, start, end - start, field.label);
  const isLong = end - start > bytesPerLine;
  const text =
    style === 'current' || !isLong
      ? first + rows.join('\n')
      : `${first}\\\n${rows.map((row) => `    ${row}`).join('\\\n')}`;
  printer.lines.push({ text, offset: start, size: end - start, isInteger: false, remark: undefined });
}

/** A name up to its NUL; where it has none, or a string cannot say it, its bytes stand behind. */
export function nameLine(printer: Printer, field: Field, offset: number, size: number): void {
  const { bytes, style } = printer;
  const isTerminated = size > 0 && bytes[offset + size - 1] === 0;
  const text = Buffer.from(bytes.subarray(offset, offset + size - (isTerminated ? 1 : 0))).toString('latin1');
  const remark = isTerminated && isSayable(text) ? undefined : bytesRemark(bytes, offset, size);
  const line = `${lineHead(style, offset, size, field.label)}"${sayable(text)}"`;
  printer.lines.push({ text: line, offset, size, isInteger: false, remark });
}

function characterLine(printer: Printer, field: Field, offset: number, note: string): void {
  const { bytes, style } = printer;
  const all = Buffer.from(bytes.subarray(offset, offset + field.size)).toString('latin1');
  const text = all.split('\0', 1)[0]!;
  const isWhole = all.slice(text.length).replaceAll('\0', '') === '';
  const remark = isWhole && isSayable(text) ? undefined : bytesRemark(bytes, offset, field.size);
  const line = `${lineHead(style, offset, field.size, field.label)}"${sayable(text)}"${note}`;
  printer.lines.push({ text: line, offset, size: field.size, isInteger: false, remark });
}

/** What stands behind a value whose bytes its text cannot say. */
export function bytesRemark(bytes: Uint8Array, offset: number, size: number): string {
  return `bytes ${byteWords(bytes, offset, offset + size).trimEnd()}`;
}

/** Whether iasl reads a string back as it is: it knows no escapes, and a backslash hides the quote behind it. */
function isSayable(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && !text.includes('"') && !text.endsWith('\\') && !text.includes('Raw Table Data');
}

/** As iasl shows it, but for what would break the line. */
function sayable(text: string): string {
  if (isSayable(text)) return text;
  const shown = text
    .replace(/[^\x20-\x7e]/g, ' ')
    .replaceAll('"', "'")
    .replaceAll('Raw Table Data', 'Raw_Table_Data');
  return shown.replace(/\\$/, '/');
}

function linesUnder({ style, flagRevision }: Printer, field: Field): readonly FlagField[] {
  const lines = flagLines(field, style);
  return flagRevision === undefined ? lines : lines.filter(({ sinceTable }) => (sinceTable ?? 0) <= flagRevision);
}

function flagLine(flag: FlagField, value: bigint): string {
  const shown = flagValue(flag.lineWidth === undefined ? flag : { ...flag, width: flag.lineWidth }, value);
  return `${flag.label.padStart(44)} : ${printedDigits(shown, flag.digits ?? 1)}`;
}

/** Prefix, name and colon of a field's line. */
export function lineHead(style: TextStyle, offset: number, size: number, label: string): string {
  const place = `${hexOffset(offset)} ${decimalOffset(offset)}`;
  return style === '20200925'
    ? `[${place}${String(size).padStart(4)}] ${label.padStart(28)} : `
    : `[${place} ${printedDigits(size, 3)}h] ${label.padStart(27)} : `;
}

function hexOffset(offset: number): string {
  return `${printedDigits(offset, 3)}h`;
}

function decimalOffset(offset: number): string {
  return String(offset).padStart(4, '0');
}

/** Upper-case hexadecimal, with zeros in front. */
export function printedDigits(value: bigint | number, count: number): string {
  return value.toString(16).toUpperCase().padStart(count, '0');
}

/** A little-endian integer in all its digits. */
function hexadecimal(bytes: Uint8Array, offset: number, size: number): string {
  let shown = '';
  for (let at = offset + size - 1; at >= offset; at--) shown += hexPairs[bytes[at] ?? 0]!;
  return shown;
}

function byteWords(bytes: Uint8Array, start: number, end: number): string {
  let words = '';
  for (let at = start; at < end; at++) words += `${hexPairs[bytes[at] ?? 0]!} `;
  return words;
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).toUpperCase().padStart(2, '0'));

/** iasl writes the bytes of such a comment's end like others, and cannot read its own text back. */
function inComment(characters: string): string {
  return characters.replaceAll('*/', '*.');
}

function visible(bytes: Uint8Array, start: number, end: number): string {
  let shown = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    shown += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return shown;
}

/** `Raw Table Data`, which ends what a compiler reads, and the table's bytes. */
export function rawData(bytes: Uint8Array): string {
  const rows = [`Raw Table Data: Length ${bytes.length} (0x${printedDigits(bytes.length, 1)})`, ''];
  for (let offset = 0; offset < bytes.length; offset += bytesPerLine) {
    const end = Math.min(offset + bytesPerLine, bytes.length);
    const words = byteWords(bytes, offset, end).padEnd(3 * bytesPerLine);
    rows.push(`    ${printedDigits(offset, 4)}: ${words} // ${visible(bytes, offset, end)}`);
  }
  return `${rows.join('\n')}\n`;
}
