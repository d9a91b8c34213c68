// doorbell.json: what sources cannot say. Read with comments, checked against the published schema, merged with the editor's.
import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import path from 'node:path';
import schemaFile from '../../../schemas/doorbell.schema.json';
import type { Diagnostic, Severity } from '../text/diagnostic';
import type { SourceFile } from '../text/source-file';
import type { FileStore } from './files';
import { validate, type JsonSchema, type SchemaProblem } from './json-schema';

export const settingsFileName = 'doorbell.json';

/** The file's content as written; every key may be absent. Kept in step with schemas/doorbell.schema.json by a test. */
export interface SettingsFile {
  readonly kernel?: KernelVersion;
  readonly pageSize?: PageSize;
  readonly msiWindow?: { readonly base: AddressText; readonly size?: AddressText };
  readonly preserveBootConfiguration?: boolean;
  readonly rules?: Readonly<Record<string, Severity | 'off'>>;
  readonly guests?: Readonly<Record<string, { readonly ram: readonly SpanText[] }>>;
  readonly virtioIommuRegions?: readonly (SpanText & { readonly type: 'msi' | 'reserved' })[];
  readonly contexts?: readonly ContextText[];
}

export type KernelVersion = '6.1' | '6.12' | '7.2';
export type PageSize = '4K' | '16K' | '64K';
type AddressText = string | number;
interface SpanText {
  readonly start: AddressText;
  readonly size: AddressText;
}
interface ContextText {
  readonly root: string;
  readonly includePaths?: readonly string[];
  readonly defines?: Readonly<Record<string, string | number>>;
  readonly overlays?: readonly string[];
}

/** All settings, defaults filled in, paths absolute. */
export interface Settings {
  readonly kernel: KernelVersion;
  readonly pageSize: PageSize;
  /** Undefined: the kernel's own. A base or size that is not given is the kernel's. */
  readonly msiWindow: { readonly base: bigint; readonly size: bigint | undefined } | undefined;
  readonly preserveBootConfiguration: boolean;
  readonly rules: Readonly<Record<string, Severity | 'off'>>;
  readonly guests: Readonly<Record<string, { readonly ram: readonly MemorySpan[] }>>;
  readonly virtioIommuRegions: readonly (MemorySpan & { readonly type: 'msi' | 'reserved' })[];
  readonly contexts: readonly ConfiguredContext[];
}

/** Bytes from `start` on, in a guest's or the bus's address space. */
export interface MemorySpan {
  readonly start: bigint;
  readonly size: bigint;
}

export interface ConfiguredContext {
  readonly root: string;
  readonly includePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  readonly overlays: readonly string[];
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** The doorbell.json that they come from. */
  readonly source: SourceFile | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export const settingsSchema = schemaFile as JsonSchema;

const loaded = new WeakMap<
  SourceFile,
  { readonly content: SettingsFile; readonly diagnostics: readonly Diagnostic[] }
>();
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
 * The settings in force: doorbell.json over `base` (the editor's) over the defaults, key by key.
 * A wrong value is reported and counts as absent.
 */
export function loadSettings(file: string | undefined, files: FileStore, base: SettingsFile = {}): LoadedSettings {
  const source = file === undefined ? undefined : files.read(file);
  if (source === undefined || 'error' in source) {
    return { settings: completeSettings(base, path.dirname(file ?? '.')), source: undefined, diagnostics: [] };
  }
  let parsed = loaded.get(source);
  if (parsed === undefined) {
    parsed = parseSettings(source);
    loaded.set(source, parsed);
  }
  const merged: SettingsFile = { ...base, ...parsed.content, rules: { ...base.rules, ...parsed.content.rules } };
  return { settings: completeSettings(merged, path.dirname(source.path)), source, diagnostics: parsed.diagnostics };
}

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
    rules: content.rules ?? {},
    guests: Object.fromEntries(
      Object.entries(content.guests ?? {}).map(([name, { ram }]) => [name, { ram: ram.map(memorySpan) }]),
    ),
    virtioIommuRegions: (content.virtioIommuRegions ?? []).map((region) => ({
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

/** Settings that come from elsewhere than a file, such as the editor: wrong values are dropped. */
export function settingsFromObject(value: unknown): SettingsFile {
  const text = JSON.stringify(value ?? {});
  const tree = parseTree(text);
  return tree === undefined ? {} : validContent(tree, wrongNodes(validate(tree, settingsSchema)));
}

function parseSettings(source: SourceFile): { content: SettingsFile; diagnostics: readonly Diagnostic[] } {
  const errors: ParseError[] = [];
  const text = source.text.startsWith('\uFEFF') ? ` ${source.text.slice(1)}` : source.text;
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const diagnostics: Diagnostic[] = errors.map(({ error, offset, length }) => ({
    rule: 'settings-syntax',
    severity: 'error',
    range: { file: source, start: offset, end: offset + length },
    message: `${settingsFileName} cannot be read here: ${syntaxErrorText(printParseErrorCode(error))}`,
  }));
  if (tree === undefined) return { content: {}, diagnostics };
  const problems = validate(tree, settingsSchema);
  for (const { kind, node, message } of problems) {
    diagnostics.push({
      rule: kind === 'wrong' ? 'settings-wrong-value' : 'settings-unknown-key',
      severity: kind === 'wrong' ? 'error' : 'warning',
      range: { file: source, start: node.offset, end: node.offset + node.length },
      message,
    });
  }
  return { content: validContent(tree, wrongNodes(problems)), diagnostics };
}

/** `InvalidSymbol` becomes `invalid symbol`. */
function syntaxErrorText(code: string): string {
  return code.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/** The value without its wrong parts. A wrong item takes along what cannot do without it, up to the entry of a list or map. */
function validContent(tree: Node, wrong: ReadonlySet<Node>): SettingsFile {
  if (tree.type !== 'object') return {};
  const content: Record<string, unknown> = {};
  for (const property of tree.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key === undefined || value === undefined || !Object.hasOwn(settingsSchema.properties ?? {}, String(key.value)))
      continue;
    const isKept = (node: Node) => !holdsAny(node, wrong);
    if (isKept(value)) content[String(key.value)] = getNodeValue(value);
    else if (wrong.has(value)) continue;
    else if (value.type === 'array')
      content[String(key.value)] = (value.children ?? []).filter(isKept).map((item): unknown => getNodeValue(item));
    else if (key.value !== 'msiWindow' && value.type === 'object') {
      const kept = (value.children ?? []).filter(isKept);
      content[String(key.value)] = Object.fromEntries(
        kept.map((entry) => [
          String(entry.children![0]!.value),
          entry.children?.[1] === undefined ? undefined : getNodeValue(entry.children[1]),
        ]),
      );
    }
  }
  return content;
}

function wrongNodes(problems: readonly SchemaProblem[]): ReadonlySet<Node> {
  return new Set(problems.filter(({ kind }) => kind === 'wrong').map(({ node }) => node));
}

function holdsAny(node: Node, wrong: ReadonlySet<Node>): boolean {
  return wrong.has(node) || (node.children ?? []).some((child) => holdsAny(child, wrong));
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
