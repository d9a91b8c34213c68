// Where the tokens of a text end, character by character (libcpp/lex.cc; dtc-lexer.l for literals).

export const enum CharClass {
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

export const classOf = new Uint8Array(128);
for (const char of ' \t\v\f\0') classOf[char.charCodeAt(0)] = CharClass.space;
for (const char of '\n\r') classOf[char.charCodeAt(0)] = CharClass.newline;
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_')
  classOf[char.charCodeAt(0)] = CharClass.letter;
for (const char of '0123456789') classOf[char.charCodeAt(0)] = CharClass.digit;
for (const char of ',.+*#?@-') classOf[char.charCodeAt(0)] = CharClass.namePunctuation;
for (const char of '"\'') classOf[char.charCodeAt(0)] = CharClass.quote;
classOf['/'.charCodeAt(0)] = CharClass.slash;
classOf['\\'.charCodeAt(0)] = CharClass.backslash;

export const lineFeed = 10;
export const carriageReturn = 13;
export const doubleQuote = 34;
export const star = 42;
export const slash = 47;
export const backslash = 92;

export function isWord(code: number): boolean {
  const charClass = code < 128 ? classOf[code]! : CharClass.other;
  return charClass === CharClass.letter || charClass === CharClass.digit;
}

/** The offset behind a backslash-newline at `at`, or `at`; gcc lets blanks stand between the two. */
export function afterSplice(text: string, at: number): number {
  let end = at + 1;
  let code = text.charCodeAt(end);
  while (code === 32 || code === 9 || code === 11 || code === 12) code = text.charCodeAt(++end);
  if (code === carriageReturn) return text.charCodeAt(end + 1) === lineFeed ? end + 2 : end + 1;
  return code === lineFeed ? end + 1 : at;
}

/** Where a `//` comment ends: a continued line continues it. */
export function endOfLine(text: string, from: number): number {
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
export function endOfNumber(text: string, from: number): number {
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
export function endOfQuoted(text: string, from: number, quote: number): number {
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
  while (at < text.length && classOf[text.charCodeAt(at)]! <= CharClass.newline && classOf[text.charCodeAt(at)]! > 0)
    at++;
  const next = text[at];
  if (next !== ';' && next !== ',' && next !== ')') return false;
  const inside = text.slice(from, end);
  return !/\n[ \t]*#[ \t]*(?:if|el|endif|define|include)|[;{}]\s*\n/.test(inside);
}

/** Where a string ends whose quote is missing: at the end of its line, before the `;`, `,` or `>` that belongs to the statement. */
export function endOfUnterminated(text: string, from: number): number {
  let end = from + 1;
  while (end < text.length && text.charCodeAt(end) !== lineFeed && text.charCodeAt(end) !== carriageReturn) end++;
  const line = text.slice(from, end);
  const behind = /[\s;,>]*(?:(?:\/\/.*|\/\*.*\*\/\s*))?$/.exec(line);
  const cut = behind === null ? line.length : behind.index;
  return from + Math.max(1, cut);
}

/** The end of an identifier or number that goes on behind a backslash-newline, or `at` where the next line begins with something else. */
export function endOfSpliced(text: string, at: number): number {
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
