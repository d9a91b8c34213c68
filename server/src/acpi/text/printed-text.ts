// A table's text in the making: characters as bytes, since a large table has tens of thousands of lines, each of several
// pieces. All that a table's text says is Latin-1.

/** Lines, each of which may stand for bytes of the table. */
export class PrintedText {
  lineCount = 0;
  #characters = Buffer.allocUnsafe(1 << 14);
  #length = 0;
  /** Of each line: its end in the text, the bytes that it stands for (-1 for none), and whether they are an integer. */
  #lines = new Int32Array(4 * 256);
  /** What `//doorbell` says behind lines. */
  readonly #remarks = new Map<number, string>();

  write(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#characters.write(text, this.#length, 'latin1');
  }

  /** The same of characters that were made bytes before. */
  writeBytes(characters: Uint8Array): void {
    this.#reserve(characters.length);
    this.#characters.set(characters, this.#length);
    this.#length += characters.length;
  }

  /** An integer below 2^32 in upper-case hexadecimal, with zeros in front. */
  writeHex(value: number, digits: number): void {
    let count = digits;
    while (count < 8 && value >= 2 ** (4 * count)) count++;
    this.#reserve(count);
    for (let shift = 4 * (count - 1); shift >= 0; shift -= 4) {
      this.#characters[this.#length++] = digit((value >>> shift) & 0xf);
    }
  }

  /** A byte in two digits. */
  writeByte(byte: number): void {
    this.#reserve(2);
    this.#characters[this.#length++] = digit(byte >> 4);
    this.#characters[this.#length++] = digit(byte & 0xf);
  }

  writeCharacter(code: number): void {
    this.#reserve(1);
    this.#characters[this.#length++] = code;
  }

  /** An integer in decimal, with characters in front. */
  writeDecimal(value: number, digits: number, filler: '0' | ' '): void {
    this.write(String(value).padStart(digits, filler));
  }

  /** Ends a line; `offset` is -1 for one without a place in the table. */
  endLine(offset = -1, size = 0, isInteger = false, remark?: string): void {
    const line = this.lineCount++;
    const at = 4 * line;
    if (at === this.#lines.length) {
      const larger = new Int32Array(2 * at);
      larger.set(this.#lines);
      this.#lines = larger;
    }
    this.#lines[at] = this.#length;
    this.#lines[at + 1] = offset;
    this.#lines[at + 2] = size;
    this.#lines[at + 3] = isInteger ? 1 : 0;
    if (remark !== undefined) this.#remarks.set(line, remark);
    this.writeCharacter(newline);
  }

  /** Says something behind a line. */
  remark(line: number, remark: string): void {
    this.#remarks.set(line, remark);
  }

  hasRemark(line: number): boolean {
    return this.#remarks.has(line);
  }

  /** The bytes of the table that a line stands for. */
  placeOf(line: number): { readonly offset: number; readonly size: number; readonly isInteger: boolean } {
    const at = 4 * line;
    return { offset: this.#lines[at + 1]!, size: this.#lines[at + 2]!, isInteger: this.#lines[at + 3] === 1 };
  }

  /** Whether the last line ends so. */
  endsWith(character: string): boolean {
    return this.#length > 1 && this.#characters[this.#length - 2] === character.charCodeAt(0);
  }

  /** The lines with what is said behind them. */
  toString(): string {
    let text = '';
    let from = 0;
    for (const [line, remark] of [...this.#remarks].sort(([a], [b]) => a - b)) {
      const end = this.#lines[4 * line]!;
      text += `${this.#characters.toString('latin1', from, end)}  //doorbell ${remark}`;
      from = end;
    }
    return text + this.#characters.toString('latin1', from, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#characters.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + more));
    this.#characters.copy(larger, 0, 0, this.#length);
    this.#characters = larger;
  }
}

const newline = 10;
const zero = 48;

/** The character of a hexadecimal digit. */
function digit(value: number): number {
  return value < 10 ? zero + value : 55 + value;
}
