// The lines of a new node: every field in order, computed ones as the compiler would, the rest as a machine usually has them.
import { nodeKinds } from '../../acpi/iort/decode-node';
import type { IortNode, IortTable, NodeKind } from '../../acpi/iort/model';
import { flagValue, writtenFields, type Field, type StructureLayout } from '../../acpi/layout/field';
import { bodyLayout, idMappingLayout, nodeTypes, writtenNodeHeader } from '../../acpi/layout/iort';
import { itsIdentifier, namePadding, rmrDescriptorLayout } from '../../acpi/layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout } from '../../acpi/layout/iort-smmu';
import { documentOfText } from '../../acpi/text/document';
import { targets } from '../../rules/iort/references';
import { usualRevision } from '../../acpi/layout/node-revisions';
import { sourceFile } from '../../text/source-file';
import {
  componentStream,
  freeIdentifier,
  freeInput,
  freeIts,
  freeName,
  freeOutput,
  freeRange,
  freeSegment,
  type MadtOf,
} from './free-values';
import { fieldHead, flagDigits, flagHead, integerDigits, linesOfField, type LineForm } from './line-text';

export type NewNodeKind = Exclude<NodeKind, 'unknown'>;

/** A line as it is to be written; `open` where the author has to fill something in. */
export interface NewLine {
  readonly head: string;
  readonly value: string;
  readonly isOpen: boolean;
}

/** `undefined` is a blank line. */
export type NewLines = readonly (NewLine | undefined)[];

/** A field or a blank line of what is to be written. */
type Part = { readonly field: Field; readonly value: string; readonly isOpen: boolean } | undefined;

/** What fields have in a new structure, where that is not their layout's default. */
const usual: Readonly<Record<string, bigint>> = {
  cacheCoherency: 1n,
  memoryFlags: 3n,
  span: 0x20000n,
};
const usualFlags: Readonly<Partial<Record<NewNodeKind, bigint>>> = { smmuv3: 1n, smmu: 3n };

/** What only the author knows. */
const openFields: ReadonlySet<string> = new Set([
  'base',
  'page0Base',
  'page1Base',
  'configBase',
  'segment',
  'deviceName',
  'gsiv',
  'eventGsiv',
  'priGsiv',
  'gerrGsiv',
  'syncGsiv',
  'overflowGsiv',
  'nodeReference',
  'identifiers',
]);

export interface NewNodeContext {
  readonly table: IortTable;
  readonly form: LineForm;
  /** Byte at which the node comes to lie. */
  readonly offset: number;
  readonly madt: MadtOf;
}

export function newNode(kind: NewNodeKind, context: NewNodeContext): NewLines {
  const { table, form } = context;
  const type = nodeKinds.indexOf(kind);
  const tableRevision = Number(table.header.revision?.value ?? 0n);
  const header = writtenNodeHeader(form.style, tableRevision).map(headerPart);
  const layout = bodyLayout(type)!;
  const parts: Part[] = [
    undefined,
    ...header,
    undefined,
    ...bodyParts(kind, layout, context),
    ...arrayParts(kind, context),
  ];
  const mapping = newMapping(kind, context);
  if (mapping.length > 0) parts.push(undefined, ...mapping);
  return written(parts, context, tableRevision);

  function headerPart(field: Field): Part {
    if (field.name === 'type') return partOf(field, BigInt(type));
    if (field.name === 'revision') return partOf(field, BigInt(usualRevision(kind, tableRevision)));
    if (field.name !== 'identifier' || tableRevision === 0) return partOf(field, 0n);
    const identifier = freeIdentifier(table);
    // iasl 20200925 takes it for a reserved field, which it sets to 0.
    const remark = form.style === '20200925' && identifier !== 0n ? '  //doorbell as written' : '';
    return { field, value: `${integerDigits(field, identifier)}${remark}`, isOpen: false };
  }
}

/** `ITS group`, as the list of types has it. */
export function kindTitle(kind: NewNodeKind): string {
  return nodeTypes[nodeKinds.indexOf(kind)]!.name;
}

function partOf(field: Field, value: bigint): Part {
  return { field, value: integerDigits(field, value), isOpen: openFields.has(field.name) };
}

function fieldValue(kind: NewNodeKind, { name, default: ownDefault }: Field): bigint {
  if (name === 'flags') return usualFlags[kind] ?? 0n;
  return usual[name] ?? ownDefault ?? 0n;
}

function bodyParts(kind: NewNodeKind, layout: StructureLayout, { table, form }: NewNodeContext): Part[] {
  const parts: Part[] = [];
  for (const field of writtenFields(layout, form.style)) {
    if (field.kind === 'heading') parts.push({ field, value: `[${field.note ?? field.label}]`, isOpen: false });
    else if (field.kind === 'name') {
      const name = freeName(kind === 'iwb' ? 'iwb' : 'named-component', table);
      parts.push({ field, value: `"${name}"`, isOpen: true });
    } else if (field.name === 'nodeReference') parts.push(partOf(field, referenceTo(table, counted)));
    else if (field.name === 'segment') parts.push(partOf(field, freeSegment(table)));
    else parts.push(partOf(field, fieldValue(kind, field)));
  }
  // The NUL ends the name at 28h: from there mappings are aligned.
  if (kind === 'named-component') parts.push({ field: namePadding, value: '00 00 00 00', isOpen: false });
  return parts;
}

const counted: readonly NodeKind[] = ['smmuv3', 'smmu', 'root-complex', 'named-component'];

function arrayParts(kind: NewNodeKind, { table, madt }: NewNodeContext): Part[] {
  if (kind === 'its-group') return [partOf(itsIdentifier, freeIts(table, madt()))];
  if (kind === 'smmu') {
    const interrupts = globalInterruptLayout.fields.map((field) => partOf(field, 0n));
    return [undefined, ...interrupts, { ...partOf(contextInterrupt, 0n)!, isOpen: true }];
  }
  if (kind !== 'rmr') return [];
  const descriptor = rmrDescriptorLayout.fields.map((field) => partOf(field, field.name === 'length' ? 0x10000n : 0n));
  return [undefined, ...descriptor];
}

/**
 * A new mapping of a kind of node, to what it may refer to; nothing for those that have none. `node` is the one that is there
 * already, whose mappings take some of the IDs.
 */
function newMapping(kind: NewNodeKind, { table }: Pick<NewNodeContext, 'table'>, node?: IortNode): Part[] {
  const allowed = targets[kind];
  // A PMCG has one only where its overflow is an MSI.
  if (allowed === undefined || kind === 'pmcg') return [];
  const isSingle = kind === 'named-component' || kind === 'iwb';
  const isRange = kind === 'root-complex' || kind === 'smmu' || kind === 'smmuv3';
  const target = kind === 'root-complex' ? freestSmmu(table, allowed) : referenceTo(table, allowed);
  const input = isRange && node !== undefined ? freeInput(node) : 0n;
  const range = freeRange(table, target, kind === 'root-complex' ? kind : 'smmu');
  const room = 0xffffn - ((input ?? 0n) & 0xffffn);
  const values: Readonly<Record<string, bigint>> = {
    inputBase: input ?? 0n,
    count: !isRange || input === undefined ? 0n : range.count < room ? range.count : room,
    outputBase: isRange ? range.base : kind === 'rmr' ? componentStream(table, target) : freeOutput(table, target),
    outputReference: target,
    flags: isSingle ? 1n : 0n,
  };
  const open = new Set(node === undefined && isRange ? ['outputReference'] : ['outputBase', 'outputReference']);
  if (node !== undefined && isRange) for (const name of ['inputBase', 'count']) open.add(name);
  return idMappingLayout.fields.map((field) => ({
    field,
    value: integerDigits(field, values[field.name] ?? 0n),
    isOpen: open.has(field.name),
  }));
}

/** The lines of a further mapping, of an interrupt, an identifier or a memory range of a node that is there. */
export function newElement(
  element: 'mapping' | 'identifier' | 'context-interrupt' | 'descriptor',
  { kind, node }: { readonly kind: NewNodeKind; readonly node: IortNode },
  context: NewNodeContext,
): NewLines {
  const parts = {
    mapping: () => [undefined, ...newMapping(kind === 'pmcg' ? 'iwb' : kind, context, node)],
    identifier: () => [partOf(itsIdentifier, freeIts(context.table, context.madt()))],
    'context-interrupt': () => [partOf(contextInterrupt, 0n)],
    descriptor: () => arrayParts('rmr', context),
  }[element]();
  const size = parts.reduce((sum, part) => sum + (part?.field.size ?? 0), 0);
  const placed = parts.map((part) =>
    part?.field.reference === 'table-offset'
      ? { ...part, value: moved(part.field, part.value, context.offset, size) }
      : part,
  );
  return plainLines(placed, context);
}

/** The first node of the kinds that is asked for first. */
function referenceTo({ nodes }: IortTable, kinds: readonly NodeKind[]): bigint {
  for (const kind of kinds) {
    const found = nodes.find((node) => node.kind === kind);
    if (found !== undefined) return BigInt(found.offset);
  }
  return 0n;
}

/** The first SMMU that gets no stream IDs yet; where all do, the first node that may be referred to. */
function freestSmmu(table: IortTable, kinds: readonly NodeKind[]): bigint {
  const named = new Set(
    table.nodes.flatMap(({ kind, mappings }) =>
      kind === 'rmr' ? [] : mappings.map(({ outputReference }) => outputReference.value),
    ),
  );
  const found = table.nodes.find(
    ({ kind, offset }) => (kind === 'smmuv3' || kind === 'smmu') && !named.has(BigInt(offset)),
  );
  return found === undefined ? referenceTo(table, kinds) : BigInt(found.offset);
}

/** The lines with what the compiler computes: the parts are compiled as the only node of a table. */
function written(parts: readonly Part[], context: NewNodeContext, tableRevision: number): NewLines {
  const { form, offset } = context;
  const plain = plainLines(parts, { ...context, form: { ...form, hasPrefixes: false } });
  const text = plain.map((line) => (line === undefined ? '' : line.head + line.value)).join('\n');
  const { fieldAt, iort } = documentOfText(sourceFile('', `${emptyTable(tableRevision)}${text}\n`));
  const node = iort?.nodes[0];
  if (node === undefined) return plain;
  let at = emptyTable(tableRevision).length;
  const places = plain.map((line) => {
    const start = at;
    at += (line === undefined ? 0 : line.head.length + line.value.length) + 1;
    return line === undefined ? undefined : fieldAt(start + line.head.length);
  });
  return plain.map((line, index) => {
    const place = places[index];
    if (line === undefined || place === undefined) return line;
    const { field, flag } = place;
    const head =
      flag === undefined
        ? fieldHead(form, field.label, offset + place.offset - node.offset, place.size || field.size)
        : flagHead(form, flag.label);
    const isComputed = field.computed !== undefined && flag === undefined && place.compiled !== undefined;
    const value = isComputed ? integerDigits(field, place.compiled) : line.value;
    return {
      ...line,
      head,
      value: field.reference === 'table-offset' ? moved(field, value, offset, node.length) : value,
    };
  });
}

/** A reference to what lies behind the place where bytes are put in: it moves with them. */
function moved(field: Field, digits: string, from: number, by: number): string {
  const reference = BigInt(`0x${digits}`);
  return integerDigits(field, reference >= BigInt(from) ? reference + BigInt(by) : reference);
}

/** Parts as lines, flags under their fields; offsets count on from where they begin. */
function plainLines(parts: readonly Part[], { form, offset }: NewNodeContext): NewLines {
  let at = offset;
  return parts.flatMap((part): NewLines => {
    if (part === undefined) return [undefined];
    const { field, value, isOpen } = part;
    const size =
      field.kind === 'bytes' ? value.split(' ').length : field.kind === 'name' ? value.length - 1 : field.size;
    const integer = /^[0-9A-F]+$/.test(value) ? BigInt(`0x${value}`) : 0n;
    const lines = linesOfField(field, form.style).map(({ flag }) =>
      flag === undefined
        ? { head: fieldHead(form, field.label, at, size), value, isOpen }
        : { head: flagHead(form, flag.label), value: flagDigits(flag, flagValue(flag, integer)), isOpen: false },
    );
    if (field.kind !== 'heading') at += size;
    return lines;
  });
}

function emptyTable(revision: number): string {
  const digits = revision.toString(16).padStart(2, '0');
  return [
    'Signature : "IORT"',
    'Table Length : 00000000',
    `Revision : ${digits}`,
    'Checksum : 00',
    'Oem ID : ""',
    'Oem Table ID : ""',
    'Oem Revision : 00000000',
    'Asl Compiler ID : ""',
    'Asl Compiler Revision : 00000000',
    'Node Count : 00000000',
    'Node Offset : 00000000',
    'Reserved : 00000000',
    '',
  ].join('\n');
}
