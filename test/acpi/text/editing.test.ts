// An edited text is read and compiled as if it were new, though most of it is taken over from the text before.
import assert from 'node:assert/strict';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { assemble, type Assembly } from '../../../server/src/acpi/text/assemble';
import { reassemble } from '../../../server/src/acpi/text/reassemble';
import { newIort } from '../../../server/src/acpi/text/template';
import { printTable } from '../../../server/src/acpi/text/print';
import {
  isVoid,
  LineFlag,
  linesOf,
  readLines,
  textLine,
  valueOfLine,
  type Lines,
} from '../../../server/src/acpi/text/lines';
import { rereadLines } from '../../../server/src/acpi/text/reread-lines';
import { scanText } from '../../../server/src/acpi/text/scan';
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
  const { columns, flags, numbers, odd, comments, ...rest } = lines;
  const sorted = [...odd].sort(([a], [b]) => a - b);
  const all = [columns, flags, numbers, comments].map((column) => [...column]);
  return { ...rest, all, odd: sorted };
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
  const { lines, bytes, meanings, offsets, sizes, structureOf, structures, suspects, ...other } = assembly;
  const { problems, ownProblems, ...rest } = other;
  const inOrder = [...problems].sort((a, b) => a.start - b.start || a.message.localeCompare(b.message));
  return {
    ...rest,
    lines: lines.count,
    bytes: Buffer.from(bytes).toString('hex'),
    columns: [meanings, offsets, sizes, structureOf].map((column) => [...column]),
    structures: structures.all(),
    nodes: structures.nodeCount,
    suspects: suspects(),
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

describe('lines as iasl writes them', () => {
  /** What a line is, whichever way it was read. */
  function read(lines: Lines): unknown {
    return Array.from({ length: lines.count }, (_, line) => {
      const { isOwn, isAsWritten, ...rest } = textLine(lines, line);
      return { ...rest, isVoid: isVoid(lines, line), isOwn, isAsWritten };
    });
  }

  it('are read as the grammar reads them', () => {
    let quick = 0;
    for (let seed = 0; seed < 60; seed++) {
      for (const text of history(seed)) {
        const file = sourceFile('table.dsl', text);
        const lines = readLines(file);
        const byGrammar = linesOf(file, scanText(text, { isQuick: false }));
        assert.deepEqual(read(lines), read(byGrammar), `seed ${seed}`);
        const { meaningless, comments, problems, end } = lines;
        assert.deepEqual({ meaningless, comments, problems, end }, pick(byGrammar), `seed ${seed}`);
        quick += lines.count - lines.odd.size;
        assert.equal(byGrammar.odd.size, byGrammar.count);
      }
    }
    assert.ok(quick > 50_000, `${quick} lines were read at once`);
  });

  const pick = ({ meaningless, comments, problems, end }: Lines) => ({ meaningless, comments, problems, end });

  it('have the number that their digits come to', () => {
    let plain = 0;
    for (let seed = 0; seed < 60; seed++) {
      for (const text of history(seed)) {
        const lines = readLines(sourceFile('table.dsl', text));
        for (let line = 0; line < lines.count; line++) {
          const value = valueOfLine(lines, line);
          const isPlain = (lines.flags[line]! & (LineFlag.odd | LineFlag.quoted)) === 0 && /^[0-9a-f]+$/i.test(value);
          const expected = isPlain && BigInt(`0x${value}`) < 1n << 53n ? Number.parseInt(value, 16) : -1;
          assert.equal(lines.numbers[line], expected, value);
          if (expected >= 0) plain++;
        }
      }
    }
    assert.ok(plain > 10_000);
  });
});
