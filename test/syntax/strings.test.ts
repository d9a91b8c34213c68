// Strings as bytes; escapes as in dtc's util.c get_escape_char, whose strtol takes blanks and signs behind \x.
import assert from 'node:assert/strict';
import { stringBytes } from '../../server/src/syntax/strings';
import type { SyntaxProblem } from '../../server/src/syntax/syntax-tree';
import { tokensOf } from './fixture';

function bytesOf(literal: string, encoding?: 'utf8' | 'latin1'): { hex: string; rules: string[] } {
  const tokens = tokensOf(`/dts-v1/; / { a = ${literal}; };`, encoding);
  const problems: SyntaxProblem[] = [];
  const bytes = stringBytes(tokens, tokens.shape.indexOf('s'), (problem) => problems.push(problem));
  return { hex: Buffer.from(bytes).toString('hex'), rules: problems.map(({ rule }) => rule) };
}

const examples: readonly (readonly [literal: string, hex: string])[] = [
  ['""', '00'],
  ['"ab"', '616200'],
  ['"\\a\\b\\t\\n\\v\\f\\r"', '0708090a0b0c0d00'],
  ['"\\\\\\"\\q"', '5c227100'],
  ['"\\1\\12\\123\\1234\\08"', '010a535334003800'],
  ['"\\777"', 'ff00'],
  ['"\\x1\\x12\\x123\\xfg"', '011212330f6700'],
  ['"\\x 1\\x-1\\x+f"', '01ff0f00'],
  ['"a\\0b"', '61006200'],
];

describe('strings', () => {
  for (const [literal, hex] of examples) {
    it(`${literal} is ${hex}`, () => {
      assert.deepEqual(bytesOf(literal), { hex, rules: [] });
    });
  }

  it('of a UTF-8 file are UTF-8, escapes between them', () => {
    assert.equal(bytesOf('"é\\x41€"').hex, 'c3a941e282ac00');
  });

  it('of a file that is no UTF-8 are its own bytes', () => {
    assert.equal(bytesOf('"é\\x41"', 'latin1').hex, 'e94100');
  });

  it('without digits behind \\x are reported', () => {
    assert.deepEqual(bytesOf('"a\\xq"'), { hex: '61787100', rules: ['syntax-bad-escape'] });
  });
});
