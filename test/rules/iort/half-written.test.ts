// A value that cannot be read, or is not there yet, is no zero: the text says so, and no rule speaks of the number that holds its place.
import assert from 'node:assert/strict';
import { checkTable, exampleTable, textDocument } from './table';

const lines = exampleTable.split('\n');
const values = lines.flatMap((line, index) => {
  const match = /^ +([^:]*\S) : ([0-9A-F]{2,})$/.exec(line);
  // A flag line's value is never compiled.
  return match === null || match[1] === 'Access Attributes' ? [] : [{ index, label: match[1]! }];
});

/** What is found in the example with another value in one line, and is not found in the example itself. */
function foundWith(index: number, value: string): { readonly rule: string; readonly line: number }[] {
  const text = lines.with(index, lines[index]!.replace(/ : .*/, ` : ${value}`)).join('\n');
  const document = textDocument(text);
  assert.ok(document.diagnostics.some(({ severity }) => severity === 'error'));
  return checkTable(document).map(({ rule, range }) => ({
    rule,
    line: range === undefined ? -1 : text.slice(0, range.start).split('\n').length - 1,
  }));
}

describe('a table that is being written', () => {
  for (const { index, label } of values) {
    it(`${index + 1}: ${label} that is no number is not taken for 0`, () => {
      for (const value of ['zz', '-1', '10 20']) {
        const found = foundWith(index, value).filter(({ line }) => line === index);
        assert.deepEqual(found, [], value);
      }
    });
  }

  it('says nothing about values that are not there yet', () => {
    for (const label of ['Output Reference', 'Base Address', 'Memory Size Limit', 'Identifier', 'Length of RMR']) {
      for (const { index } of values.filter((each) => each.label === label)) {
        const rules = foundWith(index, '').map(({ rule }) => rule);
        for (const rule of [
          'ref-null',
          'smmuv3-base',
          'smmu-span',
          'rc-limit',
          'nc-limit',
          'identifier',
          'rmr-length-zero',
        ]) {
          assert.ok(!rules.includes(`iort-${rule}`), `${index + 1}: ${label}: ${rules.join()}`);
        }
      }
    }
  });

  it('says of a node whose lines do not fit its type that alone, and nothing of references behind it', () => {
    for (const { index } of values.filter(({ label }) => label === 'Type')) {
      for (const value of ['', '0', 'F', '0F', '00', '01', '02', '03', '04', '05', '06']) {
        const text = lines.with(index, lines[index]!.replace(/ : .*/, ` : ${value}`)).join('\n');
        const document = textDocument(text);
        if (!document.diagnostics.some(({ rule }) => rule === 'table-line-unexpected')) continue;
        const nextNode = lines.findIndex((line, at) => at > index && line.includes(' Type : '));
        const errors = checkTable(document).filter(({ rule, severity, range }) => {
          const line = range === undefined ? -1 : text.slice(0, range.start).split('\n').length - 1;
          const isOfNode = line >= index && (nextNode < 0 || line < nextNode);
          return severity === 'error' && (isOfNode || /iort-(ref-|pmcg-ref)/.test(rule));
        });
        assert.deepEqual(
          errors.map(({ message }) => message),
          [],
          `${index + 1}: Type : ${value}`,
        );
      }
    }
  });

  it('is told where a flag line differs from an integer that can be read, and there alone', () => {
    const flags = values.find(({ label }) => label === 'Flags (decoded below)')!;
    assert.ok(!foundWith(flags.index, 'zz').some(({ rule }) => rule === 'iort-text-flag-mismatch'));
  });
});
