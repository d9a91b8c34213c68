// Which bytes of the table Linux goes by when it reads a node. It does not look at the node's length for that.
import { nodeHeaderLayout } from '../../acpi/layout/iort';
import { itsGroupLayout, itsIdentifier, rmrDescriptorLayout } from '../../acpi/layout/iort-nodes';
import { bodyPlace, mappingSize, nodeType, type KernelNode, type KernelTable } from './kernel-table';

type LastFields = Readonly<Record<number, { readonly field: string; readonly size: number } | undefined>>;

/** The last field of each type that is read here. */
const lastFields: LastFields = {
  [nodeType.itsGroup]: { field: 'itsCount', size: itsGroupLayout.size },
  [nodeType.namedComponent]: { field: 'memorySizeLimit', size: 1 },
  [nodeType.rootComplex]: { field: 'memorySizeLimit', size: 1 },
  [nodeType.smmu]: { field: 'flags', size: 4 },
  [nodeType.smmuv3]: { field: 'deviceIdIndex', size: 4 },
  [nodeType.pmcg]: { field: 'page1Base', size: 8 },
  [nodeType.rmr]: { field: 'descriptorOffset', size: 4 },
};

/** The same of nodes of revision 0. */
const lastFieldsOfFirst: LastFields = {
  [nodeType.smmuv3]: { field: 'syncGsiv', size: 4 },
  [nodeType.pmcg]: { field: 'overflowGsiv', size: 4 },
};

/** Whether all of that lies in the node itself, whose length is so many bytes. */
export function staysInside(table: KernelTable, node: KernelNode, length: number): boolean {
  const { mappingCount, mappingOffset } = node;
  if (mappingCount > 0 && mappingOffset > 0 && mappingOffset + mappingCount * mappingSize > length) return false;
  const body = bodyEnd(table, node);
  return body !== undefined && body <= length && arrayEnd(table, node, length) <= length;
}

/** From the node's start. */
function bodyEnd(table: KernelTable, node: KernelNode): number | undefined {
  const last = lastFields[node.type];
  if (last === undefined) return nodeHeaderLayout.size;
  const { field, size } = (node.revision === 0 ? lastFieldsOfFirst[node.type] : undefined) ?? last;
  const place = bodyPlace(table, node, field);
  return place === undefined ? undefined : place - node.offset + size;
}

/** Of what follows the fields. */
function arrayEnd(table: KernelTable, node: KernelNode, length: number): number {
  switch (node.type) {
    case nodeType.itsGroup:
      return nodeHeaderLayout.size + itsGroupLayout.size + (table.number(node, 'itsCount') ?? 0) * itsIdentifier.size;
    case nodeType.rmr: {
      const first = table.number(node, 'descriptorOffset') ?? 0;
      return first === 0 ? 0 : first + (table.number(node, 'descriptorCount') ?? 0) * rmrDescriptorLayout.size;
    }
    case nodeType.namedComponent: {
      const name = bodyPlace(table, node, 'memorySizeLimit')! + 1;
      // With its NUL.
      return name - node.offset + table.text(name, length).length + 1;
    }
    default:
      return 0;
  }
}
