// Sources that mutation starts from: the examples of this project, and boards of Linux where they are there.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findLinuxSource } from '../oracle/paths';
import { readCaseFamilies } from '../dtc-agreement/case-file';

/** Files of one unit by name; `main.dts` is mutated, and with it all others. */
export type Seed = Readonly<Record<string, string>>;

const root = path.resolve(__dirname, '../..');

export function ownSeeds(): Seed[] {
  const families = readCaseFamilies(path.join(root, 'test/dtc-agreement/cases'));
  const cases = families.flatMap(({ cases }) => cases.map(({ files }) => Object.fromEntries(files)));
  return [exampleSeed(), exampleSeed(), exampleSeed(), ...cases];
}

function exampleSeed(): Seed {
  const folder = path.join(root, 'examples');
  const sources = readdirSync(folder).filter((name) => /\.dtsi?$/.test(name));
  const texts = Object.fromEntries(sources.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
  return { 'main.dts': texts['lab-board.dts']!, ...texts };
}

/** Some boards with their chip's file beside them; what those include is read from the disk. */
export function linuxSeeds(): Seed[] {
  const linux = findLinuxSource();
  if (linux === undefined) return [];
  const boards = [
    'arm64/boot/dts/arm/juno-r2.dts',
    'arm64/boot/dts/freescale/fsl-lx2160a-rdb.dts',
    'arc/boot/dts/axs103.dts',
  ];
  return boards.map((board) =>
    seedOfBoard(path.join(linux, 'arch', board), path.join(linux, 'scripts/dtc/include-prefixes')),
  );
}

function seedOfBoard(file: string, prefixes: string): Seed {
  const folder = path.dirname(file);
  const absolute = (text: string): string =>
    text.replace(/#include <([^>]+)>/g, (_, name: string) => `#include "${path.join(prefixes, name)}"`);
  const seed: Record<string, string> = {};
  const add = (name: string, as: string): void => {
    seed[as] = absolute(readFileSync(path.join(folder, name), 'utf8'));
    for (const [, included] of seed[as].matchAll(/#include "([^"/]+)"/g)) {
      if (seed[included!] === undefined) add(included!, included!);
    }
  };
  add(path.basename(file), 'main.dts');
  return seed;
}
