// Where the documentation of a rule is: beside the program, found by walking up from it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const known = new Map<string, string | undefined>();
let folder: string | undefined;

/** The link behind a diagnostic's code; undefined for a rule that is not documented here. */
export function documentationUrl(rule: string): string | undefined {
  if (!known.has(rule)) {
    folder ??= findFolder(__dirname);
    const file = path.join(folder, `${rule}.md`);
    known.set(rule, existsSync(file) ? pathToFileURL(file).toString() : undefined);
  }
  return known.get(rule);
}

function findFolder(start: string): string {
  for (let at = start; ; at = path.dirname(at)) {
    const candidate = path.join(at, 'docs', 'rules');
    if (existsSync(candidate) || path.dirname(at) === at) return candidate;
  }
}
