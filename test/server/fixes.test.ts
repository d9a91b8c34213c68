import assert from 'node:assert/strict';
import path from 'node:path';
import type {
  ClientCapabilities,
  CodeAction,
  Command,
  TextDocumentEdit,
  TextEdit,
  WorkspaceEdit,
} from 'vscode-languageserver-protocol/node';
import { chip, board, folderWith, fullCapabilities, wholeBoard } from './fixture';
import { startClient, uriOf, type LspClient } from './lsp-client';

const relocates = /^Relocate|doorbell\.json/;

describe('quick fixes over LSP', () => {
  let client: LspClient;
  let folder: string;
  let file: string;
  const begin = async (capabilities: ClientCapabilities): Promise<void> => {
    folder = folderWith({});
    file = path.join(folder, 'board.dts');
    client = await startClient({ folders: [folder], capabilities });
    await client.open(file, wholeBoard);
    await client.until(file, (set) => set.some(({ code }) => code === 'msi-window-overlap'));
  };
  const ask = <T>(only?: string[]): Promise<T[]> => {
    const [diagnostic] = client.shown(file);
    return client.request('textDocument/codeAction', {
      textDocument: { uri: uriOf(file) },
      range: diagnostic!.range,
      context: { diagnostics: [diagnostic], ...(only === undefined ? {} : { only }) },
    });
  };
  afterEach(async () => {
    assert.equal(await client.stop(), 0);
    assert.equal(client.errors(), '');
  });

  it('are resolved when chosen, and make the diagnostic go away', async () => {
    await begin(fullCapabilities);
    const actions = await ask<CodeAction>();
    const move = actions.find(({ title }) => title.startsWith('Move'));
    assert.ok(move, `no move among ${actions.map(({ title }) => title).join(', ')}`);
    assert.equal(move.edit, undefined);
    assert.equal(move.kind, 'quickfix');
    const { edit } = await client.request<CodeAction>('codeAction/resolve', move);
    const edits = textEdits(edit!, file);
    await client.change(file, { text: applied(wholeBoard, edits) });
    assert.deepEqual(await client.until(file, (set) => set.length === 0), []);
  });

  it('write doorbell.json: created where it is not, in what the client can do', async () => {
    await begin(fullCapabilities);
    const action = (await ask<CodeAction>()).find(({ title }) => relocates.test(title));
    assert.ok(action);
    const { edit } = await client.request<CodeAction>('codeAction/resolve', action);
    const [create, write] = edit!.documentChanges as [{ kind: string; uri: string }, TextDocumentEdit];
    assert.equal(create.kind, 'create');
    assert.equal(create.uri, uriOf(path.join(folder, 'doorbell.json')));
    assert.match((write.edits[0] as TextEdit).newText, /"msiWindow"/);
    // As an open document that is not saved yet it holds already.
    await client.open(path.join(folder, 'doorbell.json'), (write.edits[0] as TextEdit).newText, 'json');
    await client.until(file, (set) => set.length === 0);
  });

  it('come with their edits for a client that cannot resolve, as plain changes where it knows no others', async () => {
    await begin({
      textDocument: {
        codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix'] } } },
      },
    });
    const actions = await ask<CodeAction>();
    assert.ok(actions.length > 1);
    for (const { edit, data, isPreferred, disabled } of actions) {
      assert.ok(edit?.changes);
      assert.deepEqual(
        [edit.documentChanges, data, isPreferred, disabled],
        [undefined, undefined, undefined, undefined],
      );
    }
  });

  it('are commands for a client without action literals', async () => {
    await begin({ workspace: { applyEdit: true } });
    const command = (await ask<Command>()).find(({ title }) => title.startsWith('Move'));
    assert.equal(typeof command!.command, 'string');
    await client.request('workspace/executeCommand', command);
    const sent = client.received.find(({ method }) => method === 'workspace/applyEdit');
    assert.ok((sent!.params as { edit: WorkspaceEdit }).edit.changes);
  });

  it('are not offered to a client that could not apply them', async () => {
    await begin({});
    assert.equal(client.initialized.capabilities.codeActionProvider, undefined);
  });

  it('are left out where other kinds are asked for', async () => {
    await begin(fullCapabilities);
    assert.deepEqual(await ask(['refactor']), []);
    assert.ok((await ask(['quickfix'])).length > 0);
  });

  it('say so when the diagnostic is gone meanwhile', async () => {
    await begin(fullCapabilities);
    const [action] = await ask<CodeAction>();
    await client.change(file, { text: wholeBoard.replace('0x8000000', '0x9000000') });
    await assert.rejects(client.request('codeAction/resolve', action), /no longer there/);
  });

  it('never write a file outside the workspace', async () => {
    const outside = folderWith({ 'chip.dtsi': chip });
    await begin(fullCapabilities);
    const other = path.join(folder, 'other.dts');
    await client.open(other, board.replace('chip.dtsi', path.join(outside, 'chip.dtsi')));
    const [diagnostic] = await client.until(other, (set) => set.length > 0);
    const actions = await client.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri: uriOf(other) },
      range: diagnostic!.range,
      context: { diagnostics: [diagnostic] },
    });
    const move = actions.find(({ title }) => title.startsWith('Move'));
    assert.ok(move);
    await assert.rejects(client.request('codeAction/resolve', move), /outside the workspace/);
  });
});

function textEdits(edit: WorkspaceEdit, file: string): TextEdit[] {
  const changes = edit.documentChanges as TextDocumentEdit[];
  return changes
    .filter(({ textDocument }) => textDocument.uri === uriOf(file))
    .flatMap(({ edits }) => edits as TextEdit[]);
}

function applied(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (const match of text.matchAll(/\n/g)) starts.push(match.index + 1);
  const offset = ({ line, character }: { line: number; character: number }): number => starts[line]! + character;
  return [...edits]
    .sort((one, other) => offset(other.range.start) - offset(one.range.start))
    .reduce(
      (current, { range, newText }) =>
        current.slice(0, offset(range.start)) + newText + current.slice(offset(range.end)),
      text,
    );
}
