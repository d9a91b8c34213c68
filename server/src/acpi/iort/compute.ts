// What a table's bytes would say if its computed fields were right. Only on request or with an edit, never when a table is
// opened: a binary that nobody changed is written back as it was.
import { writeInteger } from '../bytes';
import { checksumOf } from '../table-header';
import type { IortTable, Value } from './model';

/** A value that differs from what it should be. */
export interface Correction {
  readonly value: Value;
  readonly right: bigint;
}

/**
 * The header's length, its node count and its checksum, where they differ from what the bytes give. The table is taken to
 * end with the last node that could be read, or with the bytes where what follows is unclear.
 */
export function corrections(table: IortTable): Correction[] {
  const { header, nodeCount } = table;
  const found: Correction[] = [];
  const compare = (value: Value | undefined, right: bigint) => {
    if (value !== undefined && value.value !== right) found.push({ value, right });
  };
  compare(header.length, BigInt(table.bytes.length));
  compare(nodeCount, BigInt(table.nodes.length));
  compare(header.checksum, BigInt(checksumOf(applied(table.bytes, found))));
  return found;
}

/** The bytes with the header's length, node count and checksum set right; the same bytes where they are. */
export function recomputed(table: IortTable): Uint8Array {
  const wrong = corrections(table);
  return wrong.length === 0 ? table.bytes : applied(table.bytes, wrong);
}

/** A copy of the bytes with some values replaced. */
export function applied(bytes: Uint8Array, changes: readonly Correction[]): Uint8Array {
  const copy = bytes.slice();
  for (const { value, right } of changes) writeInteger(copy, value.offset, value.size, right);
  return copy;
}
