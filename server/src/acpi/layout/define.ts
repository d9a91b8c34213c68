// Short ways of writing layouts down.
import { sizeOf } from './field';
import type { Field, NamedValue, StructureLayout } from './field';

type Rest = Omit<Field, 'name' | 'label' | 'size' | 'kind' | 'meaning' | 'specification'>;

/** What a structure's fields have in common, so that each says its own alone. */
export interface FieldMakers {
  integer: <const Name extends string>(
    name: Name,
    label: string,
    size: number,
    meaning: string,
    rest?: Rest,
  ) => Field<Name>;
  flags: <const Name extends string>(
    name: Name,
    label: string,
    size: number,
    meaning: string,
    flags: NonNullable<Field['flags']>,
    rest?: Rest,
  ) => Field<Name>;
  reserved: <const Name extends string>(name: Name, size: number, rest?: Rest) => Field<Name>;
  characters: <const Name extends string>(
    name: Name,
    label: string,
    size: number,
    meaning: string,
    rest?: Rest,
  ) => Field<Name>;
  text: <const Name extends string>(name: Name, label: string, meaning: string) => Field<Name>;
  bytes: <const Name extends string>(name: Name, label: string, meaning: string) => Field<Name>;
}

export function fieldMakers(specification: string): FieldMakers {
  return {
    integer: (name, label, size, meaning, rest) => ({
      name,
      label,
      size,
      kind: 'integer',
      meaning,
      specification,
      ...rest,
    }),
    flags: (name, label, size, meaning, flags, rest) => ({
      name,
      label,
      size,
      kind: 'flags',
      meaning,
      flags,
      specification,
      ...rest,
    }),
    reserved: (name, size, rest) => ({
      name,
      label: 'Reserved',
      size,
      kind: 'integer',
      reserved: true,
      meaning: 'Reserved, must be zero.',
      specification,
      ...rest,
    }),
    characters: (name, label, size, meaning, rest) => ({
      name,
      label,
      size,
      kind: 'characters',
      meaning,
      specification,
      ...rest,
    }),
    text: (name, label, meaning) => ({ name, label, size: 0, kind: 'name', meaning, specification }),
    bytes: (name, label, meaning) => ({ name, label, size: 0, kind: 'bytes', meaning, specification }),
  };
}

/** A structure; its size is that of its fields. */
export function structure<const Name extends string>(
  layout: Omit<StructureLayout<Name>, 'size'>,
): StructureLayout<Name> {
  return { ...layout, size: layout.fields.reduce((sum, field) => sum + sizeOf(field), 0) };
}

export function named(value: number, name: string, meaning = name): NamedValue {
  return { value: BigInt(value), name, meaning };
}
