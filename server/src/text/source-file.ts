// A source file as text, and places in it. Offsets are UTF-16 code units from 0; lines and characters count from 0, as in LSP.
import { EditedText, type Difference } from './edited-text';
import { firstFrom, lastAtOrBefore } from './in-order';
import { oncePer } from './once';

/** A file's content at one moment; never changed, an edit makes a new one. */
export interface SourceFile {
  /** Absolute path, or the URI of a document that is no file. */
  readonly path: string;
  readonly text: string;
  /** How text turns back into the bytes that dtc sees: a file that is not valid UTF-8 is read as Latin-1. */
  readonly encoding: 'utf8' | 'latin1';
}

/** A line and a character in it, both from 0. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

/** Part of a file: `start` inclusive, `end` exclusive. Not to be confused with `AddressRange`, which is memory. */
export interface SourceRange {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

export function sourceFile(path: string, text: string, encoding: 'utf8' | 'latin1' = 'utf8'): SourceFile {
  return { path, text, encoding };
}

/** A file that was edited. Its text is made whole when it is first asked for. */
class EditedFile implements SourceFile {
  #edited: EditedText<SourceFile> | undefined;
  #text: string | undefined;

  constructor(
    readonly path: string,
    edited: EditedText<SourceFile>,
    readonly encoding: SourceFile['encoding'],
  ) {
    this.#edited = edited;
  }

  get text(): string {
    this.#text ??= this.#edited!.join();
    return this.#text;
  }

  /** Undefined where it is no longer known what it was made of. */
  get edited(): EditedText<SourceFile> | undefined {
    return this.#edited;
  }

  /** Others are made of this one from now on: the text that it was made of is not kept for its sake. */
  settle(): void {
    this.#text = this.text;
    this.#edited = undefined;
  }
}

/** The edits that a file is made of; undefined for a file that was read as it is. */
function editsOf(file: SourceFile): EditedText<SourceFile> | undefined {
  return file instanceof EditedFile ? file.edited : undefined;
}

/** The number of characters of a file; does not make its text whole. */
export function lengthOf(file: SourceFile): number {
  return (editsOf(file) ?? file.text).length;
}

/** A part of a file, as `file.text.slice` gives it for offsets from 0; does not make its text whole. */
export function textBetween(file: SourceFile, start: number, end: number): string {
  return (editsOf(file) ?? file.text).slice(Math.max(start, 0), end);
}

/** Whether some text stands at an offset; does not make the file's text whole. */
export function isTextAt(file: SourceFile, text: string, at: number): boolean {
  const edited = editsOf(file);
  if (edited === undefined) return file.text.startsWith(text, at);
  return edited.slice(at, at + text.length) === text;
}

/** Where two texts differ: what stands before and behind is equal. Neither is made whole where both come from one. */
export function differenceOf(one: SourceFile, other: SourceFile): Difference {
  const known = knownDifference(one, other);
  const { start, end, otherEnd } = known ?? { start: 0, end: lengthOf(one), otherEnd: lengthOf(other) };
  const [a, b] =
    known === undefined ? [one.text, other.text] : [textBetween(one, start, end), textBetween(other, start, otherEnd)];
  const prefix = commonPrefix(a, b);
  const suffix = commonSuffix(a, b, Math.min(a.length, b.length) - prefix);
  return { start: start + prefix, end: end - suffix, otherEnd: otherEnd - suffix };
}

/** Where one text may differ from another that comes from the same one, or from which it comes itself. */
function knownDifference(one: SourceFile, other: SourceFile): Difference | undefined {
  const [ofOne, ofOther] = [editsOf(one), editsOf(other)];
  return (
    (ofOne && ofOther && ofOne.apartFrom(ofOther)) ??
    (ofOther?.whole === one ? EditedText.of(one).apartFrom(ofOther) : undefined) ??
    (ofOne?.whole === other ? ofOne.apartFrom(EditedText.of(other)) : undefined)
  );
}

/** Whether two files have the same text. Neither is made whole where both come from one. */
export function isSameText(one: SourceFile, other: SourceFile): boolean {
  if (one === other) return true;
  if (lengthOf(one) !== lengthOf(other)) return false;
  if (editsOf(one) === undefined && editsOf(other) === undefined) return one.text === other.text;
  const { start, end } = differenceOf(one, other);
  return start === end;
}

/** Compared in pieces: whole strings of megabytes would be compared anew for every guess. */
const piece = 1 << 14;

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

/** Where words stand that were looked for, by file and word. */
const knownPlaces = new WeakMap<SourceFile, Map<string, readonly number[]>>();

/**
 * Where a word stands in a file, in order. It is looked for once; in an edit of a file only what was edited is looked
 * through. For words that are rare.
 */
export function placesOf(file: SourceFile, word: string): readonly number[] {
  let words = knownPlaces.get(file);
  if (words === undefined) knownPlaces.set(file, (words = new Map<string, readonly number[]>()));
  let found = words.get(word);
  if (found === undefined) {
    const edits = editsOf(file);
    found = edits === undefined ? placesIn(file.text, word) : placesAfter(placesOf(edits.whole, word), edits, word);
    words.set(word, found);
  }
  return found;
}

/** Whether a word that is rare stands in a file. */
export function hasWord(file: SourceFile, word: string): boolean {
  return placesOf(file, word).length > 0;
}

function placesIn(text: string, word: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) found.push(at);
  return found;
}

/** Of files that are edits of another whose lines were known. */
const startsOfEdited = new WeakMap<SourceFile, Uint32Array>();

/** The file with something else from `start` to before `end`. Its lines are known where those of the file are. */
export function editedFile(file: SourceFile, start: number, end: number, newText: string): SourceFile {
  const edits = editsOf(file)?.edited(start, end, newText) ?? editsOfWhole(file, start, end, newText);
  const edited =
    edits === undefined ? whole(file, start, end, newText) : new EditedFile(file.path, edits, file.encoding);
  // A CR and an LF may come together, or be parted.
  const isPlain = !`${textBetween(file, start - 1, end + 1)}${newText}`.includes('\r');
  if (isPlain) startsOfEdited.set(edited, startsAfter(lineStarts(file), start, end, newText));
  return edited;
}

function editsOfWhole(
  file: SourceFile,
  start: number,
  end: number,
  newText: string,
): EditedText<SourceFile> | undefined {
  if (file instanceof EditedFile) file.settle();
  return EditedText.of(file).edited(start, end, newText);
}

function whole({ path, text, encoding }: SourceFile, start: number, end: number, newText: string): SourceFile {
  return sourceFile(path, text.slice(0, start) + newText + text.slice(end), encoding);
}

function placesAfter(places: readonly number[], edits: EditedText<SourceFile>, word: string): readonly number[] {
  const { start, end, put } = edits;
  const reach = word.length - 1;
  const from = Math.max(start - reach, 0);
  const found = placesIn(edits.slice(from, start + put.length + reach), word);
  const delta = put.length - (end - start);
  const [first, behind] = [firstFrom(places, from), firstFrom(places, end)];
  const isAsBefore = found.length === 0 && first === behind;
  if (isAsBefore && (delta === 0 || behind === places.length)) return places;
  const moved = places.slice(behind).map((place) => place + delta);
  return [...places.slice(0, first), ...found.map((place) => from + place), ...moved];
}

function startsAfter(starts: Uint32Array, start: number, end: number, newText: string): Uint32Array {
  const kept = lineAt(starts, start) + 1;
  const behind = lineAt(starts, end) + 1;
  const put: number[] = [];
  for (let at = newText.indexOf('\n'); at >= 0; at = newText.indexOf('\n', at + 1)) put.push(start + at + 1);
  const delta = newText.length - (end - start);
  if (delta === 0 && put.length === 0 && kept === behind) return starts;
  const after = new Uint32Array(kept + put.length + starts.length - behind);
  after.set(starts.subarray(0, kept));
  after.set(put, kept);
  after.set(starts.subarray(behind), kept + put.length);
  if (delta !== 0) for (let line = kept + put.length; line < after.length; line++) after[line]! += delta;
  return after;
}

/** Whether a backslash at the end of the line before makes one of the two. */
export function isContinuation(file: SourceFile, lineStart: number): boolean {
  return /\\\r?\n?$/.test(textBetween(file, Math.max(lineStart - 3, 0), lineStart));
}

/** What ends the line at an offset; of the last one, what ends the line before. */
export function lineEndAt(text: string, offset: number): '\r\n' | '\n' {
  const next = text.indexOf('\n', offset);
  const end = next < 0 ? text.lastIndexOf('\n') : next;
  return text[end - 1] === '\r' ? '\r\n' : '\n';
}

/** Offsets at which lines begin. CR LF, LF and a lone CR end a line, as in LSP. */
export const lineStarts = oncePer((file: SourceFile): Uint32Array => startsOfEdited.get(file) ?? startsOf(file.text));

function startsOf(text: string): Uint32Array {
  const hasLoneReturns = text.includes('\r') && /\r(?!\n)/.test(text);
  if (hasLoneReturns) {
    return Uint32Array.from([0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), (end) => end.index + end[0].length)]);
  }
  // Room for lines of a usual length.
  let found = new Uint32Array(16 + (text.length >> 5));
  let count = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    if (count === found.length) found = enlarged(found);
    found[count++] = at + 1;
  }
  return found.slice(0, count);
}

function enlarged(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * numbers.length);
  larger.set(numbers);
  return larger;
}

export function positionAt(file: SourceFile, offset: number): Position {
  const starts = lineStarts(file);
  const line = lineAt(starts, offset);
  return { line, character: offset - starts[line]! };
}

/** The last line that begins at or before an offset. */
function lineAt(starts: Uint32Array, offset: number): number {
  return Math.max(
    0,
    lastAtOrBefore(starts.length, (line) => starts[line]!, offset),
  );
}

/** The offset of a position; one past the end of a line or file is cut to the end. */
export function offsetAt(file: SourceFile, { line, character }: Position): number {
  const starts = lineStarts(file);
  if (line >= starts.length) return lengthOf(file);
  const next = line + 1 < starts.length ? starts[line + 1]! : lengthOf(file);
  return Math.min(starts[line]! + character, next);
}
