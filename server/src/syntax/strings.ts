// Strings and their escapes as bytes, as dtc makes them (scripts/dtc/data.c data_copy_escape_string, util.c get_escape_char).
import { tokenText, type TokenStream } from '../preprocess/token-stream';
import { problemAt, type ProblemSink } from './problems';

/** The bytes that a string token stands for, the closing NUL included. */
export function stringBytes(tokens: TokenStream, token: number, report: ProblemSink): Uint8Array {
  const { encoding } = tokens.files[tokens.file[token]!]!;
  const text = tokenText(tokens, token);
  // What is no closed string has been reported by the parser; as much of it as there is counts.
  const content = text.slice(1, text.length > 1 && text.endsWith('"') ? -1 : undefined);
  const { bytes, isComplete } = escapedBytes(content, encoding);
  if (!isComplete) report(problemAt('syntax-bad-escape', token, '`\\x` needs hex digits behind it.'));
  const withNul = new Uint8Array(bytes.length + 1);
  withNul.set(bytes);
  return withNul;
}

/**
 * Text between quotes as bytes, escapes resolved. `isComplete` is false where `\x` has no digits, on which dtc gives up;
 * the bytes then hold an `x` in its place.
 */
export function escapedBytes(
  content: string,
  encoding: 'utf8' | 'latin1',
): { readonly bytes: Uint8Array; readonly isComplete: boolean } {
  const raw = Buffer.from(content, encoding);
  if (!content.includes('\\')) return { bytes: raw, isComplete: true };
  const bytes = new Uint8Array(raw.length);
  let length = 0;
  let isComplete = true;
  let at = 0;
  while (at < raw.length) {
    const byte = raw[at++]!;
    if (byte !== backslash || at === raw.length) {
      bytes[length++] = byte;
      continue;
    }
    const escape = raw[at]!;
    if (isOctalDigit(escape)) {
      let value = 0;
      for (let digits = 0; digits < 3 && at < raw.length && isOctalDigit(raw[at]!); digits++) {
        value = value * 8 + raw[at++]! - zero;
      }
      bytes[length++] = value;
    } else if (escape === 0x78) {
      const { value, end } = hexEscape(raw, at + 1);
      isComplete &&= end > 0;
      bytes[length++] = value;
      at = end > 0 ? end : at + 1;
    } else {
      bytes[length++] = singleEscapes.get(escape) ?? escape;
      at++;
    }
  }
  return { bytes: bytes.subarray(0, length), isComplete };
}

const zero = 0x30;
const backslash = 0x5c;

const singleEscapes = new Map(
  Object.entries({ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 }).map(([char, byte]) => [char.charCodeAt(0), byte]),
);

function isOctalDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x37;
}

/** What strtol makes of the two characters behind `\x`: it takes one or two digits, and a blank or a sign before the digit. */
function hexEscape(raw: Uint8Array, at: number): { readonly value: number; readonly end: number } {
  const two = String.fromCharCode(...raw.subarray(at, at + 2));
  const match = /^(?:[ \t\n\v\f\r]|([+-]))?([0-9a-f]{1,2})/i.exec(two);
  if (match === null) return { value: 0x78, end: 0 };
  const value = parseInt(match[2]!, 16);
  return { value: match[1] === '-' ? -value & 0xff : value, end: at + match[0].length };
}
