// Integers as dtc evaluates them: a literal, or an expression in parentheses, in unsigned 64-bit arithmetic
// (scripts/dtc/dtc-parser.y integer_prim to integer_unary).
import type { TokenStream } from '../preprocess/token-stream';
import { characterValue, literalNumber, literalU32, literalValue } from './literals';
import { problemAt, type ProblemSink } from './problems';
import { Shape } from './shape';
import type { SyntaxProblem } from './syntax-tree';

/**
 * The value of the integer in tokens `first` to `last` if it and every step on the way to it lie below 2^32, else -1.
 * Makes no bigint; nearly every cell of a real board takes this way.
 */
export function smallInteger(tokens: TokenStream, first: number, last: number): number {
  if (first === last) return literalU32(tokens, first);
  const reported: SyntaxProblem[] = [];
  const value = evaluateWith(numbers, tokens, first, last, (problem) => reported.push(problem));
  return reported.length === 0 && value !== undefined && value >= 0 ? value : -1;
}

/**
 * The value of the integer in tokens `first` to `last`, 0 to 2^64 - 1. Undefined where it holds something that has no
 * value: the parser has reported that. Bad literals and divisions by zero are reported here and, as in dtc, have a value.
 */
export function evaluateInteger(
  tokens: TokenStream,
  first: number,
  last: number,
  report: ProblemSink,
): bigint | undefined {
  if (first === last) {
    const value = literalNumber(tokens, first);
    if (value >= 0) return BigInt(value);
  }
  return evaluateWith(bigints, tokens, first, last, report);
}

/** Parentheses deeper than this have no value; the parser cuts off far earlier. */
const maxDepth = 1000;

/** Expressions are read once, for numbers that are known to stay small and for bigints alike. */
interface Arithmetic<T> {
  literal(tokens: TokenStream, token: number, report: ProblemSink): T;
  character(value: number): T;
  unary(operator: number, operand: T): T;
  binary(operator: number, left: T, right: T): T;
  /** `condition ? whenTrue : whenFalse` */
  select(condition: T, whenTrue: T, whenFalse: T): T;
  isZero(value: T): boolean;
}

function evaluateWith<T>(
  arithmetic: Arithmetic<T>,
  tokens: TokenStream,
  first: number,
  last: number,
  report: ProblemSink,
): T | undefined {
  const { shape } = tokens;
  let at = first;
  let depth = 0;
  const value = primary();
  return at === last + 1 ? value : undefined;

  /** `c ? a : b`, right-associative. Both branches are evaluated, as dtc's actions do. */
  function ternary(): T | undefined {
    const condition = binary(1);
    if (at > last || shape.charCodeAt(at) !== Shape.question) return condition;
    if (++depth > maxDepth) return undefined;
    at++;
    const whenTrue = ternary();
    if (at > last || shape.charCodeAt(at) !== Shape.colon) return undefined;
    at++;
    const whenFalse = ternary();
    depth--;
    if (condition === undefined || whenTrue === undefined || whenFalse === undefined) return undefined;
    return arithmetic.select(condition, whenTrue, whenFalse);
  }

  /** Left-associative operators of at least this precedence. */
  function binary(minimum: number): T | undefined {
    let left = unary();
    while (at <= last) {
      const operator = shape.charCodeAt(at);
      const precedence = precedences[operator] ?? 0;
      if (precedence < minimum || precedence === 0) break;
      const operatorToken = at++;
      const right = binary(precedence + 1);
      if (left === undefined || right === undefined) {
        left = undefined;
      } else {
        if ((operator === Shape.slash || operator === Shape.percent) && arithmetic.isZero(right)) {
          report(problemAt('syntax-division-by-zero', operatorToken, 'Division by zero.'));
        }
        left = arithmetic.binary(operator, left, right);
      }
    }
    return left;
  }

  function unary(): T | undefined {
    const operator = shape.charCodeAt(at);
    if (at > last || (operator !== Shape.minus && operator !== Shape.tilde && operator !== Shape.bang))
      return primary();
    if (++depth > maxDepth) return undefined;
    at++;
    const operand = unary();
    depth--;
    return operand === undefined ? undefined : arithmetic.unary(operator, operand);
  }

  function primary(): T | undefined {
    if (at > last) return undefined;
    const token = at;
    switch (shape.charCodeAt(token)) {
      case Shape.number:
        at++;
        return arithmetic.literal(tokens, token, report);
      case Shape.character:
        at++;
        return arithmetic.character(characterValue(tokens, token, report));
      case Shape.openParen: {
        if (++depth > maxDepth) return undefined;
        at++;
        const inner = ternary();
        if (at > last || shape.charCodeAt(at) !== Shape.closeParen) return undefined;
        at++;
        depth--;
        return inner;
      }
    }
    return undefined;
  }
}

/** Precedence of each binary operator by its shape character, the tightest highest. */
const precedences = new Uint8Array(128);
[
  [Shape.or],
  [Shape.and],
  [Shape.bar],
  [Shape.caret],
  [Shape.ampersand],
  [Shape.equal, Shape.notEqual],
  [Shape.openAngle, Shape.closeAngle, Shape.lessOrEqual, Shape.greaterOrEqual],
  [Shape.shiftLeft, Shape.shiftRight],
  [Shape.plus, Shape.minus],
  [Shape.times, Shape.slash, Shape.percent],
].forEach((operators, level) => {
  for (const operator of operators) precedences[operator] = level + 1;
});

/** Values below 2^32; NaN stands for anything that may be more, and for what only the exact evaluation may report. */
const numbers: Arithmetic<number> = {
  literal(tokens, token) {
    const value = literalNumber(tokens, token);
    return value >= 0 && value <= 0xffff_ffff ? value : NaN;
  },
  character: (value) => value,
  unary(operator, operand) {
    if (Number.isNaN(operand)) return NaN;
    if (operator === Shape.bang) return operand === 0 ? 1 : 0;
    return operator === Shape.minus && operand === 0 ? 0 : NaN;
  },
  binary(operator, left, right) {
    if (Number.isNaN(left) || Number.isNaN(right)) return NaN;
    return small(numberOperation(operator, left, right));
  },
  select(condition, whenTrue, whenFalse) {
    // A branch that is not taken may still hold something to report.
    if (Number.isNaN(condition) || Number.isNaN(whenTrue) || Number.isNaN(whenFalse)) return NaN;
    return condition === 0 ? whenFalse : whenTrue;
  },
  isZero: (value) => value === 0,
};

function small(value: number): number {
  return value >= 0 && value <= 0xffff_ffff ? value : NaN;
}

function numberOperation(operator: number, left: number, right: number): number {
  switch (operator) {
    case Shape.or:
      return left !== 0 || right !== 0 ? 1 : 0;
    case Shape.and:
      return left !== 0 && right !== 0 ? 1 : 0;
    case Shape.bar:
      return (left | right) >>> 0;
    case Shape.caret:
      return (left ^ right) >>> 0;
    case Shape.ampersand:
      return (left & right) >>> 0;
    case Shape.equal:
      return left === right ? 1 : 0;
    case Shape.notEqual:
      return left !== right ? 1 : 0;
    case Shape.openAngle:
      return left < right ? 1 : 0;
    case Shape.closeAngle:
      return left > right ? 1 : 0;
    case Shape.lessOrEqual:
      return left <= right ? 1 : 0;
    case Shape.greaterOrEqual:
      return left >= right ? 1 : 0;
    case Shape.shiftLeft:
      return right < 64 ? left * 2 ** right : 0;
    case Shape.shiftRight:
      return right < 32 ? left >>> right : 0;
    case Shape.plus:
      return left + right;
    case Shape.minus:
      return left - right;
    case Shape.times:
      return left * right;
    case Shape.slash:
      return right === 0 ? NaN : Math.floor(left / right);
    case Shape.percent:
      return right === 0 ? NaN : left % right;
  }
  return NaN;
}

const bigints: Arithmetic<bigint> = {
  literal: literalValue,
  character: BigInt,
  unary(operator, operand) {
    if (operator === Shape.bang) return operand === 0n ? 1n : 0n;
    return BigInt.asUintN(64, operator === Shape.minus ? -operand : ~operand);
  },
  binary: (operator, left, right) => BigInt.asUintN(64, bigintOperation(operator, left, right)),
  select: (condition, whenTrue, whenFalse) => (condition === 0n ? whenFalse : whenTrue),
  isZero: (value) => value === 0n,
};

function bigintOperation(operator: number, left: bigint, right: bigint): bigint {
  switch (operator) {
    case Shape.or:
      return left !== 0n || right !== 0n ? 1n : 0n;
    case Shape.and:
      return left !== 0n && right !== 0n ? 1n : 0n;
    case Shape.bar:
      return left | right;
    case Shape.caret:
      return left ^ right;
    case Shape.ampersand:
      return left & right;
    case Shape.equal:
      return left === right ? 1n : 0n;
    case Shape.notEqual:
      return left !== right ? 1n : 0n;
    case Shape.openAngle:
      return left < right ? 1n : 0n;
    case Shape.closeAngle:
      return left > right ? 1n : 0n;
    case Shape.lessOrEqual:
      return left <= right ? 1n : 0n;
    case Shape.greaterOrEqual:
      return left >= right ? 1n : 0n;
    case Shape.shiftLeft:
      return right < 64n ? left << right : 0n;
    case Shape.shiftRight:
      return right < 64n ? left >> right : 0n;
    case Shape.plus:
      return left + right;
    case Shape.minus:
      return left - right;
    case Shape.times:
      return left * right;
    case Shape.slash:
      return right === 0n ? 0n : left / right;
    case Shape.percent:
      return right === 0n ? 0n : left % right;
  }
  return 0n;
}
