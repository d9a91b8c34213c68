// The lines of an edited text: those before and behind the edit are as they were, and only what lies between is scanned.
import { differenceOf, lengthOf, textBetween, type SourceFile } from '../../text/source-file';
import { joinedLines, type CompiledLines, type Piece } from './compiled-lines';
import { hasDirectives } from './directives';
import { behindTable, linesOfPart, linesWith, type Lines, type TextParts } from './lines';
import { scanText } from './scan';
import { leading } from '../../text/in-order';

/** Lines of a text, and what is beside them. */
export interface LinesOfText {
  readonly lines: CompiledLines;
  readonly parts: TextParts;
}

/** What is new in an edited text. */
export interface Reread {
  /** The lines that were scanned. */
  readonly scanned: Lines;
  /** The first of them, and the first old line behind them. */
  readonly from: number;
  readonly oldTo: number;
  /** By how many characters the lines from there on moved. */
  readonly delta: number;
  /** Of the whole text. */
  readonly parts: TextParts;
}

/** Scanning begins anew this many lines before the edit: a line may depend on how the one before it ended. */
const margin = 2;
/** It mostly ends within so many lines. */
const mostBehind = 16;

/** Undefined where a directive may change any line: then the text is to be read anew. */
export function rereadLines(file: SourceFile, before: LinesOfText): Reread | undefined {
  if (before.parts.hasDirectives) return undefined;
  const difference = differenceOf(before.parts.file, file);
  const length = lengthOf(file);
  const last = before.lines.lineAtOffset(difference.end) + mostBehind;
  const end = last < before.lines.count ? before.lines.place(last, 0) + difference.otherEnd - difference.end : length;
  const edit = { ...difference, delta: difference.otherEnd - difference.end };
  return rereadTo(end, file, before, edit) ?? rereadTo(length, file, before, edit);
}

interface Edit {
  readonly start: number;
  readonly otherEnd: number;
  readonly delta: number;
}

/** Undefined where the lines up to an offset do not tell, and where they hold directives. */
function rereadTo(
  end: number,
  file: SourceFile,
  { lines: before, parts }: LinesOfText,
  { start: firstChange, otherEnd, delta }: Edit,
): Reread | undefined {
  const first = freshLineBefore(before, firstChange);
  const from = Math.max(first, 0);
  const start = first < 0 ? 0 : before.place(first, 0);
  const text = textBetween(file, start, end);
  if (hasDirectives(text)) return undefined;
  let oldTo = before.count;
  const scan = scanText(text, {
    askFrom: otherEnd - start,
    goesOn(lineStart) {
      const line = lineStartingAt(before, lineStart + start - delta);
      if (line >= 0) oldTo = line;
      return line < 0;
    },
  });
  const isJoined = oldTo < before.count;
  const length = lengthOf(file);
  if (!isJoined && end < length) return undefined;
  const scanned = linesOfPart(file, text, start, scan);
  const oldStart = isJoined ? before.place(oldTo, 0) : Infinity;
  const readTo = isJoined ? parts.end + delta : scanned.parts.end;
  // What is equal at the end of both texts.
  const isSameBehind = isJoined && readTo >= otherEnd;
  return {
    scanned,
    from,
    oldTo,
    delta,
    parts: {
      file,
      meaningless: spliced(parts.meaningless, scanned.parts.meaningless, start, oldStart, delta),
      problems: spliced(parts.problems, scanned.parts.problems, start, oldStart, delta),
      comments: splicedComments(parts.comments, scanned.parts.comments, start, oldStart, delta),
      aslWords: splicedNumbers(parts.aslWords, scanned.parts.aslWords, start, oldStart, delta),
      end: readTo,
      behind: isSameBehind ? parts.behind : behindTable(file.text, readTo),
      hasDirectives: false,
    },
  };
}

/** All lines of the edited text. */
export function linesAfter({ scanned, from, oldTo, delta, parts }: Reread, before: CompiledLines): Lines {
  const all = [...before.piecesBetween(0, from), pieceOf(scanned), ...movedPieces(before, oldTo, before.count, delta)];
  const count = from + scanned.count + before.count - oldTo;
  return linesWith(joinedLines(all, count), parts, parts.file.text, 0);
}

/** The lines around those that were scanned: from an old line before them to an old one behind them. */
export function linesAround(
  { scanned, from, oldTo, delta, parts }: Reread,
  before: CompiledLines,
  first: number,
  oldEnd: number,
): Lines {
  const all = [...before.piecesBetween(first, from), pieceOf(scanned), ...movedPieces(before, oldTo, oldEnd, delta)];
  const count = from - first + scanned.count + oldEnd - oldTo;
  const textStart = first < from ? before.place(first, 0) : scanned.textStart;
  const textEnd = oldEnd < before.count ? before.place(oldEnd, 0) + delta : lengthOf(parts.file);
  return linesWith(joinedLines(all, count), parts, textBetween(parts.file, textStart, textEnd), textStart);
}

type LinesPiece = Parameters<typeof joinedLines>[0][number];

function pieceOf(lines: Lines): LinesPiece {
  return { columns: lines, from: 0, count: lines.count, text: 0 };
}

function movedPieces(before: CompiledLines, from: number, to: number, delta: number): Piece[] {
  return before.piecesBetween(from, to).map((piece) => ({ ...piece, text: piece.text + delta }));
}

/** The last line, some way before an offset, at whose beginning nothing is open; -1 for the beginning of the text. */
function freshLineBefore(lines: CompiledLines, offset: number): number {
  let line = lines.lineAtOffset(offset) - margin;
  while (line >= 0 && lines.isOdd(line)) line--;
  return line;
}

/** The ordinary line that begins at an offset, -1 where none does. */
function lineStartingAt(lines: CompiledLines, offset: number): number {
  const line = lines.lineAtOffset(offset);
  return line < 0 || lines.place(line, 0) !== offset || lines.isOdd(line) ? -1 : line;
}

interface Placed {
  readonly start: number;
  readonly end?: number;
}

/** What is before some place, what is new, and what is behind another one and has moved, in order. */
function spliced<T extends Placed>(
  before: readonly T[],
  put: readonly T[],
  start: number,
  oldStart: number,
  delta: number,
): readonly T[] {
  if (before.length === 0 && put.length === 0) return before;
  const move = (one: T): T => ({
    ...one,
    start: one.start + delta,
    ...(one.end === undefined ? {} : { end: one.end + delta }),
  });
  const kept = before.filter((each) => each.start < start);
  return [...kept, ...put, ...before.filter((each) => each.start >= oldStart).map(move)];
}

function splicedNumbers(
  before: readonly number[],
  put: readonly number[],
  start: number,
  oldStart: number,
  delta: number,
): readonly number[] {
  const behind = before.filter((each) => each >= oldStart).map((each) => each + delta);
  return [...before.filter((each) => each < start), ...put, ...behind];
}

/** Of pairs of offsets. */
function splicedComments(
  before: Int32Array,
  put: Int32Array,
  start: number,
  oldStart: number,
  delta: number,
): Int32Array {
  const kept = firstPairFrom(before, start);
  const behind = firstPairFrom(before, oldStart);
  if (delta === 0 && put.length === 0 && kept === behind) return before;
  const after = new Int32Array(kept + put.length + before.length - behind);
  after.set(before.subarray(0, kept));
  after.set(put, kept);
  const moved = kept + put.length;
  after.set(before.subarray(behind), moved);
  if (delta !== 0) for (let at = moved; at < after.length; at++) after[at]! += delta;
  return after;
}

/** Where the first pair is that does not begin before an offset. */
function firstPairFrom(pairs: Int32Array, offset: number): number {
  return 2 * leading(pairs.length / 2, (index) => pairs[2 * index]! < offset);
}
