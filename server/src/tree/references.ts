// Phandles and references once all blocks are merged: scripts/dtc/checks.c explicit_phandles, phandle_references,
// path_references and omit_unused_nodes, in dtc's order, so that allocated phandles are dtc's.
import { Shape } from '../syntax/shape';
import type { NodeSyntax, ValueSyntax } from '../syntax/syntax-tree';
import { tokenName } from '../preprocess/token-stream';
import type { SourceRange } from '../text/source-file';
import { referenceText } from './decode';
import { deleteNode, reportUnresolved } from './merge';
import { evidenceAt, findReference, type MergeState, report } from './merge-state';
import type { Phandle } from './model';
import { nodePath } from './navigate';
import { plainValue, type SourceNode, SourceProperty } from './source-tree';

export interface Phandles {
  readonly nodes: Map<number, SourceNode>;
  /** Where the search for a free one goes on. */
  next: number;
}

/** Takes the phandles that sources give. */
export function explicitPhandles(state: MergeState): Phandles {
  const phandles: Phandles = { nodes: new Map(), next: 1 };
  for (const node of new Set(state.withPhandle)) {
    if (!node.isDeleted) takePhandle(state, phandles, node);
  }
  return phandles;
}

function takePhandle(state: MergeState, phandles: Phandles, node: SourceNode): void {
  const modern = explicitPhandle(state, node, 'phandle');
  const legacy = explicitPhandle(state, node, 'linux,phandle');
  const value = modern ?? legacy;
  if (value === undefined) return;
  if (modern !== undefined && legacy !== undefined && modern !== legacy) {
    const message = `phandle is 0x${modern.toString(16)}, but linux,phandle is 0x${legacy.toString(16)}: they must be equal`;
    const evidence = evidenceAt(currentRange(node.liveProperty('linux,phandle')), 'linux,phandle');
    report(state, 'bad-phandle', { range: currentRange(node.liveProperty('phandle')), node, message, evidence });
  }
  const other = phandles.nodes.get(value);
  if (other !== undefined) {
    const own = node.liveProperty('phandle') ?? node.liveProperty('linux,phandle');
    const theirs = other.liveProperty('phandle') ?? other.liveProperty('linux,phandle');
    const message = `The phandle 0x${value.toString(16)} is ${nodePath(other)}'s already: references to it would find that node`;
    const evidence = evidenceAt(currentRange(theirs), `phandle of ${nodePath(other)}`);
    report(state, 'duplicate-phandle', { range: currentRange(own), node, message, evidence });
    return;
  }
  node.phandle = value as Phandle;
  phandles.nodes.set(value, node);
}

/** Undefined where there is none, or none that is known: `phandle = <&self>` asks for a free one. */
function explicitPhandle(state: MergeState, node: SourceNode, name: string): number | undefined {
  const property = node.liveProperty(name);
  if (property === undefined) return undefined;
  if (property.syntax?.broken === true) return undefined;
  const targets: (SourceNode | undefined)[] = [];
  forEachReference(property, (token, inCells) => {
    if (inCells) targets.push(findReference(state, referenceText(state.tokens, token)));
  });
  const bytes = bytesWithoutPaths(property);
  // It was decoded before anything is resolved; whoever asks for the value later gets the phandle.
  if (targets.length > 0) property.forgetValue();
  const value = bytes.length === 4 ? Buffer.from(bytes).readUInt32BE() : 0;
  let message: string;
  if (bytes.length !== 4) message = `${name} is one cell of 4 bytes, this value has ${bytes.length}`;
  else if (targets.some((target) => target !== node))
    message = `${name} refers to another node, whose phandle this one cannot have`;
  else if (targets.length > 0) return undefined;
  else if (value !== 0 && value !== 0xffff_ffff) return value;
  else message = `${name} is 0x${value.toString(16)}: 0 and 0xffffffff are no phandles`;
  report(state, 'bad-phandle', { range: currentRange(property), node, message });
  return undefined;
}

/** The value as long as references in it are not resolved: dtc puts paths into it later. */
export function bytesWithoutPaths({ data, hasReferences }: SourceProperty): Uint8Array {
  if (!hasReferences) return data.bytes;
  const parts = data.parts.filter(({ kind }) => kind !== 'path');
  return Uint8Array.from(
    parts.flatMap(({ offset, length }) => Array.from(data.bytes.subarray(offset, offset + length))),
  );
}

/** Gives every node that a cell refers to its phandle, and reports references that lead nowhere. */
export function resolveReferences(state: MergeState, phandles: Phandles): void {
  let lostLabels: ReadonlySet<string> | undefined;
  visit(state.root);

  function visit(node: SourceNode): void {
    if (node.hasReferences) {
      // A phandle property may be added to this very node meanwhile; it holds no references.
      for (const property of node.properties.values()) if (property.hasReferences) resolve(node, property);
    }
    for (const child of node.children.values()) visit(child);
  }

  function resolve(node: SourceNode, property: SourceProperty): void {
    forEachReference(property, (token, inCells) => {
      const text = referenceText(state.tokens, token);
      const target = findReference(state, text);
      if (target === undefined) {
        unresolved(node, property, token, text, inCells);
      } else {
        if (inCells) ensurePhandle(phandles, target);
        target.isReferenced = true;
      }
    });
  }

  function unresolved(node: SourceNode, property: SourceProperty, token: number, text: string, inCells: boolean): void {
    // A label of the base tree, which will be fixed up.
    if (state.isPlugin && inCells) return;
    // That the block which has the label is not in the tree has been reported.
    lostLabels ??= labelsOf(state, state.lost);
    if (lostLabels.has(text.split('/', 1)[0]!)) return;
    const consequence = inCells ? `the cell in ${property.name} has no value` : `${property.name} has no path to hold`;
    reportUnresolved(state, token, consequence, node);
  }
}

/** The node's phandle; the lowest free one if it has none yet, with the property that holds it: livetree.c get_node_phandle. */
export function ensurePhandle(phandles: Phandles, node: SourceNode): void {
  if (node.phandle !== undefined) return;
  while (phandles.nodes.has(phandles.next)) phandles.next++;
  const value = phandles.next;
  phandles.nodes.set(value, node);
  node.phandle = value as Phandle;
  if (node.liveProperty('phandle') !== undefined) return;
  const property = new SourceProperty('phandle', node, undefined);
  property.setValue(plainValue(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)));
  node.properties.delete('phandle');
  node.setProperty(property);
}

/** Deletes nodes under `/omit-if-no-ref/` that nothing refers to; with symbols, one that has a label stays. */
export function omitUnreferenced(state: MergeState, keepLabelled: boolean): void {
  for (const node of state.omittable) {
    if (node.isDeleted || node.isReferenced || (keepLabelled && node.wasLabelled)) continue;
    deleteNode(state, node, undefined);
  }
}

/** Calls `visit` for each reference of the value in force, in order. */
export function forEachReference(property: SourceProperty, visit: (token: number, inCells: boolean) => void): void {
  const { syntax } = property;
  if (syntax === undefined || !property.hasReferences) return;
  const { shape } = property.node.context.tokens;
  for (const value of syntax.values) {
    if (!mayRefer(value)) continue;
    for (let at = Math.max(value.first, 0); at <= value.last; at++) {
      const kind = shape.charCodeAt(at);
      if (kind === Shape.labelReference || kind === Shape.pathReference) visit(at, value.kind === 'cells');
    }
  }
}

function mayRefer({ kind }: ValueSyntax): boolean {
  return kind === 'cells' || kind === 'reference';
}

/** Where the value in force is named. */
function currentRange(property: SourceProperty | undefined): SourceRange | undefined {
  return property?.definitions.at(-1)?.name;
}

function labelsOf(state: MergeState, blocks: readonly NodeSyntax[]): Set<string> {
  const result = new Set<string>();
  const collect = (syntax: NodeSyntax): void => {
    for (const label of syntax.labels) result.add(tokenName(state.tokens, label));
    for (const member of syntax.members) if (member.kind === 'node') collect(member);
  };
  blocks.forEach(collect);
  return result;
}
