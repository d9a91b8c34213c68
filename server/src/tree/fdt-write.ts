// The model into a flattened tree, byte for byte as scripts/dtc/flattree.c lays it out: version 17, reservations behind
// the header, then the structure, then the strings.
import type { DeviceTree, DtNode } from './model';

const headerSize = 40;

/** The blob (FDT version 17) of a tree, as `dtc -O dtb` writes it. */
export function writeFdt(tree: DeviceTree): Uint8Array {
  const strings = new StringTable();
  const structure = new Output();
  writeNode(structure, strings, tree.root);
  structure.word(9);

  const reservationsSize = (tree.memoryReservations.length + 1) * 16;
  const structureOffset = headerSize + reservationsSize;
  const stringsOffset = structureOffset + structure.length;
  const totalSize = stringsOffset + strings.output.length;

  const blob = new Output(totalSize);
  const header = [0xd00dfeed, totalSize, structureOffset, stringsOffset, headerSize, 17, 16, tree.bootCpu];
  for (const field of [...header, strings.output.length, structure.length]) blob.word(field);
  for (const { address, size } of [...tree.memoryReservations, { address: 0n, size: 0n }]) {
    for (const value of [address, size]) {
      blob.word(Number(BigInt.asUintN(32, value >> 32n)));
      blob.word(Number(BigInt.asUintN(32, value)));
    }
  }
  blob.bytes(structure.result());
  blob.bytes(strings.output.result());
  return blob.result();
}

function writeNode(output: Output, strings: StringTable, node: DtNode): void {
  output.word(1);
  output.text(node.name);
  output.align();
  for (const { name, data } of node.properties.values()) {
    output.word(3);
    output.word(data.bytes.length);
    output.word(strings.offsetOf(name));
    output.bytes(data.bytes);
    output.align();
  }
  for (const child of node.children.values()) writeNode(output, strings, child);
  output.word(2);
}

/** Each name once; one that is the tail of an earlier one shares its bytes. */
class StringTable {
  readonly output = new Output(4096);
  private readonly offsets = new Map<string, number>();

  offsetOf(name: string): number {
    const known = this.offsets.get(name);
    if (known !== undefined) return known;
    const start = this.output.length;
    this.output.text(name);
    for (let skip = 0; skip <= name.length; skip++) {
      const tail = name.slice(skip);
      if (!this.offsets.has(tail)) this.offsets.set(tail, start + skip);
    }
    return start;
  }
}

/** Bytes that grow, with FDT's big-endian words. */
class Output {
  length = 0;
  private buffer: Uint8Array;

  constructor(capacity = 65536) {
    this.buffer = new Uint8Array(capacity);
  }

  result(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  word(value: number): void {
    this.reserve(4);
    this.buffer[this.length++] = value >>> 24;
    this.buffer[this.length++] = value >>> 16;
    this.buffer[this.length++] = value >>> 8;
    this.buffer[this.length++] = value;
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
  }

  /** A name, which is Latin-1 in a blob, and its NUL. */
  text(value: string): void {
    this.reserve(value.length + 1);
    for (let at = 0; at < value.length; at++) this.buffer[this.length++] = value.charCodeAt(at);
    this.buffer[this.length++] = 0;
  }

  align(): void {
    this.reserve(3);
    while (this.length % 4 !== 0) this.buffer[this.length++] = 0;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + more));
    grown.set(this.buffer);
    this.buffer = grown;
  }
}
