// Integer and character literals as dtc's lexer reads them (scripts/dtc/dtc-lexer.l).
import { tokenText, type TokenStream } from '../preprocess/token-stream';
import { Shape } from './shape';
import { escapedBytes } from './strings';
import { problemAt, type ProblemSink } from './problems';

const maxU64 = 0xffff_ffff_ffff_ffffn;

/** The value of a plain integer literal below 2^32, without a string or bigint made; -1 for any other token or literal. */
export function literalU32(tokens: TokenStream, token: number): number {
  const value = literalNumber(tokens, token);
  return value <= 0xffff_ffff ? value : -1;
}

/** The value of an integer literal of at most 13 hex or 15 decimal digits; -1 for any other token, malformed literals included. */
export function literalNumber(tokens: TokenStream, token: number): number {
  if (tokens.shape.charCodeAt(token) !== Shape.number) return -1;
  const { text } = tokens.files[tokens.file[token]!]!;
  let at = tokens.start[token]!;
  let end = tokens.end[token]!;
  for (let last = text.charCodeAt(end - 1) | 32; last === 0x75 || last === 0x6c; last = text.charCodeAt(end - 1) | 32)
    end--;
  let value = 0;
  if (text.charCodeAt(at) === 0x30) {
    if ((text.charCodeAt(at + 1) | 32) === 0x78) {
      at += 2;
      if (end - at > 13 || end === at) return -1;
      for (; at < end; at++) {
        const code = text.charCodeAt(at);
        if (code <= 0x39) value = value * 16 + code - 0x30;
        else value = value * 16 + (code & 15) + 9;
      }
      return value;
    }
    if (end - at > 16) return -1;
    for (; at < end; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit > 7) return -1;
      value = value * 8 + digit;
    }
    return value;
  }
  if (end - at > 15) return -1;
  for (; at < end; at++) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}

/**
 * The value of an integer literal as dtc goes on with it: strtoull's, so 2^64 - 1 where it is out of range and the octal
 * digits before the first bad one for `089`. Both are lexical errors and reported.
 */
export function literalValue(tokens: TokenStream, token: number, report: ProblemSink): bigint {
  const value = literalNumber(tokens, token);
  if (value >= 0) return BigInt(value);
  const text = tokenText(tokens, token);
  const digits = text.replace(/[UL]+$/, '');
  if (/^0x[0-9a-f]+$/i.test(digits)) return inRange(BigInt(digits));
  if (!digits.startsWith('0')) return /^[0-9]+$/.test(digits) ? inRange(BigInt(digits)) : bad(0n);
  const octal = /^0[0-7]*/.exec(digits)![0];
  const octalValue = BigInt(`0o${octal}`);
  return octal.length === digits.length ? inRange(octalValue) : bad(octalValue);

  function inRange(exact: bigint): bigint {
    if (exact <= maxU64) return exact;
    report(problemAt('syntax-literal-range', token, `Integer literal ${digits} does not fit in 64 bits.`));
    return maxU64;
  }

  function bad(prefix: bigint): bigint {
    const why = text.startsWith('0') ? ': a literal that begins with 0 is octal, and 8 and 9 are no octal digits' : '';
    report(problemAt('syntax-bad-literal', token, `Bad integer literal ${text}${why}.`));
    return prefix > maxU64 ? maxU64 : prefix;
  }
}

/** The value of a character literal, 0 to 255; dtc takes the first byte where it holds several, 0 where none, and reports both. */
export function characterValue(tokens: TokenStream, token: number, report: ProblemSink): number {
  const { encoding } = tokens.files[tokens.file[token]!]!;
  const { bytes, isComplete } = escapedBytes(tokenText(tokens, token).slice(1, -1), encoding);
  if (!isComplete) {
    report(problemAt('syntax-bad-escape', token, '`\\x` needs hex digits behind it.'));
  } else if (bytes.length === 0) {
    report(problemAt('syntax-bad-character', token, 'Empty character literal.'));
  } else if (bytes.length > 1) {
    const message = `Character literal holds ${bytes.length} characters instead of 1.`;
    report(problemAt('syntax-bad-character', token, message));
  }
  return bytes[0] ?? 0;
}
