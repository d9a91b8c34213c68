// Tokens to syntax tree: the grammar (grammars/dts.peggy) is run over the unit's shape. Never fails: whatever is wrong is
// a problem in the tree, and the rest keeps its meaning.
import { type TokenStream, tokenText } from '../preprocess/token-stream';
import { limitDepth } from './depth';
import { parse } from './generated/dts';
import { createRecovery } from './recovery';
import { Shape } from './shape';
import type { SyntaxProblem, SyntaxTree, TopLevelItem } from './syntax-tree';

export function parseUnit(tokens: TokenStream): SyntaxTree {
  const key = meaningOf(tokens);
  const known = faultless.get(key);
  if (known !== undefined) {
    remember(key, known);
    return { tokens, items: known, errors: [] };
  }
  const problems: SyntaxProblem[] = [];
  const { shape, unclosed } = limitDepth(tokens.shape, problems);
  const recovery = createRecovery(tokens, shape, unclosed, problems);
  const items = parse(shape, { recovery }) as readonly TopLevelItem[];
  if (problems.length === 0) remember(key, items);
  problems.sort((a, b) => a.first - b.first);
  return { tokens, items, errors: problems };
}

/**
 * What parsed without a problem, by all that the grammar saw of it. A syntax tree holds token indices only, so it holds
 * as well for a unit in which just a digit, a name or a string is another: the usual keystroke.
 */
const faultless = new Map<string, readonly TopLevelItem[]>();
/** What is typed and taken back comes again; each entry of a large board holds a megabyte and a half. */
const mostRemembered = 4;

function remember(key: string, items: readonly TopLevelItem[]): void {
  faultless.delete(key);
  faultless.set(key, items);
  if (faultless.size > mostRemembered) faultless.delete(faultless.keys().next().value!);
}

/** The shape, and the widths that stand behind /bits/: without problems, the grammar looks at nothing else. */
function meaningOf(tokens: TokenStream): string {
  const { shape } = tokens;
  const bits = String.fromCharCode(Shape.bits);
  let widths = '';
  for (let at = shape.indexOf(bits); at >= 0; at = shape.indexOf(bits, at + 1)) {
    if (at + 1 < tokens.count) widths += ` ${tokenText(tokens, at + 1)}`;
  }
  return shape + widths;
}
