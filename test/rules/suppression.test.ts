import assert from 'node:assert/strict';
import { settleDiagnostics } from '../../server/src/rules/suppression';
import { sourceFile } from '../../server/src/text/source-file';
import { applyFix, diagnosticsOf, onBoard, ruleIds } from './board';

/** Whether a diagnostic `some-rule` at the word `HERE` is still shown. */
function isShown(text: string): boolean {
  const file = sourceFile('/board.dts', text);
  const start = text.indexOf('HERE');
  const diagnostic = {
    rule: 'some-rule',
    severity: 'error' as const,
    range: { file, start, end: start + 4 },
    message: '',
  };
  return settleDiagnostics([diagnostic], {}).length === 1;
}

describe('ignoring diagnostics', () => {
  for (const [title, text, shown] of [
    ['on the line before', '// doorbell-ignore some-rule\nHERE', false],
    ['at the end of the line', 'HERE; // doorbell-ignore some-rule', false],
    ['in a block comment', '/* doorbell-ignore some-rule */\nHERE', false],
    ['among several, with a reason', '// doorbell-ignore other, some-rule -- known to work\nHERE', false],
    ['above another comment and a blank line', '// doorbell-ignore some-rule\n// more\n\nHERE', false],
    ['for the whole file', 'a;\nHERE;\n// doorbell-ignore-file some-rule', false],
    ['of another rule', '// doorbell-ignore some-rule-too\nHERE', true],
    ['named in the reason only', '// doorbell-ignore other -- some-rule\nHERE', true],
    ['two lines before', '// doorbell-ignore some-rule\na;\nHERE', true],
    ['at the end of the line before', 'a; // doorbell-ignore some-rule\nHERE', true],
    ['outside of a comment', 'doorbell-ignore some-rule\nHERE', true],
  ] as const) {
    it(`${shown ? 'does not work' : 'works'} ${title}`, () => {
      assert.equal(isShown(text), shown);
    });
  }

  it('takes severities, and off, from the settings', () => {
    const diagnostic = { rule: 'some-rule', severity: 'error' as const, range: undefined, message: '' };
    assert.equal(settleDiagnostics([diagnostic], { 'some-rule': 'info' })[0]!.severity, 'info');
    assert.deepEqual(settleDiagnostics([diagnostic], { 'some-rule': 'off' }), []);
    assert.equal(settleDiagnostics([{ ...diagnostic, rule: 'toString' }], {})[0]!.severity, 'error');
  });

  it('has a fix that writes the comment with the indentation and line ends of the file', () => {
    const before = onBoard('&dma {\r\n\tiommus = <&gic 0x1>;\r\n};');
    const fix = diagnosticsOf(before)[0]!.fixes!.at(-1)!;
    assert.equal(fix.title, 'Ignore iommu-target-not-iommu here');
    const after = applyFix(before, fix);
    assert.match(after['board.dts']!, /&dma \{\r\n\t\/\/ doorbell-ignore iommu-target-not-iommu\r\n\tiommus/);
    assert.deepEqual(ruleIds(diagnosticsOf(after)), []);
  });

  it('is not offered inside comments and continued lines', () => {
    for (const text of ['/* a\n*/ HERE', '#define A \\\nHERE']) {
      const file = sourceFile('/board.dts', text);
      const start = text.indexOf('HERE');
      const diagnostic = { rule: 'r', severity: 'error' as const, range: { file, start, end: start + 4 }, message: '' };
      assert.equal(settleDiagnostics([diagnostic], {})[0]!.fixes, undefined, text);
    }
  });

  it('is offered behind strings that look like comments, however long', () => {
    for (const string of ['"/*"', '"\\"/*"', `"${'x'.repeat(12e6)}"`, `"${'\\"'.repeat(4e6)}"`, '\\"'.repeat(1e6)]) {
      const text = `a = ${string};\nHERE`;
      const file = sourceFile('/board.dts', text);
      const start = text.length - 4;
      const diagnostic = { rule: 'r', severity: 'error' as const, range: { file, start, end: start + 4 }, message: '' };
      const [fix] = settleDiagnostics([diagnostic], {})[0]!.fixes ?? [];
      assert.equal(fix?.title, 'Ignore r here', string.slice(0, 20));
    }
  });
});
