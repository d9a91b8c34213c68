// Where the oracle lives: unpacked Linux sources and the dtc built from them. Looking only; setup.ts makes them.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** The Debian source package whose boards and dtc are the reference. */
export const sourcePackage = 'linux-source-6.12';

/** The project's cache folder. */
export function cacheFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'doorbell');
}

export function cachedLinuxSource(): string {
  return path.join(cacheFolder(), 'linux-source');
}

/** An unpacked Linux tree with boards, bindings and dtc's sources: `LINUX_SRC`, else the cache; undefined where neither is. */
export function findLinuxSource(): string | undefined {
  return [process.env.LINUX_SRC, cachedLinuxSource()].find(
    (folder) => folder !== undefined && hasBoards(folder) && existsSync(path.join(folder, 'scripts/dtc/dtc-parser.y')),
  );
}

function hasBoards(folder: string): boolean {
  return existsSync(path.join(folder, 'arch/arm64/boot/dts')) && existsSync(path.join(folder, 'include/dt-bindings'));
}

/** The reference dtc once built, else undefined. */
export function findDtc(): string | undefined {
  const binary = dtcBinary();
  return existsSync(binary) ? binary : undefined;
}

export function dtcBinary(): string {
  return path.join(cacheFolder(), 'dtc', 'dtc');
}
