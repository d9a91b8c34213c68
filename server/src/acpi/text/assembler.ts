// What has become of the lines so far: bytes, structures, and what each line stands for. Lines are read by position, as iasl's
// DtCompileTable does it.
import { writeInteger } from '../bytes';
import type { Computed, Field, FlagField, StructureLayout, TextStyle } from '../layout/field';
import type { Labels } from './expression';
import { hasName, isOwnLine, isVoid, LineFlag, type Lines } from './lines';
import { meaningOf, noMeaning } from './meanings';
import type { OtherFix, ProblemFix, TableTextProblem, TableTextRuleId } from './problems';
import { columnsOfLine } from './line-columns';
import type { CompiledColumns } from './compiled-lines';
import { Structures } from './structures';
import type { StructureKind } from './table-text';

/** What an earlier assembly had come to before one of its nodes. */
export interface Resumed {
  readonly bytes: Uint8Array;
  readonly style: TextStyle | undefined;
}

/** How far a structure could be read. */
export type Reached = 'all' | 'end of body' | 'end of text';

/** A computed field that waits for its value. */
export interface Slot {
  /** Of the field, -1 where that is missing. */
  readonly line: number;
  readonly offset: number;
  readonly size: number;
  readonly isKept: boolean;
}

/** A node that was read: what of the lines, the bytes and the structures is its own. */
export interface AssembledNode {
  readonly line: number;
  readonly lines: number;
  readonly offset: number;
  readonly size: number;
  readonly structure: number;
  readonly structures: number;
}

/** From the first line to the last, their names, and the index of the problem that tells of them. */
export interface SkippedLines {
  readonly problem: number;
  readonly first: number;
  last: number;
  readonly names: string[];
}

export class Assembler {
  readonly lines: Lines;
  readonly problems: TableTextProblem[] = [];
  readonly structures = new Structures();
  /** Per line: what it stands for, its byte offset, size and structure. */
  readonly meanings: Uint16Array;
  readonly offsets: Int32Array;
  readonly sizes: Int32Array;
  readonly structureOf: Int32Array;
  labels: Labels = new Map();
  /** Undefined as long as nothing in the text tells; and the line that told. */
  style: TextStyle | undefined;
  styleLine = -1;
  size = 0;
  /** Of the table, once its header is read. */
  revision = 0;
  /** Whether flag lines make up their field (MADT), or are read for their names alone (IORT). */
  readonly compilesFlags: boolean;
  /** Whether a line behind those that are there was asked for, where they are cut off: what was assembled may be wrong. */
  ranOut = false;
  /** Lines in a row that nothing asked for, the latest. */
  skipped: SkippedLines | undefined;
  readonly #isCut: boolean;
  #bytes = new Uint8Array(4096);
  #next = 0;
  /** The line that was found to have a value. */
  #peeked = -1;
  #void = -1;
  #current = -1;

  /** Others follow the lines where they are cut off. */
  constructor(
    lines: Lines,
    { compilesFlags, isCut = false }: { readonly compilesFlags: boolean; readonly isCut?: boolean },
  ) {
    this.lines = lines;
    this.compilesFlags = compilesFlags;
    this.#isCut = isCut;
    this.meanings = new Uint16Array(lines.count);
    this.offsets = new Int32Array(lines.count);
    this.sizes = new Int32Array(lines.count);
    this.structureOf = new Int32Array(lines.count).fill(-1);
  }

  /** Goes on where an earlier assembly had come to, with lines of which the first begins a node. */
  resume({ bytes, style }: Resumed): void {
    this.append(bytes);
    this.style = style;
    this.revision = bytes[8]!;
  }

  /**
   * What so many of the lines came to. Lines that stand for nothing are taken to lie where those before them do: then the
   * offsets are in order.
   */
  columns(count: number): CompiledColumns {
    const { meanings, offsets, sizes, structureOf } = this;
    for (let line = 1; line < meanings.length; line++) {
      if (meanings[line] === noMeaning) offsets[line] = offsets[line - 1]!;
    }
    const { columns, flags, numbers, odd } = this.lines;
    return { count, columns, flags, numbers, odd, meanings, offsets, sizes, structureOf };
  }

  /** The line without a value directly before the next one, -1 for none. */
  voidBefore(): number {
    this.peek();
    return this.#void === this.#next - 1 ? this.#void : -1;
  }

  /** Reads on with a line. */
  readOnAt(line: number): void {
    this.#next = line;
  }

  /** Writes an integer over bytes that are there. */
  write(offset: number, size: number, value: bigint): void {
    writeInteger(this.#bytes, offset, size, value);
  }

  /** The same of the low bytes of an integer below 2^53. */
  writeNumber(offset: number, size: number, value: number): void {
    const bytes = this.#bytes;
    const low = value >>> 0;
    bytes[offset] = low;
    if (size > 1) bytes[offset + 1] = low >>> 8;
    if (size > 2) bytes[offset + 2] = low >>> 16;
    if (size > 3) bytes[offset + 3] = low >>> 24;
    let rest = (value - low) / 0x1_0000_0000;
    for (let byte = 4; byte < size; byte++) {
      bytes[offset + byte] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
  }

  /** The same of a string of ASCII. */
  writeCharacters(offset: number, value: string): void {
    for (let at = 0; at < value.length; at++) this.#bytes[offset + at] = value.charCodeAt(at);
  }

  appendInteger(size: number, value: bigint): void {
    this.#reserve(size);
    writeInteger(this.#bytes, this.size, size, value);
    this.size += size;
  }

  /** The same for integers below 2^53, which most are. */
  appendNumber(size: number, value: number): void {
    this.#reserve(size);
    this.writeNumber(this.size, size, value);
    this.size += size;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  /** The next line that has a value, -1 at the end. */
  peek(): number {
    if (this.#next !== this.#peeked) {
      while (this.#next < this.lines.count && isVoid(this.lines, this.#next)) this.#void = this.#next++;
      this.#peeked = this.#next;
    }
    if (this.#next < this.lines.count) return this.#next;
    if (this.#isCut) this.ranOut = true;
    return -1;
  }

  nextHasName(name: string): boolean {
    const line = this.peek();
    return line >= 0 && hasName(this.lines, line, name);
  }

  /** The next line, which is read with that, if it is an ordinary one of that name; else -1. */
  takeOrdinary(name: string): number {
    const line = this.peek();
    if (line < 0 || (this.lines.flags[line]! & LineFlag.odd) !== 0 || !hasName(this.lines, line, name)) return -1;
    this.#next = line + 1;
    return line;
  }

  /** Whether the next line is one of ours of that name. */
  nextIsOwn(name: string): boolean {
    const line = this.peek();
    return line >= 0 && isOwnLine(this.lines, line) && hasName(this.lines, line, name);
  }

  /** Begins a structure at the next byte and the next line. */
  open(kind: StructureKind, layout: StructureLayout, parent = -1): number {
    const firstLine = Math.max(this.peek(), 0);
    const { size: offset } = this;
    this.#current = this.structures.open(kind, layout, parent, offset, firstLine);
    return this.#current;
  }

  /** Ends a structure with what was read last; its parent goes on. */
  close(index: number): void {
    this.structures.close(index, this.size, this.#next - 1);
    this.#current = this.structures.parentOf(index);
  }

  /** The next line tells which iasl the text was written for. */
  decideStyle(isCurrent: boolean): void {
    this.style = isCurrent ? 'current' : '20200925';
    // The end of the text tells, too, until lines are put in there.
    this.styleLine = this.peek() < 0 ? this.lines.count : this.peek();
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  /** Reads the lines of a node, of which the first one is given, as if each said what another node's says. */
  repeat({ line: from, lines, offset, size, structure, structures }: AssembledNode, line: number): void {
    const [bytesMoved, structuresMoved] = [this.size - offset, this.structures.count - structure];
    this.meanings.copyWithin(line, from, from + lines);
    this.sizes.copyWithin(line, from, from + lines);
    const { offsets, structureOf } = this;
    for (let at = 0; at < lines; at++) {
      offsets[line + at] = offsets[from + at]! + bytesMoved;
      const of = structureOf[from + at]!;
      structureOf[line + at] = of < 0 ? of : of + structuresMoved;
    }
    const moved = { lines: line - from, bytes: bytesMoved, structures: structuresMoved };
    this.structures.repeat(structure, structure + structures, moved);
    this.#reserve(size);
    this.#bytes.copyWithin(this.size, offset, offset + size);
    this.size += size;
    this.#next = line + lines;
  }

  /** Sets a computed field, unless the text keeps its value. */
  set(slots: ReadonlyMap<Computed, Slot>, computed: Computed, value: number): void {
    const slot = slots.get(computed);
    if (slot !== undefined && !slot.isKept) this.writeNumber(slot.offset, slot.size, value);
  }

  report(
    rule: TableTextRuleId,
    line: number,
    part: 'name' | 'value' | 'whole',
    message: string,
    fix?: ProblemFix,
    otherFix?: OtherFix,
  ): void {
    const { columns } = this.lines;
    const at = line * columnsOfLine;
    const from = part === 'name' ? 1 : part === 'value' ? 3 : 0;
    const start = columns[at + from]!;
    const end = columns[at + (part === 'whole' ? 5 : from + 1)]!;
    const structure = this.structures.count - 1;
    this.problems.push({ rule, start, end: Math.max(end, start), message, fix, otherFix, structure });
  }

  placeOfValue(line: number): readonly [start: number, end: number] {
    const at = line * columnsOfLine;
    return [this.lines.columns[at + 3]!, this.lines.columns[at + 4]!];
  }

  /** The next line, which is read with that. */
  take(): number {
    const line = this.peek();
    this.#next = line + 1;
    return line;
  }

  /** What a line stands for, in the structure that is open. */
  record(line: number, field: Field, flag: FlagField | undefined, size: number, offset = this.size): void {
    this.recordMeaning(line, meaningOf(field, flag), size, offset);
  }

  recordMeaning(line: number, meaning: number, size: number, offset: number): void {
    this.meanings[line] = meaning;
    this.offsets[line] = offset;
    this.sizes[line] = size;
    this.structureOf[line] = this.#current;
  }

  #reserve(size: number): void {
    if (this.size + size <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.size + size));
    larger.set(this.#bytes.subarray(0, this.size));
    this.#bytes = larger;
  }
}
