// A table's text as the lines that the compiler reads, in columns: an edit of a large table moves numbers, not objects.
import type { SourceFile } from '../../text/source-file';
import { aslWord, aslWordsIn } from './asl-words';
import { expanded, hasDirectives, preprocess } from './directives';
import { parse } from './../generated/acpi-data-table';
import { columnsOfLine } from './line-columns';
import { scanText, type OddLine, type Scan, type ScanProblem } from './scan';

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

/** Lines `name : value`, in order; the columns have an entry a line, or six. */
export interface LineColumns {
  readonly count: number;
  /** start, name start, name end, value start, value end, end. Ranges of values hold their quotes. */
  readonly columns: Int32Array;
  readonly flags: Uint8Array;
  /** What a value of hexadecimal digits alone comes to, below 2^53; -1 for any other, and for all of odd lines. */
  readonly numbers: Float64Array;
  readonly odd: ReadonlyMap<number, OddField>;
}

/** What a text has beside its lines. */
export interface TextParts {
  readonly file: SourceFile;
  /** Lines that iasl skips because they have no colon: start, end, … */
  readonly meaningless: readonly { readonly start: number; readonly end: number }[];
  readonly comments: Int32Array;
  /** Where the word that begins ASL stands in them. */
  readonly aslWords: readonly number[];
  readonly problems: readonly ScanProblem[];
  /** Where reading ends: behind `Raw Table Data`, or at the end of the text. */
  readonly end: number;
  readonly behind: BehindTable;
  /** A directive may change every line behind it. */
  readonly hasDirectives: boolean;
}

/** What stands behind the end of the table, by how far from the text's end it begins; -1 for none. */
export interface BehindTable {
  /** The first character that makes a file a binary. */
  readonly foreign: number;
  /** The word that begins ASL. */
  readonly aslWord: number;
}

/** The lines of a text, or of a part of it. */
export interface Lines extends LineColumns {
  /** Beside the lines. */
  readonly parts: TextParts;
  /** The text that they stand in, and where in the file it begins. */
  readonly text: string;
  readonly textStart: number;
  /** Of each line, as OrdinaryColumns has them; none where the lines come from several places. */
  readonly shapes: Uint16Array;
}

const noShapes: Lines['shapes'] = new Uint16Array(0);

/** Objects of one form wherever lines come from: what reads them is compiled for that. */
export function linesWith(
  { count, columns, flags, numbers, odd }: LineColumns,
  parts: TextParts,
  text: string,
  textStart: number,
  shapes: Lines['shapes'] = noShapes,
): Lines {
  return { count, columns, flags, numbers, odd, parts, text, textStart, shapes };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export function readLines(file: SourceFile): Lines {
  if (!hasDirectives(file.text)) {
    const lines = linesOf(file, scanText(file.text));
    const { parts, text } = lines;
    return linesWith(lines, { ...parts, behind: behindTable(text, parts.end) }, text, 0, lines.shapes);
  }
  const { text, macrosAt, problems } = preprocess(file);
  const lines = linesOf(file, scanText(text));
  const odd = new Map(lines.odd);
  for (let line = 0; line < lines.count; line++) {
    const macros = macrosAt(lines.columns[line * columnsOfLine]!);
    if (macros.size > 0) expandLine(lines, line, macros, odd);
  }
  const parts: TextParts = {
    ...lines.parts,
    problems: [...problems, ...lines.parts.problems].sort((a, b) => a.start - b.start),
    behind: behindTable(file.text, lines.parts.end),
    hasDirectives: true,
  };
  return linesWith({ ...lines, odd }, parts, file.text, 0);
}

/** What stands behind a table that ends at some offset of a text. */
export function behindTable(text: string, end: number): BehindTable {
  const foreign = /[^\t-\r\x20-\x7e]/g;
  foreign.lastIndex = end;
  const found = foreign.exec(text);
  // It may be long there: it is looked through for the usual spelling alone.
  const word = text.indexOf(aslWord, end);
  return {
    foreign: found === null ? -1 : text.length - found.index,
    aslWord: word < 0 ? -1 : text.length - word,
  };
}

/** Puts macros' values into a line. */
function expandLine(
  lines: Lines,
  line: number,
  macros: ReadonlyMap<string, string>,
  expandedLines: Map<number, OddField>,
): void {
  const { text } = lines;
  const at = line * columnsOfLine;
  const [, nameStart, nameEnd, valueStart, valueEnd] = lines.columns.subarray(at, at + columnsOfLine);
  const around = (piece: string, start: number, end: number) =>
    expanded(piece, macros, text.charAt(start - 1), text.charAt(end));
  const quote = (lines.flags[line]! & LineFlag.quoted) === 0 ? '' : '"';
  const written = `${quote}${valueOfLine(lines, line)}${quote}`;
  const [name, value] = [nameOfLine(lines, line), written];
  const [newName, newValue] = [around(name, nameStart!, nameEnd!), around(value, valueStart!, valueEnd!)];
  if (newName === name && newValue === value) return;
  expandedLines.set(line, { name: trimmed(newName), value: trimmed(newValue), bytes: bytesOfRemark(lines, line) });
  lines.flags[line] = lines.flags[line]! | LineFlag.odd;
  lines.numbers[line] = -1;
}

/** What scanning found of a file's text. */
export function linesOf(file: SourceFile, scan: Scan): Lines {
  return linesOfPart(file, file.text, 0, scan);
}

/** What scanning found of a part of a file's text; places are those in the file. */
export function linesOfPart(file: SourceFile, text: string, textStart: number, scan: Scan): Lines {
  const lines = scannedLines(scan);
  const { comments, meaningless, problems, end, columns } = lines;
  const aslWords = aslWordsIn(text, comments, meaningless);
  const rest = { file, behind: nothingBehind, hasDirectives: false };
  if (textStart === 0)
    return linesWith(lines, { ...rest, meaningless, comments, aslWords, problems, end }, text, 0, lines.shapes);
  for (let at = 0; at < columns.length; at++) columns[at]! += textStart;
  const parts: TextParts = {
    ...rest,
    meaningless: meaningless.map((each) => ({ start: each.start + textStart, end: each.end + textStart })),
    comments: comments.map((place) => place + textStart),
    aslWords: aslWords.map((start) => start + textStart),
    problems: problems.map((problem) => ({ ...problem, start: problem.start + textStart })),
    end: end + textStart,
  };
  return linesWith(lines, parts, text, textStart);
}

const nothingBehind: BehindTable = { foreign: -1, aslWord: -1 };

type Scanned = LineColumns & Pick<Lines, 'shapes'> & Pick<TextParts, 'meaningless' | 'comments' | 'problems' | 'end'>;

/** Places are those in the text that was scanned. */
function scannedLines(scan: Scan): Scanned {
  const { shape, starts, lines: lineOfToken } = scan;
  const { ordinary: read } = scan;
  const isCopied = scan.odd.length > 0;
  const most = read.count + scan.odd.length;
  const columns = isCopied ? new Int32Array(most * columnsOfLine) : read.places;
  // Quoted is 1 in both.
  const flags = isCopied ? new Uint8Array(most) : read.quoted;
  const numbers = isCopied ? new Float64Array(most) : read.numbers;
  const shapes = isCopied ? new Uint16Array(most) : read.shapes;
  const odd = new Map<number, OddField>();
  const meaningless: Range[] = [];
  let count = 0;
  parse(shape, {
    startRule: 'Text',
    build: { ordinary, field, meaningless: (token: number) => meaningless.push(placeOfLine(token)) },
  });
  return {
    count,
    columns: columns.subarray(0, count * columnsOfLine),
    flags: flags.subarray(0, count),
    numbers: numbers.subarray(0, count),
    shapes: shapes.subarray(0, count),
    odd,
    meaningless,
    comments: scan.comments,
    problems: [...scan.problems].sort((a, b) => a.start - b.start),
    end: scan.end,
  };

  function ordinary(first: number, end: number): void {
    const from = lineOfToken[first]!;
    const next = shape.indexOf('f', end);
    const to = next < 0 ? read.count : lineOfToken[next]!;
    if (isCopied) {
      columns.set(read.places.subarray(from * columnsOfLine, to * columnsOfLine), count * columnsOfLine);
      flags.set(read.quoted.subarray(from, to), count);
      numbers.set(read.numbers.subarray(from, to), count);
      shapes.set(read.shapes.subarray(from, to), count);
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
  const odd = lines.odd.get(line);
  if (odd !== undefined) return odd.name;
  const at = line * columnsOfLine;
  return lines.text.slice(lines.columns[at + 1]! - lines.textStart, lines.columns[at + 2]! - lines.textStart);
}

export function hasName(lines: Lines, line: number, name: string): boolean {
  const at = line * columnsOfLine;
  const start = lines.columns[at + 1]!;
  if ((lines.flags[line]! & LineFlag.odd) !== 0) return lines.odd.get(line)!.name === name;
  return lines.columns[at + 2]! - start === name.length && lines.text.startsWith(name, start - lines.textStart);
}

/** The value without its quotes; iasl knows no escapes. */
export function valueOfLine(lines: Lines, line: number): string {
  const flags = lines.flags[line]!;
  if ((flags & LineFlag.odd) !== 0) return lines.odd.get(line)!.value;
  const at = line * columnsOfLine;
  const quote = flags & LineFlag.quoted;
  return lines.text.slice(
    lines.columns[at + 3]! + quote - lines.textStart,
    lines.columns[at + 4]! - quote - lines.textStart,
  );
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
