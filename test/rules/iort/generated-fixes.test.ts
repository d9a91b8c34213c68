import assert from 'node:assert/strict';
import { decodeIort } from '../../../server/src/acpi/iort/decode';
import type { Diagnostic } from '../../../server/src/text/diagnostic';
import { generateTable } from '../../acpi/generate-table';
import { oddLayout } from '../../acpi/odd-layout';
import { random } from '../../fuzz/random';
import { applyFix, binaryDocument, checkTable, textDocument } from './table';

/** Fixes of one table that are tried. */
const mostFixes = 40;

/** How often a rule says just that. */
function times(found: readonly Diagnostic[], { rule, message }: Diagnostic): number {
  return found.filter((each) => each.rule === rule && each.message === message).length;
}

function fixesHold(name: string, bytes: Uint8Array): void {
  const document = textDocument(binaryDocument(bytes).file.text);
  const found = checkTable(document, { madt: undefined }).filter(({ rule }) => !rule.startsWith('iort-text'));
  const all = found.flatMap((finding) => (finding.fixes ?? []).map((fix) => ({ finding, fix })));
  for (const { finding, fix } of all.slice(0, mostFixes)) {
    if (fix.title.startsWith('Ignore') || fix.change().edits.length === 0) continue;
    const where = `${name}: ${finding.rule}: ${fix.title}`;
    const after = textDocument(applyFix(document, fix).text);
    assert.deepEqual(
      after.diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      [],
      where,
    );
    assert.ok(times(checkTable(after, { madt: undefined }), finding) < times(found, finding), where);
  }
}

describe('fixes of generated tables', () => {
  it('leave a table that is read, without what they mend', () => {
    for (let seed = 0; seed < 20; seed++) fixesHold(`seed ${seed}`, generateTable(seed, { mostNodes: 8 }));
  });

  it('do so in odd layouts as well', () => {
    for (let seed = 70; seed < 85; seed++) {
      const table = decodeIort(generateTable(seed, { mostNodes: 8 }));
      fixesHold(`seed ${seed}`, oddLayout(table, random(seed)));
    }
  });
});
