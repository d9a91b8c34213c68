// What the next version of a table takes over of the one before: nodes that an edit did not touch, so that whatever was made
// of them need not be made again.
import { iortFixedSize } from '../layout/iort';
import { nodeHeaderSize } from './decode-node';
import { contentOf, decodedNode, moveNode, type TableSource } from './decoded-node';
import type { NodeContent } from './node-content';
import type { IortNode, IortTable } from './model';

export interface EarlierNodes {
  /** The content of the node that began at an offset with that index, if its bytes are the same in a table of that end. */
  readonly contentAt: (offset: number, index: number, tableEnd: number) => NodeContent | undefined;
  readonly table: IortTable;
}

/** The nodes of an earlier version of the table that some bytes are. */
export function earlierNodes(table: IortTable, bytes: Uint8Array): EarlierNodes {
  const { from, to } = changedRange(table.bytes, bytes);
  return {
    table,
    contentAt(offset, index, tableEnd) {
      const node = table.nodeAt(offset);
      if (node?.index !== index || (node.end > from && offset < to)) return undefined;
      const end = Math.min(offset + Math.max(node.length, nodeHeaderSize), tableEnd);
      return node.end === end ? contentOf(node) : undefined;
    },
  };
}

/** Between these lies every byte behind the table's fixed part that differs. */
export function changedRange(before: Uint8Array, after: Uint8Array): { readonly from: number; readonly to: number } {
  const common = Math.min(before.length, after.length);
  let from = Math.min(iortFixedSize, common);
  for (const size of pieces) while (from + size <= common && areEqual(before, after, from, from + size)) from += size;
  while (from < common && before[from] === after[from]) from++;
  if (before.length !== after.length) return { from, to: Infinity };
  let to = common;
  for (const size of pieces) while (to - size >= from && areEqual(before, after, to - size, to)) to -= size;
  while (to > from && before[to - 1] === after[to - 1]) to--;
  return { from, to };
}

const pieces = [1 << 14, 1 << 10, 1 << 6];

function areEqual(before: Uint8Array, after: Uint8Array, from: number, to: number): boolean {
  return Buffer.compare(before.subarray(from, to), after.subarray(from, to)) === 0;
}

/** Ways from node to node are followed in the order of the table, so often at most; then all that refer are made anew. */
export const mostRounds = 16;

/** Nodes of those contents: the earlier ones where nothing that they lead to has changed. */
export function joinedNodes(
  contents: readonly NodeContent[],
  source: TableSource,
  earlier: EarlierNodes | undefined,
): IortNode[] {
  if (earlier === undefined) return contents.map((content) => decodedNode(source, content));
  const renewed = renewedOffsets(contents, earlier.table);
  return contents.map((content) => {
    const { offset } = content.places;
    content.moveTo(source);
    if (renewed.has(offset)) return decodedNode(source, content);
    const node = earlier.table.nodeAt(offset)!;
    moveNode(node, source);
    return node;
  });
}

/** Where nodes begin, or began, that are not what they were: by what they say or by what they lead to. */
function renewedOffsets(contents: readonly NodeContent[], before: IortTable): ReadonlySet<number> {
  const renewed = new Set<number>();
  const starts = new Map(contents.map((content) => [content.places.offset, content]));
  for (const node of before.nodes) if (starts.get(node.offset) !== contentOf(node)) renewed.add(node.offset);
  for (const { places } of contents) if (before.nodeAt(places.offset) === undefined) renewed.add(places.offset);
  // Where a reference leads to no node, Linux reads whatever bytes are there.
  for (const { places, references } of contents) {
    if (references.some((offset) => !starts.has(offset))) renewed.add(places.offset);
  }
  for (let round = 0; round < mostRounds; round++) {
    const { size } = renewed;
    if (size === 0) return renewed;
    for (const { places, references } of contents) {
      if (references.some((offset) => renewed.has(offset))) renewed.add(places.offset);
    }
    if (renewed.size === size) return renewed;
  }
  for (const { places, references } of contents) if (references.length > 0) renewed.add(places.offset);
  return renewed;
}
