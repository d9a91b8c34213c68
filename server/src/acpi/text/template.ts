// The text that a new IORT starts with: the machine `virt` of QEMU with its SMMUv3, or other nodes, of a revision of Arm DEN0049.
import { buildIort } from '../iort/build';
import type { TextStyle } from '../layout/field';
import { printTable } from './print';
import { draftsOf, neededNodes, type WantedNode } from './template-nodes';

/** Issues of Arm DEN0049 and the revision of the table in each. Those of E, E.a and E.c were withdrawn. */
export const issues: ReadonlyMap<string, number> = new Map([
  ['A', 0],
  ['B', 0],
  ['C', 0],
  ['D', 0],
  ['E.b', 3],
  ['E.d', 5],
  ['E.e', 6],
  ['E.f', 6],
  ['E.g', 7],
]);

/** The table's revision for the name of an issue or a number; undefined for what is none, or withdrawn. */
export function templateRevision(name: string): number | undefined {
  const wanted = name.toLowerCase();
  for (const [issue, revision] of issues) if (issue.toLowerCase() === wanted) return revision;
  return [...issues.values()].find((revision) => String(revision) === name);
}

const usualNodes: readonly WantedNode[] = [{ kind: 'its-group' }, { kind: 'smmuv3' }, { kind: 'root-complex' }];

/**
 * Both forms of iasl compile it, each what it knows: of the root complex there is what both know. What the nodes must refer to
 * and is not among them is put in front.
 */
export function newIort(revision: number, style: TextStyle, nodes = usualNodes): string {
  const built = buildIort({
    revision,
    header: { oemId: 'OEM', oemTableId: 'TEMPLATE', oemRevision: 1, creatorId: 'DRBL', creatorRevision: 1 },
    nodes: draftsOf([...neededNodes(nodes), ...nodes], revision),
  });
  if ('problem' in built) throw new Error(built.problem);
  return printTable(built.bytes, { style });
}
