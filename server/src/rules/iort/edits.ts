// What fixes do to a table's text. Edits are computed when somebody asks for the fix.
import { lineEndAt } from '../../text/source-file';
import { byteSum, writeInteger } from '../../acpi/bytes';
import { flagValue } from '../../acpi/layout/field';
import type { IdMapping, IortNode, IortTable, Value } from '../../acpi/iort/model';
import { documentOfBinary } from '../../acpi/text/document';
import type { TextField } from '../../acpi/text/table-text';
import type { Fix, TextEdit } from '../../text/diagnostic';
import type { SourceFile } from '../../text/source-file';
import type { TableInput } from '../table-rule';
import type { Bytes } from './finding';

/** A value and what it is to be. */
export type NewValue = readonly [value: Bytes, newValue: bigint];

/**
 * A fix that gives values other numbers, as iasl writes them; flag lines under them follow. Where the text shows a value as
 * part of something else (structures that lie over each other) it is written anew.
 */
export function setFix(
  input: TableInput,
  title: string,
  changes: readonly NewValue[],
  options: { readonly isPreferred?: boolean } = {},
): Fix {
  const change = () => {
    const edits = changes.map((each) => valueEdits(input, ...each));
    return { edits: edits.every((each) => each.length > 0) ? edits.flat() : rewrittenText(input, changes) };
  };
  return { title, ...options, change };
}

/** The text of an integer as iasl writes it. */
export function integerText(value: bigint, size: number): string {
  return BigInt.asUintN(size * 8, value)
    .toString(16)
    .toUpperCase()
    .padStart(size * 2, '0');
}

export function valueEdits({ document }: TableInput, at: Bytes, value: bigint): TextEdit[] {
  const { file, syntax } = document;
  const edits: TextEdit[] = [];
  for (const { offset, size, field, flag, line } of syntax.fields) {
    if (offset !== at.offset || size !== at.size || field.kind === 'heading') continue;
    const digits = flag === undefined ? integerText(value, size) : flagText(flag, value);
    edits.push({ file, start: line.valueStart, end: line.valueEnd, newText: digits });
    if (flag === undefined && line.isAsWritten) edits.push(...dropAsWritten(document, line));
  }
  return edits;
}

/** What a flag line says of the field's value. */
export function flagText(flag: NonNullable<TextField['flag']>, value: bigint): string {
  const shown = flagValue(flag.lineWidth === undefined ? flag : { ...flag, width: flag.lineWidth }, value);
  return shown
    .toString(16)
    .toUpperCase()
    .padStart(flag.digits ?? 1, '0');
}

/** A value that a compiler computes is left to it again. */
function dropAsWritten({ file }: TableInput['document'], { valueEnd }: TextField['line']): TextEdit[] {
  const lineEnd = file.text.indexOf('\n', valueEnd);
  const rest = file.text.slice(valueEnd, lineEnd < 0 ? undefined : lineEnd);
  const found = /(?:[ \t]*\/\* Incorrect checksum[^*]*\*\/)?[ \t]*\/\/doorbell as written/.exec(rest);
  if (found === null) return [];
  const start = valueEnd + found.index;
  return [{ file, start, end: start + found[0].length, newText: '' }];
}

/**
 * The text as it must become where bytes are put in (or, with a negative number, taken out) in front of `from`: every
 * output and node reference that points at `from` or behind it moves with what it points at. iasl does not do that.
 */
export function movedReferences(input: TableInput, from: number, by: number): NewValue[] {
  const moved: NewValue[] = [];
  const move = (value: Value | undefined) => {
    if (value !== undefined && value.value >= BigInt(from)) moved.push([value, value.value + BigInt(by)]);
  };
  for (const node of input.table.nodes) {
    for (const { outputReference } of node.mappings) move(outputReference);
    if (node.kind === 'pmcg') move(node.values.nodeReference);
  }
  return moved;
}

/** Whether the lines of some bytes can go: those of a field are wanted where they stand, whatever else their bytes are. */
export function canRemoveBytes({ document: { placeOf, fieldAt } }: TableInput, from: number, end: number): boolean {
  for (let at = from; at < end;) {
    const place = placeOf({ offset: at, size: 1 });
    const line = place && fieldAt(place.start);
    if (line === undefined) return true;
    if (line.field.kind !== 'bytes') return false;
    at = line.offset + line.size;
  }
  return true;
}

/** A fix that takes the lines of some bytes out of the text; what pointed behind them keeps pointing there. */
export function removeBytesFix(input: TableInput, title: string, from: number, end: number): Fix {
  return {
    title,
    change: () => {
      const { file, syntax } = input.document;
      const edits: TextEdit[] = [];
      for (const { offset, size, line } of syntax.fields) {
        if (offset < from || offset + size > end || offset >= end) continue;
        const start = file.text.lastIndexOf('\n', line.start - 1) + 1;
        const after = file.text.indexOf('\n', line.end);
        edits.push({ file, start, end: after < 0 ? file.text.length : after + 1, newText: '' });
      }
      const moved = movedReferences(input, end, from - end);
      return { edits: [...edits, ...moved.flatMap((change) => valueEdits(input, ...change))] };
    },
  };
}

/**
 * A fix that changes bytes and writes the text anew from them: where a length or an offset was wrong, what lies behind is
 * read as other structures, and no single line says it. A checksum that was right stays right.
 */
export function rewriteFix(input: TableInput, title: string, changes: readonly NewValue[], isPreferred = true): Fix {
  return { title, isPreferred, change: () => ({ edits: rewrittenText(input, changes) }) };
}

function rewrittenText({ document, table }: TableInput, changes: readonly NewValue[]): TextEdit[] {
  const { file } = document;
  return [smallestEdit(file, documentOfBinary(file.path, changedBytes(table, changes)).file.text)];
}

function changedBytes({ bytes: old, end, header }: IortTable, changes: readonly NewValue[]): Uint8Array {
  const bytes = Uint8Array.from(old);
  for (const [{ offset, size }, value] of changes) writeInteger(bytes, offset, size, value);
  const { checksum } = header;
  if (checksum !== undefined && byteSum(old, end) === 0) {
    bytes[checksum.offset] = (bytes[checksum.offset]! - byteSum(bytes, end)) & 0xff;
  }
  return bytes;
}

/** Without what the texts have in common at both ends. */
function smallestEdit(file: SourceFile, newText: string): TextEdit {
  const most = Math.min(file.text.length, newText.length);
  let start = 0;
  while (start < most && file.text[start] === newText[start]) start++;
  let tail = 0;
  while (tail < most - start && file.text.at(-1 - tail) === newText.at(-1 - tail)) tail++;
  return { file, start, end: file.text.length - tail, newText: newText.slice(start, newText.length - tail) };
}

/** The mappings with one of them put last: the others move up, their places stay. */
export function movedBehind(mappings: readonly IdMapping[], moved: IdMapping): NewValue[] {
  const values = ({ inputBase, count, outputBase, outputReference, flags }: IdMapping) => [
    inputBase,
    count,
    outputBase,
    outputReference,
    flags,
  ];
  return mappings.slice(moved.index).flatMap((place) => {
    const now = values(mappings[place.index + 1] ?? moved);
    return values(place).map((value, field): NewValue => [value, now[field]!.value]);
  });
}

/** A mapping that is not in the table yet. */
export interface NewMapping {
  readonly inputBase: bigint;
  /** As the field: the number of IDs minus 1. */
  readonly count: bigint;
  readonly outputBase: bigint;
  readonly target: IortNode;
}

/** A fix that adds a mapping behind the others of a node; what points behind the node moves along. */
export function insertMappingFix(input: TableInput, title: string, node: IortNode, mapping: NewMapping): Fix {
  return { title, change: () => ({ edits: insertedMapping(input, node, mapping) }) };
}

function insertedMapping(input: TableInput, node: IortNode, mapping: NewMapping): TextEdit[] {
  const { file, syntax } = input.document;
  const structure = syntax.structures.find(({ kind, offset }) => kind === 'node' && offset === node.offset);
  const model = structure?.fields.find(({ field }) => field.name === 'mappingCount')?.line;
  if (structure === undefined || model === undefined) return [];
  const size = 20;
  const reference = mapping.target.offset + (mapping.target.offset >= node.end ? size : 0);
  const width = model.nameEnd - (file.text.lastIndexOf('\n', model.nameStart) + 1);
  const values: readonly (readonly [label: string, value: string])[] = [
    ['Input base', integerText(mapping.inputBase, 4)],
    ['ID Count', integerText(mapping.count, 4)],
    ['Output Base', integerText(mapping.outputBase, 4)],
    ['Output Reference', integerText(BigInt(reference), 4)],
    ['Flags (decoded below)', integerText(0n, 4)],
    ['Single Mapping', '0'],
  ];
  const lineEnd = lineEndAt(file.text, structure.end);
  const lines = values.map(([label, value]) => `${lineEnd}${label.padStart(width)} : ${value}`);
  const { mappingCount, mappingOffset, length } = node.header;
  const changes: NewValue[] = [
    ...movedReferences(input, node.end, size),
    [mappingCount, mappingCount.value + 1n],
    [length, length.value + BigInt(size)],
  ];
  if (node.mappings.length === 0) changes.push([mappingOffset, length.value]);
  const at = structure.end;
  return [
    { file, start: at, end: at, newText: `${lineEnd}${lines.join('')}` },
    ...changes.flatMap((change) => valueEdits(input, ...change)),
  ];
}
