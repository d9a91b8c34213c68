// Compiles every grammars/*.peggy into server/src/<layer>/generated/<name>.js with a .d.ts beside it.
// A grammar names its layer in its first line: `// layer: syntax`; the second may name the rules that parsing can start
// with, where that is not the first alone: `// starts: Text, Expression`.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import peggy from 'peggy';

const root = path.resolve(import.meta.dirname, '..');
for (const name of readdirSync(path.join(root, 'grammars')).filter((file) => file.endsWith('.peggy'))) {
  const source = path.join(root, 'grammars', name);
  const text = readFileSync(source, 'utf8');
  const layer = /^\/\/ layer: (\w+)/.exec(text)?.[1];
  if (layer === undefined) throw new Error(`${name}: its first line must be "// layer: NAME"`);
  const base = path.join(root, 'server/src', layer, 'generated', path.basename(name, '.peggy'));
  if (isNewer(`${base}.js`, source) && isNewer(`${base}.js`, import.meta.filename)) continue;
  mkdirSync(path.dirname(base), { recursive: true });
  const starts = /^\/\/ starts: (.+)$/m.exec(text)?.[1].split(', ');
  const options = { output: 'source', format: 'es', grammarSource: name };
  writeFileSync(
    `${base}.js`,
    peggy.generate(text, starts === undefined ? options : { ...options, allowedStartRules: starts }),
  );
  writeFileSync(
    `${base}.d.ts`,
    'export function parse(input: string, options?: object): unknown;\n' +
      'export class SyntaxError extends globalThis.SyntaxError {}\n',
  );
}

function isNewer(file, than) {
  return (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > statSync(than).mtimeMs;
}
