// The overlays of a context: applied to the board's tree as fdtoverlay does, or read behind the board's file.
import { preprocess, type Unit } from '../preprocess/preprocess';
import { TokenKind } from '../preprocess/token-stream';
import type { SyntaxTree } from '../syntax/syntax-tree';
import type { Diagnostic } from '../text/diagnostic';
import { type SourceFile, sourceFile } from '../text/source-file';
import { readFdt } from '../tree/fdt-read';
import type { DeviceTree } from '../tree/model';
import { applyOverlay } from '../tree/apply-overlay';
import { compile } from './compile';
import type { Context } from './contexts';
import type { FileStore } from './files';
import { inputKind } from './input-kind';

export interface SortedOverlays {
  /** Sources without `/plugin/`, such as Zephyr's `.overlay` files: the build reads them behind the board's file. */
  readonly appended: readonly string[];
  /** `/plugin/` sources, blobs, and what cannot be read. */
  readonly applied: readonly string[];
}

export function sortOverlays(context: Context, files: FileStore): SortedOverlays {
  const isAppended = (overlay: string) => {
    const file = files.read(overlay);
    return !('error' in file) && inputKind(file) === 'source' && !isPlugin(file, context, files);
  };
  return {
    appended: context.overlays.filter(isAppended),
    applied: context.overlays.filter((overlay) => !isAppended(overlay)),
  };
}

/** The word may come with an include: Raspberry Pi's overlays for one model include those for another. */
function isPlugin(file: SourceFile, { includePaths, dtcIncludePaths, defines }: Context, files: FileStore): boolean {
  if (/^[ \t]*\/plugin\//m.test(file.text)) return true;
  const { tokens } = preprocess(file, { includePaths, dtcIncludePaths, defines }, files);
  return tokens.shape.includes(TokenKind.plugin);
}

/** An overlay that is a source, as it was read. */
export interface OverlayUnit {
  readonly unit: Unit;
  readonly syntax: SyntaxTree;
}

export interface OverlaidTree {
  readonly tree: DeviceTree;
  /** Of the overlays that are sources. */
  readonly units: readonly OverlayUnit[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Applies overlays one after the other; one that cannot be read or applied is reported and left out. */
export function applyOverlays(
  base: DeviceTree,
  overlays: readonly string[],
  context: Context,
  files: FileStore,
): OverlaidTree {
  let tree = base;
  const units: OverlayUnit[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const overlay of overlays) {
    const loaded = loadOverlay(overlay, context, files);
    const problem = (message: string): Diagnostic => {
      const range = { file: sourceFile(overlay, ''), start: 0, end: 0 };
      return { rule: 'overlay-not-applied', severity: 'error', range, message };
    };
    if ('error' in loaded) {
      diagnostics.push(problem(`The overlay ${overlay} is left out: ${loaded.error}`));
      continue;
    }
    if (loaded.source !== undefined) units.push(loaded.source);
    diagnostics.push(...loaded.diagnostics);
    if (loaded.source?.unit.isRefused === true) continue;
    const applied = applyOverlay(tree, loaded.tree);
    if ('error' in applied) diagnostics.push(problem(`The overlay ${overlay} does not apply: ${applied.error}`));
    else tree = applied.tree;
  }
  return { tree, units, diagnostics };
}

interface LoadedOverlay {
  readonly tree: DeviceTree;
  readonly source: OverlayUnit | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

function loadOverlay(overlay: string, context: Context, files: FileStore): LoadedOverlay | { readonly error: string } {
  const file = files.read(overlay);
  if ('error' in file) return file;
  const kind = inputKind(file);
  if (kind === 'source') {
    const source = compile(file, [], context, files, { symbols: true });
    return { ...source, source };
  }
  if (kind !== 'fdt') return { error: 'is no devicetree overlay' };
  const bytes = files.readBytes(overlay);
  if ('error' in bytes) return bytes;
  const blob = readFdt(bytes);
  return 'error' in blob ? { error: blob.error } : { tree: blob.tree, source: undefined, diagnostics: [] };
}
