// Writes settings into doorbell.json, comments and layout kept; says where a new one belongs.
import { applyEdits, modify } from 'jsonc-parser';
import path from 'node:path';
import type { Change, TextEdit } from '../text/diagnostic';
import { sourceFile, type SourceFile } from '../text/source-file';
import type { FileStore } from './files';
import { findSettingsFile } from './settings';
import { settingsFileName } from './settings-file';
import { findSourceTree, isInside } from './source-tree';

export interface SettingsEdit {
  /** The file to change, or with empty text the one to create. */
  readonly file: SourceFile;
  readonly isNew: boolean;
  readonly edit: TextEdit;
}

/**
 * The edit of the doorbell.json that governs a board which sets the given keys.
 * A new file goes to the root of the source tree; where that lies outside the workspace (which is read, never written),
 * to the workspace folder that holds the board; where no folder does, beside the board.
 */
export function settingsEdit(
  board: string,
  settings: NonNullable<Change['settings']>,
  files: FileStore,
  workspaceFolders: readonly string[] = [],
): SettingsEdit | { readonly error: string } {
  const existing = findSettingsFile(board, files);
  if (existing === undefined) {
    const file = sourceFile(newSettingsPath(board, files, workspaceFolders), '');
    return { file, isNew: true, edit: { file, start: 0, end: 0, newText: `${withSettings('{}', settings)}\n` } };
  }
  const file = files.read(existing);
  if ('error' in file) return { error: `${existing}: ${file.error}` };
  try {
    return {
      file,
      isNew: false,
      edit: difference(file, withSettings(file.text.trim() === '' ? '{}' : file.text, settings)),
    };
  } catch (error) {
    // jsonc-parser throws where a key leads through something that is no object.
    return { error: `${existing} cannot be changed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function withSettings(text: string, settings: NonNullable<Change['settings']>): string {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  const formattingOptions = {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: '\n',
  };
  return settings.reduce(
    (current, [key, value]) => applyEdits(current, modify(current, [...key], value, { formattingOptions })),
    text,
  );
}

/** One edit from the file's text to another: what differs between the common start and end. */
function difference(file: SourceFile, changed: string): TextEdit {
  const { text } = file;
  let start = 0;
  while (start < text.length && start < changed.length && text[start] === changed[start]) start++;
  let tail = 0;
  while (tail < text.length - start && tail < changed.length - start && text.at(-1 - tail) === changed.at(-1 - tail))
    tail++;
  return { file, start, end: text.length - tail, newText: changed.slice(start, changed.length - tail) };
}

function newSettingsPath(board: string, files: FileStore, workspaceFolders: readonly string[]): string {
  const tree = findSourceTree(board, files);
  const isWritable = (directory: string) =>
    workspaceFolders.length === 0 || workspaceFolders.some((folder) => isInside(directory, folder));
  if (tree !== undefined && isWritable(tree.root)) return path.join(tree.root, settingsFileName);
  const folder = workspaceFolders
    .filter((candidate) => isInside(board, candidate))
    .sort((a, b) => b.length - a.length)[0];
  return path.join(folder ?? path.dirname(board), settingsFileName);
}
