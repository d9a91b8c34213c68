// Places of texts in files, as the workbench counts them.
import { readFileSync } from 'node:fs';
import type { Place } from './workbench';

/** Where a text begins in a file, or where its part `ahead` ends; it must be there once. */
export function find(file: string, text: string, ahead = ''): Place {
  return findIn(readFileSync(file, 'utf8'), text, ahead);
}

export function findIn(source: string, text: string, ahead = ''): Place {
  const [before = '', ...rest] = source.split(text);
  if (rest.length !== 1) throw new Error(`there ${rest.length} times: ${text}`);
  const lines = (before + ahead).split('\n');
  const start = lines.at(-1)!;
  const screen = Array.from(start).reduce(
    (column, each) => (each === '\t' ? column - (column % 8) + 8 : column + 1),
    0,
  );
  return { line: lines.length, column: start.length + 1, screenColumn: screen + 1 };
}
