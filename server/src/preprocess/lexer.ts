// A file's text as preprocessing tokens, in columns. One pass a content; nothing here depends on macros or includes.
//
// What a token is follows gcc in assembler mode (libcpp/lex.cc), with two liberties that no output can show: operators
// are single characters (two of them that touch are joined where that matters), and dtc's `/keyword/` is one token.
import type { SourceFile } from '../text/source-file';
import { internSlice } from './names';
import {
  afterSplice,
  backslash,
  CharClass,
  classOf,
  doubleQuote,
  endOfLine,
  endOfNumber,
  endOfQuoted,
  endOfSpliced,
  endOfUnterminated,
  isInteger,
  isWord,
  slash,
  star,
  withoutSplices,
} from './scan';

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
  /** Every quote is closed in its line: what stands in a line is not changed by what follows it. */
  readonly isTame: boolean;
}

/** Where lexing begins in the middle of a text, the tokens before it being in the buffers already, and where it may end. */
export interface Restart {
  readonly count: number;
  readonly at: number;
  readonly pending: number;
  readonly comments: number[];
  /** Asked at each token that begins a line from here on: are the tokens that follow known? */
  readonly askFrom: number;
  readonly isKnown: (start: number, pending: number) => boolean;
}

/** The tokens of a short text that expansion made. The columns are good until the next call. */
export function lexScratch(text: string): LexedFile {
  return lexText({ path: '', text, encoding: 'utf8' }, scratchBuffers);
}

/** Columns with room to grow. */
export interface Buffers {
  kind: Uint8Array;
  flags: Uint8Array;
  start: Int32Array;
  end: Int32Array;
  name: Int32Array;
  run: Uint16Array;
  runName: Int32Array;
}

export function newBuffers(capacity: number): Buffers {
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

const continuedLine = /\\[ \t\v\f]*[\r\n]/;

/** The tokens of a text, or from a line of it to another. */
export function lexText(file: SourceFile, buffers: Buffers, restart?: Restart): LexedFile {
  const { text } = file;
  const length = text.length;
  let { kind, flags, start: starts, end: ends, name: names, run, runName } = buffers;
  let capacity = kind.length;
  const comments = restart?.comments ?? [];
  let unterminatedComment = -1;
  let isTame = true;
  const askFrom = restart?.askFrom ?? length;
  let count = restart?.count ?? 0;
  /** Flags of the token to come. */
  let pending = restart?.pending ?? lineStart;
  /** First token of the run that the last token belongs to, -1 when it belongs to none. */
  let runStart = -1;
  /** Where the last literal's line ends. */
  let nextLine = -1;
  /** The first backslash not before the last literal: few files have any. */
  let nextBackslash = -1;
  let at = restart?.at ?? (text.charCodeAt(0) === 0xfeff ? 1 : 0);

  while (at < length) {
    const code = text.charCodeAt(at);
    const charClass = code < 128 ? classOf[code]! : CharClass.other;
    if (charClass === CharClass.space) {
      at++;
      pending |= spaceBefore;
      continue;
    }
    if (charClass === CharClass.newline) {
      at++;
      pending = lineStart | spaceBefore;
      continue;
    }
    if (charClass === CharClass.backslash) {
      const next = afterSplice(text, at);
      if (next > at) {
        // Between tokens a continued line is nothing at all; inside one see `lexSpliced`.
        at = next;
        continue;
      }
    }
    if (charClass === CharClass.slash) {
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

    if (at >= askFrom && (pending & lineStart) !== 0 && restart!.isKnown(at, pending)) break;
    if (count === capacity) {
      grow(buffers);
      ({ kind, flags, start: starts, end: ends, name: names, run, runName } = buffers);
      capacity = kind.length;
    }
    const start = at;
    let tokenKind: PpKind;
    let name = 0;
    switch (charClass) {
      case CharClass.letter: {
        do at++;
        while (at < length && isWord(text.charCodeAt(at)));
        tokenKind = PpKind.identifier;
        break;
      }
      case CharClass.digit: {
        at = endOfNumber(text, at);
        tokenKind = isInteger(text, start, at) ? PpKind.integer : PpKind.oddNumber;
        break;
      }
      case CharClass.namePunctuation: {
        at++;
        tokenKind = PpKind.namePunctuation;
        if (code === 46 && at < length && classOf[text.charCodeAt(at)] === CharClass.digit) {
          at = endOfNumber(text, at);
          tokenKind = PpKind.oddNumber;
        }
        break;
      }
      case CharClass.quote: {
        at = endOfQuoted(text, at, code);
        if (at > 0) {
          tokenKind = code === doubleQuote ? PpKind.string : PpKind.character;
          if (nextLine <= start) nextLine = endOfThisLine(text, start);
          if (nextLine < at) isTame = false;
          if (nextBackslash < start) {
            nextBackslash = text.indexOf('\\', start);
            if (nextBackslash < 0) nextBackslash = length;
          }
          if (nextBackslash < at && continuedLine.test(text.slice(start, at))) pending |= spliced;
        } else if (code === doubleQuote) {
          tokenKind = PpKind.unterminatedString;
          isTame = false;
          at = endOfUnterminated(text, start);
        } else {
          tokenKind = PpKind.punctuation;
          isTame = false;
          at = start + 1;
        }
        break;
      }
      case CharClass.slash: {
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
    isTame,
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

function endOfThisLine(text: string, from: number): number {
  const feed = text.indexOf('\n', from);
  return feed < 0 ? text.length : feed;
}

function keywordAt(text: string, at: number): number {
  const second = text.charCodeAt(at + 1);
  if (second < 97 || second > 122) return -1;
  for (let word = 0; word < keywords.length; word++) {
    if (text.startsWith(keywords[word]![0], at)) return word;
  }
  return -1;
}
