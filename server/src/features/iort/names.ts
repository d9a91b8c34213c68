// What nodes and values of an IORT are called where there is little room: hints, symbols, lists of choices.
import type { IdMapping, IortNode, IortTable } from '../../acpi/iort/model';
import { hex } from '../../text/numbers';
import { lastAtOrBefore } from '../../text/in-order';
import { oncePer } from '../../text/once';

/** What a node is, by what tells it from others of its kind: `SMMUv3 0x2b400000`, `ITS group 0`, `\_SB_.DMA0`. */
export const nodeLabel = oncePer(labelOf);

function labelOf(node: IortNode): string {
  switch (node.kind) {
    case 'its-group':
      return `ITS group ${node.identifiers.map(({ value }) => value.toString()).join(', ')}`.trimEnd();
    case 'named-component':
      return node.values.deviceName?.text ?? 'named component';
    case 'root-complex':
      return `root complex, segment ${(node.values.segment?.value ?? 0n).toString()}`;
    case 'smmu':
      return `SMMU ${hex(node.values.base?.value ?? 0n)}`;
    case 'smmuv3':
      return `SMMUv3 ${hex(node.values.base?.value ?? 0n)}`;
    case 'pmcg':
      return `PMCG ${hex(node.values.page0Base?.value ?? 0n)}`;
    case 'rmr':
      return node.descriptors[0] === undefined ? 'RMR' : `RMR ${hex(node.descriptors[0].base.value)}`;
    case 'iwb':
      return node.values.deviceName?.text ?? `IWB ${(node.values.index?.value ?? 0n).toString()}`;
    case 'unknown':
      return `node of type ${hex(node.header.type.value)}`;
  }
}

/** The first and the last ID of a range of `count` + 1; the kernel adds in 32 bits, here nothing wraps. */
export function idRange(base: bigint, count: bigint): string {
  return count === 0n ? hex(base) : `${hex(base)}–${hex(base + count)}`;
}

/** What comes in at a mapping, as it is written. */
export function inputIds({ inputBase, count, single }: IdMapping): string {
  return single ? 'any ID' : idRange(inputBase.value, count.value);
}

/** The IDs that it gives. */
export function outputIds({ outputBase, count, single }: IdMapping): string {
  return idRange(outputBase.value, single ? 0n : count.value);
}

/** The node whose bytes hold an offset of the table. */
export function nodeHolding({ nodes }: IortTable, offset: number): IortNode | undefined {
  const node = nodes[lastAtOrBefore(nodes.length, (index) => nodes[index]!.offset, offset)];
  return node !== undefined && offset < node.end ? node : undefined;
}

/** The mapping of a node that holds an offset of the table. */
export function mappingHolding(node: IortNode, offset: number): IdMapping | undefined {
  return node.mappings.find((mapping) => offset >= mapping.offset && offset < mapping.offset + 20);
}

/** What IDs of a kind of node mean. */
export function idWords(kind: IortNode['kind']): string {
  switch (kind) {
    case 'smmu':
    case 'smmuv3':
      return 'stream ID';
    case 'its-group':
      return 'device ID';
    case 'root-complex':
      return 'requester ID';
    default:
      return 'ID';
  }
}
