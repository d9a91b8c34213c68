// Little-endian integers and texts in bytes that nobody vouches for: what does not fit is undefined, never an exception.

/** The unsigned integer of 1 to 8 bytes at an offset; undefined where the bytes end before. */
export function readInteger(bytes: Uint8Array, offset: number, size: number): bigint | undefined {
  if (offset < 0 || offset + size > bytes.length) return undefined;
  if (size <= 4) return BigInt(lowWord(bytes, offset, size));
  const high = lowWord(bytes, offset + 4, size - 4);
  const low = lowWord(bytes, offset, 4);
  // Up to 2^53 a number is exact, and cheaper than shifting bigints.
  return high < 0x200000 ? BigInt(high * 0x100000000 + low) : (BigInt(high) << 32n) | BigInt(low);
}

/** The same as a number, for sizes up to 4. */
export function readNumber(bytes: Uint8Array, offset: number, size: 1 | 2 | 3 | 4): number | undefined {
  if (offset < 0 || offset + size > bytes.length) return undefined;
  return lowWord(bytes, offset, size);
}

/** Writes the low `size` bytes of a value; the place must be there. */
export function writeInteger(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  let rest = BigInt.asUintN(8 * size, value);
  for (let at = offset; at < offset + size; at++) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

/** Each byte as one character; cut where the bytes end. */
export function readText(bytes: Uint8Array, offset: number, end: number): string {
  const part = bytes.subarray(offset, Math.max(offset, end));
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
}

/** Writes characters as one byte each (the low 8 bits). */
export function writeText(bytes: Uint8Array, offset: number, text: string): void {
  for (let at = 0; at < text.length; at++) bytes[offset + at] = text.charCodeAt(at) & 0xff;
}

/** The sum of the bytes modulo 256. */
export function byteSum(bytes: Uint8Array, end = bytes.length): number {
  let sum = 0;
  let at = 0;
  for (; at + 4 <= end; at += 4) sum += bytes[at]! + bytes[at + 1]! + bytes[at + 2]! + bytes[at + 3]!;
  for (; at < end; at++) sum += bytes[at]!;
  return sum & 0xff;
}

function lowWord(bytes: Uint8Array, offset: number, size: number): number {
  let value = bytes[offset]!;
  if (size > 1) value += bytes[offset + 1]! * 0x100;
  if (size > 2) value += bytes[offset + 2]! * 0x10000;
  if (size > 3) value += bytes[offset + 3]! * 0x1000000;
  return value;
}
