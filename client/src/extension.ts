// The extension: starts the language server when a document needs it, and wires it to the status bar and the commands.
import { commands, window, workspace } from 'vscode';
import type { ExtensionContext } from 'vscode';
import { State } from 'vscode-languageclient/node';
import { statusNotification } from '../../server/src/protocol';
import type { StatusParams } from '../../server/src/protocol';
import { isAnalysed } from './documents';
import { createRegionsView } from './regions-view';
import { createClient } from './server';
import { createServerControl } from './server-control';
import { createStatusBar } from './status-bar';
import { registerDumpLenses } from './tables/dump-lenses';
import { registerTableEditors } from './tables/open-table';
import { registerTableCommands } from './tables/table-commands';
import { registerTableFiles } from './tables/table-files';
import { registerTableLanguage } from './tables/table-language';
import { createTraceChannel } from './trace-channel';

let stop: () => Promise<void> = () => Promise.resolve();

export function activate(context: ExtensionContext): void {
  const channels = { log: window.createOutputChannel('Doorbell', { log: true }), trace: createTraceChannel() };
  const statusBar = createStatusBar();
  const server = createServerControl(() => {
    const created = createClient(context, channels);
    created.onDidChangeState(({ newState }) => {
      if (server.client() !== created) return;
      statusBar.serverState(newState);
      if (newState === State.Running) regions.refresh();
    });
    created.onNotification(statusNotification, (status: StatusParams) => {
      statusBar.boardStatus(status);
      regions.refresh();
    });
    return created;
  }, channels.log);
  const regions = createRegionsView(() => server.client());
  stop = () => server.stop();

  context.subscriptions.push(
    channels.log,
    channels.trace,
    statusBar,
    regions,
    commands.registerCommand('doorbell.restart', () => server.restart()),
    commands.registerCommand('doorbell.showRegions', () => regions.open()),
    commands.registerCommand('doorbell.showLog', () => {
      channels.log.show(true);
    }),
    registerTableFiles(server),
    registerTableLanguage(),
    registerTableEditors(server),
    registerTableCommands(server),
    registerDumpLenses(),
    workspace.onDidOpenTextDocument((document) => {
      if (isAnalysed(document)) server.ensure();
    }),
  );
  if (workspace.textDocuments.some(isAnalysed)) server.ensure();
}

export function deactivate(): Promise<void> {
  return stop();
}
