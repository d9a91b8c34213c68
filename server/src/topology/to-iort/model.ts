// What becomes of a devicetree as an IORT: the table's nodes, and what they could not take along.
import type { NodeDraft, TableDraft } from '../../acpi/iort/build';
import type { DeviceTree } from '../../tree/model';
import type { BusRule, Iommu, MapRule, MsiController, Topology } from '../model';

/** What the author gives to nodes of the tree, by their paths. */
export interface AcpiObjects {
  /** Object of the ACPI namespace, in padded segments: `\_SB_.USB0`. */
  readonly names: ReadonlyMap<string, string>;
  /** GIC ITS IDs as the MADT has them, and PCI segments as `_SEG` has them. */
  readonly numbers: ReadonlyMap<string, number>;
}

export interface IortSettings {
  /** Of the table; each kind of node has the revision that goes with it. */
  readonly revision: number;
  readonly objects: AcpiObjects;
  /** How the tree is to be read where kernels differ. */
  readonly mapRule: MapRule;
  readonly busRule: BusRule;
}

/**
 * `lost`: the tree says it, the table does not. `assumed`: the table says it, the tree does not. `elsewhere`: another table
 * must say it for the machine to be the same.
 */
export type NoteKind = 'lost' | 'assumed' | 'elsewhere';

export interface Note {
  readonly kind: NoteKind;
  /** Path of the node that it is about. */
  readonly node: string;
  readonly message: string;
}

export interface GeneratedIort {
  readonly draft: TableDraft;
  /** For each node of the draft, the paths of what it was made from. */
  readonly origins: readonly string[];
  readonly notes: readonly Note[];
  /** Paths of devices that would have nodes, had the author named their objects. */
  readonly unnamed: readonly string[];
}

/** What the parts share. The first nodes of the table are the ITS groups, then the SMMUs. */
export interface IortBuilder {
  readonly tree: DeviceTree;
  readonly topology: Topology;
  readonly settings: IortSettings;
  readonly notes: Note[];
  readonly unnamed: string[];
  /** The host bridge of each PCI segment. */
  readonly segments: Map<number, string>;
  /** Indices of nodes in the draft. */
  readonly its: ReadonlyMap<MsiController, number>;
  readonly smmus: ReadonlyMap<Iommu, number>;
}

/** A node of the draft with its origin. */
export interface MadeNode {
  readonly node: NodeDraft;
  readonly origin: string;
}

export function note(builder: Pick<IortBuilder, 'notes'>, kind: NoteKind, node: string, message: string): void {
  builder.notes.push({ kind, node, message });
}

type MadeKind = Exclude<NodeDraft['kind'], 'iwb'>;

/** Node revisions that go with a table's, as EDK2's generator and iasl's template write them. */
const revisions: Readonly<Record<0 | 3 | 5 | 6, Readonly<Record<MadeKind, number>>>> = {
  0: { 'its-group': 0, 'named-component': 2, 'root-complex': 1, smmu: 1, smmuv3: 2, pmcg: 1, rmr: 0 },
  3: { 'its-group': 1, 'named-component': 4, 'root-complex': 3, smmu: 3, smmuv3: 4, pmcg: 2, rmr: 1 },
  5: { 'its-group': 1, 'named-component': 4, 'root-complex': 4, smmu: 3, smmuv3: 4, pmcg: 2, rmr: 3 },
  6: { 'its-group': 1, 'named-component': 4, 'root-complex': 4, smmu: 3, smmuv3: 5, pmcg: 2, rmr: 3 },
};

export function nodeRevision({ revision }: IortSettings, kind: MadeKind): number {
  return revisions[revision >= 6 ? 6 : revision >= 5 ? 5 : revision >= 3 ? 3 : 0][kind];
}

/** Linux reads RMR nodes from this revision of the table on (drivers/acpi/arm64/iort.c iort_find_rmrs). */
export const firstRmrRevision = 5;
