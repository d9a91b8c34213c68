// Nodes of a table that was edited, known again, and their references: by content, by what they say of themselves, by their
// place among their kind.
import { readText } from '../bytes';
import type { IdMapping, IortNode, IortTable, Value } from './model';

/** Which node of the earlier table each node of the later one is; what is new is not among the keys. */
export function sameNodes(earlier: IortTable, later: IortTable): Map<IortNode, IortNode> {
  const before = earlier.nodes;
  const after = later.nodes;
  const same = new Map<IortNode, IortNode>();
  const free = new Set(before);
  const pair = (newer: IortNode, older: IortNode): void => {
    same.set(newer, older);
    free.delete(older);
  };
  // An edit leaves most of the table alone: what is equal from both ends is the same, then what is equal anywhere, then what
  // says that it is the same thing, then what stands at the same place among its kind.
  const contentBefore = before.map((node) => contentOf(earlier, node));
  const contentAfter = after.map((node) => contentOf(later, node));
  let head = 0;
  while (head < Math.min(before.length, after.length) && contentBefore[head] === contentAfter[head]) {
    pair(after[head]!, before[head]!);
    head++;
  }
  for (let tail = 1; tail <= Math.min(before.length, after.length) - head; tail++) {
    if (contentBefore.at(-tail) !== contentAfter.at(-tail)) break;
    pair(after.at(-tail)!, before.at(-tail)!);
  }
  const rest = () => after.filter((node) => !same.has(node));
  pairBy(rest(), free, (node, isNew) => (isNew ? contentAfter : contentBefore)[node.index]!, pair);
  pairBy(rest(), free, identityOf, pair);
  pairBy(rest(), free, (node) => node.kind, pair);
  return same;
}

/** Pairs nodes with equal keys in their order. */
function pairBy(
  newer: readonly IortNode[],
  free: ReadonlySet<IortNode>,
  keyOf: (node: IortNode, isNew: boolean) => string | undefined,
  pair: (newer: IortNode, older: IortNode) => void,
): void {
  if (newer.length === 0 || free.size === 0) return;
  const waiting = new Map<string, IortNode[]>();
  for (const node of free) {
    const key = keyOf(node, false);
    if (key === undefined) continue;
    const others = waiting.get(key);
    if (others === undefined) waiting.set(key, [node]);
    else others.push(node);
  }
  for (const others of waiting.values()) others.reverse();
  for (const node of newer) {
    const key = keyOf(node, true);
    const older = key === undefined ? undefined : waiting.get(key)?.pop();
    if (older !== undefined) pair(node, older);
  }
}

/** The node's bytes, references among them: they too are as they were. */
export function contentOf({ bytes }: IortTable, { offset, end }: IortNode): string {
  return readText(bytes, offset, end);
}

/** What a node is by itself, whatever else is changed about it: its address, its name, its segment. */
export function identityOf(node: IortNode): string | undefined {
  const key = keyValue(node);
  return key === undefined ? undefined : `${node.kind} ${key}`;
}

function keyValue(node: IortNode): string | undefined {
  switch (node.kind) {
    case 'its-group':
      return node.identifiers.map(({ value }) => value).join();
    case 'named-component':
    case 'iwb':
      return node.values.deviceName?.text;
    case 'root-complex':
      return node.values.segment?.value.toString();
    case 'smmu':
    case 'smmuv3':
      return node.values.base?.value.toString();
    case 'pmcg':
      return node.values.page0Base?.value.toString();
    case 'rmr':
      return node.descriptors[0]?.base.value.toString();
    case 'unknown':
      return undefined;
  }
}

/**
 * References of two versions of a node that are the same one: by their order where the mappings are as they were, else by
 * what the mapping says beside, else any with the same number: a mapping added beside others means what they mean.
 */
export function sameReferences(newer: IortNode, older: IortNode): [value: Value, old: Value][] {
  const pairs: [Value, Value][] = [];
  if (newer.kind === 'pmcg' && older.kind === 'pmcg') {
    const [value, old] = [newer.values.nodeReference, older.values.nodeReference];
    if (value !== undefined && old !== undefined) pairs.push([value, old]);
  }
  const isSameCount = newer.mappings.length === older.mappings.length;
  if (isSameCount && newer.mappings.every((mapping) => isSameRange(mapping, older.mappings[mapping.index]!))) {
    for (const { index, outputReference } of newer.mappings) {
      pairs.push([outputReference, older.mappings[index]!.outputReference]);
    }
    return pairs;
  }
  const byKey = new Map(older.mappings.map((mapping) => [mappingKey(mapping), mapping.outputReference]));
  const byNumber = new Map(older.mappings.map(({ outputReference }) => [outputReference.value, outputReference]));
  for (const mapping of newer.mappings) {
    const { index, outputReference } = mapping;
    const byIndex = isSameCount ? older.mappings[index]?.outputReference : undefined;
    const old = byKey.get(mappingKey(mapping)) ?? byIndex ?? byNumber.get(outputReference.value);
    if (old !== undefined) pairs.push([outputReference, old]);
  }
  return pairs;
}

function isSameRange(one: IdMapping, other: IdMapping): boolean {
  return one.inputBase.value === other.inputBase.value && one.outputBase.value === other.outputBase.value;
}

function mappingKey({ inputBase, outputBase, outputReference }: IdMapping): string {
  return `${inputBase.value} ${outputBase.value} ${outputReference.value}`;
}
