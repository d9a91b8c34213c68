// The structures of a table as lines and bytes, in columns: an edit of a large table moves numbers, not objects.
import type { StructureLayout } from '../layout/field';
import { lastAtOrBefore } from '../../text/in-order';
import type { StructureKind } from './table-text';

/** A structure: indices of lines, the last one included. */
export interface AssembledStructure {
  readonly kind: StructureKind;
  readonly layout: StructureLayout;
  /** Index of the structure it is part of, -1 for none. */
  readonly parent: number;
  readonly offset: number;
  readonly size: number;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** By how much a part of a text has moved. */
export interface Shift {
  readonly lines: number;
  readonly bytes: number;
  readonly structures: number;
}

const unmoved: Shift = { lines: 0, bytes: 0, structures: 0 };

const enum Column {
  kind,
  layout,
  parent,
  offset,
  size,
  firstLine,
  lastLine,
  count,
}

const kinds: readonly StructureKind[] = [
  'table-header',
  'table-body',
  'padding',
  'node',
  'mapping',
  'interrupt',
  'descriptor',
  'subtable',
  'viot-node',
];
const nodeKind = kinds.indexOf('node');

/** Layouts are data that live as long as the program. */
const layouts: StructureLayout[] = [];
const layoutIndices = new Map<StructureLayout, number>();

function indexOfLayout(layout: StructureLayout): number {
  let index = layoutIndices.get(layout);
  if (index === undefined) {
    index = layouts.push(layout) - 1;
    layoutIndices.set(layout, index);
  }
  return index;
}

export class Structures {
  count = 0;
  nodeCount = 0;
  #numbers = new Int32Array(Column.count * 64);

  /** Begins a structure; returns its index. */
  open(kind: StructureKind, layout: StructureLayout, parent: number, offset: number, firstLine: number): number {
    this.#reserve(1);
    const index = this.count++;
    const numbers = this.#numbers;
    const at = index * Column.count;
    numbers[at + Column.kind] = kinds.indexOf(kind);
    numbers[at + Column.layout] = indexOfLayout(layout);
    numbers[at + Column.parent] = parent;
    numbers[at + Column.offset] = offset;
    numbers[at + Column.firstLine] = firstLine;
    numbers[at + Column.lastLine] = firstLine;
    if (kind === 'node') this.nodeCount++;
    return index;
  }

  close(index: number, end: number, lastLine: number): void {
    const at = index * Column.count;
    this.#numbers[at + Column.size] = end - this.#numbers[at + Column.offset]!;
    this.#numbers[at + Column.lastLine] = Math.max(this.firstLineOf(index), lastLine);
  }

  /**
   * With other structures from `from` to before `to`, none of which is part of one outside; the lines of those begin at
   * `firstLine`, and those behind have moved. The same object where nothing differs.
   */
  spliced(from: number, to: number, put: Structures, firstLine: number, behind: Shift): Structures {
    const own = { lines: firstLine, bytes: 0, structures: from };
    const isMoved = behind.lines !== 0 || behind.bytes !== 0 || behind.structures !== 0;
    const after = new Structures();
    if (!isMoved) {
      after.#append(put, 0, put.count, own);
      if (after.#isEqual(this, from)) return this;
      after.count = after.nodeCount = 0;
    }
    after.#append(this, 0, from, unmoved);
    after.#append(put, 0, put.count, own);
    after.#append(this, to, this.count, behind);
    return after;
  }

  /** The structures from `from` to before `to` once more, moved, behind all. */
  repeat(from: number, to: number, shift: Shift): void {
    this.#append(this, from, to, shift);
  }

  /** Whether these are what stands from an index on in others. */
  #isEqual(others: Structures, from: number): boolean {
    const start = from * Column.count;
    for (let at = 0; at < this.count * Column.count; at++) {
      if (this.#numbers[at] !== others.#numbers[start + at]) return false;
    }
    return true;
  }

  /** Takes over structures as they have moved, from one that is part of no other. */
  #append(earlier: Structures, from: number, to: number, shift: Shift): void {
    this.#reserve(to - from);
    const start = this.count * Column.count;
    this.#numbers.set(earlier.#numbers.subarray(from * Column.count, to * Column.count), start);
    this.count += to - from;
    const numbers = this.#numbers;
    for (let at = start; at < this.count * Column.count; at += Column.count) {
      if (numbers[at + Column.kind] === nodeKind) this.nodeCount++;
      if (numbers[at + Column.parent]! >= 0) numbers[at + Column.parent]! += shift.structures;
      numbers[at + Column.offset]! += shift.bytes;
      numbers[at + Column.firstLine]! += shift.lines;
      numbers[at + Column.lastLine]! += shift.lines;
    }
  }

  /** The last node, by its index, that begins before a line and not on it; -1 for none. */
  nodeBefore(line: number): number {
    let found = lastAtOrBefore(this.count, (index) => this.firstLineOf(index), line - 1);
    while (found >= 0 && !this.isNode(found)) found--;
    return found;
  }

  /** The first node that begins at a line or behind it; their number for none. */
  nodeFrom(line: number): number {
    let found = lastAtOrBefore(this.count, (index) => this.firstLineOf(index), line - 1) + 1;
    while (found < this.count && !this.isNode(found)) found++;
    return found;
  }

  /** How many nodes stand before a structure. */
  nodesBefore(end: number): number {
    let count = 0;
    for (let index = 0; index < end; index++) if (this.isNode(index)) count++;
    return count;
  }

  isNode(index: number): boolean {
    return this.#numbers[index * Column.count + Column.kind] === nodeKind;
  }

  parentOf(index: number): number {
    return this.#numbers[index * Column.count + Column.parent]!;
  }

  offsetOf(index: number): number {
    return this.#numbers[index * Column.count + Column.offset]!;
  }

  firstLineOf(index: number): number {
    return this.#numbers[index * Column.count + Column.firstLine]!;
  }

  at(index: number): AssembledStructure {
    const at = index * Column.count;
    const number = (column: Column): number => this.#numbers[at + column]!;
    return {
      kind: kinds[number(Column.kind)]!,
      layout: layouts[number(Column.layout)]!,
      parent: number(Column.parent),
      offset: number(Column.offset),
      size: number(Column.size),
      firstLine: number(Column.firstLine),
      lastLine: number(Column.lastLine),
    };
  }

  /** Of each, its position among those of its kind that are part of the same one. */
  positions(): Int32Array {
    const positions = new Int32Array(this.count);
    const counts = new Map<number, number>();
    for (let index = 0; index < this.count; index++) {
      const key = (this.parentOf(index) + 1) * kinds.length + this.#numbers[index * Column.count + Column.kind]!;
      const position = counts.get(key) ?? 0;
      positions[index] = position;
      counts.set(key, position + 1);
    }
    return positions;
  }

  all(): AssembledStructure[] {
    return Array.from({ length: this.count }, (_, index) => this.at(index));
  }

  #reserve(more: number): void {
    const needed = (this.count + more) * Column.count;
    if (needed <= this.#numbers.length) return;
    const larger = new Int32Array(Math.max(needed, 2 * this.#numbers.length));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}
