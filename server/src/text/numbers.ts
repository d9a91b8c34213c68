// How addresses, sizes and ranges are written in messages: hex as in the source, with a human size beside it, so that a
// lost zero shows.
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** `0x8000000` */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** `128 MiB`, `705.75 MiB`; two decimals at most, `~` where that is not exact. */
export function humanSize(value: bigint): string {
  let unit = 0;
  while (unit + 1 < units.length && value >> BigInt(10 * (unit + 1)) > 0n) unit++;
  if (unit === 0) return value === 1n ? '1 byte' : `${value} bytes`;
  const scale = 1n << BigInt(10 * unit);
  const hundredths = (value * 100n + scale / 2n) / scale;
  const isExact = hundredths * scale === value * 100n;
  const fraction = (hundredths % 100n).toString().padStart(2, '0').replace(/0+$/, '');
  return `${isExact ? '' : '~'}${hundredths / 100n}${fraction === '' ? '' : `.${fraction}`} ${units[unit]!}`;
}

/** An address or a size: `0x8000000 (128 MiB)`; zero is just `0x0`. */
export function withSize(value: bigint): string {
  return value === 0n ? '0x0' : `${hex(value)} (${humanSize(value)})`;
}

/** A range of addresses, its last one included: `0x8000000–0x80fffff (1 MiB at 128 MiB)`. */
export function formatRange({ start, end }: { readonly start: bigint; readonly end: bigint }): string {
  // An end at start − 1 is that of size 0; below that, it has wrapped.
  if (end < start - 1n) return `${hex(start)}–${hex(end)} (past 2^64)`;
  const length = end - start + 1n;
  return `${hex(start)}–${hex(end)} (${humanSize(length)} at ${start === 0n ? '0' : humanSize(start)})`;
}

/** `one master`, `3 masters` */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return number === 1 ? `one ${singular}` : `${number} ${plural}`;
}

/** `a`, `a and b`, `a, b and 5 more` */
export function list(items: readonly string[], most = 3): string {
  if (items.length <= 1) return items.join('');
  if (items.length <= most) return `${items.slice(0, -1).join(', ')} and ${items.at(-1)!}`;
  return `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`;
}
