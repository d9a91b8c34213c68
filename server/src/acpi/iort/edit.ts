// Changes of a table as values: a node put in, taken out, grown or moved. References count bytes from the table's start, so
// whatever changes in front of a node moves it: those that name it follow, and the header's counts are set.
import { writeInteger } from '../bytes';
import { iortFixedSize } from '../layout/iort';
import { checksumOf } from '../table-header';
import { decodeContent } from './decode-node';
import { decodedNode } from './decoded-node';
import type { IortNode, IortTable, Value } from './model';

/** Indices are those of the table before any of the edits. */
export type TableEdit =
  /** The bytes of a node in front of another one, or behind the last; its references are offsets in the table as it was. */
  | { readonly kind: 'insert'; readonly before: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly node: number }
  /** The bytes of the node anew, of any length; its references are offsets in the table as it was. */
  | { readonly kind: 'replace'; readonly node: number; readonly bytes: Uint8Array }
  /** The node in front of another one, or behind the last. */
  | { readonly kind: 'move'; readonly node: number; readonly before: number };

/** A reference whose number is to change. */
export interface ReferenceChange {
  /** In the table that was asked about. */
  readonly node: IortNode;
  readonly value: Value;
  /** Undefined where the node that it named is gone. */
  readonly right: bigint | undefined;
}

export interface EditedTable {
  readonly bytes: Uint8Array;
  /** References of nodes that stay, where they change; those to nodes that are gone keep their number. */
  readonly changes: readonly ReferenceChange[];
}

/** The values of a node that name other nodes by their offset. */
export function referencesOf(node: IortNode): Value[] {
  const references = node.mappings.map(({ outputReference }) => outputReference);
  const own = node.kind === 'pmcg' ? node.values.nodeReference : undefined;
  return own === undefined ? references : [own, ...references];
}

/** A run of bytes of the new table. */
interface Piece {
  readonly bytes: Uint8Array;
  /** The node that it is or replaces; undefined for one put in. */
  readonly node: IortNode | undefined;
  readonly isReplaced: boolean;
}

/**
 * The table with the edits done at once. What lies in front of and behind the nodes stays; references that lead to the start
 * of a node follow it, others stay as they are. Edits of nodes that are not there do nothing.
 */
export function editTable(table: IortTable, edits: readonly TableEdit[]): EditedTable {
  const { bytes, nodes } = table;
  const pieces = piecesAfter(table, edits);
  const first = nodes[0]?.offset ?? firstFreeOffset(table);
  const last = nodes.at(-1)?.end ?? first;
  const moved = new Map<number, number>();
  let end = first;
  for (const { bytes: piece, node } of pieces) {
    if (node !== undefined) moved.set(node.offset, end);
    end += piece.length;
  }
  const after = new Uint8Array(end + bytes.length - last);
  after.set(bytes.subarray(0, first));
  let at = first;
  for (const piece of pieces) {
    after.set(piece.bytes, at);
    at += piece.bytes.length;
  }
  after.set(bytes.subarray(last), end);
  const changes = followReferences(table, pieces, moved);
  writeReferences(after, pieces, table, first, moved);
  setHeader(after, table, pieces.length, first, end);
  return { bytes: after, changes };
}

function piecesAfter({ bytes, nodes }: IortTable, edits: readonly TableEdit[]): Piece[] {
  const inFrontOf: Piece[][] = Array.from({ length: nodes.length + 1 }, () => []);
  const own: (Piece | undefined)[] = nodes.map((node) => ({
    bytes: bytes.subarray(node.offset, node.end),
    node,
    isReplaced: false,
  }));
  for (const edit of edits) {
    if (edit.kind === 'insert') {
      inFrontOf[edit.before]?.push({ bytes: edit.bytes, node: undefined, isReplaced: true });
      continue;
    }
    const piece = own[edit.node];
    if (piece === undefined) continue;
    if (edit.kind === 'replace') own[edit.node] = { ...piece, bytes: edit.bytes, isReplaced: true };
    else if (edit.kind === 'remove') own[edit.node] = undefined;
    else if (inFrontOf[edit.before] !== undefined) {
      inFrontOf[edit.before]!.push(piece);
      own[edit.node] = undefined;
    }
  }
  return inFrontOf.flatMap((pieces, index) => {
    const piece = own[index];
    return piece === undefined ? pieces : [...pieces, piece];
  });
}

/** Where the first node of a table without nodes goes. */
function firstFreeOffset({ nodeOffset, end, bytes }: IortTable): number {
  const stated = Number(nodeOffset?.value ?? 0n);
  return stated >= iortFixedSize && stated <= end ? stated : Math.min(end, bytes.length);
}

function followReferences(
  table: IortTable,
  pieces: readonly Piece[],
  moved: ReadonlyMap<number, number>,
): ReferenceChange[] {
  const changes: ReferenceChange[] = [];
  for (const { node } of pieces) {
    if (node === undefined) continue;
    for (const value of referencesOf(node)) {
      const target = table.nodeAt(Number(value.value));
      if (target === undefined) continue;
      const offset = moved.get(target.offset);
      const right = offset === undefined ? undefined : BigInt(offset);
      if (right !== value.value) changes.push({ node, value, right });
    }
  }
  return changes;
}

/** Offsets of the references in a piece's bytes. */
function referencePlaces({ bytes, node, isReplaced }: Piece): { readonly at: number; readonly value: Value }[] {
  if (node !== undefined && !isReplaced) {
    return referencesOf(node).map((value) => ({ at: value.offset - node.offset, value }));
  }
  const source = { bytes, nodeAt: () => undefined };
  const content = decodeContent(source, bytes.length, 0, 0);
  return content === undefined
    ? []
    : referencesOf(decodedNode(source, content)).map((value) => ({ at: value.offset, value }));
}

function writeReferences(
  after: Uint8Array,
  pieces: readonly Piece[],
  table: IortTable,
  first: number,
  moved: ReadonlyMap<number, number>,
): void {
  let start = first;
  for (const piece of pieces) {
    for (const { at, value } of referencePlaces(piece)) {
      const target = table.nodeAt(Number(value.value));
      const offset = target === undefined ? undefined : moved.get(target.offset);
      if (offset !== undefined) writeInteger(after, start + at, value.size, BigInt(offset));
    }
    start += piece.bytes.length;
  }
}

/** Length, counts and checksum of the header; what lies behind the nodes stays inside or outside of the table as it was. */
function setHeader(after: Uint8Array, table: IortTable, count: number, first: number, end: number): void {
  const last = table.nodes.at(-1)?.end ?? first;
  const length = end + table.end - last;
  const set = (value: Value | undefined, right: number) => {
    if (value !== undefined) writeInteger(after, value.offset, value.size, BigInt(right));
  };
  set(table.header.length, length);
  set(table.nodeCount, count);
  if (count > 0) set(table.nodeOffset, first);
  const { checksum } = table.header;
  set(checksum, checksumOf(after, length));
}
