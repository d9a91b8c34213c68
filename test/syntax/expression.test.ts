// Integers as dtc evaluates them. The expected values are dtc's: `/bits/ 64 <…>` compiled and printed.
import assert from 'node:assert/strict';
import { evaluateInteger, smallInteger } from '../../server/src/syntax/expression';
import { literalU32 } from '../../server/src/syntax/literals';
import type { SyntaxProblem } from '../../server/src/syntax/syntax-tree';
import { tokensOf } from './fixture';

interface Evaluated {
  readonly value: bigint | undefined;
  readonly small: number;
  readonly rules: readonly string[];
}

function evaluate(integer: string): Evaluated {
  const tokens = tokensOf(`/dts-v1/; / { a = <${integer}>; };`);
  const first = tokens.shape.indexOf('<') + 1;
  const last = tokens.shape.lastIndexOf('>') - 1;
  const problems: SyntaxProblem[] = [];
  const value = evaluateInteger(tokens, first, last, (problem) => problems.push(problem));
  return { value, small: smallInteger(tokens, first, last), rules: problems.map(({ rule }) => rule) };
}

const values: readonly (readonly [integer: string, value: bigint])[] = [
  ['0', 0n],
  ['010', 8n],
  ['0x10', 16n],
  ['0XfF', 255n],
  ['4294967295', 0xffff_ffffn],
  ['4294967296', 0x1_0000_0000n],
  ['18446744073709551615', 0xffff_ffff_ffff_ffffn],
  ['01777777777777777777777', 0xffff_ffff_ffff_ffffn],
  ['10U', 10n],
  ['10L', 10n],
  ['10UL', 10n],
  ['10LL', 10n],
  ['0x10ULL', 16n],
  ["'A'", 65n],
  ["'\\n'", 10n],
  ["'\\0'", 0n],
  ["'\\377'", 255n],
  ["'\\x7f'", 127n],
  ["'\\''", 39n],
  ["'\\\\'", 92n],
  ["'\"'", 34n],
  ['(1 + 2 * 3)', 7n],
  ['((1 + 2) * 3)', 9n],
  ['(10 - 4 - 3)', 3n],
  ['(100 / 10 / 5)', 2n],
  ['(-1)', 0xffff_ffff_ffff_ffffn],
  ['(~0)', 0xffff_ffff_ffff_ffffn],
  ['(!5)', 0n],
  ['(!!5)', 1n],
  ['(- -1)', 1n],
  ['(0 - 1)', 0xffff_ffff_ffff_ffffn],
  ['(1 << 31)', 0x8000_0000n],
  ['(1 << 63)', 0x8000_0000_0000_0000n],
  ['(1 << 64)', 0n],
  ['(-1 >> 63)', 1n],
  ['(-1 >> 64)', 0n],
  ['(1 << 2 + 1)', 8n],
  ['(-1 > 0)', 1n],
  ['(-1 < 0)', 0n],
  ['(-4 / 2)', 0x7fff_ffff_ffff_fffen],
  ['(-1 % 10)', 5n],
  ['(0xffffffff + 1)', 0x1_0000_0000n],
  ['(0xffffffff * 0xffffffff)', 0xffff_fffe_0000_0001n],
  ['(0xf0 | 0x0f ^ 0xff & 0x3c)', 0xf3n],
  ['(1 == 1 != 0)', 1n],
  ['(1 < 2 == 1)', 1n],
  ['(2 && 0 || 3)', 1n],
  ['(0 ? 1 : 2)', 2n],
  ['(1 ? 2 : 0 ? 3 : 4)', 2n],
  ['(0 ? 2 : 0 ? 3 : 4)', 4n],
  ['(1 ? 0 ? 5 : 6 : 7)', 6n],
];

describe('integers', () => {
  for (const [integer, value] of values) {
    it(`${integer} is ${value}`, () => {
      const result = evaluate(integer);
      assert.equal(result.value, value);
      assert.deepEqual(result.rules, []);
      if (result.small >= 0) assert.equal(BigInt(result.small), value);
    });
  }

  it('below 2^32 need no bigint on the way', () => {
    const integers = ['0x10', '4294967295', '((1 << 3) | 4)', '(1 ? 2 : 3)', '(7 / 2 % 2)', '(1 << 31)', '(-0)'];
    const small = [16, 4294967295, 12, 2, 1, 0x80000000, 0];
    assert.deepEqual(
      integers.map((integer) => evaluate(integer).small),
      small,
    );
  });

  it('that may exceed 32 bits on the way are left to the exact evaluation', () => {
    const integers = ['4294967296', '(-1)', '(0xffffffff + 1 - 1)', '(1 << 32)', '(1 ? 2 : 09)', '(1 / 0)', '(FOO)'];
    for (const integer of integers) assert.equal(evaluate(integer).small, -1, integer);
  });

  it('with plain literals are read without a string', () => {
    const tokens = tokensOf('/dts-v1/; / { a = <0 7 010 0xFf 12UL 4294967295 4294967296 09 (1)>; };');
    const first = tokens.shape.indexOf('<') + 1;
    const read = Array.from({ length: 9 }, (_, at) => literalU32(tokens, first + at));
    assert.deepEqual(read, [0, 7, 8, 255, 12, 4294967295, -1, -1, -1]);
  });

  const faulty: readonly (readonly [integer: string, value: bigint | undefined, rules: readonly string[]])[] = [
    ['09', 0n, ['syntax-bad-literal']],
    ['0178', 0o17n, ['syntax-bad-literal']],
    ['18446744073709551616', 0xffff_ffff_ffff_ffffn, ['syntax-literal-range']],
    ['0x10000000000000000', 0xffff_ffff_ffff_ffffn, ['syntax-literal-range']],
    ["''", 0n, ['syntax-bad-character']],
    ["'ab'", 97n, ['syntax-bad-character']],
    ["'\\x'", 120n, ['syntax-bad-escape']],
    ['(1 / 0)', 0n, ['syntax-division-by-zero']],
    ['(5 % (1 - 1))', 0n, ['syntax-division-by-zero']],
    ['(1 ? 2 : 3 / 0)', 2n, ['syntax-division-by-zero']],
    ['(1 ? 2 : 09)', 2n, ['syntax-bad-literal']],
    ['(1 + FOO)', undefined, []],
    ['(1 +)', undefined, []],
    ['(1 2)', undefined, []],
    ['(1 ? 2)', undefined, []],
    ['()', undefined, []],
    ['(1', undefined, []],
    [`${'('.repeat(5000)}1${')'.repeat(5000)}`, undefined, []],
    [`(${'-'.repeat(5000)}1)`, undefined, []],
    [`(${'1 ? 2 : '.repeat(5000)}3)`, undefined, []],
  ];
  for (const [integer, value, rules] of faulty) {
    it(`${integer.slice(0, 30)} is ${value} and ${rules.join() || 'silent'}`, () => {
      const result = evaluate(integer);
      assert.equal(result.value, value);
      assert.deepEqual(result.rules, rules);
    });
  }
});
