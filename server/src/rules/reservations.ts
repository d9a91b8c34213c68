// Which reservations of IOVA space the kernel reads, for the rules about `iommu-addresses`.
import type { PredictedDevice } from '../iova/prediction';
import type {
  DmaMaster,
  Reservation,
  ReservationNode,
  ReservationOutcome,
  Topology,
  WrittenReservation,
} from '../topology/model';
import { writtenEntry } from './address-edits';
import type { RuleInput } from './rule';
import { oncePer } from '../text/once';

/** Rules that find entries of `iommu-addresses` that say something else than they mean: what comes of their ranges is then no news. */
export const misread = ['iommu-addresses-cell-count', 'iommu-addresses-truncated', 'iommu-addresses-false-phandle'];

/** For `docs.kernels` of rules about entries that earlier kernels do not look at. */
export const readingKernels = 'Linux 6.3 and later; earlier kernels do not read `iommu-addresses`';

/** A reservation as one device of some group reads it. */
export interface ReadReservation {
  readonly device: PredictedDevice;
  readonly master: DmaMaster;
  readonly reservation: Reservation;
  readonly outcome: ReservationOutcome;
}

/** The key by which findings about one device's reservation in one node know each other. */
export function reservationKey(node: string | undefined, device: string | undefined): string {
  return `${node ?? ''} for ${device ?? ''}`;
}

/** Whether the driver of a device's IOMMU asks for firmware's regions on this kernel. */
export function readsFirmwareRegions({ kernel }: RuleInput, { iommu }: PredictedDevice): boolean {
  if (!kernel.firmwareRegions) return false;
  const { firmwareRegions } = iommu.driver;
  return firmwareRegions === 'yes' || (firmwareRegions === 'from-6.17' && kernel.exynosRegions);
}

export function* readReservations(input: RuleInput): Generator<ReadReservation> {
  for (const group of input.prediction.groups) {
    for (const device of group.devices) {
      if (!readsFirmwareRegions(input, device)) continue;
      const { master } = device;
      for (const reservation of master.reservations) {
        if (reservation.origin !== 'iommu-addresses') continue;
        yield { device, master, reservation, outcome: reservation.outcomes[input.kernel.busRule] };
      }
    }
  }
}

/** An entry as written, with the device it names. */
export interface NamedEntry {
  readonly node: ReservationNode;
  readonly entry: WrittenReservation;
  /** Undefined where the device is no DMA master, or does not exist. */
  readonly master: DmaMaster | undefined;
  /** What the device reads there. */
  readonly reservation: Reservation | undefined;
}

const entriesOf = oncePer(namedEntries);

/** The entries of all reservations, in order of the tree. */
export function writtenEntries({ topology }: RuleInput): readonly NamedEntry[] {
  return entriesOf(topology);
}

function namedEntries({ masters, reservationNodes }: Topology): NamedEntry[] {
  if (reservationNodes.length === 0) return [];
  const byPath = new Map(masters.map((master) => [master.path, master]));
  const read = new Map<WrittenReservation, Reservation>();
  for (const master of masters) {
    for (const reservation of master.reservations) {
      const entry = writtenEntry(reservation);
      if (entry?.devicePath === master.path && !read.has(entry)) read.set(entry, reservation);
    }
  }
  return reservationNodes.flatMap((node) =>
    node.entries.map((entry) => {
      const master = entry.devicePath === undefined ? undefined : byPath.get(entry.devicePath);
      return { node, entry, master, reservation: master && read.get(entry) };
    }),
  );
}
