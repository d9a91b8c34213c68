// After an edit only the lines around it are lexed again: the tokens must be those of the whole text, whatever the edit.
import assert from 'node:assert/strict';
import { lex, relex } from '../../server/src/preprocess/lexed-files';
import { type LexedFile, lexText, newBuffers } from '../../server/src/preprocess/lexer';
import { sourceFile } from '../../server/src/text/source-file';

const source = `// SPDX-License-Identifier: Apache-2.0
/dts-v1/;
/* a comment
 * of three lines
 */
#include <dt-bindings/gpio.h>
#define PIN(bank, number) \\
	((bank) << 8 | \\
	 (number))
/ {
	#address-cells = <2>; /* beside */ // and behind
	label: node@1,0 {
		compatible = "a,b", "c \\"d\\"";
		reg = <0x0 0x1000>, <PIN(1, 'x') 0xE+1>;
		/delete-property/ status;
		bytes = [00 ff ab];
		path = &{/node@1,0/x};
	};
	/* another */
};
`;

/** Pieces that change what stands around them. */
const pieces = [
  '"',
  "'",
  '/*',
  '*/',
  '//',
  '\n',
  '\\\n',
  '\\',
  '#',
  ' ',
  'a',
  '0x',
  '/',
  '/bits/',
  '{',
  ';',
  '<<',
  '-',
  '@',
];

describe('an edited file', () => {
  it('has the tokens of its whole text, for every single insertion and deletion', () => {
    const before = whole(source);
    let partly = 0;
    for (let at = 0; at <= source.length; at++) {
      for (const piece of pieces) partly += compare(before, source.slice(0, at) + piece + source.slice(at));
      partly += compare(before, source.slice(0, at) + source.slice(at + 1));
      partly += compare(before, source.slice(0, at) + source.slice(at + 7));
    }
    assert.ok(partly > 5000, `only ${partly} edits were lexed in part`);
  });

  it('and after edits upon edits', () => {
    const random = randomNumbers(7);
    let before = whole(source.repeat(3));
    for (let round = 0; round < 3000; round++) {
      const { text } = before.file;
      const at = random(text.length);
      const edited = text.slice(0, at) + pieces[random(pieces.length)]! + text.slice(at + random(4));
      const after = relex(before, sourceFile('/a.dts', edited)) ?? whole(edited);
      assertSame(after, edited);
      before = edited.length > 6000 || !after.isTame ? whole(source.repeat(3)) : after;
    }
  });

  it('is lexed in part where it was lexed before under its path', () => {
    const text = source.repeat(20);
    const first = lex(sourceFile('/board.dts', text));
    const second = lex(sourceFile('/board.dts', text.replace('0x1000', '0x2000')));
    assertSame(second, text.replace('0x1000', '0x2000'));
    assert.equal(first.count, second.count);
  });
});

function whole(text: string): LexedFile {
  return lexText(sourceFile('/a.dts', text), newBuffers(64));
}

/** 1 where only a part was lexed. */
function compare(before: LexedFile, text: string): number {
  const after = relex(before, sourceFile('/a.dts', text));
  if (after === undefined) return 0;
  assertSame(after, text);
  return 1;
}

function assertSame(actual: LexedFile, text: string): void {
  const expected = whole(text);
  const context = JSON.stringify(text.slice(0, 400));
  for (const column of ['kind', 'flags', 'start', 'end', 'name', 'run'] as const) {
    const [one, other] = [actual[column].subarray(0, actual.count), expected[column].subarray(0, expected.count)];
    assert.equal(Buffer.compare(bytes(one), bytes(other)), 0, `${column} of ${context}`);
  }
  for (let token = 0; token < expected.count; token++) {
    if (expected.run[token]! > 0) assert.equal(actual.runName[token], expected.runName[token], `run of ${context}`);
  }
  assert.deepEqual(actual.comments, expected.comments, `comments of ${context}`);
  assert.equal(actual.unterminatedComment, expected.unterminatedComment, `comment of ${context}`);
}

function bytes(column: Uint8Array | Uint16Array | Int32Array): Buffer {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength);
}

function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}
