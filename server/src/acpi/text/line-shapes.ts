// The shapes of a table's lines. A table says the same of thousands of nodes: nearly every line of a large one differs from an
// earlier line in nothing but the digits of its prefix and its value, and stands behind a line of the same shape as that one
// did. Such a line is not read but compared, eight characters at a time.
import { Char, digits, plain } from './characters';
import { columnsOfLine } from './line-columns';

/** Of a line that has none. */
export const noShape = 0;

/** A line that was read; places count from its beginning. */
export interface ReadLine {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly end: number;
  /** Of a comment behind that; 0 where there is none. */
  readonly commentEnd: number;
  /** The line's end included. */
  readonly length: number;
}

/** What is kept of a shape. The first ones are the columns that a line has, and what else a line says of itself. */
const enum Column {
  /** Behind the columns of a line, `columnsOfLine` of them (which an enumeration can't take by name). */
  commentEnd = 6,
  length,
  /** The bracket that closes the prefix; 0 for a line without one. */
  prefixEnd,
  /** From here to there characters may differ, beside those in the prefix. */
  freeStart,
  freeEnd,
  isQuoted,
  /** Where the line that was seen first is kept. */
  pattern,
  count,
}

/** Lines of more shapes than that are read as if each were the first of its kind, and so are longer ones. */
const mostShapes = 1024;
export const longestWithShape = 256;
const hashes = 1024;

/** What iasl writes between the brackets in front of a line. */
const ofPrefix = new Uint8Array(256);
for (const character of '0123456789abcdefABCDEF h') ofPrefix[character.charCodeAt(0)] = 1;

/** What a string holds without a second look. With blanks it might hold the words that end the input. */
const ofString = plain.slice();
ofString[Char.backslash] = ofString[Char.slash] = 1;
ofString[Char.blank] = 0;

/** The shapes of the lines of a text, whose characters are in `codes` when it is asked about them. */
export class LineShapes {
  /** Of the line that was compared last: what its digits come to if that is below 2^53, else -1. */
  number = -1;
  #count = 1;
  readonly #columns = new Int32Array(Column.count * mostShapes);
  /** Of each shape, the one that stood behind it last. */
  readonly #following = new Uint16Array(mostShapes);
  readonly #byHash = new Uint16Array(hashes);
  #patterns = new Uint8Array(1 << 12);
  #patternsView = new DataView(this.#patterns.buffer);
  #patternsEnd = 0;
  /** Of the line before. */
  #last = noShape;
  readonly #codesView: DataView;

  constructor(private readonly codes: Uint8Array) {
    this.#codesView = new DataView(codes.buffer, codes.byteOffset, codes.length);
  }

  /** The shape of the line at `at`, if it is the one that is likely there and the line ends before `end`; else `noShape`. */
  compare(at: number, end: number): number {
    const shape = this.#following[this.#last]!;
    if (shape === noShape || !this.#isLike(shape, at, end)) return noShape;
    this.#last = shape;
    return shape;
  }

  /** The shape of the line at `at`, which was read: that of an earlier one or a new one. */
  shapeOf(at: number, line: ReadLine): number {
    const shape = line.length > longestWithShape ? noShape : this.#found(at, line);
    this.#following[this.#last] = shape;
    this.#last = shape;
    return shape;
  }

  lengthOf(shape: number): number {
    return this.#columns[shape * Column.count + Column.length]!;
  }

  commentEnd(shape: number): number {
    return this.#columns[shape * Column.count + Column.commentEnd]!;
  }

  isQuoted(shape: number): boolean {
    return this.#columns[shape * Column.count + Column.isQuoted] === 1;
  }

  /** Puts the columns of a line of a shape that begins at `start` to where they belong. */
  place(shape: number, start: number, places: Int32Array, at: number): void {
    const columns = this.#columns;
    const row = shape * Column.count;
    for (let column = 0; column < columnsOfLine; column++) places[at + column] = start + columns[row + column]!;
  }

  #isLike(shape: number, at: number, end: number): boolean {
    const { codes } = this;
    const columns = this.#columns;
    const row = shape * Column.count;
    const length = columns[row + Column.length]!;
    if (at + length > end) return false;
    const prefixEnd = columns[row + Column.prefixEnd]!;
    if (prefixEnd > 0) {
      if (codes[at] !== Char.open) return false;
      const close = at + prefixEnd;
      for (let p = at + 1; p < close; p++) if (ofPrefix[codes[p]!] === 0) return false;
    }
    const freeStart = columns[row + Column.freeStart]!;
    const freeEnd = columns[row + Column.freeEnd]!;
    const pattern = columns[row + Column.pattern]!;
    if (!this.#isSame(pattern, at, prefixEnd, freeStart) || !this.#isSame(pattern, at, freeEnd, length)) return false;
    this.number = -1;
    if (freeStart === freeEnd) return true;
    return columns[row + Column.isQuoted] === 1
      ? this.#isString(at + freeStart, at + freeEnd)
      : this.#areDigits(at + freeStart, at + freeEnd);
  }

  /**
   * Whether a line has the characters of a pattern from `from` to before `to`. Eight at a time are compared as a double: none
   * of a pattern's is above 7Eh, so none of these is a NaN or one of two zeros.
   */
  #isSame(pattern: number, at: number, from: number, to: number): boolean {
    const [patterns, codes] = [this.#patternsView, this.#codesView];
    let p = from;
    for (; p + 8 <= to; p += 8) if (patterns.getFloat64(pattern + p) !== codes.getFloat64(at + p)) return false;
    for (; p < to; p++) if (this.#patterns[pattern + p] !== this.codes[at + p]) return false;
    return true;
  }

  #areDigits(start: number, end: number): boolean {
    const { codes } = this;
    let number = 0;
    for (let p = start; p < end; p++) {
      const digit = digits[codes[p]!]!;
      if (digit === 0) return false;
      number = number * 16 + digit - 1;
    }
    if (number < 2 ** 53) this.number = number;
    return true;
  }

  #isString(start: number, end: number): boolean {
    const { codes } = this;
    for (let p = start; p < end; p++) if (ofString[codes[p]!] === 0) return false;
    return codes[end - 1] !== Char.backslash;
  }

  #found(at: number, line: ReadLine): number {
    const { codes } = this;
    const { nameStart, nameEnd, valueStart, valueEnd, end, commentEnd, length } = line;
    const prefixEnd = this.#prefixEnd(at, nameStart);
    const [freeStart, freeEnd] = this.#freePart(at, line);
    const isQuoted = codes[at + valueStart] === Char.quote ? 1 : 0;
    const places = [0, nameStart, nameEnd, valueStart, valueEnd, end, commentEnd, length];
    const row = [...places, prefixEnd, freeStart, freeEnd, isQuoted];
    let hash = codes[at + nameStart]! * 31 + codes[at + nameEnd - 1]!;
    for (const column of row) hash = (hash * 31 + column) % 0x1_0000;
    hash %= hashes;
    const known = this.#byHash[hash]!;
    if (known !== noShape && this.#hasRow(known, row)) {
      const pattern = this.#columns[known * Column.count + Column.pattern]!;
      if (this.#isSame(pattern, at, nameStart, nameEnd)) return known;
    }
    if (this.#count === mostShapes) return noShape;
    const shape = this.#count++;
    row.push(this.#keep(at, length));
    this.#columns.set(row, shape * Column.count);
    this.#byHash[hash] = shape;
    return shape;
  }

  #hasRow(shape: number, row: readonly number[]): boolean {
    return row.every((each, column) => each === this.#columns[shape * Column.count + column]);
  }

  /** 0 where a line has no prefix as iasl writes it. */
  #prefixEnd(at: number, nameStart: number): number {
    const { codes } = this;
    if (codes[at] !== Char.open) return 0;
    let p = 1;
    while (p < nameStart && ofPrefix[codes[at + p]!] === 1) p++;
    return codes[at + p] === Char.close ? p : 0;
  }

  /** An integer's digits, or what stands in quotes; nothing of any other value. */
  #freePart(at: number, { valueStart, valueEnd, length }: ReadLine): readonly [start: number, end: number] {
    const { codes } = this;
    if (valueStart === valueEnd) return [length, length];
    if (codes[at + valueStart] === Char.quote) return [valueStart + 1, valueEnd - 1];
    for (let p = valueStart; p < valueEnd; p++) if (digits[codes[at + p]!] === 0) return [length, length];
    return [valueStart, valueEnd];
  }

  #keep(at: number, length: number): number {
    const start = this.#patternsEnd;
    if (start + length > this.#patterns.length) {
      const larger = new Uint8Array(2 * (start + length));
      larger.set(this.#patterns);
      this.#patterns = larger;
      this.#patternsView = new DataView(larger.buffer);
    }
    this.#patterns.set(this.codes.subarray(at, at + length), start);
    this.#patternsEnd = start + length;
    return start;
  }
}
