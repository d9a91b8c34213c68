// The value of a line to bytes behind those that are there (ACPICA source/compiler/dtfield.c DtCompileOneField).
import type { Field } from '../layout/field';
import type { Assembler } from './assembler';
import { evaluate, type Evaluation } from './expression';
import { mustBeZero, type FieldPlan } from './field-plans';
import { bytesOfRemark, isAsWritten, valueOfLine } from './lines';
import { columnsOfLine } from './line-columns';
import { byteList, characterBytes, guidBytes, unicodeBytes } from './values';

/** What ends a name. */
const noCharacter = Uint8Array.of(0);

/** Appends the bytes of a field. */
export function compile(assembler: Assembler, field: Field, line: number): void {
  const remark = bytesOfRemark(assembler.lines, line);
  if (remark !== undefined) {
    compileBytes(assembler, remark, line, field.size);
    return;
  }
  if (field.kind === 'flags' && assembler.compilesFlags && !isAsWritten(assembler.lines, line)) {
    // The lines below make up the value; what stands here need not be a number.
    const evaluation = evaluate(valueOfLine(assembler.lines, line), assembler.labels);
    assembler.appendInteger(field.size, evaluation.kind === 'value' ? evaluation.value : 0n);
    return;
  }
  if (field.kind === 'integer' || field.kind === 'flags') {
    compileInteger(assembler, field, line);
    return;
  }
  const value = valueOfLine(assembler.lines, line);
  if (field.kind === 'characters') compileCharacters(assembler, field, line, value);
  else if (field.label === 'Unicode') assembler.append(unicodeBytes(value, assembler.lines.parts.file.encoding));
  else if (field.label === 'GUID') appendOr(assembler, guidBytes(value), line, field.size);
  else if (field.kind === 'bytes') compileBytes(assembler, value, line, field.size);
  else {
    assembler.append(characterBytes(value, assembler.lines.parts.file.encoding));
    assembler.append(noCharacter);
  }
}

/** Appends an integer that is written as its digits alone and fits, as nearly all are; false where it is none. */
export function compileNumber(assembler: Assembler, { field, limit }: FieldPlan, line: number): boolean {
  const value = assembler.lines.numbers[line]!;
  if (value < 0 || value >= limit) return false;
  assembler.appendNumber(field.size, value);
  return true;
}

function compileInteger(assembler: Assembler, field: Field, line: number): void {
  const { size } = field;
  const { columns } = assembler.lines;
  const at = line * columnsOfLine;
  let value = integerOf(assembler, line);
  if (mustBeZero(field) && value !== 0n && !isAsWritten(assembler.lines, line)) {
    const fix = { title: 'Set to zero', start: columns[at + 3]!, end: columns[at + 4]!, newText: '0' };
    assembler.report(
      'table-reserved',
      line,
      'value',
      'A reserved field must be zero: iasl 20200925 compiles it as zero, a current one refuses it.',
      fix,
    );
    value = 0n;
  }
  if (value >> BigInt(8 * size) !== 0n) {
    const message = `0x${value.toString(16)} is too large for ${size === 1 ? 'one byte' : `${size} bytes`}.`;
    assembler.report('table-number-range', line, 'value', message);
  }
  assembler.appendInteger(size, value);
}

function compileCharacters(assembler: Assembler, field: Field, line: number, value: string): void {
  const bytes = characterBytes(value, assembler.lines.parts.file.encoding);
  if (bytes.length > field.size) {
    const message = `The string has ${bytes.length} characters, the field ${field.size}.`;
    assembler.report('table-string-length', line, 'value', message);
  }
  const padded = new Uint8Array(field.size);
  padded.set(bytes.subarray(0, field.size));
  assembler.append(padded);
}

function compileBytes(assembler: Assembler, value: string, line: number, size: number): void {
  const list = byteList(value);
  if (list.kind === 'bytes' && size > 0 && list.bytes.length !== size) {
    const reason = `found ${list.bytes.length} bytes, the field has ${size}`;
    appendOr(assembler, { kind: 'problem', reason }, line, size);
  } else {
    appendOr(assembler, list, line, size);
  }
}

function appendOr(assembler: Assembler, list: ReturnType<typeof byteList>, line: number, size: number): void {
  if (list.kind === 'problem')
    assembler.report('table-bytes', line, 'value', `This is no list of bytes: ${list.reason}.`);
  assembler.append(list.kind === 'bytes' ? list.bytes : new Uint8Array(size));
}

/** The integer of a line; problems are reported. */
function integerOf(assembler: Assembler, line: number): bigint {
  const evaluation = evaluate(valueOfLine(assembler.lines, line), assembler.labels);
  if (evaluation.kind === 'value') return evaluation.value;
  reportEvaluation(assembler, line, evaluation);
  return 0n;
}

function reportEvaluation(
  assembler: Assembler,
  line: number,
  { problem, detail }: Extract<Evaluation, { kind: 'problem' }>,
): void {
  switch (problem) {
    case 'syntax':
      assembler.report(
        'table-number',
        line,
        'value',
        'This is no integer: numbers are hexadecimal, with C’s operators.',
      );
      break;
    case 'too-deep':
      assembler.report('table-number', line, 'value', 'This expression nests deeper than it is followed.');
      break;
    case 'division-by-zero':
      assembler.report('table-division-by-zero', line, 'value', 'This divides by zero.');
      break;
    case 'unknown-label': {
      const message = `No label “${detail}” is defined. Labels stand between the header and the first node alone.`;
      assembler.report('table-label-unknown', line, 'value', message);
    }
  }
}
