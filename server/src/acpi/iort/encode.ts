// The bytes of a decoded table, from its values and gaps alone: what shows that decoding loses nothing.
import { writeInteger, writeText } from '../bytes';
import type { Gap, IortTable, Value } from './model';

/** Every value of a table outside of its nodes, in order of bytes. */
export function tableValues(table: IortTable): Value[] {
  const { header, nodeCount, nodeOffset, reserved } = table;
  const all = [...Object.values(header), nodeCount, nodeOffset, reserved];
  return all.filter((value) => value !== undefined).sort((a, b) => a.offset - b.offset);
}

/** The table's bytes, written anew; the gaps' bytes are taken from those that were decoded. */
export function encodeIort(table: IortTable): Uint8Array {
  const bytes = new Uint8Array(table.bytes.length);
  writeValues(bytes, tableValues(table));
  copyGaps(bytes, table.bytes, table.gaps);
  for (const node of table.nodes) {
    writeValues(bytes, node.all);
    copyGaps(bytes, table.bytes, node.gaps);
  }
  return bytes;
}

/** Writes values at their places. */
export function writeValues(bytes: Uint8Array, values: readonly Value[]): void {
  for (const { offset, size, value, text } of values) {
    if (text === undefined) writeInteger(bytes, offset, size, value);
    else writeText(bytes, offset, text);
  }
}

export function copyGaps(bytes: Uint8Array, from: Uint8Array, gaps: readonly Gap[]): void {
  for (const { offset, end } of gaps) bytes.set(from.subarray(offset, end), offset);
}
