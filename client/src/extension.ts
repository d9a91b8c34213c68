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

  const start = async (): Promise<void> => {
    const started = createClient(context, channels);
    client = started.client;
    client.onDidChangeState(({ newState }) => {
      statusBar.serverState(newState);
      if (newState === State.Running) regions.refresh();
    });
    client.onNotification(statusNotification, (status: StatusParams) => {
      statusBar.boardStatus(status);
      regions.refresh();
    });
    stop = async () => {
      started.watcher.dispose();
      // A server that hangs is given two seconds, then killed by the client library.
      await started.client.dispose(2000).catch((error: unknown) => {
        channels.log.error(error instanceof Error ? error : String(error));
      });
    };
    await client.start().catch((error: unknown) => {
      channels.log.error(error instanceof Error ? error : String(error));
      statusBar.serverState(State.StartFailed);
    });
  };
  // A new client rather than the old one restarted: it works from every state, a failed start included.
  let turn = start();
  const restart = (): Promise<void> => (turn = turn.then(() => stop()).then(start));

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
