// How the server's messages come and go: what the command line asks for, and the connection over that.
import { isAscii } from 'node:buffer';
import { Console } from 'node:console';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import {
  createConnection,
  ReadableStreamMessageReader,
  StreamMessageReader,
  StreamMessageWriter,
  type Connection,
  type Message,
} from 'vscode-languageserver/node';
import { inPieces, pipedInput } from './message-input';

export type Transport =
  { readonly kind: 'stdio' | 'node-ipc' | 'help' } | { readonly kind: 'socket'; readonly port: number };

export const usage = 'usage: doorbell-language-server --stdio | --node-ipc | --socket=PORT';

/** Clients add arguments of their own (`--clientProcessId=N`): what is not a transport is let pass. A string says what is wrong. */
export function transportOf(args: readonly string[]): Transport | string {
  if (args.includes('--help')) return { kind: 'help' };
  if (args.includes('--stdio')) return { kind: 'stdio' };
  if (args.includes('--node-ipc')) {
    return process.send === undefined ? '--node-ipc: the parent process has no channel' : { kind: 'node-ipc' };
  }
  const at = args.findIndex((each) => each === '--socket' || each.startsWith('--socket='));
  if (at < 0) return usage;
  const value = args[at] === '--socket' ? args[at + 1] : args[at]!.slice('--socket='.length);
  const port = Number(value);
  return Number.isInteger(port) && port > 0 && port < 65536
    ? { kind: 'socket', port }
    : `--socket: no port: ${value ?? ''}`;
}

/** `failed` is told of a socket that cannot be had. */
export function connect(transport: Transport, failed: (message: string) => void): Connection {
  if (transport.kind === 'socket') {
    const { port } = transport;
    const { socket, input } = inPieces((onread) => net.connect({ port, host: '127.0.0.1', onread }));
    socket.once('error', (error) => {
      failed(`--socket=${port}: ${error.message}`);
    });
    return connectionOver(new ReadableStreamMessageReader(input, decoding), socket, socket);
  }
  // With --node-ipc in its arguments the library takes the transport from there.
  if (transport.kind === 'node-ipc') return createConnection();
  // Standard output belongs to the protocol.
  globalThis.console = new Console(process.stderr);
  const piped = pipedInput();
  return piped === undefined
    ? connectionOver(new StreamMessageReader(process.stdin, decoding), process.stdin, process.stdout)
    : connectionOver(new ReadableStreamMessageReader(piped.input, decoding), piped.socket, process.stdout);
}

function connectionOver(reader: ReadableStreamMessageReader, input: Readable, output: Writable): Connection {
  // Nobody asks whether half of a message is there; a timer for each piece of a long one is not free.
  reader.partialMessageTimeout = 0;
  const connection = createConnection(reader, new StreamMessageWriter(output));
  // A client that goes away without a word ends the server, as one does that has said goodbye.
  let isShutDown = false;
  connection.onShutdown(() => {
    isShutDown = true;
  });
  const end = (): never => process.exit(isShutDown ? 0 : 1);
  input.on('end', end);
  input.on('close', end);
  return connection;
}

const decoding = { contentTypeDecoder: { name: 'application/json', decode } };

/** Most messages are ASCII, which is a string a good deal sooner than what is taken for UTF-8: 2 ms of an opened table. */
function decode(content: Uint8Array): Promise<Message> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return Promise.resolve(JSON.parse(bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')) as Message);
}
