// The characters of a table's text by their codes.

export const enum Char {
  tab = 9,
  newline = 10,
  return = 13,
  blank = 32,
  quote = 34,
  star = 42,
  slash = 47,
  colon = 58,
  open = 91,
  backslash = 92,
  close = 93,
  delete = 127,
}

/** 1 for a character that stands for itself in an ordinary line: neither an end nor the begin of a comment or a string. */
export const plain = new Uint8Array(256);
for (let c: number = Char.blank; c < Char.delete; c++) {
  plain[c] = c === Char.slash || c === Char.quote || c === Char.backslash ? 0 : 1;
}

/** What a digit is worth plus 1; 0 for what is none. */
export const digits = new Uint8Array(256);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  digits[digit.charCodeAt(0)] = value + 1;
  digits[digit.toUpperCase().charCodeAt(0)] = value + 1;
}
