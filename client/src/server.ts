// The language server as a child process: what it is told about this editor, and what happens when it dies.
import path from 'node:path';
import type { ExtensionContext, LogOutputChannel } from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind } from 'vscode-languageclient/node';
import type { StaticFeature } from 'vscode-languageclient/node';
import { serverNodeOptions } from '../../server/src/protocol';
import { documentSelector, isOldVersion } from './documents';

/** After this many deaths within three minutes the server stays down until the user restarts it. */
const RESTART_LIMIT = 4;

export interface Channels {
  readonly log: LogOutputChannel;
  readonly trace: LogOutputChannel;
}

/** A client for the bundled server, not yet started. The server itself asks for the files that it wants watched. */
export function createClient(context: ExtensionContext, channels: Channels): LanguageClient {
  const module = context.asAbsolutePath(path.join('server', 'dist', 'main.js'));
  const client = new LanguageClient(
    'doorbell',
    'Doorbell',
    {
      run: { module, transport: TransportKind.ipc, options: { execArgv: [...serverNodeOptions] } },
      // `--inspect` rather than `--inspect-brk`: the debugger attaches when it likes, see .vscode/launch.json.
      debug: {
        module,
        transport: TransportKind.ipc,
        options: { execArgv: [...serverNodeOptions, '--nolazy', '--inspect=6009'] },
      },
    },
    {
      documentSelector,
      outputChannel: channels.log,
      traceOutputChannel: channels.trace,
      // A failed request is the log's business; only a dead server is worth a message box, and that one always comes.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: {
        // The older side of a comparison is not what anybody has to mend.
        handleDiagnostics: (uri, diagnostics, next) => {
          next(uri, isOldVersion(uri) ? [] : diagnostics);
        },
      },
      connectionOptions: { maxRestartCount: RESTART_LIMIT },
    },
  );
  client.registerFeature(statusCapability);
  return client;
}

/** Announces that this client shows `doorbell/status`; the server sends it to no other. */
const statusCapability: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), doorbellStatus: true };
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};
