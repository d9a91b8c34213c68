// Which `}` is missing or one too many, by indentation. Counting says only that some brace is: where is seen from the
// lines that follow, as a reader sees it.
import type { TokenStream } from '../preprocess/token-stream';
import { bracedFiles, layoutOf, type Layout } from './layout';
import type { SyntaxProblem } from './syntax-tree';

export interface BraceRepairs {
  /** The `{` of nodes that end before a token though no `}` closes them, from the innermost out. */
  readonly closes: ReadonlyMap<number, readonly number[]>;
  /** Each `}` that the grammar is not to see, with the `{` of the node that goes on behind it. */
  readonly surplus: ReadonlyMap<number, number>;
}

/** Repairs in one file: more mistakes than somebody makes between two looks at the diagnostics. */
const mostRepairs = 12;
/** Steps of work on one file: some 20 ms. */
const budget = 4_000_000;
/** Places of one file that are tried for one repair. Some files have hundreds of lines that are indented otherwise. */
const mostProposals = 300;
/** What counts more than any misplaced line: braces that do not match. */
const hard = 20;

/** The repairs that make the braces of a unit match its lines; undefined where there are none to make. */
export function repairBraces(tokens: TokenStream, problems: readonly SyntaxProblem[]): BraceRepairs | undefined {
  if (!problems.some(isOfBraces)) return undefined;
  const closes = new Map<number, readonly number[]>();
  const surplus = new Map<number, number>();
  for (const file of bracedFiles(tokens)) {
    const layout = layoutOf(tokens, file);
    if (layout.count * 4 > budget) continue;
    const { ended, continued } = repairsOf(layout);
    for (const [event, nodes] of ended) closes.set(layout.tokens[event]!, nodes);
    for (const [event, node] of continued) surplus.set(layout.tokens[event]!, node);
  }
  return closes.size + surplus.size === 0 ? undefined : { closes, surplus };
}

function isOfBraces({ rule, insert }: SyntaxProblem): boolean {
  if (rule === 'syntax-missing-brace') return insert !== undefined;
  return rule === 'syntax-stray-brace' || rule === 'syntax-outside-node' || rule === 'syntax-nested-reference';
}

interface Repair {
  readonly kind: 'missing' | 'surplus';
  /** The event before which a node ends, or that is one too many. */
  readonly event: number;
}

/** The cheapest repairs one by one, as long as each makes the file better. */
function repairsOf(layout: Layout): Measure {
  const repairs: Repair[] = [];
  const unrepaired = measure(layout, repairs);
  let best = unrepaired;
  let steps = layout.count;
  while (best.mismatches > 0 && repairs.length < mostRepairs) {
    let next: { readonly repair: Repair; readonly cost: Measure } | undefined;
    for (const repair of best.proposals) {
      if ((steps += layout.count) > budget) break;
      const cost = measure(layout, [...repairs, repair]);
      if (cost.total < (next?.cost ?? best).total) next = { repair, cost };
    }
    if (next === undefined) break;
    repairs.push(next.repair);
    best = next.cost;
  }
  return best.mismatches === 0 ? best : unrepaired;
}

interface Measure {
  readonly total: number;
  /** Braces without a partner, members outside of nodes, nodes by reference inside of others. */
  readonly mismatches: number;
  /** What might make it better, the first place first. */
  readonly proposals: readonly Repair[];
  /** What the repairs do: the `{` of the nodes that end before an event, and of the one that goes on behind it. */
  readonly ended: ReadonlyMap<number, readonly number[]>;
  readonly continued: ReadonlyMap<number, number>;
}

interface OpenBlock {
  readonly open: number;
  readonly indent: number;
  members: number;
}

/** How well the lines of a file match its braces, with some repairs made. */
function measure(layout: Layout, repairs: readonly Repair[]): Measure {
  const { count, kinds, indents, tokens, isFragment } = layout;
  const missing = new Map<number, number>();
  const left = new Set<number>();
  for (const { kind, event } of repairs) {
    if (kind === 'surplus') left.add(event);
    else missing.set(event, (missing.get(event) ?? 0) + 1);
  }
  const ended = new Map<number, readonly number[]>();
  const continued = new Map<number, number>();
  const stack: OpenBlock[] = [];
  const proposals: Repair[] = [];
  let soft = 0;
  let mismatches = 0;
  let lineIndent = 0;
  let lastClose = -1;
  for (let event = 0; event < count; event++) {
    for (let more = missing.get(event) ?? 0; more > 0 && stack.length > 0; more--) {
      ended.set(event, [...(ended.get(event) ?? []), stack.pop()!.open]);
    }
    const indent = indents[event]!;
    const top = stack.at(-1);
    switch (kinds[event]) {
      case 'member':
        if (indent >= 0) lineIndent = indent;
        if (top === undefined) {
          if (isFragment) break;
          mismatches++;
          takeBack();
        } else if (indent >= 0) {
          if (indent <= top.indent) {
            soft++;
            endBefore(event);
          } else if (top.members < 0) top.members = indent;
          else if (indent !== top.members) {
            soft++;
            // Deeper than its siblings: a node before it may have been closed too early.
            if (indent > top.members) takeBack();
          }
        }
        break;
      case 'item':
        if (indent >= 0) lineIndent = indent;
        if (top !== undefined) {
          mismatches++;
          endBefore(event);
        }
        break;
      case 'open':
        stack.push({ open: tokens[event]!, indent: indent >= 0 ? indent : lineIndent, members: -1 });
        break;
      case 'close':
        if (left.has(event)) {
          if (top !== undefined) continued.set(event, top.open);
          break;
        }
        if (top === undefined) {
          mismatches++;
          propose({ kind: 'surplus', event });
          takeBack();
          break;
        }
        if (indent >= 0 && indent !== top.indent) {
          soft++;
          if (indent < top.indent) endBefore(event);
          else propose({ kind: 'surplus', event });
        }
        stack.pop();
        lastClose = event;
        break;
      case 'end':
        mismatches += stack.length;
        if (top !== undefined) endBefore(event);
        break;
    }
  }
  return { total: mismatches * hard + soft, mismatches, proposals, ended, continued };

  function endBefore(event: number): void {
    propose({ kind: 'missing', event });
  }

  /** The `}` before may be one too many. */
  function takeBack(): void {
    if (lastClose >= 0) propose({ kind: 'surplus', event: lastClose });
  }

  function propose(repair: Repair): void {
    if (proposals.length < mostProposals) proposals.push(repair);
    // The end of the file is always among them.
    else if (kinds[repair.event] === 'end') proposals[mostProposals - 1] = repair;
  }
}
