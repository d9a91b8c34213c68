// Lines of a table's text in iasl's layout: `[02Ch 0044 004h]                    Reserved : 00000000`, colon in column 46.
import type { Field, FlagField, TextStyle } from '../layout/field';
import { flagLines, flagValue } from '../layout/field';
import { oncePer } from '../../text/once';
import { readInteger } from '../bytes';
import { PrintedText } from './printed-text';

/** Collects the lines of one table. */
export interface Printer {
  readonly bytes: Uint8Array;
  readonly style: TextStyle;
  readonly text: PrintedText;
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
  printer.text.write(text);
  printer.text.endLine();
}

/** A field of a fixed size with its flag lines; `note` stands behind the value. */
export function fieldLine(printer: Printer, field: Field, offset: number, note = ''): void {
  const { bytes } = printer;
  if (field.kind === 'heading') {
    writeHead(printer, offset, field.size, field.label);
    plain(printer, `[${field.note ?? field.label}]`);
    return;
  }
  if (field.kind === 'characters') {
    characterLine(printer, field, offset, note);
    return;
  }
  const { text } = printer;
  writeHead(printer, offset, field.size, field.label);
  writeInteger(text, bytes, offset, field.size);
  if (note !== '') text.write(note);
  text.endLine(offset, field.size, true);
  if (field.flags !== undefined) writeFlagLines(printer, field, offset);
}

/** A field that iasl has no words for, in a line of ours. */
export function ownFieldLine(printer: Printer, field: Field, offset: number): void {
  printer.text.write(ownLine(field.label, ''));
  writeInteger(printer.text, printer.bytes, offset, field.size);
  printer.text.endLine(offset, field.size, true);
}

export function ownLine(label: string, value: string): string {
  return `//doorbell ${label.padStart(valueColumn - 3 - '//doorbell '.length)} : ${value}`;
}

/** Bytes in no field, as many lines as they need. */
export function ownBytesLines(printer: Printer, label: string, start: number, end: number): void {
  // A buffer of a current iasl ends in a backslash: what follows directly would belong to it.
  if (start < end && printer.text.endsWith('\\')) blank(printer);
  for (let offset = start; offset < end; offset += bytesPerLine) {
    const size = Math.min(bytesPerLine, end - offset);
    printer.text.write(ownLine(label, byteWords(printer.bytes, offset, offset + size).trimEnd()));
    printer.text.endLine(offset, size);
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
  printer.text.write(text);
  printer.text.endLine(start, end - start);
}

/** A name up to its NUL; where it has none, or a string cannot say it, its bytes stand behind. */
export function nameLine(printer: Printer, field: Field, offset: number, size: number): void {
  const { bytes, style } = printer;
  const isTerminated = size > 0 && bytes[offset + size - 1] === 0;
  const text = Buffer.from(bytes.subarray(offset, offset + size - (isTerminated ? 1 : 0))).toString('latin1');
  const remark = isTerminated && isSayable(text) ? undefined : bytesRemark(bytes, offset, size);
  printer.text.write(`${lineHead(style, offset, size, field.label)}"${sayable(text)}"`);
  printer.text.endLine(offset, size, false, remark);
}

function characterLine(printer: Printer, field: Field, offset: number, note: string): void {
  const { bytes, style } = printer;
  const all = Buffer.from(bytes.subarray(offset, offset + field.size)).toString('latin1');
  const text = all.split('\0', 1)[0]!;
  const isWhole = all.slice(text.length).replaceAll('\0', '') === '';
  const remark = isWhole && isSayable(text) ? undefined : bytesRemark(bytes, offset, field.size);
  printer.text.write(`${lineHead(style, offset, field.size, field.label)}"${sayable(text)}"${note}`);
  printer.text.endLine(offset, field.size, false, remark);
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

/** A flag's line, but for its value. */
interface FlagLine {
  readonly flag: FlagField;
  readonly head: Uint8Array;
}

const flagLinesOf: Readonly<Record<TextStyle, (field: Field) => readonly FlagLine[]>> = {
  current: oncePer((field: Field) => makeFlagLines(field, 'current')),
  '20200925': oncePer((field: Field) => makeFlagLines(field, '20200925')),
};

function makeFlagLines(field: Field, style: TextStyle): FlagLine[] {
  return flagLines(field, style).map((flag) => ({
    flag: flag.lineWidth === undefined ? flag : { ...flag, width: flag.lineWidth },
    head: Buffer.from(`${flag.label.padStart(44)} : `, 'latin1'),
  }));
}

function writeFlagLines({ bytes, style, text, flagRevision }: Printer, field: Field, offset: number): void {
  const bits = readInteger(bytes, offset, field.size) ?? 0n;
  for (const { flag, head } of flagLinesOf[style](field)) {
    if (flagRevision !== undefined && (flag.sinceTable ?? 0) > flagRevision) continue;
    text.writeBytes(head);
    text.write(printedDigits(flagValue(flag, bits), flag.digits ?? 1));
    text.endLine();
  }
}

const headsOfLabels: Readonly<Record<TextStyle, Map<string, Uint8Array>>> = {
  current: new Map(),
  '20200925': new Map(),
};

/** The same as `lineHead`, for lines by the thousand. */
function writeHead({ style, text }: Printer, offset: number, size: number, label: string): void {
  text.writeCharacter(openBracket);
  text.writeHex(offset, 3);
  text.write('h ');
  text.writeDecimal(offset, 4, '0');
  if (style === '20200925') {
    text.writeDecimal(size, 4, ' ');
  } else {
    text.writeCharacter(space);
    text.writeHex(size, 3);
    text.writeCharacter(letterH);
  }
  let rest = headsOfLabels[style].get(label);
  if (rest === undefined) {
    rest = Buffer.from(`] ${label.padStart(style === '20200925' ? 28 : 27)} : `, 'latin1');
    headsOfLabels[style].set(label, rest);
  }
  text.writeBytes(rest);
}

const openBracket = 91;
const space = 32;
const letterH = 104;

/** A little-endian integer in all its digits. */
function writeInteger(text: PrintedText, bytes: Uint8Array, offset: number, size: number): void {
  for (let at = offset + size - 1; at >= offset; at--) text.writeByte(bytes[at] ?? 0);
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
  for (let at = start; at < end; at++) shown += String.fromCharCode(shownByte(bytes[at] ?? 0));
  return shown;
}

const dot = 46;

function shownByte(byte: number): number {
  return byte >= 0x20 && byte < 0x7f ? byte : dot;
}

/** `Raw Table Data`, which ends what a compiler reads, and the table's bytes. */
export function rawData(bytes: Uint8Array): string {
  const text = new PrintedText();
  text.write(`Raw Table Data: Length ${bytes.length} (0x${printedDigits(bytes.length, 1)})\n\n`);
  for (let offset = 0; offset < bytes.length; offset += bytesPerLine) {
    const end = Math.min(offset + bytesPerLine, bytes.length);
    text.write('    ');
    text.writeHex(offset, 4);
    text.write(': ');
    for (let at = offset; at < end; at++) {
      text.writeByte(bytes[at]!);
      text.writeCharacter(space);
    }
    text.write(`${'   '.repeat(offset + bytesPerLine - end)} // `);
    for (let at = offset; at < end; at++) text.writeCharacter(shownByte(bytes[at]!));
    text.endLine();
  }
  return text.toString();
}
