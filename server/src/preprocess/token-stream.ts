// The tokens of a translation unit after preprocessing: what dtc's lexer would see, each with the place it is spelled at
// and the macro call it came out of. Stored as columns; a token is an index.
import type { SourceFile, SourceRange } from '../text/source-file';
import { nameText } from './names';

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
  /** anything dtc's lexer has no token for, and words that are neither name nor number where a value is due */ unknown:
    'x',
} as const;

/** A macro call that put tokens into the stream. */
export interface Expansion {
  readonly macro: string;
  /** The name at the place of the call; inside another macro's body this is spelled there. */
  readonly call: SourceRange;
  /** The call with its arguments. */
  readonly whole: SourceRange;
  /** The name in the macro's definition, undefined for built-in and command-line macros. */
  readonly definition: SourceRange | undefined;
  /** The expansion that the call itself came out of, -1 for a call written in a file. */
  readonly parent: number;
}

export interface TokenStream {
  readonly count: number;
  /** One character a token. */
  readonly shape: string;
  /** Files by number; number 0 is the scratch file (pasted and stringified tokens), which has an empty path. */
  readonly files: readonly SourceFile[];
  /** Number of the file that each token is spelled in. */
  readonly file: Uint16Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** The interned name of names, labels (`foo` of `foo:`) and label references (`foo` of `&foo`); 0 for other tokens. */
  readonly name: Int32Array;
  /** Number of the macro call that made the token (see `expansionAt`), -1 for none. */
  readonly expansion: Int32Array;
  readonly expansionAt: (expansion: number) => Expansion;
  /** The one file of which the tokens are the unit; the last place where something missing can be reported. */
  readonly root: SourceFile;
}

/** A token's text as dtc would read it. */
export function tokenText(stream: TokenStream, token: number): string {
  return stream.files[stream.file[token]!]!.text.slice(stream.start[token], stream.end[token]);
}

/** What a name, label or label reference says, without `:` and `&`. The same string object for the same name: cheap as a key. */
export function tokenName(stream: TokenStream, token: number): string {
  return nameText(stream.name[token]!);
}

/**
 * Where a token is written in a file the user can open: where it is spelled, if that is in a file or in the arguments of
 * a macro call, else the call that it came out of.
 */
export function tokenRange(stream: TokenStream, token: number): SourceRange {
  const file = stream.files[stream.file[token]!]!;
  const start = stream.start[token]!;
  const end = stream.end[token]!;
  const expansion = stream.expansion[token]!;
  if (expansion < 0) return { file, start, end };
  const call = outermostCall(stream, expansion);
  const isArgument = file === call.whole.file && start >= call.call.end && end <= call.whole.end;
  return isArgument ? { file, start, end } : call.call;
}

/** The macro call in a file that led to an expansion. */
export function outermostCall(stream: TokenStream, expansion: number): Expansion {
  let call = stream.expansionAt(expansion);
  while (call.parent >= 0) call = stream.expansionAt(call.parent);
  return call;
}

/** The range from one token to another, both included, where both lie in one file; else the first one's own. */
export function tokensRange(stream: TokenStream, first: number, last: number): SourceRange {
  const from = tokenRange(stream, first);
  const to = tokenRange(stream, last);
  return from.file === to.file && to.end >= from.start ? { ...from, end: to.end } : from;
}
