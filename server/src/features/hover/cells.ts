// Hovers on all other numbers: what they are in hex and as a size, and which specifier of a phandle list they belong to.
import { outermostCall, tokenText, type TokenStream } from '../../preprocess/token-stream';
import { hex, humanSize, withSize } from '../../rules/numbers';
import type { ValuePart } from '../../tree/model';
import { addressCells, cellValue, nodeByPhandle, sizeCells } from '../../tree/navigate';
import { bullets, code, nodeText, type CellSubject, type Text } from './subject';
import { titleText } from './node';
import { physicalNeighbours } from './touches';

/** The property of the target that says how many cells follow a phandle, by the list's property: drivers/of/property.c. */
const specifierCells: Readonly<Record<string, string>> = {
  clocks: '#clock-cells',
  'assigned-clocks': '#clock-cells',
  'assigned-clock-parents': '#clock-cells',
  'power-domains': '#power-domain-cells',
  resets: '#reset-cells',
  phys: '#phy-cells',
  dmas: '#dma-cells',
  'interrupts-extended': '#interrupt-cells',
  interconnects: '#interconnect-cells',
  mboxes: '#mbox-cells',
  pwms: '#pwm-cells',
  'thermal-sensors': '#thermal-sensor-cells',
  hwlocks: '#hwlock-cells',
  'io-channels': '#io-channel-cells',
  'sound-dai': '#sound-dai-cells',
  iommus: '#iommu-cells',
  'msi-parent': '#msi-cells',
};

/** Properties of reserved-memory nodes and PCI hosts that hold sizes or addresses of the bus above. */
const sizeProperties = new Set(['size', 'alignment']);
const addressProperties = new Set(['alloc-ranges', 'assigned-addresses', 'initial-mapped-area']);

/** Properties of IDs and masks, which are no sizes however large they are. */
const idProperties: ReadonlySet<string> = new Set([
  'iommus',
  'iommu-map',
  'iommu-map-mask',
  'msi-map',
  'msi-map-mask',
  'msi-parent',
]);

/** A number or reference in a property that has no hover of its own. */
export function plainCellText(subject: CellSubject): readonly Text[] {
  const { node, property, values, cell, part, analysis } = subject;
  if (cell === undefined || part === undefined) return [];
  if (part.kind === 'phandle') return [referenceText(part), specifierText(subject)];
  const value = BigInt(values[cell] ?? 0);
  const bus = node.parent;
  if (bus !== undefined && sizeProperties.has(property.name)) {
    const size = join(values, 0, values.length);
    return [`${code(property.name)} of ${nodeText(node)}: ${code(withSize(size))}`];
  }
  if (bus !== undefined && addressProperties.has(property.name)) {
    const [address, size] = [addressCells(bus), sizeCells(bus)];
    const first = Math.floor(cell / Math.max(address + size, 1)) * (address + size);
    if (size > 0 && first + address + size <= values.length) {
      const start = join(values, first, address);
      const length = join(values, first + address, size);
      const range = { start, end: start + length - 1n };
      return [
        `${code(property.name)} of ${nodeText(node)}: ${code(withSize(start))}, size ${code(withSize(length))}`,
        length === 0n ? undefined : physicalNeighbours(analysis, range, ''),
      ];
    }
  }
  const specifier = specifierText(subject);
  return [specifier === undefined ? cellText(property.name, value) : idText(value), specifier];
}

/** What a `&label` in a value leads to. */
export function referenceText({ reference }: ValuePart): Text {
  if (reference === undefined) return undefined;
  return reference.target === undefined ? `${code(`&${reference.text}`)}: no such node` : titleText(reference.target);
}

/** `0x1000 = 4096, 4 KiB` */
export function numberText(value: bigint): string {
  return value >= 1024n ? `${idText(value)}, ${humanSize(value)}` : idText(value);
}

/** A cell of a property by what it may be: an address or a size, or a mere number. */
export function cellText(property: string, value: bigint): string {
  return idProperties.has(property) ? idText(value) : numberText(value);
}

/** `0x1000 = 4096` */
function idText(value: bigint): string {
  return `${code(hex(value))} = ${value}`;
}

/** The macro that the tokens at the cursor come out of, with what it stands for. */
export function macroText(tokens: TokenStream, token: number): Text {
  const expansion = tokens.expansion[token]!;
  if (expansion < 0) return undefined;
  const call = outermostCall(tokens, expansion);
  const words: string[] = [];
  for (let at = token; at < tokens.count && words.length < 24; at++) {
    const own = tokens.expansion[at]!;
    if (own < 0) break;
    const { whole } = outermostCall(tokens, own);
    if (whole.file !== call.whole.file || whole.start !== call.whole.start) break;
    words.push(tokenText(tokens, at));
  }
  return `Macro ${code(call.macro)} stands for ${code(words.join(' '))}`;
}

function specifierText({ property, node, values, cell, analysis }: CellSubject): Text {
  const countedBy = specifierCells[property.name] ?? (property.name.endsWith('-gpios') ? '#gpio-cells' : undefined);
  if (countedBy === undefined || cell === undefined) return undefined;
  for (let at = 0; at <= cell && at < values.length;) {
    const target = nodeByPhandle(analysis.tree, values[at]!);
    const count = target === undefined ? 0 : (cellValue(target, countedBy) ?? 0);
    if (cell <= at + count && target !== undefined) {
      if (cell === at)
        return count === 0
          ? undefined
          : `followed by ${count === 1 ? 'one cell' : `${count} cells`} (${code(countedBy)})`;
      return `cell ${cell - at} of ${count} for ${nodeText(target)} (${code(countedBy)}) in ${code(property.name)} of ${nodeText(node)}`;
    }
    at += 1 + count;
  }
  return undefined;
}

function join(values: Uint32Array, first: number, count: number): bigint {
  let number = 0n;
  for (let index = first; index < first + count; index++) number = (number << 32n) | BigInt(values[index]!);
  return number;
}

/** Several cells of one macro call. */
export function cellsText(values: readonly bigint[]): Text {
  return values.length < 2 ? undefined : bullets(values.slice(0, 8).map((value) => numberText(value)));
}
