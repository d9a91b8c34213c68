import assert from 'node:assert/strict';
import {
  differenceOf,
  editedFile,
  hasWord,
  isSameText,
  isTextAt,
  lengthOf,
  lineStarts,
  placesOf,
  sourceFile,
  textBetween,
  type SourceFile,
} from '../../server/src/text/source-file';
import { random } from '../fuzz/random';

describe('a file that is edited', () => {
  it('has the lines of its text', () => {
    for (let seed = 0; seed < 400; seed++) {
      const { below, pick } = random(seed);
      const pieces = seed % 2 === 0 ? ['a', '\n', '\n\n', ''] : ['a', '\n', '\r', '\r\n', '\n\r', ''];
      const written = (count: number) => Array.from({ length: below(count) }, () => pick(pieces)).join('');
      let file = sourceFile('a.dsl', written(40), 'latin1');
      for (let round = 0; round < 10; round++) {
        const start = below(file.text.length + 1);
        const end = start + below(file.text.length - start + 1);
        const newText = written(6);
        const text = file.text.slice(0, start) + newText + file.text.slice(end);
        file = editedFile(file, start, end, newText);
        assert.deepEqual([file.text, file.path, file.encoding], [text, 'a.dsl', 'latin1']);
        assert.deepEqual([...lineStarts(file)], [...lineStarts(sourceFile('', text))], JSON.stringify(text));
      }
    }
  });

  it('has the words of its text, also one that an edit puts together', () => {
    let found = 0;
    for (let seed = 0; seed < 400; seed++) {
      const { below, pick } = random(seed);
      const pieces = ['ab', 'ba', 'a', 'c', ''];
      const written = (count: number) => Array.from({ length: below(count) }, () => pick(pieces)).join('');
      let file = sourceFile('a.dts', written(3), 'utf8');
      for (let round = 0; round < 10; round++) {
        const start = below(file.text.length + 1);
        file = editedFile(file, start, start + below(3), written(3));
        for (const word of ['aabb', 'c', 'cab']) {
          assert.equal(hasWord(file, word), file.text.includes(word), `${word} in ${file.text}`);
          found += Number(hasWord(file, word));
          const places = [...Array(file.text.length).keys()].filter((at) => file.text.startsWith(word, at));
          assert.deepEqual(placesOf(file, word), places, `${word} in ${file.text}`);
        }
      }
    }
    assert.ok(found > 1000);
  });

  /** Files, each an edit of the one before, with their texts; whether a file's text was asked for before its edit is by chance. */
  function* versions(seed: number): Generator<readonly [SourceFile, string]> {
    const { below, pick } = random(seed);
    const written = (count: number) =>
      Array.from({ length: below(count) }, () => pick(['ab', 'b', 'c\n', ''])).join('');
    let text = written(30);
    let file = sourceFile('a.dsl', text);
    for (let round = 0; round < 8; round++) {
      yield [file, text];
      if (below(4) === 0) assert.equal(file.text, text);
      const start = below(text.length + 1);
      const end = start + below(Math.min(text.length - start, pick([1, 3, 30])) + 1);
      const newText = pick([written(4), 'b', below(3) === 0 ? 'x'.repeat(70_000) : '']);
      text = text.slice(0, start) + newText + text.slice(end);
      file = editedFile(file, start, end, newText);
    }
  }

  it('says what its text is before that is made whole', () => {
    for (let seed = 0; seed < 300; seed++) {
      const { below } = random(seed);
      for (const [file, text] of versions(seed)) {
        assert.equal(lengthOf(file), text.length);
        for (let round = 0; round < 5; round++) {
          const [start, end] = [below(text.length + 3), below(text.length + 3)];
          assert.equal(textBetween(file, start, end), text.slice(start, end), `seed ${seed}`);
          const some = text.slice(start, start + 2);
          assert.equal(isTextAt(file, some, start), true);
          assert.equal(isTextAt(file, `${some}a`, start), text.startsWith(`${some}a`, start));
        }
      }
    }
  });

  it('differs from another one where the texts differ', () => {
    let equal = 0;
    for (let seed = 0; seed < 300; seed++) {
      const all = [...versions(seed)];
      for (const [one, a] of all.slice(0, -1)) {
        for (const [other, b] of all.slice(1)) {
          assert.equal(isSameText(one, other), a === b, `seed ${seed}`);
          equal += Number(a === b && one !== other);
          const { start, end, otherEnd } = differenceOf(one, other);
          assert.equal(a.slice(0, start) + b.slice(start, otherEnd) + a.slice(end), b, `seed ${seed}`);
          assert.equal(start === end && start === otherEnd, a === b, `seed ${seed}`);
        }
      }
    }
    assert.ok(equal > 30, `${equal} pairs of equal texts`);
  });

  it('is known to differ in what was edited, however far from the edit before and whether its text was asked for', () => {
    const far = 200_000;
    let file = sourceFile('a.dsl', 'x'.repeat(far));
    for (let round = 0; round < 20; round++) {
      const at = round % 3 === 0 ? far - 10 * (round + 1) : 10 * (round + 1);
      if (round % 2 === 0) assert.equal(file.text.length, far);
      const edited = editedFile(file, at, at + 1, String(round % 10));
      // Compared as texts they would be asked for.
      Object.defineProperty(edited, 'text', {
        get: () => assert.fail('the text was asked for'),
        configurable: true,
      });
      assert.deepEqual(differenceOf(file, edited), { start: at, end: at + 1, otherEnd: at + 1 });
      assert.deepEqual(differenceOf(edited, file), { start: at, end: at + 1, otherEnd: at + 1 });
      assert.equal(isSameText(file, edited), false);
      delete (edited as { text?: string }).text;
      file = edited;
    }
  });
});
