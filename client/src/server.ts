// The language server as a child process: what it is told about this editor, and what happens when it dies.
import path from 'node:path';
import type { ExtensionContext, LogOutputChannel } from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind } from 'vscode-languageclient/node';
import type { StaticFeature } from 'vscode-languageclient/node';

/** After this many deaths within three minutes the server stays down until the user restarts it. */
const RESTART_LIMIT = 4;

/** Language ids that the server understands; `devicetree` is what other extensions call the same files. */
export const languageIds = ['dts', 'devicetree'];

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
      run: { module, transport: TransportKind.ipc },
      // `--inspect` rather than `--inspect-brk`: the debugger attaches when it likes, see .vscode/launch.json.
      debug: { module, transport: TransportKind.ipc, options: { execArgv: ['--nolazy', '--inspect=6009'] } },
    },
    {
      documentSelector: [
        ...languageIds.flatMap((language) => ['file', 'untitled'].map((scheme) => ({ language, scheme }))),
        // Open configuration counts before it is saved, as every other open document does.
        { scheme: 'file', pattern: '**/doorbell.json' },
      ],
      outputChannel: channels.log,
      traceOutputChannel: channels.trace,
      // A failed request is the log's business; only a dead server is worth a message box, and that one always comes.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
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
