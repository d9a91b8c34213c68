// The value of an `#if` expression: 64-bit signed or unsigned integers, as gcc evaluates them (libcpp/expr.cc).
import { parse } from './generated/cpp-expression';
import { PpKind } from './lexer';
import type { PpToken } from './pp-token';

export type Condition = { readonly value: boolean } | { readonly error: string; readonly at: PpToken | undefined };

type Expression =
  | { readonly kind: 'token'; readonly token: number }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: 'flat';
      readonly first: Expression;
      readonly rest: readonly { operator: string; right: Expression }[];
    }
  | {
      readonly kind: 'conditional';
      readonly condition: Expression;
      readonly whenTrue: Expression;
      readonly whenFalse: Expression;
    };

interface Value {
  readonly bits: bigint;
  readonly isUnsigned: boolean;
}

class ConditionError extends Error {
  constructor(
    message: string,
    readonly at: PpToken | undefined,
  ) {
    super(message);
  }
}

const deepest = 100;
/** Tokens of an expression; no header comes near it, and what is longer is not worth seconds. */
const longest = 20_000;
const pairShapes: Readonly<Partial<Record<string, string>>> = {
  '<<': 'L',
  '>>': 'G',
  '<=': 'q',
  '>=': 'Q',
  '==': 'E',
  '!=': 'N',
  '&&': 'A',
  '||': 'O',
};
const precedences: Readonly<Record<string, number>> = {
  O: 1,
  A: 2,
  '|': 3,
  '^': 4,
  '&': 5,
  E: 6,
  N: 6,
  '<': 7,
  '>': 7,
  q: 7,
  Q: 7,
  L: 8,
  G: 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

/** @param tokens the directive's operands, `defined` replaced and macros expanded */
export function evaluateCondition(tokens: readonly PpToken[]): Condition {
  if (tokens.length === 0) return { error: 'The condition has no expression', at: undefined };
  if (tokens.length > longest) return { error: `The condition has more than ${longest} tokens`, at: tokens[0] };
  let shape = '';
  const shaped: PpToken[] = [];
  let depth = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const next = tokens[at + 1];
    const touches = next !== undefined && !next.space && !next.mayPaste;
    const pair = touches ? pairShapes[token.text + next.text] : undefined;
    if (pair !== undefined) at++;
    shape += pair ?? shapeOf(token);
    shaped.push(token);
    if (token.text === '(' && ++depth > deepest) return { error: 'The parentheses are nested too deep', at: token };
    if (token.text === ')') depth--;
  }
  try {
    const expression = parse(shape) as Expression;
    return { value: evaluate(expression, shaped, true).bits !== 0n };
  } catch (error) {
    if (error instanceof RangeError) return { error: 'The condition is nested too deep', at: tokens[0] };
    if (error instanceof ConditionError) return { error: error.message, at: error.at };
    const offset = (error as { location?: { start: { offset: number } } }).location?.start.offset;
    if (offset === undefined) throw error;
    const at = shaped[Math.min(offset, shaped.length - 1)];
    const what = offset < shaped.length ? `"${at!.text}" cannot stand here` : 'Something is missing at the end';
    return { error: `${what} in the condition`, at };
  }
}

function shapeOf(token: PpToken): string {
  switch (token.kind) {
    case PpKind.integer:
    case PpKind.oddNumber:
      return 'n';
    case PpKind.character:
      return 'c';
    case PpKind.identifier:
      return 'i';
    case PpKind.string:
    case PpKind.unterminatedString:
    case PpKind.keyword:
      return 's';
    default:
      return token.text.length === 1 ? token.text : 's';
  }
}

function evaluate(expression: Expression, tokens: readonly PpToken[], isNeeded: boolean): Value {
  switch (expression.kind) {
    case 'token':
      return primary(tokens[expression.token]!);
    case 'unary': {
      const { bits, isUnsigned } = evaluate(expression.operand, tokens, isNeeded);
      switch (expression.operator) {
        case '-':
          return value(-bits, isUnsigned);
        case '~':
          return value(~bits, isUnsigned);
        case '!':
          return truth(bits === 0n);
        default:
          return { bits, isUnsigned };
      }
    }
    case 'conditional': {
      const condition = evaluate(expression.condition, tokens, isNeeded).bits !== 0n;
      const whenTrue = evaluate(expression.whenTrue, tokens, isNeeded && condition);
      const whenFalse = evaluate(expression.whenFalse, tokens, isNeeded && !condition);
      return value((condition ? whenTrue : whenFalse).bits, whenTrue.isUnsigned || whenFalse.isUnsigned);
    }
    case 'flat': {
      let next = 0;
      const climb = (left: Value, lowest: number, needed: boolean): Value => {
        let result = left;
        while (next < expression.rest.length) {
          const { operator } = expression.rest[next]!;
          const precedence = precedences[operator]!;
          if (precedence < lowest) break;
          const decided = (operator === 'A' && result.bits === 0n) || (operator === 'O' && result.bits !== 0n);
          const rightNeeded = needed && !decided;
          let right = evaluate(expression.rest[next]!.right, tokens, rightNeeded);
          next++;
          while (next < expression.rest.length && precedences[expression.rest[next]!.operator]! > precedence) {
            right = climb(right, precedence + 1, rightNeeded);
          }
          result = binary(operator, result, right, needed);
        }
        return result;
      };
      return climb(evaluate(expression.first, tokens, isNeeded), 1, isNeeded);
    }
  }
}

function binary(operator: string, left: Value, right: Value, isNeeded: boolean): Value {
  const isUnsigned = left.isUnsigned || right.isUnsigned;
  const a = isUnsigned ? BigInt.asUintN(64, left.bits) : left.bits;
  const b = isUnsigned ? BigInt.asUintN(64, right.bits) : right.bits;
  switch (operator) {
    case 'O':
      return truth(left.bits !== 0n || right.bits !== 0n);
    case 'A':
      return truth(left.bits !== 0n && right.bits !== 0n);
    case '|':
      return value(a | b, isUnsigned);
    case '^':
      return value(a ^ b, isUnsigned);
    case '&':
      return value(a & b, isUnsigned);
    case 'E':
      return truth(a === b);
    case 'N':
      return truth(a !== b);
    case '<':
      return truth(a < b);
    case '>':
      return truth(a > b);
    case 'q':
      return truth(a <= b);
    case 'Q':
      return truth(a >= b);
    case 'L':
      return shifted(left, right.bits);
    case 'G':
      return shifted(left, -right.bits);
    case '+':
      return value(a + b, isUnsigned);
    case '-':
      return value(a - b, isUnsigned);
    case '*':
      return value(a * b, isUnsigned);
    default: {
      if (b === 0n) {
        if (isNeeded) throw new ConditionError('The condition divides by zero', undefined);
        return value(0n, isUnsigned);
      }
      return value(operator === '/' ? a / b : a % b, isUnsigned);
    }
  }
}

/** A shift to the left, or to the right where `by` is negative; gcc's num_lshift and num_rshift. */
function shifted({ bits, isUnsigned }: Value, by: bigint): Value {
  if (by >= 64n) return value(0n, isUnsigned);
  if (by <= -64n) return value(!isUnsigned && bits < 0n ? -1n : 0n, isUnsigned);
  return value(by >= 0n ? bits << by : bits >> -by, isUnsigned);
}

function value(bits: bigint, isUnsigned: boolean): Value {
  return { bits: isUnsigned ? BigInt.asUintN(64, bits) : BigInt.asIntN(64, bits), isUnsigned };
}

function truth(isTrue: boolean): Value {
  return { bits: isTrue ? 1n : 0n, isUnsigned: false };
}

function primary(token: PpToken): Value {
  if (token.kind === PpKind.identifier) return value(0n, false);
  if (token.kind === PpKind.character) return value(characterValue(token), false);
  const match = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)([uUlL]*)$/.exec(token.text);
  if (match === null || !/^(?:[uU]?(?:l|L|ll|LL)?|(?:l|L|ll|LL)[uU])$/.test(match[2]!)) {
    throw new ConditionError(`"${token.text}" is no integer`, token);
  }
  const digits = match[1]!;
  const number = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const isUnsigned = /[uU]/.test(match[2]!) || number >= 1n << 63n;
  return value(number, isUnsigned);
}

const escapes: Readonly<Partial<Record<string, bigint>>> = {
  n: 10n,
  t: 9n,
  r: 13n,
  a: 7n,
  b: 8n,
  f: 12n,
  v: 11n,
  e: 27n,
  E: 27n,
};

/** A character constant; several characters are taken big-endian, as gcc does. */
function characterValue(token: PpToken): bigint {
  const inside = token.text.slice(1, -1);
  if (inside === '') throw new ConditionError('The character constant is empty', token);
  let result = 0n;
  let count = 0;
  for (const [, octal, hex, simple, plain] of inside.matchAll(/\\([0-7]{1,3})|\\x([0-9a-fA-F]+)|\\(.)|([^\\])/gsu)) {
    const char =
      octal !== undefined
        ? BigInt(`0o${octal}`)
        : hex !== undefined
          ? BigInt(`0x${hex}`)
          : simple !== undefined
            ? (escapes[simple] ?? BigInt(simple.charCodeAt(0)))
            : BigInt(plain!.codePointAt(0)!);
    result = (result << 8n) | (char & 0xffn);
    count++;
  }
  return count === 1 ? BigInt.asIntN(8, result) : BigInt.asIntN(32, result);
}
