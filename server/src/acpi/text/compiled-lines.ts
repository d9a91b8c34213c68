// The lines of a text with what each came to, in pieces: the next version of a large text has a piece of its own where it was
// edited and shares the others, which have merely moved.
import { lastAtOrBefore } from '../../text/in-order';
import { textBetween, type SourceFile } from '../../text/source-file';
import { LineFlag, type LineColumns, type OddField } from './lines';
import { columnsOfLine } from './line-columns';
import type { TextLine } from './table-text';

/** Lines that were compiled at once: columns with an entry a line. Offsets of bytes are from the table's start. */
export interface CompiledColumns extends LineColumns {
  /** What each line stands for: see meanings.ts. */
  readonly meanings: Uint16Array;
  /** Byte from the table's start; of lines that stand for nothing, that of the line before. */
  readonly offsets: Int32Array;
  readonly sizes: Int32Array;
  readonly structureOf: Int32Array;
}

/** By how much lines have moved since they were compiled: characters, bytes and structures. */
export interface Moved {
  readonly text: number;
  readonly bytes: number;
  readonly structures: number;
}

/** Lines of some columns, as they have moved. */
export interface Piece extends Moved {
  readonly columns: CompiledColumns;
  /** The first of them among those of the columns. */
  readonly from: number;
  readonly count: number;
}

/** A line of a piece: its index among those of the columns. */
interface Found {
  readonly piece: Piece;
  readonly at: number;
}

const unmoved: Moved = { text: 0, bytes: 0, structures: 0 };
/** More pieces than that are put together. */
const mostPieces = 32;

export class CompiledLines {
  readonly count: number;
  readonly #pieces: readonly Piece[];
  /** The first line of each piece. */
  readonly #starts: readonly number[];
  /** The piece in which a line was found last. */
  #last = 0;

  private constructor(pieces: readonly Piece[]) {
    const starts: number[] = [];
    let count = 0;
    for (const piece of pieces) {
      starts.push(count);
      count += piece.count;
    }
    this.#pieces = pieces;
    this.#starts = starts;
    this.count = count;
  }

  static of(columns: CompiledColumns): CompiledLines {
    return new CompiledLines([{ ...unmoved, columns, from: 0, count: columns.count }]);
  }

  /** With other lines from `from` to before `to`, whose structures begin at an index; those behind have moved. */
  spliced(from: number, to: number, put: CompiledColumns, firstStructure: number, behind: Moved): CompiledLines {
    const own = { ...unmoved, structures: firstStructure, columns: put, from: 0, count: put.count };
    const moved = this.piecesBetween(to, this.count).map((piece) => ({
      ...piece,
      text: piece.text + behind.text,
      bytes: piece.bytes + behind.bytes,
      structures: piece.structures + behind.structures,
    }));
    const lines = new CompiledLines([...this.piecesBetween(0, from), own, ...moved]);
    return lines.#pieces.length <= mostPieces ? lines : CompiledLines.of(joined(lines.#pieces, lines.count));
  }

  /** The lines from `from` to before `to`. */
  piecesBetween(from: number, to: number): Piece[] {
    const found: Piece[] = [];
    for (const [index, piece] of this.#pieces.entries()) {
      const start = this.#starts[index]!;
      const first = Math.max(from, start);
      const end = Math.min(to, start + piece.count);
      if (first < end) found.push({ ...piece, from: piece.from + first - start, count: end - first });
    }
    return found;
  }

  /** One of the six offsets that a line has in `LineColumns.columns`. */
  place(line: number, column: number): number {
    const index = this.#indexOf(line);
    const piece = this.#pieces[index]!;
    return piece.columns.columns[(line - this.#starts[index]! + piece.from) * columnsOfLine + column]! + piece.text;
  }

  offset(line: number): number {
    const index = this.#indexOf(line);
    const piece = this.#pieces[index]!;
    return piece.columns.offsets[line - this.#starts[index]! + piece.from]! + piece.bytes;
  }

  size(line: number): number {
    const { piece, at } = this.#find(line);
    return piece.columns.sizes[at]!;
  }

  meaning(line: number): number {
    const { piece, at } = this.#find(line);
    return piece.columns.meanings[at]!;
  }

  /** The structure that a line is part of, -1 for none. */
  structureOf(line: number): number {
    const { piece, at } = this.#find(line);
    const structure = piece.columns.structureOf[at]!;
    return structure < 0 ? -1 : structure + piece.structures;
  }

  isOdd(line: number): boolean {
    const { piece, at } = this.#find(line);
    return (piece.columns.flags[at]! & LineFlag.odd) !== 0;
  }

  isQuoted(line: number): boolean {
    const { piece, at } = this.#find(line);
    return (piece.columns.flags[at]! & LineFlag.quoted) !== 0;
  }

  /** The last line that begins at or before an offset of the text, -1 for none. */
  lineAtOffset(offset: number): number {
    return lastAtOrBefore(this.count, (line) => this.place(line, 0), offset);
  }

  value(file: SourceFile, line: number): string {
    const { piece, at } = this.#find(line);
    return valueAt(file, piece, at);
  }

  textLine(file: SourceFile, line: number): TextLine {
    const { piece, at } = this.#find(line);
    const { columns, flags } = piece.columns;
    const place = (column: number): number => columns[at * columnsOfLine + column]! + piece.text;
    const [start, nameStart, nameEnd, valueStart, valueEnd, end] = [0, 1, 2, 3, 4, 5].map(place);
    return {
      start: start!,
      end: end!,
      name: piece.columns.odd.get(at)?.name ?? textBetween(file, nameStart!, nameEnd!),
      nameStart: nameStart!,
      nameEnd: nameEnd!,
      value: valueAt(file, piece, at),
      valueStart: valueStart!,
      valueEnd: valueEnd!,
      isQuoted: (flags[at]! & LineFlag.quoted) !== 0,
      isOwn: (flags[at]! & LineFlag.own) !== 0,
      isAsWritten: (flags[at]! & LineFlag.asWritten) !== 0,
    };
  }

  #find(line: number): Found {
    const index = this.#indexOf(line);
    const piece = this.#pieces[index]!;
    return { piece, at: line - this.#starts[index]! + piece.from };
  }

  #indexOf(line: number): number {
    const starts = this.#starts;
    const last = this.#last;
    if (line >= starts[last]! && (last + 1 === starts.length || line < starts[last + 1]!)) return last;
    this.#last = Math.max(
      0,
      lastAtOrBefore(starts.length, (index) => starts[index]!, line),
    );
    return this.#last;
  }
}

function valueAt(file: SourceFile, { columns: { columns, flags, odd }, text }: Piece, at: number): string {
  const known = odd.get(at);
  if (known !== undefined) return known.value;
  const quote = flags[at]! & LineFlag.quoted;
  const [start, end] = [columns[at * columnsOfLine + 3]!, columns[at * columnsOfLine + 4]!];
  return textBetween(file, start + text + quote, end + text - quote);
}

/** Lines of several pieces as one. */
export function joinedLines(
  pieces: readonly (Pick<Piece, 'from' | 'count' | 'text'> & { readonly columns: LineColumns })[],
  count: number,
): LineColumns {
  const columns = new Int32Array(count * columnsOfLine);
  const flags = new Uint8Array(count);
  const numbers = new Float64Array(count);
  const odd = new Map<number, OddField>();
  let line = 0;
  for (const { columns: of, from, count: taken, text } of pieces) {
    const end = from + taken;
    setMoved(columns, of.columns.subarray(from * columnsOfLine, end * columnsOfLine), line * columnsOfLine, text);
    flags.set(of.flags.subarray(from, end), line);
    numbers.set(of.numbers.subarray(from, end), line);
    for (const [at, field] of of.odd) if (at >= from && at < end) odd.set(at - from + line, field);
    line += taken;
  }
  return { count, columns, flags, numbers, odd };
}

function joined(pieces: readonly Piece[], count: number): CompiledColumns {
  const meanings = new Uint16Array(count);
  const [offsets, sizes, structureOf] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  let line = 0;
  for (const { columns: of, from, count: taken, bytes, structures } of pieces) {
    const end = from + taken;
    meanings.set(of.meanings.subarray(from, end), line);
    setMoved(offsets, of.offsets.subarray(from, end), line, bytes);
    sizes.set(of.sizes.subarray(from, end), line);
    setMoved(structureOf, of.structureOf.subarray(from, end), line, structures);
    line += taken;
  }
  return { ...joinedLines(pieces, count), meanings, offsets, sizes, structureOf };
}

/** What is not negative is moved. */
function setMoved(to: Int32Array, values: Int32Array, start: number, by: number): void {
  to.set(values, start);
  if (by === 0) return;
  const end = start + values.length;
  for (let at = start; at < end; at++) if (to[at]! >= 0) to[at]! += by;
}
