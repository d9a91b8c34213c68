// What can be written at a place of a table's text: the fields that come next, whole nodes and mappings, values that have
// names, and nodes whose offset a reference needs.
import type { TableDocument } from '../../acpi/text/document';
import { nodesForLine } from './completion-lines';
import { valuesAt } from './completion-values';
import { editedFile, isContinuation, positionAt, textBetween, type SourceFile } from '../../text/source-file';
import { documentOfText } from '../../acpi/text/document';
import type { Completion } from './completion-item';
import type { MadtOf } from './free-values';

/** Prefixes, a name, the colon, and what stands of the value before the cursor. */
const valueLine = /^([ \t]*(?:\[[^\]\n]*\][ \t]*)*([^:\n]*?)[ \t]*:[ \t]*)([^\n]*)$/;

/** `madt` is that of the same machine, where it is known: it has the ITS that an ITS group may name. */
export function completions(
  document: TableDocument,
  offset: number,
  madt: MadtOf = () => undefined,
): readonly Completion[] {
  const { file, syntax } = document;
  const isComment = syntax.comments.some(
    ({ start, end }) => start < offset && (offset < end || (offset === end && isOpen(file, start, end))),
  );
  if (isComment || offset > syntax.end) return [];
  const lineStart = offset - positionAt(file, offset).character;
  if (isContinuation(file, lineStart)) return [];
  const before = textBetween(file, lineStart, offset);
  const match = valueLine.exec(before);
  if (match === null) return nodesForLine(document, offset, madt);
  const [, , name = ''] = match;
  const known = document.fieldAt(offset);
  if (known?.line.name === name) return valuesAt(document, known, known.line, offset, { read: document, madt });
  // A line without a value is none: as if there were one, it is the field that it is going to be.
  const whole = documentOfText(editedFile(file, offset, offset, '0'));
  const field = whole.fieldAt(offset);
  if (field?.line.name !== name) return [];
  const found = valuesAt(document, field, { valueStart: offset, valueEnd: offset }, offset, { read: whole, madt });
  return found.map((each) => ({ ...each, further: each.further.map(inText) }));

  /** Places behind the digit are one further in the text with it. */
  function inText<T extends { readonly start: number; readonly end: number }>(place: T): T {
    const shift = place.start > offset ? 1 : 0;
    return { ...place, start: place.start - shift, end: place.end - shift };
  }
}

/** A comment to the end of its line, and one that is not closed, go on where they end. */
function isOpen({ text }: SourceFile, start: number, end: number): boolean {
  return text.startsWith('//', start) || !text.startsWith('*/', end - 2);
}
