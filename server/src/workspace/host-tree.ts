// A devicetree as the kernel shows it in /proc/device-tree, a directory a node and a file a property, as a tree. It needs no
// root to be read, which /sys/firmware/fdt does.
import { phandleOf, phandlesOf } from '../tree/fdt-read';
import type { DeviceTree, DtNode, DtProperty } from '../tree/model';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Node extends Mutable<DtNode> {
  children: Map<string, Node>;
  properties: Map<string, DtProperty>;
}

/** Deeper trees are refused, as fdt-read.ts does. */
const depthLimit = 200;

/** The tree of files by path (`soc/usb@1000/reg`); undefined for none, or where nodes are nested too deep. */
export function treeOfDirectory(files: ReadonlyMap<string, Uint8Array>): DeviceTree | undefined {
  if (files.size === 0) return undefined;
  const root = newNode('', undefined);
  // The directory's own order is lost; by address is the order in which most boards are written.
  for (const file of [...files.keys()].sort(byAddress)) {
    const parts = file.split('/');
    const name = parts.pop()!;
    if (parts.length > depthLimit) return undefined;
    let node = root;
    for (const part of parts) {
      let child = node.children.get(part);
      if (child === undefined) {
        child = newNode(part, node);
        node.children.set(part, child);
      }
      node = child;
    }
    // The kernel adds the node's name as a property where there is none.
    if (name !== 'name') addProperty(node, name, files.get(file)!);
  }
  setPhandles(root);
  return {
    root,
    memoryReservations: [],
    labels: new Map(),
    phandles: phandlesOf(root),
    bootCpu: 0,
    isPlugin: false,
  };
}

function newNode(name: string, parent: Node | undefined): Node {
  return { name, parent, children: new Map(), properties: new Map(), labels: [], phandle: undefined, definitions: [] };
}

function addProperty(node: Node, name: string, bytes: Uint8Array): void {
  node.properties.set(name, { name, node, labels: [], definitions: [], data: { bytes, parts: [], broken: false } });
}

function setPhandles(node: Node): void {
  node.phandle = phandleOf(node.properties);
  for (const child of node.children.values()) setPhandles(child);
}

function byAddress(one: string, other: string): number {
  const [a, b] = [one.split('/'), other.split('/')];
  for (let at = 0; at < a.length && at < b.length; at++) {
    if (a[at] !== b[at]) return compareNames(a[at]!, b[at]!);
  }
  return a.length - b.length;
}

function compareNames(one: string, other: string): number {
  const [a, b] = [unitAddress(one), unitAddress(other)];
  if (a !== b) return a < b ? -1 : 1;
  return one < other ? -1 : 1;
}

function unitAddress(name: string): bigint {
  const digits = /@([0-9a-f]{1,16})/i.exec(name)?.[1];
  return digits === undefined ? -1n : BigInt(`0x${digits}`);
}
