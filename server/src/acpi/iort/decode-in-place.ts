// The next version of a table in which every node lies where it lay: what was edited is decoded, and all else is shared.
import { lastAtOrBefore } from '../../text/in-order';
import { decodeContent } from './decode-node';
import { contentOf, decodedNode, moveNode, type TableSource } from './decoded-node';
import { changedRange } from './kept-nodes';
import type { IortNode, IortTable } from './model';
import type { NodeContent } from './node-content';
import { markLeadingTo, referencesOf, type NodeReferences } from './node-references';

/** What versions of a table share. */
interface Versions {
  /** What the nodes of the latest version read from; those of an earlier one that are not in it read from another. */
  readonly source: { -readonly [Key in keyof TableSource]: TableSource[Key] };
  /** Undefined where its nodes are part of a version that lies otherwise. */
  latest: IortTable | undefined;
  /** Indices of nodes by their offsets. */
  readonly indices: ReadonlyMap<number, number>;
  references: NodeReferences | undefined;
}

const versions = new WeakMap<IortTable, Versions>();

/** The node that begins at an offset. */
export type NodeAt = IortTable['nodeAt'];

export function nodeAtOf(nodes: readonly IortNode[], indices: ReadonlyMap<number, number>): NodeAt {
  return (offset) => {
    const index = indices.get(offset);
    return index === undefined ? undefined : nodes[index];
  };
}

/** A table that was decoded as a whole; its nodes, and they alone, read from that source. */
export function noteVersion(table: IortTable, source: TableSource, indices: ReadonlyMap<number, number>): void {
  versions.set(table, { source, latest: table, indices, references: undefined });
}

/** Nodes of this table become part of one that lies otherwise. */
export function endVersions(table: IortTable): void {
  const of = versions.get(table);
  if (of !== undefined) of.latest = undefined;
}

/** The fixed part of the next version. */
type FixedPart = Pick<IortTable, 'bytes' | 'end' | 'header' | 'nodeCount' | 'nodeOffset' | 'reserved'>;

/** The table with that fixed part, nothing of which is a problem; undefined where it may lie otherwise, or has other problems. */
export function decodedInPlace(fixed: FixedPart, before: IortTable): IortTable | undefined {
  const shared = versions.get(before);
  if (shared?.latest !== before || before.problems.length > 0 || before.counted !== before.nodes) return undefined;
  if (!isLaidOutAlike(fixed, before)) return undefined;
  const renewed = changedContents(fixed.bytes, before);
  if (renewed === undefined) return undefined;

  const { source, indices } = shared;
  const pinned: TableSource = { bytes: before.bytes, nodeAt: before.nodeAt };
  for (const [index, content] of renewed) {
    const old = contentOf(before.nodes[index]!);
    if (!areEqual(old.references, content.references)) shared.references = undefined;
    old.moveTo(pinned);
    content.moveTo(source);
  }
  const nodes = [...before.nodes];
  const nodeAt = nodeAtOf(nodes, indices);
  source.bytes = fixed.bytes;
  source.nodeAt = nodeAt;
  const contentAt = (node: IortNode, index: number) => renewed.get(index) ?? contentOf(node);
  shared.references ??= referencesOf(before.nodes.map(contentAt), indices);
  const isRenewed = new Uint8Array(nodes.length);
  for (const index of renewed.keys()) isRenewed[index] = 1;
  markLeadingTo(isRenewed, shared.references);
  for (let index = isRenewed.indexOf(1); index >= 0; index = isRenewed.indexOf(1, index + 1)) {
    const old = nodes[index]!;
    moveNode(old, pinned);
    nodes[index] = decodedNode(source, contentAt(old, index));
  }
  const table: IortTable = { ...before, ...fixed, nodes, counted: nodes, nodeAt };
  shared.latest = table;
  versions.set(table, shared);
  return table;
}

function isLaidOutAlike({ bytes, end, nodeCount, nodeOffset }: FixedPart, before: IortTable): boolean {
  return (
    bytes.length === before.bytes.length &&
    end === before.end &&
    nodeCount?.value === before.nodeCount?.value &&
    nodeOffset?.value === before.nodeOffset?.value
  );
}

/** What nodes say that were edited, by their indices; undefined where one of them ends elsewhere, or has a problem. */
function changedContents(bytes: Uint8Array, before: IortTable): Map<number, NodeContent> | undefined {
  const { nodes, end } = before;
  const { from, to } = changedRange(before.bytes, bytes);
  const found = new Map<number, NodeContent>();
  const first = Math.max(
    lastAtOrBefore(nodes.length, (index) => nodes[index]!.offset, from),
    0,
  );
  for (let index = first; index < nodes.length && nodes[index]!.offset < to; index++) {
    const node = nodes[index]!;
    if (node.end <= from) continue;
    const content = decodeContent({ bytes }, end, node.offset, index);
    if (content === undefined || content.problems.length > 0) return undefined;
    if (content.places.end !== node.end || content.places.length !== node.length) return undefined;
    found.set(index, content);
  }
  return found;
}

function areEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
