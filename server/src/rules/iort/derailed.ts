// Where the walk from node to node leaves the nodes: a length, or the first offset, that leads into the middle of something.
// What is taken for nodes behind that are none, and nothing need be said of them.
import type { IortNode, IortTable } from '../../acpi/iort/model';
import { oncePer } from '../../text/once';

const tableHeader = 0x30;
const nodeHeader = 16;
const mapping = 20;

export interface Derailed {
  /** The node whose length is wrong; undefined where already the table's offset of the first node is. */
  readonly node: IortNode | undefined;
  /** The length, or the offset, with which all nodes behind are found, up to the table's end. */
  readonly right: number;
}

/** Undefined where the walk ends well, and where no single length would make it do so. */
export const derailed = oncePer((table: IortTable): Derailed | undefined => {
  if (table.problems.length === 0) return undefined;
  const endsWell = walker(table);
  const first = Number(table.nodeOffset?.value ?? 0n);
  if (endsWell(first)) return undefined;
  if (first !== tableHeader && endsWell(tableHeader)) return { node: undefined, right: tableHeader };
  for (const node of table.nodes) {
    if (endsWell(node.offset + node.length)) continue;
    const right = fittingLengths(table, node.offset).find((length) => endsWell(node.offset + length));
    if (right !== undefined) return { node, right };
  }
  return undefined;
});

/** Whether lengths lead from an offset to the table's end, from one thing that looks like a node to the next. */
function walker({ bytes, end }: IortTable): (offset: number) => boolean {
  const known = new Map<number, boolean>([[end, true]]);
  return (offset) => {
    const way: number[] = [];
    let at = offset;
    while (!known.has(at)) {
      way.push(at);
      const length = at >= tableHeader && at + nodeHeader <= end ? bytes[at + 1]! | (bytes[at + 2]! << 8) : 0;
      if (length < nodeHeader || bytes[at]! > 7) {
        known.set(at, false);
        break;
      }
      at += length;
    }
    const result = known.get(at) === true;
    for (const each of way) known.set(each, result);
    return result;
  };
}

/** What a node at an offset may take by its type, its mappings and its arrays; none where it would pass the table's end. */
export function fittingLengths({ bytes, end }: Pick<IortTable, 'bytes' | 'end'>, offset: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number) => (offset + at + 4 <= end ? view.getUint32(offset + at, true) : 0);
  if (offset + nodeHeader > end) return [];
  const count = read(8);
  const mappings = count === 0 ? 0 : read(12) + count * mapping;
  const lengths = bodyLengths(bytes[offset]!, read, () => nameEnd(bytes, offset, end)).map((body) =>
    Math.max(body, mappings),
  );
  return [...new Set(lengths)].filter((length) => length >= nodeHeader && length <= 0xffff && offset + length <= end);
}

/** Fields and arrays of a type of node; several where issues of the specification differ, or padding may follow. */
function bodyLengths(type: number, read: (at: number) => number, name: () => number): number[] {
  const array = (count: number, start: number, size: number) => (count === 0 ? 0 : start + count * size);
  switch (type) {
    case 0:
      return [0x14 + read(0x10) * 4];
    case 1:
      return [name(), name() + ((4 - (name() % 4)) % 4)];
    case 2:
      return [0x24, 0x20, 0x28];
    case 3:
      return [
        Math.max(0x3c, array(1, read(0x28), 16), array(read(0x2c), read(0x30), 8), array(read(0x34), read(0x38), 8)),
      ];
    case 4:
      return [0x44, 0x3c];
    case 5:
      return [0x28, 0x20];
    case 6:
      return [Math.max(0x1c, array(read(0x14), read(0x18), 20))];
    default:
      return [];
  }
}

/** From the node's start to behind the NUL of a named component's name. */
function nameEnd(bytes: Uint8Array, offset: number, end: number): number {
  const nul = bytes.indexOf(0, offset + 0x1d);
  return nul < 0 || nul >= end ? 0 : nul + 1 - offset;
}
