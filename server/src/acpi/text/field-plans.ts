// What is worked out once of the fields that a structure's lines are read for: thousands of structures have the same.
import type { Field, FlagField } from '../layout/field';
import { sizeOf } from '../layout/field';
import { oncePer } from '../../text/once';
import { meaningOf } from './meanings';

export interface FieldPlan {
  readonly field: Field;
  readonly meaning: number;
  /** Bytes that its line stands for. */
  readonly written: number;
  /** Integers from here on do not fit, or may not be; 0 for fields that hold none. */
  readonly limit: number;
  /** Those that have lines; undefined for a field without any. */
  readonly flags: readonly FlagPlan[] | undefined;
  /** The fields behind it. */
  readonly later: readonly Field[];
}

export interface FlagPlan {
  readonly flag: FlagField;
  readonly meaning: number;
}

/** The fields that one style of iasl writes of a structure, in their order. */
export const plansOf = oncePer((fields: readonly Field[]): readonly FieldPlan[] =>
  fields.map((field, index) => makePlan(field, fields.slice(index + 1))),
);

/** A field by itself. */
export const planOf = oncePer((field: Field): FieldPlan => makePlan(field, []));

/** iasl goes by the name. */
export function mustBeZero(field: Field): boolean {
  return field.label === 'Reserved';
}

function makePlan(field: Field, later: readonly Field[]): FieldPlan {
  const isInteger = field.kind === 'integer' || field.kind === 'flags';
  return {
    field,
    meaning: meaningOf(field),
    written: sizeOf(field),
    limit: !isInteger ? 0 : mustBeZero(field) ? 1 : 2 ** (8 * field.size),
    flags: field.flags
      ?.filter(({ lines }) => lines?.length !== 0)
      .map((flag) => ({ flag, meaning: meaningOf(field, flag) })),
    later,
  };
}
