// Commands for ACPI tables: open a binary, compile, decompile, start a new one.
import path from 'node:path';
import {
  commands,
  Disposable,
  FileType,
  languages,
  Position,
  Range,
  Uri,
  window,
  workspace,
  WorkspaceEdit,
} from 'vscode';
import type { TextDocument } from 'vscode';
import { newTableRequest, tableBytesRequest, tableLanguage, tableScheme } from '../../../server/src/protocol';
import type { NewTableResult, TableBytesResult } from '../../../server/src/protocol';
import { isTable } from '../documents';
import type { ServerControl } from '../server-control';
import { openTable, readTable } from './open-table';
import { isBinaryTable } from './table-content';
import { dumpLanguage } from './table-language';
import { sourceOf, tableUri, typeOf, type TableSource } from './table-uris';

/** Where Linux has the tables of the machine that it runs on. */
const machineTables = '/sys/firmware/acpi/tables';

export function registerTableCommands(server: ServerControl): Disposable {
  return Disposable.from(
    commands.registerCommand('doorbell.openTable', async (file?: unknown, table?: unknown) => {
      const source = await sourceFor(file, table);
      if (source !== undefined) await openTable(server, source);
    }),
    commands.registerCommand('doorbell.decompileTable', async (file?: unknown) => {
      const source = await sourceFor(file, undefined);
      if (source !== undefined) await decompile(server, source);
    }),
    commands.registerCommand('doorbell.compileTable', () => compile(server)),
    commands.registerCommand('doorbell.newTable', () => createTable(server)),
  );
}

/** What a command is about: the file that it was called on, the one in front, or one that is asked for. */
async function sourceFor(file: unknown, table: unknown): Promise<TableSource | undefined> {
  if (file instanceof Uri) return sourceIn(file, typeof table === 'string' ? table : undefined);
  const input: unknown = window.tabGroups.activeTabGroup.activeTab?.input;
  const inFront = typeof input === 'object' && input !== null && 'uri' in input ? input.uri : undefined;
  if (inFront instanceof Uri && (await isSource(inFront))) return sourceIn(inFront, undefined);
  const [chosen] =
    (await window.showOpenDialog({
      title: 'A binary ACPI table, or what acpidump printed',
      ...(await startFolder()),
    })) ?? [];
  return chosen && sourceIn(chosen, undefined);
}

async function sourceIn(uri: Uri, table: string | undefined): Promise<TableSource> {
  return uri.scheme === tableScheme ? await sourceOf(uri) : { file: uri, table };
}

async function isSource(uri: Uri): Promise<boolean> {
  if (uri.scheme === tableScheme) return true;
  const document = workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
  return document?.languageId === dumpLanguage || (await isBinaryTable(uri));
}

async function startFolder(): Promise<{ defaultUri: Uri } | undefined> {
  const folder = Uri.file(machineTables);
  return (await typeOf(folder)) === FileType.Directory ? { defaultUri: folder } : undefined;
}

/** What is being edited is taken as it stands in the editor, comments and all. */
async function decompile(server: ServerControl, source: TableSource): Promise<void> {
  const shownUri = tableUri(source).toString();
  const edited = workspace.textDocuments.find(({ uri, isDirty }) => isDirty && uri.toString() === shownUri);
  const shown = edited === undefined ? await readTable(server, source) : { text: edited.getText() };
  const { name } = path.posix.parse(source.file.path);
  if ('error' in shown) {
    void window.showErrorMessage(`${path.posix.basename(source.file.path)}: ${shown.error}`);
    return;
  }
  const text = source.table === undefined ? name : source.table.toLowerCase();
  await showNew(Uri.joinPath(source.file, '..', `${text}.dsl`), shown.text);
}

async function createTable(server: ServerControl): Promise<void> {
  const { issues } = await server.request<NewTableResult>(newTableRequest, {});
  const newestFirst = [...issues].reverse();
  const items = newestFirst.map(({ name, revision }) => ({
    label: `Issue ${name}`,
    description: `revision ${revision}`,
    name,
  }));
  const chosen = await window.showQuickPick(items, { title: 'New IORT', placeHolder: 'Issue of Arm DEN0049' });
  if (chosen === undefined) return;
  const { text } = await server.request<NewTableResult>(newTableRequest, { issue: chosen.name });
  const folder = workspace.workspaceFolders?.[0]?.uri;
  if (text !== undefined) await showNew(folder && Uri.joinPath(folder, 'iort.dsl'), text);
}

/** A new document, not yet on the disk; it will be saved at `target` where that is free. */
async function showNew(target: Uri | undefined, text: string): Promise<void> {
  const isFree = target?.scheme === 'file' && (await typeOf(target)) === undefined && !isOpen(target);
  if (!isFree) {
    await window.showTextDocument(await workspace.openTextDocument({ language: tableLanguage, content: text }));
    return;
  }
  const document = await workspace.openTextDocument(target.with({ scheme: 'untitled' }));
  const edit = new WorkspaceEdit();
  edit.insert(document.uri, new Position(0, 0), text);
  await workspace.applyEdit(edit);
  await window.showTextDocument(await languages.setTextDocumentLanguage(document, tableLanguage));
}

function isOpen({ path: wanted }: Uri): boolean {
  return workspace.textDocuments.some(({ uri }) => uri.scheme === 'untitled' && uri.path === wanted);
}

async function compile(server: ServerControl): Promise<void> {
  const document = window.activeTextEditor?.document;
  if (document === undefined || !isTable(document)) {
    void window.showInformationMessage('Open the text of an ACPI table first.');
    return;
  }
  const compiled = await server.request<TableBytesResult>(tableBytesRequest, { text: document.getText() });
  if (compiled.firstError !== undefined) {
    await showError(document, compiled.errors, compiled.firstError);
    return;
  }
  const target = await targetFor(document);
  if (target === undefined) return;
  await workspace.fs.writeFile(target, Buffer.from(compiled.bytes, 'base64'));
  const open = 'Open';
  const message = `${path.posix.basename(target.path)}: ${compiled.summary}`;
  const answer = await window.showInformationMessage(message, open);
  if (answer === open) await openTable(server, { file: target, table: undefined });
}

async function showError(
  document: TextDocument,
  errors: number,
  { line, message }: { readonly line: number; readonly message: string },
): Promise<void> {
  const show = 'Show';
  const name = path.posix.basename(document.uri.path);
  const count = `${errors} error${errors === 1 ? '' : 's'}`;
  const answer = await window.showErrorMessage(`${name}: ${count}, nothing written. Line ${line}: ${message}`, show);
  if (answer !== show) return;
  const at = new Position(line - 1, 0);
  await window.showTextDocument(document, { selection: new Range(at, at) });
}

/** Beside the text, as `doorbell iort compile` has it; something else that lies there is not written over unasked. */
async function targetFor(document: TextDocument): Promise<Uri | undefined> {
  const source = document.uri.scheme === tableScheme ? (await sourceOf(document.uri)).file : document.uri;
  const { dir, name } = path.posix.parse(source.path);
  // A new text may have been given its place already.
  const hasPlace = source.scheme === 'file' || (source.scheme === 'untitled' && path.posix.isAbsolute(source.path));
  const beside = Uri.file(path.posix.join(hasPlace ? dir : '', `${name}.aml`));
  const isShownBinary = document.uri.scheme === tableScheme;
  if (hasPlace && !isShownBinary && ((await typeOf(beside)) === undefined || (await isBinaryTable(beside))))
    return beside;
  return await window.showSaveDialog({
    title: 'Compile to',
    ...(hasPlace ? { defaultUri: beside } : {}),
    filters: { 'ACPI tables': ['aml', 'dat', 'bin'] },
  });
}
