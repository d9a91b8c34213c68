// What the next version of a table takes over of the one before: nodes that an edit did not touch, so that whatever was made
// of them need not be made again.
import { iortFixedSize } from '../layout/iort';
import { nodeHeaderSize } from './decode-node';
import { contentOf, decodedNode, moveNode, type TableSource } from './decoded-node';
import type { NodeContent } from './node-content';
import { markLeadingTo, referencesOf } from './node-references';
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

/** Nodes of those contents, whose indices by their offsets are given: the earlier ones where nothing that they lead to has changed. */
export function joinedNodes(
  contents: readonly NodeContent[],
  indices: ReadonlyMap<number, number>,
  source: TableSource,
  earlier: EarlierNodes | undefined,
): IortNode[] {
  if (earlier === undefined) return contents.map((content) => decodedNode(source, content));
  const before = contents.map((content) => {
    const node = earlier.table.nodeAt(content.places.offset);
    return node !== undefined && contentOf(node) === content ? node : undefined;
  });
  const isRenewed = Uint8Array.from(before, (node) => (node === undefined ? 1 : 0));
  markLeadingTo(isRenewed, referencesOf(contents, indices));
  return contents.map((content, index) => {
    content.moveTo(source);
    if (isRenewed[index] === 1) return decodedNode(source, content);
    const node = before[index]!;
    moveNode(node, source);
    return node;
  });
}
