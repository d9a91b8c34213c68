// How rules speak of a table: names of its nodes, keys by which rules silence each other, places in its text.
import type { IdMapping, IortNode, IortTable, RmrNode } from '../../acpi/iort/model';
import type { Severity } from '../../text/diagnostic';
import { oncePer } from '../../text/once';
import type { SourceRange } from '../../text/source-file';
import { hex } from '../numbers';
import type { Finding } from '../rule';
import type { TableInput } from '../table-rule';
import { derailed } from './derailed';
import { lastAtOrBefore } from '../../text/in-order';

/** Bytes from the table's start; every value is one. */
export interface Bytes {
  readonly offset: number;
  readonly size: number;
}

const titles: Readonly<Record<IortNode['kind'], string>> = {
  'its-group': 'ITS group',
  'named-component': 'named component',
  'root-complex': 'root complex',
  smmu: 'SMMU',
  smmuv3: 'SMMUv3',
  pmcg: 'PMCG',
  rmr: 'RMR node',
  iwb: 'IWB',
  unknown: 'node',
};

/** `SMMUv3 at 0x48`, `named component \_SB_.DMA0`, `root complex of segment 0x1`. */
export function nodeName(node: IortNode): string {
  const title = titles[node.kind];
  if (node.kind === 'named-component' || node.kind === 'iwb') {
    const name = node.values.deviceName?.text ?? '';
    if (name !== '') return `${title} ${name}`;
  }
  if (node.kind === 'root-complex' && node.values.segment !== undefined) {
    return `${title} of segment ${hex(node.values.segment.value)}`;
  }
  return `${title} at ${hex(node.offset)}`;
}

/** The node with an article, as a sentence has it. */
export function theNode(node: IortNode): string {
  return `the ${nodeName(node)}`;
}

export function nodeKey({ offset }: IortNode): string {
  return `node ${offset}`;
}

export function mappingKey({ offset }: IdMapping): string {
  return `mapping ${offset}`;
}

/** What a finding may say beside its place and message. */
export type FindingRest = Partial<Pick<Finding, 'about' | 'restsOn' | 'evidence' | 'fixes'>> & {
  readonly severity?: Severity | undefined;
};

/** A finding at some bytes; where the text does not show them, it stands at the node's first line or the table's. */
export function finding(
  input: TableInput,
  at: Bytes,
  node: IortNode | undefined,
  message: string,
  rest: FindingRest = {},
): Finding {
  const { severity, restsOn = [], ...others } = rest;
  const place = placeOf(input, at);
  return {
    about: node === undefined ? 'table' : nodeKey(node),
    range: place ?? placeOfNode(input, node),
    ...(place === undefined ? { isElsewhere: true } : {}),
    node: node === undefined ? undefined : nodeName(node),
    subject: node,
    // Of a text, lines and columns are the places that people know.
    ...(input.document.origin === 'binary' ? { offset: at.offset } : {}),
    message: message.charAt(0).toUpperCase() + message.slice(1),
    ...(severity === undefined ? {} : { severity }),
    ...others,
    restsOn: node === undefined ? restsOn : [nodeKey(node), ...wayTo(input, node.offset), ...restsOn],
  };
}

/** Keys of what keeps a node from being where it should: a length or an offset in front of it that leads elsewhere. */
export function wayTo({ table }: Pick<TableInput, 'table'>, offset: number): readonly string[] {
  const found = derailed(table);
  if (found === undefined) return [];
  if (found.node === undefined) return ['table'];
  return offset > found.node.offset ? [nodeKey(found.node)] : [];
}

export function placeOf({ document }: TableInput, at: Bytes): SourceRange | undefined {
  return document.placeOf({ offset: at.offset, size: at.size }, 'value');
}

function placeOfNode(input: TableInput, node: IortNode | undefined): SourceRange | undefined {
  const { header } = input.table;
  const first = node?.header.type ?? header.signature;
  return first === undefined ? undefined : placeOf(input, first);
}

/** Those of the nodes to look at that are of some kinds, in the order in which they lie. */
export function nodesOf<Kind extends IortNode['kind']>(
  { nodes }: Pick<TableInput, 'nodes'>,
  ...kinds: readonly Kind[]
): readonly Extract<IortNode, { readonly kind: Kind }>[] {
  const lists = kinds.map((kind) => byKind(nodes).get(kind)).filter((list) => list !== undefined);
  const found = lists.length === 1 ? lists[0]! : lists.flat().sort((a, b) => a.index - b.index);
  return found as readonly Extract<IortNode, { readonly kind: Kind }>[];
}

/** Without one the machine has no ITS, or MSIs go another way. */
export function hasItsGroup({ nodes }: Pick<IortTable, 'nodes'>): boolean {
  return nodes.some(({ kind }) => kind === 'its-group');
}

/** The same of all nodes of the table, for rules that look at single nodes and have to know others. */
export function allNodesOf<Kind extends IortNode['kind']>(
  { table }: Pick<TableInput, 'table'>,
  ...kinds: readonly Kind[]
): readonly Extract<IortNode, { readonly kind: Kind }>[] {
  return nodesOf(table, ...kinds);
}

const byKind = oncePer((nodes: readonly IortNode[]): ReadonlyMap<IortNode['kind'], readonly IortNode[]> => {
  const found = new Map<IortNode['kind'], IortNode[]>();
  for (const node of nodes) {
    const same = found.get(node.kind);
    if (same === undefined) found.set(node.kind, [node]);
    else same.push(node);
  }
  return found;
});

/** `the second mapping`, for nodes that have several. */
export function mappingName(node: IortNode, { index }: IdMapping): string {
  return node.mappings.length === 1 ? 'the mapping' : `mapping ${index + 1} of ${node.mappings.length}`;
}

export function descriptorName(node: RmrNode, index: number): string {
  return node.descriptors.length === 1 ? 'the descriptor' : `descriptor ${index + 1} of ${node.descriptors.length}`;
}

export function tableRevision({ table }: Pick<TableInput, 'table'>): number {
  return Number(table.header.revision?.value ?? 0n);
}

export function nodeRevision(node: IortNode): number {
  return Number(node.header.revision.value);
}

/** IDs, both ends included: `0x100–0x1ff`, or the one. */
export function rangeText({ start, end }: { readonly start: bigint; readonly end: bigint }): string {
  return start === end ? hex(start) : `${hex(start)}–${hex(end)}`;
}

/** The node whose bytes an offset lies in. */
export function nodeAround({ nodes }: TableInput['table'], offset: number): IortNode | undefined {
  const node = nodes[lastAtOrBefore(nodes.length, (index) => nodes[index]!.offset, offset)];
  return node !== undefined && offset < Math.max(node.end, node.offset + 16) ? node : undefined;
}
