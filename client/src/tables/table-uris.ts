// Addresses of binary tables that are shown as text.
import path from 'node:path';
import { FileType, Uri, workspace } from 'vscode';
import { tableScheme } from '../../../server/src/protocol';

/** What a shown table is made of. */
export interface TableSource {
  readonly file: Uri;
  /** Which table of what acpidump printed; undefined where the file is the table. */
  readonly table: string | undefined;
}

/**
 * `doorbell-table:/boot/IORT.aml` shows that file, `doorbell-table:/tmp/acpidump.txt/IORT` a table of that dump. What is on
 * another file system than the disk's has its whole address in the query.
 */
export function tableUri({ file, table }: TableSource): Uri {
  const shown = table === undefined ? file : Uri.joinPath(file, table);
  return shown.with({ scheme: tableScheme, query: file.scheme === 'file' ? '' : file.toString(), fragment: '' });
}

export async function sourceOf(uri: Uri): Promise<TableSource> {
  if (uri.query !== '') {
    const file = Uri.parse(uri.query, true);
    return { file, table: file.path === uri.path ? undefined : path.posix.basename(uri.path) };
  }
  const file = uri.with({ scheme: 'file' });
  const table = path.posix.basename(uri.path);
  if (!/^[A-Z0-9_!]{4}$/.test(table)) return { file, table: undefined };
  const dump = Uri.joinPath(file, '..');
  return (await typeOf(dump)) === FileType.File ? { file: dump, table } : { file, table: undefined };
}

/** Undefined where there is nothing. */
export async function typeOf(file: Uri): Promise<FileType | undefined> {
  try {
    // A link has the bit of what it leads to as well.
    return (await workspace.fs.stat(file)).type & ~FileType.SymbolicLink;
  } catch {
    return undefined;
  }
}
