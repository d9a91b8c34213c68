import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { catalogueEntry, documentationUrl, rules, withWorkspace } from '../../server/src/rules/catalogue';
import { documentationPages } from '../../server/src/rules/documentation';
import { workspaceRules } from '../../server/src/workspace/problems';
import { applyFix, diagnosticsOf, documentationFolder, onBoard, ruleIds } from './board';

const catalogue = withWorkspace(workspaceRules);
const kernelVersions: readonly KernelVersion[] = ['6.1', '6.12', '7.2'];

describe('documentation of the rules', () => {
  it('is what `npm run docs:rules` writes', () => {
    const pages = documentationPages(catalogue);
    for (const [name, text] of pages) {
      const file = path.join(documentationFolder, name);
      assert.ok(existsSync(file), `${name} is missing: run npm run docs:rules`);
      assert.equal(readFileSync(file, 'utf8'), text, `${name} is out of date: run npm run docs:rules`);
    }
    const written = readdirSync(documentationFolder).filter((name) => name.endsWith('.md'));
    assert.deepEqual(
      written.filter((name) => !pages.has(name)),
      [],
    );
  });

  it('gives each id once, with a page', () => {
    assert.equal(new Set(catalogue.map(({ id }) => id)).size, catalogue.length);
    assert.equal(catalogueEntry('msi-window-overlap')?.severity, 'warning');
    assert.match(documentationUrl('msi-window-overlap'), /\/docs\/rules\/msi-window-overlap\.md$/);
  });

  it('names prerequisites that exist', () => {
    for (const { id, prerequisites = [] } of rules) {
      for (const each of prerequisites) assert.ok(catalogueEntry(each), `${each} of ${id}`);
    }
  });

  it('has a board without findings', () => {
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(''))), []);
  });

  for (const { id, docs } of rules) {
    const { failing, corrected, settings, correctedSettings = settings } = docs.example;
    const kernel = docs.example.kernel as KernelVersion | undefined;
    describe(id, () => {
      it('is reported for the failing example', () => {
        const found = diagnosticsOf(onBoard(failing, settings), kernel);
        assert.ok(
          found.some(({ rule }) => rule === id),
          `only ${found.map(({ rule }) => rule).join(', ')}`,
        );
      });

      it('says for which kernels it holds, on its page and in its message, unless for all', () => {
        const byKernel = kernelVersions.map((each) => {
          return diagnosticsOf(onBoard(failing, settings), each).filter(({ rule }) => rule === id);
        });
        if (new Set(byKernel.map((found) => found[0]?.severity)).size === 1) return;
        assert.ok(docs.kernels !== undefined, byKernel.map((found) => found[0]?.severity ?? 'not reported').join(', '));
        for (const { message } of byKernel.flat()) assert.match(message, /\b[67]\.\d/);
      });

      it('is not reported for the corrected example, nor is anything new', () => {
        const before = ruleIds(diagnosticsOf(onBoard(failing, settings), kernel));
        const found = diagnosticsOf(onBoard(corrected, correctedSettings), kernel);
        assert.ok(!found.some(({ rule }) => rule === id));
        assert.deepEqual(
          ruleIds(found).filter((each) => !before.includes(each)),
          [],
        );
      });

      it('goes away with each of its fixes, which add nothing', () => {
        const before = onBoard(failing, settings);
        const found = diagnosticsOf(before, kernel);
        const reported = found.filter(({ rule }) => rule === id);
        for (const { fixes = [] } of reported) {
          for (const fix of fixes) {
            const after = diagnosticsOf(applyFix(before, fix), kernel);
            const left = after.filter(({ rule }) => rule === id).length;
            assert.ok(left < reported.length, `${fix.title}: still there`);
            for (const { rule, message } of after) {
              assert.ok(
                found.some((each) => each.rule === rule),
                `${fix.title}: adds ${rule}: ${message}`,
              );
            }
          }
        }
      });
    });
  }
});
