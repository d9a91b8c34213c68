import assert from 'node:assert/strict';
import { codeLenses } from '../../../server/src/features/iort/code-lenses';
import { folds } from '../../../server/src/features/iort/folding';
import { inlayHints } from '../../../server/src/features/iort/inlay-hints';
import { definition, references } from '../../../server/src/features/iort/references';
import { symbols, type TableSymbol } from '../../../server/src/features/iort/symbols';
import { analysed, exampleTable, lineText, markedAt, tableOf } from './table';

describe('node offsets in an IORT', () => {
  it('lead to the node: its first line, and all of it', () => {
    const { document, offset } = markedAt('Output Reference', 2);
    const found = definition(document, offset)!;
    assert.equal(document.file.text.slice(found.origin.start, found.origin.end), '00000048');
    assert.equal(lineText(document, found.selection.start), '31: Type : 04');
    assert.equal(lineText(document, found.target.end), '59: Single Mapping : 0');
  });

  it('lead there from a Node Reference and from the header’s Node Offset', () => {
    for (const [label, line] of [
      ['Node Reference', '31: Type : 04'],
      ['Node Offset', '20: Type : 00'],
    ] as const) {
      const { document, offset } = markedAt(label);
      assert.equal(lineText(document, definition(document, offset)!.selection.start), line);
    }
  });

  it('that are no node’s lead nowhere, as other numbers do', () => {
    const wrong = exampleTable.replace('Output Reference : 00000048', 'Output Reference : 00000049');
    const { document, offset } = markedAt('Output Reference', 2, wrong);
    assert.equal(definition(document, offset), undefined);
    const other = markedAt('ID Count');
    assert.equal(definition(other.document, other.offset), undefined);
  });

  it('are found from a reference, and from any line of the node itself', () => {
    const expected = ['125: Output Reference : 00000048', '203: Node Reference : 00000048'];
    const fromReference = markedAt('Output Reference', 2);
    const fromNode = markedAt('VATOS Address');
    for (const { document, offset } of [fromReference, fromNode]) {
      assert.deepEqual(
        references(document, offset, false).map(({ start }) => lineText(document, start)),
        expected,
      );
    }
    assert.equal(references(fromNode.document, fromNode.offset, true).length, expected.length + 1);
    const first = markedAt('ItsCount');
    assert.deepEqual(
      references(first.document, first.offset, false).map(({ start }) => lineText(first.document, start).split(':')[1]),
      [' Node Offset ', ' Output Reference ', ' Output Reference '],
    );
  });
});

describe('inlay hints in an IORT', () => {
  const document = tableOf(exampleTable);
  const shown = (start: number, end: number) =>
    inlayHints(document, start, end).map(({ offset, label }) => `${lineText(document, offset)} | ${label}`);

  it('name the node behind an offset and the last ID of a range', () => {
    const from = exampleTable.indexOf('// Root complex');
    assert.deepEqual(shown(from, exampleTable.indexOf('\n// ', from + 1)), [
      '125: Output Reference : 00000048 | SMMUv3 0x2b400000',
      '123: ID Count : 0000FFFF | to 0xffff',
      '124: Output Base : 00000000 | to 0xffff',
    ]);
  });

  it('say of a single mapping that it gives one ID, and of a PMCG whose counters it has', () => {
    const all = shown(0, exampleTable.length);
    assert.ok(all.includes('156: Output Base : 00000001 | the one ID'));
    assert.ok(all.includes('203: Node Reference : 00000048 | SMMUv3 0x2b400000'));
  });

  it('name the first node at the header, and say where a memory range ends', () => {
    const all = shown(0, exampleTable.length);
    assert.ok(all.includes('16: Node Offset : 00000030 | ITS group 0'));
    assert.ok(all.includes('222: Length of RMR : 0000000000100000 | to 0x900fffff'));
    assert.ok(all.includes('226: ID Count : 00000000 | one ID'));
  });

  it('say where no node is', () => {
    const wrong = tableOf(exampleTable.replace('Output Reference : 00000048', 'Output Reference : 00000049'));
    assert.ok(inlayHints(wrong, 0, exampleTable.length).some(({ label }) => label === 'no node'));
  });

  it('are those of the part that is asked for', () => {
    const whole = inlayHints(document, 0, exampleTable.length);
    const half = Math.floor(exampleTable.length / 2);
    const parts = [...inlayHints(document, 0, half), ...inlayHints(document, half + 1, exampleTable.length)];
    assert.deepEqual(parts.map(({ offset }) => offset).sort(), whole.map(({ offset }) => offset).sort());
  });
});

describe('the outline of a table', () => {
  const document = tableOf(exampleTable);

  it('has the nodes with what they are, and their mappings and ranges', () => {
    const line = ({ name, detail, start, end }: TableSymbol, indent = ''): string =>
      `${indent}${name} | ${detail} | ${lineText(document, start).split(':')[0]!}–${lineText(document, end).split(':')[0]!}`;
    const all = symbols(document).flatMap((symbol) => [
      line(symbol),
      ...symbol.children.map((child) => line(child, '  ')),
    ]);
    assert.deepEqual(all, [
      'IORT | table header | 5–13',
      'ITS group 0 | at 0x30 | 20–28',
      'SMMUv3 0x2b400000 | at 0x48 | 31–59',
      '  0x0–0xffff | → 0x0–0xffff of ITS group 0 | 54–59',
      'SMMU 0x2b600000 | at 0xa0 | 62–94',
      '  0x0–0xffff | → 0x20000–0x2ffff of ITS group 0 | 89–94',
      'root complex, segment 0 | at 0x108 | 97–127',
      '  0x0–0xffff | → 0x0–0xffff of SMMUv3 0x2b400000 | 122–127',
      '\\_SB_.DMA0 | at 0x140 | 130–159',
      '  any ID | → 0x1 of SMMU 0x2b600000 | 154–159',
      '\\_SB_.GPU0 | at 0x180 | 162–191',
      '  any ID | → 0x0 of SMMU 0x2b600000 | 186–191',
      'PMCG 0x2b440000 | at 0x1c0 | 194–204',
      'RMR 0x90000000 | at 0x1e8 | 207–230',
      '  0x90000000–0x900fffff (1 MiB at 2.25 GiB) | reserved memory | 221–223',
      '  0x0 | → 0x1 of SMMU 0x2b600000 | 225–230',
    ]);
  });

  it('selects the first line of each, inside of its range', () => {
    const check = ({ start, end, selection, children }: TableSymbol): void => {
      assert.ok(start <= selection.start && selection.start < selection.end && selection.end <= end);
      children.forEach(check);
    };
    symbols(document).forEach(check);
  });

  it('folds each structure, long comments and the raw data', () => {
    const text = `/*\n * A comment\n */\n${exampleTable}\nRaw Table Data: Length 556 (0x22C)\n\n    0000: 49\n    0010: 00\n`;
    const found = folds(tableOf(text)).map(
      ({ startLine, endLine, kind }) => `${startLine + 1}-${endLine + 1} ${kind ?? ''}`,
    );
    for (const fold of ['1-3 comment', '8-16 ', '34-62 ', '57-62 ', '235-238 region'])
      assert.ok(found.includes(fold), fold);
  });
});

describe('code lenses in an IORT', () => {
  it('stand above the masters, with what their group reserves', () => {
    const { document, analysis } = analysed(tableOf(exampleTable));
    assert.deepEqual(
      codeLenses(document, analysis).map(({ range, title }) => `${lineText(document, range.start)} | ${title}`),
      [
        '97: Type : 02 | Linux 6.12: reserves 0x8000000–0x80fffff msi',
        '130: Type : 01 | Linux 6.12: reserves 0x8000000–0x80fffff msi, 0x90000000–0x900fffff direct-relaxable',
        '162: Type : 01 | Linux 6.12: reserves 0x8000000–0x80fffff msi',
      ],
    );
  });

  it('say why a device is in no group', () => {
    const text = exampleTable.replace('Output Reference : 000000A0', 'Output Reference : 000000A4');
    const { document, analysis } = analysed(tableOf(text));
    const [, lens] = codeLenses(document, analysis);
    assert.match(lens!.title, /^Linux 6\.12: no IOMMU group: /);
  });
});
