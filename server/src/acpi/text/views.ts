// What an assembly came to, as objects for those who ask: lines, fields and structures are kept in columns.
import { readInteger } from '../bytes';
import { flagValue, type Field, type FlagField, type StructureLayout } from '../layout/field';
import type { Assembly } from './assemble';
import { evaluate } from './expression';
import { lastAtOrBefore } from '../../text/in-order';
import { once } from '../../text/once';
import { meaningAt, noMeaning } from './meanings';
import { placeColumns } from './table-text';
import type { LineMeaning, PlaceOf, TableText, TextField, TextLine, TextStructure } from './table-text';

export interface Views {
  readonly syntax: TableText;
  readonly placeOf: PlaceOf;
  readonly fieldAt: (offsetInText: number) => TextField | undefined;
}

export function viewsOf(assembly: Assembly): Views {
  const { lines, parts, structures } = assembly;
  const { file } = parts;
  const positions = once(() => structures.positions());
  const source: ViewSource = { assembly, positions, lineView, fieldView, structureView };
  const lineViews: (TextLine | undefined)[] = [];
  const fieldViews: (TextField | undefined)[] = [];
  const structureViews: (TextStructure | undefined)[] = [];
  const placed = once(placedLines);
  const suspects = once(() => assembly.suspects().map(fieldView));

  const syntax: TableText = {
    get lines() {
      return Array.from({ length: lines.count }, (_, line) => lineView(line));
    },
    get fields() {
      const found: TextField[] = [];
      for (let line = 0; line < lines.count; line++) if (lines.meaning(line) !== noMeaning) found.push(fieldView(line));
      return found;
    },
    linesBetween(start, end) {
      const found: LineMeaning[] = [];
      for (let at = Math.max(lines.lineAtOffset(start), 0); at < lines.count; at++) {
        const line = lineView(at);
        if (line.start > end) break;
        if (line.end >= start) found.push({ line, field: lines.meaning(at) === noMeaning ? undefined : fieldView(at) });
      }
      return found;
    },
    places: {
      between(start, end) {
        // Lines may go over several lines of the file, but none into another.
        const first = Math.max(lines.lineAtOffset(start), 0);
        const isBefore = first < lines.count && lines.place(first, placeColumns.end) < start;
        return [isBefore ? first + 1 : first, lines.lineAtOffset(end) + 1];
      },
      place: (line, of) => lines.place(line, placeColumns[of]),
      meaning: (line) => meaningAt(lines.meaning(line)),
      isQuoted: (line) => lines.isQuoted(line),
    },
    get suspects() {
      return suspects();
    },
    get structures() {
      const found: TextStructure[] = [];
      for (let at = 0; at < structures.count; at++) if (structures.parentOf(at) < 0) found.push(structureView(at));
      return found;
    },
    style: assembly.style,
    end: parts.end,
    get comments() {
      return pairs(parts.comments);
    },
  };
  return { syntax, placeOf, fieldAt };

  function lineView(line: number): TextLine {
    return (lineViews[line] ??= lines.textLine(file, line));
  }

  function fieldView(line: number): TextField {
    return (fieldViews[line] ??= new FieldView(source, line));
  }

  function structureView(at: number): TextStructure {
    return (structureViews[at] ??= new StructureView(source, at));
  }

  /** Whether a line has bytes of its own. */
  function hasBytes(line: number): boolean {
    if (lines.size(line) === 0) return false;
    const meaning = meaningAt(lines.meaning(line));
    return meaning !== undefined && meaning.flag === undefined && meaning.field.kind !== 'heading';
  }

  /** Lines that have bytes of their own, in order of their bytes. */
  function placedLines(): Int32Array {
    const found = new Int32Array(lines.count);
    let count = 0;
    for (let line = 0; line < lines.count; line++) if (hasBytes(line)) found[count++] = line;
    return found.subarray(0, count);
  }

  /** The last line with bytes of its own of which the first is a certain one, or one before; -1 for none. */
  function lineOfByte(offset: number): number {
    const line = lastAtOrBefore(lines.count, (at) => lines.offset(at), offset);
    for (let at = line; at >= 0 && at > line - mostWithoutBytes; at--) if (hasBytes(at)) return at;
    const all = placed();
    return all[lastAtOrBefore(all.length, (at) => lines.offset(all[at]!), offset)] ?? -1;
  }

  function placeOf(value: { readonly offset: number }, part: 'value' | 'line' = 'value'): ReturnType<PlaceOf> {
    const line = lineOfByte(value.offset);
    if (line < 0 || value.offset >= lines.offset(line) + lines.size(line)) return undefined;
    const [start, end] = part === 'value' ? [3, 4] : [0, 5];
    return { file, start: lines.place(line, start), end: lines.place(line, end) };
  }

  function fieldAt(offsetInText: number): TextField | undefined {
    const line = lines.lineAtOffset(offsetInText);
    if (line < 0 || lines.meaning(line) === noMeaning) return undefined;
    return offsetInText <= lines.place(line, 5) ? fieldView(line) : undefined;
  }
}

/** What views are made of. */
interface ViewSource {
  readonly assembly: Assembly;
  /** Of each structure, its position among those of its kind that are part of the same one. */
  readonly positions: () => Int32Array;
  readonly lineView: (line: number) => TextLine;
  readonly fieldView: (line: number) => TextField;
  readonly structureView: (structure: number) => TextStructure;
}

/** A class, as the next one, because of its getters: of a large table there are many, and little of them is asked for. */
class FieldView implements TextField {
  readonly field: Field;
  readonly flag: FlagField | undefined;
  readonly offset: number;
  readonly size: number;

  constructor(
    private readonly source: ViewSource,
    private readonly at: number,
  ) {
    const { lines } = source.assembly;
    const { field, flag } = meaningAt(lines.meaning(at))!;
    this.field = field;
    this.flag = flag;
    this.offset = lines.offset(at);
    this.size = lines.size(at);
  }

  get line(): TextLine {
    return this.source.lineView(this.at);
  }

  get structure(): TextStructure | undefined {
    const structure = this.source.assembly.lines.structureOf(this.at);
    return structure < 0 ? undefined : this.source.structureView(structure);
  }

  get written(): bigint | undefined {
    if (!this.isInteger) return undefined;
    const { lines, parts, labels } = this.source.assembly;
    const evaluation = evaluate(lines.value(parts.file, this.at), labels);
    return evaluation.kind === 'value' ? evaluation.value : undefined;
  }

  get compiled(): bigint | undefined {
    const { bytes } = this.source.assembly;
    const value = this.isInteger ? readInteger(bytes, this.offset, this.size) : undefined;
    return value === undefined || this.flag === undefined ? value : flagValue(this.flag, value);
  }

  private get isInteger(): boolean {
    return this.field.kind === 'integer' || this.field.kind === 'flags';
  }
}

class StructureView implements TextStructure {
  readonly kind: TextStructure['kind'];
  readonly layout: StructureLayout;
  readonly offset: number;
  readonly size: number;
  readonly start: number;
  readonly end: number;
  readonly headEnd: number;
  private readonly parentAt: number;
  private readonly firstLine: number;
  private readonly lastLine: number;

  constructor(
    private readonly source: ViewSource,
    private readonly at: number,
  ) {
    const { structures, lines, parts } = source.assembly;
    const { kind, layout, parent, offset, size, firstLine, lastLine } = structures.at(at);
    this.kind = kind;
    this.layout = layout;
    this.offset = offset;
    this.size = size;
    this.start = firstLine < lines.count ? lines.place(firstLine, placeColumns.start) : parts.end;
    this.end = lastLine < lines.count ? lines.place(lastLine, placeColumns.end) : parts.end;
    this.headEnd = firstLine < lines.count ? lines.place(firstLine, placeColumns.end) : parts.end;
    this.parentAt = parent;
    this.firstLine = firstLine;
    this.lastLine = lastLine;
  }

  get parent(): TextStructure | undefined {
    return this.parentAt < 0 ? undefined : this.source.structureView(this.parentAt);
  }

  get index(): number {
    return this.source.positions()[this.at]!;
  }

  get fields(): readonly TextField[] {
    const { lines } = this.source.assembly;
    const found: TextField[] = [];
    for (let line = this.firstLine; line <= this.lastLine; line++) {
      if (lines.structureOf(line) === this.at) found.push(this.source.fieldView(line));
    }
    return found;
  }

  get children(): readonly TextStructure[] {
    const { structures } = this.source.assembly;
    const found: TextStructure[] = [];
    // They follow their parent.
    for (let child = this.at + 1; child < structures.count && structures.parentOf(child) >= this.at; child++) {
      if (structures.parentOf(child) === this.at) found.push(this.source.structureView(child));
    }
    return found;
  }
}

/** Flag lines and lines that stand for nothing behind a field, before a list of all fields is worth making. */
const mostWithoutBytes = 32;

function pairs(column: Int32Array): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at + 1 < column.length; at += 2) found.push({ start: column[at]!, end: column[at + 1]! });
  return found;
}
