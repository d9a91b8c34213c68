// dtc's lexer over preprocessing tokens: joins what touches into names, labels and references, and knows dtc's three
// states (scripts/dtc/dtc-lexer.l: V1, PROPNODENAME, BYTESTRING). Appends to the columns of the unit's token stream.
import { lineStart, type PpColumns, PpKind, keywords, includeKeyword, spaceBefore, spliced } from './lexer';
import type { Macro } from './macros';
import { internSlice } from './names';
import { isHexDigit } from './scan';

export const enum LexState {
  /** Values: numbers are numbers. */
  value,
  /** A name is due: behind `{` and `;` and the /delete-…/ words. */
  name,
  /** Between `[` and `]`. */
  bytes,
}

/** The growing columns of a token stream; see TokenStream for their meaning. */
export interface TokenBuilder {
  count: number;
  shape: Uint8Array;
  file: Uint16Array;
  start: Int32Array;
  end: Int32Array;
  name: Int32Array;
  expansion: Int32Array;
  state: LexState;
  readonly calls: CallColumns;
}

/** Macro calls as columns, four numbers apart: one row is made for each use of a macro. */
export interface CallColumns {
  count: number;
  macro: Macro[];
  file: Int32Array;
  start: Int32Array;
  end: Int32Array;
  wholeEnd: Int32Array;
  parent: Int32Array;
}

/** The columns to read from, and where they stand. */
export interface TokenSource {
  readonly columns: PpColumns;
  readonly text: string;
  readonly fileNumber: number;
  /** Macros by name; empty where no macro is expanded. */
  readonly macros: readonly (Macro | undefined)[];
  /** Number of the file in which a macro's body is spelled. */
  readonly fileNumberOf: (macro: Macro) => number;
  readonly onUnterminatedString: (start: number, end: number) => void;
}

/** Macro calls of a large board, so that the columns seldom grow. */
const initialCalls = 4096;

export function tokenBuilder(capacity: number): TokenBuilder {
  return {
    count: 0,
    shape: new Uint8Array(capacity),
    file: new Uint16Array(capacity),
    start: new Int32Array(capacity),
    end: new Int32Array(capacity),
    name: new Int32Array(capacity),
    expansion: new Int32Array(capacity),
    state: LexState.value,
    calls: {
      count: 0,
      macro: [],
      file: new Int32Array(initialCalls),
      start: new Int32Array(initialCalls),
      end: new Int32Array(initialCalls),
      wholeEnd: new Int32Array(initialCalls),
      parent: new Int32Array(initialCalls),
    },
  };
}

export function pushToken(
  out: TokenBuilder,
  shape: number,
  file: number,
  start: number,
  end: number,
  name: number,
  expansion: number,
): void {
  const at = out.count;
  if (at === out.start.length) {
    if (isFull(out)) return;
    growTokens(out);
  }
  out.shape[at] = shape;
  out.file[at] = file;
  out.start[at] = start;
  out.end[at] = end;
  out.name[at] = name;
  out.expansion[at] = expansion;
  out.count = at + 1;
}

/** Thirty times the tokens of the largest boards; more are left out, so that a hostile file costs no more than a second. */
const mostTokens = 1 << 20;

/** Whether the unit has as many tokens as it may have. */
export function isFull(out: TokenBuilder): boolean {
  return out.count >= mostTokens;
}

/** Records a macro call and returns its number. */
export function pushCall(
  out: TokenBuilder,
  macro: Macro,
  file: number,
  start: number,
  end: number,
  wholeEnd: number,
  parent: number,
): number {
  const { calls } = out;
  const at = calls.count;
  if (at === calls.start.length) growCalls(calls);
  calls.macro[at] = macro;
  calls.file[at] = file;
  calls.start[at] = start;
  calls.end[at] = end;
  calls.wholeEnd[at] = wholeEnd;
  calls.parent[at] = parent;
  calls.count = at + 1;
  return at;
}

const code = (char: string): number => char.charCodeAt(0);
const shapes = {
  name: code('i'),
  number: code('n'),
  string: code('s'),
  character: code('c'),
  label: code('l'),
  labelReference: code('r'),
  pathReference: code('R'),
  byte: code('y'),
  unknown: code('x'),
};
const braceOpen = code('{');
const bracketOpen = code('[');
const bracketClose = code(']');
const semicolon = code(';');
const colon = code(':');
const ampersand = code('&');
const backslash = code('\\');
const numberSign = code('#');

/** Shape of each single punctuation character: itself where dtc's grammar has a use for it. */
const singles = new Uint8Array(128).fill(shapes.unknown);
for (const char of '{};=<>[](),/?:+-*%&|^~!') singles[code(char)] = code(char);
/** Shape of two operator characters that touch, by the first and the second. */
const pairs = new Map<number, number>(
  (['<<L', '>>G', '<=q', '>=Q', '==E', '!=N', '&&A', '||O'] as const).map((pair) => [
    (code(pair[0]!) << 7) | code(pair[1]!),
    code(pair[2]!),
  ]),
);
const opensPair = new Uint8Array(128);
for (const char of '<>=!&|') opensPair[code(char)] = 1;

const pathReference = /&\{[a-zA-Z0-9,._+*#?@\-/]*\}/y;

/**
 * Appends the tokens from `from` to `to` (exclusive) as dtc would lex them.
 * @returns `to`, or the token before which it stopped: one that has a macro in it or next to it, that holds a
 * continued line, or `/include/`
 */
export function appendTokens(out: TokenBuilder, source: TokenSource, from: number, to: number): number {
  const { text, fileNumber, macros } = source;
  const { kind, flags, start, end, name, run, runName } = source.columns;
  let at = from;
  /** The run at hand goes to here, and no macro is in it: a run that is taken token by token is looked through once. */
  let clearUntil = from;
  while (at < to) {
    const tokenKind: PpKind = kind[at]!;
    switch (tokenKind) {
      case PpKind.identifier:
      case PpKind.integer:
      case PpKind.oddNumber:
      case PpKind.namePunctuation: {
        const length = at < clearUntil ? clearUntil - at : run[at]! || restOfRun(at);
        if (length === 1) {
          if ((flags[at]! & spliced) !== 0) return at;
          if (tokenKind === PpKind.identifier) {
            const macro = macros[name[at]!];
            if (macro !== undefined) {
              if (!macro.isConstant || out.state !== LexState.value || isColon(at + 1)) return at;
              const body = macro.body[0]!;
              const { start: bodyStart, end: bodyEnd } = body.lexed;
              const call = pushCall(out, macro, fileNumber, start[at]!, end[at]!, end[at]!, -1);
              const shape = body.kind === PpKind.integer ? shapes.number : shapes.string;
              pushToken(out, shape, source.fileNumberOf(macro), bodyStart[body.token]!, bodyEnd[body.token]!, 0, call);
              at++;
              break;
            }
          }
        } else if (at >= clearUntil) {
          if (hasMacro(at, length)) return at;
          clearUntil = at + length;
        }
        at = appendRun(at, length, tokenKind);
        break;
      }
      case PpKind.string:
        if ((flags[at]! & spliced) !== 0) return at;
        pushToken(out, shapes.string, fileNumber, start[at]!, end[at]!, 0, -1);
        at++;
        break;
      case PpKind.unterminatedString:
        source.onUnterminatedString(start[at]!, end[at]!);
        pushToken(out, shapes.string, fileNumber, start[at]!, end[at]!, 0, -1);
        at++;
        break;
      case PpKind.character:
        pushToken(out, shapes.character, fileNumber, start[at]!, end[at]!, 0, -1);
        at++;
        break;
      case PpKind.keyword: {
        const word = name[at]!;
        if (word === includeKeyword) return at;
        const shape = keywords[word]![1];
        pushToken(out, code(shape), fileNumber, start[at]!, end[at]!, 0, -1);
        if (shape === 'd' || shape === 'D' || shape === 'o') out.state = LexState.name;
        else if (shape !== 'p' && shape !== 'I') out.state = LexState.value;
        at++;
        break;
      }
      case PpKind.punctuation: {
        const next = appendPunctuation(at);
        if (next === at) return at;
        at = next;
        break;
      }
    }
  }
  return at;

  /** A name, or the words and operators that a run falls into where values stand. */
  function appendRun(first: number, length: number, firstKind: PpKind): number {
    if (firstKind === PpKind.identifier && isColon(first + 1)) {
      pushToken(out, shapes.label, fileNumber, start[first]!, end[first + 1]!, name[first]!, -1);
      return first + 2;
    }
    if (out.state === LexState.name) {
      const last = first + length - 1;
      const known = length === 1 ? name[first]! : run[first] === length ? runName[first]! : 0;
      const named = known === 0 ? internSlice(text, start[first]!, end[last]!) : known;
      pushToken(out, shapes.name, fileNumber, start[first]!, end[last]!, named, -1);
      out.state = LexState.value;
      return first + length;
    }
    if (out.state === LexState.bytes) {
      appendBytes(start[first]!, end[first]!);
      return first + 1;
    }
    switch (firstKind) {
      case PpKind.integer:
        pushToken(out, shapes.number, fileNumber, start[first]!, end[first]!, 0, -1);
        return first + 1;
      case PpKind.oddNumber:
        appendOddNumber(start[first]!, end[first]!);
        return first + 1;
      case PpKind.namePunctuation:
        // `#address-cells` below a line without its semicolon: one word, like any other that stands where a value is due.
        if (length > 1 && text.charCodeAt(start[first]!) === numberSign) return appendWord(first, length);
        pushToken(out, singles[text.charCodeAt(start[first]!)]!, fileNumber, start[first]!, end[first]!, 0, -1);
        return first + 1;
      default:
        return appendWord(first, length);
    }
  }

  /**
   * A word where a value is due: one token, so that one problem is reported for it, and its name, since it may be a
   * property whose predecessor has no semicolon yet.
   */
  function appendWord(first: number, length: number): number {
    const last = first + length - 1;
    const named = length === 1 ? name[first]! : internSlice(text, start[first]!, end[last]!);
    pushToken(out, shapes.unknown, fileNumber, start[first]!, end[last]!, named, -1);
    return first + length;
  }

  function appendPunctuation(token: number): number {
    const offset = start[token]!;
    const char = text.charCodeAt(offset);
    if (char === ampersand) {
      const next = token + 1;
      if (next < to && touches(next)) {
        if (kind[next] === PpKind.identifier) {
          if (macros[name[next]!] !== undefined || (flags[next]! & spliced) !== 0) return token;
          pushToken(out, shapes.labelReference, fileNumber, offset, end[next]!, name[next]!, -1);
          return token + 2;
        }
        if (text.charCodeAt(start[next]!) === braceOpen) {
          pathReference.lastIndex = offset;
          const path = pathReference.exec(text);
          if (path !== null) {
            const pathEnd = offset + path[0].length;
            let last = next;
            for (; last < to && start[last]! < pathEnd; last++) {
              if (kind[last] === PpKind.identifier && macros[name[last]!] !== undefined) return token;
            }
            pushToken(out, shapes.pathReference, fileNumber, offset, pathEnd, 0, -1);
            return last;
          }
        }
      }
    }
    if (char < 128 && opensPair[char] === 1 && token + 1 < to && touches(token + 1)) {
      const pair = pairs.get((char << 7) | text.charCodeAt(start[token + 1]!));
      if (pair !== undefined && kind[token + 1] === PpKind.punctuation) {
        pushToken(out, pair, fileNumber, offset, end[token + 1]!, 0, -1);
        return token + 2;
      }
    }
    if (char === backslash && out.state === LexState.name && token + 1 < to && touches(token + 1)) {
      const next = token + 1;
      const nextKind: PpKind = kind[next]!;
      if (nextKind === PpKind.identifier && macros[name[next]!] !== undefined) return token;
      // dtc: a backslash may escape the first character of a name; it is not part of the name.
      if (nextKind <= PpKind.oddNumber || nextKind === PpKind.namePunctuation) return token + 1;
    }
    pushToken(out, char < 128 ? singles[char]! : shapes.unknown, fileNumber, offset, end[token]!, 0, -1);
    if (char === braceOpen || char === semicolon) out.state = LexState.name;
    else if (char === bracketOpen) out.state = LexState.bytes;
    else if (char === bracketClose && out.state === LexState.bytes) out.state = LexState.value;
    return token + 1;
  }

  /** Two hex digits a byte; what is left over has no token. */
  function appendBytes(from: number, to: number): void {
    let offset = from;
    while (offset < to) {
      const isByte = offset + 1 < to && isHexDigit(text.charCodeAt(offset)) && isHexDigit(text.charCodeAt(offset + 1));
      const length = isByte ? 2 : 1;
      const shape = isByte ? shapes.byte : (singles[text.charCodeAt(offset)] ?? shapes.unknown);
      pushToken(out, shape, fileNumber, offset, offset + length, 0, -1);
      offset += length;
    }
  }

  /** A preprocessing number that is no dtc literal, such as `0xE+1`: a literal, and the rest character by character. */
  function appendOddNumber(from: number, to: number): void {
    const literal = /^(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:ULL|UL|LL|U|L)?(?=[-+])/;
    let offset = from;
    while (offset < to) {
      const found = literal.exec(`${text.slice(offset, to)}+`);
      if (found === null || offset + found[0].length > to) break;
      pushToken(out, shapes.number, fileNumber, offset, offset + found[0].length, 0, -1);
      offset += found[0].length;
      if (offset < to) {
        pushToken(out, singles[text.charCodeAt(offset)]!, fileNumber, offset, offset + 1, 0, -1);
        offset++;
      }
    }
    if (offset < to) pushToken(out, shapes.unknown, fileNumber, offset, to, internSlice(text, offset, to), -1);
  }

  function touches(token: number): boolean {
    return (flags[token]! & (spaceBefore | lineStart)) === 0 && start[token] === end[token - 1];
  }

  function isColon(token: number): boolean {
    return (
      token < to && kind[token] === PpKind.punctuation && text.charCodeAt(start[token]!) === colon && touches(token)
    );
  }

  function restOfRun(token: number): number {
    let last = token + 1;
    while (last < to && run[last] === 0 && isRunKind(kind[last]!) && touches(last)) last++;
    return last - token;
  }

  function hasMacro(first: number, length: number): boolean {
    for (let token = first; token < first + length; token++) {
      if (kind[token] === PpKind.identifier && macros[name[token]!] !== undefined) return true;
      if ((flags[token]! & spliced) !== 0) return true;
    }
    return false;
  }
}

function isRunKind(kind: PpKind): boolean {
  return kind <= PpKind.oddNumber || kind === PpKind.namePunctuation;
}

function growTokens(out: TokenBuilder): void {
  const capacity = Math.min(out.start.length * 2, mostTokens);
  out.shape = copied(out.shape, new Uint8Array(capacity));
  out.file = copied(out.file, new Uint16Array(capacity));
  out.start = copied(out.start, new Int32Array(capacity));
  out.end = copied(out.end, new Int32Array(capacity));
  out.name = copied(out.name, new Int32Array(capacity));
  out.expansion = copied(out.expansion, new Int32Array(capacity));
}

function growCalls(calls: CallColumns): void {
  const capacity = calls.start.length * 2;
  calls.file = copied(calls.file, new Int32Array(capacity));
  calls.start = copied(calls.start, new Int32Array(capacity));
  calls.end = copied(calls.end, new Int32Array(capacity));
  calls.wholeEnd = copied(calls.wholeEnd, new Int32Array(capacity));
  calls.parent = copied(calls.parent, new Int32Array(capacity));
}

function copied<T extends Uint8Array | Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
