// The IORT's nodes from their lines (ACPICA source/compiler/dttable1.c DtCompileIort). Arrays are taken in any order, where
// iasl knows one alone: their offsets say where they came to lie.
import {
  bodyLayout,
  idMappingLayout,
  iortTableLayout,
  nodeHeaderLayout,
  optionalPadding,
  writtenNodeHeader,
} from '../layout/iort';
import { itsIdentifier, namePadding, rmrDescriptorLayout } from '../layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout, pmuInterrupt } from '../layout/iort-smmu';
import type { Computed, Field, StructureLayout, TextStyle } from '../layout/field';
import { lineEndAt } from '../../text/source-file';
import { readNumber } from '../bytes';
import type { Assembler, Slot } from './assembler';
import { suggestType } from './likely-type';
import { ownBytesLabel } from './own-lines';
import { readGenericPadding } from './generic-padding';
import { readField, readLayout, readOwnBytes, takeEndOfBody } from './read-fields';
import { reportMissing, skipUnexpected } from './recover-lines';
import { RepeatedNodes } from './repeated-nodes';

type Slots = Map<Computed, Slot>;

const namedComponent = 1;
const smmu = 3;
const mostInNode = 0xffff;

/** An array of a node: what begins an element, and the computed fields that tell its place and count. */
interface ArrayKind {
  readonly label: string;
  readonly read: (assembler: Assembler, node: number) => void;
  readonly offset?: Computed;
  readonly count?: Computed;
}

/** In the order in which iasl has them, by the type of the node. */
const arraysOfType: readonly (readonly ArrayKind[])[] = [
  [{ label: itsIdentifier.label, read: single(itsIdentifier), count: 'its-count' }],
  [],
  [],
  [
    { label: 'NSgIrpt', read: readGlobalInterrupts, offset: 'global-interrupt-offset' },
    {
      label: contextInterrupt.label,
      read: single(contextInterrupt),
      offset: 'context-interrupt-offset',
      count: 'context-interrupt-count',
    },
    {
      label: pmuInterrupt.label,
      read: single(pmuInterrupt),
      offset: 'pmu-interrupt-offset',
      count: 'pmu-interrupt-count',
    },
  ],
  [],
  [],
  [{ label: 'Base Address of RMR', read: readDescriptor, offset: 'rmr-offset', count: 'rmr-count' }],
  [],
];
const mappingArray: ArrayKind = {
  label: 'Input base',
  read: readMapping,
  offset: 'mapping-offset',
  count: 'mapping-count',
};

const kindsOfType: readonly (readonly ArrayKind[])[] = arraysOfType.map((arrays) => [...arrays, mappingArray]);
const kindsOfUnknown = [mappingArray];

/** `slots` gets the computed fields of the table's fixed part. */
export function assembleIort(assembler: Assembler, slots: Slots): void {
  const body = assembler.open('table-body', iortTableLayout);
  const reached = readLayout(assembler, iortTableLayout, slots);
  readOwnBytes(assembler);
  assembler.close(body);
  if (reached !== 'all') return;
  readPadding(assembler);
  assembler.set(slots, 'node-offset', assembler.size);
  assembleNodes(assembler, 0, assembler.lines.count);
  setNodeCount(assembler, slots, assembler.structures.nodeCount);
}

/** Nodes up to a line that begins one; `first` is the index of the next node. */
export function assembleNodes(assembler: Assembler, first: number, end: number): void {
  const repeated = new RepeatedNodes(assembler);
  let index = first;
  for (let line = assembler.peek(); line >= 0 && line < end; line = assembler.peek()) {
    if (assembler.nextHasName('Type')) {
      const node = index++;
      repeated.read(line, () => {
        assembleNode(assembler, node);
      });
    } else {
      readOwnBytes(assembler);
      const isOver = (): boolean => assembler.peek() < 0 || assembler.nextHasName('Type');
      if (isOver()) continue;
      skipUnexpected(assembler, '“Type”, which begins a node,');
      if (isOver()) suggestType(assembler, undefined);
    }
  }
}

export function setNodeCount(assembler: Assembler, slots: ReadonlyMap<Computed, Slot>, nodes: number): void {
  const lastLine = assembler.lines.count - 1;
  if (nodes === 0) assembler.report('table-empty', lastLine, 'whole', 'A table without nodes: iasl refuses it.');
  assembler.set(slots, 'node-count', nodes);
}

/** What stands between the table's fixed part and its first node. */
function readPadding(assembler: Assembler): void {
  if (assembler.nextHasName(optionalPadding.label)) {
    const padding = assembler.open('padding', iortTableLayout);
    readField(assembler, optionalPadding);
    assembler.close(padding);
  } else {
    readGenericPadding(assembler);
  }
}

function assembleNode(assembler: Assembler, index: number): void {
  const slots: Slots = new Map();
  const start = assembler.size;
  const typeLine = assembler.peek();
  const node = assembler.open('node', nodeHeaderLayout);
  const written = (_: StructureLayout, style: TextStyle) => writtenNodeHeader(style, assembler.revision);
  if (readLayout(assembler, nodeHeaderLayout, slots, written) === 'end of text') {
    endNode(assembler, node, slots, start, typeLine);
    return;
  }
  const type = assembler.bytes()[start]!;
  const layout = bodyLayout(type);
  if (layout === undefined && !takeEndOfBody(assembler) && !assembler.nextIsOwn(ownBytesLabel)) {
    const message = `Node ${index} is of type 0x${type.toString(16)}, which nobody has published.`;
    assembler.report('table-node-unknown', typeLine, 'value', message);
  }
  const reached = layout === undefined ? 'all' : readLayout(assembler, layout, slots);
  if (reached === 'all' && type === namedComponent) readNamePadding(assembler, slots, start);
  const isWhole = reached === 'all' && !takeEndOfBody(assembler);
  readArrays(assembler, node, slots, start, { type, isWhole });
  suggestType(assembler, { typeLine, type });
  endNode(assembler, node, slots, start, typeLine);
}

/** Padding behind a component's name. Without a line for it, the text's Mapping Offset is what is wanted. */
function readNamePadding(assembler: Assembler, slots: Slots, start: number): void {
  if (assembler.nextHasName(namePadding.label)) {
    readField(assembler, namePadding);
    return;
  }
  const slot = slots.get('mapping-offset');
  if (slot === undefined || slot.isKept || slot.line < 0) return;
  const wanted = readNumber(assembler.bytes(), slot.offset, 4)!;
  const end = assembler.size - start;
  if (assembler.peek() < 0) reportNoPadding(assembler, end, wanted);
  if (wanted > mostInNode) {
    const { line } = slot;
    const message = `Without a line “Padding”, zeros would be put in up to this offset; a node has ${mostInNode} bytes at most.`;
    assembler.report('table-node-too-long', line, 'value', message);
  } else if (wanted > end) {
    assembler.append(new Uint8Array(wanted - end));
  } else if (wanted < end && assembler.peek() >= 0 && !assembler.nextIsOwn(ownBytesLabel)) {
    reportOffset(assembler, slot, end);
  }
}

/** A name at the very end of the table: iasl looks for a line behind it. */
function reportNoPadding(assembler: Assembler, end: number, wanted: number): void {
  const { count, text, textStart } = assembler.lines;
  const line = count - 1;
  const [, stop] = assembler.placeOfValue(line);
  const lineEnd = lineEndAt(text, stop - textStart);
  const size = wanted > end && wanted <= mostInNode ? wanted - end : 4 - (end % 4);
  const newText = `${lineEnd}${'Padding : '.padStart(46)}${Array.from({ length: size }, () => '00').join(' ')}`;
  const message = 'iasl refuses a table that ends with a name: a line “Padding” is missing behind it.';
  const fix = { title: 'Insert “Padding”', start: stop, end: stop, newText };
  assembler.report('table-padding', line, 'value', message, fix);
}

function reportOffset(assembler: Assembler, slot: Slot, end: number): void {
  const { line } = slot;
  const right = end.toString(16).toUpperCase().padStart(8, '0');
  const message =
    `Without a line “Padding” behind the name, iasl takes this for the offset that is wanted, and refuses what is ` +
    `below the name’s end, 0x${end.toString(16)}.`;
  const [start, stop] = assembler.placeOfValue(line);
  const fix = { title: `Set to ${right}`, start, end: stop, newText: right };
  assembler.report('table-padding', line, 'value', message, fix);
}

/** Arrays and mappings, as long as lines of this node follow. */
function readArrays(
  assembler: Assembler,
  node: number,
  slots: Slots,
  start: number,
  { type, isWhole }: { readonly type: number; readonly isWhole: boolean },
): void {
  const kinds = kindsOfType[type] ?? kindsOfUnknown;
  /** Of each kind: where it begins in the node, and its elements. */
  const begins = kinds.map(() => -1);
  const counts = kinds.map(() => 0);
  /** Where iasl would begin the array, were it empty: behind those before it. */
  const wouldBegin = kinds.map(() => 0);
  let next = 0;
  let isOutOfOrder = false;
  const passOver = (to: number): void => {
    for (; next <= to; next++) wouldBegin[next] = assembler.size - start;
  };
  for (;;) {
    readOwnBytes(assembler);
    const index = nextKind(assembler, kinds);
    if (index < 0) {
      if (assembler.peek() < 0 || assembler.nextHasName('Type')) break;
      skipUnexpected(assembler, '“Type” or “Input base”');
      continue;
    }
    const kind = kinds[index]!;
    if (kind.count === undefined && begins[index]! >= 0) {
      skipUnexpected(assembler, '“Type” or “Input base”');
      continue;
    }
    if (index < next - 1 && !isOutOfOrder) {
      isOutOfOrder = true;
      const message = `iasl refuses “${kind.label}” behind “${kinds[next - 1]!.label}”; here it is compiled where it stands.`;
      assembler.report('table-array-order', assembler.peek(), 'name', message);
    }
    passOver(index);
    if (begins[index]! < 0) begins[index] = assembler.size - start;
    counts[index]!++;
    kind.read(assembler, node);
  }
  passOver(kinds.length - 1);
  if (type === smmu && isWhole && begins[0]! < 0) reportMissing(assembler, kinds[0]!.label);
  for (const [index, kind] of kinds.entries()) {
    const count = counts[index]!;
    const begin = begins[index]! < 0 ? wouldBegin[index]! : begins[index]!;
    if (kind.offset !== undefined) assembler.set(slots, kind.offset, kind === mappingArray && count === 0 ? 0 : begin);
    if (kind.count !== undefined) assembler.set(slots, kind.count, count);
  }
}

/** Of which kind the next line begins an element; -1 for none. */
function nextKind(assembler: Assembler, kinds: readonly ArrayKind[]): number {
  for (let index = 0; index < kinds.length; index++) if (assembler.nextHasName(kinds[index]!.label)) return index;
  return -1;
}

function endNode(assembler: Assembler, node: number, slots: Slots, start: number, typeLine: number): void {
  assembler.close(node);
  const length = assembler.size - start;
  assembler.set(slots, 'node-length', length);
  if (length > mostInNode && slots.get('node-length')?.isKept !== true) {
    const message = `This node has ${length} bytes; its length can say ${mostInNode} at most.`;
    assembler.report('table-node-too-long', typeLine, 'whole', message);
  }
}

function single(field: Field): ArrayKind['read'] {
  return (assembler) => readField(assembler, field);
}

function readGlobalInterrupts(assembler: Assembler, node: number): void {
  readElement(assembler, node, 'interrupt', globalInterruptLayout);
}

function readDescriptor(assembler: Assembler, node: number): void {
  readElement(assembler, node, 'descriptor', rmrDescriptorLayout);
}

function readMapping(assembler: Assembler, node: number): void {
  readElement(assembler, node, 'mapping', idMappingLayout);
}

function readElement(
  assembler: Assembler,
  node: number,
  kind: 'interrupt' | 'descriptor' | 'mapping',
  layout: typeof globalInterruptLayout | typeof rmrDescriptorLayout | typeof idMappingLayout,
): void {
  const element = assembler.open(kind, layout, node);
  readLayout(assembler, layout);
  assembler.close(element);
}
