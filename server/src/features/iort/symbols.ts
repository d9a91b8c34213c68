// The outline of a table: its header, its nodes with what they are, and in them their mappings and memory ranges.
import type { IortNode, IortTable, NodeKind } from '../../acpi/iort/model';
import type { MadtEntry, MadtTable } from '../../acpi/madt/model';
import type { TableDocument } from '../../acpi/text/document';
import type { TextStructure } from '../../acpi/text/table-text';
import { formatRange, hex } from '../../text/numbers';
import { inputIds, nodeLabel, outputIds } from './names';

export interface TableSymbol {
  readonly name: string;
  readonly detail: string;
  readonly kind: NodeKind | 'header' | 'mapping' | 'descriptor' | 'entry';
  /** In the text: all lines, and the first of them. */
  readonly start: number;
  readonly end: number;
  readonly selection: { readonly start: number; readonly end: number };
  readonly children: readonly TableSymbol[];
}

export function symbols({ syntax, iort, madt, signature }: TableDocument): readonly TableSymbol[] {
  const found: TableSymbol[] = [];
  for (const structure of syntax.structures) {
    if (structure.kind === 'table-header') {
      found.push(symbol(structure, signature === '' ? 'Table' : signature, 'table header', 'header', []));
    } else if (structure.kind === 'node' && iort !== undefined) {
      found.push(nodeSymbol(structure, iort));
    } else if (structure.kind === 'subtable' && madt !== undefined) {
      found.push(entrySymbol(structure, madt));
    } else if (structure.kind === 'viot-node') {
      const { title } = structure.layout;
      const name = `${title.charAt(0).toUpperCase()}${title.slice(1)}`;
      found.push(symbol(structure, name, `at ${hex(structure.offset)}`, 'entry', []));
    }
  }
  return found;
}

function symbol(
  { start, end, headEnd }: TextStructure,
  name: string,
  detail: string,
  kind: TableSymbol['kind'],
  children: readonly TableSymbol[],
): TableSymbol {
  // Whatever a child says, it lies within its parent.
  const last = children.reduce((most, child) => Math.max(most, child.end), Math.max(end, headEnd));
  const selection = { start, end: headEnd };
  return { name: name === '' ? '(no name)' : name, detail, kind, start, end: last, selection, children };
}

function nodeSymbol(structure: TextStructure, table: IortTable): TableSymbol {
  const node = table.nodeAt(structure.offset);
  if (node === undefined) return symbol(structure, structure.layout.title, hex(structure.offset), 'unknown', []);
  const children = structure.children.flatMap((child) => childSymbol(child, node) ?? []);
  return symbol(structure, nodeLabel(node), `at ${hex(node.offset)}`, node.kind, children);
}

function childSymbol(structure: TextStructure, node: IortNode): TableSymbol | undefined {
  if (structure.kind === 'mapping') {
    const mapping = node.mappings.find(({ offset }) => offset === structure.offset);
    if (mapping === undefined) return undefined;
    const target = mapping.target === undefined ? hex(mapping.outputReference.value) : nodeLabel(mapping.target);
    return symbol(structure, inputIds(mapping), `→ ${outputIds(mapping)} of ${target}`, 'mapping', []);
  }
  if (structure.kind === 'descriptor' && node.kind === 'rmr') {
    const descriptor = node.descriptors.find(({ offset }) => offset === structure.offset);
    if (descriptor === undefined) return undefined;
    const start = descriptor.base.value;
    const range = formatRange({ start, end: start + descriptor.length.value - 1n });
    return symbol(structure, range, 'reserved memory', 'descriptor', []);
  }
  return undefined;
}

const entryTitles: Readonly<Record<MadtEntry['kind'], string>> = {
  'gic-cpu-interface': 'GIC CPU interface',
  'gic-distributor': 'GIC distributor',
  'gic-msi-frame': 'GICv2m MSI frame',
  'gic-redistributor': 'GIC redistributor',
  'gic-its': 'GIC ITS',
  other: 'Entry',
};

function entrySymbol(structure: TextStructure, { entries }: MadtTable): TableSymbol {
  const entry = entries.find(({ offset }) => offset === structure.offset);
  const title = entry === undefined ? structure.layout.title : entryTitles[entry.kind];
  const number = entry?.kind === 'gic-its' ? ` ${(entry.values.itsId?.value ?? 0n).toString()}` : '';
  return symbol(structure, `${title}${number}`, `at ${hex(structure.offset)}`, 'entry', []);
}
