// The boards of a Linux tree: every file that its build hands to dtc, and the overlays of its own tests.
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths below the tree, sorted: `arch/arm64/boot/dts/arm/juno-r2.dts`. */
export function boardsOf(linux: string): string[] {
  const folders = readdirSync(path.join(linux, 'arch')).map((architecture) => `arch/${architecture}/boot/dts`);
  return [...folders, 'drivers/of/unittest-data'].flatMap((folder) => sourcesBelow(linux, folder)).sort();
}

function sourcesBelow(linux: string, folder: string): string[] {
  const options = { recursive: true, withFileTypes: true } as const;
  return tryToList(() => readdirSync(path.join(linux, folder), options))
    .filter((entry) => entry.isFile() && /\.dtso?$/.test(entry.name))
    .map((entry) => path.relative(linux, path.join(entry.parentPath, entry.name)));
}

function tryToList<T>(list: () => T[]): T[] {
  try {
    return list();
  } catch {
    return []; // an architecture without device trees
  }
}
