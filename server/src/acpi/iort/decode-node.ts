// One node of an IORT from its bytes. Length and offsets are those that the node states, read as far as there are bytes;
// what leads out of the node is a problem, and what is there all the same stays as a gap.
import { bodyLayout, idMappingLayout, nodeHeaderLayout } from '../layout/iort';
import { itsIdentifier, rmrDescriptorLayout } from '../layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout, pmuInterrupt } from '../layout/iort-smmu';
import type { Field, StructureLayout } from '../layout/field';
import { byName, gapsBetween, inOrder, nameAt, structureValues, valueAt } from '../structure-values';
import { hex } from '../../text/numbers';
import type {
  GlobalInterrupts,
  IdMapping,
  IortNode,
  NodeKind,
  NodeOf,
  RmrDescriptor,
  TableProblem,
  Value,
} from './model';

/** Bytes of the header that every node begins with. */
export const nodeHeaderSize = nodeHeaderLayout.size;

/** What decoding a node needs to know of its table. */
export interface NodeContext {
  readonly bytes: Uint8Array;
  /** Where the table ends. */
  readonly end: number;
  /** Told of what stops or bends decoding. */
  readonly report: (problem: TableProblem) => void;
  readonly nodeAt: (offset: number) => IortNode | undefined;
}

const kinds: readonly NodeKind[] = [
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
  return kinds[type] ?? 'unknown';
}

/** A node being read: where it lies, what it states, and the values found so far. */
interface Reading {
  readonly context: NodeContext;
  readonly offset: number;
  readonly end: number;
  readonly header: IortNode['header'];
  /** For messages: 'node 3 (SMMUv3) at 0x80'. */
  readonly name: string;
  readonly all: Value[];
}

/** The node at an offset; undefined where not even its header is in the table. */
export function decodeNode(context: NodeContext, offset: number, index: number): IortNode | undefined {
  const { bytes } = context;
  const headerValues = structureValues(bytes, nodeHeaderLayout, offset, context.end);
  if (headerValues.length < nodeHeaderLayout.fields.length) return undefined;
  const header = byName(headerValues) as IortNode['header'];
  const type = Number(header.type.value);
  const length = Number(header.length.value);
  const layout = bodyLayout(type);
  const kind = kindOfType(type);
  const end = Math.min(offset + Math.max(length, nodeHeaderSize), context.end);
  const name = `node ${index} (${layout?.title ?? `type ${type}`}) at ${hex(offset)}`;
  // Of a node that ends in its own header, nothing else is told.
  const isCut = length < nodeHeaderSize;
  const readingContext = isCut ? { ...context, report: () => undefined } : context;
  const reading: Reading = { context: readingContext, offset, end, header, name, all: headerValues };
  const reportHere = (code: TableProblem['code'], value: Value, message: string) => {
    context.report({ code, offset: value.offset, size: value.size, message });
  };

  if (isCut) {
    reportHere('node-length', header.length, `${name} has a length of ${length}, less than its header's 16 bytes`);
  } else if (offset + length > context.end) {
    const message = `${name} has a length of ${length} and ends at ${hex(offset + length)}, behind the table`;
    reportHere('node-past-end', header.length, message);
  }
  if (layout === undefined) reportHere('node-type', header.type, `${name} is of a type that is not published`);

  const values = layout === undefined ? [] : bodyValues(reading, layout);
  const arrays = readArrays(reading, kind, byName(values));
  const mappings = readMappings(reading);
  const all = inOrder(reading.all);
  const nameEnd = values.find(({ field }) => field.kind === 'name');
  const paddingStart = nameEnd === undefined ? -1 : nameEnd.offset + nameEnd.size;
  const node: NodeOf<NodeKind, never> = {
    kind,
    index,
    offset,
    length,
    end,
    header,
    values: byName(values),
    all,
    mappings,
    gaps: gapsBetween(all, offset, end, (at) => (at === paddingStart ? 'padding' : 'node')),
  };
  return { ...node, ...arrays } as IortNode;
}

/** The body's fields, the name last; `reading.all` gets them as well. */
function bodyValues(reading: Reading, layout: StructureLayout): Value[] {
  const { context, offset, end, name, all } = reading;
  const start = offset + nodeHeaderSize;
  const mappingStart = startOfMappings(reading);
  const values = structureValues(context.bytes, layout, start, end, mappingStart);
  const isWhole = layout.fields.every(
    (field) =>
      field.sinceNode !== undefined ||
      field.size === 0 ||
      values.some((value) => value.field === field) ||
      field.kind === 'heading',
  );
  if (!isWhole) {
    const message = `${name} has ${end - offset} bytes, too few for its fields`;
    context.report({ code: 'node-too-short', offset, size: end - offset, message });
  }
  const nameField = layout.fields.find((field) => field.kind === 'name');
  const nameStart = start + layout.size;
  if (isWhole && nameField !== undefined) {
    const nameEnd = mappingStart >= nameStart ? mappingStart : end;
    const found = nameAt(context.bytes, nameField, nameStart, nameEnd);
    values.push(found.value);
    if (!found.terminated) {
      const message = `the name of ${name} has no NUL before ${hex(nameEnd - offset)}`;
      context.report({ code: 'name-unterminated', offset: nameStart, size: found.value.size, message });
    }
  }
  all.push(...values);
  return values;
}

/** Where the mappings begin, in the table; the node's end if it has none. */
function startOfMappings({ header, offset, end }: Reading): number {
  const start = offset + Number(header.mappingOffset.value);
  return header.mappingCount.value > 0n && start >= offset + nodeHeaderSize ? Math.min(start, end) : end;
}

/** What the kinds have beside `values`. */
interface Arrays {
  readonly identifiers?: readonly Value[];
  readonly globalInterrupts?: GlobalInterrupts | undefined;
  readonly contextInterrupts?: readonly Value[];
  readonly pmuInterrupts?: readonly Value[];
  readonly descriptors?: readonly RmrDescriptor[];
}

function readArrays(reading: Reading, kind: NodeKind, body: Partial<Record<string, Value>>): Arrays {
  const { offset } = reading;
  switch (kind) {
    case 'its-group': {
      const start = offset + nodeHeaderSize + 4;
      return { identifiers: readElements(reading, itsIdentifier, body.itsCount, start, 'ITS identifiers') };
    }
    case 'smmu': {
      const { globalOffset, contextCount, contextOffset, pmuCount, pmuOffset } = body;
      const contexts = placeInNode(reading, contextOffset);
      const pmu = placeInNode(reading, pmuOffset);
      return {
        globalInterrupts: readGlobalInterrupts(reading, globalOffset),
        contextInterrupts: readElements(reading, contextInterrupt, contextCount, contexts, 'context interrupts'),
        pmuInterrupts: readElements(reading, pmuInterrupt, pmuCount, pmu, 'PMU interrupts'),
      };
    }
    case 'rmr':
      return { descriptors: readDescriptors(reading, body) };
    default:
      return {};
  }
}

/** The place that an offset from the node's start leads to; undefined where there is no such value. */
function placeInNode({ offset }: Reading, value: Value | undefined): number | undefined {
  return value === undefined ? undefined : offset + Number(value.value);
}

/** How many elements of an array lie in the node; the rest is a problem at the value that counts them. */
function elementsInside(
  reading: Reading,
  count: Value | undefined,
  start: number | undefined,
  size: number,
  what: string,
  code: 'array-outside-node' | 'mapping-outside-node' = 'array-outside-node',
): number {
  if (count === undefined || start === undefined || count.value === 0n) return 0;
  const { context, offset, end, name } = reading;
  const isBefore = start < offset + nodeHeaderSize;
  const room = isBefore ? 0 : Math.max(0, Math.floor((end - start) / size));
  if (count.value <= BigInt(room)) return Number(count.value);
  const message = isBefore
    ? `the ${count.value} ${what} of ${name} would begin in its header, at ${hex(start - offset)}`
    : `${name} states ${count.value} ${what} at ${hex(start - offset)}, but has room for ${room}`;
  context.report({ code, offset: count.offset, size: count.size, message });
  return room;
}

function readElements(
  reading: Reading,
  field: Field,
  count: Value | undefined,
  start: number | undefined,
  what: string,
): Value[] {
  const inside = elementsInside(reading, count, start, field.size, what);
  const found: Value[] = [];
  for (let index = 0; index < inside; index++) {
    const value = valueAt(reading.context.bytes, field, start! + index * field.size, reading.end);
    if (value !== undefined) found.push(value);
  }
  for (const value of found) reading.all.push(value);
  return found;
}

function readGlobalInterrupts(reading: Reading, place: Value | undefined): GlobalInterrupts | undefined {
  const start = placeInNode(reading, place);
  if (place === undefined || start === undefined) return undefined;
  const { context, offset, end, name } = reading;
  if (start >= offset + nodeHeaderSize && start + globalInterruptLayout.size <= end) {
    const values = structureValues(context.bytes, globalInterruptLayout, start, end);
    reading.all.push(...values);
    return byName(values) as GlobalInterrupts;
  }
  const message = `the global interrupts of ${name} would be at ${hex(start - offset)}, outside of its body`;
  context.report({ code: 'array-outside-node', offset: place.offset, size: place.size, message });
  return undefined;
}

function readDescriptors(reading: Reading, body: Partial<Record<string, Value>>): RmrDescriptor[] {
  const { descriptorCount, descriptorOffset } = body;
  const start = placeInNode(reading, descriptorOffset);
  const { size } = rmrDescriptorLayout;
  const inside = elementsInside(reading, descriptorCount, start, size, 'RMR descriptors');
  const found: RmrDescriptor[] = [];
  for (let index = 0; index < inside; index++) {
    const offset = start! + index * size;
    const values = structureValues(reading.context.bytes, rmrDescriptorLayout, offset, reading.end);
    const [base, length, reserved] = values;
    found.push({ index, offset, base: base!, length: length!, reserved: reserved! });
    reading.all.push(...values);
  }
  return found;
}

function readMappings(reading: Reading): IdMapping[] {
  const { mappingCount, mappingOffset } = reading.header;
  const start = reading.offset + Number(mappingOffset.value);
  const inside = elementsInside(
    reading,
    mappingCount,
    start,
    idMappingLayout.size,
    'ID mappings',
    'mapping-outside-node',
  );
  const found: IdMapping[] = [];
  for (let index = 0; index < inside; index++) {
    const offset = start + index * idMappingLayout.size;
    const values = structureValues(reading.context.bytes, idMappingLayout, offset, reading.end);
    reading.all.push(...values);
    found.push(idMapping(values, index, offset, reading.context.nodeAt));
  }
  return found;
}

/** A mapping of its five values; the target is looked up when somebody asks: it may lie behind. */
export function idMapping(
  values: readonly Value[],
  index: number,
  offset: number,
  nodeAt: NodeContext['nodeAt'],
): IdMapping {
  const [inputBase, count, outputBase, outputReference, flags] = values;
  return {
    index,
    offset,
    inputBase: inputBase!,
    count: count!,
    outputBase: outputBase!,
    outputReference: outputReference!,
    flags: flags!,
    single: (flags!.value & 1n) === 1n,
    get target() {
      return nodeAt(Number(outputReference!.value));
    },
  };
}
