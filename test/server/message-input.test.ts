import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { ReadableStreamMessageReader, type Message } from 'vscode-languageserver-protocol/node';
import { MessagePieces } from '../../server/src/server/message-input';
import { random } from '../fuzz/random';
import { folderWith } from './fixture';
import { builtServer } from './lsp-client';

/** What a socket would do: as much as there is room for, of as many bytes as have come by then. */
function read(stream: Buffer, arrived: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  const input = new MessagePieces((piece) => pieces.push(piece));
  for (let at = 0; at < stream.length;) {
    const room = input.room();
    const count = Math.min(room.length, Math.max(arrived(), 1), stream.length - at);
    stream.copy(room, 0, at, at + count);
    input.filled(count);
    at += count;
  }
  return pieces;
}

function framed(content: string, header = `Content-Length: ${Buffer.byteLength(content)}\r\n\r\n`): Buffer {
  return Buffer.from(header + content);
}

/** What the protocol library makes of pieces. */
async function messagesOf(pieces: readonly Buffer[]): Promise<{ messages: Message[]; errors: string[] }> {
  const messages: Message[] = [];
  const errors: string[] = [];
  const nothing = { dispose: () => undefined };
  let tell: (piece: Uint8Array) => void = () => undefined;
  const reader = new ReadableStreamMessageReader({
    onData: (listener) => ((tell = listener), nothing),
    onClose: () => nothing,
    onError: () => nothing,
    onEnd: () => nothing,
  });
  // A message that does not come to its end would be waited for after the test.
  reader.partialMessageTimeout = 0;
  reader.onError(({ message }) => errors.push(message.split('\n')[0]!));
  reader.listen((message) => messages.push(message));
  for (const piece of pieces) tell(piece);
  // The library decodes one message a turn of the event loop.
  for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
  return { messages, errors };
}

const said = (text: string): string => JSON.stringify({ jsonrpc: '2.0', method: 'say', params: { text } });

describe('what a socket gives the server to read', () => {
  it('is a long content as one piece, which nobody has to put together', () => {
    const content = said('x'.repeat(3_000_000));
    const pieces = read(Buffer.concat([framed(content), framed(said('y'))]), () => 100_000);
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [`Content-Length: ${content.length}\r\n\r\n`.length, content.length, framed(said('y')).length],
    );
  });

  it('is the same messages wherever it is cut', async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const { below } = random(seed);
      const mostAtOnce = [2, 40, 5000, 100_000][seed % 4]!;
      const texts = Array.from({ length: 20 }, (_, index) =>
        `${index}é`.repeat(below(2) === 0 ? below(20) : below(mostAtOnce * 20)),
      );
      const stream = Buffer.concat(
        texts.map((text, index) => {
          const length = `content-LENGTH:${Buffer.byteLength(said(text))}\r\n`;
          const type = 'Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n';
          const headers = [undefined, `${length}\r\n`, `${type}${length}\r\n`, `${length}${type}\r\n`];
          return framed(said(text), headers[(index + seed) % 4]);
        }),
      );
      const pieces = read(stream, () => below(mostAtOnce));
      assert.ok(Buffer.concat(pieces).equals(stream), `seed ${seed}`);
      const { messages, errors } = await messagesOf(pieces);
      assert.deepEqual(
        [messages, errors],
        [texts.map((text) => JSON.parse(said(text)) as Message), []],
        `seed ${seed}`,
      );
    }
  });

  it('is everything, in order, where it is no messages', async () => {
    const good = framed(said('after'));
    const odd = [
      'no header at all',
      'Content-Length: many\r\n\r\n',
      'Content-Length: -5\r\n\r\n',
      'Content-Length: 99999999999999\r\n\r\n',
      'Content-Type: x\r\n\r\n',
      `${'a'.repeat(20_000)}\r\n\r\n`,
      '\r\n\r\n'.repeat(100),
      'Content-Length: 0\r\n\r\n',
    ];
    for (const bytes of odd) {
      for (const most of [7, 1000, 1_000_000]) {
        const stream = Buffer.concat([framed(said('before')), Buffer.from(bytes), good]);
        const pieces = read(stream, () => most);
        // What may be the beginning of a header is held until there is more of it.
        const told = Buffer.concat(pieces);
        assert.ok(told.equals(stream.subarray(0, told.length)), JSON.stringify(bytes.slice(0, 40)));
        assert.ok(stream.length - told.length < 0x1000);
        assert.deepEqual((await messagesOf(pieces)).messages[0], JSON.parse(said('before')));
      }
    }
  });

  const initialize = framed(
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { processId: null, capabilities: {} } }),
  );

  it('is its standard input where that is a pipe of a shell', () => {
    const command = `(cat; sleep 1) | "${process.execPath}" "${builtServer}" --stdio`;
    const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', command], { input: initialize, encoding: 'utf8' });
    assert.match(stdout, /hoverProvider/);
    assert.deepEqual([status, stderr], [1, '']);
  });

  it('may be a file, which ends before anything is answered', () => {
    const folder = folderWith({ messages: initialize.toString('utf8') });
    const input = openSync(path.join(folder, 'messages'), 'r');
    try {
      const { stderr, status } = spawnSync(process.execPath, [builtServer, '--stdio'], {
        stdio: [input, 'pipe', 'pipe'],
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [1, '']);
    } finally {
      closeSync(input);
    }
  });
});
