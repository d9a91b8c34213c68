// What an assembly came to, as objects for those who ask: lines, fields and structures are kept in columns.
import { readInteger } from '../bytes';
import { flagValue } from '../layout/field';
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
  const { lines, parts, bytes, structures } = assembly;
  const { file } = parts;
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
    return (fieldViews[line] ??= makeField(line));
  }

  function makeField(line: number): TextField {
    const { field, flag } = meaningAt(lines.meaning(line))!;
    const offset = lines.offset(line);
    const size = lines.size(line);
    const isInteger = field.kind === 'integer' || field.kind === 'flags';
    return {
      get line() {
        return lineView(line);
      },
      field,
      flag,
      get structure() {
        const at = lines.structureOf(line);
        return at < 0 ? undefined : structureView(at);
      },
      offset,
      size,
      get written() {
        if (!isInteger) return undefined;
        const evaluation = evaluate(lines.value(file, line), assembly.labels);
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
      start: firstLine < lines.count ? lines.place(firstLine, 0) : parts.end,
      end: lastLine < lines.count ? lines.place(lastLine, 5) : parts.end,
      get fields() {
        const found: TextField[] = [];
        for (let line = firstLine; line <= lastLine; line++) {
          if (lines.structureOf(line) === at) found.push(fieldView(line));
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

/** Flag lines and lines that stand for nothing behind a field, before a list of all fields is worth making. */
const mostWithoutBytes = 32;

function pairs(column: Int32Array): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at + 1 < column.length; at += 2) found.push({ start: column[at]!, end: column[at + 1]! });
  return found;
}
