// The header of a table: what it says of itself, and whether that is so.
import type { Gap, TableHeader, TableProblem, Value } from './iort/model';
import { byName, structureValues } from './structure-values';
import { tableHeaderLayout } from './layout/table-header';
import type { TableHeaderName } from './iort/model';
import { byteSum, readNumber, readText } from './bytes';
import { hex } from '../text/numbers';

/** Tables that are larger are read this far: real ones have kilobytes, and every value takes memory. */
export const readableBytes = 1 << 20;

export interface DecodedHeader {
  readonly header: TableHeader;
  readonly values: readonly Value[];
  /** Where the table ends: what the header says, as far as there are bytes and they can be read. */
  readonly end: number;
  readonly problems: readonly TableProblem[];
  /** Bytes behind the table. */
  readonly tail: readonly Gap[];
}

/** The signature of a table: its first four bytes as characters. */
export function tableSignature(bytes: Uint8Array): string {
  return readText(bytes, 0, 4);
}

/** The byte that makes the sum of a table's bytes zero. */
export function checksumOf(bytes: Uint8Array, end = bytes.length): number {
  const stored = end > checksumOffset ? bytes[checksumOffset]! : 0;
  return (stored - byteSum(bytes, end)) & 0xff;
}

const checksumOffset = 9;
const lengthOffset = 4;

/**
 * The header of a table whose fixed part has `fixedSize` bytes. A length that does not even cover that says nothing: then
 * the table is taken to end with the bytes.
 */
export function decodeHeader(bytes: Uint8Array, fixedSize: number): DecodedHeader {
  const values = structureValues({ bytes }, tableHeaderLayout, 0, bytes.length);
  const stated = readNumber(bytes, lengthOffset, 4);
  const problems: TableProblem[] = [];
  const report = (code: TableProblem['code'], offset: number, size: number, message: string) =>
    problems.push({ code, offset, size, message });
  const isTooShort = bytes.length < fixedSize;
  if (isTooShort) {
    const message = `the file has ${bytes.length} bytes, the fixed part of the table ${fixedSize}`;
    report('too-short', 0, bytes.length, message);
  }
  if (stated === undefined) return { header: byName(values), values, end: bytes.length, problems, tail: [] };
  const isMeaningless = stated < fixedSize;
  const end = Math.min(isMeaningless ? bytes.length : stated, bytes.length, readableBytes);
  if (isTooShort) {
    // Nothing else is worth telling.
  } else if (isMeaningless) {
    const message = `the table's length is ${stated}, less than the ${fixedSize} bytes of its fixed part`;
    report('table-length', lengthOffset, 4, message);
  } else if (stated > bytes.length) {
    const message = `the table's length is ${stated}, but there are ${bytes.length} bytes`;
    report('table-length', lengthOffset, 4, message);
  } else if (stated < bytes.length) {
    const message = `${bytes.length - stated} bytes follow the table, whose length is ${stated}`;
    report('bytes-after-table', stated, bytes.length - stated, message);
  }
  if (end === readableBytes && Math.min(stated, bytes.length) > readableBytes) {
    report('too-large', end, bytes.length - end, `the table is read up to ${hex(end)}: real ones have kilobytes`);
  } else if (stated <= bytes.length && !isMeaningless && !isTooShort) {
    const right = checksumOf(bytes, stated);
    const message = `the checksum is ${hex(bytes[checksumOffset]!)}, the bytes give ${hex(right)}`;
    if (right !== bytes[checksumOffset]) report('checksum', checksumOffset, 1, message);
  }
  const tail: Gap[] = end < bytes.length ? [{ offset: end, end: bytes.length, kind: 'tail' }] : [];
  return { header: byName<TableHeaderName>(values), values, end, problems, tail };
}
