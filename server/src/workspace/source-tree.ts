// Finds the source tree that a file belongs to, and the include directories that its build would use.
import path from 'node:path';
import type { FileStore } from './files';

export type SourceTreeKind = 'linux' | 'u-boot' | 'barebox' | 'zephyr';

export interface SourceTree {
  readonly kind: SourceTreeKind;
  readonly root: string;
}

/** What the build of a tree passes to the preprocessor and to dtc for one root file, in search order. */
export interface IncludeRoots {
  readonly includePaths: readonly string[];
  /** dtc's own search path, for `/include/`. */
  readonly dtcIncludePaths: readonly string[];
  /** Files that the build includes before and behind the root file. */
  readonly prepended: readonly string[];
  readonly appended: readonly string[];
  /** Macros that the build defines. */
  readonly defines: Readonly<Record<string, string>>;
  /** The build takes CONFIG_ macros from a configuration that is not there. */
  readonly lacksConfiguration: boolean;
}

/** What a tree says beside the include paths; most say nothing more. */
type TreeRoots = Pick<IncludeRoots, 'includePaths' | 'dtcIncludePaths'> & Partial<IncludeRoots>;

const cachedTrees = new WeakMap<FileStore, { generation: number; byDirectory: Map<string, SourceTree | undefined> }>();

/** The tree that holds a file, walking up from it; undefined for a file on its own. */
export function findSourceTree(file: string, files: FileStore): SourceTree | undefined {
  let cache = cachedTrees.get(files);
  if (cache?.generation !== files.generation) {
    cache = { generation: files.generation, byDirectory: new Map() };
    cachedTrees.set(files, cache);
  }
  const { byDirectory } = cache;
  const directory = path.dirname(file);
  if (!path.isAbsolute(directory)) return undefined;
  if (!byDirectory.has(directory)) byDirectory.set(directory, searchUpwards(directory, files));
  return byDirectory.get(directory);
}

/** The include directories for a root file in its tree; only the file's own directory for a file on its own. */
export function includeRoots(file: string, tree: SourceTree | undefined, files: FileStore): IncludeRoots {
  const own = path.dirname(file);
  const roots = tree === undefined ? looseRoots(own, files) : rootsOf[tree.kind](file, tree.root, files);
  const prefixes =
    tree?.kind === 'linux' && files.isDirectory(path.join(tree.root, 'arch')) ? prefixesOf(tree.root) : '';
  const existing = (directories: readonly string[]) =>
    [...new Set(directories)].filter((directory) => directory === prefixes || files.isDirectory(directory));
  return {
    includePaths: existing(roots.includePaths),
    dtcIncludePaths: existing([own, ...roots.dtcIncludePaths]),
    prepended: roots.prepended ?? [],
    appended: roots.appended ?? [],
    defines: roots.defines ?? {},
    lacksConfiguration: roots.lacksConfiguration ?? false,
  };
}

function searchUpwards(start: string, files: FileStore): SourceTree | undefined {
  let splitOff: SourceTree | undefined;
  for (let directory = start; ; directory = path.dirname(directory)) {
    const has = (...names: string[]) => files.isDirectory(path.join(directory, ...names));
    const kind = kindOfRoot(directory, has, files);
    if (kind !== undefined) return { kind, root: directory };
    const workspaceZephyr = path.join(directory, 'zephyr');
    if (has('.west') && has('zephyr', 'dts')) return { kind: 'zephyr', root: workspaceZephyr };
    // The kernel's devicetree files split off (devicetree-rebasing), on their own or inside U-Boot and barebox.
    if (splitOff === undefined && has('include', 'dt-bindings') && has('src'))
      splitOff = { kind: 'linux', root: directory };
    if (path.dirname(directory) === directory) return splitOff;
  }
}

function kindOfRoot(
  directory: string,
  has: (...names: string[]) => boolean,
  files: FileStore,
): SourceTreeKind | undefined {
  if (has('dts', 'bindings') && has('boards')) return 'zephyr';
  if (!has('arch') || !has('include')) return undefined;
  if (has('dts', 'upstream') || has('include', 'u-boot')) return 'u-boot';
  if (has('dts', 'src') || files.isFile(path.join(directory, 'include', 'barebox-info.h'))) return 'barebox';
  const isLinux =
    has('scripts', 'dtc', 'include-prefixes') || architectures(directory, ['boot', 'dts'], files).length > 0;
  return has('include', 'dt-bindings') && isLinux ? 'linux' : undefined;
}

/** Names of the architectures whose directory holds the named one. */
export function architectures(root: string, below: readonly string[], files: FileStore): readonly string[] {
  const arch = path.join(root, 'arch');
  return files
    .list(arch)
    .filter(({ name, isDirectory }) => isDirectory && files.isDirectory(path.join(arch, name, ...below)))
    .map(({ name }) => name);
}

const rootsOf: Readonly<Record<SourceTreeKind, (file: string, root: string, files: FileStore) => TreeRoots>> = {
  linux: linuxRoots,
  'u-boot': ubootRoots,
  barebox: bareboxRoots,
  zephyr: zephyrRoots,
};

/**
 * Linux scripts/Makefile.lib: DTC_INCLUDE is scripts/dtc/include-prefixes, for the preprocessor and dtc alike. It serves
 * also where it does not exist: files are found behind the prefixes without the links (see include-prefixes.ts).
 * `include` and the architecture's directory stand in for trees older than the prefixes.
 */
function linuxRoots(file: string, root: string, files: FileStore): TreeRoots {
  const prefixes = prefixesOf(root);
  const architecture = architectureOf(file, root);
  const boot = architecture === undefined ? [] : [path.join(root, 'arch', architecture, 'boot', 'dts')];
  const older = files.isDirectory(prefixes) ? [] : [...boot, path.join(root, 'src')];
  const includePaths = [prefixes, path.join(root, 'include'), ...older];
  return { includePaths, dtcIncludePaths: includePaths };
}

function prefixesOf(root: string): string {
  return path.join(root, 'scripts', 'dtc', 'include-prefixes');
}

/**
 * U-Boot scripts/Makefile.lib dtc_cpp_flags and Makefile UBOOTINCLUDE, which reads linux/kconfig.h before the board.
 *
 * The build includes the first that exists of BOARD-u-boot.dtsi, then those named by CONFIG_SYS_SOC, _CPU and _VENDOR,
 * then u-boot.dtsi. The configuration is not known here, so only the first and the last are looked for.
 */
function ubootRoots(file: string, root: string, files: FileStore): TreeRoots {
  const sourceArchitecture = architectureOf(file, root);
  const architecture = sourceArchitecture === 'arm64' ? 'arm' : sourceArchitecture;
  const upstream = path.join(root, 'dts', 'upstream');
  const own = architecture === undefined ? [] : [path.join(root, 'arch', architecture, 'dts')];
  const upstreamOwn = sourceArchitecture === undefined ? [] : [path.join(upstream, 'src', sourceArchitecture)];
  const includePaths = [
    path.join(root, 'include'),
    ...(architecture === undefined ? [] : [path.join(root, 'arch', architecture, 'include')]),
    path.join(upstream, 'include'),
    path.dirname(file),
    ...own,
    ...own.map((directory) => path.join(directory, 'include')),
    path.join(upstream, 'src'),
    ...upstreamOwn.flatMap((directory) => [directory, ...subdirectories(directory, files)]),
  ];
  const names = appendedNames(file, { kind: 'u-boot', root });
  const extra = own.flatMap((directory) => names.map((name) => path.join(directory, name)));
  return {
    includePaths,
    dtcIncludePaths: [...own, ...upstreamOwn],
    prepended: [path.join(root, 'include', 'linux', 'kconfig.h')].filter(files.isFile),
    appended: extra.filter(files.isFile).slice(0, 1),
    defines: { __ASSEMBLY__: '1' },
    lacksConfiguration: !files.isFile(path.join(root, 'include', 'generated', 'autoconf.h')),
  };
}

/** Names of the files that a tree's build may include behind a board, the first choice first. */
export function appendedNames(file: string, tree: SourceTree | undefined): readonly string[] {
  if (tree?.kind !== 'u-boot' || !file.endsWith('.dts')) return [];
  return [`${path.basename(file, '.dts')}-u-boot.dtsi`, 'u-boot.dtsi'];
}

/** barebox scripts/Makefile.lib dtc_cpp_flags and cmd_dtc. */
function bareboxRoots(file: string, root: string): TreeRoots {
  const architecture = architectureOf(file, root);
  const own = architecture === undefined ? [] : [path.join(root, 'arch', architecture, 'dts')];
  const dts = path.join(root, 'dts');
  return {
    includePaths: [
      ...own.map((directory) => path.join(directory, 'include')),
      path.join(root, 'include'),
      path.join(dts, 'include'),
      path.join(dts, 'src'),
    ],
    dtcIncludePaths: [...own, ...(architecture === undefined ? [] : [path.join(dts, 'src', architecture)])],
  };
}

/**
 * Zephyr cmake/modules/pre_dt.cmake: include, include/zephyr, dts/common, dts/vendor, dts/ARCH and dts of each root.
 * The file's own application directory (the nearest above with `dts` or `boards`) is a root before Zephyr itself.
 */
function zephyrRoots(file: string, root: string, files: FileStore): TreeRoots {
  const known = files.list(path.join(root, 'dts')).flatMap(({ name, isDirectory }) => (isDirectory ? [name] : []));
  const own = zephyrArchitecture(file, files);
  const ordered = own === undefined ? known : [own, ...known.filter((name) => name !== own)];
  const notArchitectures = new Set(['bindings', 'common', 'vendor']);
  const perRoot = (base: string) => [
    path.join(base, 'include'),
    path.join(base, 'include', 'zephyr'),
    path.join(base, 'dts', 'common'),
    path.join(base, 'dts', 'vendor'),
    ...ordered.filter((name) => !notArchitectures.has(name)).map((name) => path.join(base, 'dts', name)),
    path.join(base, 'dts'),
  ];
  const application = isInside(file, root) ? [] : perRoot(zephyrApplication(file, files));
  return { includePaths: [...application, ...perRoot(root)], dtcIncludePaths: [] };
}

/** `arch:` of a board description (BOARD.yaml) beside the file. */
function zephyrArchitecture(file: string, files: FileStore): string | undefined {
  const directory = path.dirname(file);
  for (const { name } of files.list(directory)) {
    if (!name.endsWith('.yaml')) continue;
    const description = files.read(path.join(directory, name));
    const found = 'error' in description ? null : /^arch:[ \t]*(\w+)/m.exec(description.text);
    if (found !== null) return found[1];
  }
  return undefined;
}

function zephyrApplication(file: string, files: FileStore): string {
  const start = path.dirname(file);
  for (let directory = start; path.dirname(directory) !== directory; directory = path.dirname(directory)) {
    if (files.isDirectory(path.join(directory, 'dts')) || files.isDirectory(path.join(directory, 'boards')))
      return directory;
  }
  return start;
}

/** A file outside any tree: a directory `include/dt-bindings` somewhere above still says where bindings are. */
function looseRoots(start: string, files: FileStore): TreeRoots {
  for (let directory = start; path.dirname(directory) !== directory; directory = path.dirname(directory)) {
    const include = path.join(directory, 'include');
    if (files.isDirectory(path.join(include, 'dt-bindings'))) {
      return { includePaths: [include], dtcIncludePaths: [] };
    }
  }
  return { includePaths: [], dtcIncludePaths: [] };
}

/** ARCH of `arch/ARCH/…`, `dts/src/ARCH/…`, `dts/upstream/src/ARCH/…` or `src/ARCH/…` below the root. */
function architectureOf(file: string, root: string): string | undefined {
  const parts = path.relative(root, file).split(path.sep);
  const at = parts[0] === 'arch' ? 0 : parts.indexOf('src');
  return at >= 0 && at + 2 < parts.length ? parts[at + 1] : undefined;
}

function subdirectories(directory: string, files: FileStore): readonly string[] {
  return files.list(directory).flatMap(({ name, isDirectory }) => (isDirectory ? [path.join(directory, name)] : []));
}

/** Whether a path lies in a directory or below it. */
export function isInside(file: string, directory: string): boolean {
  const relative = path.relative(directory, file);
  return relative === '' || (!relative.startsWith(`..${path.sep}`) && relative !== '..' && !path.isAbsolute(relative));
}
