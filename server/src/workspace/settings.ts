// The settings that govern a file: the nearest doorbell.json over the editor's settings over the defaults.
import path from 'node:path';
import { parseGuest } from '../iova/guests/guest-spec';
import { defaultKernel, kernelProfile, type KernelProfile, type KernelVersion } from '../iova/kernel-profile';
import type { Diagnostic, Severity } from '../text/diagnostic';
import { oncePer } from '../text/once';
import type { SourceFile, SourceRange } from '../text/source-file';
import type { FileStore } from './files';
import {
  parseSettings,
  settingsFileName,
  settingsFromObject,
  type GuestText,
  type PageSize,
  type SettingsFile,
  type SpanText,
} from './settings-file';

/** All settings, defaults filled in, paths absolute. */
export interface Settings {
  readonly kernel: KernelVersion;
  readonly pageSize: PageSize;
  /** Undefined: the kernel's own. A base or size that is not given is the kernel's. */
  readonly msiWindow: { readonly base: bigint; readonly size: bigint | undefined } | undefined;
  readonly preserveBootConfiguration: boolean;
  /** Of the SMMUv3s; undefined: not known. */
  readonly streamIdBits: number | undefined;
  /** The MADT beside an IORT; undefined: what lies beside it. */
  readonly madt: string | undefined;
  readonly rules: Readonly<Record<string, Severity | 'off'>>;
  readonly guests: Readonly<Record<string, ConfiguredGuest>>;
  /** Undefined: not known. */
  readonly virtioIommuRegions: readonly (MemorySpan & { readonly type: 'msi' | 'reserved' })[] | undefined;
  readonly contexts: readonly ConfiguredContext[];
}

/** Bytes from `start` on, in a guest's or the bus's address space. */
export interface MemorySpan {
  readonly start: bigint;
  readonly size: bigint;
}

/** Ranges of RAM as given, or the preset whose they are. */
export interface ConfiguredGuest {
  readonly ram: readonly MemorySpan[];
  readonly preset?: string;
}

export interface ConfiguredContext {
  readonly root: string;
  readonly includePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  readonly overlays: readonly string[];
}

export { settingsFileName, type SettingsFile } from './settings-file';

export interface LoadedSettings {
  readonly settings: Settings;
  /** The doorbell.json that they come from. */
  readonly source: SourceFile | undefined;
  /** Where it gives the MSI window. */
  readonly msiWindowSource: SourceRange | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const nearest = new WeakMap<FileStore, { generation: number; byDirectory: Map<string, string | undefined> }>();

/** The doorbell.json that governs a file: the nearest one upwards. */
export function findSettingsFile(file: string, files: FileStore): string | undefined {
  let cache = nearest.get(files);
  if (cache?.generation !== files.generation) {
    cache = { generation: files.generation, byDirectory: new Map() };
    nearest.set(files, cache);
  }
  const start = path.dirname(file);
  if (!path.isAbsolute(start)) return undefined;
  if (!cache.byDirectory.has(start)) cache.byDirectory.set(start, searchUpwards(start, files));
  return cache.byDirectory.get(start);
}

/**
 * The settings in force: doorbell.json over `base` (the editor's, of which wrong
 * values are dropped) over the defaults, key by key.
 */
export function loadSettings(file: string | undefined, files: FileStore, base: SettingsFile = {}): LoadedSettings {
  const checkedBase = settingsFromObject(base);
  const source = file === undefined ? undefined : files.read(file);
  if (source === undefined || 'error' in source) {
    const settings = completeSettings(checkedBase, path.dirname(file ?? '.'));
    return { settings, source: undefined, msiWindowSource: undefined, diagnostics: [] };
  }
  const { content, msiWindowSource, diagnostics } = parseSettings(source);
  const merged: SettingsFile = { ...checkedBase, ...content, rules: { ...checkedBase.rules, ...content.rules } };
  return { settings: completeSettings(merged, path.dirname(source.path)), source, msiWindowSource, diagnostics };
}

/** The kernel that the settings describe; the same object for the same settings. */
export const settingsProfile = oncePer(
  ({ kernel, pageSize, msiWindow, virtioIommuRegions }: Settings): KernelProfile => {
    const { start, end } = defaultKernel.msiWindow;
    return kernelProfile({
      kernel,
      pageSize: BigInt(Number.parseInt(pageSize, 10) * 1024),
      ...(msiWindow && { msiWindow: { base: msiWindow.base, size: msiWindow.size ?? end - start + 1n } }),
      ...(virtioIommuRegions && { virtioIommuRegions }),
    });
  },
);

/** Defaults for what is absent; relative paths are taken from `directory`. */
export function completeSettings(content: SettingsFile, directory: string): Settings {
  const absolute = (relative: string) => path.resolve(directory, relative);
  const { msiWindow } = content;
  return {
    kernel: content.kernel ?? '6.12',
    pageSize: content.pageSize ?? '4K',
    msiWindow:
      msiWindow === undefined
        ? undefined
        : { base: BigInt(msiWindow.base), size: msiWindow.size === undefined ? undefined : BigInt(msiWindow.size) },
    preserveBootConfiguration: content.preserveBootConfiguration ?? false,
    streamIdBits: content.streamIdBits,
    madt: content.acpi?.madt === undefined ? undefined : absolute(content.acpi.madt),
    rules: content.rules ?? {},
    guests: Object.fromEntries(
      Object.entries(content.guests ?? {}).map(([name, guest]) => [name, configuredGuest(guest)]),
    ),
    virtioIommuRegions: content.virtioIommuRegions?.map((region) => ({
      ...memorySpan(region),
      type: region.type,
    })),
    contexts: (content.contexts ?? []).map((context) => ({
      root: absolute(context.root),
      includePaths: (context.includePaths ?? []).map(absolute),
      defines: Object.fromEntries(Object.entries(context.defines ?? {}).map(([name, value]) => [name, String(value)])),
      overlays: (context.overlays ?? []).map(absolute),
    })),
  };
}

/** The preset was read when the file was checked: what is wrong is not here any more. */
function configuredGuest({ ram, preset = '' }: GuestText): ConfiguredGuest {
  if (ram !== undefined) return { ram: ram.map(memorySpan) };
  const parsed = parseGuest(preset);
  const ranges = parsed.kind === 'layout' ? parsed.layout.ram : [];
  return { ram: ranges.map(({ start, size }) => ({ start, size })), preset };
}

function memorySpan({ start, size }: SpanText): MemorySpan {
  return { start: BigInt(start), size: BigInt(size) };
}

function searchUpwards(start: string, files: FileStore): string | undefined {
  for (let directory = start; ; directory = path.dirname(directory)) {
    const file = path.join(directory, settingsFileName);
    if (files.isFile(file)) return file;
    if (path.dirname(directory) === directory) return undefined;
  }
}
