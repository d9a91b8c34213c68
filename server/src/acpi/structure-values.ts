// Values of a structure's fields in bytes, and the bytes that no value covers: what every decoder of tables shares.
import type { Gap, Value } from './iort/model';
import type { Field, StructureLayout } from './layout/field';
import { sizeOf } from './layout/field';
import { readInteger, readText } from './bytes';
import { oncePer } from '../text/once';

/** A field of a fixed size, and where it is in its structure. */
export interface FieldPlace {
  readonly field: Field;
  readonly offset: number;
}

/** The fields that have bytes of their own and a fixed size, with their offsets in the structure. */
export const fieldPlaces = oncePer((layout: StructureLayout): readonly FieldPlace[] => {
  const all: FieldPlace[] = [];
  let offset = 0;
  for (const field of layout.fields) {
    if (sizeOf(field) > 0) all.push({ field, offset });
    offset += sizeOf(field);
  }
  return all;
});

/** Bytes of a structure's fields of a fixed size that were there from the beginning. */
export function mandatorySize(layout: StructureLayout): number {
  return fieldPlaces(layout).reduce(
    (size, { field, offset }) => (field.sinceNode === undefined ? offset + field.size : size),
    0,
  );
}

/** Where a field begins in its structure; undefined for a name that the structure does not have. */
export function fieldOffset(layout: StructureLayout, name: string): number | undefined {
  return fieldPlaces(layout).find(({ field }) => field.name === name)?.offset;
}

/** Where all of them begin, from where the structure does or from `start` bytes before. */
export function fieldOffsets<Name extends string>(
  layout: StructureLayout<Name>,
  start = 0,
): Readonly<Record<Name, number>> {
  const offsets = fieldPlaces(layout).map(({ field, offset }) => [field.name, start + offset]);
  return Object.fromEntries(offsets) as Readonly<Record<Name, number>>;
}

/** What has bytes to read from: a table, or a part of one that may come to lie in the bytes of a later version of it. */
export interface ByteSource {
  readonly bytes: Uint8Array;
}

/** An integer in a table's bytes. Read when somebody asks: a table has many more values than are looked at. */
class IntegerValue implements Value {
  constructor(
    readonly field: Field,
    readonly offset: number,
    readonly size: number,
    private readonly source: ByteSource,
  ) {}

  get value(): bigint {
    return readInteger(this.source.bytes, this.offset, this.size) ?? 0n;
  }
}

/** The value of a field at an offset; undefined where it does not end by `end`. */
export function valueAt(source: ByteSource, field: Field, offset: number, end: number): Value | undefined {
  const { size } = field;
  const { bytes } = source;
  if (offset + size > end || offset + size > bytes.length) return undefined;
  if (field.kind === 'characters') {
    return { field, offset, size, value: 0n, text: readText(bytes, offset, offset + size) };
  }
  return new IntegerValue(field, offset, size, source);
}

/**
 * The values of a structure's fields of a fixed size that end by `end`. Fields that came with a later revision end by
 * `optionalEnd`, where that is less.
 */
export function structureValues(
  source: ByteSource,
  layout: StructureLayout,
  start: number,
  end: number,
  optionalEnd = end,
): Value[] {
  const found: Value[] = [];
  for (const { field, offset } of fieldPlaces(layout)) {
    const limit = field.sinceNode === undefined || optionalEnd > end ? end : optionalEnd;
    const value = valueAt(source, field, start + offset, limit);
    if (value === undefined) break;
    found.push(value);
  }
  return found;
}

/** How many bytes those values take. */
export function structureSize(
  { bytes }: ByteSource,
  layout: StructureLayout,
  start: number,
  end: number,
  optionalEnd: number,
): number {
  let size = 0;
  for (const { field, offset } of fieldPlaces(layout)) {
    const limit = field.sinceNode === undefined || optionalEnd > end ? end : optionalEnd;
    const next = offset + field.size;
    if (start + next > limit || start + next > bytes.length) break;
    size = next;
  }
  return size;
}

/** A name that ends at `end`, its NUL included where it has one. */
export function nameValue(bytes: Uint8Array, field: Field, offset: number, end: number): Value {
  const isTerminated = end > offset && bytes[end - 1] === 0;
  const text = readText(bytes, offset, isTerminated ? end - 1 : end);
  return { field, offset, size: end - offset, value: 0n, text };
}

/** Values by the names of their fields. */
export function byName<Name extends string>(values: readonly Value[]): Partial<Record<Name, Value>> {
  const named: Partial<Record<string, Value>> = {};
  for (const value of values) named[value.field.name] = value;
  return named;
}

/** Bytes from the table's start. */
export interface BytePlace {
  readonly offset: number;
  readonly size: number;
}

/** Values in order of their bytes. */
export function inOrder<Part extends BytePlace>(values: Part[]): Part[] {
  for (let at = 1; at < values.length; at++) {
    if (values[at - 1]!.offset > values[at]!.offset) return values.sort((a, b) => a.offset - b.offset);
  }
  return values;
}

/** The bytes from `start` to `end` that none of the values, which are in order, covers. */
export function gapsBetween(
  values: readonly BytePlace[],
  start: number,
  end: number,
  kindAt: (offset: number) => Gap['kind'],
): Gap[] {
  const gaps: Gap[] = [];
  let covered = start;
  const gapTo = (next: number) => {
    if (next > covered) gaps.push({ offset: covered, end: next, kind: kindAt(covered) });
  };
  for (const { offset, size } of values) {
    gapTo(Math.min(offset, end));
    covered = Math.max(covered, offset + size);
  }
  gapTo(end);
  return gaps;
}
