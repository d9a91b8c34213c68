// What one device reserves: the answer of its IOMMU driver's get_resv_regions, in the driver's order.
import { oncePer } from '../text/once';
import { rangeOf } from '../topology/address';
import type { DmaMaster, Iommu, Iova, Problem, Reservation } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import { mediatekReservations, mediatekWindow } from './mediatek';
import type { DeviceRegion } from './prediction';
import { alignDown } from './ranges';
import { mayHaveStreamRegions, streamRegions } from './stream-regions';

export interface DeviceRegions {
  readonly regions: readonly DeviceRegion[];
  /** The kernel crashes while it collects them. */
  readonly oops: Problem | undefined;
  /** Reasons why there are regions that we cannot tell. */
  readonly unknown: readonly string[];
}

/**
 * `own`: the device has a node of its own; a function that the sources do not describe gets the driver's regions only.
 * `ids`: the IDs by which the IOMMU knows the device; none for one that is not described, but under ACPI those of a function like it.
 */
export function deviceRegions(
  iommu: Iommu,
  master: DmaMaster,
  own: boolean,
  ids: readonly number[],
  kernel: KernelProfile,
): DeviceRegions {
  const firmware = own && takesFirmwareRegions(iommu, kernel) ? master.reservations : [];
  if (firmware.length === 0 && hasMsiWindowAlone(iommu) && !mayHaveStreamRegions(iommu, ids))
    return msiWindowAlone(kernel);
  const unknown: string[] = [];
  const regions: DeviceRegion[] = [...driverRegions(iommu, master, ids, kernel, unknown)];
  regions.push(...streamRegions(iommu, master, ids, kernel, unknown));
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
  ids: readonly number[],
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
      yield driverRegion(range, isMsi ? 'hardware-msi' : 'reserved');
    }
  } else if (driver.ownRegions === 'msi-page' && master.kind !== 'platform' && master.kind !== 'bus') {
    yield driverRegion(appleMsiPage(kernel), 'hardware-msi');
  } else if (driver.mediatek !== undefined) {
    const found = mediatekWindow(driver.mediatek, master, ids, kernel);
    if (found.ok) {
      for (const range of mediatekReservations(driver.mediatek, found.index, kernel))
        yield driverRegion(range, 'reserved');
    } else if (ids.length === 0) {
      unknown.push(
        `Which IOVA window of ${iommu.path} a device gets, and what it reserves in it, depends on its port.`,
      );
    }
  }
  if (driver.softwareMsi === 'always' || (driver.softwareMsi === 'unless-reported' && !hasHardwareMsi)) {
    yield msiWindow(kernel);
  }
}

function msiWindow(kernel: KernelProfile): DeviceRegion {
  return {
    range: kernel.msiWindow,
    type: 'software-msi',
    origin: 'sw-msi',
    source: undefined,
    reservation: undefined,
  };
}

/** What most devices of a machine have in common, and nothing else. */
const msiWindowAlone = oncePer((kernel: KernelProfile): DeviceRegions => {
  return { regions: [msiWindow(kernel)], oops: undefined, unknown: [] };
});

function hasMsiWindowAlone({ driver }: Iommu): boolean {
  return driver.ownRegions === 'none' && driver.mediatek === undefined && driver.softwareMsi !== 'never';
}

function driverRegion(range: DeviceRegion['range'], type: 'hardware-msi' | 'reserved'): DeviceRegion {
  const origin = type === 'hardware-msi' ? 'hw-msi' : 'driver';
  return { range, type, origin, source: undefined, reservation: undefined };
}

/** CONFIG_PCIE_APPLE_MSI_DOORBELL_ADDR, which nobody can choose (drivers/pci/controller/Kconfig). */
const appleDoorbell = 0xfffff000n;

/** drivers/iommu/apple-dart.c apple_dart_get_resv_regions: the kernel's own page around the doorbell. */
function appleMsiPage({ pageSize }: KernelProfile): DeviceRegion['range'] {
  return rangeOf(alignDown(appleDoorbell as Iova, pageSize), pageSize);
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
