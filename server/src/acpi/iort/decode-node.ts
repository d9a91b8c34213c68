// One node of an IORT from its bytes. Length and offsets are those that the node states, read as far as there are bytes;
// what leads out of the node is a problem, and what is there all the same stays as a gap.
import { bodyLayout, idMappingLayout, nodeHeaderLayout } from '../layout/iort';
import type { StructureLayout } from '../layout/field';
import { fieldOffset, mandatorySize } from '../structure-values';
import { readNumber } from '../bytes';
import { hex } from '../../text/numbers';
import type { ByteSource } from '../structure-values';
import { NodeContent, sizeOfElement } from './node-content';
import type { ArrayPlace, NodePlaces } from './node-content';
import type { NodeKind, TableProblem } from './model';

/** Bytes of the header that every node begins with. */
export const nodeHeaderSize = nodeHeaderLayout.size;

/** By the numbers of their types. */
export const nodeKinds: readonly Exclude<NodeKind, 'unknown'>[] = [
  'its-group',
  'named-component',
  'root-complex',
  'smmu',
  'smmuv3',
  'pmcg',
  'rmr',
  'iwb',
];

/** The kind of a node of that type. */
export function kindOfType(type: number): NodeKind {
  return nodeKinds[type] ?? 'unknown';
}

/** A node being measured. */
interface Measuring {
  readonly bytes: Uint8Array;
  readonly layout: StructureLayout | undefined;
  readonly index: number;
  readonly offset: number;
  readonly end: number;
  readonly problems: TableProblem[];
}

/**
 * What the bytes at an offset say of a node, in a table that ends at `tableEnd`; undefined where not even the header of one
 * is in it. `index` is the node's among those of the table. Its parts are measured here, and become values when somebody asks.
 */
export function decodeContent(
  source: ByteSource,
  tableEnd: number,
  offset: number,
  index: number,
): NodeContent | undefined {
  const { bytes } = source;
  if (offset < 0 || offset + nodeHeaderSize > tableEnd || offset + nodeHeaderSize > bytes.length) return undefined;
  const type = bytes[offset]!;
  const length = readNumber(bytes, offset + lengthAt, 2)!;
  const layout = bodyLayout(type);
  const end = Math.min(offset + Math.max(length, nodeHeaderSize), tableEnd);
  const node: Measuring = { bytes, layout, index, offset, end, problems: [] };
  if (length < nodeHeaderSize) {
    const message = `has a length of ${length}, less than its header's 16 bytes`;
    report(node, 'node-length', offset + lengthAt, 2, message);
    // Of a node that ends in its own header, nothing else is told.
    return new NodeContent(source, placesOf({ ...node, problems: [] }, type, length), node.problems);
  }
  if (offset + length > tableEnd) {
    const message = `has a length of ${length} and ends at ${hex(offset + length)}, behind the table`;
    report(node, 'node-past-end', offset + lengthAt, 2, message);
  }
  if (layout === undefined) report(node, 'node-type', offset, 1, 'is of a type that is not published');
  return new NodeContent(source, placesOf(node, type, length), node.problems.length === 0 ? noProblems : node.problems);
}

/** Thousands of nodes have none. */
const noProblems: readonly TableProblem[] = [];
const noArrays: readonly ArrayPlace[] = [];

function report(node: Measuring, code: TableProblem['code'], offset: number, size: number, what: string): void {
  const { bytes, layout, index, problems } = node;
  const name = layout?.title ?? `type ${bytes[node.offset] ?? 0}`;
  problems.push({ code, offset, size, message: `node ${index} (${name}) at ${hex(node.offset)} ${what}` });
}

const nodeField = (name: string): number => fieldOffset(nodeHeaderLayout, name)!;
const lengthAt = nodeField('length');
const mappingCountAt = nodeField('mappingCount');
const mappingOffsetAt = nodeField('mappingOffset');

function placesOf(node: Measuring, type: number, length: number): NodePlaces {
  const { bytes, layout, index, offset, end } = node;
  const count = readNumber(bytes, offset + mappingCountAt, 4)!;
  const mappingStart = offset + readNumber(bytes, offset + mappingOffsetAt, 4)!;
  const hasMappings = count > 0 && mappingStart >= offset + nodeHeaderSize;
  const bodyEnd = hasMappings ? Math.min(mappingStart, end) : end;
  const isWhole = layout !== undefined && hasFixedPart(node, layout);
  const body: Body | undefined = isWhole ? bodies.get(layout) : undefined;
  const nameEnd = body?.hasName === true ? endOfName(node, offset + body.fixedEnd, bodyEnd) : -1;
  return {
    kind: kindOfType(type),
    index,
    offset,
    length,
    end,
    layout,
    bodyEnd,
    nameStart: nameEnd < 0 ? -1 : offset + body!.fixedEnd,
    nameEnd,
    arrays:
      body === undefined || body.arrays.length === 0 ? noArrays : body.arrays.map((array) => placeOfArray(node, array)),
    mappingStart,
    mappingCount: elementsInside(node, {
      count,
      countAt: offset + mappingCountAt,
      start: mappingStart,
      size: idMappingLayout.size,
      what: 'ID mappings',
      code: 'mapping-outside-node',
    }),
  };
}

function hasFixedPart(node: Measuring, layout: StructureLayout): boolean {
  const { offset, end } = node;
  const isWhole = offset + nodeHeaderSize + bodies.get(layout)!.mandatory <= end;
  const size = end - offset;
  if (!isWhole) report(node, 'node-too-short', offset, size, `has ${size} bytes, too few for its fields`);
  return isWhole;
}

/** Where the name ends, its NUL included: before the mappings, if it has one there. */
function endOfName(node: Measuring, start: number, bodyEnd: number): number {
  const end = bodyEnd >= start ? bodyEnd : node.end;
  const { bytes } = node;
  for (let at = start; at < end; at++) if (bytes[at] === 0) return at + 1;
  const message = `has a name without a NUL before ${hex(end - node.offset)}`;
  report(node, 'name-unterminated', start, end - start, message);
  return Math.max(start, end);
}

/** An array of a kind of node, by the fields that count and place it; offsets are from the node's start. */
interface ArrayFields {
  readonly what: string;
  readonly size: number;
  /** Undefined for the one element that is always there. */
  readonly countAt: number | undefined;
  /** Undefined for an array directly behind the fixed part. */
  readonly offsetAt: number | undefined;
}

interface Body {
  readonly mandatory: number;
  readonly fixedEnd: number;
  readonly hasName: boolean;
  readonly arrays: readonly ArrayFields[];
}

/** What an array holds, and the fields that count and place it. */
type ArrayNames = readonly [what: string, count: string | undefined, offset: string | undefined];

const arraysOf: Readonly<Partial<Record<NodeKind, readonly ArrayNames[]>>> = {
  'its-group': [['ITS identifiers', 'itsCount', undefined]],
  smmu: [
    ['global interrupts', undefined, 'globalOffset'],
    ['context interrupts', 'contextCount', 'contextOffset'],
    ['PMU interrupts', 'pmuCount', 'pmuOffset'],
  ],
  rmr: [['RMR descriptors', 'descriptorCount', 'descriptorOffset']],
};

const bodies: ReadonlyMap<StructureLayout, Body> = new Map(
  nodeKinds.map((kind, type) => {
    const layout = bodyLayout(type)!;
    const place = (name: string | undefined): number | undefined =>
      name === undefined ? undefined : nodeHeaderSize + fieldOffset(layout, name)!;
    const arrays = (arraysOf[kind] ?? []).map(([what, count, offset], which) => ({
      what,
      size: sizeOfElement(kind, which),
      countAt: place(count),
      offsetAt: place(offset),
    }));
    const body: Body = {
      mandatory: mandatorySize(layout),
      fixedEnd: nodeHeaderSize + layout.size,
      hasName: layout.fields.some((field) => field.kind === 'name'),
      arrays,
    };
    return [layout, body];
  }),
);

function placeOfArray(node: Measuring, { what, size, countAt, offsetAt }: ArrayFields): ArrayPlace {
  const { bytes, layout, offset } = node;
  const place = offsetAt === undefined ? undefined : readNumber(bytes, offset + offsetAt, 4)!;
  const start = offset + (place ?? nodeHeaderSize + layout!.size);
  const isCounted = countAt !== undefined;
  const count = isCounted ? readNumber(bytes, offset + countAt, 4)! : 1;
  const code = 'array-outside-node';
  const at = offset + (isCounted ? countAt : offsetAt!);
  return { start, count: elementsInside(node, { count, countAt: at, start, size, what, code }) };
}

interface Counted {
  readonly count: number;
  /** The value that says so. */
  readonly countAt: number;
  readonly start: number;
  readonly size: number;
  readonly what: string;
  readonly code: 'array-outside-node' | 'mapping-outside-node';
}

/** How many elements of an array lie in the node; that there are fewer than counted is a problem. */
function elementsInside(node: Measuring, { count, countAt, start, size, what, code }: Counted): number {
  if (count === 0) return 0;
  const { offset, end } = node;
  const isBefore = start < offset + nodeHeaderSize;
  const room = isBefore || start > end ? 0 : Math.floor((end - start) / size);
  if (count <= room) return count;
  const where = hex(start - offset);
  const message = isBefore
    ? `would have its ${count} ${what} in its header, at ${where}`
    : `states ${count} ${what} at ${where}, but has room for ${room}`;
  report(node, code, countAt, 4, message);
  return room;
}
