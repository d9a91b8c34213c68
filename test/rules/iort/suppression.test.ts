import assert from 'node:assert/strict';
import { settleDiagnostics } from '../../../server/src/rules/suppression';
import { amendTable, applyFix, binaryDocument, checkTable, textDocument } from './table';

const wrong = amendTable('// MMU-500\n                        Span : 0000000000000000');

describe('switching findings about an IORT off', () => {
  it('works with a comment in the text, which the fix writes', () => {
    const document = textDocument(wrong);
    const [found] = settleDiagnostics(checkTable(document), {});
    assert.equal(found?.rule, 'iort-smmu-span');
    const ignore = found.fixes?.find(({ title }) => title === 'Ignore iort-smmu-span here');
    assert.ok(ignore !== undefined);
    const { text } = applyFix(document, ignore);
    assert.match(text, /\/\/ doorbell-ignore iort-smmu-span\n {24}Span : 0{16}\n/);
    const ignored = textDocument(text);
    assert.deepEqual(ignored.diagnostics, []);
    const left = settleDiagnostics(checkTable(ignored), { 'iort-text-computed-mismatch': 'off' });
    assert.deepEqual(left, []);
  });

  it('offers no comment where the table is binary, and takes severities from settings', () => {
    const found = checkTable(binaryDocument(textDocument(wrong).bytes));
    const [settled] = settleDiagnostics(found, { 'iort-smmu-span': 'hint' });
    assert.equal(settled?.severity, 'hint');
    assert.equal(settled.offset, 0xb8);
    assert.deepEqual(settled.fixes ?? [], []);
    assert.deepEqual(settleDiagnostics(found, { 'iort-smmu-span': 'off' }), []);
  });

  it('offers no comment inside of one', () => {
    const open = wrong.replace(
      '                        Span',
      '/* The span\n   is wrong: */                        Span',
    );
    const [found] = settleDiagnostics(checkTable(textDocument(open)), {});
    assert.equal(found?.rule, 'iort-smmu-span');
    assert.deepEqual(found.fixes ?? [], []);
  });
});
