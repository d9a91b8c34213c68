// Which root file a document is analysed through, with which include paths and overlays. Contexts are values: several
// are alive at once, and none of them is "the active one".
import path from 'node:path';
import type { KernelVersion } from '../iova/kernel-profile';
import type { Diagnostic } from '../text/diagnostic';
import type { SourceFile, SourceRange } from '../text/source-file';
import { readContextComment, type ContextComment } from './context-comment';
import type { FileStore } from './files';
import { hostSettings, readHostArchive } from './host-archive';
import { boardsIncluding, includesFile } from './include-graph';
import { inputKind } from './input-kind';
import { findSettingsFile, loadSettings, type ConfiguredContext, type Settings } from './settings';
import type { SettingsFile } from './settings-file';
import { findSourceTree, includeRoots, type IncludeRoots, type SourceTree } from './source-tree';
import { zephyrBoard } from './zephyr-board';

/**
 * Why this root: `itself` (a board is its own root), `open` (an open board includes the document), `nearest` (so does a
 * board on the disk), `comment` (the document's first line says so), `configured` (doorbell.json says so), `alone`
 * (nothing was found that includes it).
 */
export type ContextReason = 'itself' | 'open' | 'nearest' | 'comment' | 'configured' | 'alone';

export interface Context {
  /** Path of the root file. */
  readonly root: string;
  readonly includePaths: readonly string[];
  readonly dtcIncludePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  /** Applied to the root's tree in this order, as fdtoverlay does (or appended, where they are no `/plugin/`). */
  readonly overlays: readonly string[];
  /** Read before the root file, as U-Boot's build does with its configuration. */
  readonly prepended: readonly string[];
  /** Included behind the root file, as U-Boot's build does with BOARD-u-boot.dtsi. */
  readonly appended: readonly string[];
  /** The tree has not been configured: what CONFIG_ macros stand for is not known. */
  readonly lacksConfiguration: boolean;
  readonly sourceTree: SourceTree | undefined;
  readonly settings: Settings;
  /** The doorbell.json in force. */
  readonly settingsFile: string | undefined;
  /** Where it gives the MSI window. */
  readonly msiWindowSource: SourceRange | undefined;
  readonly reason: ContextReason;
  /** What is wrong in the files that made the context. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What overrides the files: the command line's options. */
export interface ContextOptions {
  readonly includePaths?: readonly string[];
  readonly defines?: Readonly<Record<string, string>>;
  readonly overlays?: readonly string[];
  /** A doorbell.json to use instead of the nearest one. */
  readonly settingsFile?: string;
  /** A kernel to use instead of the one that the settings name. */
  readonly kernel?: KernelVersion;
  /** Settings below those of doorbell.json: the editor's. */
  readonly editorSettings?: SettingsFile;
}

/** The context of a document, found from the document itself, doorbell.json, the open documents and the folders around it. */
export function contextOf(document: string, files: FileStore, options: ContextOptions = {}): Context {
  const source = files.read(document);
  const comment = 'error' in source ? undefined : readContextComment(source);
  const chosen = (root: string, reason: ContextReason, configured?: ConfiguredContext, overlay?: string) =>
    contextOfRoot(root, files, options, { reason, comment, configured, overlay });
  if (comment?.root !== undefined && files.isFile(comment.root)) {
    const isOverlay = comment.root !== document && !('error' in source) && isOverlaySource(source);
    return chosen(comment.root, 'comment', undefined, isOverlay ? document : undefined);
  }

  if (!('error' in source) && isMachine(source)) return chosen(document, 'itself');
  const { settings } = loadSettings(options.settingsFile ?? findSettingsFile(document, files), files);
  const configured = configuredContext(document, settings, files);
  if (configured !== undefined) return chosen(configured.root, 'configured', configured);
  if (isRoot(document, files)) return chosen(document, 'itself');
  const open = openBoard(document, files);
  if (open !== undefined) return chosen(open, 'open');
  const tree = findSourceTree(document, files);
  const [nearest] = boardsIncluding(document, tree, files);
  const ofOverlay = nearest === undefined ? zephyrBoard(document, tree, files) : undefined;
  if (ofOverlay !== undefined) return chosen(ofOverlay, 'nearest', undefined, document);
  return nearest === undefined ? chosen(document, 'alone') : chosen(nearest, 'nearest');
}

interface Origin {
  readonly reason: ContextReason;
  readonly comment?: ContextComment | undefined;
  readonly configured?: ConfiguredContext | undefined;
  /** The document, where it is an overlay for the root that was chosen. */
  readonly overlay?: string | undefined;
}

/** The context of a root file that is already chosen; its own comment and doorbell.json still add to it. */
export function contextOfRoot(
  root: string,
  files: FileStore,
  options: ContextOptions = {},
  origin: Origin = { reason: 'itself' },
): Context {
  const settingsFile = options.settingsFile ?? findSettingsFile(root, files);
  const source = files.read(root);
  const host = 'error' in source ? undefined : readHostArchive(source, files);
  const recorded = host === undefined || 'error' in host ? {} : hostSettings(host);
  const loaded = loadSettings(settingsFile, files, { ...options.editorSettings, ...recorded });
  const comment = origin.comment ?? ('error' in source ? undefined : readContextComment(source));
  const configured = origin.configured ?? loaded.settings.contexts.find((context) => context.root === root);
  const sourceTree = findSourceTree(root, files);
  const found = includeRoots(root, sourceTree, files);
  const given = [options.includePaths, comment?.includePaths, configured?.includePaths].find(
    (paths) => (paths?.length ?? 0) > 0,
  );
  return {
    root,
    includePaths: given ?? found.includePaths,
    dtcIncludePaths: given === undefined ? found.dtcIncludePaths : [path.dirname(root), ...given],
    defines: { ...found.defines, ...configured?.defines, ...comment?.defines, ...options.defines },
    overlays: withOverlay(
      [...(configured?.overlays ?? []), ...(comment?.overlays ?? []), ...(options.overlays ?? [])],
      origin.overlay,
    ),
    prepended: found.prepended,
    appended: found.appended,
    lacksConfiguration: found.lacksConfiguration,
    sourceTree,
    settings: options.kernel === undefined ? loaded.settings : { ...loaded.settings, kernel: options.kernel },
    settingsFile: loaded.source?.path,
    msiWindowSource: loaded.msiWindowSource,
    reason: origin.reason,
    diagnostics: [...loaded.diagnostics, ...(comment === undefined ? [] : commentProblems(comment, files))],
  };
}

function withOverlay(overlays: readonly string[], overlay: string | undefined): readonly string[] {
  return overlay === undefined || overlays.includes(overlay) ? overlays : [...overlays, overlay];
}

/** What describes a machine alone: no board includes it, and no overlay is applied to it. */
function isMachine(source: SourceFile): boolean {
  const kind = inputKind(source);
  return kind === 'archive' || kind === 'acpi-text' || kind === 'acpi-binary' || kind === 'acpi-dump';
}

/** Zephyr's, or a source that says that it is one. */
function isOverlaySource({ path: file, text }: SourceFile): boolean {
  return path.extname(file) === '.overlay' || /^[ \t]*\/plugin\//m.test(text);
}

/** Two contexts with the same key give the same analysis of the same files. */
export function contextKey(context: Context): string {
  const { root, includePaths, dtcIncludePaths, defines, overlays, settings } = context;
  const { prepended, appended, lacksConfiguration } = context;
  const ofTree = [prepended, appended, lacksConfiguration];
  const parts = [root, includePaths, dtcIncludePaths, defines, overlays, ...ofTree, settings];
  return JSON.stringify(parts, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** A source that makes a tree of its own, whatever includes it. */
function isRoot(document: string, files: FileStore): boolean {
  const extension = path.extname(document);
  if (extension === '.dts' || extension === '.dtso' || extension === '.dtbo' || extension === '.dtb') return true;
  if (extension === '.dtsi' || extension === '.h' || extension === '.overlay') return false;
  const source = files.read(document);
  return !('error' in source) && /^[ \t]*\/(?:dts-v1|plugin)\//m.test(source.text);
}

function configuredContext(document: string, settings: Settings, files: FileStore): ConfiguredContext | undefined {
  const { contexts } = settings;
  return (
    contexts.find(({ root }) => root === document) ??
    contexts.find(({ overlays }) => overlays.includes(document)) ??
    (isRoot(document, files)
      ? undefined
      : contexts.find((context) => includesFile(context.root, document, rootsOf(context, files), files)))
  );
}

function rootsOf({ root, includePaths }: ConfiguredContext, files: FileStore): IncludeRoots {
  const found = includeRoots(root, findSourceTree(root, files), files);
  return includePaths.length > 0 ? { ...found, includePaths } : found;
}

/** The open board that includes a document, the one last opened first. */
function openBoard(document: string, files: FileStore): string | undefined {
  return files
    .openPaths()
    .filter((open) => open !== document && isRoot(open, files))
    .findLast((open) => includesFile(open, document, includeRoots(open, findSourceTree(open, files), files), files));
}

function commentProblems(comment: ContextComment, files: FileStore): readonly Diagnostic[] {
  const missing = [comment.root, ...comment.overlays].filter((file) => file !== undefined && !files.isFile(file));
  const missingDirectories = comment.includePaths.filter((directory) => !files.isDirectory(directory));
  const problem = (message: string): Diagnostic => ({
    rule: 'context-comment',
    severity: 'warning',
    range: comment.range,
    message,
  });
  return [
    ...comment.diagnostics,
    ...missing.map((file) => problem(`This doorbell comment names ${file}, which is no file that can be read`)),
    ...missingDirectories.map((directory) =>
      problem(`This doorbell comment names ${directory}, which is no directory`),
    ),
  ];
}
