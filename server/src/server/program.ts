// The language server as a program: arguments, transport, and what happens when the process or its parent gets into trouble.
import net from 'node:net';
import { createConnection, type Connection } from 'vscode-languageserver/node';
import { startServer } from '../server';

const usage = 'usage: doorbell-language-server --stdio | --node-ipc | --socket=PORT';

/** One line, whatever it is. Standard output belongs to the protocol. */
function logLine(message: string): void {
  process.stderr.write(`doorbell: ${message.replace(/\s*[\r\n]+\s*/g, ' | ')}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function fail(message: string): never {
  logLine(message);
  process.exit(2);
}

type Transport = { readonly kind: 'stdio' | 'node-ipc' } | { readonly kind: 'socket'; readonly port: number };

/** Clients add arguments of their own (`--clientProcessId=N`): what is not a transport is let pass. */
function transportOf(args: readonly string[]): Transport {
  if (args.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (args.includes('--stdio')) return { kind: 'stdio' };
  if (args.includes('--node-ipc')) {
    return process.send === undefined ? fail('--node-ipc: the parent process has no channel') : { kind: 'node-ipc' };
  }
  const at = args.findIndex((each) => each === '--socket' || each.startsWith('--socket='));
  if (at < 0) return fail(usage);
  const value = args[at] === '--socket' ? args[at + 1] : args[at]!.slice('--socket='.length);
  const port = Number(value);
  return Number.isInteger(port) && port > 0 && port < 65536
    ? { kind: 'socket', port }
    : fail(`--socket: no port: ${value ?? ''}`);
}

function connect(transport: Transport): Connection {
  // With --stdio and --node-ipc in its arguments the library takes the transport from there, and keeps console.log off it.
  if (transport.kind !== 'socket') return createConnection();
  const socket = net.connect(transport.port, '127.0.0.1');
  socket.once('error', (error) => fail(`--socket=${transport.port}: ${error.message}`));
  return createConnection(socket, socket);
}

/** `onWarm` is called once, when the code has run so often that it is as fast as it gets. */
export function run(onWarm: () => void): void {
  // A bug in one computation must not cost the user the server.
  process.on('uncaughtException', (error) => {
    // The client went away while something was being written: the end of input follows and ends the process.
    if ('code' in error && error.code === 'EPIPE') process.exit(1);
    logLine(`internal error: ${describe(error)}`);
  });
  process.on('unhandledRejection', (reason) => {
    logLine(`internal error: ${describe(reason)}`);
  });
  process.on('disconnect', () => process.exit(1));

  startServer(connect(transportOf(process.argv.slice(2))), { log: logLine, onWarm });
}
