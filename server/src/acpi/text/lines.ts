// A table's text as the lines that the compiler reads, in columns: an edit of a large table moves numbers, not objects.
import type { SourceFile } from '../../text/source-file';
import { expanded, hasDirectives, preprocess } from './directives';
import { parse } from './../generated/acpi-data-table';
import { columnsOfLine } from './ordinary-lines';
import { scanText, type OddLine, type Scan, type ScanProblem } from './scan';
import type { TextLine } from './table-text';

export const enum LineFlag {
  quoted = 1,
  /** Its name and value are not as they stand in the text: comments and joins are taken out of them. */
  odd = 2,
  own = 4,
  asWritten = 8,
}

/** A field as the compiler has it, where that is not a piece of the text. */
export interface OddField {
  readonly name: string;
  readonly value: string;
  /** What `//doorbell bytes …` behind it says. */
  readonly bytes: string | undefined;
}

/** The lines `name : value` of a text, in order. */
export interface Lines {
  readonly file: SourceFile;
  readonly count: number;
  /** start, name start, name end, value start, value end, end. Ranges of values hold their quotes. */
  readonly columns: Int32Array;
  readonly flags: Uint8Array;
  /** What a value of hexadecimal digits alone comes to, below 2^53; -1 for any other, and for all of odd lines. */
  readonly numbers: Float64Array;
  readonly odd: Map<number, OddField>;
  /** Lines that iasl skips because they have no colon: start, end, … */
  readonly meaningless: readonly { readonly start: number; readonly end: number }[];
  readonly comments: Int32Array;
  readonly problems: readonly ScanProblem[];
  /** Where reading ends: behind `Raw Table Data`, or at the end of the text. */
  readonly end: number;
  /** How far from the text's end, and not before `end`, the first character is that makes a file a binary; -1 for none. */
  readonly foreignBehind: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export function readLines(file: SourceFile): Lines {
  if (!hasDirectives(file)) {
    const lines = linesOf(file, scanText(file.text));
    return { ...lines, foreignBehind: findForeign(file.text, lines.end) };
  }
  const { text, macrosAt, problems } = preprocess(file);
  const lines = linesOf(file, scanText(text));
  for (let line = 0; line < lines.count; line++) {
    const macros = macrosAt(lines.columns[line * columnsOfLine]!);
    if (macros.size > 0) expandLine(lines, line, macros);
  }
  return {
    ...lines,
    problems: [...problems, ...lines.problems].sort((a, b) => a.start - b.start),
    foreignBehind: findForeign(file.text, lines.end),
  };
}

/** From the end of a text, the first character from an offset on for which iasl takes a file for a binary; -1 for none. */
export function findForeign(text: string, from: number): number {
  const foreign = /[^\t-\r\x20-\x7e]/g;
  foreign.lastIndex = from;
  const found = foreign.exec(text);
  return found === null ? -1 : text.length - found.index;
}

/** Puts macros' values into a line. */
function expandLine(lines: Lines, line: number, macros: ReadonlyMap<string, string>): void {
  const { text } = lines.file;
  const at = line * columnsOfLine;
  const [, nameStart, nameEnd, valueStart, valueEnd] = lines.columns.subarray(at, at + columnsOfLine);
  const around = (piece: string, start: number, end: number) =>
    expanded(piece, macros, text.charAt(start - 1), text.charAt(end));
  const quote = (lines.flags[line]! & LineFlag.quoted) === 0 ? '' : '"';
  const written = `${quote}${valueOfLine(lines, line)}${quote}`;
  const [name, value] = [nameOfLine(lines, line), written];
  const [newName, newValue] = [around(name, nameStart!, nameEnd!), around(value, valueStart!, valueEnd!)];
  if (newName === name && newValue === value) return;
  lines.odd.set(line, { name: trimmed(newName), value: trimmed(newValue), bytes: bytesOfRemark(lines, line) });
  lines.flags[line] = lines.flags[line]! | LineFlag.odd;
  lines.numbers[line] = -1;
}

/** What scanning found of a file, or of a part of it. */
export function linesOf(file: SourceFile, scan: Scan): Lines {
  const { shape, starts, lines: lineOfToken } = scan;
  const { ordinary: read } = scan;
  const isCopied = scan.odd.length > 0;
  const most = read.count + scan.odd.length;
  const columns = isCopied ? new Int32Array(most * columnsOfLine) : read.places;
  // Quoted is 1 in both.
  const flags = isCopied ? new Uint8Array(most) : read.quoted;
  const numbers = isCopied ? new Float64Array(most) : read.numbers;
  const odd = new Map<number, OddField>();
  const meaningless: Range[] = [];
  let count = 0;
  parse(shape, {
    startRule: 'Text',
    build: { ordinary, field, meaningless: (token: number) => meaningless.push(placeOfLine(token)) },
  });
  return {
    file,
    count,
    columns: columns.subarray(0, count * columnsOfLine),
    flags: flags.subarray(0, count),
    numbers: numbers.subarray(0, count),
    odd,
    meaningless,
    comments: scan.comments,
    problems: [...scan.problems].sort((a, b) => a.start - b.start),
    end: scan.end,
    foreignBehind: -1,
  };

  function ordinary(first: number, end: number): void {
    const from = lineOfToken[first]!;
    const next = shape.indexOf('f', end);
    const to = next < 0 ? read.count : lineOfToken[next]!;
    if (isCopied) {
      columns.set(read.places.subarray(from * columnsOfLine, to * columnsOfLine), count * columnsOfLine);
      flags.set(read.quoted.subarray(from, to), count);
      numbers.set(read.numbers.subarray(from, to), count);
    }
    count += to - from;
  }

  function field(first: number, name: Range, value: Range, isOwn: boolean, remark: number | null): void {
    const line = scan.odd[lineOfToken[name.start]!]!;
    const nameText = line.text.slice(starts[name.start], starts[name.end]);
    const valueEnd = endOfValue(line, value);
    const valueText = line.text.slice(starts[value.start], valueEnd);
    const isQuoted = shape.slice(value.start, value.end).includes('"');
    const remarkText = remark === null ? '' : scan.odd[lineOfToken[remark]!]!.text.trim();
    const bytes = /^bytes\s(.*)$/.exec(remarkText)?.[1];
    const isAsWritten = remarkText === 'as written';
    odd.set(count, { name: trimmed(nameText), value: trimmed(valueText), bytes });
    const nameRange = placed(line, starts[name.start]!, nameText);
    const written = valueText.trim() === '' ? line.text.slice(starts[value.start], starts[value.end]) : valueText;
    const valueRange = placed(line, starts[value.start]!, written, valueText.trim().length);
    const at = count * columnsOfLine;
    columns[at] = placeOfLine(first).start;
    columns[at + 1] = nameRange.start;
    columns[at + 2] = nameRange.end;
    columns[at + 3] = valueRange.start;
    columns[at + 4] = valueRange.end;
    columns[at + 5] = line.end;
    numbers[count] = -1;
    flags[count] =
      LineFlag.odd |
      (isQuoted ? LineFlag.quoted : 0) |
      (isOwn ? LineFlag.own : 0) |
      (isAsWritten ? LineFlag.asWritten : 0);
    count++;
  }

  /** The character before a note is not part of the value, whatever it is (DtParseLine steps back one too many). */
  function endOfValue(line: OddLine, value: Range): number {
    const end = starts[value.end]!;
    const isNoted = shape[value.end] === '[' && value.end > value.start;
    return isNoted && line.text[end - 1] !== '"' ? end - 1 : end;
  }

  function placeOfLine(token: number): Range {
    const { start, end } = scan.odd[lineOfToken[token]!] ?? scan.odd.at(-1)!;
    return { start, end };
  }
}

/** Where a piece of an odd line's text stands in the file, without the blanks around it. */
function placed(line: OddLine, from: number, piece: string, length = piece.trim().length): Range {
  const first = from + piece.length - piece.trimStart().length;
  const start = line.places[first] ?? line.end;
  return { start, end: length === 0 ? start : line.places[first + length - 1]! + 1 };
}

/** As iasl's DtTrim: blanks and tabs go in front, blanks and newlines behind, then one quote at each end. */
function trimmed(text: string): string {
  const inner = text.replace(/^[ \t]+/, '').replace(/[ \n]+$/, '');
  const opened = inner.startsWith('"') ? inner.slice(1) : inner;
  return opened.endsWith('"') ? opened.slice(0, -1) : opened;
}

export function nameOfLine(lines: Lines, line: number): string {
  const at = line * columnsOfLine;
  const odd = lines.odd.get(line);
  return odd === undefined ? lines.file.text.slice(lines.columns[at + 1], lines.columns[at + 2]) : odd.name;
}

export function hasName(lines: Lines, line: number, name: string): boolean {
  const at = line * columnsOfLine;
  const start = lines.columns[at + 1]!;
  if ((lines.flags[line]! & LineFlag.odd) !== 0) return lines.odd.get(line)!.name === name;
  return lines.columns[at + 2]! - start === name.length && lines.file.text.startsWith(name, start);
}

/** The value without its quotes; iasl knows no escapes. */
export function valueOfLine(lines: Lines, line: number): string {
  const flags = lines.flags[line]!;
  if ((flags & LineFlag.odd) !== 0) return lines.odd.get(line)!.value;
  const at = line * columnsOfLine;
  const quote = flags & LineFlag.quoted;
  return lines.file.text.slice(lines.columns[at + 3]! + quote, lines.columns[at + 4]! - quote);
}

/** A line without a value is as if it had not been written; `""` is a value. */
export function isVoid(lines: Lines, line: number): boolean {
  const flags = lines.flags[line]!;
  if ((flags & LineFlag.quoted) !== 0) return false;
  if ((flags & LineFlag.odd) !== 0) {
    const { value, bytes } = lines.odd.get(line)!;
    return value === '' && bytes === undefined;
  }
  const at = line * columnsOfLine;
  return lines.columns[at + 3] === lines.columns[at + 4];
}

export function isOwnLine(lines: Lines, line: number): boolean {
  return (lines.flags[line]! & LineFlag.own) !== 0;
}

export function isAsWritten(lines: Lines, line: number): boolean {
  return (lines.flags[line]! & LineFlag.asWritten) !== 0;
}

/** The bytes that `//doorbell bytes 00 1F` behind the line asks for, as text. */
export function bytesOfRemark(lines: Lines, line: number): string | undefined {
  return lines.odd.get(line)?.bytes;
}

export function textLine(lines: Lines, line: number): TextLine {
  const at = line * columnsOfLine;
  const [start, nameStart, nameEnd, valueStart, valueEnd, end] = lines.columns.subarray(at, at + columnsOfLine);
  return {
    start: start!,
    end: end!,
    name: nameOfLine(lines, line),
    nameStart: nameStart!,
    nameEnd: nameEnd!,
    value: valueOfLine(lines, line),
    valueStart: valueStart!,
    valueEnd: valueEnd!,
    isQuoted: (lines.flags[line]! & LineFlag.quoted) !== 0,
    isOwn: isOwnLine(lines, line),
    isAsWritten: isAsWritten(lines, line),
  };
}

/** The last line that begins at or before an offset, -1 for none. */
export function lineAtOffset(lines: Lines, offset: number): number {
  let low = -1;
  let high = lines.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines.columns[middle * columnsOfLine]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
