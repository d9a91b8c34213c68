// What numbers of an IORT stand for, shown behind them: the node that an offset names, and where a range of IDs ends.
import { referencesOf } from '../../acpi/iort/edit';
import type { IdMapping, IortNode, RmrDescriptor, Value } from '../../acpi/iort/model';
import type { TableDocument } from '../../acpi/text/document';
import { hex, humanSize } from '../../text/numbers';
import { nodeLabel } from './names';
import { leading } from '../../text/in-order';

export interface InlayHint {
  /** In the text. */
  readonly offset: number;
  readonly label: string;
  readonly tooltip: string;
}

/** The hints whose places lie from `start` to `end` of the text. */
export function inlayHints(document: TableDocument, start: number, end: number): readonly InlayHint[] {
  const { iort, placeOf } = document;
  if (iort === undefined) return [];
  const hints: InlayHint[] = [];
  const add = (value: Value, label: string, tooltip: string): void => {
    const place = placeOf(value);
    if (place !== undefined && place.end >= start && place.end <= end) {
      hints.push({ offset: place.end, label, tooltip });
    }
  };
  const addReference = (value: Value): void => {
    const target = iort.nodeAt(Number(value.value));
    if (target !== undefined) add(value, nodeLabel(target), `The node at ${hex(target.offset)}`);
    else if (value.value !== 0n) add(value, 'no node', `No node begins at ${hex(value.value)}`);
  };
  if (iort.nodeOffset !== undefined && iort.nodes.length > 0) addReference(iort.nodeOffset);
  for (const node of nodesBetween(document, start, end)) {
    referencesOf(node).forEach(addReference);
    for (const mapping of node.mappings) rangeHints(mapping, add);
    if (node.kind === 'rmr') for (const descriptor of node.descriptors) memoryHint(descriptor, add);
  }
  return hints;
}

function memoryHint({ base, length }: RmrDescriptor, add: (...hint: HintOfValue) => void): void {
  if (length.value === 0n) return;
  const last = base.value + length.value - 1n;
  add(length, `to ${hex(last)}`, `${humanSize(length.value)}, from ${hex(base.value)}`);
}

function rangeHints({ single, inputBase, count, outputBase }: IdMapping, add: (...hint: HintOfValue) => void): void {
  if (single) {
    add(outputBase, 'the one ID', 'A single mapping: everything that comes in becomes this ID');
    return;
  }
  const ids = count.value + 1n;
  const amount = ids === 1n ? 'one ID' : `${ids} IDs`;
  const last = hex(inputBase.value + count.value);
  add(count, ids === 1n ? amount : `to ${last}`, `${amount}, from ${hex(inputBase.value)}`);
  if (count.value > 0n) add(outputBase, `to ${hex(outputBase.value + count.value)}`, amount);
}

type HintOfValue = [value: Value, label: string, tooltip: string];

/** The nodes that have lines in a part of the text. */
export function nodesBetween({ iort, placeOf }: TableDocument, start: number, end: number): readonly IortNode[] {
  const nodes = iort?.nodes ?? [];
  const startOf = (index: number): number => placeOf(nodes[index]!.header.type, 'line')?.start ?? 0;
  // Nodes lie in the order of their lines.
  const firstAtOrBehind = (offset: number): number => leading(nodes.length, (index) => startOf(index) < offset);
  return nodes.slice(Math.max(0, firstAtOrBehind(start) - 1), firstAtOrBehind(end + 1));
}
