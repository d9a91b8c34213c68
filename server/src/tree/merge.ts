// Blocks into one tree, in source order, as scripts/dtc/livetree.c does it. dtc takes the first block of a node as it
// is and merges every later one into it, which shows in corners: a deletion inside of a first block deletes nothing
// (but keeps the name's place), and twice the same name is an error in a first block alone.
import { internName } from '../preprocess/names';
import { tokenName } from '../preprocess/token-stream';
import { Shape } from '../syntax/shape';
import type {
  DeleteNodeSyntax,
  DeletePropertySyntax,
  MemberSyntax,
  NodeSyntax,
  OmitNodeSyntax,
  PropertySyntax,
  TopLevelItem,
} from '../syntax/syntax-tree';
import type { SourceRange } from '../text/source-file';
import { referenceText } from './decode';
import { badForNode, badForProperty, nameFlags } from './bad-names';
import { inspectValue } from './inspect-value';
import { findReference, type MergeState, nameRange, report, tokenAt } from './merge-state';
import { reservation } from './reservations';
import { plainValue, SourceLabel, SourceNode, SourceProperty } from './source-tree';

export function mergeItem(state: MergeState, item: TopLevelItem): void {
  switch (item.kind) {
    case 'node':
      mergeTopLevel(state, item);
      // A block by reference inside of another is an error that the parser reports; it is meant for the top level.
      for (let nested = state.nested.shift(); nested !== undefined; nested = state.nested.shift()) {
        mergeTopLevel(state, nested);
      }
      break;
    case 'delete-node':
      deleteReferenced(state, item);
      break;
    case 'omit-if-no-ref':
      omitReferenced(state, item);
      break;
    case 'memreserve':
      state.memoryReservations.push(reservation(state, item));
      break;
  }
}

function mergeTopLevel(state: MergeState, syntax: NodeSyntax): void {
  switch (state.tokens.shape.charCodeAt(syntax.name)) {
    case Shape.slash:
      if (state.isStarted) mergeNode(state, state.root, syntax);
      else fillNode(state, state.root, syntax);
      state.isStarted = true;
      break;
    case Shape.labelReference:
    case Shape.pathReference:
      mergeReferenced(state, syntax);
      break;
    case Shape.name:
      // Reported by the parser; most likely the root's brace was closed too early.
      mergeChild(state, state.root, syntax);
      break;
  }
}

/** `&label { … };`, `&{/path} { … };`, with or without a label before it. */
function mergeReferenced(state: MergeState, syntax: NodeSyntax): void {
  const text = referenceText(state.tokens, syntax.name);
  const isPath = state.tokens.shape.charCodeAt(syntax.name) === Shape.pathReference;
  const mayBeFragment = state.isPlugin && syntax.labels.length === 0;
  if (state.isPlugin && isRelative(text)) {
    const message = `&{${text}} is a path below a label, which an overlay cannot name: dtc refuses the source`;
    report(state, 'overlay-path-reference', { range: tokenAt(state, syntax.name), message });
    state.lost.push(syntax);
    return;
  }
  // In an overlay a path is always one of the base tree; a label may be one if it is not here.
  const target = state.isStarted && !(mayBeFragment && isPath) ? findReference(state, text) : undefined;
  if (target !== undefined) {
    for (const label of syntax.labels) addLabel(state, target, new SourceLabel(state.tokens, label), 'first');
    mergeNode(state, target, syntax, true);
  } else if (mayBeFragment) {
    addFragment(state, text, syntax);
  } else {
    reportUnresolved(state, syntax.name, 'the block is left out of the tree');
    state.lost.push(syntax);
  }
}

/** dtc-parser.y is_ref_relative. */
function isRelative(text: string): boolean {
  return !text.startsWith('/') && text.indexOf('/', 1) > 0;
}

/** A block for a node of the base tree becomes a fragment: livetree.c add_orphan_node. */
function addFragment(state: MergeState, text: string, syntax: NodeSyntax): void {
  const { root } = state;
  state.isStarted = true;
  let name = `fragment@${state.fragments++}`;
  const existing = root.liveChild(name);
  if (existing !== undefined) {
    state.duplicates.push({ item: existing, token: syntax.name, first: nameRange(existing) });
    while (root.children.has(name)) name = `fragment@${state.fragments++}`;
  }
  const fragment = new SourceNode(root.context, name, root);
  // The reference stands for the property's value: a cell, or for a path the string itself.
  const cells = { kind: 'cells', bits: -1, first: syntax.name - 1, last: syntax.name } as const;
  const written = { kind: 'property', labels: [], name: syntax.name, values: [cells], broken: false } as const;
  const value: PropertySyntax = { ...written, first: syntax.name, last: syntax.name };
  const target = new SourceProperty(text.startsWith('/') ? 'target-path' : 'target', fragment, value);
  if (text.startsWith('/')) target.setValue(plainValue(Buffer.from(`${text}\0`, 'latin1')));
  else target.hasReferences = fragment.hasReferences = true;
  fragment.setProperty(target);
  const overlay = new SourceNode(root.context, '__overlay__', fragment);
  fragment.setChild(overlay);
  root.children.delete(name);
  root.setChild(fragment);
  fillNode(state, overlay, syntax);
}

// ---- A first block

function fillNode(state: MergeState, node: SourceNode, syntax: NodeSyntax): void {
  node.addSyntax(syntax);
  for (const label of syntax.labels) addLabel(state, node, new SourceLabel(state.tokens, label), 'last');
  if (syntax.omitIfNoRef) setOmittable(state, node);
  for (const member of syntax.members) fillMember(state, node, member);
}

function fillMember(state: MergeState, node: SourceNode, member: MemberSyntax): void {
  const name = tokenName(state.tokens, member.name);
  switch (member.kind) {
    case 'property': {
      const existing = node.properties.get(name);
      if (existing?.isDeleted === false) {
        state.duplicates.push({ item: existing, token: member.name, first: nameRange(existing) });
        redefine(state, existing, member);
        break;
      }
      const added = addProperty(state, node, name, member);
      if (existing !== undefined) added.isShadowed = true;
      break;
    }
    case 'node': {
      if (isNested(state, member)) break;
      const existing = node.children.get(name);
      if (existing?.isDeleted === false) {
        state.duplicates.push({ item: existing, token: member.name, first: nameRange(existing) });
        mergeNode(state, existing, member);
        break;
      }
      const added = addChild(state, node, name, member);
      if (existing !== undefined) added.twin = 'before';
      break;
    }
    case 'delete-property':
      if (!node.properties.has(name)) {
        if (name === 'name') state.withName.push(node);
        const place = new SourceProperty(name, node, undefined);
        place.isDeleted = true;
        node.setProperty(place);
        state.pruned.add(node);
      }
      break;
    case 'delete-node': {
      const existing = node.children.get(name);
      if (existing?.isDeleted === false) {
        const first = nameRange(existing);
        state.duplicates.push({ item: existing, token: member.name, first, byDeletion: true });
        existing.twin ??= 'behind';
      } else if (existing === undefined) {
        const place = new SourceNode(node.context, name, node);
        place.isDeleted = true;
        place.isParentless = true;
        node.setChild(place);
        state.pruned.add(node);
      } else {
        existing.twin = 'behind';
      }
      break;
    }
  }
}

// ---- Later blocks

/** livetree.c merge_nodes. Labels of a block by reference have been added to its target already. */
function mergeNode(state: MergeState, node: SourceNode, syntax: NodeSyntax, byReference = false): void {
  node.isDeleted = false;
  node.addSyntax(syntax);
  if (!byReference) {
    for (const label of syntax.labels) addLabel(state, node, new SourceLabel(state.tokens, label), 'first');
  }
  for (const member of syntax.members) mergeMember(state, node, member);
}

function mergeMember(state: MergeState, node: SourceNode, member: MemberSyntax): void {
  switch (member.kind) {
    case 'property':
      mergeProperty(state, node, member);
      break;
    case 'node':
      if (!isNested(state, member)) mergeChild(state, node, member);
      break;
    case 'delete-property':
      deletePropertyByName(state, node, member);
      break;
    case 'delete-node':
      deleteChildByName(state, node, member);
      break;
  }
}

function mergeProperty(state: MergeState, node: SourceNode, syntax: PropertySyntax): void {
  const name = tokenName(state.tokens, syntax.name);
  const existing = node.properties.get(name);
  if (existing === undefined) {
    addProperty(state, node, name, syntax);
    return;
  }
  // dtc finds the deletion that stands before the property first, and brings that to life beside it.
  if (existing.isShadowed && !existing.isDeleted)
    state.duplicates.push({ item: existing, token: syntax.name, first: nameRange(existing) });
  redefine(state, existing, syntax);
}

function mergeChild(state: MergeState, parent: SourceNode, syntax: NodeSyntax): void {
  const name = tokenName(state.tokens, syntax.name);
  const existing = parent.children.get(name);
  if (existing === undefined) {
    addChild(state, parent, name, syntax);
    return;
  }
  // dtc brings the deletion that comes first to life, or the first of two that were deleted: then there are two.
  const byDeletion = existing.isDeleted && existing.twin === 'behind';
  if (byDeletion || (existing.twin === 'before' && !existing.isDeleted)) {
    state.duplicates.push({ item: existing, token: syntax.name, first: nameRange(existing), byDeletion });
  }
  mergeNode(state, existing, syntax);
}

/** A block by reference inside of another block. */
function isNested(state: MergeState, syntax: NodeSyntax): boolean {
  if (state.tokens.shape.charCodeAt(syntax.name) === Shape.name) return false;
  state.nested.push(syntax);
  return true;
}

// ---- Nodes and properties

const phandleName = internName('phandle');
const legacyPhandleName = internName('linux,phandle');
const nameName = internName('name');

function addProperty(state: MergeState, node: SourceNode, name: string, syntax: PropertySyntax): SourceProperty {
  const property = new SourceProperty(name, node, syntax);
  node.properties.delete(name);
  node.setProperty(property);
  noteName(state, property, state.tokens.name[syntax.name]!);
  if (syntax.labels.length > 0) addPropertyLabels(state, property, syntax, 'last');
  if (syntax.values.length > 0) inspectValue(state, property, syntax);
  return property;
}

function noteName(state: MergeState, property: SourceProperty, number: number): void {
  if (number === phandleName || number === legacyPhandleName) state.withPhandle.push(property.node);
  else if (number === nameName) state.withName.push(property.node);
  if ((nameFlags(number, property.name) & badForProperty) !== 0) state.badNames.push(property);
}

function redefine(state: MergeState, property: SourceProperty, syntax: PropertySyntax): void {
  property.redefine(syntax);
  property.hasReferences = false;
  noteName(state, property, state.tokens.name[syntax.name]!);
  if (syntax.labels.length > 0) addPropertyLabels(state, property, syntax, 'first');
  if (syntax.values.length > 0) inspectValue(state, property, syntax);
}

function addPropertyLabels(
  state: MergeState,
  property: SourceProperty,
  syntax: PropertySyntax,
  place: 'first' | 'last',
): void {
  for (const token of syntax.labels) {
    const label = new SourceLabel(state.tokens, token);
    if (property.labels.some(({ name }) => name === label.name)) continue;
    property.labels = place === 'first' ? [label, ...property.labels] : [...property.labels, label];
  }
  state.labelled.push(property);
}

function addChild(state: MergeState, parent: SourceNode, name: string, syntax: NodeSyntax): SourceNode {
  const child = new SourceNode(parent.context, name, parent);
  if (parent.children.has(name)) parent.children.delete(name);
  parent.setChild(child);
  if ((nameFlags(state.tokens.name[syntax.name]!, name) & badForNode) !== 0) state.badNames.push(child);
  fillNode(state, child, syntax);
  return child;
}

/** livetree.c add_label: before the others, where a later block brings it. */
function addLabel(state: MergeState, node: SourceNode, label: SourceLabel, place: 'first' | 'last'): void {
  if (node.labels.some(({ name }) => name === label.name)) return;
  node.labels =
    node.labels.length === 0 ? [label] : place === 'first' ? [label, ...node.labels] : [...node.labels, label];
  node.wasLabelled = true;
  if (state.labels.has(label.name)) state.ambiguousLabels.add(label.name);
  else state.labels.set(label.name, node);
}

function setOmittable(state: MergeState, node: SourceNode): void {
  if (!node.omitIfNoRef) state.omittable.push(node);
  node.omitIfNoRef = true;
}

// ---- Deletions

function deleteReferenced(state: MergeState, { name }: DeleteNodeSyntax): void {
  const target = findReference(state, referenceText(state.tokens, name));
  if (target === undefined) reportUnresolved(state, name, 'there is nothing to delete');
  else deleteNamed(state, target, name);
}

function omitReferenced(state: MergeState, { name }: OmitNodeSyntax): void {
  const target = findReference(state, referenceText(state.tokens, name));
  if (target === undefined) reportUnresolved(state, name, 'there is nothing to omit');
  else setOmittable(state, target);
}

function deletePropertyByName(state: MergeState, node: SourceNode, { name }: DeletePropertySyntax): void {
  const property = node.properties.get(tokenName(state.tokens, name));
  if (property === undefined || property.isDeleted || property.isShadowed) return;
  noteHalfDeleted(state, property);
  property.isDeleted = true;
  property.labels = [];
  state.pruned.add(node);
}

function deleteChildByName(state: MergeState, parent: SourceNode, { name }: DeleteNodeSyntax): void {
  const child = parent.children.get(tokenName(state.tokens, name));
  if (child === undefined || child.isDeleted || child.twin === 'before') return;
  deleteNamed(state, child, name);
}

function deleteNamed(state: MergeState, node: SourceNode, token: number): void {
  noteHalfDeleted(state, node);
  deleteNode(state, node, tokenAt(state, token));
}

function noteHalfDeleted(state: MergeState, item: SourceNode | SourceProperty): void {
  if (state.duplicates.some((each) => each.item === item && each.byDeletion !== true)) state.halfDeleted.add(item);
}

/** livetree.c delete_node: all below goes as well, so that nothing of it is left if the node comes back. */
export function deleteNode(state: MergeState, node: SourceNode, at: SourceRange | undefined): void {
  node.isDeleted = true;
  if (node.twin === 'before') node.twin = 'behind';
  state.pruned.add(node);
  if (node.parent !== undefined) state.pruned.add(node.parent);
  for (const child of node.children.values()) if (!child.isDeleted) deleteNode(state, child, at);
  for (const property of node.properties.values()) {
    property.isDeleted = true;
    property.isShadowed = false;
    property.labels = [];
  }
  for (const label of node.labels) {
    if (at === undefined) state.omittedLabels.set(label.name, node);
    else state.deletedLabels.set(label.name, { label, at });
    if (state.labels.get(label.name) === node) state.labels.delete(label.name);
  }
  node.labels = [];
}

/** What was written after `&` leads nowhere. */
export function reportUnresolved(state: MergeState, token: number, consequence: string, node?: SourceNode): void {
  const text = referenceText(state.tokens, token);
  const isPath = text.includes('/');
  const message = isPath ? `No node has the path ${text}` : `No node has the label ${text}`;
  const deletion = state.deletedLabels.get(text);
  const evidence = deletion
    ? [
        { range: deletion.label.source, message: `the label ${text} stood here` },
        { range: deletion.at, message: 'the node is deleted here' },
      ]
    : [];
  const range = tokenAt(state, token);
  const whole = `${message}: ${consequence}, and dtc refuses the source`;
  report(state, 'unresolved-reference', { range, node, message: whole, evidence });
}
