// A small LSP client, over stdio unless it is told otherwise, for tests and the benchmark: the real server in a process of its
// own.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { serverNodeOptions } from '../../server/src/protocol';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  StreamMessageReader,
  StreamMessageWriter,
  type ClientCapabilities,
  type Diagnostic,
  type InitializeResult,
  type MessageConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node';

export interface ClientOptions {
  readonly capabilities?: ClientCapabilities;
  /** Workspace folders; none is single-file mode. */
  readonly folders?: readonly string[];
  readonly initializationOptions?: unknown;
  /** Answer to `workspace/configuration`. */
  readonly settings?: unknown;
  /** Module to run; the built server if absent. */
  readonly server?: string;
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** How messages go: over stdio (the default), or as between VS Code and the extension's server. */
  readonly transport?: 'stdio' | 'node-ipc';
}

/** A message from the server, in the order of arrival. */
export interface Received {
  readonly kind: 'request' | 'notification';
  readonly method: string;
  readonly params: unknown;
}

export interface LspClient {
  readonly process: ChildProcess;
  readonly connection: MessageConnection;
  readonly initialized: InitializeResult;
  readonly received: readonly Received[];
  /** What the server wrote to stderr. */
  readonly errors: () => string;
  readonly request: <T>(method: string, params?: unknown) => Promise<T>;
  readonly notify: (method: string, params?: unknown) => Promise<void>;
  readonly open: (file: string, text: string, languageId?: string) => Promise<void>;
  /** Sends the changes as the document's next version. */
  readonly change: (file: string, ...changes: readonly unknown[]) => Promise<void>;
  readonly close: (file: string) => Promise<void>;
  /** The set the client has for a file. */
  readonly shown: (file: string) => readonly Diagnostic[];
  /** The next set published for the file after this call. */
  readonly published: (file: string, timeout?: number) => Promise<PublishDiagnosticsParams>;
  /** Waits until the shown set of a file meets a condition. */
  readonly until: (file: string, holds: (set: readonly Diagnostic[]) => boolean) => Promise<readonly Diagnostic[]>;
  /** The first message with this method, once it is there. */
  readonly message: (method: string) => Promise<Received>;
  /** All sets published, in order. */
  readonly publications: readonly PublishDiagnosticsParams[];
  /** Orderly end; the exit code. */
  readonly stop: () => Promise<number | null>;
  /** The exit code, when the process ends by itself. */
  readonly ended: Promise<number | null>;
}

export const builtServer = path.resolve(import.meta.dirname, '../../server/dist/main.js');

export function uriOf(file: string): string {
  return file.includes(':') ? file : pathToFileURL(file).toString();
}

export async function startClient(options: ClientOptions = {}): Promise<LspClient> {
  const nodeOptions = [...serverNodeOptions, ...(options.nodeOptions ?? [])];
  const server = options.server ?? builtServer;
  const env = { ...process.env, ...options.env };
  const isIpc = options.transport === 'node-ipc';
  const child = isIpc
    ? fork(server, ['--node-ipc'], { execArgv: nodeOptions, silent: true, env })
    : spawn(process.execPath, [...nodeOptions, server, '--stdio'], { stdio: ['pipe', 'pipe', 'pipe'], env });
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  // Nothing closes that nobody reads.
  if (isIpc) child.stdout!.resume();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const connection = isIpc
    ? createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child))
    : createMessageConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!));

  const received: Received[] = [];
  const publications: PublishDiagnosticsParams[] = [];
  const sets = new Map<string, readonly Diagnostic[]>();
  const versions = new Map<string, number>();
  const waiting = new Set<(params: PublishDiagnosticsParams) => void>();
  const expected = new Map<string, (message: Received) => void>();
  const receive = (message: Received): void => {
    received.push(message);
    expected.get(message.method)?.(message);
  };
  connection.onNotification((method, params) => {
    receive({ kind: 'notification', method, params });
    if (method !== 'textDocument/publishDiagnostics') return;
    const publication = params as unknown as PublishDiagnosticsParams;
    publications.push(publication);
    sets.set(publication.uri, publication.diagnostics);
    for (const tell of [...waiting]) tell(publication);
  });
  connection.onRequest((method, params) => {
    receive({ kind: 'request', method, params });
    if (method !== 'workspace/configuration') return null;
    return (params as unknown as { items: unknown[] }).items.map(() => options.settings ?? null);
  });
  connection.listen();

  const folders = (options.folders ?? []).map((folder) => ({ uri: uriOf(folder), name: path.basename(folder) }));
  const params = {
    processId: process.pid,
    rootUri: folders[0]?.uri ?? null,
    capabilities: options.capabilities ?? {},
    initializationOptions: options.initializationOptions,
    ...(options.capabilities?.workspace?.workspaceFolders === true ? { workspaceFolders: folders } : {}),
  };
  const died = ended.then((exit) => {
    throw new Error(`the server ended with ${exit ?? 'a signal'}: ${stderr}`);
  });
  const initialized = await Promise.race([connection.sendRequest<InitializeResult>('initialize', params), died]);
  died.catch(() => undefined);
  await connection.sendNotification('initialized', {});

  const wait = (describe: string, holds: (params: PublishDiagnosticsParams) => boolean, timeout = 20_000) =>
    new Promise<PublishDiagnosticsParams>((resolve, reject) => {
      const give = (error: Error): void => {
        waiting.delete(tell);
        clearTimeout(timer);
        reject(error);
      };
      const timer = setTimeout(() => {
        give(new Error(`${describe} did not come in ${timeout} ms; stderr: ${stderr}`));
      }, timeout);
      const tell = (publication: PublishDiagnosticsParams): void => {
        if (!holds(publication)) return;
        waiting.delete(tell);
        clearTimeout(timer);
        resolve(publication);
      };
      waiting.add(tell);
    });

  const nextVersion = (file: string): number => {
    const version = (versions.get(file) ?? 0) + 1;
    versions.set(file, version);
    return version;
  };
  const shown = (file: string): readonly Diagnostic[] => sets.get(uriOf(file)) ?? [];
  return {
    process: child,
    connection,
    initialized,
    received,
    publications,
    ended,
    shown,
    errors: () => stderr,
    request: (method, body) => connection.sendRequest(method, body),
    notify: (method, body) => connection.sendNotification(method, body),
    open: (file, text, languageId = 'dts') =>
      connection.sendNotification('textDocument/didOpen', {
        textDocument: { uri: uriOf(file), languageId, version: nextVersion(file), text },
      }),
    change: (file, ...changes) =>
      connection.sendNotification('textDocument/didChange', {
        textDocument: { uri: uriOf(file), version: nextVersion(file) },
        contentChanges: changes,
      }),
    close: (file) => connection.sendNotification('textDocument/didClose', { textDocument: { uri: uriOf(file) } }),
    published: (file, timeout) => wait(`diagnostics of ${file}`, ({ uri }) => uri === uriOf(file), timeout),
    until: async (file, holds) => {
      if (sets.has(uriOf(file)) && holds(shown(file))) return shown(file);
      const set = await wait(
        `the awaited diagnostics of ${file}`,
        ({ uri, diagnostics }) => uri === uriOf(file) && holds(diagnostics),
      );
      return set.diagnostics;
    },
    message: async (method) =>
      received.find((each) => each.method === method) ??
      new Promise<Received>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`${method} did not come; stderr: ${stderr}`));
        }, 20_000);
        expected.set(method, (message) => {
          clearTimeout(timer);
          resolve(message);
        });
      }),
    stop: async () => {
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      return ended;
    },
  };
}
