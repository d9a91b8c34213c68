// Text of devicetree sources: cells, properties, nodes.

/** An address in so many cells, the first of three being flags. */
export function address(value: bigint, flags: number, count: number): string {
  return count === 3 ? `${hex(flags)} ${cells(value, 2)}` : cells(value, count);
}

export function cells(value: bigint, count: number): string {
  return Array.from({ length: count }, (_, at) =>
    hex(Number(BigInt.asUintN(32, value >> BigInt(32 * (count - 1 - at))))),
  ).join(' ');
}

export function hex(value: number): string {
  return value < 10 ? String(value) : `0x${value.toString(16)}`;
}

/** Without a value when there is nothing to list. */
export function property(name: string, items: readonly string[]): string {
  return items.length === 0 ? `${name};` : `${name} = ${list(items)};`;
}

export function list(items: readonly string[]): string {
  return items.join(', ');
}

export function words(all: readonly string[]): string {
  return all.filter(Boolean).join(' ');
}

export function line(depth: number, text: string): string {
  return `${'\t'.repeat(depth)}${text}`;
}

export function nodeText(
  name: string,
  properties: readonly string[],
  children: readonly string[],
  depth: number,
): string {
  const inside = children.filter(Boolean);
  const head = `${name} { ${words(properties)}`;
  if (inside.length === 0) return line(depth, `${head} };`);
  return [line(depth, head), ...inside, line(depth, '};')].join('\n');
}
