import assert from 'node:assert/strict';
import { semanticTokens, tokenModifiers, tokenTypes } from '../../../server/src/features/iort/semantic-tokens';
import { lineStarts } from '../../../server/src/text/source-file';
import { exampleTable, tableOf } from './table';

/** `text type modifiers` of each token. */
function tokens(text: string, from = 0, to = text.length): string[] {
  const document = tableOf(text);
  const starts = lineStarts(document.file);
  const found: string[] = [];
  semanticTokens(document, from, to, (line, character, length, type, modifiers) => {
    const start = starts[line]! + character;
    const words = tokenModifiers.filter((_, bit) => ((modifiers >> bit) & 1) === 1);
    found.push([text.slice(start, start + length), tokenTypes[type], ...words].join(' | '));
  });
  return found;
}

describe('semantic tokens of an IORT', () => {
  it('tell fields, flags, references, enumerations and what is computed apart', () => {
    const all = tokens(exampleTable);
    for (const token of [
      '"IORT" | string',
      'Checksum | property | readonly',
      'COHACC Override | decorator',
      '000000002B400000 | number',
      '04 | enumMember',
      '00000048 | variable',
      '"\\_SB_.DMA0" | string',
    ])
      assert.ok(all.includes(token), token);
  });

  it('mark lines that the compiler has no place for', () => {
    const text = exampleTable.replace(
      '                        Type : 00',
      'Nonsense : 5\n                        Type : 00',
    );
    assert.ok(tokens(text).includes('Nonsense | property | deprecated'));
  });

  it('are those of the part that is asked for, and stay on their lines', () => {
    const long = exampleTable.replace('Padding : 00 00 00 00', 'Padding : 00 00 \\\n    00 00');
    const all = tokens(long);
    assert.ok(
      all.includes('00 00 \\ | number') && all.includes('    00 00 | number'),
      all.filter((each) => each.includes('00 00')).join('; '),
    );
    const start = exampleTable.indexOf('// PMCG');
    const part = tokens(exampleTable, start, exampleTable.indexOf('// RMR'));
    assert.equal(part[0], 'Type | property');
    assert.ok(part.length < tokens(exampleTable).length / 5);
  });
});
