// The IORT's optional padding in generic fields, and the labels that stand in it (ACPICA source/compiler/dttable2.c
// DtCompileGeneric, dtexpress.c DtDetectAllLabels). It reaches to the first line called Type.
import { iortTableLayout } from '../layout/iort';
import type { Assembler } from './assembler';
import { suggestType } from './likely-type';
import { isVoid, nameOfLine, valueOfLine } from './lines';
import { genericFields, genericSize } from './values';
import { readField, takeLabel } from './read-fields';
import { skipUnexpected } from './recover-lines';

export function readGenericPadding(assembler: Assembler): void {
  assembler.labels = labelsFrom(assembler);
  if (assembler.peek() < 0 || assembler.nextHasName('Type')) return;
  const padding = assembler.open('padding', iortTableLayout);
  while (assembler.peek() >= 0 && !assembler.nextHasName('Type')) {
    const field = genericFields.get(nameOfLine(assembler.lines, assembler.peek()));
    if (field === undefined) skipUnexpected(assembler, '“Type”, which begins a node, or a generic field');
    else if (field.label === 'Label') takeLabel(assembler, field);
    else readField(assembler, field);
  }
  suggestType(assembler, undefined);
  assembler.close(padding);
}

/** Labels anywhere in the rest of the text, each at the offset that the generic fields before it give. */
function labelsFrom(assembler: Assembler): Map<string, bigint> {
  const { lines } = assembler;
  const labels = new Map<string, bigint>();
  if (!lines.text.includes('Label')) return labels;
  let offset = assembler.size;
  for (let line = Math.max(assembler.peek(), 0); line < lines.count; line++) {
    if (isVoid(lines, line)) continue;
    const field = genericFields.get(nameOfLine(lines, line));
    if (field === undefined) continue;
    const value = valueOfLine(lines, line);
    if (field.label === 'Label') labels.set(value, BigInt(offset));
    offset += genericSize(field, value);
  }
  return labels;
}
