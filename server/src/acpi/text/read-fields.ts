// The fields of a structure from their lines, with the flag lines under them and lines of ours between.
import type { Computed, Field, FlagField, StructureLayout } from '../layout/field';
import { sizeOf, writtenFields } from '../layout/field';
import type { Assembler, Reached, Slot } from './assembler';
import { compile, compileNumber } from './compile-value';
import { reportFlagLines, type LineOfFlag } from './compiled-flags';
import { plansOf, planOf, type FieldPlan, type FlagPlan } from './field-plans';
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
  const old = plansOf(writtenOf(layout, '20200925'));
  const current = plansOf(writtenOf(layout, 'current'));
  let written = 0;
  for (let index = 0; ; index++) {
    const plan = planOfStyle(assembler, old[index], current[index]);
    if (plan === undefined) break;
    // What is missing is told by what follows, in the text's own style.
    const ofStyle = (assembler.style === '20200925' ? old : current)[index];
    const reached = readPlanned(assembler, plan, ofStyle?.later ?? [], slots);
    if (reached !== 'all') return reached;
    written += plan.written;
  }
  readUnknownToIasl(assembler, layout, written, slots);
  return 'all';
}

function planOfStyle(
  assembler: Assembler,
  old: FieldPlan | undefined,
  current: FieldPlan | undefined,
): FieldPlan | undefined {
  if (old?.field === current?.field) return old;
  if (assembler.nextIsOwn(bodyEndsLabel)) return current ?? old;
  if (
    assembler.style === undefined &&
    (old?.field.label !== current?.field.label || old?.field.size !== current?.field.size)
  ) {
    assembler.decideStyle(current !== undefined && assembler.nextHasName(current.field.label));
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
  if (written >= layout.size) return;
  let offset = 0;
  for (const field of layout.fields) {
    if (offset >= written && sizeOf(field) > 0) {
      if (!assembler.nextIsOwn(field.label)) return;
      readField(assembler, field, slots);
    }
    offset += sizeOf(field);
  }
}

/** Reads one field with its flag lines. */
export function readField(assembler: Assembler, field: Field, slots?: Map<Computed, Slot>): Reached {
  return readPlanned(assembler, planOf(field), [], slots);
}

/** `later` are the fields behind it, which a missing line is told by. */
function readPlanned(
  assembler: Assembler,
  plan: FieldPlan,
  later: readonly Field[],
  slots: Map<Computed, Slot> | undefined,
): Reached {
  const { field } = plan;
  const line = field.kind === 'heading' ? -1 : assembler.takeOrdinary(field.label);
  if (line < 0) return readOdd(assembler, plan, later, slots);
  const offset = assembler.size;
  if (!compileNumber(assembler, plan, line)) compile(assembler, field, line);
  assembler.recordMeaning(line, plan.meaning, assembler.size - offset, offset);
  if (field.computed !== undefined) slots?.set(field.computed, { line, offset, size: field.size, isKept: false });
  if (plan.flags !== undefined) readFlagLines(assembler, plan.flags, field, line, offset, later);
  return 'all';
}

/** Reads a field whose line is not simply the next one. */
function readOdd(
  assembler: Assembler,
  plan: FieldPlan,
  later: readonly Field[],
  slots: Map<Computed, Slot> | undefined,
): Reached {
  const { field } = plan;
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
    assembler.recordMeaning(line, plan.meaning, assembler.size - offset, offset);
  }
  const fieldLine = line === 'missing' ? -1 : line;
  if (field.computed !== undefined) {
    const isKept = fieldLine >= 0 && isAsWritten(assembler.lines, fieldLine);
    slots?.set(field.computed, { line: fieldLine, offset, size: field.size, isKept });
  }
  if (plan.flags !== undefined) readFlagLines(assembler, plan.flags, field, fieldLine, offset, later);
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
  flags: readonly FlagPlan[],
  field: Field,
  fieldLine: number,
  offset: number,
  later: readonly Field[],
): void {
  let compiled = 0n;
  let lines = 0;
  const taken: LineOfFlag[] = [];
  for (const { flag, meaning } of flags) {
    // In the MADT the table's revision decides about flag lines, in the IORT iasl writes all of them.
    if (assembler.compilesFlags && (flag.sinceTable ?? 0) > assembler.revision) continue;
    if (flag.lines !== undefined && !isWritten(assembler, flag)) continue;
    lines++;
    const line = lineOfFlag(assembler, flag, later);
    if (line < 0) continue;
    assembler.recordMeaning(line, meaning, field.size, offset);
    if (!assembler.compilesFlags) continue;
    compiled |= flagBits(assembler, flag, line);
    taken.push({ flag, line });
  }
  if (!assembler.compilesFlags || lines === 0 || (fieldLine >= 0 && isAsWritten(assembler.lines, fieldLine))) return;
  assembler.write(offset, field.size, compiled);
  if (fieldLine >= 0) reportFlagLines(assembler, field, fieldLine, taken, compiled);
}

/** -1 for a line that is missing. */
function lineOfFlag(assembler: Assembler, { label }: FlagField, later: readonly Field[]): number {
  const ordinary = assembler.takeOrdinary(label);
  if (ordinary >= 0) return ordinary;
  const line = lineFor(assembler, label, later);
  if (line === undefined) missing(assembler, label);
  return line === undefined || line === 'missing' ? -1 : line;
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
