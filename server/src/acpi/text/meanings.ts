// What lines stand for as numbers, so that a column of them takes two bytes a line and is copied at once.
import type { Field, FlagField } from '../layout/field';

export interface Meaning {
  readonly field: Field;
  /** For a flag line: which bits of the field above it are spelled out. */
  readonly flag: FlagField | undefined;
}

/** Of a line that stands for nothing. */
export const noMeaning = 0;

/** Fields and flags are data that live as long as the program; a text adds none. */
const meanings: (Meaning | undefined)[] = [undefined];
const ofFields = new WeakMap<Field, Map<FlagField | undefined, number>>();

export function meaningOf(field: Field, flag?: FlagField): number {
  let ofField = ofFields.get(field);
  if (ofField === undefined) ofFields.set(field, (ofField = new Map<FlagField | undefined, number>()));
  let meaning = ofField.get(flag);
  if (meaning === undefined) {
    meaning = meanings.push({ field, flag }) - 1;
    ofField.set(flag, meaning);
  }
  return meaning;
}

/** Undefined for none. */
export function meaningAt(meaning: number): Meaning | undefined {
  return meanings[meaning];
}
