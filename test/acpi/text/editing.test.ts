// An edited text is read and compiled as if it were new, though most of it is taken over from the text before.
import assert from 'node:assert/strict';
import { documentOfText } from '../../../server/src/acpi/text/document';
import { assemble, type Assembly } from '../../../server/src/acpi/text/assemble';
import { reassemble } from '../../../server/src/acpi/text/reassemble';
import { newIort } from '../../../server/src/acpi/text/template';
import { printTable } from '../../../server/src/acpi/text/print';
import { isVoid, LineFlag, linesOf, readLines, valueOfLine, type Lines } from '../../../server/src/acpi/text/lines';
import { CompiledLines } from '../../../server/src/acpi/text/compiled-lines';
import { linesAfter, rereadLines } from '../../../server/src/acpi/text/reread-lines';
import { scanText } from '../../../server/src/acpi/text/scan';
import { editedFile, sourceFile, type SourceFile } from '../../../server/src/text/source-file';
import { random, type Random } from '../../fuzz/random';
import { generateTable } from '../generate-table';
import { plainAssembly } from './plain-assembly';

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
function edit(
  text: string,
  numbers: Random,
): { readonly start: number; readonly end: number; readonly newText: string } {
  const start = numbers.below(text.length + 1);
  const removed = numbers.pick([0, 0, 1, 3, 40, 200, 1500]);
  const put = numbers.pick([0, 1, 1, 2]);
  const added = Array.from({ length: put }, () => numbers.pick(pieces)).join('');
  const copied = numbers.below(8) === 0 ? text.slice(start, start + 900) : '';
  return { start, end: Math.min(start + removed, text.length), newText: added + copied };
}

function plain(lines: Lines): unknown {
  // Without their shapes, which are for whoever reads a whole text.
  const { columns, flags, numbers, odd, parts, count, text, textStart } = lines;
  const { comments, file, ...beside } = parts;
  const sorted = [...odd].sort(([a], [b]) => a - b);
  const all = [columns, flags, numbers, comments].map((column) => [...column]);
  return { count, text, textStart, ...beside, path: file.path, all, odd: sorted };
}

interface Version {
  readonly file: SourceFile;
  readonly text: string;
}

/** Texts, each an edit of the one before; some as whole texts, some as what was edited. */
function* history(seed: number): Generator<Version> {
  const numbers = random(seed);
  const bytes = generateTable(seed, { mostNodes: 12, isOdd: seed % 3 === 0 });
  const origin =
    seed % 5 === 0 ? newIort(6, 'current') : printTable(bytes, { style: seed % 2 === 0 ? 'current' : '20200925' });
  let version = whole(origin);
  for (let round = 0; round < 12; round++) {
    yield version;
    version = numbers.below(4) === 0 ? whole(origin) : after(version, edit(version.text, numbers), numbers);
  }
}

function whole(text: string): Version {
  return { file: sourceFile('table.dsl', text), text };
}

function after({ file, text }: Version, { start, end, newText }: ReturnType<typeof edit>, numbers: Random): Version {
  const edited = text.slice(0, start) + newText + text.slice(end);
  return numbers.below(3) === 0 ? whole(edited) : { file: editedFile(file, start, end, newText), text: edited };
}

/** A table of many nodes, in which one digit, word or line after the other is edited, here and there. */
function* longHistory(seed: number): Generator<Version> {
  const numbers = random(seed);
  let version = whole(printTable(generateTable(seed, { mostNodes: 60 }), { style: 'current' }));
  for (let round = 0; round < 60; round++) {
    yield version;
    const { text } = version;
    const place = text.indexOf(numbers.pick([' : 0', ' : "', '\n']), numbers.below(text.length)) + 4;
    const [removed, newText] = numbers.pick([
      [1, '3'],
      [1, 'A'],
      [0, 'X'],
      [1, ''],
      [0, '\n'],
      [0, '\n// said\n'],
      [300, ''],
    ] as const);
    version = after(version, { start: place, end: Math.min(place + removed, text.length), newText }, numbers);
  }
}

/** As the text would be, had it not been there before. */
function anew({ text }: Version): Assembly {
  return assemble(readLines(sourceFile('table.dsl', text)));
}

function follow(before: Assembly | undefined, { file }: Version): Assembly {
  const reread = before && rereadLines(file, before);
  return reread === undefined ? assemble(readLines(file)) : reassemble(before!, reread);
}

describe('a text that is edited', () => {
  it('is compiled as a text that is new', () => {
    for (let seed = 0; seed < 120; seed++) {
      let before: Assembly | undefined;
      for (const version of history(seed)) {
        before = follow(before, version);
        // A text that was not looked at is followed as well.
        if (seed % 4 === 0) continue;
        assert.deepEqual(plainAssembly(before), plainAssembly(anew(version)), `seed ${seed}`);
      }
    }
  });

  it('is compiled as a text that is new where many nodes are edited, and the versions before stay as they were', () => {
    for (let seed = 0; seed < 8; seed++) {
      let before: Assembly | undefined;
      const old: [Assembly, Version][] = [];
      for (const [round, version] of [...longHistory(seed)].entries()) {
        before = follow(before, version);
        if (round % 6 === 5) assert.deepEqual(plainAssembly(before), plainAssembly(anew(version)), `seed ${seed}`);
        if (round % 10 === 3) old.push([before, version]);
      }
      for (const [assembly, version] of old) {
        assert.deepEqual(plainAssembly(assembly), plainAssembly(anew(version)), `seed ${seed}`);
      }
    }
  });

  it('has the lines of a text that is new', () => {
    for (let seed = 0; seed < 120; seed++) {
      let before: Assembly | undefined;
      for (const version of history(seed)) {
        const reread = before && rereadLines(version.file, before);
        const lines = reread === undefined ? readLines(version.file) : linesAfter(reread, before!.lines);
        assert.deepEqual(plain(lines), plain(readLines(sourceFile('table.dsl', version.text))), `seed ${seed}`);
        before = assemble(lines);
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

  it('has the nodes of the text before, however many others are read meanwhile', () => {
    const text = newIort(6, 'current');
    const before = documentOfText(sourceFile('kept-long.dsl', text));
    const { nodes } = before.iort!;
    for (let other = 0; other < 100; other++) {
      assert.equal(documentOfText(sourceFile(`other-${other}.dsl`, text)).iort!.nodes.length, 3);
    }
    const place = text.indexOf('PCI Segment Number : 0000000') + 'PCI Segment Number : 0000000'.length;
    const after = documentOfText(editedFile(before.file, place, place + 1, '1'));
    assert.deepEqual(
      after.iort!.nodes.map((node) => nodes.indexOf(node)),
      [0, 1, -1],
    );
  });
});

describe('lines as iasl writes them', () => {
  /** What a line is, whichever way it was read. */
  function read(lines: Lines): unknown {
    const { count } = lines;
    const of = { meanings: new Uint16Array(count), offsets: new Int32Array(count), sizes: new Int32Array(count) };
    const compiled = CompiledLines.of({ ...lines, ...of, structureOf: new Int32Array(count) });
    return Array.from({ length: count }, (_, line) => {
      const { isOwn, isAsWritten, ...rest } = compiled.textLine(lines.parts.file, line);
      return { ...rest, isVoid: isVoid(lines, line), isOwn, isAsWritten };
    });
  }

  it('are read as the grammar reads them', () => {
    let quick = 0;
    for (let seed = 0; seed < 60; seed++) {
      for (const { text } of history(seed)) {
        const file = sourceFile('table.dsl', text);
        const lines = readLines(file);
        const byGrammar = linesOf(file, scanText(text, { isQuick: false }));
        assert.deepEqual(read(lines), read(byGrammar), `seed ${seed}`);
        const { meaningless, comments, problems, end } = lines.parts;
        assert.deepEqual({ meaningless, comments, problems, end }, pick(byGrammar), `seed ${seed}`);
        quick += lines.count - lines.odd.size;
        assert.equal(byGrammar.odd.size, byGrammar.count);
      }
    }
    assert.ok(quick > 50_000, `${quick} lines were read at once`);
  });

  it('are those wherever they stand in a long text, and however long they are', () => {
    const ordinary = 'Identifier : 00000003';
    const padding = 'Padding : 00 00 00 00                    /* .... */\\\n\n';
    for (const size of [0, 1000, 65_400, 65_536, 70_000]) {
      for (let shift = 0; shift < 60; shift += size > 60_000 ? 4 : 13) {
        const line = `Oem ID : "${'x'.repeat(size)}"`;
        const text = [
          `// ${'-'.repeat(shift)}`,
          line,
          ...Array<string>(40).fill(padding),
          ordinary,
          'Oem ID : "ł"',
        ].join('\n');
        const file = sourceFile('table.dsl', text.repeat(2));
        const byGrammar = linesOf(file, scanText(file.text, { isQuick: false }));
        assert.deepEqual(read(readLines(file)), read(byGrammar), `${size} ${shift}`);
      }
    }
  });

  it('are those with the line ends of Windows as well, the dumps of paddings included', () => {
    for (const style of ['current', '20200925'] as const) {
      const text = printTable(generateTable(3, { mostNodes: 40 }), { style });
      assert.equal(text.includes('*/\\\n\n'), style === 'current');
      const [unix, windows] = [text, text.replaceAll('\n', '\r\n')].map((each) => {
        const lines = readLines(sourceFile('table.dsl', each));
        return [lines.odd.size, ...Array.from({ length: lines.count }, (_, line) => valueOfLine(lines, line))];
      });
      assert.deepEqual(windows, unix);
    }
  });

  const pick = ({ parts: { meaningless, comments, problems, end } }: Lines) => ({
    meaningless,
    comments,
    problems,
    end,
  });

  it('have the number that their digits come to', () => {
    let plain = 0;
    for (let seed = 0; seed < 60; seed++) {
      for (const { text } of history(seed)) {
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
