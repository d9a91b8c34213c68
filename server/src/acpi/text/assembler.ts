// Lines to bytes, one structure after the other: what the tables have in common. Reading is by position, as iasl's
// DtCompileTable does it; where a line is not the one that belongs there, iasl gives up in a cascade, and here the next
// lines that fit are found again.
//
// Lines of ours stand in comments, so that iasl skips them: they carry what its text has no words for.
//   //doorbell Bytes : 00 1F          bytes in no field, at this place
//   //doorbell Body ends : 0020       the structure has no more fields: later revisions brought them
//   //doorbell Flags : 00000001       a field that iasl does not know
//   Checksum : 55  //doorbell as written      the value is not computed, nor set to zero
//   Oem ID : "A "  //doorbell bytes 41 00     the bytes of a value that strings cannot say
import { writeInteger } from '../bytes';
import type { Computed, Field, FlagField, StructureLayout, TextStyle } from '../layout/field';
import { sizeOf, writtenFields } from '../layout/field';
import { evaluate, type Evaluation, type Labels } from './expression';
import { bytesOfRemark, hasName, isAsWritten, isOwnLine, isVoid, nameOfLine, valueOfLine, type Lines } from './lines';
import type { ProblemFix, TableTextProblem, TableTextRuleId } from './problems';
import { columnsOfLine } from './scan';
import type { StructureKind } from './table-text';
import { byteList, characterBytes, guidBytes, plainHexadecimal, unicodeBytes } from './values';

export const ownBytesLabel = 'Bytes';
export const bodyEndsLabel = 'Body ends';

/** Bytes that no field has, written by a line of ours. */
export const ownBytes: Field = {
  name: 'ownBytes',
  label: ownBytesLabel,
  size: 0,
  kind: 'bytes',
  meaning: 'Bytes in no field. iasl’s text has no words for them; its compiler leaves them out.',
  specification: '',
};

const bodyEnds: Field = {
  name: 'bodyEnds',
  label: bodyEndsLabel,
  size: 0,
  kind: 'heading',
  meaning: 'The structure ends here: it is older than the fields that would follow. iasl writes them all.',
  specification: '',
};

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

const nonZeroReserved = 'Reserved';

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

  /** Reads the fields of a layout, of the style that the text turns out to be of; `writtenOf` gives its lines. */
  readLayout(layout: StructureLayout, slots?: Map<Computed, Slot>, writtenOf = writtenFields): Reached {
    const old = writtenOf(layout, '20200925');
    const current = writtenOf(layout, 'current');
    let written = 0;
    for (let index = 0; ; index++) {
      const field = this.#fieldOfStyle(old[index], current[index]);
      if (field === undefined) break;
      const reached = this.readField(field, (this.style === '20200925' ? old : current).slice(index + 1), slots);
      if (reached !== 'all') return reached;
      written += sizeOf(field);
    }
    this.#readUnknownToIasl(layout, written, slots);
    return 'all';
  }

  #fieldOfStyle(old: Field | undefined, current: Field | undefined): Field | undefined {
    if (old === current) return old;
    if (this.nextIsOwn(bodyEndsLabel)) return current ?? old;
    if (this.style === undefined && (old?.label !== current?.label || old?.size !== current?.size)) {
      this.#decideStyle(current !== undefined && this.nextHasName(current.label));
    }
    return this.style === '20200925' ? old : (current ?? old);
  }

  #decideStyle(isCurrent: boolean): void {
    this.style = isCurrent ? 'current' : '20200925';
    this.styleLine = this.peek();
  }

  /** Fields behind those that iasl writes, in lines of ours. */
  #readUnknownToIasl(layout: StructureLayout, written: number, slots?: Map<Computed, Slot>): void {
    let offset = 0;
    for (const field of layout.fields) {
      if (offset >= written && sizeOf(field) > 0) {
        if (!this.nextIsOwn(field.label)) return;
        this.readField(field, [], slots);
      }
      offset += sizeOf(field);
    }
  }

  /** Reads one field with its flag lines. `later` are the fields behind it, which a missing line is told by. */
  readField(field: Field, later: readonly Field[] = [], slots?: Map<Computed, Slot>): Reached {
    this.readOwnBytes();
    if (this.takeEndOfBody()) return 'end of body';
    if (field.kind === 'heading') {
      this.peek();
      if (this.#void >= 0 && this.#void === this.#next - 1 && hasName(this.lines, this.#void, field.label)) {
        this.#record(this.#void, field, undefined, field.size);
      }
      return 'all';
    }
    const line = this.#lineFor(field.label, later);
    if (line === undefined) {
      this.#missing(field.label);
      this.append(new Uint8Array(field.size));
      return 'end of text';
    }
    const offset = this.size;
    if (line === 'missing') {
      this.append(new Uint8Array(field.size));
    } else {
      this.#compile(field, line);
      this.#record(line, field, undefined, this.size - offset, offset);
    }
    if (field.computed !== undefined) {
      const isKept = line !== 'missing' && isAsWritten(this.lines, line);
      slots?.set(field.computed, { offset, size: field.size, isKept });
    }
    this.#readFlagLines(field, line === 'missing' ? -1 : line, offset, later);
    return 'all';
  }

  /** A line of ours that says that a structure ends. */
  takeEndOfBody(): boolean {
    const isHere = this.nextIsOwn(bodyEndsLabel);
    if (isHere) this.#record(this.#take(), bodyEnds, undefined, 0);
    return isHere;
  }

  /** Lines of ours that hold bytes of no field. */
  readOwnBytes(): void {
    while (this.nextIsOwn(ownBytesLabel)) {
      const line = this.#take();
      const offset = this.size;
      this.#compile(ownBytes, line);
      this.#record(line, ownBytes, undefined, this.size - offset, offset);
    }
  }

  /** A line that no structure asks for. */
  skipUnexpected(expected: string): void {
    const line = this.#take();
    const found = nameOfLine(this.lines, line);
    if (isOwnLine(this.lines, line)) {
      this.report('table-own-line', line, 'whole', `Nothing at this place is called “${found}”.`);
    } else {
      this.report('table-line-unexpected', line, 'name', `“${found}” stands where ${expected} is expected.`);
    }
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

  /** A label: it has a place, but no bytes. */
  takeLabel(field: Field): void {
    this.#record(this.#take(), field, undefined, 0);
  }

  placeOfValue(line: number): readonly [start: number, end: number] {
    const at = line * columnsOfLine;
    return [this.lines.columns[at + 3]!, this.lines.columns[at + 4]!];
  }

  /** The integer of a line; problems are reported. */
  integerOf(line: number): bigint {
    const evaluation = evaluate(valueOfLine(this.lines, line), this.labels);
    if (evaluation.kind === 'value') return evaluation.value;
    this.#reportEvaluation(line, evaluation);
    return 0n;
  }

  #take(): number {
    const line = this.peek();
    this.#next = line + 1;
    return line;
  }

  #record(line: number, field: Field, flag: FlagField | undefined, size: number, offset = this.size): void {
    this.fields[line] = field;
    this.flags[line] = flag;
    this.offsets[line] = offset;
    this.sizes[line] = size;
    this.structureOf[line] = this.#current;
  }

  /** The line of a field: the next one, or, where that is another, what mends the text with the least. */
  #lineFor(label: string, later: readonly Field[]): number | 'missing' | undefined {
    const line = this.peek();
    if (line < 0) return undefined;
    if (hasName(this.lines, line, label)) return this.#take();
    const found = nameOfLine(this.lines, line);
    if (this.#beginsStructure(found) || later.some((each) => each.label === found)) {
      this.#missing(label, line);
      return 'missing';
    }
    this.#take();
    if (this.nextHasName(label)) {
      this.#next = line;
      this.skipUnexpected(`“${label}”`);
      return this.#take();
    }
    this.#next = line + 1;
    const fix = this.#replaceName(line, label);
    this.report('table-line-unexpected', line, 'name', `“${found}” stands where “${label}” is expected.`, fix);
    return line;
  }

  #beginsStructure(name: string): boolean {
    return name === 'Type' || name === 'Input base' || name === 'Subtable Type' || name === 'Base Address of RMR';
  }

  #replaceName(line: number, label: string): ProblemFix {
    const at = line * columnsOfLine;
    const [, start, end] = this.lines.columns.subarray(at, at + 3);
    return { title: `Change to “${label}”`, start: start!, end: end!, newText: label };
  }

  /** A field that should stand before the next line. */
  reportMissing(label: string): void {
    this.#missing(label, this.peek());
  }

  /** A field without a line: reported where the line should stand. */
  #missing(label: string, before = -1): void {
    const at = before * columnsOfLine;
    const { columns, end: textEnd } = this.lines;
    const last = this.lines.count - 1;
    const newText = `${`${label} : `.padStart(46)}0\n`;
    const start = before >= 0 ? columns[at]! : textEnd;
    const shown = before >= 0 ? columns[at + 5]! : textEnd;
    const place = before >= 0 || last < 0 ? start : columns[last * columnsOfLine]!;
    const end = before >= 0 || last < 0 ? shown : columns[last * columnsOfLine + 5]!;
    const where = before >= 0 ? 'before this line' : 'behind the last line';
    const message = `The field “${label}” is missing ${where}.`;
    const fix = before < 0 ? undefined : { title: `Insert “${label}”`, start, end: start, newText };
    const structure = this.structures.length - 1;
    this.problems.push({ rule: 'table-line-missing', start: place, end, message, fix, structure });
  }

  #readFlagLines(field: Field, fieldLine: number, offset: number, later: readonly Field[]): void {
    if (field.flags === undefined) return;
    let compiled = 0n;
    let lines = 0;
    for (const flag of field.flags) {
      if (flag.lines?.length === 0) continue;
      // In the MADT the table's revision decides about flag lines, in the IORT iasl writes all of them.
      if (this.compilesFlags && (flag.sinceTable ?? 0) > this.revision) continue;
      if (flag.lines !== undefined && !this.#isWritten(flag)) continue;
      lines++;
      const line = this.#lineFor(flag.label, later);
      if (line === undefined || line === 'missing') {
        if (line === undefined) this.#missing(flag.label);
        continue;
      }
      this.#record(line, field, flag, field.size, offset);
      if (this.compilesFlags) compiled |= this.#flagBits(flag, line);
    }
    if (!this.compilesFlags || lines === 0 || (fieldLine >= 0 && isAsWritten(this.lines, fieldLine))) return;
    writeInteger(this.#bytes, offset, field.size, compiled);
  }

  /** Whether the text has a line for bits that one style of iasl writes alone. */
  #isWritten(flag: FlagField): boolean {
    const isHere = this.nextHasName(flag.label);
    if (this.style === undefined) this.#decideStyle(isHere === flag.lines!.includes('current'));
    return flag.lines!.includes(this.style!);
  }

  #flagBits(flag: FlagField, line: number): bigint {
    const value = BigInt(`0x0${/^(?:0[xX])?([0-9a-fA-F]*)/.exec(valueOfLine(this.lines, line))![1]!.slice(-16)}`);
    const width = flag.lineWidth ?? flag.width;
    if (value < 1n << BigInt(width)) return value << BigInt(flag.bit);
    this.report('table-flag-range', line, 'value', `The flag has ${width === 1 ? 'one bit' : `${width} bits`}.`);
    return 0n;
  }

  #compile(field: Field, line: number): void {
    const remark = bytesOfRemark(this.lines, line);
    if (remark !== undefined) {
      this.#compileBytes(remark, line, field.size);
      return;
    }
    if (field.kind === 'integer' || field.kind === 'flags') {
      this.#compileInteger(field, line);
      return;
    }
    const value = valueOfLine(this.lines, line);
    if (field.kind === 'characters') this.#compileCharacters(field, line, value);
    else if (field.label === 'Unicode') this.append(unicodeBytes(value, this.lines.file.encoding));
    else if (field.label === 'GUID') this.#appendOr(guidBytes(value), line, field.size);
    else if (field.kind === 'bytes') this.#compileBytes(value, line, field.size);
    else this.append(Uint8Array.of(...characterBytes(value, this.lines.file.encoding), 0));
  }

  #compileInteger(field: Field, line: number): void {
    const { size } = field;
    const { columns, file } = this.lines;
    const at = line * columnsOfLine;
    const plain = plainHexadecimal(file.text, columns[at + 3]!, columns[at + 4]!);
    if (plain >= 0 && plain < 2 ** (8 * size) && (plain === 0 || field.label !== nonZeroReserved)) {
      this.#reserve(size);
      let rest = plain;
      for (let byte = 0; byte < size; byte++) {
        this.#bytes[this.size++] = rest & 0xff;
        rest = Math.floor(rest / 256);
      }
      return;
    }
    let value = this.integerOf(line);
    if (field.label === nonZeroReserved && value !== 0n && !isAsWritten(this.lines, line)) {
      const fix = { title: 'Set to zero', start: columns[at + 3]!, end: columns[at + 4]!, newText: '0' };
      this.report(
        'table-reserved',
        line,
        'value',
        'A reserved field must be zero: iasl 20200925 compiles it as zero, a current one refuses it.',
        fix,
      );
      value = 0n;
    }
    if (value >> BigInt(8 * size) !== 0n) {
      const message = `0x${value.toString(16)} is too large for ${size === 1 ? 'one byte' : `${size} bytes`}.`;
      this.report('table-number-range', line, 'value', message);
    }
    this.#reserve(size);
    writeInteger(this.#bytes, this.size, size, value);
    this.size += size;
  }

  #compileCharacters(field: Field, line: number, value: string): void {
    const bytes = characterBytes(value, this.lines.file.encoding);
    if (bytes.length > field.size) {
      const message = `The string has ${bytes.length} characters, the field ${field.size}.`;
      this.report('table-string-length', line, 'value', message);
    }
    const padded = new Uint8Array(field.size);
    padded.set(bytes.subarray(0, field.size));
    this.append(padded);
  }

  #compileBytes(value: string, line: number, size: number): void {
    const list = byteList(value);
    if (list.kind === 'bytes' && size > 0 && list.bytes.length !== size) {
      const reason = `found ${list.bytes.length} bytes, the field has ${size}`;
      this.#appendOr({ kind: 'problem', reason }, line, size);
    } else {
      this.#appendOr(list, line, size);
    }
  }

  #appendOr(list: ReturnType<typeof byteList>, line: number, size: number): void {
    if (list.kind === 'problem') this.report('table-bytes', line, 'value', `This is no list of bytes: ${list.reason}.`);
    this.append(list.kind === 'bytes' ? list.bytes : new Uint8Array(size));
  }

  #reportEvaluation(line: number, { problem, detail }: Extract<Evaluation, { kind: 'problem' }>): void {
    switch (problem) {
      case 'syntax':
        this.report('table-number', line, 'value', 'This is no integer: numbers are hexadecimal, with C’s operators.');
        break;
      case 'too-deep':
        this.report('table-number', line, 'value', 'This expression nests deeper than it is followed.');
        break;
      case 'division-by-zero':
        this.report('table-division-by-zero', line, 'value', 'This divides by zero.');
        break;
      case 'unknown-label': {
        const message = `No label “${detail}” is defined. Labels stand between the header and the first node alone.`;
        this.report('table-label-unknown', line, 'value', message);
      }
    }
  }

  #reserve(size: number): void {
    if (this.size + size <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.size + size));
    larger.set(this.#bytes.subarray(0, this.size));
    this.#bytes = larger;
  }
}
