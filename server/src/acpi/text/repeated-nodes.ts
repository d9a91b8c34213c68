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

/** More are forgotten: a text whose nodes are all different is to cost no more than it holds. */
const mostKnown = 256;

export class RepeatedNodes {
  /** By what their shapes come to. */
  readonly #known = new Map<number, KnownNode>();
  /** Of each shape, whether a line of it begins a node. */
  readonly #begins: (boolean | undefined)[] = [];
  /** Of the node that was looked at last: the line behind it, -1 where no shape tells, and what its shapes come to. */
  #end = -1;
  #hash = 0;

  constructor(private readonly assembler: Assembler) {}

  /** Reads the node that begins with a line: as one that is known, or line by line. */
  read(line: number, lineByLine: () => void): void {
    const { assembler } = this;
    const { size: offset, style } = assembler;
    const { length: problems } = assembler.problems;
    const { count: structure } = assembler.structures;
    this.#look(line);
    if (this.#take(line)) return;
    lineByLine();
    // What a text says before it is known which iasl it was written for might be read otherwise behind that.
    if (this.#end < 0 || style === undefined || assembler.problems.length > problems) return;
    if (assembler.peek() !== this.#end) return;
    if (this.#known.size === mostKnown) this.#known.clear();
    this.#known.set(this.#hash, {
      line,
      lines: this.#end - line,
      offset,
      size: assembler.size - offset,
      structure,
      structures: assembler.structures.count - structure,
      values: undefined,
    });
  }

  #take(line: number): boolean {
    const { assembler } = this;
    if (this.#end < 0) return false;
    const known = this.#known.get(this.#hash);
    if (known?.lines !== this.#end - line || !this.#hasShapesOf(known, line)) return false;
    const values = (known.values ??= valuesOf(assembler, known));
    for (const value of values) if (!this.#fits(value, known.line, line)) return false;
    const { size: offset, lines } = assembler;
    assembler.repeat(known, line);
    for (const value of values) {
      const at = line + value.line;
      if (value.kind === 'number') assembler.writeNumber(offset + value.offset, value.size, lines.numbers[at]!);
      if (value.kind === 'string') assembler.writeCharacters(offset + value.offset, valueOfLine(lines, at));
    }
    return true;
  }

  /** Finds where the node ends that begins with a line, unless that is the text's end. */
  #look(line: number): void {
    const { shapes } = this.assembler.lines;
    let hash = 0;
    let end = line;
    this.#end = -1;
    do {
      const shape = shapes[end++] ?? noShape;
      if (shape === noShape) return;
      hash = (hash * 31 + shape) | 0;
    } while (end < shapes.length && !this.#beginsNode(end));
    if (end === shapes.length) return;
    this.#end = end;
    this.#hash = hash;
  }

  #beginsNode(line: number): boolean {
    const shape = this.assembler.lines.shapes[line]!;
    if (shape === noShape) return false;
    return (this.#begins[shape] ??= hasName(this.assembler.lines, line, 'Type'));
  }

  #hasShapesOf(known: KnownNode, line: number): boolean {
    const { shapes } = this.assembler.lines;
    for (let at = 0; at < known.lines; at++) if (shapes[line + at] !== shapes[known.line + at]) return false;
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
    const decides = line === 0 || field.computed !== undefined;
    const kind = decides ? 'same' : isNumber ? 'number' : field.kind === 'name' ? 'string' : 'same';
    values.push({ line, offset: offsets[at]! - node.offset, size: sizes[at]!, kind, limit: planOf(field).limit });
  }
  return values;
}
