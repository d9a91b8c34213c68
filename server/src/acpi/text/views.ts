// What an assembly came to, as objects for those who ask: lines, fields and structures are kept in columns.
import { readInteger } from '../bytes';
import { flagValue } from '../layout/field';
import type { Assembly } from './assemble';
import { evaluate } from './expression';
import { lineAtOffset, textLine, valueOfLine } from './lines';
import { once } from '../../text/once';
import { columnsOfLine } from './ordinary-lines';
import { meaningAt, noMeaning } from './meanings';
import type { LineMeaning, PlaceOf, TableText, TextField, TextLine, TextStructure } from './table-text';

export interface Views {
  readonly syntax: TableText;
  readonly placeOf: PlaceOf;
  readonly fieldAt: (offsetInText: number) => TextField | undefined;
}

export function viewsOf(assembly: Assembly): Views {
  const { lines, bytes, meanings, offsets, sizes, structures } = assembly;
  const { file, columns } = lines;
  const lineViews: (TextLine | undefined)[] = [];
  const fieldViews: (TextField | undefined)[] = [];
  const structureViewsMade: (TextStructure | undefined)[] = [];
  const positions = once(() => structures.positions());
  const placed = once(placedLines);
  const suspects = once(() => assembly.suspects().map(fieldView));

  const syntax: TableText = {
    get lines() {
      return Array.from({ length: lines.count }, (_, line) => lineView(line));
    },
    get fields() {
      const found: TextField[] = [];
      for (let line = 0; line < lines.count; line++) if (meanings[line] !== noMeaning) found.push(fieldView(line));
      return found;
    },
    linesBetween(start, end) {
      const found: LineMeaning[] = [];
      for (let at = Math.max(lineAtOffset(lines, start), 0); at < lines.count; at++) {
        const line = lineView(at);
        if (line.start > end) break;
        if (line.end >= start) found.push({ line, field: meanings[at] === noMeaning ? undefined : fieldView(at) });
      }
      return found;
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
    end: lines.end,
    get comments() {
      return pairs(lines.comments);
    },
  };
  return { syntax, placeOf, fieldAt };

  function lineView(line: number): TextLine {
    return (lineViews[line] ??= textLine(lines, line));
  }

  function fieldView(line: number): TextField {
    return (fieldViews[line] ??= makeField(line));
  }

  function makeField(line: number): TextField {
    const { field, flag } = meaningAt(meanings, line)!;
    const offset = offsets[line]!;
    const size = sizes[line]!;
    const isInteger = field.kind === 'integer' || field.kind === 'flags';
    return {
      get line() {
        return lineView(line);
      },
      field,
      flag,
      get structure() {
        const at = assembly.structureOf[line]!;
        return at < 0 ? undefined : structureView(at);
      },
      offset,
      size,
      get written() {
        if (!isInteger) return undefined;
        const evaluation = evaluate(valueOfLine(lines, line), assembly.labels);
        return evaluation.kind === 'value' ? evaluation.value : undefined;
      },
      get compiled() {
        const value = isInteger ? readInteger(bytes, offset, size) : undefined;
        return value === undefined || flag === undefined ? value : flagValue(flag, value);
      },
    };
  }

  function structureView(at: number): TextStructure {
    return (structureViewsMade[at] ??= makeStructure(at));
  }

  function makeStructure(at: number): TextStructure {
    const { kind, layout, parent, offset, size, firstLine, lastLine } = structures.at(at);
    return {
      kind,
      layout,
      get parent() {
        return parent < 0 ? undefined : structureView(parent);
      },
      get index() {
        return positions()[at]!;
      },
      offset,
      size,
      start: columns[firstLine * columnsOfLine] ?? lines.end,
      end: columns[lastLine * columnsOfLine + 5] ?? lines.end,
      get fields() {
        const found: TextField[] = [];
        for (let line = firstLine; line <= lastLine; line++) {
          if (assembly.structureOf[line] === at) found.push(fieldView(line));
        }
        return found;
      },
      get children() {
        // They follow their parent.
        const found: TextStructure[] = [];
        for (let child = at + 1; child < structures.count && structures.parentOf(child) >= at; child++) {
          if (structures.parentOf(child) === at) found.push(structureView(child));
        }
        return found;
      },
    };
  }

  /** Whether a line has bytes of its own. */
  function hasBytes(line: number): boolean {
    if (sizes[line] === 0) return false;
    const meaning = meaningAt(meanings, line);
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
    const line = lastAtOrBefore(lines.count, (at) => offsets[at]!, offset);
    for (let at = line; at >= 0 && at > line - mostWithoutBytes; at--) if (hasBytes(at)) return at;
    const all = placed();
    return all[lastAtOrBefore(all.length, (at) => offsets[all[at]!]!, offset)] ?? -1;
  }

  function placeOf(value: { readonly offset: number }, part: 'value' | 'line' = 'value'): ReturnType<PlaceOf> {
    const line = lineOfByte(value.offset);
    if (line < 0 || value.offset >= offsets[line]! + sizes[line]!) return undefined;
    const at = line * columnsOfLine;
    const start = columns[at + (part === 'value' ? 3 : 0)]!;
    return { file, start, end: columns[at + (part === 'value' ? 4 : 5)]! };
  }

  function fieldAt(offsetInText: number): TextField | undefined {
    const line = lineAtOffset(lines, offsetInText);
    if (line < 0 || meanings[line] === noMeaning) return undefined;
    return offsetInText <= columns[line * columnsOfLine + 5]! ? fieldView(line) : undefined;
  }
}

/** Flag lines and lines that stand for nothing behind a field, before a list of all fields is worth making. */
const mostWithoutBytes = 32;

/** The last of so many numbers in order that is not above a limit, -1 for none. */
function lastAtOrBefore(count: number, numberAt: (index: number) => number, limit: number): number {
  let low = -1;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (numberAt(middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

function pairs(column: Int32Array): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at + 1 < column.length; at += 2) found.push({ start: column[at]!, end: column[at + 1]! });
  return found;
}
