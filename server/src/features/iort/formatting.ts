// A table's text in the layout of iasl: names right-aligned, one column of colons, numbers with all their digits, offsets in
// front where the text has them, a blank line between structures. What the compiler makes of it stays the same; comments stay.
import type { Field } from '../../acpi/layout/field';
import { nodeHeaderLayout } from '../../acpi/layout/iort';
import type { TableDocument } from '../../acpi/text/document';
import type { TextField, TextLine } from '../../acpi/text/table-text';
import type { TextEdit } from '../../text/diagnostic';
import { fieldHead, flagDigits, flagHead, formOf, integerDigits, type LineForm } from './line-text';

/** The edits that lay a text out; none where it is, or is no table that has a layout. */
export function format(document: TableDocument): readonly TextEdit[] {
  const { file, syntax } = document;
  const form = formOf(document);
  const edits: TextEdit[] = [];
  const put = (start: number, end: number, newText: string): void => {
    if (file.text.slice(start, end) !== newText) edits.push({ file, start, end, newText });
  };
  let before: TextField | undefined;
  for (const field of syntax.fields) {
    const { line } = field;
    if (before !== undefined) layOutGap(file.text, before.line, field, isNewPart(before, field), put);
    if (!line.isOwn) layOutLine(file.text, field, form, put);
    before = field;
  }
  return edits;
}

type Put = (start: number, end: number, newText: string) => void;

/** Whether iasl leaves a blank line between two fields. */
function isNewPart(before: TextField, { structure, field, line }: TextField): boolean {
  if (structure === undefined) return false;
  const { kind } = structure;
  if (before.structure !== structure) {
    const begins = structure.fields[0]?.line.start === line.start;
    // Behind its parts a node goes on without a gap; padding belongs to the header.
    return begins && kind !== 'padding';
  }
  return kind === 'node' && isLastOfHeader(before.field) && field !== before.field;
}

function isLastOfHeader(field: Field): boolean {
  return field === nodeHeaderLayout.fields.at(-1);
}

/** One line end or two between lines that have nothing else between them but what stands behind the first. */
function layOutGap(text: string, before: TextLine, { line }: TextField, isApart: boolean, put: Put): void {
  const start = lineStart(text, line.start);
  const from = before.end;
  const gap = text.slice(from, start);
  // A line that goes on behind its end is left alone.
  const [, behind] = /^([^\n\\]*?)(?:\r?\n[ \t]*)+$/.exec(gap) ?? [];
  if (behind === undefined) return;
  const lineEnd = gap.includes('\r\n') ? '\r\n' : '\n';
  put(from + behind.length, start, isApart ? lineEnd + lineEnd : lineEnd);
}

function layOutLine(
  text: string,
  { line, field, flag, offset, size, written }: TextField,
  form: LineForm,
  put: Put,
): void {
  const start = lineStart(text, line.start);
  const colon = text.indexOf(':', line.nameEnd);
  const value = colon + 1 + /^[ \t]*/.exec(text.slice(colon + 1, colon + 200))![0].length;
  // With a comment in between, a line is left as its author has it.
  const isPlain = /^[ \t]*(?:\[[^\]\n]*\][ \t]*)*$/.test(text.slice(start, line.nameStart));
  if (!isPlain || text.slice(line.nameEnd, colon).trim() !== '') return;
  const head =
    flag === undefined
      ? fieldHead(form, line.name, offset, field.kind === 'heading' ? field.size : size)
      : flagHead(form, flag.label);
  put(start, value, head);
  if (written === undefined || line.isQuoted || !/^(?:0[xX])?[0-9a-fA-F]+$/.test(line.value)) return;
  // What looks decimal is told to the author, not hidden from them.
  if (/^0[dD]/.test(line.value) || text.slice(line.valueStart, line.valueEnd) !== line.value) return;
  const fits = written >> BigInt(flag === undefined ? 8 * field.size : (flag.lineWidth ?? flag.width)) === 0n;
  if (fits)
    put(line.valueStart, line.valueEnd, flag === undefined ? integerDigits(field, written) : flagDigits(flag, written));
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}
