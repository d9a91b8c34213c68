// The text that a new IORT starts with: the machine `virt` of QEMU with its SMMUv3, of a revision of Arm DEN0049.
import { buildIort, type NodeDraft } from '../iort/build';
import type { TextStyle } from '../layout/field';
import { printTable } from './print';

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

/** Revisions of the nodes of a template by the table's: ITS group, SMMUv3, root complex. */
const nodeRevisions: ReadonlyMap<number, readonly [its: number, smmu: number, complex: number]> = new Map([
  [0, [0, 2, 1]],
  [3, [1, 4, 3]],
  [5, [1, 4, 4]],
  [6, [1, 5, 4]],
  [7, [1, 5, 4]],
]);

/** The table's revision for the name of an issue or a number; undefined for what is none, or withdrawn. */
export function templateRevision(name: string): number | undefined {
  const wanted = name.toLowerCase();
  for (const [issue, revision] of issues) if (issue.toLowerCase() === wanted) return revision;
  return nodeRevisions.has(Number(name)) && /^\d$/.test(name) ? Number(name) : undefined;
}

/** Both forms of iasl compile it: of the root complex there is what both know. */
export function newIort(revision: number, style: TextStyle): string {
  const [its, smmu, complex] = nodeRevisions.get(revision) ?? nodeRevisions.get(6)!;
  const all = { inputBase: 0, count: 0xffff, outputBase: 0 };
  const numbered = (node: NodeDraft, identifier: number): NodeDraft =>
    revision === 0 ? node : { ...node, identifier };
  const nodes: readonly NodeDraft[] = [
    { kind: 'its-group', revision: its, identifiers: [0] },
    {
      kind: 'smmuv3',
      revision: smmu,
      fixedSize: 0x44,
      fields: {
        base: 0x9050000,
        flags: 1,
        eventGsiv: 0x6a,
        priGsiv: 0x6b,
        gerrGsiv: 0x6d,
        syncGsiv: 0x6c,
      },
      mappings: [{ ...all, target: 0 }],
    },
    {
      kind: 'root-complex',
      revision: complex,
      fixedSize: 0x24,
      fields: { cacheCoherency: 1, memoryFlags: 3, memorySizeLimit: 0x40 },
      mappings: [{ ...all, target: 1 }],
    },
  ];
  const built = buildIort({
    revision,
    header: { oemId: 'OEM', oemTableId: 'TEMPLATE', oemRevision: 1, creatorId: 'DRBL', creatorRevision: 1 },
    nodes: nodes.map(numbered),
  });
  if ('problem' in built) throw new Error(built.problem);
  return printTable(built.bytes, { style });
}
