// Values that a new part of an IORT may have without getting in the way of those that are there.
import type { IortNode, IortTable, NodeKind } from '../../acpi/iort/model';
import type { MadtTable } from '../../acpi/madt/model';

/** The MADT of the same machine, where it is known: it has the ITS. Asked for when it is needed: it may have to be read. */
export type MadtOf = () => MadtTable | undefined;

/** One above the highest that a node has: each node of a table has its own. */
export function freeIdentifier({ nodes }: IortTable): bigint {
  return nodes.reduce(
    (most, { header }) => (header.identifier.value >= most ? header.identifier.value + 1n : most),
    0n,
  );
}

/** `\_SB_.DEV0` to `\_SB_.DEVF`, then `\_SB_.D010` and on. */
export function freeName(kind: 'named-component' | 'iwb', { nodes }: IortTable): string {
  const prefix = kind === 'iwb' ? 'IWB' : 'DEV';
  const taken = new Set(
    nodes.map((node) => (node.kind === 'named-component' || node.kind === 'iwb' ? node.values.deviceName?.text : '')),
  );
  for (let number = 0; number < 0x1000; number++) {
    const digits = number.toString(16).toUpperCase();
    const name = `\\_SB_.${number < 16 ? prefix + digits : prefix.charAt(0) + digits.padStart(3, '0')}`;
    if (!taken.has(name)) return name;
  }
  return `\\_SB_.${prefix}0`;
}

/** The lowest that no root complex has: Linux uses the first of a segment alone. */
export function freeSegment({ nodes }: IortTable): bigint {
  const taken = new Set(nodes.map((node) => (node.kind === 'root-complex' ? node.values.segment?.value : undefined)));
  let segment = 0n;
  while (taken.has(segment)) segment++;
  return segment;
}

const largestId = 0xffffffffn;

/** One above the highest ID that mappings give a node. */
export function freeOutput({ nodes }: IortTable, target: bigint): bigint {
  let free = 0n;
  for (const { kind, mappings } of nodes) {
    // An RMR makes no IDs: it names those of others.
    if (kind === 'rmr') continue;
    for (const { outputReference, outputBase, count, single } of mappings) {
      if (outputReference.value !== target) continue;
      const next = outputBase.value + (single ? 0n : count.value) + 1n;
      if (next > free) free = next;
    }
  }
  return free > largestId ? 0n : free;
}

/** The requester IDs of a segment, and those of a bus. */
const segmentSize = 0x10000n;
const busSize = 0x100n;

/**
 * Where a new range begins, and its last ID from there. SMMUs usually have 16 bits of stream IDs: a root complex gets as many
 * buses as there are left, and what lies above where there is none. Device IDs have more: each SMMU has 16 bits of them.
 */
export function freeRange(
  table: IortTable,
  target: bigint,
  kind: 'root-complex' | 'smmu',
): { readonly base: bigint; readonly count: bigint } {
  const free = freeOutput(table, target);
  const bus = roundUp(free, busSize);
  if (kind === 'root-complex' && bus < segmentSize) return { base: bus, count: segmentSize - bus - 1n };
  const base = roundUp(free, segmentSize);
  return { base: base + segmentSize - 1n > largestId ? 0n : base, count: segmentSize - 1n };
}

function roundUp(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step;
}

/** The stream ID of the last named component at an SMMU, which is what an RMR is for; 0 where there is none. */
export function componentStream({ nodes }: IortTable, smmu: bigint): bigint {
  return nodes.reduce((last, { kind, mappings }) => {
    const found = kind === 'named-component' ? mappings.find((each) => each.outputReference.value === smmu) : undefined;
    return found?.outputBase.value ?? last;
  }, 0n);
}

/** The first input ID behind those that the mappings of a node take; undefined where the last one is taken. */
export function freeInput({ kind, mappings }: IortNode): bigint | undefined {
  const last: Partial<Record<NodeKind, bigint>> = { 'root-complex': 0xffffn };
  const free = mappings.reduce((most, { inputBase, count, single }) => {
    const next = inputBase.value + count.value + 1n;
    return !single && next > most ? next : most;
  }, 0n);
  return free > (last[kind] ?? largestId) ? undefined : free;
}

/** The GIC ITS IDs that a MADT has, each once, with where they are; those that an ITS group names already come last. */
export function itsChoices(
  { nodes }: IortTable,
  madt: MadtTable | undefined,
): readonly { readonly id: bigint; readonly base: bigint | undefined; readonly user: IortNode | undefined }[] {
  const users = new Map<bigint, IortNode>();
  for (const node of nodes) {
    if (node.kind === 'its-group') for (const { value } of node.identifiers) users.set(value, node);
  }
  const found = new Map<bigint, bigint | undefined>();
  for (const entry of madt?.entries ?? []) {
    if (entry.kind !== 'gic-its' || entry.values.itsId === undefined) continue;
    if (!found.has(entry.values.itsId.value)) found.set(entry.values.itsId.value, entry.values.base?.value);
  }
  const all = Array.from(found, ([id, base]) => ({ id, base, user: users.get(id) }));
  return [...all.filter(({ user }) => user === undefined), ...all.filter(({ user }) => user !== undefined)];
}

/** An ITS of the MADT that no group names yet; without a MADT, or where all are named, one above the highest. */
export function freeIts(table: IortTable, madt: MadtTable | undefined): bigint {
  const [first] = itsChoices(table, madt);
  if (first !== undefined && first.user === undefined) return first.id;
  const named = table.nodes.flatMap((node) => (node.kind === 'its-group' ? node.identifiers : []));
  return named.reduce((most, { value }) => (value >= most ? value + 1n : most), 0n) & largestId;
}
