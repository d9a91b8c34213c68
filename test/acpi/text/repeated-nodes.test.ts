// Lines and nodes that look like earlier ones are not read but compared and copied: nobody can tell.
import assert from 'node:assert/strict';
import { buildIort } from '../../../server/src/acpi/iort/build';
import { assemble } from '../../../server/src/acpi/text/assemble';
import { columnsOfLine } from '../../../server/src/acpi/text/line-columns';
import { linesOf, readLines, type Lines } from '../../../server/src/acpi/text/lines';
import { printTable } from '../../../server/src/acpi/text/print';
import { scanText } from '../../../server/src/acpi/text/scan';
import { sourceFile } from '../../../server/src/text/source-file';
import { crowdedTable } from '../../bench/crowded-tables';
import { random, type Random } from '../../fuzz/random';
import { generateTable } from '../generate-table';
import { mutatedText } from './mutate-text';
import { plainAssembly } from './plain-assembly';

const seeds = Array.from({ length: 150 }, (_, seed) => seed);

/** A table whose nodes each stand there several times, with other numbers and names and changes of any kind. */
function repetitiveText(seed: number): string {
  const numbers = random(seed);
  const style = seed % 2 === 0 ? 'current' : '20200925';
  const text = printTable(generateTable(seed, { mostNodes: 6 }), { style });
  const [head, ...nodes] = text.slice(0, text.indexOf('Raw Table Data')).split(/^(?=\[.* Type : )/m);
  const kinds = nodes.map((node) => (numbers.below(3) === 0 ? oddNode(node, numbers) : node));
  const order = Array.from({ length: 8 * nodes.length }, () => numbers.pick(kinds));
  let all = head! + order.map((node) => (numbers.below(3) === 0 ? node : otherNumbers(node, numbers))).join('');
  for (let changes = seed % 3; changes > 0; changes--) all = mutatedText(all, numbers);
  return seed % 5 === 0 ? all.replaceAll('\n', '\r\n') : all;
}

/** With something that is wrong in all its copies, or that tells nothing. */
function oddNode(node: string, numbers: Random): string {
  return numbers.pick([
    mutatedText(node, numbers),
    node.trimEnd() + numbers.pick(['\n Nothing :\n', '\n Nothing : 1\n', '\n/* said */\n', '\n']),
    node.replace(/^.*Length :/m, ' Nothing :\n$&'),
  ]);
}

/** Digits of prefixes and values, and letters of names, are others; here and there a value says something that it may not. */
function otherNumbers(node: string, numbers: Random): string {
  return node
    .replace(/^\[.*?\]/gm, (prefix) => (numbers.below(20) === 0 ? numbers.pick(['', '[000h]', '[:]', prefix]) : prefix))
    .replace(/(?<=(?:Identifier|Base|base|Size|GSIV|Flags|Interrupt|Reserved|Number) .*: )[0-9A-F]+$/gm, (digits) =>
      numbers.below(4) === 0 ? randomDigits(digits.length, numbers) : digits,
    )
    .replace(/(?<= Type : )[0-9A-F]+$/m, (type) => (numbers.below(10) === 0 ? randomDigits(2, numbers) : type))
    .replace(/(?<= : )[0-9A-F]+$/gm, (digits) =>
      numbers.below(60) === 0
        ? numbers.pick([
            `${digits}0`,
            digits.slice(1),
            '1+1',
            ...[digits.length, 20].map((count) => randomDigits(count, numbers)),
          ])
        : digits,
    )
    .replace(/(?<=")[^"\n]*(?="$)/gm, (name) =>
      numbers.pick([name, ...['Z', '/', ' ', '\\', 'Raw Table Data'].map((end) => name.slice(0, -end.length) + end)]),
    );
}

function randomDigits(count: number, numbers: Random): string {
  return Array.from({ length: count }, () => numbers.below(16).toString(16).toUpperCase()).join('');
}

function shapesIn({ shapes }: Lines): { readonly known: number; readonly different: number } {
  const known = shapes.filter((shape) => shape > 0);
  return { known: known.length, different: new Set(known).size };
}

describe('a text that repeats itself', () => {
  it('has the lines that the grammar finds', () => {
    let repeated = 0;
    for (const seed of seeds) {
      const file = sourceFile('table.dsl', repetitiveText(seed));
      const lines = readLines(file);
      const { known, different } = shapesIn(lines);
      repeated += known - different;
      if (file.text.includes('#')) continue;
      const byGrammar = linesOf(file, scanText(file.text, { isQuick: false }));
      for (let line = 0; line < byGrammar.count; line++) {
        assert.deepEqual(placesOf(lines, line), placesOf(byGrammar, line), `seed ${seed}, line ${line}`);
      }
      const { meaningless, comments, problems, end } = byGrammar.parts;
      const { parts } = lines;
      assert.equal(lines.count, byGrammar.count, `seed ${seed}`);
      assert.deepEqual(
        [parts.meaningless, parts.comments, parts.problems, parts.end],
        [meaningless, comments, problems, end],
      );
    }
    assert.ok(repeated > 50_000, `${repeated} lines have the shape of an earlier one`);
  });

  it('may be cut off anywhere', () => {
    const line = '[034h 0052 004h]                  Identifier : 00000003\n';
    const text = line.repeat(1200);
    for (let length = (1 << 16) - 60; length < (1 << 16) + 60; length++) {
      const lines = readLines(sourceFile('table.dsl', text.slice(0, length)));
      const last = length - (length % line.length);
      const isOne = length - last > line.indexOf(':');
      assert.equal(lines.count, last / line.length + (isOne ? 1 : 0), `${length} characters`);
      if (isOne) assert.equal(lines.columns.at(-1), length, `${length} characters`);
    }
  });

  it('comes to what its lines come to one by one', () => {
    for (const seed of seeds) {
      const lines = readLines(sourceFile('table.dsl', repetitiveText(seed)));
      const oneByOne = { ...lines, shapes: new Uint16Array(0) };
      assert.deepEqual(plainAssembly(assemble(lines)), plainAssembly(assemble(oneByOne)), `seed ${seed}`);
    }
  });

  it('is not looked at twice: a name is not read where its line is said to look like an earlier one', () => {
    const built = buildIort(crowdedTable(40));
    assert.ok('bytes' in built);
    const text = printTable(built.bytes, { style: 'current' });
    const label = 'Device Name';
    const last = text.lastIndexOf(label);
    const lines = readLines(sourceFile('table.dsl', `${text.slice(0, last)}Defice${text.slice(last + 6)}`));
    const isOfLast = (line: number) => lines.columns[columnsOfLine * line + 1] === last;
    const line = Array.from(lines.flags, (_, index) => index).find(isOfLast)!;
    const before = lines.shapes.lastIndexOf(lines.shapes[line - 1]!, line - 2) + 1;
    const lying = lines.shapes.slice();
    lying[line] = lines.shapes[before]!;
    assert.equal(assemble(lines).problems.length, 1);
    assert.equal(assemble({ ...lines, shapes: lying }).problems.length, 0);
  });
});

function placesOf({ columns, flags }: Lines, line: number): readonly unknown[] {
  return [...columns.subarray(columnsOfLine * line, columnsOfLine * (line + 1)), flags[line]! & 1];
}
