// The status bar item: is the server up, and which board is the active file read as.
import path from 'node:path';
import { MarkdownString, StatusBarAlignment, ThemeColor, Uri, window } from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { StatusParams } from '../../server/src/protocol';
import { isAnalysed } from './documents';

/** How the server's choice of a root file reads in the tooltip. */
const reasons: Readonly<Record<string, string>> = {
  itself: 'a board file is its own root',
  open: 'an open board that includes this file',
  nearest: 'the nearest board that includes this file',
  comment: 'named by the comment in the first line of this file',
  configured: 'a context of doorbell.json',
  alone: 'no board was found that includes this file',
};

const sourceTrees: Readonly<Record<string, string>> = {
  linux: 'Linux',
  'u-boot': 'U-Boot',
  barebox: 'barebox',
  zephyr: 'Zephyr',
};

export interface StatusBar {
  serverState(state: State): void;
  boardStatus(status: StatusParams): void;
  dispose(): void;
}

/** Shows the state of the server and, for the active document, the context that it is analysed in. */
export function createStatusBar(): StatusBar {
  const item = window.createStatusBarItem('status', StatusBarAlignment.Left, 10);
  item.name = 'Doorbell';
  const statuses = new Map<string, StatusParams>();
  let server = State.Starting;
  const show = (): void => {
    const document = window.activeTextEditor?.document;
    if (server === State.Stopped || server === State.StartFailed) showStopped();
    else if (document === undefined || !isAnalysed(document)) item.hide();
    else showBoard(statuses.get(document.uri.toString()));
  };
  const showStopped = (): void => {
    item.text = '$(error) Doorbell stopped';
    item.tooltip = 'The Doorbell language server is not running. Click to start it again.';
    item.command = 'doorbell.restart';
    item.backgroundColor = new ThemeColor('statusBarItem.errorBackground');
    item.show();
  };
  const showBoard = (status: StatusParams | undefined): void => {
    item.text = status === undefined || server === State.Starting ? '$(loading~spin) Doorbell' : boardText(status);
    item.tooltip = status === undefined ? 'Doorbell is starting' : boardTooltip(status);
    item.command = 'doorbell.showRegions';
    item.backgroundColor = undefined;
    item.show();
  };
  const editors = window.onDidChangeActiveTextEditor(show);
  show();
  return {
    serverState: (state) => {
      server = state;
      if (state !== State.Running) statuses.clear();
      show();
    },
    boardStatus: (status) => {
      // The server may spell the URI otherwise than the editor (percent-encoding of the colon, for one).
      statuses.set(Uri.parse(status.uri).toString(), status);
      show();
    },
    dispose: () => {
      editors.dispose();
      item.dispose();
    },
  };
}

function boardText({ root, sourceTree }: StatusParams): string {
  const tree = sourceTree === undefined ? '' : ` (${sourceTrees[sourceTree] ?? sourceTree})`;
  return `$(circuit-board) ${path.basename(Uri.parse(root).path)}${tree}`;
}

function boardTooltip(status: StatusParams): MarkdownString {
  const { error, warning, info, hint } = status.diagnostics;
  const { table } = status;
  const tree = status.sourceTree === undefined ? 'none found' : (sourceTrees[status.sourceTree] ?? status.sourceTree);
  const tooltip = new MarkdownString(undefined, true);
  tooltip.isTrusted = { enabledCommands: ['doorbell.showRegions', 'doorbell.restart', 'doorbell.showLog'] };
  const line = (label: string, value: string, note = ''): void => {
    tooltip.appendMarkdown(`**${label}:** `).appendText(value).appendText(note).appendMarkdown('  \n');
  };
  if (table === undefined) {
    line('Board', Uri.parse(status.root).fsPath, `: ${reasons[status.reason] ?? status.reason}`);
    line('Source tree', tree);
  } else {
    line('Table', Uri.parse(status.root).fsPath, table.signature === '' ? '' : `: ${table.signature}`);
    if (table.signature === 'IORT') line('MADT', madtText(table.madt));
  }
  line('Kernel', status.kernel);
  line('Found', `${counted(error, 'error')}, ${counted(warning, 'warning')}, ${counted(info + hint, 'note')}`);
  if (table === undefined) {
    tooltip.appendMarkdown('**Include paths:**\n\n');
    if (status.includePaths.length === 0) tooltip.appendText("none beside the file's own folder");
    else tooltip.appendCodeblock(status.includePaths.join('\n'), 'plaintext');
  }
  tooltip.appendMarkdown(
    '\n\n[Reserved regions](command:doorbell.showRegions) · [Log](command:doorbell.showLog) · ' +
      '[Restart server](command:doorbell.restart)',
  );
  return tooltip;
}

function madtText(file: string | undefined): string {
  return file === undefined ? 'none beside it: where the ITS are is not known' : Uri.parse(file).fsPath;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
