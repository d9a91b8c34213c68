// The tokens of a translation unit after preprocessing: what dtc's lexer would see, each with the place it is spelled at
// and the macro call it came out of. Stored as columns; a token is an index.
import type { SourceFile, SourceRange } from '../text/source-file';

/**
 * A token's kind is the character that stands for it in the shape string which the grammar is run over.
 * Punctuation stands for itself: `{ } ; = < > [ ] ( ) , / ? : + - * % & | ^ ~ !`.
 */
export const TokenKind = {
  /** `/dts-v1/` */ version: 'v',
  /** `/plugin/` */ plugin: 'p',
  /** `/memreserve/` */ memreserve: 'm',
  /** `/bits/` */ bits: 'b',
  /** `/delete-property/` */ deleteProperty: 'D',
  /** `/delete-node/` */ deleteNode: 'd',
  /** `/omit-if-no-ref/` */ omitIfNoRef: 'o',
  /** `/incbin/` */ incbin: 'I',
  /** name of a property or node */ name: 'i',
  /** integer literal, suffix included */ number: 'n',
  /** character literal, quotes included */ character: 'c',
  /** string, quotes included */ string: 's',
  /** `label:` */ label: 'l',
  /** `&label` */ labelReference: 'r',
  /** `&{/path}` */ pathReference: 'R',
  /** two hex digits in a byte string */ byte: 'y',
  shiftLeft: 'L',
  shiftRight: 'G',
  lessOrEqual: 'q',
  greaterOrEqual: 'Q',
  equal: 'E',
  notEqual: 'N',
  and: 'A',
  or: 'O',
  /** anything dtc's lexer has no token for, and words that are neither name nor number where a value is due */ unknown: 'x',
} as const;

/** A macro call that put tokens into the stream. */
export interface Expansion {
  readonly macro: string;
  /** The name at the place of the call; inside another macro's body this is spelled there. */
  readonly call: SourceRange;
  /** The macro's definition, undefined for built-in and command-line macros. */
  readonly definition: SourceRange | undefined;
  /** The expansion that the call itself came out of, -1 for a call written in a file. */
  readonly parent: number;
}

export interface TokenStream {
  readonly count: number;
  /** One character a token. */
  readonly shape: string;
  /** Files by number; the scratch file (pasted and stringified tokens) is one of them and has an empty path. */
  readonly files: readonly SourceFile[];
  /** Number of the file that each token is spelled in. */
  readonly file: Uint16Array | Int32Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Index into `expansions`, -1 for a token that no macro made. */
  readonly expansion: Int32Array;
  readonly expansions: readonly Expansion[];
  /** The one file of which the tokens are the unit; the last place where something missing can be reported. */
  readonly root: SourceFile;
}

/** A token's text as dtc would read it. */
export function tokenText(stream: TokenStream, token: number): string {
  return stream.files[stream.file[token]!]!.text.slice(stream.start[token], stream.end[token]);
}

/** Where a token is written in a file the user can open: its spelling if that is in a file and no macro's body, else the outermost call. */
export function tokenRange(stream: TokenStream, token: number): SourceRange {
  const expansion = stream.expansion[token]!;
  if (expansion >= 0) {
    let outer = stream.expansions[expansion]!;
    while (outer.parent >= 0) outer = stream.expansions[outer.parent]!;
    return outer.call;
  }
  return { file: stream.files[stream.file[token]!]!, start: stream.start[token]!, end: stream.end[token]! };
}

/**
 * The range from one token to another, both included, where both lie in one file; else the first one's own.
 */
export function tokensRange(stream: TokenStream, first: number, last: number): SourceRange {
  const from = tokenRange(stream, first);
  const to = tokenRange(stream, last);
  return from.file === to.file && to.end >= from.start ? { ...from, end: to.end } : from;
}
