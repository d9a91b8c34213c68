// What a device reserves by its stream IDs alone, as an IORT has it: RMRs, and the doorbell pages of HiSilicon's SMMUs
// (drivers/acpi/arm64/iort.c iort_iommu_get_resv_regions).
import type { SourceRange } from '../text/source-file';
import { rangeOf } from '../topology/address';
import type { AddressRange, DmaMaster, Iommu, Iova, Reservation, StreamReservation } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion } from './prediction';
import { alignDown } from './ranges';

/** Whether a device with these IDs may have such regions: most have none. */
export function mayHaveStreamRegions(
  { streamReservations = [], streamDoorbells }: Iommu,
  ids: readonly number[],
): boolean {
  if (streamDoorbells !== undefined) return true;
  for (const { streams } of streamReservations) {
    for (const { first, last } of streams) for (const id of ids) if (first <= id && id <= last) return true;
  }
  return false;
}

/** `ids`: those of the device, or of one of the functions that it stands for. What cannot be told is added to `unknown`. */
export function* streamRegions(
  iommu: Iommu,
  master: DmaMaster,
  ids: readonly number[],
  kernel: KernelProfile,
  unknown: string[],
): Generator<DeviceRegion> {
  yield* doorbellRegions(iommu, ids, kernel, unknown);
  if (!readsReservations(master, kernel)) return;
  for (const { reservations } of streamReservationsOf(iommu, ids, kernel)) {
    for (const reservation of reservations) {
      const outcome = reservation.outcomes[kernel.busRule];
      if (outcome.kind !== 'region') continue;
      const range = rmrRange(reservation, kernel.pageSize);
      yield new RmrRegion(range, outcome.type, reservation);
    }
  }
}

/** A class because of its getter: its place may not be looked up until somebody asks (Topology.lineage). */
class RmrRegion implements DeviceRegion {
  readonly origin = 'rmr';

  constructor(
    readonly range: DeviceRegion['range'],
    readonly type: DeviceRegion['type'],
    readonly reservation: Reservation,
  ) {}

  get source(): SourceRange | undefined {
    return this.reservation.source;
  }
}

/** iort_rmr_has_dev: stream IDs of PCI functions mean nothing any more where Linux has numbered buses anew. */
export function readsReservations({ kind, preservesBootConfiguration }: DmaMaster, { rmr }: KernelProfile): boolean {
  return rmr && (preservesBootConfiguration || (kind !== 'pci-host' && kind !== 'pci-function'));
}

/** iort_iommu_msi_get_resv_regions: by the first of the IDs that reaches an ITS. */
function* doorbellRegions(
  { streamDoorbells, path }: Iommu,
  ids: readonly number[],
  { deviceIdRule }: KernelProfile,
  unknown: string[],
): Generator<DeviceRegion> {
  if (streamDoorbells === undefined) return;
  for (const id of ids) {
    const found = streamDoorbells[deviceIdRule].find(({ first, last }) => first <= id && id <= last);
    if (found === undefined) continue;
    if (found.unknown !== undefined) {
      unknown.push(
        `Behind ${path}, a HiSilicon Hi161x, the doorbell pages are reserved for MSIs, and ${found.unknown}.`,
      );
    }
    for (const { start, end } of found.pages) {
      const range: AddressRange<Iova> = { start: start as bigint as Iova, end: end as bigint as Iova };
      yield { range, type: 'hardware-msi', origin: 'hw-msi', source: undefined, reservation: undefined };
    }
    return;
  }
}

/**
 * The RMRs that one of the IDs is in (iort_node_get_rmr_info). The kernel lists all IDs of the ranges that match: where they do not
 * fit into one allocation, it gives the RMR up; a range of all 2^32 IDs wraps to none, and fits.
 */
export function streamReservationsOf(
  { streamReservations = [], driver }: Iommu,
  ids: readonly number[],
  { pageSize }: KernelProfile,
): StreamReservation[] {
  const most = largestAllocation(pageSize) / 4;
  return streamReservations.filter(({ streams }) => {
    const met = streams.filter(({ first, last }) => ids.some((id) => first <= id && id <= last));
    let listed = 0;
    for (const { first, last } of met) {
      listed = (listed + (last - first + 1)) % 2 ** 32;
      if (listed > most && driver.known) return false;
    }
    return met.length > 0;
  });
}

/** KMALLOC_MAX_SIZE: 2^(MAX_PAGE_ORDER + PAGE_SHIFT), with the orders of arch/arm64/Kconfig ARCH_FORCE_MAX_ORDER. */
function largestAllocation(pageSize: bigint): number {
  return largestAllocations.get(pageSize) ?? 2 ** 22;
}

const largestAllocations: ReadonlyMap<bigint, number> = new Map([
  [4096n, 2 ** 22],
  [16384n, 2 ** 25],
  [65536n, 2 ** 29],
]);

const granule = 0x10000n;

/** iort_rmr_alloc: what is no multiple of 64 KiB is rounded to the host's pages, outwards; the rest stays, even of no length. */
export function rmrRange({ writtenStart, size }: Reservation, pageSize: bigint): AddressRange<Iova> {
  if (writtenStart % granule === 0n && size % granule === 0n) return rangeOf(writtenStart as Iova, size);
  const start = alignDown(writtenStart as Iova, pageSize);
  const wanted = BigInt.asUintN(64, size + (writtenStart % pageSize));
  return rangeOf(start, BigInt.asUintN(64, wanted + pageSize - 1n) & ~(pageSize - 1n));
}
