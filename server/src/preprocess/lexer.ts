// A file's text as preprocessing tokens, in columns. One pass a content; nothing here depends on macros or includes.
//
// What a token is follows gcc in assembler mode (libcpp/lex.cc), with two liberties that no output can show: operators
// are single characters (two of them that touch are joined where that matters), and dtc's `/keyword/` is one token.
import type { SourceFile } from '../text/source-file';
import { internSlice } from './names';

export const enum PpKind {
  identifier = 1,
  /** A preprocessing number that dtc reads as one integer literal. */
  integer,
  /** Any other preprocessing number: `78b6000`, `0xE+1`. */
  oddNumber,
  string,
  unterminatedString,
  character,
  /** One of `, . + * # ? @ -`: punctuation that names may hold. */
  namePunctuation,
  /** Any other single character. */
  punctuation,
  /** `/bits/` and the like; the token's `name` is the index in `keywords`. */
  keyword,
}

/** Flag bits of a token. */
export const spaceBefore = 1;
export const lineStart = 2;
/** The token holds a backslash-newline, which is not part of its text. */
export const spliced = 4;

/** dtc's words between slashes, with the shape character of each. `/include/` never reaches the grammar. */
export const keywords = [
  ['/include/', '!'],
  ['/dts-v1/', 'v'],
  ['/plugin/', 'p'],
  ['/memreserve/', 'm'],
  ['/bits/', 'b'],
  ['/delete-property/', 'D'],
  ['/delete-node/', 'd'],
  ['/omit-if-no-ref/', 'o'],
  ['/incbin/', 'I'],
] as const;
export const includeKeyword = 0;

/** A file's tokens. Columns may be longer than `count`. */
export interface PpColumns {
  readonly count: number;
  readonly kind: Uint8Array;
  readonly flags: Uint8Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Identifiers: the interned name. */
  readonly name: Int32Array;
  /** Tokens of names that touch form a run (`#address-cells`, `cpu@0,1`): its length at its first token, 0 inside. */
  readonly run: Uint16Array;
  /** The interned text of a run of several tokens, at its first token. */
  readonly runName: Int32Array;
}

export interface LexedFile extends PpColumns {
  readonly file: SourceFile;
  /** Start and end of each comment, one after the other. */
  readonly comments: readonly number[];
  /** Where a comment begins that never ends, or -1. */
  readonly unterminatedComment: number;
}

const lexedFiles = new WeakMap<SourceFile, LexedFile>();

/** The tokens of a file, computed once a content. */
export function lex(file: SourceFile): LexedFile {
  let lexed = lexedFiles.get(file);
  if (lexed === undefined) {
    lexed = lexText(file, newBuffers(Math.max(64, file.text.length >> 2)));
    lexedFiles.set(file, lexed);
  }
  return lexed;
}

/** The tokens of a short text that expansion made. The columns are good until the next call. */
export function lexScratch(text: string): LexedFile {
  return lexText({ path: '', text, encoding: 'utf8' }, scratchBuffers);
}

/** Columns with room to grow. */
interface Buffers {
  kind: Uint8Array;
  flags: Uint8Array;
  start: Int32Array;
  end: Int32Array;
  name: Int32Array;
  run: Uint16Array;
  runName: Int32Array;
}

function newBuffers(capacity: number): Buffers {
  return {
    kind: new Uint8Array(capacity),
    flags: new Uint8Array(capacity),
    start: new Int32Array(capacity),
    end: new Int32Array(capacity),
    name: new Int32Array(capacity),
    run: new Uint16Array(capacity),
    runName: new Int32Array(capacity),
  };
}

const scratchBuffers = newBuffers(256);

const enum Class {
  other = 0,
  space,
  newline,
  letter,
  digit,
  namePunctuation,
  quote,
  slash,
  backslash,
}

const classOf = new Uint8Array(128);
for (const char of ' \t\v\f\0') classOf[char.charCodeAt(0)] = Class.space;
for (const char of '\n\r') classOf[char.charCodeAt(0)] = Class.newline;
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_') classOf[char.charCodeAt(0)] = Class.letter;
for (const char of '0123456789') classOf[char.charCodeAt(0)] = Class.digit;
for (const char of ',.+*#?@-') classOf[char.charCodeAt(0)] = Class.namePunctuation;
for (const char of '"\'') classOf[char.charCodeAt(0)] = Class.quote;
classOf['/'.charCodeAt(0)] = Class.slash;
classOf['\\'.charCodeAt(0)] = Class.backslash;

const lineFeed = 10;
const carriageReturn = 13;
const doubleQuote = 34;
const star = 42;
const slash = 47;
const backslash = 92;

function lexText(file: SourceFile, buffers: Buffers): LexedFile {
  const { text } = file;
  const length = text.length;
  let { kind, flags, start: starts, end: ends, name: names, run, runName } = buffers;
  let capacity = kind.length;
  const comments: number[] = [];
  let unterminatedComment = -1;
  let count = 0;
  /** Flags of the token to come. */
  let pending = lineStart;
  /** First token of the run that the last token belongs to, -1 when it belongs to none. */
  let runStart = -1;
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;

  while (at < length) {
    const code = text.charCodeAt(at);
    const charClass = code < 128 ? classOf[code]! : Class.other;
    if (charClass === Class.space) {
      at++;
      pending |= spaceBefore;
      continue;
    }
    if (charClass === Class.newline) {
      at++;
      pending = lineStart | spaceBefore;
      continue;
    }
    if (charClass === Class.backslash) {
      const next = afterSplice(text, at);
      if (next > at) {
        // Between tokens a continued line is nothing at all; inside one see `lexSpliced`.
        at = next;
        continue;
      }
    }
    if (charClass === Class.slash) {
      const second = text.charCodeAt(at + 1);
      if (second === star || second === slash) {
        const end = second === slash ? endOfLine(text, at) : text.indexOf('*/', at + 2);
        if (end < 0) unterminatedComment = at;
        const after = end < 0 ? length : second === slash ? end : end + 2;
        comments.push(at, after);
        at = after;
        pending |= spaceBefore;
        continue;
      }
    }

    if (count === capacity) {
      grow(buffers);
      ({ kind, flags, start: starts, end: ends, name: names, run, runName } = buffers);
      capacity = kind.length;
    }
    const start = at;
    let tokenKind: PpKind;
    let name = 0;
    switch (charClass) {
      case Class.letter: {
        do at++;
        while (at < length && isWord(text.charCodeAt(at)));
        tokenKind = PpKind.identifier;
        break;
      }
      case Class.digit: {
        at = endOfNumber(text, at);
        tokenKind = isInteger(text, start, at) ? PpKind.integer : PpKind.oddNumber;
        break;
      }
      case Class.namePunctuation: {
        at++;
        tokenKind = PpKind.namePunctuation;
        if (code === 46 && at < length && classOf[text.charCodeAt(at)] === Class.digit) {
          at = endOfNumber(text, at);
          tokenKind = PpKind.oddNumber;
        }
        break;
      }
      case Class.quote: {
        at = endOfQuoted(text, at, code);
        if (at > 0) tokenKind = code === doubleQuote ? PpKind.string : PpKind.character;
        else if (code === doubleQuote) {
          tokenKind = PpKind.unterminatedString;
          at = endOfUnterminated(text, start);
        } else {
          tokenKind = PpKind.punctuation;
          at = start + 1;
        }
        break;
      }
      case Class.slash: {
        tokenKind = PpKind.punctuation;
        const word = keywordAt(text, at);
        if (word >= 0) {
          tokenKind = PpKind.keyword;
          name = word;
          at += keywords[word]![0].length;
        } else at++;
        break;
      }
      default: {
        at++;
        tokenKind = PpKind.punctuation;
      }
    }
    if (
      at < length &&
      text.charCodeAt(at) === backslash &&
      afterSplice(text, at) > at &&
      tokenKind <= PpKind.oddNumber
    ) {
      const end = endOfSpliced(text, at);
      if (end > at) {
        at = end;
        pending |= spliced;
        const whole = withoutSplices(text.slice(start, at));
        if (tokenKind === PpKind.identifier) name = internSlice(whole, 0, whole.length);
        else tokenKind = isInteger(whole, 0, whole.length) ? PpKind.integer : PpKind.oddNumber;
      }
    }
    if (tokenKind === PpKind.identifier && name === 0) name = internSlice(text, start, at);
    kind[count] = tokenKind;
    flags[count] = pending;
    starts[count] = start;
    ends[count] = at;
    names[count] = name;
    run[count] = 0;

    if (tokenKind <= PpKind.oddNumber || tokenKind === PpKind.namePunctuation) {
      if (
        runStart >= 0 &&
        (pending & (spaceBefore | lineStart)) === 0 &&
        ends[count - 1] === start &&
        run[runStart]! < 0xffff
      ) {
        run[runStart]!++;
      } else {
        if (runStart >= 0) closeRun();
        runStart = count;
        run[count] = 1;
      }
    } else if (runStart >= 0) {
      closeRun();
      runStart = -1;
    }
    pending = 0;
    count++;
  }
  if (runStart >= 0) closeRun();
  return {
    file,
    count,
    kind,
    flags,
    start: starts,
    end: ends,
    name: names,
    run,
    runName,
    comments,
    unterminatedComment,
  };

  function closeRun(): void {
    const tokens = run[runStart]!;
    runName[runStart] =
      tokens === 1 ? names[runStart]! : internSlice(text, starts[runStart]!, ends[runStart + tokens - 1]!);
  }
}

function grow(buffers: Buffers): void {
  const larger = newBuffers(buffers.kind.length * 2);
  for (const column of Object.keys(buffers) as (keyof Buffers)[]) larger[column].set(buffers[column]);
  Object.assign(buffers, larger);
}

function isWord(code: number): boolean {
  const charClass = code < 128 ? classOf[code]! : Class.other;
  return charClass === Class.letter || charClass === Class.digit;
}

/** The offset behind a backslash-newline at `at`, or `at`; gcc lets blanks stand between the two. */
function afterSplice(text: string, at: number): number {
  let end = at + 1;
  let code = text.charCodeAt(end);
  while (code === 32 || code === 9 || code === 11 || code === 12) code = text.charCodeAt(++end);
  if (code === carriageReturn) return text.charCodeAt(end + 1) === lineFeed ? end + 2 : end + 1;
  return code === lineFeed ? end + 1 : at;
}

/** Where a `//` comment ends: a continued line continues it. */
function endOfLine(text: string, from: number): number {
  let at = from;
  for (;;) {
    const feed = text.indexOf('\n', at);
    if (feed < 0) return text.length;
    let last = feed - 1;
    while (last > from && (text.charCodeAt(last) === 32 || text.charCodeAt(last) === 9 || text.charCodeAt(last) === 13))
      last--;
    if (text.charCodeAt(last) !== backslash) return feed;
    at = feed + 1;
  }
}

/** A preprocessing number: digits, letters, dots, and a sign behind an exponent letter. */
function endOfNumber(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isWord(code) || code === 46) continue;
    if (code === 43 || code === 45) {
      const before = text.charCodeAt(at - 1) | 32;
      if (before === 101 || before === 112) continue;
    }
    break;
  }
  return at;
}

/** dtc's integer literal: decimal or octal digits, or 0x and hex digits, then U, L, UL, LL or ULL. */
export function isInteger(text: string, start: number, end: number): boolean {
  let at = start;
  if (text.charCodeAt(at) === 48 && (text.charCodeAt(at + 1) | 32) === 120) {
    at += 2;
    const digits = at;
    while (at < end && isHexDigit(text.charCodeAt(at))) at++;
    if (at === digits) return false;
  } else {
    while (at < end && text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++;
    if (at === start) return false;
  }
  if (at === end) return true;
  const suffix = text.slice(at, end);
  return suffix === 'U' || suffix === 'L' || suffix === 'UL' || suffix === 'LL' || suffix === 'ULL';
}

export function isHexDigit(code: number): boolean {
  return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 102);
}

/** The offset behind a quoted token, or -1 where its quote is not closed. A string may hold newlines, as dtc lets it. */
function endOfQuoted(text: string, from: number, quote: number): number {
  let lines = 0;
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) {
      const next = afterSplice(text, at);
      at = next > at ? next - 1 : at + 1;
    } else if (code === quote) {
      return lines === 0 || isPlausibleEnd(text, from, at + 1) ? at + 1 : -1;
    } else if (code === lineFeed || code === carriageReturn) {
      if (quote !== doubleQuote || ++lines > 200) return -1;
    }
  }
  return -1;
}

/**
 * A quote that closes on a later line may be another string's opening quote. It is taken as closing only where what
 * follows can stand behind a value, and no directive lies between.
 */
function isPlausibleEnd(text: string, from: number, end: number): boolean {
  let at = end;
  while (at < text.length && classOf[text.charCodeAt(at)]! <= Class.newline && classOf[text.charCodeAt(at)]! > 0) at++;
  const next = text[at];
  if (next !== ';' && next !== ',' && next !== ')') return false;
  const inside = text.slice(from, end);
  return !/\n[ \t]*#[ \t]*(?:if|el|endif|define|include)|[;{}]\s*\n/.test(inside);
}

/** Where a string ends whose quote is missing: at the end of its line, before the `;`, `,` or `>` that belongs to the statement. */
function endOfUnterminated(text: string, from: number): number {
  let end = from + 1;
  while (end < text.length && text.charCodeAt(end) !== lineFeed && text.charCodeAt(end) !== carriageReturn) end++;
  const line = text.slice(from, end);
  const behind = /[\s;,>]*(?:(?:\/\/.*|\/\*.*\*\/\s*))?$/.exec(line);
  const cut = behind === null ? line.length : behind.index;
  return from + Math.max(1, cut);
}

function keywordAt(text: string, at: number): number {
  const second = text.charCodeAt(at + 1);
  if (second < 97 || second > 122) return -1;
  for (let word = 0; word < keywords.length; word++) {
    if (text.startsWith(keywords[word]![0], at)) return word;
  }
  return -1;
}

/** The end of an identifier or number that goes on behind a backslash-newline, or `at` where the next line begins with something else. */
function endOfSpliced(text: string, at: number): number {
  let end = at;
  for (;;) {
    const next = afterSplice(text, end);
    if (next === end || next >= text.length || !isWord(text.charCodeAt(next))) return end;
    end = next;
    while (end < text.length && isWord(text.charCodeAt(end))) end++;
    if (text.charCodeAt(end) !== backslash) return end;
  }
}

/** A token's text with the backslash-newlines taken out. */
export function withoutSplices(text: string): string {
  return text.replace(/\\[ \t\v\f]*(?:\r\n|\r|\n)/g, '');
}
