import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Diagnostic, FullDocumentDiagnosticReport } from 'vscode-languageserver-protocol/node';
import { board, chip, folderWith, fullCapabilities, replacing, wholeBoard } from './fixture';
import { startClient, uriOf, type ClientOptions, type LspClient } from './lsp-client';

const overlap = 'msi-window-overlap';
const rules = (set: readonly Diagnostic[]): unknown[] => set.map(({ code }) => code);
/** Messages may be more than text since LSP 3.18; ours are not. */
const text = (message: Diagnostic['message']): string => (typeof message === 'string' ? message : message.value);
const hasOverlap = (set: readonly Diagnostic[]): boolean => rules(set).includes(overlap);

describe('diagnostics over LSP', () => {
  let client: LspClient;
  const start = async (options: ClientOptions): Promise<LspClient> => (client = await startClient(options));
  afterEach(async () => {
    assert.equal(await client.stop(), 0);
    assert.equal(client.errors(), '');
  });

  it('are published when a board is opened, with evidence, and follow its edits', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, wholeBoard);
    const [found] = await client.until(file, hasOverlap);
    assert.equal(found!.source, 'doorbell');
    assert.ok(found!.relatedInformation!.length > 0);
    await client.change(file, replacing(wholeBoard, '0x8000000', '0x9000000'));
    assert.deepEqual(rules(await client.until(file, (set) => !hasOverlap(set))), []);
    await client.change(file, replacing(wholeBoard.replace('0x8000000', '0x9000000'), '0x9000000', '0x8000000'));
    await client.until(file, hasOverlap);
  });

  it('carry the evidence in the message for a client without related information', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    await start({ folders: [folder] });
    await client.open(file, wholeBoard);
    const [found] = await client.until(file, hasOverlap);
    assert.equal(found!.relatedInformation, undefined);
    assert.match(text(found!.message), /\nboard\.dts:\d+: /);
  });

  it('of an included file appear in it, and go when its buffer is edited, without being saved', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    const [boardFile, chipFile] = [path.join(folder, 'board.dts'), path.join(folder, 'chip.dtsi')];
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(boardFile, board);
    await client.until(chipFile, hasOverlap);
    await client.open(chipFile, chip);
    await client.change(chipFile, replacing(chip, '0x8000000', '0x9000000'));
    await client.until(chipFile, (set) => set.length === 0);
    // Closed without saving: the disk holds again.
    await client.close(chipFile);
    await client.until(chipFile, hasOverlap);
    await client.close(boardFile);
    await client.until(chipFile, (set) => set.length === 0);
  });

  it('appear at the include for a file outside the workspace', async () => {
    const outside = folderWith({ 'chip.dtsi': chip });
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    const source = `/dts-v1/;\n#include "${path.join(outside, 'chip.dtsi')}"\n`;
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, source);
    const [found] = await client.until(file, hasOverlap);
    assert.equal(found!.range.start.line, 1);
    assert.match(text(found!.message), /^In chip\.dtsi:\d+: /);
    assert.deepEqual(new Set(client.publications.map(({ uri }) => uri)), new Set([uriOf(file)]));
  });

  it('of a file shared by two boards say in which of them', async () => {
    const harmless = board.replace('/dts-v1/;', '/dts-v1/;\n#define SAFE');
    const shared = chip.replace('0x8000000', '\n#ifdef SAFE\n0x9000000\n#else\n0x8000000\n#endif\n');
    const folder = folderWith({ 'one.dts': board, 'two.dts': harmless, 'chip.dtsi': shared });
    const [one, two, chipFile] = ['one.dts', 'two.dts', 'chip.dtsi'].map((name) => path.join(folder, name));
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(one!, board);
    await client.until(chipFile!, hasOverlap);
    assert.ok(client.shown(chipFile!).every(({ message }) => !text(message).includes('one.dts')));
    await client.open(two!, harmless);
    await client.until(chipFile!, (set) => set.some(({ message }) => text(message).endsWith('(as part of one.dts)')));
    // Both have it now: said once, of no board.
    await client.change(two!, replacing(harmless, '#define SAFE', ''));
    const agreed = await client.until(
      chipFile!,
      (set) => !set.some(({ message }) => text(message).includes('as part of')),
    );
    assert.equal(rules(agreed).filter((rule) => rule === overlap).length, 1);
  });

  it('are never emptied before new ones come, and equal sets are not sent again', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    const [boardFile, chipFile] = [path.join(folder, 'board.dts'), path.join(folder, 'chip.dtsi')];
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(boardFile, board);
    await client.until(chipFile, hasOverlap);
    for (let count = 0; count < 5; count++) {
      const answer = client.published(boardFile);
      await client.change(boardFile, { text: `${board}// ${count}\n` });
      await answer;
    }
    const ofChip = client.publications.filter(({ uri }) => uri === uriOf(chipFile));
    assert.equal(ofChip.length, 1);
    await client.close(boardFile);
    await client.until(chipFile, (set) => set.length === 0);
  });

  it('are the same after many small edits as for the whole text', async () => {
    const folder = folderWith({});
    const [edited, whole] = [path.join(folder, 'edited.dts'), path.join(folder, 'whole.dts')];
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(edited, '');
    let typed = '';
    for (const line of wholeBoard.replace('&dma 0x0', '&dma 0x1').split(/(?<=\n)/)) {
      const end = { line: typed.split('\n').length - 1, character: typed.split('\n').at(-1)!.length };
      await client.change(edited, { range: { start: end, end }, text: line });
      typed += line;
    }
    await client.change(edited, replacing(typed, '&dma 0x1', '&dma 0x0'), replacing(wholeBoard, 'ranges;', 'ranges;;'));
    const final = wholeBoard.replace('ranges;', 'ranges;;');
    await client.open(whole, final);
    await client.until(whole, hasOverlap);
    const place = ({ range, code }: Diagnostic): unknown => ({ range, code });
    // Of the texts on the way some have as many.
    const wanted = client.shown(whole).map(place);
    await client.until(edited, (set) => isDeepStrictEqual(set.map(place), wanted));
  });

  it('answer the last text of a burst of edits', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, wholeBoard);
    await client.until(file, hasOverlap);
    const before = client.publications.length;
    for (let count = 0; count < 200; count++) {
      void client.change(file, {
        text: count % 2 === 0 ? wholeBoard : wholeBoard.replace('0x8000000', '0x9000000'),
      });
    }
    const last = await new Promise<number | undefined>((resolve) => {
      const look = (): void => {
        const { version } = client.publications.at(-1)!;
        if (version === 201) resolve(version);
        else setTimeout(look, 5);
      };
      look();
    });
    assert.equal(last, 201);
    assert.equal(hasOverlap(client.shown(file)), false);
    assert.ok(client.publications.length - before < 100, 'older texts of the burst are not all analysed');
  });

  it('follow changes on the disk, a new include and doorbell.json', async () => {
    const folder = folderWith({ 'board.dts': board });
    const [boardFile, chipFile] = [path.join(folder, 'board.dts'), path.join(folder, 'chip.dtsi')];
    await start({ folders: [folder], capabilities: fullCapabilities });
    await client.open(boardFile, board);
    await client.until(boardFile, (set) => set.some(({ message }) => text(message).includes('chip.dtsi')));
    writeFileSync(chipFile, chip);
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uriOf(chipFile), type: 1 }] });
    await client.until(chipFile, hasOverlap);
    assert.deepEqual(client.shown(boardFile), []);
    const settings = path.join(folder, 'doorbell.json');
    writeFileSync(settings, '{"msiWindow":{"base":"0x10000000","size":"0x100000"}}');
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uriOf(settings), type: 1 }] });
    await client.until(chipFile, (set) => !hasOverlap(set));
    rmSync(settings);
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uriOf(settings), type: 3 }] });
    await client.until(chipFile, hasOverlap);
  });

  it('obey the editor’s settings, and its folders as they come and go', async () => {
    const one = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    const two = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    const settings = { rules: { [overlap]: 'off' } };
    await start({ folders: [one], capabilities: fullCapabilities, settings });
    const boards = [one, two].map((folder) => path.join(folder, 'board.dts'));
    const ready = client.published(boards[0]!);
    await client.open(boards[0]!, board);
    await ready;
    await client.notify('workspace/didChangeWorkspaceFolders', {
      event: { added: [{ uri: uriOf(two), name: 'two' }], removed: [] },
    });
    const other = client.published(boards[1]!);
    await client.open(boards[1]!, board);
    await other;
    await client.request('textDocument/hover', {
      textDocument: { uri: uriOf(boards[1]!) },
      position: { line: 2, character: 5 },
    });
    assert.equal(client.shown(path.join(one, 'chip.dtsi')).length, 0);
    assert.equal(client.shown(path.join(two, 'chip.dtsi')).length, 0);
  });

  it('are pulled by clients that announce it, with a refresh for the others', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    const [boardFile, chipFile] = [path.join(folder, 'board.dts'), path.join(folder, 'chip.dtsi')];
    const capabilities = {
      ...fullCapabilities,
      textDocument: { ...fullCapabilities.textDocument, diagnostic: { dynamicRegistration: false } },
    };
    await start({ folders: [folder], capabilities });
    assert.ok(client.initialized.capabilities.diagnosticProvider);
    const pull = (file: string, previousResultId?: string): Promise<FullDocumentDiagnosticReport> =>
      client.request('textDocument/diagnostic', { textDocument: { uri: uriOf(file) }, previousResultId });
    await client.open(boardFile, board);
    // A file that is not open cannot be pulled; once it is, what was pushed of it goes.
    await client.until(chipFile, hasOverlap);
    await client.open(chipFile, chip);
    const first = await pull(chipFile);
    assert.ok(hasOverlap(first.items));
    assert.deepEqual(client.shown(chipFile), []);
    const pushed = client.publications.length;
    assert.equal((await pull(chipFile, first.resultId)).kind, 'unchanged');
    await client.change(boardFile, { text: `${board}&hole { /delete-property/ iommu-addresses; };\n` });
    await client.request('textDocument/diagnostic', { textDocument: { uri: uriOf(boardFile) } });
    await client.message('workspace/diagnostic/refresh');
    assert.equal(hasOverlap((await pull(chipFile, first.resultId)).items), false);
    // Nothing of open documents is pushed.
    assert.deepEqual(client.publications.slice(pushed), []);
    const hasFindings = ({ uri, diagnostics }: { uri: string; diagnostics: readonly unknown[] }): boolean =>
      uri === uriOf(boardFile) && diagnostics.length > 0;
    assert.deepEqual(client.publications.filter(hasFindings), []);
  });
});
