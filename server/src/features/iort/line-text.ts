// Lines of a table's text as iasl lays them out: right-aligned names, the colon in one column, offsets in front where the
// text has them.
import { flagLines, type Field, type FlagField, type TextStyle } from '../../acpi/layout/field';
import { lineHead, printedDigits } from '../../acpi/text/print-lines';
import type { TableDocument } from '../../acpi/text/document';

export interface LineForm {
  readonly style: TextStyle;
  /** `[02Ch 0044 004h]` stands before each field. */
  readonly hasPrefixes: boolean;
}

/** Columns of names in texts without offsets. */
const labelWidth = 28;
const flagLabelWidth = 44;

/** How the text of a table is written. */
export function formOf({ syntax, file }: TableDocument): LineForm {
  const { style, lines } = syntax;
  const isPrefixed = ({ start, nameStart }: (typeof lines)[number]): boolean =>
    file.text.slice(start, nameStart).includes('[');
  return { style, hasPrefixes: lines.slice(0, 200).some(isPrefixed) };
}

/** What stands before the value of a field: `[02Ch 0044 004h]                    Reserved : `. */
export function fieldHead({ style, hasPrefixes }: LineForm, label: string, offset: number, size: number): string {
  return hasPrefixes ? lineHead(style, offset, size, label) : `${label.padStart(labelWidth)} : `;
}

export function flagHead({ hasPrefixes }: LineForm, label: string): string {
  return `${label.padStart(hasPrefixes ? flagLabelWidth : labelWidth)} : `;
}

/** An integer in iasl's digits: upper case, all of the field's size. */
export function integerDigits(field: Field, value: bigint): string {
  return printedDigits(BigInt.asUintN(8 * field.size, value), 2 * field.size);
}

export function flagDigits(flag: FlagField, value: bigint): string {
  const width = flag.lineWidth ?? flag.width;
  return printedDigits(value & ((1n << BigInt(width)) - 1n), flag.digits ?? 1);
}

/** A field, or one of the flag lines under one. */
export interface LineOf {
  readonly field: Field;
  readonly flag: FlagField | undefined;
}

/** The lines that a field has in a style: itself, and its flags. */
export function linesOfField(field: Field, style: TextStyle): readonly LineOf[] {
  return [{ field, flag: undefined }, ...flagLines(field, style).map((flag) => ({ field, flag }))];
}
