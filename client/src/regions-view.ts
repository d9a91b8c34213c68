// "Doorbell: Show Reserved Regions": the command line's `regions` view as a read-only document that follows the board.
import path from 'node:path';
import { EventEmitter, Uri, ViewColumn, window, workspace } from 'vscode';
import type { CancellationToken } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { regionsRequest } from '../../server/src/protocol';
import type { RegionsParams, RegionsResult } from '../../server/src/protocol';
import { isAnalysed } from './documents';

const SCHEME = 'doorbell-regions';

/** Boards change at each keystroke; the view follows when they rest. */
const REFRESH_DELAY_MS = 150;

export interface RegionsView {
  /** Opens the view of the machine that the active devicetree or ACPI table belongs to, beside it. */
  open(): Promise<void>;
  /** Asks the server again for every view that is open. */
  refresh(): void;
  dispose(): void;
}

/** The view's documents; `client` is asked anew each time since a restart replaces it. */
export function createRegionsView(client: () => LanguageClient | undefined): RegionsView {
  const changes = new EventEmitter<Uri>();
  const refresh = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const { uri } of workspace.textDocuments) if (uri.scheme === SCHEME) changes.fire(uri);
    }, REFRESH_DELAY_MS);
  };
  let timer: NodeJS.Timeout | undefined;
  const provider = workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: changes.event,
    provideTextDocumentContent: (uri, token) => regionsText(client(), uri, token),
  });
  const edits = workspace.onDidChangeTextDocument(({ document }) => {
    if (isAnalysed(document) || path.basename(document.uri.path) === 'doorbell.json') refresh();
  });
  return {
    open: async () => {
      const document = window.activeTextEditor?.document;
      if (document === undefined || !isAnalysed(document)) {
        void window.showInformationMessage(
          'Open a devicetree source or the text of an IORT first: the regions shown are those of its machine.',
        );
        return;
      }
      const view = await workspace.openTextDocument(viewUri(document.uri));
      await window.showTextDocument(view, { viewColumn: ViewColumn.Beside, preview: true, preserveFocus: true });
    },
    refresh,
    dispose: () => {
      clearTimeout(timer);
      edits.dispose();
      provider.dispose();
      changes.dispose();
    },
  };
}

/** The source's URI travels in the query, so that two sources of one name get two views. */
function viewUri(source: Uri): Uri {
  const name = path.basename(source.path).replace(/\.\w+$/, '');
  return Uri.from({ scheme: SCHEME, path: `/${name}.regions`, query: source.toString() });
}

async function regionsText(client: LanguageClient | undefined, view: Uri, token: CancellationToken): Promise<string> {
  if (client?.isRunning() !== true) return '# The Doorbell language server is not running.\n';
  const params: RegionsParams = { uri: view.query };
  const result = await client.sendRequest<RegionsResult>(regionsRequest, params, token);
  return result.text;
}
