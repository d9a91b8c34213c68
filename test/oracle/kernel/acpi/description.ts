// An IORT to boot with, as a value that can be made at random and made smaller. Mappings refer to nodes by name; a name of
// something that is gone leads out of the table.
import { buildIort } from '../../../../server/src/acpi/iort/build';
import type { MappingDraft, NodeDraft } from '../../../../server/src/acpi/iort/build';
import { checksumOf } from '../../../../server/src/acpi/table-header';

export interface AcpiDescription {
  readonly revision: number;
  readonly nodes: readonly NodeDescription[];
  /** The host bridge keeps the firmware's PCI configuration. */
  readonly preserved?: true | undefined;
  /** So many nodes more than there are. */
  readonly extraCount?: number | undefined;
  /** Bytes put elsewhere than a builder puts them: what a mapping offset or an array offset says. */
  readonly patches: readonly PatchDescription[];
  /** PCI functions of the machine: device and function on the root bus, or behind a root port. */
  readonly functions: readonly AcpiFunction[];
  readonly maps: readonly { readonly iova: bigint; readonly size: bigint }[];
  readonly premaps: readonly { readonly iova: bigint; readonly size: bigint }[];
}

export interface NodeDescription extends Omit<NodeDraft, 'mappings' | 'reference'> {
  readonly key: string;
  readonly mappings: readonly MappingDescription[];
}

export interface MappingDescription extends Omit<MappingDraft, 'target'> {
  /** A node's name; `0x…` for an offset. */
  readonly target: string;
}

/** Another value in a node's header. */
export interface PatchDescription {
  readonly node: string;
  /** From the node's start. */
  readonly offset: number;
  readonly size: 1 | 2 | 4;
  readonly value: number;
}

export interface AcpiFunction {
  readonly device: number;
  readonly function: number;
  /** Behind a root port at that device. */
  readonly behindPort?: true | undefined;
}

export const optionalAcpiKeys: ReadonlySet<string> = new Set(['extraCount', 'behindPort']);

const outside = 0x00ff_fff0;

/** The table's bytes; undefined where no table can hold it. */
export function renderTable({ revision, nodes, extraCount = 0, patches }: AcpiDescription): Uint8Array | undefined {
  const index = new Map(nodes.map(({ key }, at) => [key, at]));
  const target = (name: string): MappingDraft['target'] =>
    name.startsWith('0x') ? { offset: Number(name) } : (index.get(name) ?? { offset: outside });
  const result = buildIort({
    revision,
    nodes: nodes.map(({ mappings, ...node }, at) => ({
      ...node,
      identifier: at + 1,
      mappings: mappings.map((mapping) => ({ ...mapping, target: target(mapping.target) })),
    })),
  });
  if ('problem' in result) return undefined;
  const table = Buffer.from(result.bytes);
  table.writeUInt32LE(nodes.length + extraCount, 0x24);
  const starts: number[] = [];
  for (let at = table.readUInt32LE(0x28); at < table.length; at += table.readUInt16LE(at + 1)) starts.push(at);
  for (const { node, offset, size, value } of patches) {
    const start = starts[index.get(node) ?? -1];
    if (start !== undefined && start + offset + size <= table.length) table.writeUIntLE(value, start + offset, size);
  }
  table.writeUInt8(0, 9);
  table.writeUInt8(checksumOf(table), 9);
  return table;
}

/** QEMU's -device arguments. A function beside function 0 needs that one. */
export function renderFunctions({ functions }: AcpiDescription): string[] {
  return functions.flatMap(({ device, function: number, behindPort }, at) => {
    const virtio = 'virtio-rng-pci,disable-legacy=on,iommu_platform=on';
    const hasMore = functions.some((other) => other.device === device && other.function > 0);
    const place = `addr=${device.toString(16)}.${String(number)}${hasMore && number === 0 ? ',multifunction=on' : ''}`;
    if (behindPort !== true) return [`${virtio},${place}`];
    const port = `rp${String(at)}`;
    return [`pcie-root-port,id=${port},chassis=${String(at + 1)},${place}`, `${virtio},bus=${port},addr=0.0`];
  });
}
