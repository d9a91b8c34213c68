// An IORT as Linux's drivers/acpi/arm64/iort.c reads it: it follows every reference blindly, so that any bytes can be a node,
// and takes arrays to be as long as their counts say, also where the node or its revision ends before.
import { bodyLayout, idMappingLayout, nodeHeaderLayout } from '../../acpi/layout/iort';
import { tableHeaderLayout } from '../../acpi/layout/table-header';
import { fieldOffsets, fieldPlaces, type FieldPlace } from '../../acpi/structure-values';
import type { IortTable, NamesOf } from '../../acpi/iort/model';

/** Bytes that are taken for a node. */
export interface KernelNode {
  /** From the table's start. */
  readonly offset: number;
  readonly type: number;
  readonly revision: number;
  readonly mappingCount: number;
  /** From the node's start. */
  readonly mappingOffset: number;
}

/** One of the mappings that the kernel goes through, in its arithmetic of 32 bits. */
export interface KernelMapping {
  readonly index: number;
  /** From the table's start. */
  readonly offset: number;
  readonly inputBase: number;
  readonly count: number;
  /** `input_base + id_count`, which may wrap: no ID is in the range then. */
  readonly last: number;
  readonly outputBase: number;
  readonly reference: number;
  readonly single: boolean;
}

export interface MappingList {
  readonly mappings: readonly KernelMapping[];
  /** The node counts more of them than there are bytes in the table: the kernel reads on behind it. */
  readonly endsEarly: boolean;
}

/** A value of a node, and where it lies. */
export interface KernelValue {
  readonly offset: number;
  readonly size: number;
  readonly value: bigint;
}

export interface KernelTable {
  readonly revision: number;
  /** The nodes that the kernel walks. A node of length 0 is met again and again; it is here once. */
  readonly nodes: readonly KernelNode[];
  /** What the kernel takes for a node at an offset; undefined where the table has no bytes for a node's header. */
  readonly nodeAt: (offset: number) => KernelNode | undefined;
  readonly mappingsOf: (node: KernelNode) => MappingList;
  /** A field of the node's body by the layout of its type; undefined where the table ends before. */
  readonly value: (node: KernelNode, field: string) => KernelValue | undefined;
  /** The same for a field of no more than 4 bytes, as a number. */
  readonly number: (node: KernelNode, field: string) => number | undefined;
  readonly read: (offset: number, size: 1 | 2 | 4 | 8) => bigint | undefined;
  /** Four bytes. */
  readonly word: (offset: number) => number | undefined;
  /** One byte a character, up to a NUL, the table's end, or so many. */
  readonly text: (offset: number, most: number) => string;
  /**
   * How many of so many elements of an array are looked at. Arrays may lie over each other, so that a small table can count
   * billions of elements: there is an end to all of them together.
   */
  readonly allowed: (count: number) => number;
  /** How many have been allowed so far, of how many. */
  readonly spent: () => number;
}

/** Elements of all arrays of a table; a machine's has thousands. */
export const mostElements = 500_000;

const header = fieldOffsets(nodeHeaderLayout);
const mapping = fieldOffsets(idMappingLayout);
const tableHeader = fieldOffsets(tableHeaderLayout);

export const mappingSize = idMappingLayout.size;

export type MappingField = NamesOf<typeof idMappingLayout>;

/** Where a field of a mapping lies. */
export function mappingField({ offset }: KernelMapping, name: MappingField): { offset: number; size: number } {
  return { offset: offset + mapping[name], size: 4 };
}

/** IORT_TYPE_MASK of the types that a search ends at. */
export const smmuTypes = (1 << 3) | (1 << 4);
export const itsTypes = 1 << 0;

export const nodeType = {
  itsGroup: 0,
  namedComponent: 1,
  rootComplex: 2,
  smmu: 3,
  smmuv3: 4,
  pmcg: 5,
  rmr: 6,
  iwb: 7,
} as const;

/**
 * The table of those bytes. `kept` gives nodes by their offsets that were read from an earlier version of it and say the same
 * here.
 */
export function kernelTable(
  { bytes, end, counted }: Pick<IortTable, 'bytes' | 'end' | 'counted'>,
  kept?: (offset: number) => KernelNode | undefined,
): KernelTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, Math.min(end, bytes.byteLength));
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = new Map<number, KernelNode | undefined>();
  const lists = new Map<number, MappingList>();
  let left = mostElements;

  function allowed(count: number): number {
    const taken = Math.min(count, left);
    left -= taken;
    return taken;
  }

  function nodeAt(offset: number): KernelNode | undefined {
    const met = kept?.(offset) ?? known.get(offset);
    if (met !== undefined || known.has(offset)) return met;
    const node = readNode(view, offset);
    known.set(offset, node);
    return node;
  }

  function mappingsOf(node: ReadNode): MappingList {
    return (node.list ??= listOf(node));
  }

  function listOf({ offset, mappingCount, mappingOffset }: KernelNode): MappingList {
    if (mappingOffset === 0 || mappingCount === 0) return noMappings;
    const first = offset + mappingOffset;
    if (first > view.byteLength) return mappingsElsewhere;
    // Exact: a table has 2^20 bytes at most, and a count 32 bits.
    const key = first * 2 ** 32 + mappingCount;
    let list = lists.get(key);
    if (list === undefined) lists.set(key, (list = readMappings(view, first, mappingCount, allowed)));
    return list;
  }

  function read(offset: number, size: 1 | 2 | 4 | 8): bigint | undefined {
    if (size !== 8) {
      const value = numberAt(view, offset, size);
      return value === undefined ? undefined : BigInt(value);
    }
    return offset + size > view.byteLength ? undefined : view.getBigUint64(offset, true);
  }

  function walked(): KernelNode[] {
    const nodes: KernelNode[] = [];
    let before = -1;
    for (const { offset } of counted) {
      // A length of 0 leads to the node itself again.
      const node = offset === before ? undefined : nodeAt(offset);
      before = offset;
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  }

  return {
    revision: view.byteLength > tableHeader.revision ? view.getUint8(tableHeader.revision) : 0,
    nodes: walked(),
    nodeAt,
    mappingsOf,
    read,
    allowed,
    spent: () => mostElements - left,
    word: (offset) => numberAt(view, offset, 4),
    value(node, field) {
      const place = placeOfField(node, field);
      if (place === undefined) return undefined;
      const offset = node.offset + place.offset;
      const { size } = place.field;
      const value = read(offset, size as 1 | 2 | 4 | 8);
      return value === undefined ? undefined : { offset, size, value };
    },
    number(node, field) {
      const place = placeOfField(node, field);
      return place && numberAt(view, node.offset + place.offset, place.field.size);
    },
    text(offset, most) {
      const start = Math.min(offset, view.byteLength);
      const last = Math.min(start + most, view.byteLength);
      let stop = start;
      while (stop < last && view.getUint8(stop) !== 0) stop++;
      return latin1.toString('latin1', start, stop);
    },
  };
}

const noMappings: MappingList = { mappings: [], endsEarly: false };
const mappingsElsewhere: MappingList = { mappings: [], endsEarly: true };

/** Of the bodies of all node types, from the start of the node. */
const bodyPlaces: readonly ReadonlyMap<string, FieldPlace>[] = Object.values(nodeType).map(
  (type) =>
    new Map(
      fieldPlaces(bodyLayout(type)!).map(({ field, offset }) => [
        field.name,
        { field, offset: nodeHeaderLayout.size + offset },
      ]),
    ),
);

function placeOfField({ type }: KernelNode, field: string): FieldPlace | undefined {
  return bodyPlaces[type]?.get(field);
}

/** Where a field of a node is, from the table's start; undefined where the table ends before. */
export function bodyPlace(table: KernelTable, node: KernelNode, field: string): number | undefined {
  return table.number(node, field) === undefined ? undefined : node.offset + placeOfField(node, field)!.offset;
}

function numberAt(view: DataView, offset: number, size: number): number | undefined {
  if (offset + size > view.byteLength) return undefined;
  return size === 4 ? view.getUint32(offset, true) : size === 2 ? view.getUint16(offset, true) : view.getUint8(offset);
}

/** A node whose mappings are kept with it once they are read. */
interface ReadNode extends KernelNode {
  list?: MappingList | undefined;
}

function readNode(view: DataView, offset: number): ReadNode | undefined {
  if (offset + nodeHeaderLayout.size > view.byteLength) return undefined;
  return {
    offset,
    type: view.getUint8(offset + header.type),
    revision: view.getUint8(offset + header.revision),
    mappingCount: view.getUint32(offset + header.mappingCount, true),
    mappingOffset: view.getUint32(offset + header.mappingOffset, true),
    list: undefined,
  };
}

function readMappings(view: DataView, first: number, count: number, allowed: KernelTable['allowed']): MappingList {
  const room = Math.max(Math.floor((view.byteLength - first) / mappingSize), 0);
  const length = allowed(Math.min(count, room));
  const mappings: KernelMapping[] = [];
  for (let index = 0; index < length; index++) {
    const offset = first + index * mappingSize;
    const inputBase = view.getUint32(offset + mapping.inputBase, true);
    const idCount = view.getUint32(offset + mapping.count, true);
    mappings.push({
      index,
      offset,
      inputBase,
      count: idCount,
      last: (inputBase + idCount) >>> 0,
      outputBase: view.getUint32(offset + mapping.outputBase, true),
      reference: view.getUint32(offset + mapping.outputReference, true),
      single: (view.getUint32(offset + mapping.flags, true) & 1) !== 0,
    });
  }
  return { mappings, endsEarly: count > length };
}
