// Preprocessing makes the tokens that dtc would read from gcc's output, and refuses what gcc refuses.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describeWithGcc } from '../oracle/suite';
import { framed, type PreprocessCase, readCaseFamilies } from './case-file';
import { lexAsDtc } from './dtc-lexer';
import { filesOf, judgedByGcc, judgedByUs, shown } from './judge';

const families = readCaseFamilies(path.join(__dirname, 'cases'));

for (const { name, cases } of families) {
  describe(`preprocessing: ${name}`, () => {
    for (const example of cases) {
      if (name === 'known-differences') it(example.title);
      else it(example.title, () => agrees(example));
    }
  });
}

describeWithGcc('the preprocessing cases say what gcc does', () => {
  for (const { name, cases } of families) {
    it(name, async () => {
      for (const example of cases) {
        const { isError, text, messages } = await judgedByGcc(example);
        assert.equal(isError, example.isError, `${example.title}: ${messages}`);
        assert.equal(text, example.expected, example.title);
      }
    });
  }
});

async function agrees(example: PreprocessCase): Promise<void> {
  const { isError, tokens, messages } = await judgedByUs(filesOf(example));
  assert.equal(isError, example.isError, messages || 'no error found');
  if (isError) return;
  const included = (name: string): string => example.files.get(name) ?? '';
  const expected = lexAsDtc(framed(example, `${example.expected}\n`), included);
  assert.deepEqual(shown(tokens, expected), shown(expected, expected));
}
