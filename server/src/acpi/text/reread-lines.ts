// The lines of an edited text: those before and behind the edit are as they were, and only what lies between is scanned.
import type { SourceFile } from '../../text/source-file';
import { hasDirectives } from './directives';
import { findForeign, LineFlag, lineAtOffset, linesOf, readLines, type Lines, type OddField } from './lines';
import { columnsOfLine } from './ordinary-lines';
import { scanText } from './scan';

export interface Reread {
  readonly lines: Lines;
  /** The first line that was scanned anew, in both. */
  readonly from: number;
  /** The first line behind those, in the old lines and in the new. */
  readonly oldTo: number;
  readonly newTo: number;
  /** By how many characters the lines from there on moved. */
  readonly delta: number;
}

/** Scanning begins anew this many lines before the edit: a line may depend on how the one before it ended. */
const margin = 2;

export function rereadLines(file: SourceFile, before: Lines): Reread {
  if (hasDirectives(before.file) || hasDirectives(file)) return readAnew(file, before);
  const { text } = file;
  const old = before.file.text;
  const prefix = commonPrefix(old, text);
  const suffix = commonSuffix(old, text, Math.min(old.length, text.length) - prefix);
  const delta = text.length - old.length;
  const from = freshLineBefore(before, prefix);
  const start = from < 0 ? 0 : before.columns[from * columnsOfLine]!;
  let oldTo = before.count;
  const scan = scanText(text, {
    from: start,
    askFrom: text.length - suffix,
    goesOn(lineStart) {
      const line = lineStartingAt(before, lineStart - delta);
      if (line >= 0) oldTo = line;
      return line < 0;
    },
  });
  const part = linesOf(file, scan);
  const first = Math.max(from, 0);
  const newTo = first + part.count;
  const isJoined = oldTo < before.count;
  const oldStart = isJoined ? before.columns[oldTo * columnsOfLine]! : Infinity;
  const shifted = <T extends { readonly start: number }>(all: readonly T[], change: (one: T) => T): T[] => [
    ...all.filter((each) => each.start < start),
    ...all.filter((each) => each.start >= oldStart).map(change),
  ];
  const end = isJoined ? before.end + delta : part.end;
  const lines: Lines = {
    file,
    count: newTo + (before.count - oldTo),
    columns: splicedColumns(before, part, first, oldTo, delta),
    flags: splicedFlags(before, part, first, oldTo),
    numbers: splicedNumbers(before, part, first, oldTo),
    odd: splicedOdd(before, part, first, oldTo, newTo),
    meaningless: [
      ...shifted(before.meaningless, (each) => ({ start: each.start + delta, end: each.end + delta })),
      ...part.meaningless,
    ].sort((a, b) => a.start - b.start),
    comments: splicedComments(before.comments, part.comments, start, oldStart, delta),
    problems: [...shifted(before.problems, (each) => ({ ...each, start: each.start + delta })), ...part.problems].sort(
      (a, b) => a.start - b.start,
    ),
    end,
    foreignBehind: isJoined && text.length - end <= suffix ? before.foreignBehind : findForeign(text, end),
  };
  return { lines, from: first, oldTo, newTo, delta };
}

/** The last line, some way before an offset, at whose beginning nothing is open; -1 for the beginning of the text. */
function freshLineBefore(lines: Lines, offset: number): number {
  let line = lineAtOffset(lines, offset) - margin;
  while (line >= 0 && (lines.flags[line]! & LineFlag.odd) !== 0) line--;
  return line;
}

/** The ordinary line that begins at an offset, -1 where none does. */
function lineStartingAt(lines: Lines, offset: number): number {
  const line = lineAtOffset(lines, offset);
  if (line < 0 || lines.columns[line * columnsOfLine] !== offset) return -1;
  return (lines.flags[line]! & LineFlag.odd) === 0 ? line : -1;
}

function splicedColumns(before: Lines, part: Lines, first: number, oldTo: number, delta: number): Int32Array {
  const behind = before.columns.subarray(oldTo * columnsOfLine);
  const columns = new Int32Array(first * columnsOfLine + part.columns.length + behind.length);
  columns.set(before.columns.subarray(0, first * columnsOfLine));
  columns.set(part.columns, first * columnsOfLine);
  const at = first * columnsOfLine + part.columns.length;
  columns.set(behind, at);
  if (delta !== 0) for (let index = at; index < columns.length; index++) columns[index]! += delta;
  return columns;
}

function splicedFlags(before: Lines, part: Lines, first: number, oldTo: number): Uint8Array {
  const flags = new Uint8Array(first + part.count + before.count - oldTo);
  flags.set(before.flags.subarray(0, first));
  flags.set(part.flags, first);
  flags.set(before.flags.subarray(oldTo), first + part.count);
  return flags;
}

function splicedNumbers(before: Lines, part: Lines, first: number, oldTo: number): Float64Array {
  const numbers = new Float64Array(first + part.count + before.count - oldTo);
  numbers.set(before.numbers.subarray(0, first));
  numbers.set(part.numbers, first);
  numbers.set(before.numbers.subarray(oldTo), first + part.count);
  return numbers;
}

function splicedOdd(before: Lines, part: Lines, first: number, oldTo: number, newTo: number): Lines['odd'] {
  const odd = new Map<number, OddField>();
  for (const [line, field] of before.odd) {
    if (line < first) odd.set(line, field);
    else if (line >= oldTo) odd.set(line - oldTo + newTo, field);
  }
  for (const [line, field] of part.odd) odd.set(first + line, field);
  return odd;
}

function splicedComments(
  before: Int32Array,
  part: Int32Array,
  start: number,
  oldStart: number,
  delta: number,
): Int32Array {
  const found: number[] = [];
  const keep = (all: Int32Array, isKept: (offset: number) => boolean, moved: number): void => {
    for (let at = 0; at < all.length; at += 2) {
      if (isKept(all[at]!)) found.push(all[at]! + moved, all[at + 1]! + moved);
    }
  };
  keep(before, (offset) => offset < start, 0);
  keep(part, () => true, 0);
  keep(before, (offset) => offset >= oldStart, delta);
  return Int32Array.from(found);
}

/** Compared in pieces: whole strings of megabytes would be compared anew for every guess. */
const piece = 1 << 14;

/** A directive may change every line behind it. */
function readAnew(file: SourceFile, before: Lines): Reread {
  const lines = readLines(file);
  const delta = file.text.length - before.file.text.length;
  return { lines, from: 0, oldTo: before.count, newTo: lines.count, delta };
}

function commonPrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at + piece <= most && a.slice(at, at + piece) === b.slice(at, at + piece)) at += piece;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

function commonSuffix(a: string, b: string, most: number): number {
  let count = 0;
  while (
    count + piece <= most &&
    a.slice(a.length - count - piece, a.length - count) === b.slice(b.length - count - piece, b.length - count)
  ) {
    count += piece;
  }
  while (count < most && a.charCodeAt(a.length - count - 1) === b.charCodeAt(b.length - count - 1)) count++;
  return count;
}
