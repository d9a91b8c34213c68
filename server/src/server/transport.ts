// How the server's messages come and go: what the command line asks for, and the connection over that.
import { isAscii } from 'node:buffer';
import { Console } from 'node:console';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import {
  createConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Connection,
  type Message,
} from 'vscode-languageserver/node';

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
    const socket = net.connect(transport.port, '127.0.0.1');
    socket.once('error', (error) => {
      failed(`--socket=${transport.port}: ${error.message}`);
    });
    return connectionOver(socket, socket);
  }
  // With --node-ipc in its arguments the library takes the transport from there.
  if (transport.kind === 'node-ipc') return createConnection();
  // Standard output belongs to the protocol.
  globalThis.console = new Console(process.stderr);
  return connectionOver(process.stdin, process.stdout);
}

function connectionOver(input: Readable, output: Writable): Connection {
  const reader = new StreamMessageReader(input, { contentTypeDecoder: { name: 'application/json', decode } });
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

/** Most messages are ASCII, which is a string a good deal sooner than what is taken for UTF-8: 2 ms of an opened table. */
function decode(content: Uint8Array): Promise<Message> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return Promise.resolve(JSON.parse(bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')) as Message);
}
