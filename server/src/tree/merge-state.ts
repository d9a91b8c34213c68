// What merging the blocks of a unit collects: the tree as it grows, and everything that a later step has to look at, so
// that no later step walks the whole tree for what is rare.
import { type TokenStream, tokenRange, tokensRange } from '../preprocess/token-stream';
import type { NodeSyntax } from '../syntax/syntax-tree';
import type { Diagnostic, Evidence } from '../text/diagnostic';
import type { SourceRange } from '../text/source-file';
import type { MemoryReservation } from './model';
import { childByPath, nodePath } from './navigate';
import { type TreeRuleId, treeRules } from './problems';
import type { SourceLabel, SourceNode, SourceProperty } from './source-tree';

export interface MergeState {
  readonly tokens: TokenStream;
  readonly isPlugin: boolean;
  readonly root: SourceNode;
  readonly labels: Map<string, SourceNode>;
  readonly memoryReservations: MemoryReservation[];
  readonly diagnostics: Diagnostic[];

  /** Whether a root block or a fragment has been met: dtc takes the first as it is and merges the others into it. */
  isStarted: boolean;
  fragments: number;
  /** Blocks by reference that stood inside of others; they are applied behind the block they stand in. */
  readonly nested: NodeSyntax[];
  /** Blocks whose reference leads nowhere: what they define is not in the tree, but not unknown either. */
  readonly lost: NodeSyntax[];
  /** Where nodes that had labels were deleted, by label. */
  readonly deletedLabels: Map<string, { readonly label: SourceLabel; readonly at: SourceRange }>;

  /** Labels of nodes that `/omit-if-no-ref/` took away; references to them keep their phandles, as in dtc. */
  readonly omittedLabels: Map<string, SourceNode>;

  /** Nodes of which a child or property was deleted. */
  readonly pruned: Set<SourceNode>;
  readonly omittable: SourceNode[];
  readonly withPhandle: SourceNode[];
  readonly withName: SourceNode[];
  /** Properties with labels, or with labels in their value. */
  readonly labelled: SourceProperty[];
  /** Labels that two nodes had at some time. */
  readonly ambiguousLabels: Set<string>;
  readonly duplicates: Duplicate[];
  /** What was deleted by name though it is there twice: for dtc the second stays. */
  readonly halfDeleted: Set<SourceNode | SourceProperty>;
  readonly badNames: (SourceNode | SourceProperty)[];
}

/** A name that dtc would have twice in a list, if the first is there in the end. */
export interface Duplicate {
  /** The second is a deletion, which in a first block dtc takes for one more node. */
  readonly byDeletion?: boolean;
  readonly item: SourceNode | SourceProperty;
  readonly token: number;
  readonly first: SourceRange | undefined;
}

export interface Report {
  readonly range: SourceRange | undefined;
  readonly node?: SourceNode | undefined;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
}

const severities = new Map(treeRules.map(({ id, severity }) => [id, severity]));

export function report(state: MergeState, rule: TreeRuleId, { range, node, message, evidence = [] }: Report): void {
  state.diagnostics.push({
    rule,
    severity: severities.get(rule)!,
    range,
    node: node && nodePath(node),
    message,
    ...(evidence.length > 0 ? { evidence } : {}),
  });
}

export function evidenceAt(range: SourceRange | undefined, message: string): Evidence[] {
  return range === undefined ? [] : [{ range, message }];
}

/** What `&text` or `&{text}` means at this moment of the merge: scripts/dtc/livetree.c get_node_by_ref. */
export function findReference(state: MergeState, text: string): SourceNode | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return labelHolder(state, text);
  const base = slash === 0 ? state.root : labelHolder(state, text.slice(0, slash));
  const found = base && (childByPath(base, text.slice(slash)) as SourceNode | undefined);
  // dtc finds the root even where it has been deleted.
  return found?.isDeleted === false || found === state.root ? found : undefined;
}

/** The node with a label; the first in tree order where two have it, as dtc finds it. */
export function labelHolder(state: MergeState, label: string): SourceNode | undefined {
  return state.ambiguousLabels.has(label) ? search(state.root) : state.labels.get(label);

  function search(node: SourceNode): SourceNode | undefined {
    if (node.labels.some(({ name }) => name === label)) return node;
    for (const child of node.children.values()) {
      const found = child.isDeleted ? undefined : search(child);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Where a definition of a property or node is in force, or was met first. */
export function nameRange(item: SourceNode | SourceProperty): SourceRange | undefined {
  return item.firstName();
}

export function tokenAt(state: MergeState, token: number): SourceRange {
  return tokenRange(state.tokens, token);
}

export function tokensAt(state: MergeState, first: number, last: number): SourceRange {
  return tokensRange(state.tokens, first, last);
}

/** Drops what is deleted from the lists that the merge kept it in for its place. */
export function prune(state: MergeState): void {
  for (const node of state.pruned) {
    for (const [name, child] of node.children) if (child.isDeleted) node.children.delete(name);
    for (const [name, property] of node.properties) if (property.isDeleted) node.properties.delete(name);
  }
  state.pruned.clear();
}
