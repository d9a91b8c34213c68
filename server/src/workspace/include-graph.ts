// Which boards include a file: found by looking for include lines in the files around it, without preprocessing.
import path from 'node:path';
import type { FileStore } from './files';
import { appendedNames, includeRoots, isInside, type IncludeRoots, type SourceTree } from './source-tree';

export interface SearchLimits {
  readonly files: number;
  readonly milliseconds: number;
}

export const defaultLimits: SearchLimits = { files: 8000, milliseconds: 400 };

/** An include line: the name and whether it is searched beside the file first. */
interface IncludeLine {
  readonly name: string;
  readonly isQuoted: boolean;
}

/** Who includes a file of this base name. */
type Includers = Map<string, Set<string>>;

interface FileLines {
  readonly stamp: string;
  readonly lines: readonly IncludeLine[];
}

const linesOfFile = new WeakMap<FileStore, Map<string, FileLines>>();
const foundBoards = new WeakMap<FileStore, { generation: number; byFile: Map<string, readonly string[]> }>();

/**
 * The boards (`.dts`) that include a file, directly or through others, the nearest by folder and name first.
 * Searched in growing circles around the file; the first circle that holds any ends the search, and so do the limits.
 */
export function boardsIncluding(
  file: string,
  tree: SourceTree | undefined,
  files: FileStore,
  limits: SearchLimits = defaultLimits,
): readonly string[] {
  let cache = foundBoards.get(files);
  if (cache?.generation !== files.generation) {
    cache = { generation: files.generation, byFile: new Map() };
    foundBoards.set(files, cache);
  }
  let boards = cache.byFile.get(file);
  if (boards === undefined) {
    boards = search(file, tree, files, limits);
    cache.byFile.set(file, boards);
  }
  return boards;
}

/** Whether a root file includes another, directly or through others, as far as its include lines tell. */
export function includesFile(
  root: string,
  file: string,
  { includePaths, appended }: Pick<IncludeRoots, 'includePaths' | 'appended'>,
  files: FileStore,
): boolean {
  if (appended.includes(file)) return true;
  const seen = new Set([root, ...appended]);
  const waiting = [...seen];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    for (const target of includeTargets(current, includePaths, files)) {
      if (target === file) return true;
      if (!seen.has(target) && seen.size < 2000) {
        seen.add(target);
        waiting.push(target);
      }
    }
  }
  return false;
}

function search(file: string, tree: SourceTree | undefined, files: FileStore, limits: SearchLimits): readonly string[] {
  const deadline = performance.now() + limits.milliseconds;
  const includers: Includers = new Map();
  let remaining = limits.files;
  for (const circle of circles(file, tree, files)) {
    for (const directory of circle) {
      for (const { name, isDirectory } of files.list(directory)) {
        if (isDirectory || !/\.(dts|dtsi|dtso|h)$/.test(name)) continue;
        if (remaining-- <= 0 || performance.now() > deadline)
          return rankBoards(file, boardsAbove(file, includers, tree, files));
        noteIncludes(path.join(directory, name), includers, tree, files);
      }
    }
    const boards = boardsAbove(file, includers, tree, files);
    if (boards.length > 0) return rankBoards(file, boards);
  }
  return [];
}

/** Directories to look in: the file's own, then its neighbours, then the rest of the tree, likely names first. */
function* circles(file: string, tree: SourceTree | undefined, files: FileStore): Generator<readonly string[]> {
  const own = path.dirname(file);
  const seen = new Set([own]);
  const fresh = (directories: readonly string[]) =>
    directories.filter((directory) => {
      const isFresh = !seen.has(directory);
      seen.add(directory);
      return isFresh;
    });
  yield [own];
  yield fresh(subdirectoriesOf(own, files));
  const parent = path.dirname(own);
  if (tree === undefined) {
    yield fresh([parent, ...subdirectoriesOf(parent, files)]);
    return;
  }
  const likely = likelyNames(file);
  const everywhere = sourceDirectories(tree, files);
  yield fresh(everywhere.filter((directory) => likely.has(path.basename(directory))));
  if (isInside(parent, tree.root)) yield fresh([parent, ...subdirectoriesOf(parent, files)]);
  for (const directory of everywhere) yield fresh([directory]);
}

/** Words of the path, such as a vendor's name, which the directory of the boards may have as well. */
function likelyNames(file: string): ReadonlySet<string> {
  return new Set([path.basename(path.dirname(file)), ...path.basename(file).split(/[,._-]/)]);
}

/** The directories of a tree that hold boards. */
function sourceDirectories(tree: SourceTree, files: FileStore): readonly string[] {
  const below = (...names: string[]) => {
    const directory = path.join(tree.root, ...names);
    return [directory, ...subdirectoriesOf(directory, files)];
  };
  const architecturesBelow = (...names: string[]) =>
    subdirectoriesOf(path.join(tree.root, 'arch'), files).flatMap((arch) =>
      below('arch', path.basename(arch), ...names),
    );
  const sourcesBelow = (...names: string[]) =>
    subdirectoriesOf(path.join(tree.root, ...names), files).flatMap((arch) => below(...names, path.basename(arch)));
  switch (tree.kind) {
    case 'linux':
      return [...architecturesBelow('boot', 'dts'), ...sourcesBelow('src')];
    case 'u-boot':
      return [...architecturesBelow('dts'), ...sourcesBelow('dts', 'upstream', 'src')];
    case 'barebox':
      return [...architecturesBelow('dts'), ...sourcesBelow('dts', 'src')];
    case 'zephyr':
      return [...sourcesBelow('boards'), ...sourcesBelow('dts')];
  }
}

function subdirectoriesOf(directory: string, files: FileStore): readonly string[] {
  return files.list(directory).flatMap(({ name, isDirectory }) => (isDirectory ? [path.join(directory, name)] : []));
}

function noteIncludes(file: string, includers: Includers, tree: SourceTree | undefined, files: FileStore): void {
  const written = includeLines(file, files).map(({ name }) => path.basename(name));
  for (const name of [...written, ...appendedNames(file, tree)]) {
    const known = includers.get(name);
    if (known === undefined) includers.set(name, new Set([file]));
    else known.add(file);
  }
}

/** Walks from a file up to the boards that include it. */
function boardsAbove(
  file: string,
  includers: Includers,
  tree: SourceTree | undefined,
  files: FileStore,
): readonly string[] {
  const boards: string[] = [];
  const seen = new Set([file]);
  const waiting = [file];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    for (const includer of includers.get(path.basename(current)) ?? []) {
      if (seen.has(includer)) continue;
      const { includePaths, appended } = includeRoots(includer, tree, files);
      if (!appended.includes(current) && !includeTargets(includer, includePaths, files).includes(current)) continue;
      seen.add(includer);
      if (includer.endsWith('.dts')) boards.push(includer);
      else waiting.push(includer);
    }
  }
  return boards;
}

/** Same directory first, then the longest common start of the names, then the shortest name, then by alphabet. */
function rankBoards(file: string, boards: readonly string[]): readonly string[] {
  const directory = path.dirname(file);
  const name = path.basename(file).replace(/\.[^.]*$/, '');
  const score = (board: string) => {
    const boardName = path.basename(board, '.dts');
    let common = 0;
    while (common < name.length && name[common] === boardName[common]) common++;
    return { isBeside: path.dirname(board) === directory ? 0 : 1, common, length: boardName.length };
  };
  return boards
    .map((board) => ({ board, ...score(board) }))
    .sort(
      (a, b) => a.isBeside - b.isBeside || b.common - a.common || a.length - b.length || (a.board < b.board ? -1 : 1),
    )
    .map(({ board }) => board);
}

/** The files that the include lines of a file lead to. */
function includeTargets(file: string, includePaths: readonly string[], files: FileStore): readonly string[] {
  return includeLines(file, files).flatMap(({ name, isQuoted }) => {
    const directories = isQuoted ? [path.dirname(file), ...includePaths] : includePaths;
    for (const directory of directories) {
      const found = files.resolve(path.join(directory, name));
      if (found !== undefined) return [found];
    }
    return [];
  });
}

const includePattern = /^[ \t]*(?:#[ \t]*include[ \t]*|\/include\/[ \t]*)(["<])([^">\n]+)[">]/gm;

function includeLines(file: string, files: FileStore): readonly IncludeLine[] {
  const document = files.document(file);
  if (document !== undefined) return parseIncludeLines(document.text);
  const stamp = files.stamp(file);
  if (stamp === undefined) return [];
  let ofStore = linesOfFile.get(files);
  if (ofStore === undefined) {
    ofStore = new Map<string, FileLines>();
    linesOfFile.set(files, ofStore);
  }
  const cached = ofStore.get(file);
  if (cached?.stamp === stamp) return cached.lines;
  // The text is not kept: a search may pass thousands of files.
  const bytes = files.readBytes(file);
  const lines =
    'error' in bytes
      ? []
      : parseIncludeLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'));
  ofStore.set(file, { stamp, lines });
  return lines;
}

function parseIncludeLines(text: string): readonly IncludeLine[] {
  return Array.from(text.matchAll(includePattern), (match) => ({ name: match[2]!, isQuoted: match[1] === '"' }));
}
