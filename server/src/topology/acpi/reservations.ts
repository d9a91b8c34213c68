// RMR nodes of an IORT: memory that devices with certain stream IDs have used since boot and go on reaching.
import { rmrDescriptorLayout } from '../../acpi/layout/iort-nodes';
import type { SourceRange } from '../../text/source-file';
import { rangeOf } from '../address';
import type {
  Iova,
  PhysicalAddress,
  Problem,
  Reservation,
  ReservationNode,
  ReservationOutcome,
  StreamRange,
  StreamReservation,
} from '../model';
import { nodePlace, tableOffset, tableProblem, wholeMapping, type AcpiBuilder } from './builder';
import { nodeType, type KernelMapping, type KernelNode } from './kernel-table';

/** Linux reads RMR nodes from this revision of the table on: Arm DEN0049E.d (iort_find_rmrs). */
const firstRevision = 5;

const remappingPermitted = 1n;

export interface ReservedMemoryRanges {
  readonly nodes: readonly ReservationNode[];
  /** What devices behind the SMMU whose node is at an offset have. */
  readonly of: (smmu: KernelNode) => readonly StreamReservation[];
}

export function readReservedMemoryRanges(builder: AcpiBuilder): ReservedMemoryRanges {
  const paths = new Set<string>();
  const all = builder.table.nodes
    .filter(({ type }) => type === nodeType.rmr)
    .map((node) => readRmr(builder, node, paths));
  const bySmmu = new Map<number, StreamReservation[]>();
  for (const { mappings, reservations } of all) {
    if (reservations.length === 0) continue;
    for (const reference of new Set(mappings.map((mapping) => mapping.reference))) {
      // The kernel compares the places of nodes, so that nothing but an SMMU's own start is meant.
      const streams = mappings.filter((mapping) => mapping.reference === reference);
      const found = { streams: streams.map((mapping) => streamRange(builder, mapping)), reservations };
      const known = bySmmu.get(reference);
      if (known === undefined) bySmmu.set(reference, [found]);
      else known.push(found);
    }
  }
  return {
    nodes: all.flatMap(({ reservations }) => reservations.map(({ node }) => node)),
    of: ({ offset }) => bySmmu.get(offset) ?? [],
  };
}

/** `[output base, output base + count]` in 32 bits; the input base means nothing (iort_rmr_has_dev). */
function streamRange(builder: AcpiBuilder, mapping: KernelMapping): StreamRange {
  const { outputBase, count } = mapping;
  return {
    first: outputBase,
    last: (outputBase + count) >>> 0,
    get source() {
      return wholeMapping(builder, mapping);
    },
  };
}

interface Rmr {
  readonly mappings: readonly KernelMapping[];
  readonly reservations: readonly Reservation[];
}

/** A descriptor is more than a mapping. */
const descriptorCost = 10;

function readRmr(builder: AcpiBuilder, node: KernelNode, paths: Set<string>): Rmr {
  const { table } = builder;
  const flags = table.value(node, 'flags')?.value ?? 0n;
  const count = Number(table.value(node, 'descriptorCount')?.value ?? 0n);
  const first = Number(table.value(node, 'descriptorOffset')?.value ?? 0n);
  const type = (flags & remappingPermitted) === 0n ? 'direct' : 'direct-relaxable';
  const ignored = ignoredReason(builder, node);
  const reservations: Reservation[] = [];
  for (let index = 0; index < count && first !== 0 && table.allowed(descriptorCost) > 0; index++) {
    const reservation = readDescriptor(
      builder,
      node,
      node.offset + first + index * rmrDescriptorLayout.size,
      type,
      ignored,
      paths,
    );
    if (reservation === undefined) break;
    reservations.push(reservation);
  }
  return { mappings: table.mappingsOf(node).mappings, reservations };
}

function ignoredReason(builder: AcpiBuilder, node: KernelNode): Problem | undefined {
  const { revision } = builder.table;
  if (revision >= firstRevision) return undefined;
  const message = `Linux ignores RMR nodes in an IORT of revision ${String(revision)}: they count from revision 5 (Arm DEN0049E.d) on`;
  return tableProblem(
    builder,
    'table-revision',
    message,
    `rmr ${tableOffset(node.offset)}`,
    'Revision',
    nodePlace(builder, node),
  );
}

/** One range; undefined where the table ends before. */
function readDescriptor(
  builder: AcpiBuilder,
  node: KernelNode,
  offset: number,
  type: 'direct' | 'direct-relaxable',
  ignored: Problem | undefined,
  paths: Set<string>,
): Reservation | undefined {
  const { table, placeOf } = builder;
  const base = table.read(offset, 8);
  const length = table.read(offset + 8, 8);
  if (base === undefined || length === undefined) return undefined;
  const plain = `rmr@${base.toString(16)}`;
  const path = paths.has(plain) ? `${plain}+${tableOffset(offset)}` : plain;
  paths.add(path);
  const physical = rangeOf(base as PhysicalAddress, length);
  const places = {
    whole: (): SourceRange | undefined => {
      const from = placeOf({ offset, size: 8 }, 'line');
      const to = placeOf({ offset: offset + 8, size: 8 }, 'line');
      return from && { ...from, end: to?.file === from.file ? to.end : from.end };
    },
    base: () => placeOf({ offset, size: 8 }),
    length: () => placeOf({ offset: offset + 8, size: 8 }),
  };
  const reservationNode: ReservationNode = {
    path,
    labels: [],
    physical,
    physicalProblem: undefined,
    get physicalSource() {
      return places.whole();
    },
    entries: [],
    get source() {
      return nodePlace(builder, node);
    },
    addressesSource: undefined,
  };
  // The host's pages decide how a range that is no multiple of 64 KiB is rounded: iova/rmr.ts.
  const range = rangeOf(base as Iova, length);
  const outcome: ReservationOutcome =
    ignored === undefined
      ? { kind: 'region', range, type, notDirect: false, truncated: undefined }
      : { kind: 'ignored', problem: ignored };
  return {
    origin: 'rmr',
    node: reservationNode,
    outcomes: { 'inherited-cells': outcome, 'own-cells': outcome },
    entry: undefined,
    accidental: false,
    writtenStart: base,
    size: length,
    get source() {
      return places.whole();
    },
    get addressSource() {
      return places.base();
    },
    get sizeSource() {
      return places.length();
    },
  };
}
