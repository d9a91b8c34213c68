// An archive that `doorbell collect` made, as a host: its devicetree, its groups, and which kernel it ran.
import { nearestKernel } from '../iova/hosts/nearest-kernel';
import type { GroupDump } from '../iova/hosts/recorded';
import type { SourceFile } from '../text/source-file';
import { readFdt } from '../tree/fdt-read';
import type { DeviceTree } from '../tree/model';
import type { FileError, FileStore } from './files';
import { archiveFiles, isArchive, type ArchivedFile } from './host-files';
import { groupsOfArchive } from './host-groups';
import { treeOfDirectory } from './host-tree';
import type { SettingsFile } from './settings-file';

export interface HostArchive {
  /** `uname -r`; undefined where the archive does not say. */
  readonly release: string | undefined;
  /** `uname -m`. */
  readonly machine: string | undefined;
  /** In bytes. */
  readonly pageSize: number | undefined;
  /** Of either VFIO back end. */
  readonly allowUnsafeInterrupts: boolean | undefined;
  /** What the script could not read, in its words. */
  readonly missing: readonly string[];
  readonly dump: GroupDump;
  /** The tree that the machine booted with, or why there is none that can be read. */
  readonly tree: DeviceTree | FileError;
  /** ACPI tables by their signatures. A machine that has them was booted with them: what tree there is then, UEFI made. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
}

const known = new WeakMap<SourceFile, HostArchive | FileError>();

/** The host in a file, read once for each of its contents; undefined for a file that is no archive. */
export function readHostArchive(source: SourceFile, files: FileStore): HostArchive | FileError | undefined {
  if (!isArchive(source.text)) return undefined;
  let result = known.get(source);
  if (result === undefined) {
    const bytes = files.readBytes(source.path);
    const unpacked = 'error' in bytes ? bytes : archiveFiles(bytes);
    result = 'error' in unpacked ? unpacked : hostOf(unpacked.files);
    known.set(source, result);
  }
  return result;
}

/** What the archive says in place of settings: doorbell.json and options are above it. */
export function hostSettings(host: HostArchive): SettingsFile {
  const kernel = host.release === undefined ? undefined : nearestKernel(host.release)?.version;
  const pageSize = host.pageSize === undefined ? undefined : pageSizes.get(host.pageSize);
  return { ...(kernel && { kernel }), ...(pageSize && { pageSize }) };
}

const pageSizes = new Map([
  [0x1000, '4K'],
  [0x4000, '16K'],
  [0x10000, '64K'],
] as const) as ReadonlyMap<number, '4K' | '16K' | '64K'>;

function hostOf(files: ReadonlyMap<string, ArchivedFile>): HostArchive | FileError {
  const text = (name: string): string | undefined => {
    const found = files.get(name);
    return found !== undefined && 'bytes' in found ? Buffer.from(found.bytes).toString('latin1') : undefined;
  };
  const about = (text('about') ?? '').split('\n');
  const values = (key: string): string[] =>
    about.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2).trim());
  const format = values('format')[0];
  if (format !== '1') return { error: `is an archive in format ${format ?? 'unknown'}; this version reads format 1` };
  const pageSize = Number(values('page-size')[0] ?? NaN);
  return {
    release: values('release')[0],
    machine: values('machine')[0],
    pageSize: Number.isInteger(pageSize) ? pageSize : undefined,
    allowUnsafeInterrupts: unsafeInterrupts(text('parameters')),
    missing: values('missing'),
    dump: { ...groupsOfArchive(files), commandLine: text('cmdline')?.trim() },
    tree: treeOf(files),
    tables: tablesOf(files),
  };
}

/** vfio_iommu_type1.allow_unsafe_interrupts or iommufd.allow_unsafe_interrupts; undefined where neither is loaded. */
function unsafeInterrupts(parameters: string | undefined): boolean | undefined {
  const found = [...(parameters ?? '').matchAll(/^\w+\.allow_unsafe_interrupts=(\w)/gm)].map((match) => match[1]);
  return found.length === 0 ? undefined : found.includes('Y');
}

function treeOf(files: ReadonlyMap<string, ArchivedFile>): DeviceTree | FileError {
  const blob = files.get('fdt');
  if (blob !== undefined && 'bytes' in blob && blob.bytes.length > 0) {
    const found = readFdt(blob.bytes);
    if ('tree' in found) return found.tree;
    return { error: `holds a damaged flattened devicetree: ${found.error} at offset 0x${found.offset.toString(16)}` };
  }
  const properties = new Map<string, Uint8Array>();
  let hasTables = false;
  for (const [name, file] of files) {
    if (name.startsWith('devicetree/') && 'bytes' in file) properties.set(name.slice('devicetree/'.length), file.bytes);
    hasTables ||= name.startsWith('acpi/');
  }
  const tree = treeOfDirectory(properties);
  if (tree !== undefined) return tree;
  if (properties.size > 0) return { error: 'holds a devicetree whose nodes are nested too deep' };
  return {
    error: hasTables
      ? 'holds ACPI tables without an IORT, and no devicetree'
      : 'holds neither a devicetree nor an IORT',
  };
}

function tablesOf(files: ReadonlyMap<string, ArchivedFile>): Map<string, Uint8Array> {
  const tables = new Map<string, Uint8Array>();
  for (const [name, file] of files) {
    const signature = /^acpi\/([A-Z0-9_!]{4})$/.exec(name)?.[1];
    if (signature !== undefined && 'bytes' in file && file.bytes.length > 0) tables.set(signature, file.bytes);
  }
  return tables;
}
