// dtc's checks that make a source an error (ERROR in scripts/dtc/checks.c) and are about names and labels, for the merged
// tree. What they look at has been noted while merging, so a good tree costs nothing here.
import { visitValueLabels } from '../syntax/values';
import { tokenName } from '../preprocess/token-stream';
import type { Evidence } from '../text/diagnostic';
import type { SourceRange } from '../text/source-file';
import { evidenceAt, labelHolder, type MergeState, nameRange, report, tokenAt } from './merge-state';
import { baseName, nodePath } from './navigate';
import { SourceNode, type SourceProperty } from './source-tree';

export function checkNames(state: MergeState): void {
  for (const { item, token, first, byDeletion } of state.duplicates) {
    if (!isLive(item) && !(state.halfDeleted.has(item) && !parentOf(item)?.isDeleted)) continue;
    const isNode = item instanceof SourceNode;
    const what = isNode ? 'node' : 'property';
    report(state, isNode ? 'duplicate-node' : 'duplicate-property', {
      range: tokenAt(state, token),
      node: isNode ? item : item.node,
      message:
        byDeletion === true
          ? `The deletion stands in the block that defines ${item.name} first, where it deletes nothing: dtc refuses the source`
          : `The block holds a ${what} ${item.name} already: dtc refuses the source`,
      evidence: evidenceAt(first, `the other ${item.name}`),
    });
  }
  for (const item of new Set(state.badNames)) if (isLive(item)) checkCharacters(state, item);
  for (const node of new Set(state.withName)) if (!node.isDeleted) checkNameProperty(state, node);
}

function parentOf(item: SourceNode | SourceProperty): SourceNode | undefined {
  return item instanceof SourceNode ? item.parent : item.node;
}

function isLive(item: SourceNode | SourceProperty): boolean {
  return !item.isDeleted && (item instanceof SourceNode || !item.node.isDeleted);
}

/** node_name_chars, node_name_format, property_name_chars. */
function checkCharacters(state: MergeState, item: SourceNode | SourceProperty): void {
  const { name } = item;
  if (!(item instanceof SourceNode)) {
    const message = `The property name ${name} holds an @, which property names cannot have: dtc refuses the source`;
    report(state, 'bad-property-name', { range: nameRange(item), node: item.node, message });
    return;
  }
  const bad = /[*#?]/.exec(name);
  const message = bad
    ? `The node name ${name} holds the character ${bad[0]}, which node names cannot have: dtc refuses the source`
    : `The node name ${name} holds more than one @: dtc refuses the source`;
  report(state, 'bad-node-name', { range: nameRange(item), node: item, message });
}

/** name_is_string, name_properties: a right one is redundant and goes, a wrong one is an error. */
function checkNameProperty(state: MergeState, node: SourceNode): void {
  // dtc looks at deleted ones as well, and at the deletion that a first block holds.
  const property = node.properties.get('name');
  if (property === undefined || property.syntax?.broken === true) return;
  const range = property.definitions.at(-1)?.name;
  if (property.syntax === undefined || property.isShadowed) {
    const message =
      'The deletion of name in the block that defines the node first counts as a wrong name: dtc refuses the source';
    report(state, 'bad-name-property', { range: range ?? nameRange(node), node, message });
    return;
  }
  const { bytes } = property.data;
  if (Buffer.from(bytes).equals(Buffer.from(`${baseName(node)}\0`, 'latin1'))) {
    node.properties.delete('name');
    return;
  }
  const end = bytes.indexOf(0);
  const isString = end >= 0 && end === bytes.length - 1;
  const message = isString
    ? `name is "${Buffer.from(bytes.subarray(0, end)).toString('latin1')}", but the node is called ${baseName(node)}: dtc refuses the source`
    : 'name is no string: dtc refuses the source';
  report(state, 'bad-name-property', { range, node, message });
}

interface LabelPlace {
  readonly node: SourceNode;
  readonly source: SourceRange;
  readonly description: string;
}

/** duplicate_label: a label is unique among nodes, properties and values together. */
export function checkLabels(state: MergeState): void {
  for (const name of state.ambiguousLabels) {
    const [first, ...others] = holdersOf(state.root, name).sort((a, b) => a.token - b.token);
    if (first !== undefined) for (const other of others) reportLabel(state, name, other, first);
  }
  const seen = new Map<string, LabelPlace>();
  for (const property of new Set(state.labelled)) {
    if (!isLive(property)) continue;
    for (const { name, place } of labelsOf(state, property)) {
      const holder = labelHolder(state, name);
      const label = holder?.labels.find((each) => each.name === name);
      const other =
        holder && label ? { node: holder, source: label.source, description: nodePath(holder) } : seen.get(name);
      if (other === undefined) seen.set(name, place);
      else reportLabel(state, name, place, other);
    }
  }
}

function holdersOf(node: SourceNode, label: string): (LabelPlace & { readonly token: number })[] {
  const own = node.labels.filter(({ name }) => name === label);
  const places = own.map(({ source, token }) => ({ node, source, token, description: nodePath(node) }));
  const live = Array.from(node.children.values()).filter(({ isDeleted }) => !isDeleted);
  return [...places, ...live.flatMap((child) => holdersOf(child, label))];
}

function labelsOf(state: MergeState, property: SourceProperty): { name: string; place: LabelPlace }[] {
  const { node } = property;
  const where = `${property.name} of ${nodePath(node)}`;
  const result = property.labels.map(({ name, source }) => ({ name, place: { node, source, description: where } }));
  if (property.syntax !== undefined) {
    visitValueLabels(state.tokens, property.syntax, (token) => {
      const place = { node, source: tokenAt(state, token), description: `the value of ${where}` };
      result.push({ name: tokenName(state.tokens, token), place });
    });
  }
  return result;
}

function reportLabel(state: MergeState, name: string, place: LabelPlace, other: LabelPlace): void {
  const evidence: Evidence[] = [{ range: other.source, message: `${name} on ${other.description}` }];
  const message = `The label ${name} stands on ${place.description} and on ${other.description}: dtc refuses the source`;
  report(state, 'duplicate-label', { range: place.source, node: place.node, message, evidence });
}
