// The shape characters that code of this layer looks at, as char codes: see TokenKind for what each stands for.

export const enum Shape {
  number = 110, // n
  character = 99, // c
  string = 115, // s
  name = 105, // i
  label = 108, // l
  labelReference = 114, // r
  pathReference = 82, // R
  byte = 121, // y
  unknown = 120, // x
  bits = 98, // b
  openBrace = 123,
  closeBrace = 125,
  openParen = 40,
  closeParen = 41,
  openAngle = 60,
  closeAngle = 62,
  semicolon = 59,
  comma = 44,
  equals = 61,
  question = 63,
  colon = 58,
  plus = 43,
  minus = 45,
  times = 42,
  slash = 47,
  percent = 37,
  ampersand = 38,
  bar = 124,
  caret = 94,
  tilde = 126,
  bang = 33,
  shiftLeft = 76, // L
  shiftRight = 71, // G
  lessOrEqual = 113, // q
  greaterOrEqual = 81, // Q
  equal = 69, // E
  notEqual = 78, // N
  and = 65, // A
  or = 79, // O
}
