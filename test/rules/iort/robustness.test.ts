import assert from 'node:assert/strict';
import type { TableDocument } from '../../../server/src/acpi/text/document';
import { generateTable } from '../../acpi/generate-table';
import { applyFix, binaryDocument, checkTable, textDocument } from './table';

/** Findings have a place, and their fixes give a text that is read again. */
function checkAll(document: TableDocument, name: string): void {
  const found = checkTable(document);
  for (const { rule, message, range, offset, fixes = [] } of found) {
    assert.notEqual(rule, 'internal-error', `${name}: ${message}`);
    assert.ok(range !== undefined, `${name}: ${rule} has no place`);
    const hasOffset = document.origin === 'binary' && !rule.startsWith('iort-text-');
    assert.equal(offset !== undefined, hasOffset, `${name}: ${rule}`);
    assert.ok(range.start <= range.end && range.end <= document.file.text.length, `${name}: ${rule}`);
    const [first] = fixes;
    if (first === undefined) continue;
    const { text } = applyFix(document, first);
    assert.ok(
      text !== document.file.text || first.change().settings !== undefined,
      `${name}: ${first.title} does nothing`,
    );
  }
}

describe('rules about an IORT', function () {
  this.timeout(60_000);

  it('never fail on generated tables, of odd layouts as well, and have places and fixes for all they find', () => {
    for (let seed = 1; seed <= 40; seed++) {
      checkAll(binaryDocument(generateTable(seed, { mostNodes: 8, isOdd: seed % 2 === 0 })), `seed ${seed}`);
    }
  });

  it('never fail on tables with bytes that are anything', () => {
    let state = 11;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 60; round++) {
      const bytes = Uint8Array.from(generateTable(round, { mostNodes: 5 }));
      for (let change = 0; change <= random(6); change++) {
        const values = [0, 1, 0xff, 0x7f, 0x30, 0x14, random(256)];
        bytes[4 + random(bytes.length - 4)] = values[random(values.length)]!;
      }
      const cut = round % 5 === 0 ? random(bytes.length) : bytes.length;
      checkAll(binaryDocument(bytes.subarray(0, cut)), `round ${round}`);
    }
  });

  it('never fail on texts with lines left out', () => {
    const whole = binaryDocument(generateTable(3, { mostNodes: 6, revision: 6 })).file.text.split('\n');
    for (let skip = 5; skip < whole.length; skip += 7) {
      checkAll(
        textDocument(whole.filter((_, index) => index !== skip && index !== skip + 3).join('\n')),
        `line ${skip}`,
      );
    }
  });
});
