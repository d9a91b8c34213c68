import assert from 'node:assert/strict';
import { buildIort } from '../../../server/src/acpi/iort/build';
import type { TableDocument } from '../../../server/src/acpi/text/document';
import { tableRules } from '../../../server/src/rules/catalogue';
import type { TableExample } from '../../../server/src/rules/table-rule';
import { compileText } from '../../oracle/iasl/iasl';
import { describeWithIasl } from '../../oracle/suite';
import { firmware } from './firmware';
import { amendTable, applyFix, binaryDocument, checkTable, textDocument } from './table';

const checksumAt = 9;

/** What a fix of the file itself makes of the text, by its title. */
function fixedTexts(document: TableDocument, rule?: string): (readonly [title: string, text: string])[] {
  return checkTable(document, { kernel: '7.2' }).flatMap((found) =>
    rule !== undefined && found.rule !== rule
      ? []
      : (found.fixes ?? [])
          .filter(({ change }) => change().edits.length > 0)
          .map((fix) => [`${found.rule}: ${fix.title}`, applyFix(document, fix).text] as const),
  );
}

function failing({ failing: text, bytes }: TableExample): TableDocument {
  const document = textDocument(amendTable(text));
  if (bytes === undefined) return document;
  const changed = Uint8Array.from(document.bytes);
  for (const [offset, ...values] of bytes) changed.set(values, offset);
  return binaryDocument(changed);
}

describeWithIasl('what fixes write', function ({ current }) {
  async function isCompiledAlike(title: string, text: string): Promise<void> {
    const { output, messages } = await compileText(current, text);
    assert.ok(output !== undefined, `${title}: ${messages}`);
    const ours = Buffer.from(textDocument(text).bytes);
    // A wrong checksum is kept as it is, which iasl cannot do.
    for (const bytes of [ours, output]) bytes[checksumAt] = 0;
    assert.deepEqual(ours, output, title);
  }

  for (const { id, docs } of tableRules) {
    it(`${id}: is compiled by iasl to the same bytes`, async () => {
      for (const [title, text] of fixedTexts(failing(docs.example), id)) await isCompiledAlike(title, text);
    });
  }

  for (const [name, draft] of Object.entries(firmware)) {
    it(`in the table of ${name}, where iasl can read it: is compiled to the same bytes`, async () => {
      const built = buildIort(draft);
      assert.ok('bytes' in built);
      const document = binaryDocument(built.bytes);
      const { output } = await compileText(current, document.file.text);
      if (output?.equals(built.bytes) !== true) return;
      for (const [title, text] of fixedTexts(document)) await isCompiledAlike(title, text);
    });
  }
});
