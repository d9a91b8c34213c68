// The files of the disk and of the editor as immutable SourceFiles, read once and kept until they change.
import { isAscii, isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { isSameText, sourceFile, type SourceFile } from '../text/source-file';
import { behindIncludePrefix } from './include-prefixes';

/** Why a file cannot be used, without its name: `no such file`. */
export interface FileError {
  readonly error: string;
}

/**
 * Sources by path. A file whose content stays the same stays the same object, whatever happens to its time stamp:
 * lexing is cached by that identity.
 *
 * The disk is asked about a path once, then no more until `refresh`: an analysis sees one state of every file.
 */
export interface FileStore {
  /** The text of a file: what the editor holds if it is open there, else what the disk holds. */
  readonly read: (path: string) => SourceFile | FileError;
  /** The bytes on the disk. Not kept. */
  readonly readBytes: (path: string) => Uint8Array | FileError;
  /** The editor's document at a path, if one is open there. */
  readonly document: (path: string) => SourceFile | undefined;
  readonly isFile: (path: string) => boolean;
  /** The path under which `read` knows a file (Linux include prefixes followed); undefined if there is none. */
  readonly resolve: (path: string) => string | undefined;
  /** Changes when the file on the disk does; undefined if it cannot be read. */
  readonly stamp: (path: string) => string | undefined;
  readonly isDirectory: (path: string) => boolean;
  /** The names in a directory, sorted; none if it cannot be read. */
  readonly list: (directory: string) => readonly DirectoryEntry[];
  /** The editor's text of a document wins over the disk until `close`. */
  readonly open: (path: string, content: string | SourceFile) => SourceFile;
  readonly close: (path: string) => void;
  readonly openPaths: () => readonly string[];
  /** Ask the disk again: something may have changed. */
  readonly refresh: () => void;
  /** Grows with `refresh`, and when a document opens or closes; an edit of an open document leaves it. */
  readonly generation: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Larger files are refused: no devicetree source comes near it, and the whole text is held in memory. */
export const maximumFileSize = 64 * 1024 * 1024;

/** A path with `.`, `..` or empty parts in it. */
const detour = /[\\/]\.{0,2}[\\/]/;

interface CacheEntry {
  checkedIn: number;
  /** Modification time, size and inode at the last reading; undefined where it failed. */
  stamp: string | undefined;
  result: SourceFile | FileError;
}

export function createFileStore(): FileStore {
  const cache = new Map<string, CacheEntry>();
  const documents = new Map<string, SourceFile>();
  let documentInodes: { readonly generation: number; readonly byInode: ReadonlyMap<string, SourceFile> } | undefined;
  const statistics = memoized(status);
  const listings = memoized(listDirectory);
  const canonical = memoized(canonicalPath);
  let generation = 0;

  return {
    get generation() {
      return generation;
    },
    read,
    readBytes(file) {
      const found = statistics(file, generation);
      return 'error' in found ? found : readRegularFile(file, found);
    },
    document: (file) => documents.get(file),
    isFile,
    resolve(given) {
      const file = canonical(given, generation);
      return isFile(file) ? file : undefined;
    },
    stamp(file) {
      const found = statistics(file, generation);
      return 'error' in found ? undefined : stampOf(found);
    },
    isDirectory: (directory) => {
      const found = statistics(directory, generation);
      return 'error' in found && found.isDirectory === true;
    },
    list: (directory) => listings(directory, generation),
    open(file, content) {
      const given = typeof content === 'string' ? sourceFile(file, content) : content;
      if (!documents.has(file)) generation++;
      const before = documents.get(file) ?? cache.get(file)?.result;
      const unchanged = before !== undefined && !('error' in before) && isSameText(before, given);
      const opened = unchanged ? before : given;
      documents.set(file, opened);
      return opened;
    },
    close(file) {
      if (documents.delete(file)) generation++;
    },
    openPaths: () => [...documents.keys()],
    refresh() {
      generation++;
    },
  };

  function isFile(file: string): boolean {
    return documents.has(file) || !('error' in statistics(file, generation));
  }

  /** One name for a file that is reached through an include prefix or through `..`. */
  function canonicalPath(given: string): string {
    let file = behindIncludePrefix(given) ?? given;
    if (file !== given && !isFile(file)) file = given;
    if (!detour.test(file) || documents.has(file)) return file;
    const direct = path.normalize(file);
    if (documents.has(direct)) return direct;
    // Where a directory is a symbolic link, `link/..` is not what stands before it.
    const [reached, expected] = [statistics(file, generation), statistics(direct, generation)];
    const isSame = !('error' in reached) && !('error' in expected) && inodeKey(reached) === inodeKey(expected);
    return isSame ? direct : file;
  }

  function read(path: string): SourceFile | FileError {
    const given = canonical(path, generation);
    const document = documents.get(given);
    if (document !== undefined) return document;
    const cached = cache.get(given);
    if (cached?.checkedIn === generation) return cached.result;
    const found = statistics(given, generation);
    if ('error' in found) return remember(given, undefined, { error: found.error });
    const sameDocument = documents.size > 0 ? openByInode().get(inodeKey(found)) : undefined;
    if (sameDocument !== undefined) return remember(given, undefined, sameDocument);
    const stamp = stampOf(found);
    if (cached?.stamp === stamp) return remember(given, stamp, cached.result);
    const bytes = readRegularFile(given, found);
    if ('error' in bytes) return remember(given, undefined, bytes);
    const fresh = decode(given, bytes);
    const before = cached?.result;
    const unchanged =
      before !== undefined && !('error' in before) && before.path === given && before.text === fresh.text;
    return remember(given, stamp, unchanged && before.encoding === fresh.encoding ? before : fresh);
  }

  function remember(file: string, stamp: string | undefined, result: SourceFile | FileError): SourceFile | FileError {
    cache.set(file, { checkedIn: generation, stamp, result });
    return result;
  }

  /** Open documents by inode: an include may reach one through a symbolic link. */
  function openByInode(): ReadonlyMap<string, SourceFile> {
    if (documentInodes?.generation !== generation) {
      const byInode = new Map<string, SourceFile>();
      for (const [file, document] of documents) {
        const found = statistics(file, generation);
        if (!('error' in found)) byInode.set(inodeKey(found), document);
      }
      documentInodes = { generation, byInode };
    }
    return documentInodes.byInode;
  }
}

/** Remembers a function of a path for as long as the generation stays. */
function memoized<T>(compute: (file: string) => T): (file: string, generation: number) => T {
  let rememberedIn = -1;
  const results = new Map<string, T>();
  return (file, generation) => {
    if (rememberedIn !== generation) {
      results.clear();
      rememberedIn = generation;
    }
    let result = results.get(file);
    if (result === undefined) {
      result = compute(file);
      results.set(file, result);
    }
    return result;
  };
}

function stampOf(found: fs.Stats): string {
  return `${found.mtimeMs} ${found.size} ${inodeKey(found)}`;
}

function inodeKey(found: fs.Stats): string {
  return `${found.dev}:${found.ino}`;
}

/** Status of a regular file small enough to read, or why it is none. Devices and pipes are never opened: that may block. */
function status(file: string): fs.Stats | (FileError & { readonly isDirectory?: boolean }) {
  let found: fs.Stats | undefined;
  try {
    found = fs.statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    return { error: errorText(error) };
  }
  if (found === undefined) return { error: 'no such file' };
  if (found.isDirectory()) return { error: 'is a directory', isDirectory: true };
  if (!found.isFile()) return { error: `is ${specialFileName(found)}, not a regular file` };
  if (found.size > maximumFileSize) {
    return {
      error: `is too large (${Math.ceil(found.size / 1024 / 1024)} MiB, the limit is ${maximumFileSize / 1024 / 1024} MiB)`,
    };
  }
  return found;
}

function specialFileName(found: fs.Stats): string {
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** Reads to the end, also where the size is not known beforehand (procfs says 0). */
function readRegularFile(file: string, { size }: fs.Stats): Uint8Array | FileError {
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    let buffer = Buffer.allocUnsafeSlow(size > 0 ? size + 1 : 64 * 1024);
    let length = 0;
    for (;;) {
      const count = fs.readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0) return buffer.subarray(0, length);
      if (length > maximumFileSize) return { error: 'is too large' };
      if (length === buffer.length) {
        const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
        buffer.copy(larger);
        buffer = larger;
      }
    }
  } catch (error) {
    return { error: errorText(error) };
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** Text of a file's bytes: UTF-8 where that is what they are, else every byte a character. A byte order mark stays. */
export function decode(file: string, bytes: Uint8Array): SourceFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return sourceFile(file, buffer.toString('latin1'));
  return isUtf8(buffer)
    ? sourceFile(file, buffer.toString('utf8'))
    : sourceFile(file, buffer.toString('latin1'), 'latin1');
}

function listDirectory(directory: string): readonly DirectoryEntry[] {
  try {
    return fs
      .readdirSync(directory, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isDirectory: isDirectoryEntry(directory, entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function isDirectoryEntry(directory: string, entry: fs.Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const found = status(path.join(directory, entry.name));
  return 'error' in found && found.isDirectory === true;
}

/** The system's reason in plain words. */
function errorText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return errorTexts[code] ?? `cannot be read (${code === '' ? String(error) : code})`;
}

const errorTexts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'is a loop of symbolic links',
  ENAMETOOLONG: 'its name is too long',
  EISDIR: 'is a directory',
  ERR_INVALID_ARG_VALUE: 'its name holds a NUL character',
};
