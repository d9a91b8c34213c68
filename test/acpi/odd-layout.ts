// Tables as no compiler lays them out, but firmware may: every reader must take them, and a writer must keep their bytes.
import { editTable, type TableEdit } from '../../server/src/acpi/iort/edit';
import type { IortNode, IortTable } from '../../server/src/acpi/iort/model';
import { readNumber, writeInteger } from '../../server/src/acpi/bytes';
import { fieldOffset } from '../../server/src/acpi/structure-values';
import { rmrLayout } from '../../server/src/acpi/layout/iort-nodes';
import type { Random } from '../fuzz/random';

const nodeHeaderSize = 16;

/** The table with gaps in some nodes, mappings in front of RMR descriptors, and bytes behind the last node. */
export function oddLayout(table: IortTable, numbers: Random): Uint8Array {
  const edits: TableEdit[] = [];
  for (const node of table.nodes) {
    const bytes = table.bytes.slice(node.offset, node.end);
    const how = numbers.below(4);
    const fill = 4 * (1 + numbers.below(3)) + (numbers.below(4) === 0 ? 1 : 0);
    if (how === 0) edits.push({ kind: 'replace', node: node.index, bytes: withTail(bytes, fill, numbers) });
    if (how === 1 && node.mappings.length > 0) {
      edits.push({ kind: 'replace', node: node.index, bytes: withGap(bytes, fill, numbers) });
    }
    if (how === 2 && node.kind === 'rmr' && node.descriptors.length > 0) {
      edits.push({ kind: 'replace', node: node.index, bytes: mappingsFirst(bytes, node) });
    }
  }
  const { bytes } = editTable(table, edits);
  if (numbers.below(4) > 0) return bytes;
  const longer = new Uint8Array(bytes.length + 1 + numbers.below(12));
  longer.set(bytes);
  for (let at = bytes.length; at < longer.length; at++) longer[at] = numbers.below(256);
  return longer;
}

/** Bytes behind the node's arrays. */
function withTail(bytes: Uint8Array, size: number, numbers: Random): Uint8Array {
  const longer = new Uint8Array(bytes.length + size);
  longer.set(bytes);
  for (let at = bytes.length; at < longer.length; at++) longer[at] = numbers.below(256);
  writeInteger(longer, 1, 2, BigInt(longer.length));
  return longer;
}

/** Bytes between the node's body and its mappings. */
function withGap(bytes: Uint8Array, size: number, numbers: Random): Uint8Array {
  const place = readNumber(bytes, 12, 4)!;
  const longer = withTail(bytes, size, numbers);
  longer.set(bytes.subarray(place), place + size);
  writeInteger(longer, 12, 4, BigInt(place + size));
  return longer;
}

/** An RMR whose mappings lie in front of its descriptors. */
function mappingsFirst(bytes: Uint8Array, node: IortNode): Uint8Array {
  const descriptors = nodeHeaderSize + rmrLayout.size;
  const mappings = readNumber(bytes, 12, 4)!;
  const swapped = bytes.slice();
  const size = 20 * node.mappings.length;
  swapped.set(bytes.subarray(mappings, mappings + size), descriptors);
  swapped.set(bytes.subarray(descriptors, mappings), descriptors + size);
  if (size > 0) writeInteger(swapped, 12, 4, BigInt(descriptors));
  writeInteger(swapped, nodeHeaderSize + fieldOffset(rmrLayout, 'descriptorOffset')!, 4, BigInt(descriptors + size));
  return swapped;
}
