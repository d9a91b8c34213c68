// What dtc adds behind the checks: `__symbols__` under -@, and for an overlay `__fixups__` and `__local_fixups__`
// (scripts/dtc/livetree.c generate_label_tree, generate_fixups_tree, generate_local_fixups_tree).
import type { SourceRange } from '../text/source-file';
import type { PropertyData, ValuePart } from './model';
import { findReference, type MergeState, report } from './merge-state';
import { nodePath } from './navigate';
import { ensurePhandle, type Phandles } from './references';
import { plainValue, SourceNode, SourceProperty } from './source-tree';

/** A property with the path of each labelled node; every labelled node gets a phandle. */
export function addSymbols(state: MergeState, phandles: Phandles): void {
  if (!someNode(state.root, (node) => node.wasLabelled)) return;
  const symbols = rootNode(state, '__symbols__');
  visit(state.root);

  function visit(node: SourceNode): void {
    if (node.wasLabelled) {
      for (const { name } of node.labels) {
        if (!symbols.properties.has(name)) add(symbols, name, Buffer.from(`${nodePath(node)}\0`, 'latin1'));
      }
      ensurePhandle(phandles, node);
    }
    for (const child of node.children.values()) visit(child);
  }
}

/** Cells that refer to nodes of the base tree, by label, and cells that refer to nodes of the overlay, by place. */
export function addFixups(state: MergeState): void {
  const open: { node: SourceNode; property: SourceProperty; part: ValuePart; label: string }[] = [];
  const local: { node: SourceNode; property: SourceProperty; part: ValuePart }[] = [];
  // As dtc does, the symbols that have just been added are looked through as well: they refer to nothing.
  someNode(state.root, (node) => {
    if (!node.hasReferences) return false;
    for (const property of node.properties.values()) {
      if (!property.hasReferences) continue;
      for (const part of property.data.parts) {
        if (part.kind !== 'phandle' || part.reference === undefined) continue;
        // A node that was omitted is not found any more, though the cell holds its phandle.
        const { text } = part.reference;
        if (findReference(state, text) !== undefined) local.push({ node, property, part });
        else if (!text.includes('/')) open.push({ node, property, part, label: text });
        else reportPath(state, node, text, part.source);
      }
    }
    return false;
  });
  if (open.length > 0) {
    const fixups = rootNode(state, '__fixups__');
    for (const { node, property, part, label } of open) {
      append(fixups, label, Buffer.from(`${nodePath(node)}:${property.name}:${part.offset}\0`, 'latin1'));
    }
  }
  if (local.length > 0) {
    const fixups = rootNode(state, '__local_fixups__');
    for (const { node, property, part } of local) {
      const { offset } = part;
      append(mirror(fixups, node), property.name, Uint8Array.of(offset >>> 24, offset >>> 16, offset >>> 8, offset));
    }
  }
}

function reportPath(state: MergeState, node: SourceNode, path: string, range: SourceRange): void {
  const message = `No node of this overlay has the path ${path}, and there is no fixup for paths of the base tree: dtc refuses the source`;
  report(state, 'overlay-path-reference', { range, node, message });
}

function rootNode(state: MergeState, name: string): SourceNode {
  return state.root.children.get(name) ?? addNode(state.root, name);
}

/** The node below `fixups` that stands for `node`. */
function mirror(fixups: SourceNode, node: SourceNode): SourceNode {
  if (node.parent === undefined || node.isParentless) return fixups;
  const parent = mirror(fixups, node.parent);
  return parent.children.get(node.name) ?? addNode(parent, node.name);
}

function addNode(parent: SourceNode, name: string): SourceNode {
  const node = new SourceNode(parent.context, name, parent);
  parent.setChild(node);
  return node;
}

function append(node: SourceNode, name: string, bytes: Uint8Array): void {
  const existing = node.properties.get(name);
  if (existing === undefined) {
    add(node, name, bytes);
    return;
  }
  const { data } = existing;
  const joined: PropertyData = {
    ...plainValue(Buffer.concat([data.bytes, bytes])),
    parts: data.parts,
    broken: data.broken,
  };
  existing.setValue(joined);
}

function add(node: SourceNode, name: string, bytes: Uint8Array): void {
  const property = new SourceProperty(name, node, undefined);
  property.setValue(plainValue(bytes));
  node.setProperty(property);
}

/** Whether some node, parents first, passes the test; nodes that the test adds are not visited by accident but by order. */
function someNode(node: SourceNode, test: (node: SourceNode) => boolean): boolean {
  if (test(node)) return true;
  for (const child of node.children.values()) if (someNode(child, test)) return true;
  return false;
}
