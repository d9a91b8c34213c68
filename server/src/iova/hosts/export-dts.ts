// Reservations as an overlay for a guest's tree: a reserved-memory node with iommu-addresses, and the device that has it.
import { lastAddress } from '../ranges';
import { partsOf, type GuestReservation, type GuestReservations } from './guest-reservations';

export interface GuestNode {
  /** `&pcie`, `&{/pcie@10000000}` or `&usb`: the device's node, or the host bridge that `functions` sit behind. */
  readonly reference: string;
  /** Device and function of PCI functions, for which nodes are made; empty where `reference` is the device itself. */
  readonly functions: readonly { readonly device: number; readonly number: number }[];
  /** Cells of addresses and sizes on the device's bus; three address cells are PCI's, with flags. */
  readonly addressCells: number;
  readonly sizeCells: number;
  /** Those of the guest's root, which its /reserved-memory must have as well. */
  readonly rootAddressCells: number;
  readonly rootSizeCells: number;
}

/** More entries than this are a mistake in the cells. */
const mostEntries = 256;

/**
 * The overlay's text; an error where the ranges do not fit the cells. The entries have no `reg`, so that the guest's kernel
 * takes them as `reserved` (drivers/iommu/of_iommu.c iommu_resv_region_get_type) and leaves them alone.
 */
export function exportDts(
  { ranges }: GuestReservations,
  node: GuestNode,
  comment: readonly string[],
): { readonly text: string } | { readonly error: string } {
  const labels =
    node.functions.length === 0
      ? [node.reference.replace(/^&/, '')]
      : node.functions.map((_, at) => (at === 0 ? 'passthrough' : `passthrough${at}`));
  const entries: string[] = [];
  for (const label of labels) {
    for (const reservation of ranges) {
      const written = entriesOf(reservation, label, node);
      if ('error' in written) return written;
      entries.push(...written.entries);
    }
  }
  if (entries.length > mostEntries) {
    return { error: `${entries.length} entries would be needed with ${node.sizeCells} size cells: use --size-cells 2` };
  }
  const lines = [
    '/*',
    ...comment.map((line) => ` * ${line}`.replaceAll('*/', '* /')),
    ' */',
    '/dts-v1/;',
    '/plugin/;',
    '',
    '&{/} {',
    ...cellLines(node.rootAddressCells, node.rootSizeCells, '\t'),
    '',
    '\treserved-memory {',
    ...cellLines(node.rootAddressCells, node.rootSizeCells, '\t\t'),
    '\t\tranges;',
    '',
    '\t\tpassthrough_iovas: passthrough-iovas {',
    `\t\t\tiommu-addresses = ${entries.join(',\n\t\t\t\t')};`,
    '\t\t};',
    '\t};',
    '};',
    '',
    `${node.reference} {`,
    ...deviceLines(node, labels),
    '};',
    '',
  ];
  return { text: lines.join('\n') };
}

function entriesOf(
  { range, types }: GuestReservation,
  label: string,
  { addressCells, sizeCells }: GuestNode,
): { readonly entries: string[] } | { readonly error: string } {
  const widest = sizeCells === 1 ? 1n << 31n : 1n << 63n;
  const hasFlags = addressCells === 3;
  if (!hasFlags && addressCells === 1 && range.end > 0xffffffffn) {
    return { error: `0x${range.end.toString(16)} does not fit one address cell: use --address-cells 2` };
  }
  // include/linux/of_address.h OF_BAD_ADDR
  if (range.start === lastAddress) {
    return {
      error: `a range that begins at 0x${lastAddress.toString(16)} cannot be written: kernels take it for no address`,
    };
  }
  const whole = range.end - range.start + 1n;
  const isSingle = sizeCells === 1 ? whole <= 0xffffffffn : whole < 1n << 64n;
  if (whole / widest > BigInt(mostEntries)) {
    return { error: `0x${whole.toString(16)} bytes do not fit ${sizeCells} size cell: use --size-cells 2` };
  }
  const parts = isSingle ? [{ start: range.start, size: whole }] : partsOf(range, widest);
  return {
    entries: parts.map(({ start, size }) => {
      const flags = hasFlags ? [start + size - 1n > 0xffffffffn ? 0x3000000n : 0x2000000n] : [];
      const values = [...flags, ...cells(start, hasFlags ? 2 : addressCells), ...cells(size, sizeCells)];
      return `/* ${types.join(', ')} */ <&${label} ${values.map((value) => `0x${value.toString(16)}`).join(' ')}>`;
    }),
  };
}

function cells(value: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, at) => (value >> BigInt(32 * (count - 1 - at))) & 0xffffffffn);
}

function deviceLines({ functions }: GuestNode, labels: readonly string[]): string[] {
  if (functions.length === 0) return ['\tmemory-region = <&passthrough_iovas>;'];
  const nodes = functions.flatMap(({ device, number }, at) => [
    '',
    `\t${labels[at]!}: device@${device.toString(16)},${number.toString(16)} {`,
    `\t\treg = <0x${((device << 11) | (number << 8)).toString(16)} 0x0 0x0 0x0 0x0>;`,
    '\t\tmemory-region = <&passthrough_iovas>;',
    '\t};',
  ]);
  return [...cellLines(3, 2, '\t'), ...nodes];
}

/** As the guest has them already: dtc warns of an overlay that does not say them again. */
function cellLines(address: number, size: number, indent: string): string[] {
  return [`${indent}#address-cells = <${address}>;`, `${indent}#size-cells = <${size}>;`];
}
