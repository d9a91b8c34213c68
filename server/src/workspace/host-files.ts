// The files in an archive, held in memory. Nothing is ever written, and nothing in the archive is believed: its size, its
// names and its headers are checked before anything is kept.
import { Parser } from 'tar/parse';
import { gunzipSync } from 'node:zlib';

/** A file's bytes, or where a symbolic link leads. */
export type ArchivedFile = { readonly bytes: Uint8Array } | { readonly link: string };

export type ArchiveResult =
  /** By path, without the archive's own folder. */
  { readonly files: ReadonlyMap<string, ArchivedFile> } | { readonly error: string };

/** The folder that `doorbell collect` puts everything into. */
export const archiveFolder = 'doorbell-host';

/** A whole machine's devicetree and tables are a few MiB; more than this is no archive of ours. */
const maximumSize = 128 * 1024 * 1024;
const maximumFiles = 100_000;

/** Whether a file's first bytes are those of a gzip stream or of a tar archive. */
export function isArchive(text: string): boolean {
  return text.startsWith('\x1f\x8b\x08') || text.startsWith('ustar', 257);
}

/** The files of a tar archive, compressed or not; an error in one line for anything else. */
export function archiveFiles(bytes: Uint8Array): ArchiveResult {
  const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? uncompressed(bytes) : { bytes };
  return 'error' in tar ? tar : entriesOf(tar.bytes);
}

function uncompressed(bytes: Uint8Array): { readonly bytes: Uint8Array } | { readonly error: string } {
  try {
    return { bytes: gunzipSync(bytes, { maxOutputLength: maximumSize }) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') return { error: `is an archive that unpacks to more than ${mebibytes()}` };
    if (code === 'Z_BUF_ERROR') return { error: 'is a gzip archive that ends too early' };
    return { error: 'is a damaged gzip archive' };
  }
}

function mebibytes(): string {
  return `${maximumSize / 1024 / 1024} MiB`;
}

function entriesOf(bytes: Uint8Array): ArchiveResult {
  const files = new Map<string, ArchivedFile>();
  let problem: string | undefined;
  let count = 0;
  const parser = new Parser({
    sync: true,
    strict: true,
    onReadEntry: (entry) => {
      count++;
      if (count > maximumFiles) problem ??= `is an archive of more than ${maximumFiles} files`;
      if (leadsOut(entry.path)) problem ??= `is an archive with a path that leads out of it: ${printable(entry.path)}`;
      const name = problem === undefined ? ownName(entry.path) : undefined;
      const chunks: Uint8Array[] = [];
      entry.on('data', (chunk: Uint8Array) => {
        if (name !== undefined) chunks.push(chunk);
      });
      entry.on('end', () => {
        if (name === undefined) return;
        if (entry.type === 'SymbolicLink') files.set(name, { link: entry.linkpath ?? '' });
        else if (entry.type === 'File')
          files.set(name, { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) });
      });
    },
  });
  parser.on('error', (error: Error) => {
    problem ??= `is a damaged tar archive: ${printable(error.message)}`;
  });
  parser.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (problem !== undefined) return { error: problem };
  if (!endsAsTar(bytes)) return { error: 'is a tar archive that ends too early' };
  if (!files.has('about')) return { error: 'is an archive, but not one that `doorbell collect` makes' };
  return { files };
}

/** An archive ends with blocks of zeros; one that was cut between two entries looks whole but for them. */
function endsAsTar(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 1024 && bytes.length % 512 === 0 && bytes.subarray(bytes.length - 512).every((byte) => byte === 0)
  );
}

function leadsOut(name: string): boolean {
  return name.startsWith('/') || name.split('/').includes('..');
}

/** The path inside of the archive's folder; undefined for what is not in it. */
function ownName(name: string): string | undefined {
  const path = name.replace(/^(?:\.\/)+/, '');
  return path.startsWith(`${archiveFolder}/`) ? path.slice(archiveFolder.length + 1).replace(/\/$/, '') : undefined;
}

function printable(text: string): string {
  return text.slice(0, 200).replace(/[^\x20-\x7e]/g, '\ufffd');
}
