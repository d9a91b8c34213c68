/** A table as acpidump prints it. */
export function dumpOf(bytes: Uint8Array, signature: string): string {
  const lines: string[] = [`${signature} @ 0x0000000000000000`];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const digits = row.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`    ${at.toString(16).toUpperCase().padStart(4, '0')}: ${digits.padEnd(48)} ${text}`);
  }
  return `${lines.join('\n')}\n\n`;
}
