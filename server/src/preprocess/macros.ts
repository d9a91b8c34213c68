// What `#define` makes. A macro's body stays where it is written: tokens of its file, not copies.
import { lex } from './lexed-files';
import { type LexedFile, PpKind, spaceBefore, spliced } from './lexer';
import { internName, nameText } from './names';
import { withoutSplices } from './scan';
import { sourceFile } from '../text/source-file';

export interface Macro {
  readonly name: number;
  /** Parameter names of a function-like macro; undefined for an object-like one. */
  readonly parameters: readonly number[] | undefined;
  /** The last parameter takes all remaining arguments. */
  readonly isVariadic: boolean;
  readonly body: readonly BodyToken[];
  /** The body for a call without variable arguments, where it differs: what `__VA_OPT__( )` encloses is left out. */
  readonly bodyWithoutOptional?: readonly BodyToken[];
  /** Where it is defined: the name's token; undefined for the command line's. */
  readonly definition: { readonly lexed: LexedFile; readonly token: number } | undefined;
  /** `__FILE__` and its like: computed at each use. */
  readonly builtin?: Builtin;
  /** The body is one token that nothing can expand further: an integer or a string. */
  readonly isConstant: boolean;
}

export type Builtin =
  '__FILE__' | '__BASE_FILE__' | '__LINE__' | '__COUNTER__' | '__INCLUDE_LEVEL__' | '__DATE__' | '__TIME__';

export interface BodyToken {
  readonly lexed: LexedFile;
  readonly token: number;
  readonly kind: PpKind;
  readonly name: number;
  readonly space: boolean;
  /** Number of the parameter that stands here, -1 for none. */
  readonly parameter: number;
  /** `#` stands before this parameter. */
  readonly isStringified: boolean;
  /** `##` follows. */
  readonly pastesRight: boolean;
}

/** What is wrong in a definition, and at which token. */
export interface MacroError {
  readonly error: string;
  readonly token: number;
}

const variadicName = internName('__VA_ARGS__');
const optionalName = internName('__VA_OPT__');
const hash = 35;

/**
 * Reads a `#define` line (C11 6.10.3; libcpp/macro.cc create_iso_definition).
 * @returns the macro, or what is wrong and at which token
 */
export function parseDefine(
  lexed: LexedFile,
  directive: { readonly hash: number; readonly operands: number; readonly end: number },
): Macro | MacroError {
  const { kind, flags, start, end: ends, name: names } = lexed;
  const { text } = lexed.file;
  const nameToken = directive.operands;
  if (nameToken >= directive.end) return { error: 'A macro name is missing', token: directive.hash };
  if (kind[nameToken] !== PpKind.identifier) return { error: 'A macro name must be an identifier', token: nameToken };
  const name = names[nameToken]!;
  if (nameText(name) === 'defined') return { error: '"defined" cannot be a macro', token: nameToken };
  let at = nameToken + 1;
  let parameters: number[] | undefined;
  let isVariadic = false;
  if (at < directive.end && charAt(at) === '(' && (flags[at]! & spaceBefore) === 0) {
    parameters = [];
    at++;
    for (let wantsName = true; ; at++) {
      if (at >= directive.end) return { error: 'The parameter list has no closing parenthesis', token: nameToken };
      const char = charAt(at);
      if (char === ')' && (!wantsName || parameters.length === 0)) break;
      if (isVariadic) return { error: 'A parameter follows the variable arguments', token: at };
      if (wantsName && kind[at] === PpKind.identifier) {
        if (parameters.includes(names[at]!))
          return { error: `Two parameters are called ${nameText(names[at]!)}`, token: at };
        parameters.push(names[at]!);
        wantsName = false;
        if (isEllipsis(at + 1)) {
          isVariadic = true;
          at += 3;
        }
      } else if (wantsName && isEllipsis(at)) {
        parameters.push(variadicName);
        isVariadic = true;
        wantsName = false;
        at += 2;
      } else if (!wantsName && char === ',') wantsName = true;
      else return { error: 'This cannot stand in a parameter list', token: at };
    }
    at++;
  }
  const bodyAt = at;
  const optional = isVariadic ? optionalTokens(lexed, bodyAt, directive.end) : undefined;
  if (optional !== undefined && 'error' in optional) return optional;
  const body = bodyOf(optional?.frames);
  if ('error' in body) return body;
  const withoutOptional = optional && bodyOf(optional.whole);
  if (withoutOptional !== undefined && 'error' in withoutOptional) return withoutOptional;
  const only = body.length === 1 ? body[0]! : undefined;
  return {
    name,
    parameters,
    isVariadic,
    body,
    ...(withoutOptional === undefined ? {} : { bodyWithoutOptional: withoutOptional }),
    definition: { lexed, token: nameToken },
    isConstant: parameters === undefined && (only?.kind === PpKind.integer || only?.kind === PpKind.string),
  };

  function bodyOf(leftOut: ReadonlySet<number> | undefined): BodyToken[] | MacroError {
    const tokens: BodyToken[] = [];
    for (let at = bodyAt; at < directive.end; at++) {
      if (leftOut?.has(at) === true) continue;
      let space = (flags[at]! & spaceBefore) !== 0 || tokens.length === 0;
      let isStringified = false;
      if (isHash(at) && isHash(at + 1) && (flags[at + 1]! & spaceBefore) === 0 && at + 1 < directive.end) {
        const previous = tokens.at(-1);
        if (at === bodyAt || at + 2 >= directive.end) return { error: '"##" cannot begin or end a macro', token: at };
        if (previous !== undefined) tokens[tokens.length - 1] = { ...previous, pastesRight: true };
        at++;
        continue;
      }
      if (parameters !== undefined && isHash(at) && at + 1 < directive.end && parameterAt(at + 1) >= 0) {
        isStringified = true;
        at++;
      }
      if (tokens.length === 0) space = false;
      tokens.push({
        lexed,
        token: at,
        kind: kind[at]!,
        name: names[at]!,
        space,
        parameter: parameterAt(at),
        isStringified,
        pastesRight: false,
      });
    }
    const last = tokens.at(-1);
    if (last?.pastesRight === true) tokens[tokens.length - 1] = { ...last, pastesRight: false };
    return tokens;
  }
  function charAt(token: number): string {
    return 1 === ends[token]! - start[token]! ? text[start[token]!]! : '';
  }
  function isHash(token: number): boolean {
    return token < directive.end && kind[token] === PpKind.namePunctuation && text.charCodeAt(start[token]!) === hash;
  }
  function isEllipsis(token: number): boolean {
    return token + 2 < directive.end && charAt(token) === '.' && charAt(token + 1) === '.' && charAt(token + 2) === '.';
  }
  function parameterAt(token: number): number {
    return parameters === undefined || kind[token] !== PpKind.identifier ? -1 : parameters.indexOf(names[token]!);
  }
}

/**
 * The tokens of a body that `__VA_OPT__( )` is written with, and those with all that it encloses (libcpp/macro.cc
 * vaopt_state, C23 6.10.5.1); undefined where it is not used.
 */
function optionalTokens(
  { kind, name, start, file }: LexedFile,
  from: number,
  to: number,
): { readonly frames: ReadonlySet<number>; readonly whole: ReadonlySet<number> } | MacroError | undefined {
  const frames = new Set<number>();
  const whole = new Set<number>();
  const charAt = (token: number) => (kind[token] === PpKind.punctuation ? file.text[start[token]!] : '');
  for (let word = from; word < to; word++) {
    if (kind[word] !== PpKind.identifier || name[word] !== optionalName) continue;
    let depth = 0;
    let at = word + 1;
    for (; at < to; at++) {
      if (charAt(at) === '(') depth++;
      else if (charAt(at) === ')') depth--;
      if (depth === 0) break;
    }
    if (at >= to || at === word + 1) return { error: '__VA_OPT__ needs ( and )', token: word };
    for (const token of [word, word + 1, at]) frames.add(token);
    for (let token = word; token <= at; token++) whole.add(token);
    word = at;
  }
  return frames.size === 0 ? undefined : { frames, whole };
}

/** A macro as `-D NAME=VALUE` makes it; the value is lexed from a text of its own. */
export function commandLineMacro(name: string, value: string): Macro | undefined {
  const lexed = lex(sourceFile('', `#define ${name} ${value}`));
  const macro = parseDefine(lexed, { hash: 0, operands: 2, end: lexed.count });
  return 'error' in macro ? undefined : { ...macro, definition: undefined };
}

/** gcc's macros that are there with -undef in assembler mode (`gcc -E -undef -x assembler-with-cpp -dM`), `__DTS__` aside. */
export function predefinedMacros(): Macro[] {
  const builtins = [
    '__FILE__',
    '__BASE_FILE__',
    '__LINE__',
    '__COUNTER__',
    '__INCLUDE_LEVEL__',
    '__DATE__',
    '__TIME__',
  ] as const;
  const computed = builtins.map((builtin): Macro => ({
    name: internName(builtin),
    parameters: undefined,
    isVariadic: false,
    body: [],
    definition: undefined,
    builtin,
    isConstant: false,
  }));
  const constant = ['__ASSEMBLER__', '__STDC__', '__STDC_HOSTED__'].map((name) => commandLineMacro(name, '1')!);
  return [...computed, ...constant];
}

/** A preprocessing token's text, continuation lines joined. */
export function ppText(lexed: LexedFile, token: number): string {
  const text = lexed.file.text.slice(lexed.start[token], lexed.end[token]);
  return (lexed.flags[token]! & spliced) === 0 ? text : withoutSplices(text);
}
