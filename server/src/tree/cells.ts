// A property's value as cells and strings, and where each cell is written.
import type { SourceRange } from '../text/source-file';
import type { DtNode, DtProperty, ValuePart } from './model';
import { lastAtOrBefore } from '../text/in-order';

/** The value as big-endian 32-bit cells; undefined if its length is not a multiple of four bytes. An empty value has none. */
export function cells(property: DtProperty): Uint32Array | undefined {
  const { bytes } = property.data;
  if (bytes.length % 4 !== 0) return undefined;
  const result = new Uint32Array(bytes.length >> 2);
  for (let index = 0, at = 0; index < result.length; index++, at += 4) {
    result[index] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  return result;
}

/**
 * The number that `count` cells from `at` on hold, most significant first. As of_read_number of the kernel, it keeps the
 * low 64 bits, and no cells are 0. The caller checks that the cells exist.
 */
export function readNumber(values: Uint32Array, at: number, count: number): bigint {
  if (count <= 0) return 0n;
  const low = values[at + count - 1]!;
  return count === 1 ? BigInt(low) : (BigInt(values[at + count - 2]!) << 32n) | BigInt(low);
}

/** Where cell `index` (in units of four bytes) is written; undefined for a tree without sources. */
export function cellSource(property: DtProperty, index: number): SourceRange | undefined {
  return partAt(property, index * 4)?.source;
}

/** Where cells `first` to `first + count - 1` are written: one range if they lie in one file, else that of the first. */
export function cellsSource(property: DtProperty, first: number, count: number): SourceRange | undefined {
  const from = cellSource(property, first);
  const to = count > 1 ? cellSource(property, first + count - 1) : from;
  if (from === undefined || to === undefined) return from;
  return from.file === to.file && to.end >= from.end ? { file: from.file, start: from.start, end: to.end } : from;
}

/** What a cell written as `&label` or `&{/path}` refers to; undefined for a number, and for a tree without sources. */
export function cellReference(
  property: DtProperty,
  index: number,
): { readonly text: string; readonly target: DtNode | undefined } | undefined {
  const part = partAt(property, index * 4);
  return part?.kind === 'phandle' ? part.reference : undefined;
}

/** The element of the value that holds the byte at `offset`. */
export function partAt(property: DtProperty, offset: number): ValuePart | undefined {
  const { parts } = property.data;
  const part = parts[lastAtOrBefore(parts.length, (index) => parts[index]!.offset, offset)];
  return part !== undefined && offset < part.offset + part.length ? part : undefined;
}

/** The value as NUL-terminated strings; undefined if it is not terminated. An empty value has none. */
export function strings(property: DtProperty): readonly string[] | undefined {
  const { texts } = property.data;
  if (texts !== undefined) return texts;
  const { bytes } = property.data;
  if (bytes.length > 0 && bytes[bytes.length - 1] !== 0) return undefined;
  const result: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    result.push(textOf(bytes.subarray(start, end)));
    start = end + 1;
  }
  return result;
}

const utf8 = new TextDecoder('utf-8', { fatal: false });

function textOf(bytes: Uint8Array): string {
  // The decoder is slow to start; an engine's argument list is short.
  const isShort = bytes.length < 256 && bytes.every((byte) => byte < 0x80);
  return isShort ? String.fromCharCode(...bytes) : utf8.decode(bytes);
}
