// The fields of a structure from their lines, with the flag lines under them and lines of ours between.
import type { Computed, Field, FlagField, StructureLayout } from '../layout/field';
import { sizeOf, writtenFields } from '../layout/field';
import type { Assembler, Reached, Slot } from './assembler';
import { compile } from './compile-value';
import { hasName, isAsWritten, valueOfLine } from './lines';
import { bodyEnds, bodyEndsLabel, ownBytes, ownBytesLabel } from './own-lines';
import { lineFor, missing } from './recover-lines';

/** Reads the fields of a layout, of the style that the text turns out to be of; `writtenOf` gives its lines. */
export function readLayout(
  assembler: Assembler,
  layout: StructureLayout,
  slots?: Map<Computed, Slot>,
  writtenOf = writtenFields,
): Reached {
  const old = writtenOf(layout, '20200925');
  const current = writtenOf(layout, 'current');
  let written = 0;
  for (let index = 0; ; index++) {
    const field = fieldOfStyle(assembler, old[index], current[index]);
    if (field === undefined) break;
    const reached = readField(
      assembler,
      field,
      (assembler.style === '20200925' ? old : current).slice(index + 1),
      slots,
    );
    if (reached !== 'all') return reached;
    written += sizeOf(field);
  }
  readUnknownToIasl(assembler, layout, written, slots);
  return 'all';
}

function fieldOfStyle(assembler: Assembler, old: Field | undefined, current: Field | undefined): Field | undefined {
  if (old === current) return old;
  if (assembler.nextIsOwn(bodyEndsLabel)) return current ?? old;
  if (assembler.style === undefined && (old?.label !== current?.label || old?.size !== current?.size)) {
    assembler.decideStyle(current !== undefined && assembler.nextHasName(current.label));
  }
  return assembler.style === '20200925' ? old : (current ?? old);
}

/** Fields behind those that iasl writes, in lines of ours. */
function readUnknownToIasl(
  assembler: Assembler,
  layout: StructureLayout,
  written: number,
  slots?: Map<Computed, Slot>,
): void {
  let offset = 0;
  for (const field of layout.fields) {
    if (offset >= written && sizeOf(field) > 0) {
      if (!assembler.nextIsOwn(field.label)) return;
      readField(assembler, field, [], slots);
    }
    offset += sizeOf(field);
  }
}

/** Reads one field with its flag lines. `later` are the fields behind it, which a missing line is told by. */
export function readField(
  assembler: Assembler,
  field: Field,
  later: readonly Field[] = [],
  slots?: Map<Computed, Slot>,
): Reached {
  readOwnBytes(assembler);
  if (takeEndOfBody(assembler)) return 'end of body';
  if (field.kind === 'heading') {
    const line = assembler.voidBefore();
    if (line >= 0 && hasName(assembler.lines, line, field.label)) assembler.record(line, field, undefined, field.size);
    return 'all';
  }
  const line = lineFor(assembler, field.label, later);
  if (line === undefined) {
    missing(assembler, field.label);
    assembler.append(new Uint8Array(field.size));
    return 'end of text';
  }
  const offset = assembler.size;
  if (line === 'missing') {
    assembler.append(new Uint8Array(field.size));
  } else {
    compile(assembler, field, line);
    assembler.record(line, field, undefined, assembler.size - offset, offset);
  }
  if (field.computed !== undefined) {
    const isKept = line !== 'missing' && isAsWritten(assembler.lines, line);
    slots?.set(field.computed, { offset, size: field.size, isKept });
  }
  readFlagLines(assembler, field, line === 'missing' ? -1 : line, offset, later);
  return 'all';
}

/** A line of ours that says that a structure ends. */
export function takeEndOfBody(assembler: Assembler): boolean {
  const isHere = assembler.nextIsOwn(bodyEndsLabel);
  if (isHere) assembler.record(assembler.take(), bodyEnds, undefined, 0);
  return isHere;
}

/** Lines of ours that hold bytes of no field. */
export function readOwnBytes(assembler: Assembler): void {
  while (assembler.nextIsOwn(ownBytesLabel)) {
    const line = assembler.take();
    const offset = assembler.size;
    compile(assembler, ownBytes, line);
    assembler.record(line, ownBytes, undefined, assembler.size - offset, offset);
  }
}

function readFlagLines(
  assembler: Assembler,
  field: Field,
  fieldLine: number,
  offset: number,
  later: readonly Field[],
): void {
  if (field.flags === undefined) return;
  let compiled = 0n;
  let lines = 0;
  for (const flag of field.flags) {
    if (flag.lines?.length === 0) continue;
    // In the MADT the table's revision decides about flag lines, in the IORT iasl writes all of them.
    if (assembler.compilesFlags && (flag.sinceTable ?? 0) > assembler.revision) continue;
    if (flag.lines !== undefined && !isWritten(assembler, flag)) continue;
    lines++;
    const line = lineFor(assembler, flag.label, later);
    if (line === undefined || line === 'missing') {
      if (line === undefined) missing(assembler, flag.label);
      continue;
    }
    assembler.record(line, field, flag, field.size, offset);
    if (assembler.compilesFlags) compiled |= flagBits(assembler, flag, line);
  }
  if (!assembler.compilesFlags || lines === 0 || (fieldLine >= 0 && isAsWritten(assembler.lines, fieldLine))) return;
  assembler.write(offset, field.size, compiled);
}

/** Whether the text has a line for bits that one style of iasl writes alone. */
function isWritten(assembler: Assembler, flag: FlagField): boolean {
  const isHere = assembler.nextHasName(flag.label);
  if (assembler.style === undefined) assembler.decideStyle(isHere === flag.lines!.includes('current'));
  return flag.lines!.includes(assembler.style!);
}

function flagBits(assembler: Assembler, flag: FlagField, line: number): bigint {
  const value = BigInt(`0x0${/^(?:0[xX])?([0-9a-fA-F]*)/.exec(valueOfLine(assembler.lines, line))![1]!.slice(-16)}`);
  const width = flag.lineWidth ?? flag.width;
  if (value < 1n << BigInt(width)) return value << BigInt(flag.bit);
  assembler.report('table-flag-range', line, 'value', `The flag has ${width === 1 ? 'one bit' : `${width} bits`}.`);
  return 0n;
}

/** A label: it has a place, but no bytes. */
export function takeLabel(assembler: Assembler, field: Field): void {
  assembler.record(assembler.take(), field, undefined, 0);
}
