// Lines as iasl writes them, nearly all of a table's text, read into columns without an object a line:
//
//     [034h 0052 004h]                  Identifier : 00000003
//     [000h 0000 004h]                   Signature : "IORT"    [IO Remapping Table]
//     [6DB8h 28088 004h]                 Padding : 00 00 00 00                    /* .... */\
//
// What the grammar would make of them, had they come to it as any other line does. A line with anything else in it is left to
// the grammar.
//
// Most of them look like one before: see line-shapes.ts.
import { Char, digits, plain } from './characters';
import type { Growing } from './growing';
import { columnsOfLine } from './line-columns';
import { LineShapes, longestWithShape, noShape } from './line-shapes';

export interface OrdinaryColumns {
  readonly count: number;
  /** `columnsOfLine` offsets a line. Ranges of values hold their quotes. */
  readonly places: Int32Array;
  /** 1 where the value stands in quotes. */
  readonly quoted: Uint8Array;
  /** What a value of hexadecimal digits alone comes to, below 2^53; -1 for any other. */
  readonly numbers: Float64Array;
  /** Lines of one shape differ in the digits of their prefix and in their value alone; 0 for a line that has none. */
  readonly shapes: Uint16Array;
}

export const rawTableData = 'Raw Table Data';

/** Text is searched for the end of the table so far ahead: an edit does not read it to its end. */
const window = 1 << 16;

/**
 * Characters of a part of the text, of which those above 255 are 255: looking at a number in an array takes a fraction of the
 * time of looking at a character in a string. Behind them stands a 0.
 */
const codes = new Uint8Array(window + 1);
const buffer = Buffer.from(codes.buffer);
/** Whose text they are of: each has a key of its own. */
let seenBy: object | undefined;
const wideCharacters = /[^\0-\xff]/g;
/** A line that begins so near to the end of the part is looked at in the next one: of a line with a shape all is there. */
const nearEnd = longestWithShape;
/** What stands behind the backslash of a line that is continued with an empty one. */
const emptyLine = ['\n\n', '\r\n\r\n'];

export class OrdinaryLines {
  count = 0;
  /** Which part of the text the characters are. */
  readonly #key = {};
  #codesStart = 0;
  #codesEnd = 0;
  #places: Int32Array;
  #quoted: Uint8Array;
  #numbers: Float64Array;
  #shapes: Uint16Array;
  readonly #known: LineShapes | undefined;
  /** No `Raw Table Data` begins between where was searched last and here. */
  #rawAt = -1;

  /** `comments` gets where comments begin and end; room is made for so many lines at once. A few lines have no shapes. */
  constructor(
    private readonly text: string,
    private readonly comments: Growing,
    { room, hasShapes }: { readonly room: number; readonly hasShapes: boolean },
  ) {
    this.#known = hasShapes ? new LineShapes(codes) : undefined;
    this.#shapes = new Uint16Array(room);
    this.#places = new Int32Array(columnsOfLine * room);
    this.#quoted = new Uint8Array(room);
    this.#numbers = new Float64Array(room);
  }

  columns(): OrdinaryColumns {
    const { count } = this;
    return {
      count,
      places: this.#places.subarray(0, count * columnsOfLine),
      quoted: this.#quoted.subarray(0, count),
      numbers: this.#numbers.subarray(0, count),
      shapes: this.#shapes.subarray(0, count),
    };
  }

  /**
   * Reads lines as long as they are ordinary ones, or empty, and begin before `stop`. Returns where the first one begins that
   * was not read.
   */
  read(from: number, stop: number): number {
    const last = Math.min(stop, this.text.length);
    let start = from;
    while (start < last) {
      if (!this.#isSeen(start)) this.#look(start);
      let next = this.#compareLine(start);
      if (next < 0) next = this.#readLine(start);
      if (next < 0 && this.#isCut(start)) {
        this.#look(start);
        next = this.#readLine(start);
      }
      if (next < 0) break;
      start = next;
    }
    return start;
  }

  /** Whether what stands at an offset, and some way behind it, is among the characters that are looked at. */
  #isSeen(start: number): boolean {
    if (seenBy !== this.#key || start < this.#codesStart) return false;
    return start + nearEnd <= this.#codesEnd || this.#codesEnd === this.text.length;
  }

  /** Whether a line that begins at an offset goes on behind them, though it could begin with them. */
  #isCut(start: number): boolean {
    if (this.#codesStart === start || this.#codesEnd === this.text.length) return false;
    const newline = codes.indexOf(Char.newline, start - this.#codesStart);
    return newline < 0 || newline >= this.#codesEnd - this.#codesStart;
  }

  /** Takes the part of the text that begins at an offset. */
  #look(start: number): void {
    seenBy = this.#key;
    const part = this.text.slice(start, start + window);
    const count = buffer.write(part.replace(wideCharacters, '\xff'), 'latin1');
    codes[count] = 0;
    this.#codesStart = start;
    this.#codesEnd = start + count;
  }

  /** As `#readLine` for an empty line and for one that looks like an earlier one; -1 for any other. */
  #compareLine(start: number): number {
    const at = start - this.#codesStart;
    if (codes[at] === Char.newline) return start + 1;
    if (codes[at] === Char.return && codes[at + 1] === Char.newline) return start + 2;
    const known = this.#known;
    if (known === undefined) return -1;
    const shape = known.compare(at, this.#codesEnd - this.#codesStart);
    if (shape === noShape) return -1;
    const next = start + known.lengthOf(shape);
    const line = this.#take();
    known.place(shape, start, this.#places, line * columnsOfLine);
    this.#quoted[line] = known.isQuoted(shape) ? 1 : 0;
    this.#numbers[line] = known.number;
    this.#shapes[line] = shape;
    const commentEnd = known.commentEnd(shape);
    if (commentEnd > 0) {
      this.comments.push(this.#places[line * columnsOfLine + 5]!);
      this.comments.push(start + commentEnd);
    }
    return next;
  }

  /** Where the line behind this one begins; -1 where it is no ordinary one. */
  #readLine(lineStart: number): number {
    const base = this.#codesStart;
    const start = lineStart - base;
    let p = start;
    let c = codes[p]!;
    for (;;) {
      if (c === Char.blank) {
        c = codes[++p]!;
      } else if (c === Char.open) {
        do c = codes[++p]!;
        while (plain[c] === 1 && c !== Char.close && c !== Char.colon);
        if (c !== Char.close) return -1;
        c = codes[++p]!;
      } else {
        break;
      }
    }
    if (c === Char.newline) return base + p + 1;
    if (c === Char.return && codes[p + 1] === Char.newline) return base + p + 2;
    const nameStart = p;
    while (plain[c] === 1 && c !== Char.colon) c = codes[++p]!;
    if (c !== Char.colon) return -1;
    let nameEnd = p;
    while (nameEnd > nameStart && codes[nameEnd - 1] === Char.blank) nameEnd--;
    c = codes[++p]!;
    while (c === Char.blank || c === Char.tab) c = codes[++p]!;
    const valueStart = p;
    let valueEnd: number;
    let isQuoted = 0;
    let number = 0;
    if (c === Char.quote) {
      do c = codes[++p]!;
      while ((plain[c] === 1 || c === Char.backslash || c === Char.slash) && c !== Char.quote);
      if (c !== Char.quote || codes[p - 1] === Char.backslash) return -1;
      isQuoted = 1;
      number = -1;
      valueEnd = ++p;
      c = codes[p]!;
    } else {
      for (let digit = digits[c]!; digit > 0; digit = digits[c]!) {
        number = number * 16 + digit - 1;
        c = codes[++p]!;
      }
      const digitsEnd = p;
      while (plain[c] === 1 && c !== Char.open) c = codes[++p]!;
      valueEnd = p;
      while (valueEnd > valueStart && codes[valueEnd - 1] === Char.blank) valueEnd--;
      // iasl drops the character before a note, whatever it is.
      if (c === Char.open && valueEnd === p && valueEnd > valueStart) return -1;
      if (digitsEnd !== valueEnd || valueEnd === valueStart || number >= 2 ** 53) number = -1;
    }
    while (plain[c] === 1) c = codes[++p]!;
    const end = p;
    let commentEnd = 0;
    if (c === Char.slash) {
      p = commentEnd = endOfComment(p);
      if (p < 0) return -1;
      c = codes[p]!;
      // An empty line behind a backslash belongs to this one.
      const ends =
        c === Char.backslash ? emptyLine.find((each) => this.text.startsWith(each, base + p + 1)) : undefined;
      if (ends !== undefined) {
        p += ends.length;
        c = Char.newline;
      }
    }
    if (c === Char.return) c = codes[++p]!;
    if ((c !== Char.newline && base + p < this.text.length) || this.#hasRaw(lineStart, base + p)) return -1;
    const line = this.#take();
    const places = this.#places;
    const at = line * columnsOfLine;
    places[at] = lineStart;
    places[at + 1] = base + nameStart;
    places[at + 2] = base + nameEnd;
    places[at + 3] = base + valueStart;
    places[at + 4] = base + valueEnd;
    places[at + 5] = base + end;
    this.#quoted[line] = isQuoted;
    this.#numbers[line] = number;
    if (commentEnd > 0) {
      this.comments.push(base + end);
      this.comments.push(base + commentEnd);
    }
    if (c === Char.newline && this.#known !== undefined) {
      this.#shapes[line] = this.#known.shapeOf(start, {
        nameStart: nameStart - start,
        nameEnd: nameEnd - start,
        valueStart: valueStart - start,
        valueEnd: valueEnd - start,
        end: end - start,
        commentEnd: commentEnd === 0 ? 0 : commentEnd - start,
        length: p + 1 - start,
      });
    }
    return base + p + 1;
  }

  /** Room for one more line. */
  #take(): number {
    const line = this.count++;
    if (line === this.#quoted.length) this.#grow();
    return line;
  }

  /** Whether the words that end the input begin between two places; asked from the front to the back. */
  #hasRaw(start: number, end: number): boolean {
    while (this.#rawAt < end) {
      if (this.#rawAt >= start && this.text.startsWith(rawTableData, this.#rawAt)) return true;
      const from = Math.max(this.#rawAt + 1, start);
      const found = this.text.slice(from, from + window + rawTableData.length - 1).indexOf(rawTableData);
      this.#rawAt = found < 0 ? from + window - 1 : from + found;
    }
    return false;
  }

  #grow(): void {
    const size = 2 * this.#quoted.length;
    const places = new Int32Array(columnsOfLine * size);
    const quoted = new Uint8Array(size);
    const numbers = new Float64Array(size);
    const shapes = new Uint16Array(size);
    places.set(this.#places);
    quoted.set(this.#quoted);
    numbers.set(this.#numbers);
    shapes.set(this.#shapes);
    this.#places = places;
    this.#quoted = quoted;
    this.#numbers = numbers;
    this.#shapes = shapes;
  }
}

/** Behind a comment that begins at a slash and is closed on its line; -1 where none is. Places in the part that is looked at. */
function endOfComment(start: number): number {
  if (codes[start + 1] !== Char.star) return -1;
  for (let p = start + 2; ; p++) {
    const c = codes[p]!;
    if (c === Char.star && codes[p + 1] === Char.slash) return p + 2;
    if (!(c >= Char.blank && c < Char.delete)) return -1;
  }
}
