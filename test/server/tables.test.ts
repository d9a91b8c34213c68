import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type {
  ClientCapabilities,
  CodeLens,
  CompletionItem,
  CompletionList,
  Diagnostic,
  DocumentSymbol,
  FoldingRange,
  Hover,
  InlayHint,
  Location,
  LocationLink,
  SemanticTokens,
  SemanticTokensDelta,
  SemanticTokensEdit,
  SymbolInformation,
  TextDocumentEdit,
  TextEdit as LspTextEdit,
  WorkspaceEdit,
} from 'vscode-languageserver-protocol/node';
import { folderWith, fullCapabilities, positionOf, replacing, wholeBoard } from './fixture';
import { startClient, uriOf, type ClientOptions, type LspClient } from './lsp-client';

const tableText = readFileSync(path.join(import.meta.dirname, '../features/iort/table.dsl'), 'utf8');
const rules = (set: readonly Diagnostic[]): unknown[] => set.map(({ code }) => code);

const tableFeatures = {
  ...fullCapabilities,
  textDocument: {
    ...fullCapabilities.textDocument,
    definition: { linkSupport: true },
    references: {},
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
    foldingRange: {},
    inlayHint: {},
    codeLens: {},
    semanticTokens: {
      requests: { full: true, range: true },
      tokenTypes: [],
      tokenModifiers: [],
      formats: ['relative'],
    },
    formatting: { dynamicRegistration: true },
    completion: { completionItem: { snippetSupport: true, insertTextModeSupport: { valueSet: [1, 2] } } },
  },
} satisfies ClientCapabilities;

/** Edits of one text as changes that follow each other: the last of them first. */
function backwards(edits: TextDocumentEdit['edits']): object[] {
  const all = edits.map((edit) => ({ range: edit.range, text: 'newText' in edit ? edit.newText : '' }));
  return all.sort((a, b) => b.range.start.line - a.range.start.line);
}

describe('ACPI tables over LSP', () => {
  let client: LspClient;
  const folder = folderWith({});
  const file = path.join(folder, 'iort.dsl');
  const textDocument = { uri: uriOf(file) };
  /** What has changed since tokens were sent, and under which name the new ones are known. */
  async function changedTokens(known: string): Promise<{ edits: SemanticTokensEdit[] | undefined; next: string }> {
    const params = { textDocument, previousResultId: known };
    type Answer = Partial<SemanticTokensDelta>;
    const { edits, resultId } = await client.request<Answer>('textDocument/semanticTokens/full/delta', params);
    return { edits, next: resultId! };
  }
  const wholeFile = { start: { line: 0, character: 0 }, end: { line: 10_000, character: 0 } };
  const start = async (options: ClientOptions): Promise<LspClient> => (client = await startClient(options));
  afterEach(async () => {
    assert.equal(await client.stop(), 0);
    assert.equal(client.errors(), '');
  });

  it('get diagnostics when they are opened, and with each edit', async () => {
    await start({ folders: [folder], capabilities: fullCapabilities });
    const first = client.published(file);
    await client.open(file, tableText, 'acpi-table');
    const before = rules((await first).diagnostics);
    await client.change(file, replacing(tableText, 'Output Reference : 00000048', 'Output Reference : 0000004C'));
    const set = await client.until(file, (each) => rules(each).includes('iort-ref-not-node'));
    assert.ok(!before.includes('iort-ref-not-node'));
    const found = set.find(({ code }) => code === 'iort-ref-not-node')!;
    assert.equal(found.range.start.line, positionOf(tableText, 'Output Reference : 00000048').line);
    const wrong = tableText.replace('Output Reference : 00000048', 'Output Reference : 0000004C');
    await client.change(file, replacing(wrong, 'Output Reference : 0000004C', 'Output Reference : 00000048'));
    await client.until(file, (each) => !rules(each).includes('iort-ref-not-node'));
  });

  it('say where the signature is missing, and nothing of an empty one', async () => {
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, '', 'acpi-table');
    await client.until(file, (set) => set.length === 0);
    await client.change(file, { text: '/* the IORT */\n' });
    const [missing, ...more] = await client.until(file, (set) => set.length > 0);
    assert.deepEqual([missing!.code, missing!.severity, more], ['table-signature-missing', 3, []]);
    await client.change(file, { text: '/* the IORT */\nTable Length : 0\nRevision : 0\n' });
    const [first, ...rest] = await client.until(file, (set) => set.some(({ severity }) => severity === 1));
    assert.deepEqual([first!.code, first!.range.start.line, rest], ['table-signature', 1, []]);
    await client.change(file, { text: tableText.replace('"IORT"', '"iort"') });
    const [misspelled, ...others] = await client.until(file, ([one]) => one?.range.start.line === 4);
    assert.deepEqual([misspelled!.code, others], ['table-signature', []]);
    await client.change(file, { text: tableText });
    await client.until(file, (set) => !rules(set).includes('table-signature'));
  });

  it('have the rules’ quick fixes', async () => {
    const wrong = tableText.replace('Output Reference : 00000048', 'Output Reference : 0000004C');
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, wrong, 'acpi-table');
    const set = await client.until(file, (each) => rules(each).includes('iort-ref-not-node'));
    const { range } = set.find(({ code }) => code === 'iort-ref-not-node')!;
    const actions = await client.request<{ title: string; data: unknown }[]>('textDocument/codeAction', {
      textDocument,
      range,
      context: { diagnostics: [] },
    });
    const action = actions.find(({ title }) => title.startsWith('Refer to the SMMUv3'))!;
    const resolved = await client.request<{ edit: unknown }>('codeAction/resolve', action);
    assert.match(JSON.stringify(resolved.edit), /"newText":"00000048"/);
  });

  it('get hovers, hints, symbols, folds, lenses, definitions and references', async () => {
    await start({ folders: [folder], capabilities: tableFeatures });
    const { capabilities } = client.initialized;
    for (const provider of ['definition', 'references', 'documentSymbol', 'foldingRange', 'inlayHint'] as const)
      assert.equal(capabilities[`${provider}Provider`], true);
    await client.open(file, tableText, 'acpi-table');
    const at = positionOf(tableText, 'Output Reference : 00000048');
    const position = { line: at.line, character: at.character + 'Output Reference : '.length };

    const hover = await client.request<Hover>('textDocument/hover', { textDocument, position });
    assert.match(JSON.stringify(hover.contents), /stream IDs 0x0–0xffff of SMMUv3/);
    const hints = await client.request<InlayHint[]>('textDocument/inlayHint', { textDocument, range: wholeFile });
    assert.ok(hints.some(({ label }) => label === 'SMMUv3 0x2b400000'));
    const [, , smmu] = await client.request<DocumentSymbol[]>('textDocument/documentSymbol', { textDocument });
    assert.equal(smmu!.name, 'SMMUv3 0x2b400000');
    assert.equal(smmu!.children!.length, 1);
    const folds = await client.request<FoldingRange[]>('textDocument/foldingRange', { textDocument });
    assert.ok(folds.some(({ startLine }) => startLine === smmu!.range.start.line));
    const tokens = await client.request<SemanticTokens>('textDocument/semanticTokens/full', { textDocument });
    assert.ok(tokens.data.length > 0 && tokens.data.length % 5 === 0);
    const range = { start: { line: smmu!.range.start.line, character: 0 }, end: smmu!.range.end };
    const part = await client.request<SemanticTokens>('textDocument/semanticTokens/range', { textDocument, range });
    assert.ok(part.data.length > 0 && part.data.length < tokens.data.length);
    const unchanged = await changedTokens(tokens.resultId!);
    assert.deepEqual(unchanged.edits, []);
    const digit = { start: position, end: { ...position, character: position.character + 1 } };
    await client.change(file, { range: digit, text: '0x0' });
    const changed = await changedTokens(unchanged.next);
    assert.equal(changed.edits!.flatMap(({ data }) => data ?? []).length, 1, 'the length of one number');
    await client.change(file, {
      range: { start: position, end: { ...position, character: position.character + 3 } },
      text: '0',
    });
    assert.equal((await changedTokens('some other')).edits, undefined, 'all are sent');
    const lenses = await client.request<CodeLens[]>('textDocument/codeLens', { textDocument });
    assert.deepEqual(lenses[0]!.command, {
      title: 'Linux 6.12: reserves 0x8000000–0x80fffff msi',
      command: 'doorbell.showRegions',
    });
    const [link] = await client.request<LocationLink[]>('textDocument/definition', { textDocument, position });
    assert.deepEqual(link!.targetSelectionRange, smmu!.selectionRange);
    const found = await client.request<Location[]>('textDocument/references', {
      textDocument,
      position,
      context: { includeDeclaration: false },
    });
    assert.equal(found.length, 2);
  });

  it('get references that keep up: a warning where a node was left behind, with one fix for all of them', async () => {
    await start({ folders: [folder], capabilities: tableFeatures });
    await client.open(file, tableText, 'acpi-table');
    await client.until(file, () => true);
    const group = tableText.slice(tableText.indexOf('// ITS group'), tableText.indexOf('// SMMUv3'));
    const second = group.replace('Identifier : 00000000', 'Identifier : 00000020');
    await client.change(file, replacing(tableText, '// SMMUv3,', `${second}// SMMUv3,`));
    const set = await client.until(file, (each) => rules(each).includes('iort-reference-moved'));
    const { range } = set.find(({ code }) => code === 'iort-reference-moved')!;
    const actions = await client.request<{ title: string; isPreferred?: boolean }[]>('textDocument/codeAction', {
      textDocument,
      range,
      context: { diagnostics: [] },
    });
    const action = actions.find(({ title }) => title === 'Update 5 references to nodes that have moved')!;
    assert.equal(action.isPreferred, true);
    const { edit } = await client.request<{ edit: WorkspaceEdit }>('codeAction/resolve', action);
    const [change] = edit.documentChanges as TextDocumentEdit[];
    assert.equal(change!.edits.length, 5);
    await client.change(file, ...backwards(change!.edits));
    await client.until(file, (each) => !rules(each).includes('iort-reference-moved'));
  });

  it('are laid out on request; references follow, where that is set', async () => {
    const ragged = tableText.replace(/^ +Oem ID : /m, 'Oem ID:');
    for (const updateReferencesOnFormat of [false, true]) {
      const settings = { tables: { updateReferencesOnFormat } };
      await start({ folders: [folder], capabilities: tableFeatures, settings, initializationOptions: settings });
      const { params } = await client.message('client/registerCapability');
      assert.match(JSON.stringify(params), /workspace|textDocument/);
      await client.open(file, ragged, 'acpi-table');
      await client.until(file, () => true);
      const group = ragged.slice(ragged.indexOf('// ITS group'), ragged.indexOf('// SMMUv3'));
      await client.change(file, replacing(ragged, '// SMMUv3,', `${group}// SMMUv3,`));
      await client.until(file, (each) => rules(each).includes('iort-reference-moved'));
      const options = { tabSize: 2, insertSpaces: true };
      const edits = await client.request<LspTextEdit[]>('textDocument/formatting', { textDocument, options });
      assert.ok(edits.some(({ newText }) => newText === '                      Oem ID : '));
      assert.equal(edits.filter(({ newText }) => newText === '00000060').length, updateReferencesOnFormat ? 2 : 0);
      const registered = client.received.filter(({ method }) => method === 'client/registerCapability');
      assert.match(
        JSON.stringify(registered),
        /"textDocument\/formatting".*"documentSelector":\[\{"language":"acpi-table"\}\]/,
      );
      if (!updateReferencesOnFormat) assert.equal(await client.stop(), 0);
    }
  });

  it('are completed: nodes by name, whole nodes as snippets, a whole table in an empty document', async () => {
    await start({ folders: [folder], capabilities: tableFeatures });
    const complete = async (part: string, after: string): Promise<CompletionItem[]> => {
      const at = positionOf(after, part);
      const position = { line: at.line, character: at.character + part.length };
      const list = await client.request<CompletionList>('textDocument/completion', { textDocument, position });
      return list.items;
    };
    await client.open(file, tableText, 'acpi-table');
    const [first] = await complete('Output Reference : 00000048', tableText);
    assert.equal(first!.label, 'SMMUv3 0x2b400000');
    assert.equal((first!.textEdit as LspTextEdit).newText, '00000048');
    const longer = `${tableText}\n//\n`;
    await client.change(file, { text: `${tableText}\n\n` });
    const nodes = await complete('\n//\n', longer);
    const component = nodes.find(({ label }) => label === 'New node: Named component')!;
    assert.equal(component.insertTextFormat, 2);
    assert.match((component.textEdit as LspTextEdit).newText, /Device Name : \$\{1:"\\\\_SB_\.DEV0"\}/);
    await client.change(file, { text: '' });
    assert.deepEqual((await client.until(file, (set) => set.length === 0)).length, 0);
    const [whole] = await complete('', '');
    assert.equal(whole!.label, 'IORT of revision 6');
    await client.change(file, { text: (whole!.textEdit as LspTextEdit).newText });
    const [, node] = await client.request<DocumentSymbol[]>('textDocument/documentSymbol', { textDocument });
    assert.equal(node!.name, 'ITS group 0');
  });

  it('are announced as far as the client has the feature, in the form it has', async () => {
    await start({ folders: [folder], capabilities: { textDocument: { documentSymbol: {}, definition: {} } } });
    const { capabilities } = client.initialized;
    assert.equal(capabilities.foldingRangeProvider, undefined);
    assert.equal(capabilities.inlayHintProvider, undefined);
    assert.equal(capabilities.codeLensProvider, undefined);
    await client.open(file, tableText, 'acpi-table');
    const flat = await client.request<SymbolInformation[]>('textDocument/documentSymbol', { textDocument });
    assert.equal(flat[2]!.location.uri, textDocument.uri);
    const at = positionOf(tableText, 'Output Reference : 00000048');
    const position = { line: at.line, character: at.character + 'Output Reference : '.length };
    const found = await client.request<Location>('textDocument/definition', { textDocument, position });
    assert.equal(found.uri, textDocument.uri);
  });

  it('and devicetree sources are answered with nothing by what is for tables', async () => {
    const board = path.join(folder, 'board.dts');
    await start({ folders: [folder], capabilities: tableFeatures });
    await client.open(board, wholeBoard);
    const params = {
      textDocument: { uri: uriOf(board) },
      position: positionOf(wholeBoard, 'smmu:'),
      range: wholeFile,
      context: { includeDeclaration: true },
    };
    for (const method of [
      'completion',
      'definition',
      'references',
      'documentSymbol',
      'foldingRange',
      'inlayHint',
      'codeLens',
    ])
      assert.equal(await client.request(`textDocument/${method}`, params), null, method);
  });
});
