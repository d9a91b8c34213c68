// Tokens to syntax tree: the grammar (grammars/dts.peggy) is run over the unit's shape. Never fails: whatever is wrong is
// a problem in the tree, and the rest keeps its meaning.
import { type TokenStream, tokenText } from '../preprocess/token-stream';
import { repairBraces, type BraceRepairs } from './braces';
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
  const asCounted = parseShape(tokens, undefined);
  if (asCounted.errors.length === 0) {
    remember(key, asCounted.items);
    return asCounted;
  }
  const repairs = repairBraces(tokens, asCounted.errors);
  const asLaidOut = repairs === undefined ? asCounted : parseShape(tokens, repairs);
  return mistakes(asLaidOut) <= mistakes(asCounted) ? asLaidOut : asCounted;
}

/** One problem may ask for several `}`. */
function mistakes({ errors }: SyntaxTree): number {
  return errors.reduce((sum, { insert = '' }) => sum + Math.max(insert.split('}').length - 1, 1), 0);
}

function parseShape(tokens: TokenStream, repairs: BraceRepairs | undefined): SyntaxTree {
  const problems: SyntaxProblem[] = [];
  const { shape, unclosed } = limitDepth(withoutSurplus(tokens.shape, repairs), problems);
  const recovery = createRecovery(tokens, shape, unclosed, problems, repairs);
  const items = parse(shape, { recovery }) as readonly TopLevelItem[];
  problems.sort((a, b) => a.first - b.first);
  return { tokens, items, errors: problems };
}

/** Each `}` too many is blank, and the `;` behind it. */
function withoutSurplus(shape: string, repairs: BraceRepairs | undefined): string {
  if (repairs === undefined || repairs.surplus.size === 0) return shape;
  const kinds = shape.split('');
  for (const at of repairs.surplus.keys()) {
    kinds[at] = ' ';
    if (kinds[at + 1] === ';') kinds[at + 1] = ' ';
  }
  return kinds.join('');
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
