// Every fix of every rule about an IORT, as an editor takes it: asked for at the finding, resolved, put into the text.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Diagnostic, TextDocumentEdit, WorkspaceEdit } from 'vscode-languageserver-protocol/node';
import { printTable } from '../../server/src/acpi/text/print';
import { tableRules } from '../../server/src/rules/catalogue';
import type { TableExample } from '../../server/src/rules/table-rule';
import { amendTable, textDocument } from '../rules/iort/table';
import { folderWith, fullCapabilities } from './fixture';
import { startClient, uriOf, type LspClient } from './lsp-client';

const madt = readFileSync(path.join(import.meta.dirname, '../../docs/rules/madt.dsl'), 'utf8');

interface Case {
  readonly id: string;
  /** Of the document, which for an example of bytes is a binary that is shown as text. */
  readonly uri: string;
  readonly text: string;
}

const folder = folderWith({});
const cases = tableRules.map(({ id, docs: { example, kernels } }): Case => {
  const place = path.join(folder, id);
  mkdirSync(place);
  writeFileSync(path.join(place, 'madt.dsl'), madt);
  const kernel = kernels?.startsWith('Linux 7.2') === true ? { kernel: '7.2' } : {};
  writeFileSync(path.join(place, 'doorbell.json'), JSON.stringify({ ...kernel, ...example.settings }));
  const file = uriOf(path.join(place, example.bytes === undefined ? 'iort.dsl' : 'iort.aml'));
  const isShown = example.bytes !== undefined;
  return { id, uri: isShown ? file.replace('file:', 'doorbell-table:') : file, text: failing(example) };
});

function failing({ failing: amendment, bytes }: TableExample): string {
  const text = amendTable(amendment);
  if (bytes === undefined) return text;
  const changed = Uint8Array.from(textDocument(text).bytes);
  for (const [offset, ...values] of bytes) changed.set(values, offset);
  return printTable(changed, { style: 'current' });
}

/** The text with the edits of one of its documents. */
function edited(text: string, edits: TextDocumentEdit['edits']): string {
  const lines = text.split('\n');
  const starts = lines.map((_, index) => lines.slice(0, index).join('\n').length + (index === 0 ? 0 : 1));
  const at = ({ line, character }: { line: number; character: number }): number => starts[line]! + character;
  return [...edits]
    .sort((a, b) => at(b.range.start) - at(a.range.start))
    .reduce((current, edit) => {
      assert.ok('newText' in edit);
      return current.slice(0, at(edit.range.start)) + edit.newText + current.slice(at(edit.range.end));
    }, text);
}

const key = ({ code, severity }: Diagnostic): string => `${severity} ${code}`;

describe('fixes of an IORT over LSP', () => {
  let client: LspClient;
  before(async () => {
    client = await startClient({ folders: [folder], capabilities: fullCapabilities });
  });
  after(async () => {
    assert.equal(await client.stop(), 0);
    assert.equal(client.errors(), '');
  });

  let tried = 0;
  for (const { id, uri, text } of cases) {
    it(`${id}: each makes the finding go, and none a new one`, async () => {
      await client.open(uri, text, 'acpi-table');
      const found = await client.until(uri, (set) => set.some(({ code }) => code === id));
      const { range, severity } = found.find(({ code }) => code === id)!;
      const textDocument = { uri };
      const actions = await client.request<{ title: string; diagnostics: Diagnostic[] }[]>('textDocument/codeAction', {
        textDocument,
        range,
        context: { diagnostics: [] },
      });
      const own = actions.filter(
        ({ title, diagnostics }) => !/^(?:Ignore|Turn) /.test(title) && diagnostics[0]!.code === id,
      );
      for (const action of own) {
        tried++;
        const { edit } = await client.request<{ edit: WorkspaceEdit }>('codeAction/resolve', action);
        const change = edit.documentChanges!.find((each): each is TextDocumentEdit => 'edits' in each)!;
        // What is written into doorbell.json holds once it is saved.
        if (change.textDocument.uri !== uri) continue;
        await client.change(uri, { text: edited(text, change.edits) });
        const gone = (set: readonly Diagnostic[]): number =>
          set.filter(({ code, severity: left }) => code === id && left === severity).length;
        const after = await client.until(uri, (set) => gone(set) < gone(found));
        const added = after.map(key).filter((each) => /^[12] /.test(each) && !found.map(key).includes(each));
        assert.deepEqual(added, [], action.title);
        await client.change(uri, { text });
        await client.until(uri, (set) => gone(set) === gone(found));
      }
      await client.close(uri);
    });
  }

  it('were tried', () => {
    assert.ok(tried > 60, tried.toString());
  });
});
