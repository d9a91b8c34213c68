// Which revision each issue of Arm DEN0049 gives to each type of node.
import type { NodeKind } from '../iort/model';

export type KnownNodeKind = Exclude<NodeKind, 'unknown'>;

/** Of each table revision in use, the lowest usual and the highest of each kind of node. */
const revisions: Readonly<Record<KnownNodeKind, Readonly<Record<Column, readonly [lowest: number, highest: number]>>>> =
  {
    'its-group': { 0: [0, 0], 3: [1, 1], 5: [1, 1], 6: [1, 1] },
    'named-component': { 0: [0, 2], 3: [3, 4], 5: [4, 4], 6: [4, 4] },
    'root-complex': { 0: [0, 1], 3: [3, 3], 5: [4, 4], 6: [4, 4] },
    smmu: { 0: [0, 1], 3: [3, 3], 5: [3, 3], 6: [3, 3] },
    smmuv3: { 0: [0, 2], 3: [4, 4], 5: [4, 4], 6: [5, 5] },
    pmcg: { 0: [0, 1], 3: [2, 2], 5: [2, 2], 6: [2, 2] },
    rmr: { 0: [0, 0], 3: [1, 1], 5: [3, 3], 6: [3, 3] },
    iwb: { 0: [0, 1], 3: [0, 1], 5: [0, 1], 6: [0, 1] },
  };

type Column = 0 | 3 | 5 | 6;

/** The issue that a table of this revision is read by. */
export function columnOf(table: number): Column {
  return table >= 6 ? 6 : table >= 4 ? 5 : table >= 1 ? 3 : 0;
}

/** The lowest usual and the highest revision of a kind of node in a table of some revision. */
export function nodeRevisions(kind: KnownNodeKind, table: number): readonly [lowest: number, highest: number] {
  return revisions[kind][columnOf(table)];
}

/** The revision that a new node of a kind has in a table of some revision. */
export function usualRevision(kind: KnownNodeKind, table: number): number {
  return nodeRevisions(kind, table)[1];
}

/** Whether a node of a kind may have this revision in a table of some revision without a word. */
export function hasUsualRevision(kind: KnownNodeKind, revision: number, table: number): boolean {
  const [lowest, highest] = nodeRevisions(kind, table);
  return lowest <= revision && revision <= highest;
}

/** The first table revision that has nodes of a kind. */
export function firstTableRevision(kind: KnownNodeKind): number {
  return kind === 'iwb' ? 7 : kind === 'rmr' ? 3 : 0;
}
