import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { textStyles } from '../../../server/src/acpi/layout/field';
import { printTable } from '../../../server/src/acpi/text/print';
import { format } from '../../../server/src/features/iort/formatting';
import { generateTable } from '../../acpi/generate-table';
import { machines } from '../../acpi/text/machines';
import { exampleTable, tableOf } from './table';

const truth = path.join(import.meta.dirname, '../../fixtures/truth/iort');

function formatted(text: string): string {
  let result = text;
  for (const { start, end, newText } of [...format(tableOf(text))].sort((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + newText + result.slice(end);
  }
  return result;
}

/** Another layout, which the compiler reads alike: offsets, blanks, blank lines and digits as they come. */
function mangled(printed: string): string {
  let number = 0;
  let isBehindHeading = false;
  const lines = printed.split('\n');
  const changed = lines.flatMap((line, index) => {
    number = (number * 31 + 7) % 101;
    isBehindHeading ||= line.includes('Signature');
    const goesOn = lines[index - 1]?.endsWith('\\') === true;
    if (line === '' && isBehindHeading && !goesOn) return [[], ['', '', '  '], ['']][number % 3]!;
    if (!line.includes(' : ') || line.startsWith('//') || !isBehindHeading) return [line];
    const free = number % 2 === 0 ? line : line.replace(/^\[[^\]]*\] */, number % 5 === 0 ? '' : '[0] ');
    const close = free.replace(/^ +/, number % 4 === 0 ? '\t' : '').replace(/ +: +/, number % 3 === 0 ? '   :  ' : ':');
    const other = close.replace(/(: *)([0-9A-F]+)$/, (_, head: string, digits: string) => {
      if (number % 3 === 0) return `${head}0x${digits.replace(/^0+(?=.)/, '')}`;
      // Two letters that make a number look decimal.
      return head + (digits.startsWith('0D') ? digits : digits.toLowerCase());
    });
    return number % 7 === 0 && !other.endsWith('\\') ? [other, ''] : [other];
  });
  return changed.join('\n');
}

describe('formatting a table', () => {
  it('puts names, colons and digits where iasl has them', () => {
    const text = `[0004] Signature : "IORT"
[0004]   Table Length: 00000030
[0001] Revision : 5


[0001] Checksum : 0
[0006] Oem ID : "OEM"   // who made it
[0008] Oem Table ID : "TABLE"
[0004] Oem Revision : 1f
[0004] Asl Compiler ID : "INTL"
[0004] Asl Compiler Revision : 0x20250404
[0004] Node Count : 1
[0004] Node Offset : 30
[0004] Reserved : 0
[0001] Type : 0
[0002] Length : 0
[0001] Revision : 1
[0004] Identifier : 0
[0004] Mapping Count : 0
[0004] Mapping Offset : 0
[0004] ItsCount : 1
/* the only one */ Identifiers : 0
`;
    assert.equal(
      formatted(text),
      `[000h 0000 004h]                   Signature : "IORT"
[004h 0004 004h]                Table Length : 00000030
[008h 0008 001h]                    Revision : 05
[009h 0009 001h]                    Checksum : 00
[00Ah 0010 006h]                      Oem ID : "OEM"   // who made it
[010h 0016 008h]                Oem Table ID : "TABLE"
[018h 0024 004h]                Oem Revision : 0000001F
[01Ch 0028 004h]             Asl Compiler ID : "INTL"
[020h 0032 004h]       Asl Compiler Revision : 20250404

[024h 0036 004h]                  Node Count : 00000001
[028h 0040 004h]                 Node Offset : 00000030
[02Ch 0044 004h]                    Reserved : 00000000

[030h 0048 001h]                        Type : 00
[031h 0049 002h]                      Length : 0000
[033h 0051 001h]                    Revision : 01
[034h 0052 004h]                  Identifier : 00000000
[038h 0056 004h]               Mapping Count : 00000000
[03Ch 0060 004h]              Mapping Offset : 00000000

[040h 0064 004h]                    ItsCount : 00000001
/* the only one */ Identifiers : 0
`,
    );
  });

  it('leaves a text without offsets without them, and what is laid out already alone', () => {
    assert.deepEqual(format(tableOf(exampleTable)), []);
    const ragged = exampleTable.replace(/^ +/gm, '');
    assert.equal(formatted(ragged), exampleTable);
  });

  it('changes nothing that iasl -d writes, in either form', () => {
    const binaries = readdirSync(truth).filter((name) => name.endsWith('.aml'));
    assert.ok(binaries.length > 20);
    for (const name of binaries) {
      for (const style of textStyles) {
        const text = printTable(readFileSync(path.join(truth, name)), { style });
        assert.equal(formatted(text), text, `${name}, ${style}`);
      }
    }
  });

  it('keeps what it does not understand: expressions, comments, decimals, lines of no meaning', () => {
    const parts = ['Oem Revision : 1 + 2 /* three */', '// a remark', 'no field at all', 'Oem Revision : 0d16'];
    const text = exampleTable
      .replace('Oem Revision : 00000001', `${parts[0]!}\n${parts[1]!}\n${parts[2]!}`)
      .replace('Event GSIV : 0000006A', 'Event GSIV : 0d16');
    const result = formatted(text);
    for (const part of [...parts.slice(0, 3), 'Event GSIV : 0d16']) assert.ok(result.includes(part), part);
  });

  it('gives mangled texts the layout of iasl -d again', () => {
    const tables = [
      ...machines.map(({ bytes }) => bytes),
      ...Array.from({ length: 30 }, (_, seed) => generateTable(seed, { isOdd: seed % 4 === 0, mostNodes: 8 })),
    ];
    for (const [index, bytes] of tables.entries()) {
      for (const style of textStyles) {
        const printed = `${printTable(bytes, { style }).split('Raw Table Data')[0]!.trimEnd()}\n`;
        const ragged = mangled(printed);
        assert.notEqual(ragged, printed);
        assert.deepEqual(tableOf(ragged).bytes, tableOf(printed).bytes, `table ${index}, ${style}`);
        assert.equal(formatted(ragged).trimEnd(), printed.trimEnd(), `table ${index}, ${style}`);
      }
    }
  });

  it('gives the same table, and laid out a second time the same text', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const bytes = generateTable(seed, { isOdd: seed % 5 === 0, mostNodes: 8 });
      const printed = printTable(bytes, { style: seed % 2 === 0 ? 'current' : '20200925' });
      const ragged = printed
        .replace(/^\[[^\]\n]*\] */gm, (prefix, at: number) => (at % 3 === 0 ? '[0004] ' : prefix))
        .replace(/^ {3,}(?=[A-Z][A-Za-z ]+ : )/gm, '\t')
        .replace(/ : ([0-9A-F]{2,16})$/gm, (_, digits: string) => ` :   ${digits.toLowerCase()}`);
      const result = formatted(ragged);
      assert.deepEqual(tableOf(result).bytes, tableOf(ragged).bytes, `seed ${seed}`);
      assert.equal(formatted(result), result, `seed ${seed}`);
    }
  });
});
