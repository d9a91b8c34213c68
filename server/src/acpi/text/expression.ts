// Integers of a table's text: hexadecimal always, expressions of 64 unsigned bits, after ACPICA's source/compiler/dtparser.y
// and dtexpress.c.
import { parse } from '../generated/acpi-data-table';

export type ExpressionProblem = 'syntax' | 'division-by-zero' | 'unknown-label' | 'too-deep';

export type Evaluation =
  | {
      readonly kind: 'value';
      readonly value: bigint;
      /** What stands behind it and is not looked at. */ readonly rest: string;
    }
  | { readonly kind: 'problem'; readonly problem: ExpressionProblem; readonly detail: string };

/** Offsets in the table that labels stand for. */
export type Labels = ReadonlyMap<string, bigint>;

type Tree =
  | { readonly kind: 'flat'; readonly first: Tree; readonly rest: readonly { operator: Operator; right: Tree }[] }
  | { readonly kind: 'unary'; readonly operator: '~' | '!'; readonly operand: Tree }
  | { readonly kind: 'label'; readonly name: string }
  | { readonly kind: 'number'; readonly digits: string };

const precedences = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
} as const;
type Operator = keyof typeof precedences;

/** Parentheses and unary operators inside each other that are followed. */
const deepest = 200;
const plain = /^(?:0[xX])?([0-9a-fA-F]+)[ \t]*$/;

export function evaluate(text: string, labels: Labels = new Map()): Evaluation {
  const number = plain.exec(text);
  if (number !== null) return { kind: 'value', value: hexadecimal(number[1]!), rest: '' };
  if (depth(text) > deepest) return { kind: 'problem', problem: 'too-deep', detail: '' };
  let parsed: { readonly value: Tree; readonly end: number };
  try {
    parsed = parse(text, { startRule: 'Expression' }) as typeof parsed;
  } catch {
    return { kind: 'problem', problem: 'syntax', detail: '' };
  }
  const problems: { problem: ExpressionProblem; detail: string }[] = [];
  const value = valueOf(parsed.value, labels, (problem, detail) => problems.push({ problem, detail }));
  const first = problems[0];
  if (first !== undefined) return { kind: 'problem', ...first };
  return { kind: 'value', value, rest: text.slice(parsed.end).trim() };
}

/** Digits behind the sixteenth are lost, as in ACPICA's AcpiUtImplicitStrtoul64. */
function hexadecimal(digits: string): bigint {
  const significant = digits.replace(/^0+/, '').slice(0, 16);
  return BigInt(`0x0${significant}`);
}

function depth(text: string): number {
  let most = 0;
  let parentheses = 0;
  let unary = 0;
  for (const character of text) {
    if (character === '(') parentheses++;
    else if (character === ')') parentheses--;
    if (character === '~' || character === '!') unary++;
    else if (character !== ' ' && character !== '(') unary = 0;
    most = Math.max(most, parentheses + unary);
  }
  return most;
}

function valueOf(tree: Tree, labels: Labels, report: (problem: ExpressionProblem, detail: string) => void): bigint {
  switch (tree.kind) {
    case 'number':
      return hexadecimal(tree.digits);
    case 'label': {
      const offset = labels.get(tree.name);
      if (offset === undefined) report('unknown-label', tree.name);
      return offset ?? 0n;
    }
    case 'unary': {
      const operand = valueOf(tree.operand, labels, report);
      return tree.operator === '~' ? BigInt.asUintN(64, ~operand) : truth(operand === 0n);
    }
    case 'flat':
      return climbed(tree);
  }

  /** Precedence climbing over `first op right op right …`; all operators lead from left to right. */
  function climbed({ first, rest }: Tree & { kind: 'flat' }): bigint {
    const values = [valueOf(first, labels, report)];
    const operators: Operator[] = [];
    const reduce = (): void => {
      const right = values.pop()!;
      values.push(applied(values.pop()!, operators.pop()!, right, report));
    };
    for (const { operator, right } of rest) {
      while (operators.length > 0 && precedences[operators.at(-1)!] >= precedences[operator]) reduce();
      operators.push(operator);
      values.push(valueOf(right, labels, report));
    }
    while (operators.length > 0) reduce();
    return values[0]!;
  }
}

function truth(holds: boolean): bigint {
  return holds ? 1n : 0n;
}

function applied(
  left: bigint,
  operator: Operator,
  right: bigint,
  report: (problem: ExpressionProblem, detail: string) => void,
): bigint {
  switch (operator) {
    case '||':
      return truth(left !== 0n || right !== 0n);
    case '&&':
      return truth(left !== 0n && right !== 0n);
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '&':
      return left & right;
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '>':
      return truth(left > right);
    case '<=':
      return truth(left <= right);
    case '>=':
      return truth(left >= right);
    // C leaves distances above 63 open; iasl's machines take the low six bits.
    case '<<':
      return BigInt.asUintN(64, left << (right & 63n));
    case '>>':
      return left >> (right & 63n);
    case '+':
      return BigInt.asUintN(64, left + right);
    case '-':
      return BigInt.asUintN(64, left - right);
    case '*':
      return BigInt.asUintN(64, left * right);
    case '/':
    case '%':
      if (right === 0n) {
        report('division-by-zero', '');
        return 0n;
      }
      return operator === '/' ? left / right : left % right;
  }
}
