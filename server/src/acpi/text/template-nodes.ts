// The nodes of a new IORT: each has IDs, interrupts and addresses of its own, and refers to what there is.
import type { MappingDraft, NodeDraft } from '../iort/build';
import { usualRevision, type KnownNodeKind } from '../layout/node-revisions';

/** A node that a new table shall have; of the revision that goes with the table's where none is said. */
export interface WantedNode {
  readonly kind: KnownNodeKind;
  readonly revision?: number | undefined;
}

const smmus: readonly KnownNodeKind[] = ['smmuv3', 'smmu'];
const masters: readonly KnownNodeKind[] = ['root-complex', 'named-component'];

/** What is missing of which the nodes must refer to one: it belongs in front of them. */
export function neededNodes(nodes: readonly WantedNode[]): readonly WantedNode[] {
  const has = (kinds: readonly KnownNodeKind[]): boolean => nodes.some(({ kind }) => kinds.includes(kind));
  const needsSmmu = (has(['rmr']) && !has(smmus)) || (has(['pmcg']) && !has([...smmus, ...masters]));
  const needsDevice = has(['rmr']) && !has(masters);
  const needsIts = has(['iwb']) || (has(masters) && !needsSmmu && !has(smmus));
  return [
    ...(needsIts && !has(['its-group']) ? [{ kind: 'its-group' } as const] : []),
    ...(needsSmmu ? [{ kind: 'smmuv3' } as const] : []),
    ...(needsDevice ? [{ kind: 'named-component' } as const] : []),
  ];
}

/** iasl has one size for all revisions of a node. */
const fixedSizes: Readonly<Partial<Record<KnownNodeKind, number>>> = {
  smmuv3: 0x44,
  'root-complex': 0x24,
  pmcg: 0x28,
};

/** IDs of requesters and streams that one root complex or SMMU has, as far as nobody says otherwise. */
const allIds = 0x10000;
const firstGsiv = 0x6a;

/** The nodes in their order. The SMMUv3 of a table that has one of each is that of QEMU's machine `virt`. */
export function draftsOf(wanted: readonly WantedNode[], tableRevision: number): readonly NodeDraft[] {
  const placed = placesOf(wanted);
  let gsiv = firstGsiv;
  return wanted.map(({ kind, revision = usualRevision(kind, tableRevision) }, index) => {
    const rank = placed.of(kind).indexOf(index);
    const draft = { kind, revision, ...(tableRevision === 0 ? {} : { identifier: index }) };
    const fixedSize = fixedSizes[kind];
    return { ...draft, ...(fixedSize && { fixedSize }), ...body(kind, index, rank) };
  });

  function body(kind: KnownNodeKind, index: number, rank: number): Omit<NodeDraft, 'kind' | 'revision'> {
    const mappings = placed.mappingsOf(index);
    const memory = { cacheCoherency: 1, memoryFlags: 3, memorySizeLimit: 0x40 };
    switch (kind) {
      case 'its-group':
        return { identifiers: [rank] };
      case 'named-component':
        // iasl shows what is behind a name only where there is padding.
        return { fields: memory, name: objectName('DEV', rank), padding: new Uint8Array(4), mappings };
      case 'root-complex':
        return { fields: { ...memory, segment: rank }, mappings };
      case 'smmu': {
        const [global, context] = [gsiv++, gsiv++];
        const fields = { base: 0x9400000 + rank * 0x20000, span: 0x20000, model: 1, flags: 3 };
        return { fields, globalInterrupts: { gsiv: global }, contextInterrupts: [context], mappings };
      }
      case 'smmuv3': {
        const [eventGsiv, priGsiv, syncGsiv, gerrGsiv] = [gsiv++, gsiv++, gsiv++, gsiv++];
        const interrupts = { eventGsiv, priGsiv, gerrGsiv, syncGsiv };
        return { fields: { base: 0x9050000 + rank * 0x20000, flags: 1, ...interrupts }, mappings };
      }
      case 'pmcg': {
        const page0Base = 0x9800000 + rank * 0x20000;
        const fields = { page0Base, page1Base: page0Base + 0x10000, overflowGsiv: gsiv++ };
        return { fields, reference: placed.countedBy(rank) };
      }
      case 'rmr':
        return { descriptors: [{ base: 0x90000000 + rank * 0x10000, length: 0x10000 }], mappings };
      case 'iwb':
        return {
          fields: { configBase: 0x9c00000 + rank * 0x10000, index: rank },
          name: objectName('IWB', rank),
          // iasl has no line for padding here: it would drop it, and no reference past it would hold.
          padding: new Uint8Array(),
          mappings,
        };
    }
  }
}

/** Who refers to whom with which IDs. Nodes are indices. */
function placesOf(wanted: readonly WantedNode[]) {
  const of = (...kinds: readonly KnownNodeKind[]): number[] =>
    wanted.flatMap(({ kind }, index) => (kinds.includes(kind) ? [index] : []));
  const groups = of('its-group');
  const translating = of(...smmus);
  const complexes = of('root-complex');
  const components = of('named-component');
  const mappings = new Map<number, MappingDraft>();
  /** Device IDs are counted through: those of each SMMU, then those of who has none. */
  let nextDevice = 0;
  for (const [rank, smmu] of translating.entries()) {
    const target = groups[rank % groups.length];
    if (target === undefined) continue;
    mappings.set(smmu, { inputBase: 0, count: allIds - 1, outputBase: nextDevice, target });
    nextDevice += allIds;
  }
  const behind = new Map<number, { readonly complexes: number[]; readonly components: number[] }>(
    translating.map((smmu) => [smmu, { complexes: [], components: [] }]),
  );
  for (const [rank, complex] of complexes.entries()) {
    if (translating.length > 0) behind.get(translating[rank % translating.length]!)!.complexes.push(complex);
    else toGroup(complex, allIds);
  }
  const free = translating.filter((smmu) => behind.get(smmu)!.complexes.length === 0);
  const roomy = free.length > 0 ? free : translating.slice(-1);
  for (const [rank, component] of components.entries()) {
    if (roomy.length > 0) behind.get(roomy[rank % roomy.length]!)!.components.push(component);
    else toGroup(component, 1);
  }
  for (const [target, { complexes: hosts, components: devices }] of behind) {
    const shares = hosts.length + (devices.length > 0 ? 1 : 0);
    const share = shares <= 1 ? allIds : 2 ** Math.floor(Math.log2(allIds / shares));
    for (const [rank, host] of hosts.entries())
      mappings.set(host, { inputBase: 0, count: share - 1, outputBase: rank * share, target });
    for (const [rank, device] of devices.entries())
      mappings.set(device, { inputBase: 0, count: 0, outputBase: hosts.length * share + rank, target, flags: 1 });
  }
  for (const bridge of of('iwb')) toGroup(bridge, 1);
  for (const [rank, range] of of('rmr').entries()) mappings.set(range, streamOf(rank));
  return { of, mappingsOf, countedBy };

  function toGroup(node: number, count: number): void {
    const target = groups[0];
    if (target === undefined) return;
    mappings.set(node, { inputBase: 0, count: count - 1, outputBase: nextDevice, target, flags: count === 1 ? 1 : 0 });
    nextDevice += count;
  }

  /** One of a device that reserves: of a named component, or else of the first function of a root complex. */
  function streamOf(rank: number): MappingDraft {
    const devices = components.length > 0 ? components : complexes;
    const device = devices.length === 0 ? undefined : mappings.get(devices[rank % devices.length]!);
    const { outputBase, target } = device ?? { outputBase: 0, target: translating[0]! };
    return { inputBase: 0, count: 0, outputBase, target };
  }

  function mappingsOf(node: number): MappingDraft[] {
    const mapping = mappings.get(node);
    return mapping === undefined ? [] : [mapping];
  }

  /** Whose counters a PMCG has. */
  function countedBy(rank: number): number {
    const counted = translating.length > 0 ? translating : of(...masters);
    return counted[rank % counted.length]!;
  }
}

/** `\_SB_.DEV0`: names have four characters. */
function objectName(stem: string, rank: number): string {
  const digits = rank.toString(16).toUpperCase();
  return `\\_SB_.${stem.slice(0, 4 - digits.length)}${digits}`;
}
