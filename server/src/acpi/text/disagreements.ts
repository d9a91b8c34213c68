// Where a text says something else of a computed field than what a compiler makes of it.
import type { Diagnostic } from '../../text/diagnostic';
import type { TableDocument } from './document';
import type { TextField } from './table-text';

export const computedRule = 'iort-text-computed-mismatch';

/** Lines whose value the compiler replaced by its own, in order; the compiler's ID and revision stay as written. */
export function computedFields(document: TableDocument): readonly TextField[] {
  return document.syntax.fields.filter(
    ({ field, flag, written, compiled, line }) =>
      field.computed !== undefined && flag === undefined && written !== compiled && !line.isAsWritten,
  );
}

/** The same in words, for who compiles. */
export function computedDisagreements(document: TableDocument): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const { field, line, written, compiled, size } of computedFields(document)) {
    if (written === undefined || compiled === undefined) continue;
    const digits = (value: bigint) =>
      value
        .toString(16)
        .toUpperCase()
        .padStart(2 * size, '0');
    found.push({
      rule: computedRule,
      severity: 'info',
      range: { file: document.file, start: line.valueStart, end: line.valueEnd },
      message: `${field.label} is compiled as ${digits(compiled)}; the text says ${digits(written)}.`,
    });
  }
  return found;
}
