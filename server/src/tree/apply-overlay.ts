// Applies an overlay to a tree as fdtoverlay does. Both stay as they are; the result keeps the places of both.
// Linux scripts/dtc/libfdt/fdt_overlay.c fdt_overlay_apply.
import { cells, strings } from './cells';
import type {
  DeviceTree,
  DtNode,
  DtProperty,
  Label,
  NodeDefinition,
  Phandle,
  PropertyData,
  PropertyDefinition,
} from './model';
import { childByPath, nodeAt, nodePath } from './navigate';

/** The tree with the overlay applied, or why it does not apply. Nothing of an overlay that fails is applied. */
export function applyOverlay(
  base: DeviceTree,
  overlay: DeviceTree,
): { readonly tree: DeviceTree } | { readonly error: string } {
  let highest = 0;
  for (const phandle of base.phandles.keys()) highest = Math.max(highest, phandle);
  const fixes: Fixes = {
    patches: new Map(),
    moved: new Map(),
    labels: new Map(),
    kept: new Map(),
    phandleShift: highest,
  };
  const problem = fixBaseReferences(base, overlay, fixes) ?? fixLocalReferences(base, overlay, fixes);
  if (problem !== undefined) return { error: problem };

  const root = new MergedNode(base.root.name, undefined, fixes);
  root.absorb(base.root, 'base');
  const { labels } = fixes;
  const phandles = new Map<number, DtNode>();
  for (const [label, node] of base.labels) labels.set(label, fixes.moved.get(node) ?? node);
  for (const [phandle, node] of base.phandles) phandles.set(phandle, fixes.moved.get(node) ?? node);

  for (const fragment of overlay.root.children.values()) {
    const content = fragment.children.get('__overlay__');
    if (content === undefined) continue;
    const target = targetOf(fragment, root, phandles, fixes);
    if (!(target instanceof MergedNode))
      return { error: `the target of ${nodePath(fragment)} is not in the base tree` };
    target.absorb(content, 'overlay');
  }
  for (const [label, node] of overlay.labels) {
    const moved = fixes.moved.get(node);
    if (moved !== undefined) labels.set(label, moved);
  }
  for (const [phandle, node] of overlay.phandles) {
    const moved = fixes.moved.get(node);
    if (moved !== undefined) phandles.set(movedPhandle(phandle, fixes), moved);
  }
  addSymbols(overlay, root, fixes);
  const { memoryReservations, bootCpu, isPlugin } = base;
  return { tree: { root, memoryReservations, labels, phandles, bootCpu, isPlugin } };
}

interface Fixes {
  /** Cells of the overlay's properties with their values in the result. */
  readonly patches: Map<DtProperty, Map<number, number>>;
  /** Nodes of both trees and the nodes of the result that they went into. */
  readonly moved: Map<DtNode, MergedNode>;
  /** Of the result. */
  readonly labels: Map<string, DtNode>;
  /** Phandles of the overlay for nodes that have one in the base already, and that one. */
  readonly kept: Map<number, number>;
  /** The overlay's own phandles are counted from here on. */
  readonly phandleShift: number;
}

class MergedNode implements DtNode {
  readonly children = new Map<string, MergedNode>();
  readonly properties = new Map<string, MergedProperty>();
  readonly labels: Label[] = [];
  phandle: Phandle | undefined = undefined;
  private readonly origins: DtNode[] = [];

  constructor(
    readonly name: string,
    readonly parent: MergedNode | undefined,
    private readonly fixes: Fixes,
  ) {}

  get definitions(): readonly NodeDefinition[] {
    return this.origins.flatMap(({ definitions }) => definitions);
  }

  /** Takes in a node with all below it: properties replace those of the same name, nodes of the same name are merged. */
  absorb(origin: DtNode, from: 'base' | 'overlay'): void {
    this.origins.push(origin);
    this.fixes.moved.set(origin, this);
    this.labels.push(...origin.labels);
    for (const property of origin.properties.values()) {
      this.property(property.name).absorb(property);
    }
    if (this.phandle === undefined && origin.phandle !== undefined) {
      this.phandle = (from === 'overlay' ? movedPhandle(origin.phandle, this.fixes) : origin.phandle) as Phandle;
    }
    for (const child of origin.children.values()) this.child(child.name).absorb(child, from);
  }

  child(name: string): MergedNode {
    let child = this.children.get(name);
    if (child === undefined) {
      child = new MergedNode(name, this, this.fixes);
      this.children.set(name, child);
    }
    return child;
  }

  property(name: string): MergedProperty {
    let found = this.properties.get(name);
    if (found === undefined) {
      found = new MergedProperty(name, this, this.fixes);
      this.properties.set(name, found);
    }
    return found;
  }
}

class MergedProperty implements DtProperty {
  readonly labels: Label[] = [];
  private readonly origins: DtProperty[] = [];
  private value: PropertyData | undefined;

  constructor(
    readonly name: string,
    readonly node: MergedNode,
    private readonly fixes: Fixes,
  ) {}

  get definitions(): readonly PropertyDefinition[] {
    return this.origins.flatMap(({ definitions }) => definitions);
  }

  get data(): PropertyData {
    this.value ??= patchedData(this.origins.at(-1)!, this.fixes);
    return this.value;
  }

  absorb(origin: DtProperty): void {
    this.origins.push(origin);
    this.labels.push(...origin.labels);
    this.value = undefined;
  }

  /** A value that neither tree has. */
  set(bytes: Uint8Array): void {
    this.value = { bytes, parts: [], broken: false };
  }
}

/** A property's value with the references that the overlay leaves open filled in. */
function patchedData(property: DtProperty, { patches, moved, labels }: Fixes): PropertyData {
  const { data } = property;
  const patch = patches.get(property);
  const bytes = patch === undefined ? data.bytes : Uint8Array.from(data.bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [offset, value] of patch ?? []) view.setUint32(offset, value);
  const parts = data.parts.map((part) => {
    const { reference } = part;
    if (reference === undefined) return part;
    const target = reference.target === undefined ? labels.get(reference.text) : moved.get(reference.target);
    return { ...part, reference: { text: reference.text, target: target ?? reference.target } };
  });
  // A reference that waits for its base makes a value unreadable for as long as it waits.
  const open = data.parts.filter(({ reference }) => reference !== undefined && reference.target === undefined);
  const isFilled = open.length > 0 && open.every(({ offset }) => patch?.has(offset) === true);
  return { ...data, bytes, parts, broken: data.broken && !isFilled };
}

/** overlay_adjust_local_phandles and overlay_update_local_references: the overlay's own phandles move out of the base's way. */
function fixLocalReferences(base: DeviceTree, { root }: DeviceTree, fixes: Fixes): string | undefined {
  for (const fragment of root.children.values()) {
    const content = fragment.children.get('__overlay__');
    const target = content && targetOf(fragment, base.root, base.phandles, fixes);
    if (content !== undefined && target !== undefined) keepPhandles(content, target, fixes);
  }
  adjustPhandles(root, fixes);
  const places = root.children.get('__local_fixups__');
  return places === undefined ? undefined : shiftReferences(places, root, fixes);
}

/** overlay_prevent_phandle_overwrite: a node keeps the phandle by which the base knows it. */
function keepPhandles(node: DtNode, target: DtNode, fixes: Fixes): void {
  if (node.phandle !== undefined && target.phandle !== undefined) fixes.kept.set(node.phandle, target.phandle);
  for (const child of node.children.values()) {
    const existing = target.children.get(child.name);
    if (existing !== undefined) keepPhandles(child, existing, fixes);
  }
}

function movedPhandle(phandle: number, { kept, phandleShift }: Fixes): number {
  return kept.get(phandle) ?? phandle + phandleShift;
}

function adjustPhandles(node: DtNode, fixes: Fixes): void {
  for (const property of node.properties.values()) {
    const phandle = isPhandleProperty(property) ? cellAt(property, 0) : undefined;
    if (phandle !== undefined) setPatch(fixes, property, 0, movedPhandle(phandle, fixes));
  }
  for (const child of node.children.values()) adjustPhandles(child, fixes);
}

/** The nodes below `__local_fixups__` mirror the overlay; a property there lists offsets of references. */
function shiftReferences(places: DtNode, node: DtNode, fixes: Fixes): string | undefined {
  for (const offsets of places.properties.values()) {
    const property = node.properties.get(offsets.name);
    for (const offset of cells(offsets) ?? []) {
      const value = property && cellAt(property, offset);
      if (property === undefined || value === undefined)
        return `its __local_fixups__ name no cell at ${nodePath(node)}:${offsets.name}`;
      setPatch(fixes, property, offset, movedPhandle(value, fixes));
    }
  }
  for (const child of places.children.values()) {
    const target = node.children.get(child.name);
    if (target === undefined) return `its __local_fixups__ name a node ${child.name} that it does not have`;
    const problem = shiftReferences(child, target, fixes);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** overlay_fixup_phandles: `label = "/path:property:offset", …` */
function fixBaseReferences(base: DeviceTree, overlay: DeviceTree, fixes: Fixes): string | undefined {
  for (const fixup of overlay.root.children.get('__fixups__')?.properties.values() ?? []) {
    const target = labelledNode(base, fixup.name);
    if (target === undefined) return `the base tree has no label "${fixup.name}"`;
    if (target.phandle === undefined) return `the node with the label "${fixup.name}" has no phandle in the base tree`;
    for (const place of strings(fixup) ?? []) {
      const [, path, name, offset] = /^(.*):([^:]*):(\d+)$/.exec(place) ?? [];
      const property = nodeAt(overlay, path ?? '')?.properties.get(name ?? '');
      if (property === undefined || cellAt(property, Number(offset)) === undefined) {
        return `its __fixups__ name "${place}", where it has no cell`;
      }
      setPatch(fixes, property, Number(offset), target.phandle);
    }
  }
  return undefined;
}

/** By the sources' labels, or by what `__symbols__` keeps of them. */
function labelledNode(tree: DeviceTree, label: string): DtNode | undefined {
  const known = tree.labels.get(label);
  if (known !== undefined) return known;
  const symbol = tree.root.children.get('__symbols__')?.properties.get(label);
  const [path] = (symbol && strings(symbol)) ?? [];
  return path === undefined ? undefined : nodeAt(tree, path);
}

/** overlay_get_target: `target`, a phandle, or `target-path`. */
function targetOf(
  fragment: DtNode,
  root: DtNode,
  phandles: ReadonlyMap<number, DtNode>,
  { patches }: Fixes,
): DtNode | undefined {
  const byPhandle = fragment.properties.get('target');
  if (byPhandle !== undefined) return phandles.get(patches.get(byPhandle)?.get(0) ?? cellAt(byPhandle, 0) ?? 0);
  const byPath = fragment.properties.get('target-path');
  const [path] = (byPath && strings(byPath)) ?? [];
  return path === undefined ? undefined : childByPath(root, path);
}

/** overlay_symbol_update: the overlay's own symbols, their paths led through the fragments' targets. */
function addSymbols(overlay: DeviceTree, root: MergedNode, { moved }: Fixes): void {
  const symbols = overlay.root.children.get('__symbols__');
  if (symbols === undefined || !root.children.has('__symbols__')) return;
  for (const symbol of symbols.properties.values()) {
    const node = nodeAt(overlay, strings(symbol)?.[0] ?? '');
    const target = node && moved.get(node);
    if (target === undefined) continue;
    root
      .child('__symbols__')
      .property(symbol.name)
      .set(new TextEncoder().encode(`${nodePath(target)}\0`));
  }
}

function setPatch({ patches }: Fixes, property: DtProperty, offset: number, value: number): void {
  let patch = patches.get(property);
  if (patch === undefined) {
    patch = new Map();
    patches.set(property, patch);
  }
  patch.set(offset, value >>> 0);
}

function cellAt({ data: { bytes } }: DtProperty, offset: number): number | undefined {
  if (offset + 4 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}

function isPhandleProperty({ name }: DtProperty): boolean {
  return name === 'phandle' || name === 'linux,phandle';
}
