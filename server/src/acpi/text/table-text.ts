// The text of a table as the compiler reads it: lines, what each means by its place, and where its bytes lie.
import type { SourceRange } from '../../text/source-file';
import type { Field, FlagField, StructureLayout, TextStyle } from '../layout/field';

/**
 * A line `name : value` that the compiler reads. Offsets count from the start of the text. A line that is continued
 * with a backslash spans several lines of the file; comments inside it belong to it.
 */
export interface TextLine {
  readonly start: number;
  /** Behind the last character, without the line's end. */
  readonly end: number;
  /** Without prefixes `[02Ch 0044 004h]` and without blanks around it. */
  readonly name: string;
  readonly nameStart: number;
  readonly nameEnd: number;
  /** What the compiler takes for the value: without comments, quotes, and the note in brackets behind it. */
  readonly value: string;
  /** The value as written, its quotes included; an empty place where there is none. */
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly isQuoted: boolean;
  /** Where a line of Doorbell's own stands in a comment that iasl skips: `//doorbell Bytes : 00 00`. */
  readonly isOwn: boolean;
  /** `//doorbell as written` behind it: a computed field that keeps the value of the text. */
  readonly isAsWritten: boolean;
}

/** A line that has a place in the table. Made when somebody asks. */
export interface TextField {
  readonly line: TextLine;
  readonly field: Field;
  /** For a flag line: which bits of the field above it are spelled out. iasl compiles the field, not these lines. */
  readonly flag: FlagField | undefined;
  /** Undefined for bytes of ours between structures. */
  readonly structure: TextStructure | undefined;
  /** Bytes from the start of the table. */
  readonly offset: number;
  readonly size: number;
  /** What the text says: an integer, undefined where it is none or cannot be evaluated. */
  readonly written: bigint | undefined;
  /** What was compiled; differs from `written` where the compiler computes the field or forces it to zero. */
  readonly compiled: bigint | undefined;
}

export interface LineMeaning {
  readonly line: TextLine;
  /** Undefined for a line that has no place in the table. */
  readonly field: TextField | undefined;
}

/** The lines as columns, for what goes through all of a large table: nothing is made for a line. */
export interface LinePlaces {
  /** The lines that touch a part of the text: the first one, and the one behind the last. */
  readonly between: (start: number, end: number) => readonly [first: number, end: number];
  /** Where a line, its name and its value begin and end. */
  readonly place: (line: number, of: keyof typeof placeColumns) => number;
  /** What it stands for; undefined for a line that has no place in the table. */
  readonly meaning: (line: number) => Pick<TextField, 'field' | 'flag'> | undefined;
  readonly isQuoted: (line: number) => boolean;
}

/** In the order of the columns. */
export const placeColumns = { start: 0, nameStart: 1, nameEnd: 2, valueStart: 3, valueEnd: 4, end: 5 } as const;

export type StructureKind =
  | 'table-header'
  | 'table-body'
  | 'padding'
  | 'node'
  | 'mapping'
  | 'interrupt'
  | 'descriptor'
  | 'subtable'
  | 'viot-node';

/** A run of lines that describes one structure: the header, a node with its mappings in it, a MADT entry. */
export interface TextStructure {
  readonly kind: StructureKind;
  readonly layout: StructureLayout;
  readonly parent: TextStructure | undefined;
  /** Its position among its parent's (or the table's) structures of the same kind, from 0. */
  readonly index: number;
  /** Bytes from the start of the table. */
  readonly offset: number;
  readonly size: number;
  /** Lines of text: from the start of the first line to behind the last. */
  readonly start: number;
  readonly end: number;
  /** Behind the first of them. */
  readonly headEnd: number;
  readonly fields: readonly TextField[];
  readonly children: readonly TextStructure[];
}

export interface TableText {
  /** Every line that the compiler reads, in order. */
  readonly lines: readonly TextLine[];
  /** The lines that have a place in the table, flag lines included, in order. */
  readonly fields: readonly TextField[];
  /** Lines that touch a part of the text, each with what it means; for a screen of a large table the others are not made. */
  readonly linesBetween: (start: number, end: number) => readonly LineMeaning[];
  readonly places: LinePlaces;
  /** Those of them whose text may say something else than what was compiled: see suspects.ts. */
  readonly suspects: readonly TextField[];
  /** The table's parts in order; mappings, interrupts and descriptors are children of their node. */
  readonly structures: readonly TextStructure[];
  /** Which iasl's words the text uses, as far as it shows. */
  readonly style: TextStyle;
  /** Behind the last character that the compiler reads: where `Raw Table Data` stands, or the end. */
  readonly end: number;
  /** All comments and bracketed notes, for colouring and folding. */
  readonly comments: readonly { readonly start: number; readonly end: number }[];
}

/** Where a field's value stands. */
export type PlacePart = 'value' | 'line';

export type PlaceOf = (
  value: { readonly offset: number; readonly size: number },
  part?: PlacePart,
) => SourceRange | undefined;
