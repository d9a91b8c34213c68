// The language server of this window: started when something needs it, replaced on request.
import type { CancellationToken, LogOutputChannel } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

export interface ServerControl {
  /** The present client; undefined before the first start. A restart replaces it. */
  client(): LanguageClient | undefined;
  /** Starts the server, if it has not been started yet. */
  ensure(): void;
  restart(): Promise<void>;
  /** Asks the server, which is started first if need be. */
  request<Result>(method: string, params: unknown, token?: CancellationToken): Promise<Result>;
  stop(): Promise<void>;
}

/** `create` makes a client that is not yet started, with all that listens to it. */
export function createServerControl(create: () => LanguageClient, log: LogOutputChannel): ServerControl {
  let current: LanguageClient | undefined;
  let turn = Promise.resolve();
  const fail = (error: unknown): void => {
    log.error(error instanceof Error ? error : String(error));
  };
  const start = (): void => {
    current = create();
    current.start().catch(fail);
  };
  const ensure = (): void => {
    if (current === undefined) start();
  };
  // A server that hangs is given two seconds, then the client library kills it.
  const stop = (): Promise<void> => current?.dispose(2000).catch(fail) ?? Promise.resolve();
  return {
    client: () => current,
    ensure,
    // A new client rather than the old one started again: it works from every state, a failed start included.
    restart: () => (turn = turn.then(stop).then(start)),
    request: (method, params, token) => {
      ensure();
      return current!.sendRequest(method, params, token);
    },
    stop,
  };
}
