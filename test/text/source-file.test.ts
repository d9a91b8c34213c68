import assert from 'node:assert/strict';
import { editedFile, hasWord, lineStarts, sourceFile } from '../../server/src/text/source-file';
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
        }
      }
    }
    assert.ok(found > 1000);
  });
});
