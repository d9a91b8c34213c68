// A brace that is missing or too many, over a unit's files: the fix puts the source right.
import assert from 'node:assert/strict';
import { analyse } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { folderWith, removeFolders } from './folder';

interface Example {
  readonly title: string;
  /** `b.dts` is the board. */
  readonly sources: string;
  readonly message: RegExp;
  readonly fix: string;
  /** The file that the fix changes, afterwards. */
  readonly fixed: string;
}

const examples: readonly Example[] = [
  {
    title: 'a missing one is put on a line of its own, with the indentation of its node',
    sources: '//- b.dts\n/dts-v1/;\n/ {\n\tone {\n\t\ta;\n\n\ttwo {\n\t};\n};\n',
    message: /^Expected `};` here: `one` is not closed before `two`\.$/,
    fix: 'Insert };',
    fixed: '/dts-v1/;\n/ {\n\tone {\n\t\ta;\n\t};\n\n\ttwo {\n\t};\n};\n',
  },
  {
    title: 'one too many goes with its line',
    sources: '//- b.dts\n/dts-v1/;\n/ {\n\tone {\n\t};\n};\n\ttwo {\n\t};\n};\n',
    message: /^This `}` is one too many: `\/` goes on behind it\.$/,
    fix: 'Remove };',
    fixed: '/dts-v1/;\n/ {\n\tone {\n\t};\n\ttwo {\n\t};\n};\n',
  },
  {
    title: 'one too many at the end of a line leaves the line',
    sources: '//- b.dts\n/dts-v1/;\n/ {\n\tone { }; };\n\ttwo {\n\t};\n};\n',
    message: /^This `}` is one too many/,
    fix: 'Remove };',
    fixed: '/dts-v1/;\n/ {\n\tone { }; \n\ttwo {\n\t};\n};\n',
  },
  {
    title: 'one that is missing in an included file is reported there, not in the board',
    sources:
      '//- b.dts\n/dts-v1/;\n#include "soc.dtsi"\n/ {\n\tone {\n\t};\n};\n//- soc.dtsi\n/ {\n\tsoc {\n\t\ta;\n\tbus {\n\t};\n};\n',
    message: /^Expected `};` here: `soc` is not closed before `bus`\.$/,
    fix: 'Insert };',
    fixed: '/ {\n\tsoc {\n\t\ta;\n\t};\n\tbus {\n\t};\n};\n',
  },
  {
    title: 'one that is missing behind an include is put before what follows',
    sources:
      '//- b.dts\n/dts-v1/;\n/ {\n\tone {\n\t\t#include "part.dtsi"\n\ttwo {\n\t};\n};\n//- part.dtsi\na;\nchild {\n};\n',
    message: /^Expected `};` before this: `one` is not closed before `two`\.$/,
    fix: 'Insert };',
    fixed: '/dts-v1/;\n/ {\n\tone {\n\t\t#include "part.dtsi"\n\t}; two {\n\t};\n};\n',
  },
];

describe('a brace that is missing or too many', () => {
  afterEach(removeFolders);

  for (const { title, sources, message, fix, fixed } of examples) {
    it(title, () => {
      const folder = folderWith(sources);
      const files = createFileStore();
      const find = () => analyse(contextOf(folder.at('b.dts'), files), files).diagnostics;
      const [found, ...others] = find();
      assert.deepEqual(others, []);
      assert.match(found!.message, message);
      assert.equal(found!.fixes![0]!.title, fix);
      const [edit] = found!.fixes![0]!.change().edits;
      const { file, start, end, newText } = edit!;
      const text = `${file.text.slice(0, start)}${newText}${file.text.slice(end)}`;
      assert.equal(text, fixed);
      files.open(file.path, text);
      assert.deepEqual(find(), []);
    });
  }
});
