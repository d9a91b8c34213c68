// Binary tables as files of text: what the editor reads is printed from the bytes, what it saves is compiled to bytes. So
// undo, find, diff, conflicts with the disk and the backup of unsaved texts are the editor's own.
import { createHash } from 'node:crypto';
import { access, constants, realpath } from 'node:fs/promises';
import path from 'node:path';
import {
  Disposable,
  EventEmitter,
  FilePermission,
  FileChangeType,
  FileSystemError,
  FileType,
  Range,
  RelativePattern,
  TextDocumentSaveReason,
  TextEdit,
  Uri,
  window,
  workspace,
} from 'vscode';
import type { FileChangeEvent, FileStat, FileSystemProvider, TextDocument } from 'vscode';
import { tableBytesRequest, tableSavedRequest, tableScheme, tableTextRequest } from '../../../server/src/protocol';
import type {
  TableBytesParams,
  TableBytesResult,
  TableSavedParams,
  TableSavedResult,
  TableTextParams,
  TableTextResult,
} from '../../../server/src/protocol';
import type { ServerControl } from '../server-control';
import { isBinaryTable } from './table-content';
import { sourceOf } from './table-uris';

/** Names under which "Save As" keeps the text itself, unless a binary has one of them already. */
const textName = /\.(?:dsl|asl|txt)$/i;

/** Whether a shown table is text on the disk as well. */
export async function isSavedText(uri: Uri): Promise<boolean> {
  return uri.scheme === tableScheme && textName.test(uri.path) && !(await isBinaryTable((await sourceOf(uri)).file));
}

export function registerTableFiles(server: ServerControl): Disposable {
  const changes = new EventEmitter<FileChangeEvent[]>();

  const provider: FileSystemProvider = {
    onDidChangeFile: changes.event,
    watch: (uri) =>
      watch(uri, (type) => {
        changes.fire([{ type, uri }]);
      }),
    stat: async (uri): Promise<FileStat> => {
      const { file, table } = await sourceOf(uri);
      const stat = await workspace.fs.stat(file);
      if ((stat.type & FileType.Directory) !== 0) return stat;
      const isReadonly = table !== undefined || !(await isWritable(file, stat));
      const permissions = isReadonly ? { permissions: FilePermission.Readonly } : {};
      return { ...stat, type: FileType.File, size: await sizeOf(file), ...permissions };
    },
    readFile: async (uri) => Buffer.from(await readText(uri)),
    writeFile: async (uri, content, { create, overwrite }) => {
      const { file, table } = await sourceOf(uri);
      const stat = await statOf(file);
      if (stat === undefined && !create) throw FileSystemError.FileNotFound(uri);
      if (stat !== undefined && create && !overwrite) throw FileSystemError.FileExists(uri);
      if (table !== undefined || (stat !== undefined && !(await isWritable(file, stat)))) {
        throw FileSystemError.NoPermissions(`${file.fsPath} cannot be written; “Save As” keeps the text`);
      }
      // "Save As" makes an empty file first, and reads it.
      const isText = (content.length === 0 && stat === undefined) || (await isSavedText(uri));
      await workspace.fs.writeFile(file, isText ? content : await compiled(content));
    },
    readDirectory: async (uri) => workspace.fs.readDirectory((await sourceOf(uri)).file),
    createDirectory: refuse,
    delete: refuse,
    rename: refuse,
  };

  async function readText(uri: Uri): Promise<string> {
    const { file, table } = await sourceOf(uri);
    const bytes = Buffer.from(await workspace.fs.readFile(file));
    if (table === undefined && (bytes.length === 0 || (await isSavedText(uri)))) return bytes.toString();
    const params: TableTextParams = { bytes: bytes.toString('base64'), ...(table === undefined ? {} : { table }) };
    const shown = await server.request<TableTextResult>(tableTextRequest, params);
    if ('error' in shown) throw FileSystemError.Unavailable(`${file.fsPath}: ${shown.error}`);
    return shown.text;
  }

  async function compiled(content: Uint8Array): Promise<Uint8Array> {
    const params: TableBytesParams = { text: Buffer.from(content).toString() };
    const { bytes, errors, firstError } = await server.request<TableBytesResult>(tableBytesRequest, params);
    // Half a table would lose the rest of the text: it stays in the editor until it can be compiled.
    if (firstError !== undefined) throw FileSystemError.Unavailable(refusal(errors, firstError));
    return Buffer.from(bytes, 'base64');
  }

  /** A binary has no place for what is not in the table: the text that is saved is the one that will be read again. */
  async function asSaved(document: TextDocument): Promise<TextEdit[]> {
    if (await isSavedText(document.uri)) return [];
    const params: TableSavedParams = { text: document.getText() };
    const { edits, hasOwnComments } = await server.request<TableSavedResult>(tableSavedRequest, params);
    if (hasOwnComments) {
      const name = path.posix.basename(document.uri.path);
      void window.showInformationMessage(
        `${name}: a binary table has no place for comments. To keep yours, undo, and save the text as a .dsl file.`,
      );
    }
    return edits.map(({ range: { start, end }, newText }) =>
      TextEdit.replace(new Range(start.line, start.character, end.line, end.character), newText),
    );
  }

  return Disposable.from(
    changes,
    workspace.registerFileSystemProvider(tableScheme, provider, { isCaseSensitive: process.platform === 'linux' }),
    workspace.onWillSaveTextDocument((event) => {
      const { document, reason } = event;
      if (document.uri.scheme !== tableScheme) return;
      // Not while somebody types: an automatic save leaves the text alone.
      if (reason === TextDocumentSaveReason.Manual) event.waitUntil(asSaved(document).catch(() => []));
    }),
  );
}

function refusal(errors: number, { line, message }: { line: number; message: string }): string {
  const others = errors === 1 ? '' : ` (and ${errors - 1} more error${errors === 2 ? '' : 's'})`;
  return `line ${line}: ${message}${others} Nothing was written; “Save As” keeps the text in a .dsl file`;
}

function refuse(uri: Uri): never {
  throw FileSystemError.NoPermissions(uri);
}

async function statOf(file: Uri): Promise<FileStat | undefined> {
  try {
    return await workspace.fs.stat(file);
  } catch {
    return undefined;
  }
}

/**
 * An unsaved text is not written over a file that has changed meanwhile; but the editor looks at time and size, and holds a
 * file of the same size for the same. What changes in a table leaves its size alone: so the size that the editor sees follows
 * the content.
 */
async function sizeOf(file: Uri): Promise<number> {
  const bytes = await workspace.fs.readFile(file);
  // Below the size of which it would ask whether to open such a large file.
  return bytes.length + (createHash('sha1').update(bytes).digest().readUInt32LE() % 0x80_0000);
}

/** What the kernel shows in /sys and /proc is not written, though root may open it for writing. */
async function isWritable(file: Uri, { permissions }: FileStat): Promise<boolean> {
  if (((permissions ?? 0) & FilePermission.Readonly) !== 0) return false;
  if (file.scheme !== 'file') return workspace.fs.isWritableFileSystem(file.scheme) === true;
  try {
    const place = await realpath(file.fsPath);
    if (/^\/(?:sys|proc)\//.test(place)) return false;
    await access(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Tells of changes of the file behind a shown table. */
function watch(uri: Uri, tell: (type: FileChangeType) => void): Disposable {
  const parts: Disposable[] = [];
  let isOver = false;
  void sourceOf(uri).then(({ file }) => {
    if (isOver || file.scheme !== 'file') return;
    // The name could hold what a pattern takes for a wildcard: everything beside it is heard, and left out.
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(Uri.joinPath(file, '..'), '*'));
    const heard = (type: FileChangeType) => (changed: Uri) => {
      if (changed.path === file.path) tell(type);
    };
    parts.push(
      watcher,
      watcher.onDidChange(heard(FileChangeType.Changed)),
      watcher.onDidCreate(heard(FileChangeType.Changed)),
      watcher.onDidDelete(heard(FileChangeType.Deleted)),
    );
  });
  return new Disposable(() => {
    isOver = true;
    for (const part of parts) part.dispose();
  });
}
