// The documents that the client has open. What is in here wins over the disk.
import { editedFile, offsetAt, sourceFile, textBetween, type Position, type SourceFile } from '../text/source-file';
import { URI } from 'vscode-uri';
import { tableScheme } from '../protocol';

export interface OpenDocument {
  /** As the client spells it; everything about this document is sent under this name. */
  readonly uri: string;
  readonly version: number;
  /** As the client has it; undefined where it says none. */
  readonly languageId?: string | undefined;
  readonly file: SourceFile;
}

export interface ContentChange {
  readonly range?: { readonly start: Position; readonly end: Position };
  readonly text: string;
}

/** Open documents by path. */
export type OpenDocuments = ReadonlyMap<string, OpenDocument>;

/** The path of a `file:` URI, or of a file that the editor shows as text; any other URI stands for itself. */
export function pathOf(uri: string): string {
  if (uri.startsWith('file:')) return URI.parse(uri).fsPath;
  if (!uri.startsWith(`${tableScheme}:`)) return uri;
  const shown = URI.parse(uri);
  // With a query it is shown from somewhere else than this machine's disk.
  return shown.query === '' ? shown.with({ scheme: 'file' }).fsPath : uri;
}

/** The name under which a file is known to the client. */
export function uriOf(path: string, documents: OpenDocuments): string {
  const open = documents.get(path);
  if (open !== undefined) return open.uri;
  if (!path.startsWith('/') && !/^[A-Za-z]:[\\/]|^\\\\/.test(path)) return path;
  const file = URI.file(path);
  return (isTableOfDump(path, documents) ? file.with({ scheme: tableScheme }) : file).toString();
}

/** A table of a dump, `acpidump.txt/APIC`, is no file: it is shown as another one of that dump is. */
function isTableOfDump(path: string, documents: OpenDocuments): boolean {
  const dump = /^(.*)[\\/][A-Z0-9_!]{4}$/.exec(path)?.[1];
  if (dump === undefined) return false;
  const iort = documents.get(`${path.slice(0, dump.length + 1)}IORT`);
  return iort?.uri.startsWith(`${tableScheme}:`) === true;
}

/**
 * The file after the changes, each of which applies to the result of the one before it.
 * A position past the end of a line or file means that end; a range that ends before it starts is read backwards.
 */
export function applyChanges(file: SourceFile, changes: readonly ContentChange[]): SourceFile {
  let current = file;
  for (const { range, text } of changes) {
    if (range === undefined) {
      current = sourceFile(file.path, text);
      continue;
    }
    const one = offsetInLine(current, range.start);
    const other = offsetInLine(current, range.end);
    const [start, end] = one <= other ? [one, other] : [other, one];
    current = editedFile(current, start, end, text);
  }
  return current;
}

/** As `offsetAt`, but never behind the line's end mark: an insertion past the end of a line stays on that line. */
function offsetInLine(file: SourceFile, position: Position): number {
  const start = offsetAt(file, { line: Math.max(position.line, 0), character: 0 });
  let offset = position.line < 0 ? start : offsetAt(file, { ...position, character: Math.max(position.character, 0) });
  while (offset > start && /[\r\n]/.test(textBetween(file, offset - 1, offset))) offset--;
  return offset;
}
