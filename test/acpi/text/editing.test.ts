// An edited text is read and compiled as if it were new, though most of it is taken over from the text before.
import assert from 'node:assert/strict';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { assemble, type Assembly } from '../../../server/src/acpi/text/assemble';
import { reassemble } from '../../../server/src/acpi/text/reassemble';
import { newIort } from '../../../server/src/acpi/text/template';
import { printTable } from '../../../server/src/acpi/text/print';
import { readLines, type Lines } from '../../../server/src/acpi/text/lines';
import { rereadLines } from '../../../server/src/acpi/text/reread-lines';
import { sourceFile } from '../../../server/src/text/source-file';
import { random, type Random } from '../../fuzz/random';
import { generateTable } from '../generate-table';

const pieces = [
  '0',
  '\n',
  ':',
  '"',
  '/*',
  '*/',
  '// x',
  '[',
  ']',
  '\\\n',
  '\\',
  ' ',
  'Type : 00\n',
  '\nInput base : 1\n',
  '\n//doorbell Bytes : 01 02\n',
  '  //doorbell as written',
  'Raw Table Data',
  'é',
  '\r\n',
  '\r',
  '/',
];

/** Something put in, taken away or replaced, somewhere. */
function edited(text: string, numbers: Random): string {
  const at = numbers.below(text.length + 1);
  const removed = numbers.pick([0, 0, 1, 3, 40, 200, 1500]);
  const put = numbers.pick([0, 1, 1, 2]);
  const added = Array.from({ length: put }, () => numbers.pick(pieces)).join('');
  const copied = numbers.below(8) === 0 ? text.slice(at, at + 900) : '';
  return text.slice(0, at) + added + copied + text.slice(at + removed);
}

function plain(lines: Lines): unknown {
  const { columns, flags, odd, comments, ...rest } = lines;
  const sorted = [...odd].sort(([a], [b]) => a - b);
  return { ...rest, columns: [...columns], flags: [...flags], odd: sorted, comments: [...comments] };
}

/** Texts, each an edit of the one before. */
function* history(seed: number): Generator<string> {
  const numbers = random(seed);
  const bytes = generateTable(seed, { mostNodes: 12, isOdd: seed % 3 === 0 });
  let text =
    seed % 5 === 0 ? newIort(6, 'current') : printTable(bytes, { style: seed % 2 === 0 ? 'current' : '20200925' });
  const origin = text;
  for (let round = 0; round < 12; round++) {
    yield text;
    text = numbers.below(4) === 0 ? origin : edited(text, numbers);
  }
}

function plainAssembly(assembly: Assembly): unknown {
  const { lines, bytes, fields, flags, offsets, sizes, structureOf, problems, ownProblems, ...rest } = assembly;
  const inOrder = [...problems].sort((a, b) => a.start - b.start || a.message.localeCompare(b.message));
  return {
    ...rest,
    lines: lines.count,
    bytes: Buffer.from(bytes).toString('hex'),
    fields: fields.map((field) => field?.label),
    flags: flags.map((flag) => flag?.label),
    columns: [offsets, sizes, structureOf].map((column) => [...column]),
    problems: inOrder,
    own: ownProblems.length,
  };
}

describe('a text that is edited', () => {
  it('is compiled as a text that is new', () => {
    for (let seed = 0; seed < 120; seed++) {
      let before: Assembly | undefined;
      for (const text of history(seed)) {
        const file = sourceFile('table.dsl', text);
        const whole = assemble(readLines(file));
        const assembly = before === undefined ? whole : reassemble(before, rereadLines(file, before.lines));
        assert.deepEqual(plainAssembly(assembly), plainAssembly(whole), `seed ${seed}`);
        before = assembly;
      }
    }
  });

  it('has the lines of a text that is new', () => {
    for (let seed = 0; seed < 120; seed++) {
      let before: Lines | undefined;
      for (const text of history(seed)) {
        const file = sourceFile('table.dsl', text);
        const lines = before === undefined ? readLines(file) : rereadLines(file, before).lines;
        assert.deepEqual(plain(lines), plain(readLines(file)), `seed ${seed}`);
        before = lines;
      }
    }
  });

  it('has the nodes of the text before, but for what was edited and what leads there', () => {
    const text = newIort(6, 'current');
    const before = documentOfText(sourceFile('kept.dsl', text));
    const kept = (next: string): (number | undefined)[] => {
      const nodes = before.iort!.nodes;
      return documentOfText(sourceFile('kept.dsl', next)).iort!.nodes.map((node) => nodes.indexOf(node));
    };
    assert.deepEqual(kept(`// more\n${text}`), [0, 1, 2]);
    assert.deepEqual(kept(text.replace('Oem Revision : 00000001', 'Oem Revision : 00000002')), [0, 1, 2]);
    assert.deepEqual(kept(text.replace('PCI Segment Number : 00000000', 'PCI Segment Number : 00000001')), [0, 1, -1]);
    assert.deepEqual(kept(text.replace('Event GSIV : 0000006A', 'Event GSIV : 0000006F')), [0, -1, -1]);
  });
});
