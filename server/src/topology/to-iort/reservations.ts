// RMR nodes from `iommu-addresses`: the direct regions; an RMR cannot reserve without mapping one to one.
import type { DescriptorDraft, MappingDraft } from '../../acpi/iort/build';
import { formatRange, hex } from '../../text/numbers';
import type { AddressRange, DmaMaster, Iommu, Reservation } from '../model';
import { fitting } from './mappings';
import type { MadeComponent } from './masters';
import { firstRmrRevision, nodeRevision, note, type IortBuilder, type MadeNode } from './model';
import { routeOf } from './routes';

/** Memory attributes that Linux maps with: IOMMU_CACHE, or not (drivers/acpi/arm64/iort.c iort_rmr_alloc). */
const writeBack = 5 << 2;
const nonCacheable = 4 << 2;
const granule = 0x10000n;

interface Stream {
  readonly iommu: Iommu;
  readonly id: number;
}

/** One memory range and who has it. */
interface Range {
  readonly range: AddressRange;
  readonly origin: string;
  readonly flags: number;
  readonly streams: Stream[];
}

export function makeRanges(builder: IortBuilder, components: readonly MadeComponent[]): MadeNode[] {
  const found = new Map<string, Range>();
  for (const master of builder.topology.masters) {
    if (master.reservations.length === 0 || !master.availability.enabled) continue;
    const streams = streamsOf(builder, master, components);
    for (const reservation of master.reservations) {
      const range = directRange(builder, master, reservation);
      if (range === undefined || streams.length === 0) continue;
      const flags = master.coherent ? writeBack : nonCacheable;
      const key = `${String(range.start)} ${String(range.end)} ${String(flags)}`;
      let entry = found.get(key);
      if (entry === undefined) found.set(key, (entry = { range, origin: reservation.node.path, flags, streams: [] }));
      entry.streams.push(...streams);
      if (master.kind === 'pci-function') noteFunction(builder, master);
    }
  }
  const ranges = [...found.values()];
  if (ranges.length > 0 && builder.settings.revision < firstRmrRevision) {
    for (const { origin, range } of ranges) {
      const message = `${formatRange(range)}: Linux heeds RMR nodes from table revision ${String(firstRmrRevision)} on`;
      note(builder, 'lost', origin, message);
    }
    return [];
  }
  return ranges.map((range) => makeRange(builder, range));
}

/** Who is not in the table has no stream IDs there. */
function streamsOf(builder: IortBuilder, master: DmaMaster, components: readonly MadeComponent[]): readonly Stream[] {
  if (master.kind !== 'pci-function') return components.find((each) => each.master === master)?.streams ?? [];
  const ids = master.requesterId === undefined ? [] : [master.requesterId];
  return ids.flatMap((id) => routeOf(builder, master, id).smmu ?? []);
}

/** The range of a direct region; what else a reservation makes is noted where it gets lost. */
function directRange(builder: IortBuilder, master: DmaMaster, reservation: Reservation): AddressRange | undefined {
  const outcome = reservation.outcomes[builder.settings.busRule];
  const { path } = reservation.node;
  if (outcome.kind === 'ignored') return undefined;
  if (outcome.kind !== 'region') {
    note(builder, 'lost', path, `its entry for ${master.path}: ${outcome.problem.message}`);
    return undefined;
  }
  const { range, type } = outcome;
  if (type === 'reserved') {
    const message = `${formatRange(range)} of ${master.path}: it sets the range aside without mapping it one to one, and an RMR always does both`;
    note(builder, 'lost', path, message);
    return undefined;
  }
  return range;
}

function noteFunction(builder: IortBuilder, { hostBridge, iommuMap, requesterId }: DmaMaster): void {
  const { path } = hostBridge!;
  const message =
    'DSDT: _DSM function 5 of the host bridge returns 0, so that the firmware’s PCI configuration stays; without it Linux ignores RMRs of functions (in doorbell.json: preserveBootConfiguration)';
  if (!builder.notes.some((each) => each.node === path && each.message === message))
    note(builder, 'elsewhere', path, message);
  if (iommuMap === undefined || (iommuMap.mask & 0xffff) === 0xffff) return;
  const shared = `an RMR counts for all functions with the stream ID of requester ID ${hex(requesterId ?? 0)}, and iommu-map-mask makes one of several`;
  note(builder, 'assumed', path, shared);
}

function makeRange(builder: IortBuilder, { range, origin, flags, streams }: Range): MadeNode {
  const length = BigInt.asUintN(64, range.end - range.start + 1n);
  if (range.start % granule !== 0n || length % granule !== 0n) {
    const message = `${formatRange(range)} is no multiple of 64 KiB, which an RMR must be: Linux says so, and takes it by its own pages`;
    note(builder, 'lost', origin, message);
  }
  const descriptor: DescriptorDraft = { base: range.start, length };
  return {
    origin,
    node: {
      kind: 'rmr',
      revision: nodeRevision(builder.settings, 'rmr'),
      fields: { flags },
      descriptors: [descriptor],
      mappings: fitting(builder, origin, streamMappings(builder, streams)),
    },
  };
}

/** Stream IDs in as few ranges as possible; the input base means nothing. */
function streamMappings({ smmus }: IortBuilder, streams: readonly Stream[]): MappingDraft[] {
  const list: { outputBase: number; count: number; target: number }[] = [];
  const sorted = streams
    .map(({ iommu, id }) => ({ id, target: smmus.get(iommu)! }))
    .sort((one, other) => one.target - other.target || one.id - other.id);
  for (const { id, target } of sorted) {
    const before = list.at(-1);
    const end = before?.target === target ? before.outputBase + before.count : undefined;
    if (before !== undefined && end === id) continue;
    if (before !== undefined && end === id - 1) before.count++;
    else list.push({ outputBase: id, count: 0, target });
  }
  return list.map((each) => ({ inputBase: 0, ...each }));
}
