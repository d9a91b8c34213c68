// Lines as iasl writes them, nearly all of a table's text, read into columns without an object a line:
//
//     [034h 0052 004h]                  Identifier : 00000003
//     [000h 0000 004h]                   Signature : "IORT"    [IO Remapping Table]
//     [6DB8h 28088 004h]                 Padding : 00 00 00 00                    /* .... */\
//
// What the grammar would make of them, had they come to it as any other line does. A line with anything else in it is left to
// the grammar.
import type { Growing } from './growing';

/** Numbers that `places` has a line: start, name start, name end, value start, value end, end. */
export const columnsOfLine = 6;

export interface OrdinaryColumns {
  readonly count: number;
  /** `columnsOfLine` offsets a line. Ranges of values hold their quotes. */
  readonly places: Int32Array;
  /** 1 where the value stands in quotes. */
  readonly quoted: Uint8Array;
  /** What a value of hexadecimal digits alone comes to, below 2^53; -1 for any other. */
  readonly numbers: Float64Array;
}

export const enum Char {
  tab = 9,
  newline = 10,
  return = 13,
  blank = 32,
  quote = 34,
  star = 42,
  slash = 47,
  colon = 58,
  open = 91,
  backslash = 92,
  close = 93,
  delete = 127,
}

export const rawTableData = 'Raw Table Data';

/** 1 for a character that stands for itself in an ordinary line: neither an end nor the begin of a comment or a string. */
const plain = new Uint8Array(0x10000);
for (let c: number = Char.blank; c < Char.delete; c++) {
  plain[c] = c === Char.slash || c === Char.quote || c === Char.backslash ? 0 : 1;
}

/** What a digit is worth plus 1; 0 for what is none. */
const digits = new Uint8Array(0x10000);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  digits[digit.charCodeAt(0)] = value + 1;
  digits[digit.toUpperCase().charCodeAt(0)] = value + 1;
}

/** Text is searched for the end of the table so far ahead: an edit does not read it to its end. */
const window = 1 << 16;

export class OrdinaryLines {
  count = 0;
  #places: Int32Array;
  #quoted: Uint8Array;
  #numbers: Float64Array;
  /** No `Raw Table Data` begins between where was searched last and here. */
  #rawAt = -1;

  /** `comments` gets where comments begin and end; room is made for so many lines at once. */
  constructor(
    private readonly text: string,
    private readonly comments: Growing,
    room: number,
  ) {
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
      const next = this.#readLine(start);
      if (next < 0) break;
      start = next;
    }
    return start;
  }

  /** Where the line behind this one begins; -1 where it is no ordinary one. */
  #readLine(start: number): number {
    const { text } = this;
    const { length } = text;
    let p = start;
    let c = text.charCodeAt(p);
    for (;;) {
      if (c === Char.blank) {
        c = text.charCodeAt(++p);
      } else if (c === Char.open) {
        do c = text.charCodeAt(++p);
        while (plain[c] === 1 && c !== Char.close && c !== Char.colon);
        if (c !== Char.close) return -1;
        c = text.charCodeAt(++p);
      } else {
        break;
      }
    }
    if (c === Char.newline) return p + 1;
    const nameStart = p;
    while (plain[c] === 1 && c !== Char.colon) c = text.charCodeAt(++p);
    if (c !== Char.colon) return -1;
    let nameEnd = p;
    while (nameEnd > nameStart && text.charCodeAt(nameEnd - 1) === Char.blank) nameEnd--;
    c = text.charCodeAt(++p);
    while (c === Char.blank || c === Char.tab) c = text.charCodeAt(++p);
    const valueStart = p;
    let valueEnd: number;
    let isQuoted = 0;
    let number = 0;
    if (c === Char.quote) {
      do c = text.charCodeAt(++p);
      while ((plain[c] === 1 || c === Char.backslash || c === Char.slash) && c !== Char.quote);
      if (c !== Char.quote || text.charCodeAt(p - 1) === Char.backslash) return -1;
      isQuoted = 1;
      number = -1;
      valueEnd = ++p;
      c = text.charCodeAt(p);
    } else {
      for (let digit = digits[c]!; digit > 0; digit = digits[c]!) {
        number = number * 16 + digit - 1;
        c = text.charCodeAt(++p);
      }
      const digitsEnd = p;
      while (plain[c] === 1 && c !== Char.open) c = text.charCodeAt(++p);
      valueEnd = p;
      while (valueEnd > valueStart && text.charCodeAt(valueEnd - 1) === Char.blank) valueEnd--;
      // iasl drops the character before a note, whatever it is.
      if (c === Char.open && valueEnd === p && valueEnd > valueStart) return -1;
      if (digitsEnd !== valueEnd || valueEnd === valueStart || number >= 2 ** 53) number = -1;
    }
    while (plain[c] === 1) c = text.charCodeAt(++p);
    const end = p;
    let commentEnd = 0;
    if (c === Char.slash) {
      p = commentEnd = this.#endOfComment(p);
      if (p < 0) return -1;
      c = text.charCodeAt(p);
      // An empty line behind a backslash belongs to this one.
      if (c === Char.backslash && text.startsWith('\n\n', p + 1)) c = text.charCodeAt((p += 2));
    }
    if (c === Char.return) c = text.charCodeAt(++p);
    if ((c !== Char.newline && p < length) || this.#hasRaw(start, p)) return -1;
    const line = this.count++;
    if (line === this.#quoted.length) this.#grow();
    const places = this.#places;
    const at = line * columnsOfLine;
    places[at] = start;
    places[at + 1] = nameStart;
    places[at + 2] = nameEnd;
    places[at + 3] = valueStart;
    places[at + 4] = valueEnd;
    places[at + 5] = end;
    this.#quoted[line] = isQuoted;
    this.#numbers[line] = number;
    if (commentEnd > 0) {
      this.comments.push(end);
      this.comments.push(commentEnd);
    }
    return p + 1;
  }

  /** Behind a comment that begins at a slash and is closed on its line; -1 where none is. */
  #endOfComment(start: number): number {
    const { text } = this;
    if (text.charCodeAt(start + 1) !== Char.star) return -1;
    for (let p = start + 2; ; p++) {
      const c = text.charCodeAt(p);
      if (c === Char.star && text.charCodeAt(p + 1) === Char.slash) return p + 2;
      if (!(c >= Char.blank && c < Char.delete)) return -1;
    }
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
    places.set(this.#places);
    quoted.set(this.#quoted);
    numbers.set(this.#numbers);
    this.#places = places;
    this.#quoted = quoted;
    this.#numbers = numbers;
  }
}
