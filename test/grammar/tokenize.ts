// The editor's own TextMate engine over grammars/dts.tmLanguage.json.
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

/** The lines of a devicetree source as the editor colours them. */
export async function tokenizeDts(source: string): Promise<ScopedToken[][]> {
  const grammar = await dtsGrammar;
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

const dtsGrammar = loadDtsGrammar();

async function loadDtsGrammar(): Promise<textmate.IGrammar> {
  const wasm = createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm');
  await oniguruma.loadWASM(readFileSync(wasm));
  const file = new URL('grammars/dts.tmLanguage.json', root);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: () => Promise.resolve(textmate.parseRawGrammar(readFileSync(file, 'utf8'), file.pathname)),
  });
  const grammar = await registry.loadGrammar('source.dts');
  if (grammar === null) throw new Error('grammars/dts.tmLanguage.json does not load');
  return grammar;
}
