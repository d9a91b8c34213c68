import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { CancellationTokenSource, type Hover } from 'vscode-languageserver-protocol/node';
import { board, chip, folderWith, fullCapabilities, positionOf, wholeBoard } from './fixture';
import { builtServer, startClient, uriOf, type LspClient } from './lsp-client';

describe('the server’s process', () => {
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [builtServer, ...args], { encoding: 'utf8', input: '' });

  it('explains itself', () => {
    assert.match(run('--help').stdout, /--stdio/);
    assert.equal(run('--help').status, 0);
  });
  it('refuses to start without a transport, in one line', () => {
    for (const args of [[], ['--socket=x'], ['--node-ipc'], ['--socket=1']]) {
      const { status, stderr, stdout } = run(...args);
      assert.equal(status, 2, args.join(' '));
      assert.match(stderr, /^doorbell: [^\n]+\n$/);
      assert.equal(stdout, '');
    }
  });
  it('ends when its input does', () => {
    assert.equal(run('--stdio').status, 1);
  });
  it('ends with 1 on exit without shutdown, with 0 after it', async () => {
    const client = await startClient();
    await client.notify('exit');
    assert.equal(await client.ended, 1);
    assert.equal(await (await startClient()).stop(), 0);
  });
  it('serves over Node’s channel, and ends with it', async () => {
    const client = await startClient({ transport: 'node-ipc' });
    const published = client.published('/x/board.dts');
    await client.open('/x/board.dts', '/ {');
    assert.ok((await published).diagnostics.length > 0);
    const exited = once(client.process, 'exit');
    client.process.disconnect();
    assert.deepEqual(await exited, [1, null]);
    assert.equal(await (await startClient({ transport: 'node-ipc' })).stop(), 0);
  });
  it('serves over a socket', async () => {
    const listener = createServer();
    try {
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      const { port } = listener.address() as AddressInfo;
      const child = spawn(process.execPath, [builtServer, `--socket=${port}`]);
      const ended = new Promise((resolve) => child.once('close', resolve));
      const socket = await new Promise<Socket>((resolve) => listener.once('connection', resolve));
      const params = { processId: null, capabilities: {} };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
      socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
      await new Promise<void>((resolve) => {
        let answer = '';
        socket.on('data', (data) => {
          answer += String(data);
          if (answer.includes('hoverProvider')) resolve();
        });
      });
      socket.end();
      assert.equal(await ended, 1);
    } finally {
      listener.close();
    }
  });
});

describe('the protocol', () => {
  let client: LspClient;
  afterEach(async () => {
    assert.equal(await client.stop(), 0);
  });

  it('asks a client that announces nothing for nothing', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    client = await startClient({ folders: [folder] });
    const { capabilities } = client.initialized;
    assert.deepEqual(
      [capabilities.diagnosticProvider, capabilities.codeActionProvider, capabilities.workspace],
      [undefined, undefined, undefined],
    );
    await client.open(path.join(folder, 'board.dts'), board);
    await client.until(path.join(folder, 'chip.dtsi'), (set) => set.length > 0);
    assert.deepEqual(
      new Set(client.received.map(({ method }) => method)),
      new Set(['textDocument/publishDiagnostics']),
    );
  });

  it('uses what a client announces: watchers, configuration, status', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    client = await startClient({ folders: [folder], capabilities: fullCapabilities });
    await client.open(path.join(folder, 'board.dts'), board);
    await client.until(path.join(folder, 'chip.dtsi'), (set) => set.length > 0);
    for (const method of ['client/registerCapability', 'workspace/configuration']) await client.message(method);
    const status = (await client.message('doorbell/status')).params as Record<string, unknown>;
    assert.equal(status.root, uriOf(path.join(folder, 'board.dts')));
    assert.equal(status.reason, 'itself');
  });

  it('shows the reserved regions of the board that an included file is seen in', async () => {
    const folder = folderWith({ 'board.dts': board, 'chip.dtsi': chip });
    client = await startClient({ folders: [folder], capabilities: fullCapabilities });
    await client.open(path.join(folder, 'chip.dtsi'), chip);
    const { text } = await client.request<{ text: string }>('doorbell/regions', {
      uri: uriOf(path.join(folder, 'chip.dtsi')),
    });
    assert.match(
      text,
      /^# Reserved regions that Linux 6\.12 will have on board\.dts\n# group 0: \/dma-controller@a000000\n0x0000000008000000 0x0000000008000fff reserved\n0x0000000008000000 0x00000000080fffff msi\n/,
    );
  });

  it('answers hovers in the form the client asks for', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    const hover = (): Promise<Hover | null> =>
      client.request('textDocument/hover', {
        textDocument: { uri: uriOf(file) },
        position: positionOf(wholeBoard, '0x10>'),
      });
    client = await startClient({ folders: [folder] });
    await client.open(file, wholeBoard);
    assert.deepEqual(Object.keys((await hover())!.contents), ['kind', 'value']);
    assert.match(JSON.stringify(await hover()), /"plaintext".*stream ID 0x10/);
    await client.stop();
    client = await startClient({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, wholeBoard);
    assert.match(JSON.stringify(await hover()), /"markdown".*stream ID `0x10`/);
  });

  it('outlives nonsense', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    client = await startClient({ folders: [folder], capabilities: fullCapabilities });
    await client.open(file, wholeBoard);
    const uri = uriOf(file);
    const nonsense: readonly (readonly [string, unknown])[] = [
      ['textDocument/hover', {}],
      ['textDocument/hover', null],
      ['textDocument/hover', { textDocument: { uri }, position: { line: 'a', character: {} } }],
      ['textDocument/hover', { textDocument: { uri: 'no uri at all' }, position: { line: 0, character: 0 } }],
      ['textDocument/hover', { textDocument: { uri }, position: { line: 99999, character: 99999 } }],
      ['textDocument/hover', { textDocument: { uri }, position: { line: -5, character: -1 } }],
      ['textDocument/codeAction', { textDocument: { uri }, range: 7, context: { diagnostics: [] } }],
      [
        'textDocument/codeAction',
        {
          textDocument: { uri: 'file:///nowhere.dts' },
          range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
          context: { diagnostics: [] },
        },
      ],
      ['codeAction/resolve', { title: 'x', data: { uri: 3 } }],
      ['doorbell/regions', 12],
      ['doorbell/regions', { uri: 'file:///nowhere.dts' }],
      ['no/such/method', {}],
    ];
    for (const [method, params] of nonsense) await client.request(method, params).catch(() => undefined);
    const end = { line: 1e9, character: 1e9 };
    await client.notify('textDocument/didChange', {
      textDocument: { uri, version: 2 },
      contentChanges: [{ range: { start: end, end }, text: '\n// end' }, { range: 'x', text: 4 }, null],
    });
    await client.notify('textDocument/didChange', {
      textDocument: { uri: 'file:///nowhere.dts', version: 2 },
      contentChanges: [],
    });
    await client.notify('textDocument/didChange', { contentChanges: 'x' });
    await client.notify('textDocument/didOpen', {});
    await client.notify('textDocument/didOpen', {
      textDocument: { uri: 'untitled:Untitled-1', languageId: 'dts', version: 1, text: wholeBoard },
    });
    await client.notify('textDocument/didOpen', {
      textDocument: { uri: 'file:///%ff%00/x.dts', languageId: 'dts', version: 1, text: '/dts-v1/; / {' },
    });
    await client.notify('textDocument/didClose', { textDocument: { uri: 'file:///nowhere.dts' } });
    await client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: 5 }, null] });
    await client.notify('workspace/didChangeConfiguration', null);
    await client.notify('$/cancelRequest', { id: 12345 });
    await client.until('untitled:Untitled-1', (set) => set.length > 0);
    const hover = await client.request<Hover | null>('textDocument/hover', {
      textDocument: { uri },
      position: positionOf(wholeBoard, '0x10>'),
    });
    assert.ok(hover);
    assert.equal(client.errors(), '');
  });

  it('answers no request that was cancelled before its turn', async () => {
    const folder = folderWith({});
    const file = path.join(folder, 'board.dts');
    client = await startClient({ folders: [folder] });
    await client.open(file, wholeBoard);
    const source = new CancellationTokenSource();
    const asked = client.connection.sendRequest<unknown>(
      'textDocument/hover',
      { textDocument: { uri: uriOf(file) }, position: positionOf(wholeBoard, '0x10>') },
      source.token,
    );
    source.cancel();
    // Either it was in time, or the answer had been made: the server goes on in both cases.
    await asked.catch((error: unknown) => {
      assert.match(String(error), /cancel/i);
    });
    assert.ok(
      await client.request('textDocument/hover', {
        textDocument: { uri: uriOf(file) },
        position: positionOf(wholeBoard, '0x10>'),
      }),
    );
  });
});
