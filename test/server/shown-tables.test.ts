// Tables with what is around them in an editor: binaries that are shown as text, the status bar.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CompletionList, Diagnostic, WorkspaceEdit } from 'vscode-languageserver-protocol/node';
import type { StatusParams } from '../../server/src/protocol';
import { printTable } from '../../server/src/acpi/text/print';
import { uriOf as uriOfServer } from '../../server/src/server/documents';
import { sourceFile } from '../../server/src/text/source-file';
import { dumpOf } from '../acpi/dump-of';
import { folderWith, fullCapabilities, positionOf } from './fixture';
import { startClient, uriOf, type ClientOptions, type LspClient } from './lsp-client';

const tableText = readFileSync(path.join(import.meta.dirname, '../features/iort/table.dsl'), 'utf8');
const rules = (set: readonly Diagnostic[]): unknown[] => set.map(({ code }) => code);

describe('ACPI tables in an editor', () => {
  let client: LspClient;
  const folder = folderWith({});
  const file = path.join(folder, 'iort.dsl');
  const start = async (options: ClientOptions): Promise<LspClient> => (client = await startClient(options));
  afterEach(async () => {
    assert.equal(await client.stop(), 0);
    assert.equal(client.errors(), '');
  });

  it('shown from a binary: no comment is offered, which would be lost, but doorbell.json', async () => {
    const wrong = tableText.replace('Output Reference : 00000048', 'Output Reference : 0000004C');
    const fixesOf = async (uri: string): Promise<{ title: string }[]> => {
      await start({ folders: [folder], capabilities: fullCapabilities });
      await client.open(uri, wrong, 'acpi-table');
      const set = await client.until(uri, (each) => rules(each).includes('iort-ref-not-node'));
      const { range } = set.find(({ code }) => code === 'iort-ref-not-node')!;
      return client.request<{ title: string }[]>('textDocument/codeAction', {
        textDocument: { uri },
        range,
        context: { diagnostics: [] },
      });
    };
    const ofText = (await fixesOf(uriOf(file))).map(({ title }) => title);
    assert.ok(ofText.includes('Ignore iort-ref-not-node here'));
    assert.equal(await client.stop(), 0);
    const ofBinary = await fixesOf(uriOf(file).replace('file:', 'doorbell-table:'));
    assert.ok(ofBinary.every(({ title }) => !title.startsWith('Ignore ')));
    const action = ofBinary.find(({ title }) => title === 'Turn iort-ref-not-node off in doorbell.json')!;
    const { edit } = await client.request<{ edit: WorkspaceEdit }>('codeAction/resolve', action);
    assert.match(JSON.stringify(edit), /doorbell\.json.*iort-ref-not-node\\": \\"off\\"/);
  });

  it('tell the status bar which table it is, and which MADT is read with it', async () => {
    const host = folderWith({ 'iort.dsl': tableText });
    const iort = path.join(host, 'iort.dsl');
    const statusWith = async (): Promise<StatusParams> => {
      await start({ folders: [host], capabilities: { ...fullCapabilities, experimental: { doorbellStatus: true } } });
      await client.open(iort, tableText, 'acpi-table');
      return (await client.message('doorbell/status')).params as StatusParams;
    };
    assert.deepEqual((await statusWith()).table, { signature: 'IORT' });
    assert.equal(await client.stop(), 0);
    writeFileSync(path.join(host, 'apic.dsl'), 'Signature : "APIC"\n');
    assert.deepEqual((await statusWith()).table, { signature: 'IORT', madt: uriOf(path.join(host, 'apic.dsl')) });
  });

  it('shown from a dump: its own MADT is read with it, whatever lies beside the dump', async () => {
    const recorded = (name: string) => readFileSync(path.join(import.meta.dirname, '../fixtures/truth/iort', name));
    const iort = recorded('a02-roundtrip.aml');
    const madt = recorded('qemu-madt.aml');
    const host = folderWith({
      'dump.txt': dumpOf(iort, 'IORT') + dumpOf(madt, 'APIC'),
      'apic.dsl': 'Signature : "APIC"\n',
    });
    const dump = path.join(host, 'dump.txt');
    const uri = `doorbell-table:${dump}/IORT`;
    const text = printTable(iort, { style: 'current' }).replace('Identifiers : 00000000', 'Identifiers : 00000005');
    await start({ folders: [host], capabilities: { ...fullCapabilities, experimental: { doorbellStatus: true } } });
    await client.open(uri, text, 'acpi-table');
    const set = await client.until(uri, (each) => rules(each).includes('iort-its-unknown'));
    assert.match(JSON.stringify(set.find(({ code }) => code === 'iort-its-unknown')), /the MADT has 0x0/);
    const status = (await client.message('doorbell/status')).params as StatusParams;
    assert.deepEqual(status.table, { signature: 'IORT', madt: uriOf(dump) });
    const file = sourceFile(path.join(dump, 'IORT'), text);
    const documents = new Map([[file.path, { uri, version: 1, file }]]);
    assert.equal(uriOfServer(path.join(dump, 'APIC'), documents), `doorbell-table:${dump}/APIC`);
    assert.equal(uriOfServer(path.join(host, 'APIC'), documents), uriOf(path.join(host, 'APIC')));
  });

  it('show the reserved regions of their machine as a devicetree does: text, binary, and a table of a dump', async () => {
    const recorded = (name: string) => readFileSync(path.join(import.meta.dirname, '../fixtures/truth/iort', name));
    const binary = recorded('a04-rmr-pci.aml');
    const host = folderWith({
      'doorbell.json': '{ "preserveBootConfiguration": true }',
      'dump.txt': dumpOf(binary, 'IORT'),
    });
    const text = printTable(binary, { style: 'current' });
    const inFolder = (name: string) => path.join(host, name);
    const regionsOf = async (uri: string): Promise<string> =>
      (await client.request<{ text: string }>('doorbell/regions', { uri })).text;
    const window = '0x0000000008000000 0x00000000080fffff msi\n';
    const direct = '0x0000000070000000 0x00000000701fffff direct\n';
    const groups = `# group 0: pci0000\n${window}# group 1: 0000:00:01.0\n${window}${direct}`;
    await start({ folders: [host], capabilities: fullCapabilities });
    const shown = ['IORT.aml', 'dump.txt/IORT'].map((name) => `doorbell-table:${inFolder(name)}`);
    for (const uri of [uriOf(inFolder('iort.dsl')), ...shown]) {
      await client.open(uri, text, 'acpi-table');
      const name = uri.split('/').at(-1)!;
      assert.equal(await regionsOf(uri), `# Reserved regions that Linux 6.12 will have on ${name}\n${groups}`);
    }
    const uri = shown[0]!;
    await client.change(uri, {
      text: text.replace('Base Address of RMR : 0000000070000000', 'Base Address of RMR : 0000000090000000'),
    });
    assert.match(await regionsOf(uri), /\n0x0000000090000000 0x00000000901fffff direct\n$/);
  });

  it('show no regions of tables that have none', async () => {
    const madt = readFileSync(path.join(import.meta.dirname, '../../docs/rules/madt.dsl'), 'utf8');
    const apic = path.join(folder, 'apic.dsl');
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(apic, madt, 'acpi-table');
    const { text } = await client.request<{ text: string }>('doorbell/regions', { uri: uriOf(apic) });
    assert.equal(text, '# apic.dsl: is the ACPI table APIC; what devices reach, the IORT says.\n');
  });

  it('complete the ITS that the MADT beside them has', async () => {
    const madt = readFileSync(path.join(import.meta.dirname, '../../docs/rules/madt.dsl'), 'utf8');
    const host = folderWith({ 'iort.dsl': tableText, 'madt.dsl': madt });
    const iort = path.join(host, 'iort.dsl');
    const completion = { completionItem: { snippetSupport: true } };
    await start({ folders: [host], capabilities: { textDocument: { ...fullCapabilities.textDocument, completion } } });
    await client.open(iort, tableText, 'acpi-table');
    const { line, character } = positionOf(tableText, 'Identifiers : ');
    const { items } = await client.request<CompletionList>('textDocument/completion', {
      textDocument: { uri: uriOf(iort) },
      position: { line, character: character + 'Identifiers : '.length },
    });
    assert.deepEqual(
      items.map(({ label, detail }) => [label, detail]),
      [
        ['GIC ITS 1', 'at 0x2f040000'],
        ['GIC ITS 0', 'at 0x2f020000'],
      ],
    );
  });
});
