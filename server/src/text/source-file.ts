// A source file as text, and places in it. Offsets are UTF-16 code units from 0; lines and characters count from 0, as in LSP.
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

/** Words that files were looked through for in vain. */
const missingWords = new WeakMap<SourceFile, Set<string>>();

/** Whether a word stands in a file. In an edit of a file without it, only what was edited is looked through. */
export function hasWord(file: SourceFile, word: string): boolean {
  const missing = missingWords.get(file);
  if (missing?.has(word) === true) return false;
  if (file.text.includes(word)) return true;
  if (missing === undefined) missingWords.set(file, new Set([word]));
  else missing.add(word);
  return false;
}

/** Of files that are edits of another whose lines were known. */
const startsOfEdited = new WeakMap<SourceFile, Uint32Array>();

/** The file with something else from `start` to before `end`. Its lines are known where those of the file are. */
export function editedFile(file: SourceFile, start: number, end: number, newText: string): SourceFile {
  const { text } = file;
  const edited = sourceFile(file.path, text.slice(0, start) + newText + text.slice(end), file.encoding);
  // A CR and an LF may come together, or be parted.
  const isPlain = !`${text.slice(Math.max(start - 1, 0), end + 1)}${newText}`.includes('\r');
  if (isPlain) startsOfEdited.set(edited, startsAfter(lineStarts(file), start, end, newText));
  const missing = stillMissing(file, start, end, newText);
  if (missing !== undefined) missingWords.set(edited, missing);
  return edited;
}

function stillMissing(file: SourceFile, start: number, end: number, newText: string): Set<string> | undefined {
  const missing = missingWords.get(file);
  if (missing === undefined) return undefined;
  const { text } = file;
  const isMissing = (word: string): boolean => {
    const reach = word.length - 1;
    return !`${text.slice(Math.max(start - reach, 0), start)}${newText}${text.slice(end, end + reach)}`.includes(word);
  };
  return new Set([...missing].filter(isMissing));
}

function startsAfter(starts: Uint32Array, start: number, end: number, newText: string): Uint32Array {
  const kept = lineAt(starts, start) + 1;
  const behind = lineAt(starts, end) + 1;
  const put: number[] = [];
  for (let at = newText.indexOf('\n'); at >= 0; at = newText.indexOf('\n', at + 1)) put.push(start + at + 1);
  const after = new Uint32Array(kept + put.length + starts.length - behind);
  after.set(starts.subarray(0, kept));
  after.set(put, kept);
  after.set(starts.subarray(behind), kept + put.length);
  const delta = newText.length - (end - start);
  if (delta !== 0) for (let line = kept + put.length; line < after.length; line++) after[line]! += delta;
  return after;
}

/** Offsets at which lines begin. CR LF, LF and a lone CR end a line, as in LSP. */
export const lineStarts = oncePer((file: SourceFile): Uint32Array => startsOfEdited.get(file) ?? startsOf(file.text));

function startsOf(text: string): Uint32Array {
  const found = [0];
  const hasLoneReturns = text.includes('\r') && /\r(?!\n)/.test(text);
  if (hasLoneReturns) {
    for (const end of text.matchAll(/\r\n|\r|\n/g)) found.push(end.index + end[0].length);
  } else {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) found.push(at + 1);
  }
  return new Uint32Array(found);
}

export function positionAt(file: SourceFile, offset: number): Position {
  const starts = lineStarts(file);
  const line = lineAt(starts, offset);
  return { line, character: offset - starts[line]! };
}

/** The last line that begins at or before an offset. */
function lineAt(starts: Uint32Array, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The offset of a position; one past the end of a line or file is cut to the end. */
export function offsetAt(file: SourceFile, { line, character }: Position): number {
  const starts = lineStarts(file);
  if (line >= starts.length) return file.text.length;
  const next = line + 1 < starts.length ? starts[line + 1]! : file.text.length;
  return Math.min(starts[line]! + character, next);
}
