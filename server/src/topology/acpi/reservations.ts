// RMR nodes of an IORT: memory that devices with certain stream IDs have used since boot and go on reaching.
import { rmrDescriptorLayout } from '../../acpi/layout/iort-nodes';
import type { SourceRange } from '../../text/source-file';
import { rangeOf } from '../address';
import type {
  AddressRange,
  Iova,
  PhysicalAddress,
  Problem,
  Reservation,
  ReservationNode,
  ReservationOutcome,
  StreamRange,
  StreamReservation,
} from '../model';
import { nodePlace, nothing, tableOffset, tableProblem, wholeMapping, type AcpiBuilder } from './builder';
import { nodeType, type KernelMapping, type KernelNode } from './kernel-table';

/** Linux reads RMR nodes from this revision of the table on: Arm DEN0049E.d (iort_find_rmrs). */
const firstRevision = 5;

const remappingPermitted = 1;

export interface ReservedMemoryRanges {
  readonly nodes: readonly ReservationNode[];
  /** What devices behind the SMMU whose node is at an offset have. */
  readonly of: (smmu: KernelNode) => readonly StreamReservation[];
  readonly problems: readonly Problem[];
  /** The next version of the table may have all of it. */
  readonly mayStay: boolean;
  /** By their nodes' offsets, for the next version of the table. */
  readonly all: ReadonlyMap<number, Rmr>;
}

/** `before` has what an earlier version of the table had, as far as `isKept` says that the node is as it was. */
export function readReservedMemoryRanges(
  builder: AcpiBuilder,
  before?: { readonly ranges: ReservedMemoryRanges; readonly isKept: (node: KernelNode) => boolean },
): ReservedMemoryRanges {
  const paths = new Set<string>();
  const all = new Map<number, Rmr>();
  const bySmmu = new Map<number, StreamReservation[]>();
  for (const node of builder.table.nodes) {
    if (node.type !== nodeType.rmr) continue;
    const earlier = before?.isKept(node) === true ? before.ranges.all.get(node.offset) : undefined;
    const isKept = earlier?.mayStay === true && haveFreePaths(earlier.reservations, paths);
    const rmr = isKept ? earlier : readRmr(builder, node, paths);
    for (const { node: descriptor } of rmr.reservations) paths.add(descriptor.path);
    all.set(node.offset, rmr);
    for (const [reference, found] of rmr.bySmmu) {
      const known = bySmmu.get(reference);
      if (known === undefined) bySmmu.set(reference, [found]);
      else known.push(found);
    }
  }
  const list = [...all.values()];
  return {
    nodes: list.flatMap(({ reservations }) => reservations.map(({ node }) => node)),
    of: ({ offset }) => bySmmu.get(offset) ?? nothing,
    problems: list.flatMap(({ problems }) => problems),
    mayStay: list.every(({ mayStay }) => mayStay),
    all,
  };
}

/** Whether they would be called the same now. */
function haveFreePaths(reservations: readonly Reservation[], paths: ReadonlySet<string>): boolean {
  return reservations.every(({ node: { path } }) => !path.includes('+') && !paths.has(path));
}

/** `[output base, output base + count]` in 32 bits; the input base means nothing (iort_rmr_has_dev). */
class MappedStreams implements StreamRange {
  readonly first: number;
  readonly last: number;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly mapping: KernelMapping,
  ) {
    const { outputBase, count } = mapping;
    this.first = outputBase;
    this.last = (outputBase + count) >>> 0;
  }

  get source(): SourceRange | undefined {
    return wholeMapping(this.builder, this.mapping);
  }
}

/** What was made of a node. */
interface Rmr {
  readonly reservations: readonly Reservation[];
  /** By the places to which its mappings lead. */
  readonly bySmmu: readonly (readonly [reference: number, found: StreamReservation])[];
  readonly problems: readonly Problem[];
  readonly mayStay: boolean;
}

/** A descriptor is more than a mapping. */
const descriptorCost = 10;

function readRmr(builder: AcpiBuilder, node: KernelNode, paths: ReadonlySet<string>): Rmr {
  const { value, problems, mayStay } = builder.readApart(() => {
    const reservations = readDescriptors(builder, node, paths);
    return { reservations, bySmmu: streamsBySmmu(builder, node, reservations) };
  });
  return { ...value, problems, mayStay };
}

function streamsBySmmu(
  builder: AcpiBuilder,
  node: KernelNode,
  reservations: readonly Reservation[],
): [number, StreamReservation][] {
  if (reservations.length === 0) return [];
  const streams = new Map<number, StreamRange[]>();
  for (const mapping of builder.table.mappingsOf(node).mappings) {
    // The kernel compares the places of nodes, so that nothing but an SMMU's own start is meant.
    const found = streams.get(mapping.reference);
    const range = new MappedStreams(builder, mapping);
    if (found === undefined) streams.set(mapping.reference, [range]);
    else found.push(range);
  }
  return Array.from(streams, ([reference, found]) => [reference, { streams: found, reservations }]);
}

function readDescriptors(builder: AcpiBuilder, node: KernelNode, others: ReadonlySet<string>): Reservation[] {
  const { table } = builder;
  const flags = table.number(node, 'flags') ?? 0;
  const count = table.number(node, 'descriptorCount') ?? 0;
  const first = table.number(node, 'descriptorOffset') ?? 0;
  const type = (flags & remappingPermitted) === 0 ? 'direct' : 'direct-relaxable';
  const ignored = ignoredReason(builder, node);
  const reservations: Reservation[] = [];
  const own = new Set<string>();
  const isTaken = (path: string): boolean => own.has(path) || others.has(path);
  for (let index = 0; index < count && first !== 0 && table.allowed(descriptorCost) > 0; index++) {
    const offset = node.offset + first + index * rmrDescriptorLayout.size;
    const reservation = readDescriptor(builder, node, offset, type, ignored, isTaken);
    if (reservation === undefined) break;
    own.add(reservation.node.path);
    reservations.push(reservation);
  }
  return reservations;
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
  isTaken: (path: string) => boolean,
): Reservation | undefined {
  const { table } = builder;
  const base = table.read(offset, 8);
  const length = table.read(offset + 8, 8);
  if (base === undefined || length === undefined) return undefined;
  const plain = `rmr@${base.toString(16)}`;
  const path = isTaken(plain) ? `${plain}+${tableOffset(offset)}` : plain;
  const reservationNode = new Descriptor(builder, node, offset, path, rangeOf(base as PhysicalAddress, length));
  // The host's pages decide how a range that is no multiple of 64 KiB is rounded: iova/rmr.ts.
  const range = rangeOf(base as Iova, length);
  const outcome: ReservationOutcome =
    ignored === undefined
      ? { kind: 'region', range, type, notDirect: false, truncated: undefined }
      : { kind: 'ignored', problem: ignored };
  return new DescribedRange(builder, reservationNode, offset, outcome, base, length);
}

class Descriptor implements ReservationNode {
  readonly labels = nothing;
  readonly physicalProblem = undefined;
  readonly entries = nothing;
  readonly addressesSource = undefined;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly node: KernelNode,
    private readonly offset: number,
    readonly path: string,
    readonly physical: AddressRange<PhysicalAddress>,
  ) {}

  get physicalSource(): SourceRange | undefined {
    return descriptorPlace(this.builder, this.offset);
  }

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.node);
  }
}

class DescribedRange implements Reservation {
  readonly origin = 'rmr';
  readonly outcomes: Reservation['outcomes'];
  readonly entry = undefined;
  readonly accidental = false;

  constructor(
    private readonly builder: AcpiBuilder,
    readonly node: ReservationNode,
    private readonly offset: number,
    outcome: ReservationOutcome,
    readonly writtenStart: bigint,
    readonly size: bigint,
  ) {
    this.outcomes = { 'inherited-cells': outcome, 'own-cells': outcome };
  }

  get source(): SourceRange | undefined {
    return descriptorPlace(this.builder, this.offset);
  }

  get addressSource(): SourceRange | undefined {
    return this.builder.placeOf({ offset: this.offset, size: 8 });
  }

  get sizeSource(): SourceRange | undefined {
    return this.builder.placeOf({ offset: this.offset + 8, size: 8 });
  }
}

/** Base and length. */
function descriptorPlace(builder: AcpiBuilder, offset: number): SourceRange | undefined {
  const from = builder.placeOf({ offset, size: 8 }, 'line');
  const to = builder.placeOf({ offset: offset + 8, size: 8 }, 'line');
  return from && { ...from, end: to?.file === from.file ? to.end : from.end };
}
