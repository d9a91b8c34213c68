// References that keep up: a text was edited, its table has other nodes now or the same ones elsewhere, and the numbers that
// name them still say where they were. Which numbers must change is found by knowing each node again, from edit to edit, also
// one that is cut and comes back; what a reference means stays the same until its author writes another number.
import { referencesOf, type ReferenceChange } from './edit';
import type { IortNode, IortTable, Value } from './model';
import { contentOf, identityOf, sameNodes, sameReferences } from './same-nodes';

/** A table as an edit left it, and what is known of it from before. */
export interface FollowedTable {
  readonly table: IortTable;
  /** Undefined where each reference means the node that its number leads to, and nothing was taken out lately. */
  readonly history: History | undefined;
}

/** A reference to a node that was taken out, whose number leads to another one that has moved to its place. */
export interface LostReference {
  readonly node: IortNode;
  readonly value: Value;
  /** Of an earlier table. */
  readonly meant: IortNode;
  readonly instead: IortNode;
}

/** One node, however often it is moved and edited. */
type Identity = symbol;

/** What the references of a node mean, by their offsets. */
type Meanings = ReadonlyMap<number, Identity>;

interface History {
  readonly identities: ReadonlyMap<IortNode, Identity>;
  readonly meanings: Meanings;
  readonly gone: readonly GoneNode[];
}

/** Taken out, with the table that it was in. */
interface GoneNode {
  readonly node: IortNode;
  readonly table: IortTable;
  readonly identity: Identity;
  readonly meanings: Meanings;
  /** Edits since then. */
  readonly age: number;
}

/** Who has cut a node pastes it soon; what comes after more edits is taken for another. */
const longestAge = 100;
const mostGone = 64;

/**
 * The references of `after` that are as they were in `before`, led to a node there, and now lead elsewhere although that
 * node is still there. A reference that the author changed is the author's.
 */
export function movedReferences(before: IortTable, after: IortTable): ReferenceChange[] {
  return follow({ table: before, history: undefined }, after).changes;
}

/** The table after an edit, and the references in it whose numbers are to change. */
export function follow(
  before: FollowedTable,
  after: IortTable,
): { readonly followed: FollowedTable; readonly changes: ReferenceChange[]; readonly lost: LostReference[] } {
  const isInPlace = isSameLayout(before.table, after);
  if (isInPlace && before.history === undefined) {
    return { followed: { table: after, history: undefined }, changes: [], lost: [] };
  }
  const { identities: known, meanings: meant, gone } = before.history ?? historyOf(before.table);
  const was = isInPlace ? byPlace(before.table, after) : sameNodes(before.table, after);
  const back = comeBack(after, was, gone);

  const identities = new Map<IortNode, Identity>();
  const nodes = new Map<Identity, IortNode>();
  for (const node of after.nodes) {
    const older = was.get(node);
    const identity = (older === undefined ? back.get(node)?.identity : known.get(older)) ?? Symbol('node');
    identities.set(node, identity);
    nodes.set(identity, node);
  }

  const meanings = new Map<number, Identity>();
  const changes: ReferenceChange[] = [];
  const lost: LostReference[] = [];
  const left = stillGone(before.table, { identities: known, meanings: meant, gone }, nodes);
  for (const node of after.nodes) {
    const older = was.get(node) ?? back.get(node)?.node;
    const before = back.get(node)?.meanings ?? meant;
    const olds = new Map(older === undefined ? [] : sameReferences(node, older));
    for (const value of referencesOf(node)) {
      const old = olds.get(value);
      const target = after.nodeAt(Number(value.value));
      const isAsWas = old?.value === value.value;
      const meaning = isAsWas ? before.get(old.offset) : target && identities.get(target);
      if (meaning === undefined) continue;
      meanings.set(value.offset, meaning);
      const right = nodes.get(meaning);
      if (right !== undefined && right !== target) changes.push({ node, value, right: BigInt(right.offset) });
      // A new node at the place of one that was taken out is there to be what that was.
      if (right !== undefined || target === undefined || !(was.has(target) || back.has(target))) continue;
      const taken = left.find(({ identity }) => identity === meaning);
      if (taken !== undefined) lost.push({ node, value, meant: taken.node, instead: target });
    }
  }

  const isSettled = changes.length === 0 && left.length === 0;
  const history = isSettled ? undefined : { identities, meanings, gone: left };
  return { followed: { table: after, history }, changes, lost };
}

/** Each reference means what its number says. */
function historyOf(table: IortTable): History {
  const identities = new Map(table.nodes.map((node) => [node, Symbol('node')]));
  const meanings = new Map<number, Identity>();
  for (const { value, offset } of table.nodes.flatMap(referencesOf)) {
    const target = table.nodeAt(Number(value));
    const identity = target && identities.get(target);
    if (identity !== undefined) meanings.set(offset, identity);
  }
  return { identities, meanings, gone: [] };
}

/** Nodes that lie where they lay have not moved, whatever is in them. */
function isSameLayout({ nodes: before }: IortTable, { nodes: after }: IortTable): boolean {
  if (before.length !== after.length) return false;
  return before.every(({ offset, kind }, index) => after[index]!.offset === offset && after[index]!.kind === kind);
}

function byPlace({ nodes: before }: IortTable, { nodes: after }: IortTable): Map<IortNode, IortNode> {
  return new Map(after.map((node, index) => [node, before[index]!]));
}

/** New nodes that were taken out before, the latest of each first. */
function comeBack(
  after: IortTable,
  was: ReadonlyMap<IortNode, IortNode>,
  gone: readonly GoneNode[],
): ReadonlyMap<IortNode, GoneNode> {
  const back = new Map<IortNode, GoneNode>();
  if (gone.length === 0) return back;
  const waiting = [...gone].reverse();
  for (const node of after.nodes) {
    if (was.has(node)) continue;
    const isEqual = (each: GoneNode) => contentOf(each.table, each.node) === contentOf(after, node);
    const isOfThat = (each: GoneNode) =>
      identityOf(each.node) !== undefined && identityOf(each.node) === identityOf(node);
    const found = waiting.find(isEqual) ?? waiting.find(isOfThat);
    if (found === undefined) continue;
    back.set(node, found);
    waiting.splice(waiting.indexOf(found), 1);
  }
  return back;
}

/** What is taken out now, beside what was taken out before and has not come back. */
function stillGone(
  table: IortTable,
  { identities, meanings, gone }: History,
  present: ReadonlyMap<Identity, unknown>,
): readonly GoneNode[] {
  const old = gone
    .filter(({ identity, age }) => !present.has(identity) && age < longestAge)
    .map((each) => ({ ...each, age: each.age + 1 }));
  const now = table.nodes.flatMap((node): GoneNode[] => {
    const identity = identities.get(node);
    return identity === undefined || present.has(identity) ? [] : [{ node, table, identity, meanings, age: 0 }];
  });
  return [...old, ...now].slice(-mostGone);
}
