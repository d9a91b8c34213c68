// The IORT's fixed part and its nodes as lines, in order of their bytes (ACPICA source/common/dmtbdump2.c AcpiDmDumpIort).
import type { IortNode, IortTable, Value } from '../iort/model';
import {
  bodyLayout,
  idMappingLayout,
  iortTableLayout,
  nodeHeaderLayout,
  optionalPadding,
  writtenNodeHeader,
} from '../layout/iort';
import { namePadding, rmrDescriptorLayout } from '../layout/iort-nodes';
import { globalInterruptLayout } from '../layout/iort-smmu';
import type { StructureLayout, TextStyle } from '../layout/field';
import { tableHeaderLayout } from '../layout/table-header';
import { bodyEndsLabel, ownBytesLabel } from './own-lines';
import { blank, bufferLine, fieldLine, nameLine, ownBytesLines, ownLine, plain, type Printer } from './print-lines';
import { printLayout } from './print-structure';

const globalInterrupt = globalInterruptLayout.fields[0]!;

/** Values that are printed together: an element of an array. */
interface Element {
  readonly offset: number;
  readonly end: number;
  readonly values: readonly Value[];
  /** Elements of several fields stand after a blank line. */
  readonly isBlock: boolean;
}

export function printIortNodes(printer: Printer, table: IortTable): void {
  const { bytes } = table;
  blank(printer);
  const fixedEnd = printLayout(printer, iortTableLayout, tableHeaderLayout.size, table.end);
  const first = table.nodes[0];
  if (first !== undefined && first.offset > fixedEnd) bufferLine(printer, optionalPadding, fixedEnd, first.offset);
  let covered = first?.offset ?? fixedEnd;
  const revision = Number(table.header.revision?.value ?? 0n);
  for (const node of table.nodes) {
    printNode(printer, node, revision);
    covered = node.end;
  }
  ownBytesLines(printer, ownBytesLabel, covered, bytes.length);
  blank(printer);
}

function printNode(printer: Printer, node: IortNode, tableRevision: number): void {
  const { offset, end, header } = node;
  blank(printer);
  const writtenOf = (_: StructureLayout, style: TextStyle) => writtenNodeHeader(style, tableRevision);
  const headerEnd = printLayout(printer, nodeHeaderLayout, offset, offset + nodeHeaderLayout.size, { writtenOf });
  const mappingOffsetLine = printer.text.lineCount - 1;
  blank(printer);
  const layout = bodyLayout(Number(header.type.value));
  let covered = headerEnd;
  if (layout === undefined) {
    const type = header.type.value.toString(16).toUpperCase();
    plain(printer, `**** Unknown IORT node type 0x${type}`);
    if (node.mappings.length === 0 && covered === end) plain(printer, ownLine(bodyEndsLabel, '0010'));
  } else {
    covered = printBody(printer, node, layout, headerEnd, mappingOffsetLine);
  }
  const elements = apart(elementsOf(node), covered);
  const lacksInterrupts = node.kind === 'smmu' && !elements.some(({ values }) => values[0]!.field === globalInterrupt);
  if (lacksInterrupts && isWhole(node, layout)) plain(printer, ownLine(bodyEndsLabel, hexadecimal(covered - offset)));
  for (const element of elements) {
    ownBytesLines(printer, ownBytesLabel, covered, element.offset);
    if (element.isBlock) blank(printer);
    for (const value of element.values) fieldLine(printer, value.field, value.offset);
    covered = element.end;
  }
  ownBytesLines(printer, ownBytesLabel, covered, end);
}

/** The body's fields, its name and the padding behind; returns where they end. */
function printBody(
  printer: Printer,
  node: IortNode,
  layout: StructureLayout,
  start: number,
  mappingOffsetLine: number,
): number {
  const values: readonly Value[] = Object.values<Value>(node.values);
  const named = values.find(({ field, size }) => field.kind === 'name' && size > 0);
  const fixed = values.filter(({ field }) => field.kind !== 'name');
  const limit = fixed.reduce((most, value) => Math.max(most, value.offset + value.size), start);
  const covered = printLayout(printer, layout, start, limit, { origin: node.offset });
  if (named === undefined) {
    const hasName = layout.fields.some(({ kind }) => kind === 'name');
    if (hasName && isWhole(node, layout)) plain(printer, ownLine(bodyEndsLabel, hexadecimal(covered - node.offset)));
    return covered;
  }
  nameLine(printer, named.field, named.offset, named.size);
  const nameEnd = named.offset + named.size;
  if (node.kind !== 'named-component') return nameEnd;
  const next = elementsOf(node).find(({ offset }) => offset >= nameEnd)?.offset ?? node.end;
  if (next > nameEnd) {
    bufferLine(printer, namePadding, nameEnd, next);
  } else if (node.header.mappingOffset.value !== BigInt(nameEnd - node.offset)) {
    // Without a line for the padding, a compiler would pad up to this offset, or refuse it.
    printer.text.remark(mappingOffsetLine, 'as written');
  }
  return next;
}

function hexadecimal(offset: number): string {
  return offset.toString(16).toUpperCase().padStart(4, '0');
}

/** Whether no field of a fixed size is missing. */
function isWhole(node: IortNode, layout: StructureLayout | undefined): boolean {
  const sizes = Object.values<Value>(node.values).map(({ field, size }) => (field.kind === 'name' ? 0 : size));
  return sizes.reduce((sum, size) => sum + size, 0) === layout?.size;
}

/** Elements, in order, that lie behind `covered` and do not begin in the one before. */
function apart(elements: readonly Element[], covered: number): readonly Element[] {
  let reached = covered;
  return elements.filter(({ offset, end }) => {
    const isApart = offset >= reached;
    if (isApart) reached = end;
    return isApart;
  });
}

/** The elements of a node's arrays and its mappings, in order of their bytes. */
function elementsOf(node: IortNode): Element[] {
  const elements: Element[] = [];
  const add = (values: readonly Value[], isBlock: boolean): void => {
    const { offset } = values[0]!;
    const last = values.at(-1)!;
    elements.push({ offset, end: last.offset + last.size, values, isBlock });
  };
  if (node.kind === 'its-group') for (const value of node.identifiers) add([value], false);
  if (node.kind === 'smmu') {
    const { globalInterrupts } = node;
    if (globalInterrupts !== undefined) add(inLayout(globalInterruptLayout, globalInterrupts), true);
    for (const value of [...node.contextInterrupts, ...node.pmuInterrupts]) add([value], false);
  }
  if (node.kind === 'rmr') {
    for (const descriptor of node.descriptors) add(inLayout(rmrDescriptorLayout, descriptor), true);
  }
  for (const mapping of node.mappings) add(inLayout(idMappingLayout, mapping), true);
  return elements.sort((a, b) => a.offset - b.offset);
}

function inLayout<Name extends string>(
  layout: StructureLayout<Name>,
  values: Readonly<Record<Name, Value>>,
): readonly Value[] {
  return layout.fields.map(({ name }) => values[name]);
}
