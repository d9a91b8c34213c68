// The editor's own TextMate engine over the grammars of colours.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as oniguruma from 'vscode-oniguruma';
import * as textmate from 'vscode-textmate';

const root = new URL('../../', import.meta.url);

export interface ScopedToken {
  readonly text: string;
  /** From the outermost in, without the root scope. */
  readonly scopes: readonly string[];
}

export type GrammarName = 'dts' | 'acpi-data-table' | 'acpidump';

/** The lines of a source as the editor colours them. */
export async function tokenize(name: GrammarName, source: string): Promise<ScopedToken[][]> {
  const grammar = await load(name);
  let state = textmate.INITIAL;
  return source.split('\n').map((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return tokens.map(({ startIndex, endIndex, scopes }) => ({
      text: line.slice(startIndex, endIndex),
      scopes: scopes.slice(1),
    }));
  });
}

/** The innermost scope of the token that begins at the mark ‹ of a source. */
export async function markedScope(name: GrammarName, marked: string): Promise<string | undefined> {
  const source = marked.replace(/[‹›]/g, '');
  const before = marked.slice(0, marked.indexOf('‹')).split('\n');
  const line = (await tokenize(name, source))[before.length - 1]!;
  const column = before.at(-1)!.length;
  let offset = 0;
  return line.find(({ text }) => (offset += text.length) > column)?.scopes.at(-1);
}

/** Each source line, and under it every token that has a scope of its own; white space has none to see. */
export function printScopes(source: string, lines: readonly ScopedToken[][]): string {
  const text = source.split('\n');
  return lines
    .flatMap((tokens, index) => [
      `>${text[index]!}`,
      ...tokens
        .filter((token) => token.scopes.length > 0 && token.text.trim() !== '')
        .map(({ text: part, scopes }) => `    ${JSON.stringify(part)}  ${scopes.map(withoutLanguage).join(' ')}`),
    ])
    .join('\n');
}

/** A scope ends with the language: `comment.block.dts`. */
function withoutLanguage(scope: string): string {
  return scope.slice(0, scope.lastIndexOf('.'));
}

const onigLib = loadOniguruma();
const grammars = new Map<GrammarName, Promise<textmate.IGrammar>>();

function load(name: GrammarName): Promise<textmate.IGrammar> {
  const loaded = grammars.get(name) ?? loadGrammar(name);
  grammars.set(name, loaded);
  return loaded;
}

async function loadOniguruma(): Promise<textmate.IOnigLib> {
  const wasm = createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm');
  await oniguruma.loadWASM(readFileSync(wasm));
  return {
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  };
}

async function loadGrammar(name: GrammarName): Promise<textmate.IGrammar> {
  const file = new URL(`grammars/${name}.tmLanguage.json`, root);
  const raw = textmate.parseRawGrammar(readFileSync(file, 'utf8'), file.pathname);
  const registry = new textmate.Registry({ onigLib, loadGrammar: () => Promise.resolve(raw) });
  const grammar = await registry.loadGrammar(raw.scopeName);
  if (grammar === null) throw new Error(`grammars/${name}.tmLanguage.json does not load`);
  return grammar;
}
