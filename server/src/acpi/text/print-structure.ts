// One structure as lines: the fields that its style of iasl writes, as far as there are bytes.
import type { Field, StructureLayout, TextStyle } from '../layout/field';
import { sizeOf, writtenFields } from '../layout/field';
import { bodyEndsLabel } from './own-lines';
import { fieldLine, ownFieldLine, ownLine, plain, type Printer } from './print-lines';

export interface LayoutOptions {
  /** What stands behind the value of a field. */
  readonly notes?: ReadonlyMap<string, string>;
  readonly writtenOf?: (layout: StructureLayout, style: TextStyle) => readonly Field[];
  /** The offset that "Body ends" counts from. */
  readonly origin?: number;
}

/**
 * The fields of a fixed size from `start` as far as they end by `end`; those that iasl does not know in lines of ours.
 * Returns where the last one ends. Where fields are missing, a line of ours says that the structure ends.
 */
export function printLayout(
  printer: Printer,
  layout: StructureLayout,
  start: number,
  end: number,
  { notes, writtenOf = writtenFields, origin = start }: LayoutOptions = {},
): number {
  let offset = start;
  for (const field of writtenOf(layout, printer.style)) {
    if (field.kind !== 'heading' && offset + field.size > end) {
      const reached = (offset - origin).toString(16).toUpperCase().padStart(4, '0');
      plain(printer, ownLine(bodyEndsLabel, reached));
      return offset;
    }
    if (field.size === 0) continue;
    fieldLine(printer, field, offset, notes?.get(field.name));
    offset += sizeOf(field);
  }
  let at = start;
  for (const field of layout.fields) {
    if (at >= offset && sizeOf(field) > 0) {
      if (at + field.size > end) break;
      ownFieldLine(printer, field, at);
      offset = at + field.size;
    }
    at += sizeOf(field);
  }
  return offset;
}
