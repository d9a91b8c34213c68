// What one device reserves: the answer of its IOMMU driver's get_resv_regions, in the driver's order.
import type { DmaMaster, Iommu, Problem, Reservation } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion } from './prediction';

export interface DeviceRegions {
  readonly regions: readonly DeviceRegion[];
  /** The kernel crashes while it collects them. */
  readonly oops: Problem | undefined;
  /** Reasons why there are regions that we cannot tell. */
  readonly unknown: readonly string[];
}

/** `own`: the device has a node of its own; a function that the sources do not describe gets the driver's regions only. */
export function deviceRegions(iommu: Iommu, master: DmaMaster, own: boolean, kernel: KernelProfile): DeviceRegions {
  const unknown: string[] = [];
  const regions: DeviceRegion[] = [...driverRegions(iommu, master, kernel, unknown)];
  const firmware = own && takesFirmwareRegions(iommu, kernel) ? master.reservations : [];
  let oops: Problem | undefined;
  for (const reservation of firmware) {
    const outcome = reservation.outcomes[kernel.busRule];
    if (outcome.kind === 'region') {
      regions.push(regionOf(reservation, outcome.range, outcome.type));
    } else if (outcome.kind === 'unknown') {
      unknown.push(outcome.problem.message);
    } else if (outcome.kind === 'oops') {
      oops = outcome.problem;
      break;
    }
  }
  oops ??= virtioOops(iommu, kernel, regions);
  return { regions, oops, unknown };
}

function regionOf(reservation: Reservation, range: DeviceRegion['range'], type: DeviceRegion['type']): DeviceRegion {
  return { range, type, origin: reservation.origin, source: reservation.source, reservation };
}

/** Whether a driver ends in iommu_dma_get_resv_regions, and that in of_iommu_get_resv_regions (RMRs: since 6.0 at the latest). */
function takesFirmwareRegions({ driver }: Iommu, kernel: KernelProfile): boolean {
  if (!kernel.firmwareRegions) return false;
  return driver.firmwareRegions === 'yes' || (driver.firmwareRegions === 'from-6.17' && kernel.exynosRegions);
}

function* driverRegions(
  iommu: Iommu,
  master: DmaMaster,
  kernel: KernelProfile,
  unknown: string[],
): Generator<DeviceRegion> {
  const { driver } = iommu;
  let hasHardwareMsi = false;
  if (driver.ownRegions === 'announced') {
    if (kernel.virtioIommuRegions === undefined) {
      unknown.push(
        `What ${iommu.path} reserves is announced by the hypervisor and stands in no source; virtioIommuRegions in doorbell.json can tell it.`,
      );
      return;
    }
    for (const { range, type } of kernel.virtioIommuRegions) {
      const isMsi = type === 'msi';
      hasHardwareMsi ||= isMsi;
      yield {
        range,
        type: isMsi ? 'hardware-msi' : 'reserved',
        origin: isMsi ? 'hw-msi' : 'driver',
        source: undefined,
        reservation: undefined,
      };
    }
  } else if (driver.ownRegions === 'driver' && (driver.name !== 'apple-dart' || master.kind !== 'platform')) {
    unknown.push(`The driver ${driver.name} adds regions of its own that no source tells.`);
  }
  if (driver.softwareMsi === 'always' || (driver.softwareMsi === 'unless-reported' && !hasHardwareMsi)) {
    yield {
      range: kernel.msiWindow,
      type: 'software-msi',
      origin: 'sw-msi',
      source: undefined,
      reservation: undefined,
    };
  }
}

/** A virtio-iommu maps direct regions before its domain is finalised: 6.12 dereferences NULL there. */
function virtioOops({ driver }: Iommu, kernel: KernelProfile, regions: readonly DeviceRegion[]): Problem | undefined {
  if (driver.name !== 'virtio-iommu' || !kernel.virtioDirectOops) return undefined;
  const node = regions.find(({ type }) => type === 'direct')?.reservation?.node;
  if (node === undefined) return undefined;
  return {
    code: 'kernel-crash',
    message: `Linux ${kernel.version} oopses at boot on a direct region behind a virtio-iommu`,
    node: node.path,
    property: 'iommu-addresses',
    source: node.addressesSource,
  };
}
