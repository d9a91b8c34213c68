// `/reserved-memory` as drivers/of/of_reserved_mem.c reads it from the flattened tree: by the root's cell counts, without
// any translation, direct children only. Read once a tree.
import { cells, cellsSource, readNumber, strings } from '../../tree/cells';
import { addressCells, cellValue, nodePath, sizeCells } from '../../tree/navigate';
import type { DeviceTree, DtNode, DtProperty } from '../../tree/model';
import type { SourceRange } from '../../text/source-file';
import type { AddressRange } from '../../topology/model';
import { oncePer } from '../../text/once';

export interface ReservedMemory {
  readonly node: DtNode;
  readonly path: string;
  /** Why the kernel ignores all of it (__reserved_mem_check_root); undefined where it reads it. */
  readonly refused: FormatProblem | undefined;
  readonly children: readonly ReservedChild[];
}

export interface FormatProblem {
  readonly text: string;
  readonly property: DtProperty | undefined;
}

export interface ReservedChild {
  readonly node: DtNode;
  readonly path: string;
  readonly source: SourceRange | undefined;
  /** Its own `status`; that of the nodes above is not looked at (of_fdt_device_is_available). */
  readonly isEnabled: boolean;
  readonly noMap: boolean;
  readonly reusable: boolean;
  /** `compatible` holds `shared-dma-pool`: CMA where it is reusable, a coherent pool otherwise. */
  readonly isPool: boolean;
  readonly reg: DtProperty | undefined;
  /** Entries of `reg`, those of size 0 included. Empty where `reg` is refused. */
  readonly entries: readonly ReservedEntry[];
  /** Bytes of `reg` that make no whole entry: the whole node is then skipped. */
  readonly rest: number;
}

export interface ReservedEntry {
  readonly start: bigint;
  readonly size: bigint;
  readonly source: SourceRange | undefined;
}

/** Undefined where the tree has no `/reserved-memory`. */
export const reservedMemory: (tree: DeviceTree) => ReservedMemory | undefined = oncePer(read);

/** The children that the kernel sets aside: enabled ones of a node that it does not ignore. */
export function readChildren(tree: DeviceTree): readonly ReservedChild[] {
  const found = reservedMemory(tree);
  return found === undefined || found.refused !== undefined ? [] : found.children.filter(({ isEnabled }) => isEnabled);
}

/** The memory of an entry; undefined for one of size 0 or that runs past 2^64. */
export function rangeOfEntry({ start, size }: ReservedEntry): AddressRange | undefined {
  const end = start + size - 1n;
  return size === 0n || end >= 1n << 64n ? undefined : { start, end };
}

function read(tree: DeviceTree): ReservedMemory | undefined {
  const node = tree.root.children.get('reserved-memory');
  if (node === undefined) return undefined;
  const counts = { address: addressCells(tree.root), size: sizeCells(tree.root) };
  const children = [...node.children.values()].map((child) => readChild(child, counts));
  return { node, path: nodePath(node), refused: formatProblem(tree, node), children };
}

interface Counts {
  readonly address: number;
  readonly size: number;
}

/** __reserved_mem_check_root. The root's counts are 1 and 1 where it has none (early_init_dt_scan_root). */
function formatProblem(tree: DeviceTree, node: DtNode): FormatProblem | undefined {
  for (const name of ['#size-cells', '#address-cells'] as const) {
    const property = node.properties.get(name);
    if (property?.data.broken === true) return undefined;
    const wanted = cellValue(tree.root, name) ?? 1;
    const value = cellValue(node, name);
    if (value === undefined) return { text: `it has no ${name}`, property };
    if (value !== wanted) return { text: `its ${name} is ${value}, and the root's is ${wanted}`, property };
  }
  return node.properties.has('ranges') ? undefined : { text: 'it has no ranges', property: undefined };
}

function readChild(node: DtNode, { address, size }: Counts): ReservedChild {
  const { properties } = node;
  const reg = properties.get('reg');
  const each = address + size;
  const bytes = reg?.data.bytes.length ?? 0;
  const rest = reg === undefined || reg.data.broken || each === 0 ? 0 : bytes % (each * 4);
  const compatible = properties.get('compatible');
  return {
    node,
    path: nodePath(node),
    source: node.definitions[0]?.name,
    isEnabled: isEnabled(node),
    noMap: properties.has('no-map'),
    reusable: properties.has('reusable'),
    isPool: compatible !== undefined && (strings(compatible)?.includes('shared-dma-pool') ?? false),
    reg,
    entries: reg === undefined || rest > 0 || each === 0 ? [] : entriesOf(reg, address, size),
    rest,
  };
}

function isEnabled(node: DtNode): boolean {
  const status = node.properties.get('status');
  const value = status && strings(status)?.[0];
  return status === undefined || value === 'okay' || value === 'ok';
}

function entriesOf(reg: DtProperty, address: number, size: number): ReservedEntry[] {
  const values = reg.data.broken ? undefined : cells(reg);
  const each = address + size;
  const entries: ReservedEntry[] = [];
  for (let at = 0; values !== undefined && at + each <= values.length; at += each) {
    entries.push({
      start: readNumber(values, at, address),
      size: readNumber(values, at + address, size),
      get source() {
        return cellsSource(reg, at, each);
      },
    });
  }
  return entries;
}
