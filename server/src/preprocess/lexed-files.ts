// The tokens of files, computed once a content. An edit lexes the lines around it; all other tokens are those from before.
import type { SourceFile } from '../text/source-file';
import { type LexedFile, lexText, lineStart, newBuffers, spaceBefore } from './lexer';
import { firstFrom, lastAtOrBefore, leading } from '../text/in-order';

const lexedFiles = new WeakMap<SourceFile, LexedFile>();
/** What was lexed last under each path, while something else holds it. */
const latest = new Map<string, WeakRef<LexedFile>>();
/** Below this, finding what is the same costs as much as lexing. */
const worthwhile = 4096;

/** The tokens of a file. */
export function lex(file: SourceFile): LexedFile {
  let lexed = lexedFiles.get(file);
  if (lexed === undefined) {
    const isLarge = file.text.length >= worthwhile;
    const before = isLarge ? latest.get(file.path)?.deref() : undefined;
    lexed = (before && relex(before, file)) ?? lexText(file, newBuffers(Math.max(64, file.text.length >> 2)));
    lexedFiles.set(file, lexed);
    if (isLarge) latest.set(file.path, new WeakRef(lexed));
  }
  return lexed;
}

/** How far behind its end a token may depend on the text: `/delete-property/` is the longest word. */
const lookAhead = 24;

/**
 * The tokens of an edited text from those before the edit: the lines up to the edit keep theirs, lexing starts at the
 * line before it and goes on until it meets a line behind it that begins as it did.
 * @returns undefined where quotes reach over lines, so that any text may depend on any other
 */
export function relex(before: LexedFile, file: SourceFile): LexedFile | undefined {
  if (!before.isTame) return undefined;
  const { text } = file;
  const oldText = before.file.text;
  const [same, tail] = commonEnds(oldText, text);
  const delta = text.length - oldText.length;
  const first = restartToken(before, same);
  if (first <= 0) return undefined;
  let known = leading(before.count, (token) => before.start[token]! < oldText.length - tail);
  const buffers = newBuffers(before.count + 256);
  for (const column of ['kind', 'flags', 'start', 'end', 'name', 'run', 'runName'] as const) {
    buffers[column].set(before[column].subarray(0, first));
  }
  const startsLine = lineStart | spaceBefore;
  const start = before.start[first]!;
  let isMet = false as boolean;
  const edited = lexText(file, buffers, {
    count: first,
    at: start,
    pending: before.flags[first]! & startsLine,
    comments: before.comments.slice(0, firstCommentFrom(before, start)),
    askFrom: text.length - tail,
    isKnown: (at, pending) => {
      while (known < before.count && before.start[known]! + delta < at) known++;
      isMet =
        known < before.count &&
        before.start[known]! + delta === at &&
        (before.flags[known]! & startsLine) === (pending & startsLine);
      return isMet;
    },
  });
  if (!edited.isTame) return undefined;
  return isMet ? joined(edited, before, known, delta) : edited;
}

/** Lengths of what two texts have in common at their beginning and, beyond that, at their end. */
function commonEnds(one: string, other: string): [same: number, tail: number] {
  const most = Math.min(one.length, other.length);
  let same = 0;
  while (same < most && one.charCodeAt(same) === other.charCodeAt(same)) same++;
  let tail = 0;
  while (tail < most - same && one.charCodeAt(one.length - 1 - tail) === other.charCodeAt(other.length - 1 - tail))
    tail++;
  return [same, tail];
}

/** The last token that begins a line and that, with all before it, does not depend on the text from `edit` on. */
function restartToken({ start, flags, count, comments }: LexedFile, edit: number): number {
  let limit = edit - lookAhead;
  // A comment that the edit touches begins before it, perhaps by many lines.
  const next = firstFrom(comments, edit) & ~1;
  for (let at = Math.max(0, next - 2); at < comments.length && comments[at]! <= edit; at += 2) {
    if (comments[at + 1]! >= edit) limit = Math.min(limit, comments[at]! - 1);
  }
  let token = lastAtOrBefore(count, (index) => start[index]!, limit);
  while (token > 0 && (flags[token]! & lineStart) === 0) token--;
  return token;
}

/** The tokens of `edited`, then those of `before` from `from` on, moved by `delta`. */
function joined(edited: LexedFile, before: LexedFile, from: number, delta: number): LexedFile {
  const rest = before.count - from;
  const count = edited.count + rest;
  const buffers = newBuffers(count);
  for (const column of ['kind', 'flags', 'start', 'end', 'name', 'run', 'runName'] as const) {
    buffers[column].set(edited[column].subarray(0, edited.count));
    buffers[column].set(before[column].subarray(from, before.count), edited.count);
  }
  if (delta !== 0) {
    for (let at = edited.count; at < count; at++) {
      buffers.start[at]! += delta;
      buffers.end[at]! += delta;
    }
  }
  const comments = [...edited.comments];
  for (let at = firstCommentFrom(before, before.start[from]!); at < before.comments.length; at++) {
    comments.push(before.comments[at]! + delta);
  }
  const unterminatedComment = before.unterminatedComment < 0 ? -1 : before.unterminatedComment + delta;
  return { ...edited, ...buffers, count, comments, unterminatedComment };
}

/** Index of the first comment that begins at an offset or behind it; a comment may end just there. */
function firstCommentFrom({ comments }: LexedFile, offset: number): number {
  return (firstFrom(comments, offset) + 1) & ~1;
}
