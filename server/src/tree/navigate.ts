// Finding nodes and properties in a tree, and what a bus says of its children. Pure reads; a path is dtc's: full names
// with unit addresses, separated by '/'.
import type { DeviceTree, DtNode, DtProperty } from './model';
import { strings } from './cells';

export function property(node: DtNode, name: string): DtProperty | undefined {
  return node.properties.get(name);
}

/** `/soc/pcie@10000000`; the root is `/`. */
export function nodePath(node: DtNode): string {
  let path = '';
  for (let at: DtNode = node; at.parent !== undefined; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}

/** The node at a path below `node`; empty components are skipped, so that `/a//b/` is `a/b`. */
export function childByPath(node: DtNode, path: string): DtNode | undefined {
  let at: DtNode | undefined = node;
  let from = 0;
  while (at !== undefined && from < path.length) {
    let to = path.indexOf('/', from);
    if (to < 0) to = path.length;
    if (to > from) at = at.children.get(path.slice(from, to));
    from = to + 1;
  }
  return at;
}

/** The node at an absolute path (`/` is the root); undefined for a path that does not start with `/`. */
export function nodeAt(tree: DeviceTree, path: string): DtNode | undefined {
  return path.startsWith('/') ? childByPath(tree.root, path) : undefined;
}

/** What `&text` or `&{text}` means: a label, an absolute path, or a label with a path below it (scripts/dtc get_node_by_ref). */
export function nodeByReference(tree: DeviceTree, text: string): DtNode | undefined {
  if (text.startsWith('/')) return nodeAt(tree, text);
  const slash = text.indexOf('/');
  if (slash < 0) return tree.labels.get(text);
  const base = tree.labels.get(text.slice(0, slash));
  return base && childByPath(base, text.slice(slash + 1));
}

export function nodeByPhandle(tree: DeviceTree, phandle: number): DtNode | undefined {
  return tree.phandles.get(phandle);
}

/** The name without its unit address: `pcie` of `pcie@10000000`. */
export function baseName(node: DtNode): string {
  const at = node.name.indexOf('@');
  return at < 0 ? node.name : node.name.slice(0, at);
}

/** What stands behind the `@`; undefined where there is none. */
export function unitAddress(node: DtNode): string | undefined {
  const at = node.name.indexOf('@');
  return at < 0 ? undefined : node.name.slice(at + 1);
}

/** The node and all below it, parents before children, in tree order. */
export function* descendants(node: DtNode): Generator<DtNode> {
  yield node;
  for (const child of node.children.values()) yield* descendants(child);
}

/** Calls `visit` for the node and all below it, parents first; the fast form of `descendants`. */
export function walk(node: DtNode, visit: (node: DtNode) => void): void {
  visit(node);
  for (const child of node.children.values()) walk(child, visit);
}

/**
 * How many cells an address of a *child* of `bus` has. Linux looks upwards where the bus does not say, and takes 1 at the
 * root: drivers/of/base.c of_bus_n_addr_cells.
 */
export function addressCells(bus: DtNode): number {
  return inheritedCell(bus, '#address-cells') ?? 1;
}

/** How many cells a size of a *child* of `bus` has: drivers/of/base.c of_bus_n_size_cells. */
export function sizeCells(bus: DtNode): number {
  return inheritedCell(bus, '#size-cells') ?? 1;
}

function inheritedCell(bus: DtNode, name: string): number | undefined {
  for (let at: DtNode | undefined = bus; at !== undefined; at = at.parent) {
    const value = cellValue(at, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The first cell of a property; undefined where it is absent or shorter than a cell (of_property_read_u32). */
export function cellValue(node: DtNode, name: string): number | undefined {
  const found = node.properties.get(name);
  if (found === undefined) return undefined;
  const { bytes } = found.data;
  return bytes.length < 4 ? undefined : ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** The first string of a property; undefined where it is absent or no string list. */
export function stringValue(node: DtNode, name: string): string | undefined {
  const found = node.properties.get(name);
  return found && strings(found)?.[0];
}

/** The strings of `compatible`, the most specific first. */
export function compatibles(node: DtNode): readonly string[] {
  const found = node.properties.get('compatible');
  return (found && strings(found)) ?? [];
}

/** Whether `compatible` holds the string; case is ignored, as of_compat_cmp does. */
export function isCompatible(node: DtNode, compatible: string): boolean {
  const wanted = compatible.toLowerCase();
  return compatibles(node).some((each) => each.toLowerCase() === wanted);
}

/** No `status`, or `okay`, or `ok`: drivers/of/base.c __of_device_is_available. */
export function isAvailable(node: DtNode): boolean {
  const status = node.properties.get('status');
  if (status === undefined) return true;
  const value = strings(status)?.[0];
  return value === 'okay' || value === 'ok';
}
