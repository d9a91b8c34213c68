// Binary tables open as text: in place of the editor's page for binaries, as a custom editor where one is asked for, and in
// comparisons.
import path from 'node:path';
import {
  commands,
  Disposable,
  languages,
  TabInputCustom,
  TabInputText,
  TabInputTextDiff,
  ViewColumn,
  window,
  workspace,
} from 'vscode';
import type { CustomReadonlyEditorProvider, Tab, TextDocument, Uri } from 'vscode';
import { tableLanguage, tableScheme, tableTextRequest } from '../../../server/src/protocol';
import type { TableTextParams, TableTextResult } from '../../../server/src/protocol';
import type { ServerControl } from '../server-control';
import { isBinaryTable } from './table-content';
import { isSavedText } from './table-files';
import { sourceOf, tableUri, type TableSource } from './table-uris';

const viewType = 'doorbell.table';

interface Placement {
  readonly viewColumn?: ViewColumn;
  readonly preview?: boolean;
  readonly preserveFocus?: boolean;
}

/** Shows a binary table, or one of a dump, as text; says why where that cannot be. */
export async function openTable(
  server: ServerControl,
  source: TableSource,
  placement: Placement = {},
): Promise<boolean> {
  const shown = await readTable(server, source);
  if ('error' in shown) {
    void window.showErrorMessage(`${path.posix.basename(source.file.path)}: ${shown.error}`);
    return false;
  }
  await window.showTextDocument(await tableDocument(source), placement);
  return true;
}

/** The text of a table; the reason where there is none. */
export async function readTable(server: ServerControl, { file, table }: TableSource): Promise<TableTextResult> {
  try {
    const bytes = Buffer.from(await workspace.fs.readFile(file)).toString('base64');
    const params: TableTextParams = { bytes, ...(table === undefined ? {} : { table }) };
    return await server.request<TableTextResult>(tableTextRequest, params);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

async function tableDocument(source: TableSource): Promise<TextDocument> {
  const document = await workspace.openTextDocument(tableUri(source));
  return languages.setTextDocumentLanguage(document, tableLanguage);
}

export function registerTableEditors(server: ServerControl): Disposable {
  const replacing = new Set<string>();
  const look = (tabs: readonly Tab[]): void => {
    for (const tab of tabs) if (tab.isActive) replace(tab).catch(() => undefined);
  };

  /** A binary that the editor has opened as text (and says that it cannot show) becomes the text of its table. */
  async function replace(tab: Tab): Promise<void> {
    const { input } = tab;
    if (input instanceof TabInputText && (await isSavedText(input.uri))) await showSavedText(tab, input.uri);
    if (!workspace.getConfiguration('doorbell').get<boolean>('tables.openAsText', true)) return;
    if (input instanceof TabInputText) await replaceFile(tab, input.uri);
    if (input instanceof TabInputTextDiff) await replaceComparison(tab, input);
  }

  async function replaceFile(tab: Tab, file: Uri): Promise<void> {
    const key = file.toString();
    if (file.scheme === tableScheme || replacing.has(key) || !(await isBinaryTable(file))) return;
    replacing.add(key);
    try {
      const { viewColumn } = tab.group;
      // A preview leaves the keyboard where it is, in the list of files.
      const isShown = await openTable(
        server,
        { file, table: undefined },
        { viewColumn, preview: tab.isPreview, preserveFocus: tab.isPreview },
      );
      if (isShown) await closeTab(viewColumn, (input) => input instanceof TabInputText && input.uri.toString() === key);
    } finally {
      replacing.delete(key);
    }
  }

  /** What "Save As" wrote as text is from then on a file like any other. */
  async function showSavedText(tab: Tab, uri: Uri): Promise<void> {
    const { viewColumn } = tab.group;
    const { file } = await sourceOf(uri);
    await window.showTextDocument(file, { viewColumn, preview: false });
    await closeTab(viewColumn, (input) => input instanceof TabInputText && input.uri.toString() === uri.toString());
  }

  async function replaceComparison(tab: Tab, { original, modified }: TabInputTextDiff): Promise<void> {
    if (modified.scheme === tableScheme || !(await isBinaryTable(original)) || !(await isBinaryTable(modified))) return;
    const [one, other] = [original, modified].map((file) => tableUri({ file, table: undefined }));
    const { viewColumn } = tab.group;
    await commands.executeCommand('vscode.diff', one, other, tab.label, { viewColumn, preview: tab.isPreview });
    await closeTab(
      viewColumn,
      (input) => input instanceof TabInputTextDiff && input.modified.toString() === modified.toString(),
    );
  }

  const customEditor: CustomReadonlyEditorProvider = {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    resolveCustomEditor: async ({ uri }, panel) => {
      const viewColumn = panel.viewColumn ?? ViewColumn.Active;
      const isOurs = (input: unknown): boolean =>
        input instanceof TabInputCustom && input.viewType === viewType && input.uri.toString() === uri.toString();
      const tab = tabsIn(viewColumn).find(({ input }) => isOurs(input));
      // One side of a comparison: it stays where it is.
      const isAlone = tab !== undefined;
      const source = { file: uri, table: undefined };
      if (isAlone && (await openTable(server, source, { viewColumn, preview: tab.isPreview }))) {
        await closeTab(viewColumn, isOurs);
        return;
      }
      const shown = await readTable(server, source);
      panel.webview.html = page('error' in shown ? `${path.posix.basename(uri.path)}: ${shown.error}` : shown.text);
    },
  };

  look(window.tabGroups.all.flatMap(({ tabs }) => tabs));
  return Disposable.from(
    window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
      look([...opened, ...changed]);
    }),
    window.registerCustomEditorProvider(viewType, customEditor, { supportsMultipleEditorsPerDocument: true }),
  );
}

function tabsIn(viewColumn: ViewColumn): readonly Tab[] {
  return window.tabGroups.all.filter((group) => group.viewColumn === viewColumn).flatMap(({ tabs }) => tabs);
}

/** Tabs are looked for anew: what was opened in between may have taken the place of a preview. */
async function closeTab(viewColumn: ViewColumn, isOurs: (input: unknown) => boolean): Promise<void> {
  const tab = tabsIn(viewColumn).find(({ input }) => isOurs(input));
  if (tab !== undefined) await window.tabGroups.close(tab, true);
}

/** Text as a page: nothing in it runs, and nothing is fetched. */
function page(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`;
  const style = 'font-family: var(--vscode-editor-font-family); font-size: var(--vscode-editor-font-size)';
  return `<!doctype html><html><head>${policy}</head><body><pre style="${style}">${escaped}</pre></body></html>`;
}
