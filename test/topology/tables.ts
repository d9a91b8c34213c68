// IORTs from drafts, and the topologies that they describe, for tests.
import { buildIort, type MappingDraft, type NodeDraft } from '../../server/src/acpi/iort/build';
import { decodeIort } from '../../server/src/acpi/iort/decode';
import type { MadtTable } from '../../server/src/acpi/madt/model';
import { topologyFromAcpi } from '../../server/src/topology/from-acpi';
import type { Topology } from '../../server/src/topology/model';

export interface TableSettings {
  readonly revision?: number;
  readonly preserved?: boolean;
  readonly madt?: MadtTable;
}

/** Nodes by the places of a draft: an ITS group at 0, an SMMUv3 at 1, a root complex at 2, and what the test adds. */
export const its = 0;
export const smmu = 1;
export const rootComplex = 2;

export function range(
  inputBase: number,
  count: number,
  outputBase: number,
  target: MappingDraft['target'],
): MappingDraft {
  return { inputBase, count, outputBase, target };
}

export function single(outputBase: number, target: MappingDraft['target']): MappingDraft {
  return { inputBase: 0, count: 0, outputBase, target, flags: 1 };
}

export function itsGroup(...identifiers: number[]): NodeDraft {
  return { kind: 'its-group', revision: 1, identifiers };
}

export function smmuv3(
  mappings: readonly MappingDraft[],
  fields: Record<string, bigint | number> = {},
  revision = 4,
): NodeDraft {
  const wired = { base: 0x9050000n, flags: 1, eventGsiv: 0x6a, priGsiv: 0x6b, gerrGsiv: 0x6d, syncGsiv: 0x6c };
  return { kind: 'smmuv3', revision, fixedSize: 0x44, fields: { ...wired, ...fields }, mappings };
}

export function complex(mappings: readonly MappingDraft[], fields: Record<string, bigint | number> = {}): NodeDraft {
  return { kind: 'root-complex', revision: 3, fields: { cacheCoherency: 1, memorySizeLimit: 64, ...fields }, mappings };
}

export function component(name: string, mappings: readonly MappingDraft[]): NodeDraft {
  return { kind: 'named-component', revision: 4, name, fields: { cacheCoherency: 1, memorySizeLimit: 40 }, mappings };
}

export function rmr(
  mappings: readonly MappingDraft[],
  descriptors: readonly (readonly [base: bigint, length: bigint])[],
  flags = 0,
): NodeDraft {
  const all = descriptors.map(([base, length]) => ({ base, length }));
  return { kind: 'rmr', revision: 3, fields: { flags }, descriptors: all, mappings };
}

/** QEMU's machine: everything behind the SMMU, and that behind the ITS. */
export function standard(...more: NodeDraft[]): NodeDraft[] {
  return [itsGroup(0), smmuv3([range(0, 0xffff, 0, its)]), complex([range(0, 0xffff, 0, smmu)]), ...more];
}

export function tableBytes(nodes: readonly NodeDraft[], revision = 5): Uint8Array {
  const built = buildIort({ revision, nodes });
  if ('problem' in built) throw new Error(built.problem);
  return built.bytes;
}

export function tableTopology(bytes: Uint8Array, { preserved = true, madt }: TableSettings = {}): Topology {
  const placeOf = (): undefined => undefined;
  return topologyFromAcpi({ table: decodeIort(bytes), placeOf }, madt && { table: madt, placeOf }, {
    preserveBootConfiguration: preserved,
  });
}

export function topologyOfNodes(nodes: readonly NodeDraft[], settings: TableSettings = {}): Topology {
  return tableTopology(tableBytes(nodes, settings.revision), settings);
}
