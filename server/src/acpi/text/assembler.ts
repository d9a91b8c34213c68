// What has become of the lines so far: bytes, structures, and what each line stands for. Lines are read by position, as iasl's
// DtCompileTable does it.
import { writeInteger } from '../bytes';
import type { Computed, Field, FlagField, StructureLayout, TextStyle } from '../layout/field';
import type { Labels } from './expression';
import { hasName, isOwnLine, isVoid, type Lines } from './lines';
import type { ProblemFix, TableTextProblem, TableTextRuleId } from './problems';
import { columnsOfLine } from './scan';
import type { StructureKind } from './table-text';

/** A structure as lines and bytes: indices of lines, the last one included. */
export interface AssembledStructure {
  readonly kind: StructureKind;
  readonly layout: StructureLayout;
  /** Index of the structure it is part of, -1 for none. */
  readonly parent: number;
  readonly offset: number;
  readonly firstLine: number;
  size: number;
  lastLine: number;
}

/** An earlier assembly, cut before a structure: its index, and how many lines and bytes lie before it. */
export interface Resumed {
  readonly structure: number;
  readonly lines: number;
  readonly size: number;
  readonly structures: readonly AssembledStructure[];
  readonly fields: readonly (Field | undefined)[];
  readonly flags: readonly (FlagField | undefined)[];
  readonly offsets: Int32Array;
  readonly sizes: Int32Array;
  readonly structureOf: Int32Array;
  readonly bytes: Uint8Array;
  readonly style: TextStyle | undefined;
  readonly styleLine: number;
}

/** How far a structure could be read. */
export type Reached = 'all' | 'end of body' | 'end of text';

/** A computed field that waits for its value. */
export interface Slot {
  readonly offset: number;
  readonly size: number;
  readonly isKept: boolean;
}

export class Assembler {
  readonly lines: Lines;
  readonly problems: TableTextProblem[] = [];
  readonly structures: AssembledStructure[] = [];
  /** Per line: its field, bit field, byte offset (-1 for none), size and structure. */
  readonly fields: (Field | undefined)[];
  readonly flags: (FlagField | undefined)[];
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
  #bytes = new Uint8Array(4096);
  #next = 0;
  #void = -1;
  #current = -1;

  constructor(lines: Lines, { compilesFlags }: { readonly compilesFlags: boolean }) {
    this.lines = lines;
    this.compilesFlags = compilesFlags;
    this.fields = new Array<undefined>(lines.count).fill(undefined);
    this.flags = new Array<undefined>(lines.count).fill(undefined);
    this.offsets = new Int32Array(lines.count).fill(-1);
    this.sizes = new Int32Array(lines.count);
    this.structureOf = new Int32Array(lines.count).fill(-1);
  }

  /** Goes on where an earlier assembly of lines that begin alike had come to, at the first line of a structure. */
  resume(before: Resumed): void {
    const { structure, lines, size } = before;
    for (let line = 0; line < lines; line++) {
      this.fields[line] = before.fields[line];
      this.flags[line] = before.flags[line];
    }
    this.offsets.set(before.offsets.subarray(0, lines));
    this.sizes.set(before.sizes.subarray(0, lines));
    this.structureOf.set(before.structureOf.subarray(0, lines));
    for (let index = 0; index < structure; index++) this.structures.push(before.structures[index]!);
    this.append(before.bytes.subarray(0, size));
    this.style = before.style;
    this.styleLine = before.styleLine;
    this.revision = before.bytes[8]!;
    this.#next = lines;
  }

  /** Takes over what an earlier assembly had from a structure on, moved to where this one has come. */
  takeOver(before: Resumed, lineCount: number): void {
    const { structure, lines, size } = before;
    const newLines = this.#next;
    const newSize = this.size;
    const structures = this.structures.length - structure;
    for (let line = lines; line < lineCount; line++) {
      const at = line - lines + newLines;
      this.fields[at] = before.fields[line];
      this.flags[at] = before.flags[line];
      const offset = before.offsets[line]!;
      this.offsets[at] = offset < 0 ? offset : offset + newSize - size;
      const owner = before.structureOf[line]!;
      this.structureOf[at] = owner < 0 ? owner : owner + structures;
    }
    this.sizes.set(before.sizes.subarray(lines, lineCount), newLines);
    for (const each of before.structures.slice(structure)) {
      this.structures.push({
        ...each,
        parent: each.parent < 0 ? each.parent : each.parent + structures,
        offset: each.offset + newSize - size,
        firstLine: each.firstLine + newLines - lines,
        lastLine: each.lastLine + newLines - lines,
      });
    }
    this.append(before.bytes.subarray(size));
    this.#next = this.lines.count;
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

  appendInteger(size: number, value: bigint): void {
    this.#reserve(size);
    writeInteger(this.#bytes, this.size, size, value);
    this.size += size;
  }

  /** The same for integers below 2^53, which most are. */
  appendNumber(size: number, value: number): void {
    this.#reserve(size);
    let rest = value;
    for (let byte = 0; byte < size; byte++) {
      this.#bytes[this.size++] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  /** The next line that has a value, -1 at the end. */
  peek(): number {
    while (this.#next < this.lines.count && isVoid(this.lines, this.#next)) this.#void = this.#next++;
    return this.#next < this.lines.count ? this.#next : -1;
  }

  nextHasName(name: string): boolean {
    const line = this.peek();
    return line >= 0 && hasName(this.lines, line, name);
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
    this.structures.push({ kind, layout, parent, offset, firstLine, size: 0, lastLine: firstLine });
    this.#current = this.structures.length - 1;
    return this.#current;
  }

  /** Ends a structure with what was read last; its parent goes on. */
  close(index: number): void {
    const structure = this.structures[index]!;
    structure.size = this.size - structure.offset;
    structure.lastLine = Math.max(structure.firstLine, this.#next - 1);
    this.#current = structure.parent;
  }

  /** The next line tells which iasl the text was written for. */
  decideStyle(isCurrent: boolean): void {
    this.style = isCurrent ? 'current' : '20200925';
    this.styleLine = this.peek();
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  /** Sets a computed field, unless the text keeps its value. */
  set(slots: ReadonlyMap<Computed, Slot>, computed: Computed, value: number): void {
    const slot = slots.get(computed);
    if (slot !== undefined && !slot.isKept) writeInteger(this.#bytes, slot.offset, slot.size, BigInt(value));
  }

  report(
    rule: TableTextRuleId,
    line: number,
    part: 'name' | 'value' | 'whole',
    message: string,
    fix?: ProblemFix,
  ): void {
    const { columns } = this.lines;
    const at = line * columnsOfLine;
    const from = part === 'name' ? 1 : part === 'value' ? 3 : 0;
    const start = columns[at + from]!;
    const end = columns[at + (part === 'whole' ? 5 : from + 1)]!;
    const structure = this.structures.length - 1;
    this.problems.push({ rule, start, end: Math.max(end, start), message, fix, structure });
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
    this.fields[line] = field;
    this.flags[line] = flag;
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
