import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { printTable } from '../../../server/src/acpi/text/print';
import { codeLenses } from '../../../server/src/features/iort/code-lenses';
import { completions } from '../../../server/src/features/iort/completion';
import { folds } from '../../../server/src/features/iort/folding';
import { format } from '../../../server/src/features/iort/formatting';
import { tableHover } from '../../../server/src/features/iort/hover';
import { inlayHints } from '../../../server/src/features/iort/inlay-hints';
import { movedDiagnostics, settle } from '../../../server/src/features/iort/moved-references';
import { definition, references } from '../../../server/src/features/iort/references';
import { semanticTokens } from '../../../server/src/features/iort/semantic-tokens';
import { symbols, type TableSymbol } from '../../../server/src/features/iort/symbols';
import { generateTable } from '../../acpi/generate-table';
import { random, type Random } from '../../fuzz/random';
import { analysed, exampleTable, tableOf } from './table';

/** Every feature at places all over a text: none fails, and what they say lies in the text. */
function tryAll(text: string): void {
  const whole = tableOf(text);
  if (whole.signature === '') return;
  const { document, analysis } = analysed(whole);
  const { length } = document.file.text;
  const inside = (start: number, end: number): void => {
    assert.ok(0 <= start && start <= end && end <= length);
  };
  const check = ({ start, end, children }: TableSymbol): void => {
    inside(start, end);
    children.forEach(check);
  };
  symbols(document).forEach(check);
  folds(document);
  let last = 0;
  for (const { start, end } of [...format(document)].sort((a, b) => a.start - b.start)) {
    inside(start, end);
    assert.ok(start >= last, 'edits that touch each other');
    last = end;
  }
  for (const { offset } of inlayHints(document, 0, length)) inside(offset, offset);
  codeLenses(document, analysis);
  semanticTokens(document, 0, length, () => undefined);
  const before = settle(undefined, tableOf(exampleTable))!;
  movedDiagnostics(document, settle(before, document)!);
  for (let offset = 0; offset <= length; offset += 1 + Math.floor(length / 60)) {
    const hover = tableHover(document, analysis, offset);
    if (hover !== undefined) inside(hover.range.start, hover.range.end);
    definition(document, offset);
    for (const { start, end } of references(document, offset, true)) inside(start, end);
    for (const { start, end } of completions(document, offset)) inside(start, end);
  }
}

/** Lines lost, doubled and swapped, characters changed. */
function mangled(text: string, numbers: Random): string {
  const lines = text.split('\n');
  for (let count = 0; count < 1 + numbers.below(6); count++) {
    const at = numbers.below(lines.length);
    const other = numbers.below(lines.length);
    switch (numbers.below(5)) {
      case 0:
        lines.splice(at, 1 + numbers.below(3));
        break;
      case 1:
        lines.splice(at, 0, lines[other] ?? '');
        break;
      case 2:
        [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
        break;
      case 3:
        lines[at] = (lines[at] ?? '').replace(/[0-9A-F]{2,}/, numbers.pick(['FFFFFFFF', '0', '0d16', '', '48 +']));
        break;
      default:
        lines[at] = (lines[at] ?? '').slice(0, numbers.below(60)) + numbers.pick(['"', '/*', '\\', ':', '[', '//']);
    }
  }
  return lines.join('\n');
}

describe('features for tables', () => {
  it('hold on damaged texts', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const numbers = random(seed);
      const bytes = generateTable(seed, { mostNodes: 6, isOdd: seed % 3 === 0 });
      tryAll(mangled(printTable(bytes, { style: seed % 4 === 0 ? '20200925' : 'current' }), numbers));
      tryAll(mangled(exampleTable, numbers));
    }
  });

  it('hold on a MADT and a VIOT, whose fields they know, and on tables that are left alone', () => {
    const madt = readFileSync(path.join(import.meta.dirname, '../../../docs/rules/madt.dsl'), 'utf8');
    tryAll(madt);
    for (let seed = 1; seed <= 20; seed++) tryAll(mangled(madt, random(seed)));
    const document = tableOf(madt);
    assert.ok(symbols(document).some(({ name }) => name === 'GIC ITS 0'));
    const viot = printTable(readFileSync(path.join(import.meta.dirname, '../../fixtures/truth/iort/a17-viot/VIOT')), {
      style: 'current',
    });
    tryAll(viot);
    for (let seed = 1; seed <= 20; seed++) tryAll(mangled(viot, random(seed)));
    const names = symbols(tableOf(viot)).map(({ name }) => name);
    assert.deepEqual(names, ['VIOT', 'Virtio-iommu on PCI', 'Range of PCI functions']);
    tryAll(exampleTable.replace('"IORT"', '"SSDT"'));
    assert.deepEqual(format(tableOf(exampleTable.replace('"IORT"', '"SSDT"'))), []);
  });
});
