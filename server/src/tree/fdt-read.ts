// A flattened tree (FDT, versions 16 and 17) into the model. Nothing in the blob is believed: every offset is checked,
// and what is wrong is a result with the offset of the byte that is.
import type { DeviceTree, DtNode, DtProperty, MemoryReservation, Phandle } from './model';
import { walk } from './navigate';

const magic = 0xd00dfeed;
const beginNode = 1;
const endNode = 2;
const propertyToken = 3;
const nop = 4;
const endTree = 9;

/** Deeper trees are refused: everything that walks a tree does so by recursion. The kernel's own limit is 64. */
const depthLimit = 200;

export type FdtResult = { readonly tree: DeviceTree } | { readonly error: string; readonly offset: number };

/** Whether the bytes begin like a flattened tree. */
export function isFdt(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && word(bytes, 0) === magic;
}

/**
 * The tree in a blob, or what is wrong with it and at which byte. Duplicate names keep the first, as the kernel finds them
 * (drivers/of/base.c __of_find_property). Values share the blob's memory.
 */
export function readFdt(bytes: Uint8Array): FdtResult {
  try {
    return { tree: readTree(bytes) };
  } catch (problem) {
    if (problem instanceof Corrupt) return { error: problem.message, offset: problem.offset };
    throw problem;
  }
}

/** Thrown and caught in this file alone: the reader is recursive and gives up at the first error. */
class Corrupt extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

interface Header {
  readonly reservations: number;
  readonly structure: number;
  readonly structureEnd: number;
  readonly strings: number;
  readonly stringsEnd: number;
  readonly totalSize: number;
  readonly bootCpu: number;
}

function readTree(bytes: Uint8Array): DeviceTree {
  const header = readHeader(bytes);
  const reader: Reader = { bytes, header, at: header.structure, names: new Map() };
  const memoryReservations = readReservations(bytes, header);
  const first = nextToken(reader);
  if (first !== beginNode)
    throw new Corrupt(`the structure block begins with ${hex(first)}, not with a node`, reader.at - 4);
  const root = readNode(reader, undefined, 0);
  const last = nextToken(reader);
  if (last !== endTree) throw new Corrupt(`${hex(last)} where the tree should end`, reader.at - 4);
  return {
    root,
    memoryReservations,
    labels: new Map(),
    phandles: phandlesOf(root),
    bootCpu: header.bootCpu,
    isPlugin: false,
  };
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 40) throw new Corrupt(`${bytes.length} bytes are too few for a header of 40`, bytes.length);
  if (word(bytes, 0) !== magic) throw new Corrupt(`the magic number is ${hex(word(bytes, 0))}, not 0xd00dfeed`, 0);
  const totalSize = word(bytes, 4);
  const version = word(bytes, 20);
  const lastCompatible = word(bytes, 24);
  if (totalSize > bytes.length)
    throw new Corrupt(`the header says ${totalSize} bytes, but there are ${bytes.length}`, 4);
  if (totalSize < 40) throw new Corrupt(`a total size of ${totalSize} does not even hold the header`, 4);
  if (lastCompatible > 17) throw new Corrupt(`version ${version} can be read by ${lastCompatible} and later only`, 24);
  if (version < 16) throw new Corrupt(`version ${version} is older than 16 and no longer read`, 20);
  const structure = word(bytes, 8);
  const strings = word(bytes, 12);
  const reservations = word(bytes, 16);
  const stringsEnd = strings + word(bytes, 32);
  const structureEnd = version >= 17 ? structure + word(bytes, 36) : totalSize;
  if (reservations % 8 !== 0 || reservations >= totalSize)
    throw new Corrupt(`the memory reservations cannot be at ${hex(reservations)}`, 16);
  if (structure % 4 !== 0 || structure >= totalSize)
    throw new Corrupt(`the structure block cannot be at ${hex(structure)}`, 8);
  if (structureEnd > totalSize) throw new Corrupt('the structure block ends behind the blob', 36);
  if (strings > totalSize) throw new Corrupt(`the strings cannot be at ${hex(strings)}`, 12);
  if (stringsEnd > totalSize) throw new Corrupt('the strings end behind the blob', 32);
  return { reservations, structure, structureEnd, strings, stringsEnd, totalSize, bootCpu: word(bytes, 28) };
}

function readReservations(bytes: Uint8Array, header: Header): MemoryReservation[] {
  const result: MemoryReservation[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = header.reservations; ; at += 16) {
    if (at + 16 > header.totalSize) throw new Corrupt('the memory reservations have no end', at);
    const size = view.getBigUint64(at + 8);
    if (size === 0n) return result;
    result.push({ address: view.getBigUint64(at), size, labels: [], source: undefined });
  }
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly header: Header;
  at: number;
  /** Property names by their offset in the strings block. */
  readonly names: Map<number, string>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function readNode(reader: Reader, parent: DtNode | undefined, depth: number): DtNode {
  if (depth > depthLimit) throw new Corrupt(`nodes are nested more than ${depthLimit} deep`, reader.at);
  const children = new Map<string, DtNode>();
  const properties = new Map<string, DtProperty>();
  const name = readNodeName(reader);
  const node: Mutable<DtNode> = { name, parent, children, properties, labels: [], phandle: undefined, definitions: [] };
  for (;;) {
    const token = nextToken(reader);
    if (token === endNode) break;
    if (token === propertyToken) {
      const found = readProperty(reader, node);
      if (!properties.has(found.name)) properties.set(found.name, found);
    } else if (token === beginNode) {
      const child = readNode(reader, node, depth + 1);
      if (!children.has(child.name)) children.set(child.name, child);
    } else {
      throw new Corrupt(`${hex(token)} is no token of the structure block`, reader.at - 4);
    }
  }
  node.phandle = phandleOf(properties);
  return node;
}

/** Nodes by phandle; of two with the same, the first. */
export function phandlesOf(root: DtNode): Map<number, DtNode> {
  const result = new Map<number, DtNode>();
  walk(root, (node) => {
    if (node.phandle !== undefined && !result.has(node.phandle)) result.set(node.phandle, node);
  });
  return result;
}

/** The value of `phandle`, or of its older name. */
export function phandleOf(properties: ReadonlyMap<string, DtProperty>): Phandle | undefined {
  const bytes = (properties.get('phandle') ?? properties.get('linux,phandle'))?.data.bytes;
  if (bytes?.length !== 4) return undefined;
  const value = word(bytes, 0);
  return value === 0 || value === 0xffffffff ? undefined : (value as Phandle);
}

function readProperty(reader: Reader, node: DtNode): DtProperty {
  const length = nextWord(reader);
  const nameOffset = nextWord(reader);
  const name = propertyName(reader, nameOffset);
  const start = reader.at;
  if (start + length > reader.header.structureEnd)
    throw new Corrupt(`a value of ${length} bytes ends behind the structure block`, start - 8);
  reader.at = start + ((length + 3) & ~3);
  const bytes = reader.bytes.subarray(start, start + length);
  return { name, node, labels: [], definitions: [], data: { bytes, parts: [], broken: false } };
}

function propertyName(reader: Reader, offset: number): string {
  let name = reader.names.get(offset);
  if (name === undefined) {
    const { strings, stringsEnd } = reader.header;
    const start = strings + offset;
    const end = start < stringsEnd ? reader.bytes.indexOf(0, start) : -1;
    if (end < 0 || end >= stringsEnd)
      throw new Corrupt(`the property name at ${hex(offset)} is not in the strings block`, reader.at - 4);
    name = latin1(reader.bytes, start, end);
    reader.names.set(offset, name);
  }
  return name;
}

function readNodeName(reader: Reader): string {
  const end = reader.bytes.indexOf(0, reader.at);
  if (end < 0 || end >= reader.header.structureEnd) throw new Corrupt('a node name has no end', reader.at);
  const name = latin1(reader.bytes, reader.at, end);
  reader.at = (end + 4) & ~3;
  return name;
}

function nextToken(reader: Reader): number {
  let token = nextWord(reader);
  while (token === nop) token = nextWord(reader);
  return token;
}

function nextWord(reader: Reader): number {
  if (reader.at + 4 > reader.header.structureEnd) throw new Corrupt('the structure block ends too early', reader.at);
  reader.at += 4;
  return word(reader.bytes, reader.at - 4);
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
