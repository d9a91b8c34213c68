import assert from 'node:assert/strict';
import type { KernelVersion } from '../../../server/src/iova/kernel-profile';
import { tableRules } from '../../../server/src/rules/catalogue';
import type { TableExample } from '../../../server/src/rules/table-rule';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import {
  amendTable,
  applyFix,
  binaryDocument,
  checkTable,
  exampleTable,
  ruleIds,
  textDocument,
  type CheckOptions,
} from './table';

const kernelVersions: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];

function failing({ failing: text, bytes }: TableExample) {
  const document = textDocument(amendTable(text));
  if (bytes === undefined) return document;
  const changed = Uint8Array.from(document.bytes);
  for (const [offset, ...values] of bytes) changed.set(values, offset);
  return binaryDocument(changed);
}

function kernelOf(docs: (typeof tableRules)[number]['docs']): CheckOptions {
  return docs.kernels?.startsWith('Linux 7.2') === true ? { kernel: '7.2' } : {};
}

describe('the table of the examples', () => {
  it('has no findings, and no computed value that is not as it is compiled', () => {
    const document = textDocument(exampleTable);
    assert.deepEqual(document.diagnostics, []);
    assert.deepEqual(
      checkTable(document).map(({ rule, message }) => `${rule}: ${message}`),
      [],
    );
  });

  it('has none on any kernel', () => {
    for (const kernel of kernelVersions) assert.deepEqual(checkTable(textDocument(exampleTable), { kernel }), []);
  });
});

for (const { id, docs } of tableRules) {
  const { example } = docs;
  describe(id, () => {
    const of = (found: readonly Diagnostic[]) => found.filter(({ rule }) => rule === id);
    const settings = (example.settings ?? {}) as CheckOptions;
    const options = { ...kernelOf(docs), ...settings };

    it('is reported for the failing example', () => {
      const document = failing(example);
      if (example.bytes === undefined)
        assert.deepEqual(
          document.diagnostics.filter(({ severity }) => severity === 'error'),
          [],
        );
      const found = checkTable(document, options);
      const [first] = of(found);
      assert.ok(first !== undefined, `only ${found.map(({ rule }) => rule).join(', ')}`);
      assert.ok(first.range !== undefined);
      assert.equal(first.offset === undefined, document.origin === 'text' || id.startsWith('iort-text-'));
    });

    it('says for which kernels it holds, on its page and in its message, unless for all', () => {
      const byKernel = kernelVersions.map((kernel) => of(checkTable(failing(example), { ...settings, kernel })));
      if (new Set(byKernel.map((found) => found[0]?.severity)).size === 1) return;
      assert.ok(docs.kernels !== undefined, byKernel.map((found) => found[0]?.severity ?? 'not reported').join(', '));
      for (const { message } of byKernel.flat()) assert.match(message, /\b[67]\.\d/);
    });

    it('is not reported for the corrected example, nor is anything new', () => {
      const before = ruleIds(checkTable(failing(example), options));
      const document = textDocument(amendTable(example.corrected));
      assert.deepEqual(
        document.diagnostics.filter(({ severity }) => severity === 'error'),
        [],
      );
      const found = checkTable(document, { ...options, ...example.correctedSettings });
      assert.deepEqual(of(found), []);
      assert.deepEqual(
        ruleIds(found).filter((each) => !before.includes(each)),
        [],
      );
    });

    it('goes away with each of its fixes, which add nothing', () => {
      const document = failing(example);
      const found = checkTable(document, options);
      const reported = of(found);
      for (const { fixes = [], severity } of reported) {
        for (const fix of fixes) {
          const { text, settings: written } = applyFix(document, fix);
          const fixed = textDocument(text);
          const after = checkTable(fixed, { ...options, ...written });
          // What is left may be a note about what was chosen.
          const left = of(after).filter((each) => each.severity === severity);
          assert.ok(left.length < reported.length, `${fix.title}: still there`);
          for (const { rule, message, severity: gravity } of [...fixed.diagnostics, ...after]) {
            if (gravity === 'info' || gravity === 'hint') continue;
            assert.ok(
              [...document.diagnostics, ...found].some((each) => each.rule === rule),
              `${fix.title}: adds ${rule}: ${message}`,
            );
          }
        }
      }
    });
  });
}
