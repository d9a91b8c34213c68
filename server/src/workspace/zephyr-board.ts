// The board of a Zephyr overlay: an `.overlay` names no board, but its build does, or its file name.
import path from 'node:path';
import type { FileStore } from './files';
import type { SourceTree } from './source-tree';

/**
 * The board's source that Zephyr's build would read the overlay behind; undefined where neither the file's name nor a
 * build directory tells. Zephyr doc/build/dts/howtos.rst "Set devicetree overlays": `boards/BOARD.overlay` or
 * `BOARD.overlay` for one board, `app.overlay` for whichever is built.
 */
export function zephyrBoard(overlay: string, tree: SourceTree | undefined, files: FileStore): string | undefined {
  if (path.extname(overlay) !== '.overlay') return undefined;
  const beside = path.dirname(overlay);
  const application = path.basename(beside) === 'boards' ? path.dirname(beside) : beside;
  const name = path.basename(overlay, '.overlay');
  const roots = [application, ...(tree?.kind === 'zephyr' ? [tree.root] : [])];
  for (const root of roots) {
    const found = boardFile(path.join(root, 'boards'), `${name}.dts`, 0, files);
    if (found !== undefined) return found;
  }
  return builtBoard(application, files);
}

/** Boards lie in boards/VENDOR/BOARD or, in older trees, in boards/ARCH/BOARD; an application's own in boards/BOARD too. */
const deepestBoard = 2;

function boardFile(directory: string, name: string, depth: number, files: FileStore): string | undefined {
  const entries = files.list(directory);
  if (entries.some((entry) => entry.name === name && !entry.isDirectory)) return path.join(directory, name);
  if (depth === deepestBoard) return undefined;
  for (const entry of entries) {
    const found = entry.isDirectory && boardFile(path.join(directory, entry.name), name, depth + 1, files);
    if (typeof found === 'string') return found;
  }
  return undefined;
}

/** What `west build` has built last in the application's folder: BOARD_DIR and BOARD of CMake's cache (cmake/modules/boards.cmake). */
function builtBoard(application: string, files: FileStore): string | undefined {
  const build = path.join(application, 'build');
  // With sysbuild the application has a folder of its own in the build directory.
  const caches = [path.join(build, path.basename(application), 'CMakeCache.txt'), path.join(build, 'CMakeCache.txt')];
  for (const cache of caches) {
    const file = files.isFile(cache) ? files.read(cache) : undefined;
    if (file === undefined || 'error' in file) continue;
    const value = (key: string) => new RegExp(`^${key}:\\w+=(.*?)\\r?$`, 'm').exec(file.text)?.[1];
    const [directory, board] = [value('BOARD_DIR'), value('BOARD')];
    if (directory === undefined || board === undefined) continue;
    // BOARD may name a revision; qualifiers are joined by underscores in file names.
    const source = path.join(directory, `${board.replace(/@[^/]*/, '').replaceAll('/', '_')}.dts`);
    if (files.isFile(source)) return source;
  }
  return undefined;
}
