// The extension: starts the language server and wires it to the status bar and the commands.
import { commands, window } from 'vscode';
import type { ExtensionContext } from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';
import { statusNotification } from '../../server/src/protocol';
import type { StatusParams } from '../../server/src/protocol';
import { createRegionsView } from './regions-view';
import { createClient } from './server';
import { createStatusBar } from './status-bar';
import { createTraceChannel } from './trace-channel';

let stop: () => Promise<void> = () => Promise.resolve();

export function activate(context: ExtensionContext): void {
  const channels = { log: window.createOutputChannel('Doorbell', { log: true }), trace: createTraceChannel() };
  const statusBar = createStatusBar();
  let client: LanguageClient | undefined;
  const regions = createRegionsView(() => client);

  const start = (): void => {
    const started = createClient(context, channels);
    const fail = (error: unknown): void => {
      channels.log.error(error instanceof Error ? error : String(error));
    };
    client = started;
    started.onDidChangeState(({ newState }) => {
      if (client !== started) return;
      statusBar.serverState(newState);
      if (newState === State.Running) regions.refresh();
    });
    started.onNotification(statusNotification, (status: StatusParams) => {
      statusBar.boardStatus(status);
      regions.refresh();
    });
    // A server that hangs is given two seconds, then the client library kills it.
    stop = () => started.dispose(2000).catch(fail);
    started.start().catch(fail);
  };
  // A new client rather than the old one started again: it works from every state, a failed start included.
  let turn = Promise.resolve();
  const restart = (): Promise<void> => (turn = turn.then(() => stop()).then(start));
  start();

  context.subscriptions.push(
    channels.log,
    channels.trace,
    statusBar,
    regions,
    commands.registerCommand('doorbell.restart', restart),
    commands.registerCommand('doorbell.showRegions', () => regions.open()),
    commands.registerCommand('doorbell.showLog', () => {
      channels.log.show(true);
    }),
  );
}

export function deactivate(): Promise<void> {
  return stop();
}
