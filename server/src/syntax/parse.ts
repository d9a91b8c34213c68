// Tokens to syntax tree: the grammar (grammars/dts.peggy) is run over the unit's shape. Never fails: whatever is wrong is
// a problem in the tree, and the rest keeps its meaning.
import type { TokenStream } from '../preprocess/token-stream';
import { limitDepth } from './depth';
import { parse } from './generated/dts';
import { createRecovery } from './recovery';
import type { SyntaxProblem, SyntaxTree, TopLevelItem } from './syntax-tree';

export function parseUnit(tokens: TokenStream): SyntaxTree {
  const problems: SyntaxProblem[] = [];
  const { shape, unclosed } = limitDepth(tokens.shape, problems);
  const recovery = createRecovery(tokens, shape, unclosed, problems);
  const items = parse(shape, { recovery }) as readonly TopLevelItem[];
  problems.sort((a, b) => a.first - b.first);
  return { tokens, items, errors: problems };
}
