// Nodes whose lines have the shapes that those of an earlier node have, as nearly all of a large table: what the earlier node
// came to is copied, and the values are put in. A node that says something else where that decides what its lines stand for,
// or of whose text the compiler has to complain, is left to whoever reads nodes line by line.
import type { Assembler, AssembledNode } from './assembler';
import { planOf } from './field-plans';
import { noShape } from './line-shapes';
import { hasName, valueOfLine } from './lines';
import { meaningAt } from './meanings';

/** A node that was read line by line and of which nothing was reported. */
interface KnownNode extends AssembledNode {
  /** Its lines whose values matter. Made when a second node has such lines. */
  values: readonly Value[] | undefined;
}

/** What a line's value is to a node; places count from where the node begins. */
interface Value {
  readonly line: number;
  readonly offset: number;
  readonly size: number;
  /** An integer below `limit`, a string of the same length, or what has to be as it is in the known node. */
  readonly kind: 'number' | 'string' | 'same';
  readonly limit: number;
}

/** The lines of a node, by their shapes. */
interface NodeLines {
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
  /** What the shapes come to: two nodes with the same shapes have the same. */
  readonly hash: number;
}

/** More are forgotten: a text whose nodes are all different is to cost no more than it holds. */
const mostKnown = 256;

export class RepeatedNodes {
  /** By what their shapes come to. */
  readonly #known = new Map<number, KnownNode>();
  /** Of each shape, whether a line of it begins a node. */
  readonly #begins: (boolean | undefined)[] = [];

  constructor(private readonly assembler: Assembler) {}

  /** Reads the node that begins with a line: as one that is known, or line by line. */
  read(line: number, lineByLine: () => void): void {
    const { assembler } = this;
    const { size: offset, style } = assembler;
    const { length: problems } = assembler.problems;
    const { count: structure } = assembler.structures;
    const lines = this.#linesFrom(line);
    if (lines !== undefined && this.#take(lines)) return;
    lineByLine();
    // What a text says before it is known which iasl it was written for might be read otherwise behind that.
    const isKnowable = style !== undefined && assembler.problems.length === problems;
    if (lines === undefined || !isKnowable || assembler.peek() !== lines.end) return;
    if (this.#known.size === mostKnown) this.#known.clear();
    this.#known.set(lines.hash, {
      line,
      lines: lines.end - line,
      offset,
      size: assembler.size - offset,
      structure,
      structures: assembler.structures.count - structure,
      values: undefined,
    });
  }

  #take(node: NodeLines): boolean {
    const { assembler } = this;
    const { first } = node;
    const known = this.#known.get(node.hash);
    if (known === undefined || !this.#hasShapesOf(known, node)) return false;
    const values = (known.values ??= valuesOf(assembler, known));
    for (const value of values) if (!this.#fits(value, known.line, first)) return false;
    const { size: offset, lines } = assembler;
    assembler.repeat(known, first);
    for (const value of values) {
      const line = first + value.line;
      if (value.kind === 'number') assembler.writeNumber(offset + value.offset, value.size, lines.numbers[line]!);
      if (value.kind === 'string') assembler.writeCharacters(offset + value.offset, valueOfLine(lines, line));
    }
    return true;
  }

  /** Undefined where a line has no shape, and at the end of the text, where reading is another matter. */
  #linesFrom(first: number): NodeLines | undefined {
    const { shapes } = this.assembler.lines;
    let hash = 0;
    let end = first;
    do {
      const shape = shapes[end++] ?? noShape;
      if (shape === noShape) return undefined;
      hash = (hash * 31 + shape) | 0;
    } while (end < shapes.length && !this.#beginsNode(end));
    return end < shapes.length ? { first, end, hash } : undefined;
  }

  #beginsNode(line: number): boolean {
    const shape = this.assembler.lines.shapes[line]!;
    if (shape === noShape) return false;
    return (this.#begins[shape] ??= hasName(this.assembler.lines, line, 'Type'));
  }

  #hasShapesOf(known: KnownNode, { first, end }: NodeLines): boolean {
    const { shapes } = this.assembler.lines;
    if (known.lines !== end - first) return false;
    for (let at = 0; at < known.lines; at++) if (shapes[first + at] !== shapes[known.line + at]) return false;
    return true;
  }

  #fits({ line, kind, limit }: Value, known: number, node: number): boolean {
    const { lines } = this.assembler;
    const number = lines.numbers[node + line]!;
    if (kind === 'string') return true;
    if (kind === 'number') return number >= 0 && number < limit;
    if (number >= 0) return number === lines.numbers[known + line];
    return valueOfLine(lines, node + line) === valueOfLine(lines, known + line);
  }
}

function valuesOf({ lines, meanings, offsets, sizes }: Assembler, node: KnownNode): Value[] {
  const values: Value[] = [];
  for (let line = 0; line < node.lines; line++) {
    const at = node.line + line;
    const meaning = meaningAt(meanings[at]!);
    // An IORT's flag lines are read for their names alone.
    if (meaning === undefined || meaning.flag !== undefined || meaning.field.kind === 'heading') continue;
    const { field } = meaning;
    const isNumber = lines.numbers[at]! >= 0 && (field.kind === 'integer' || field.kind === 'flags');
    // The type says which lines follow, and what iasl computes may be asked for while they are read.
    const decides = line === 0 || field.computed !== undefined;
    const kind = decides ? 'same' : isNumber ? 'number' : field.kind === 'name' ? 'string' : 'same';
    values.push({ line, offset: offsets[at]! - node.offset, size: sizes[at]!, kind, limit: planOf(field).limit });
  }
  return values;
}
