// Where the doorbells of a user's devices get mapped: page after page from the start of the window, whatever lies there.
import type { AddressRange, Iova, PhysicalAddress } from '../../topology/model';
import { rangeOf } from '../../topology/address';
import type { KernelProfile } from '../kernel-profile';
import type { GroupRegion, PredictedDevice, PredictedGroup } from '../prediction';
import { overlaps } from '../ranges';
import { doorbellsOf } from '../window-demands';
import type { Container, Domain } from './container-model';
import { beyond, mappingsMet, regionsMet } from './dma-map';
import type { MapConflict } from './dma-map';
import { msiControllerOf } from './msi-isolation';

/** How the interrupts of a device in a container reach their controller. */
export type MsiDelivery =
  /** The controller's page is mapped, the first from `base`; `address` is what the device writes to if its page is the first. */
  | { readonly kind: 'mapped'; readonly base: Iova; readonly address: Iova | undefined }
  /** The device writes to the physical address; `passes` where that is a hardware MSI region, else the IOMMU stops it. */
  | { readonly kind: 'untranslated'; readonly address: PhysicalAddress | undefined; readonly passes: boolean }
  /** Switching MSIs on fails. */
  | { readonly kind: 'refused'; readonly error: 'ENOSPC' | 'ENOMEM'; readonly reason: string }
  /** There is no MSI controller for the device: switching MSIs on fails, with another error on each kernel. */
  | { readonly kind: 'none' };

/**
 * What becomes of a device's MSIs once its group is in the container (drivers/iommu/iommu.c iommu_dma_prepare_msi, to 6.14
 * drivers/iommu/dma-iommu.c). From 6.15 on a page table that type1 made without a software window has no cookie, and MSIs are
 * refused there, hardware MSI region or not: pci_alloc_irq_vectors then says ENOSPC.
 */
export function msiDelivery(
  container: Container,
  kernel: KernelProfile,
  group: PredictedGroup,
  device: PredictedDevice,
  requesterId?: number,
): MsiDelivery {
  const controller = msiControllerOf(device.master, kernel, device.standsForUndescribed ? requesterId : undefined);
  if (controller === undefined) return { kind: 'none' };
  const doorbell = controller.doorbells[0];
  const base = baseFor(container, kernel, device);
  if (base === undefined) {
    if (container.backend === 'type1' && kernel.msiWithoutWindow === 'refused') {
      const reason = `on Linux ${kernel.version} VFIO's page table of ${device.iommu.path} has no place for doorbells, and switching MSIs on fails`;
      return { kind: 'refused', error: 'ENOSPC', reason };
    }
    const passes = group.regions.some(({ type }) => type === 'hardware-msi');
    return { kind: 'untranslated', address: doorbell?.address, passes };
  }
  if (base === 0n && usesCookie(container, kernel)) {
    // iommu_dma_get_msi_page takes the address 0 for a failed allocation.
    return { kind: 'refused', error: 'ENOMEM', reason: 'a doorbell cannot be mapped at address 0' };
  }
  const offset = doorbell === undefined ? undefined : doorbell.address % kernel.pageSize;
  return { kind: 'mapped', base, address: offset === undefined ? undefined : ((base + offset) as Iova) };
}

/** To 6.14 both back ends map doorbells by the page table's MSI cookie, type1 still does. */
function usesCookie({ backend }: Container, { iommufd }: KernelProfile): boolean {
  return backend === 'type1' || iommufd !== 'native';
}

function baseFor(container: Container, kernel: KernelProfile, { iommu, regions }: PredictedDevice): Iova | undefined {
  if (!usesCookie(container, kernel)) return regions.find(({ type }) => type === 'software-msi')?.range.start;
  return container.domains.find((domain) => domain.iommu === iommu)?.msiBase;
}

/** A page of an MSI controller, and where it is mapped. */
export interface PlacedDoorbell {
  /** The host page around the doorbell. */
  readonly page: AddressRange<PhysicalAddress>;
  readonly iova: AddressRange<Iova>;
  /** The window ends before it: the kernel never looks at the window's length. */
  readonly beyondWindow: boolean;
  /** Reserved regions, mapped memory and the end of the aperture that it runs into. */
  readonly conflicts: readonly MapConflict[];
  /** iommufd from 6.15 on: more doorbells than a descriptor can hold. */
  readonly error: 'EOVERFLOW' | undefined;
}

/**
 * The doorbell pages of all devices of a container, by page table, and where they get mapped if the controllers are used in the
 * order of the sources: each at the next host page from the window's start (drivers/iommu/dma-iommu.c iommu_dma_get_msi_page;
 * iommufd from 6.15: drivers/iommu/iommufd/driver.c iommufd_sw_msi_get_map, where all page tables of a descriptor share the places).
 */
export function placedDoorbells(container: Container, kernel: KernelProfile): PlacedDoorbell[] {
  if (usesCookie(container, kernel)) {
    return container.domains.flatMap((domain) => {
      const groups = container.groups.filter(({ devices }) => devices.some(({ iommu }) => iommu === domain.iommu));
      const { msiBase } = domain;
      return msiBase === undefined ? [] : placed(container, kernel, groups, msiBase, [domain], undefined);
    });
  }
  const byBase = new Map<Iova, PredictedGroup[]>();
  for (const group of container.groups) {
    const base = group.regions.find(({ type }) => type === 'software-msi')?.range.start;
    if (base !== undefined) byBase.set(base, [...(byBase.get(base) ?? []), group]);
  }
  let room = kernel.iommufdDoorbells;
  return [...byBase].flatMap(([base, groups]) => {
    const list = placed(container, kernel, groups, base, container.domains, room);
    if (room !== undefined) room = Math.max(room - list.length, 0);
    return list;
  });
}

function placed(
  container: Container,
  kernel: KernelProfile,
  groups: readonly PredictedGroup[],
  base: Iova,
  domains: readonly Domain[],
  room: number | undefined,
): PlacedDoorbell[] {
  const { pageSize } = kernel;
  const window = windowOf(groups);
  const devices = groups.flatMap((group) => group.devices);
  return doorbellPages(devices, kernel).map((page, at) => {
    const iova = rangeOf((base + BigInt(at) * pageSize) as Iova, pageSize);
    const isMeant = ({ region }: MapConflict): boolean => region?.type === 'software-msi';
    const conflicts = [
      ...regionsMet(container.groups, iova).filter((conflict) => !isMeant(conflict)),
      ...beyond(
        domains.map(({ aperture }) => aperture),
        iova,
      ),
      ...mappingsMet(container.maps, iova),
    ];
    const beyondWindow = window === undefined || !overlaps(window.range, iova);
    return { page, iova, beyondWindow, conflicts, error: room !== undefined && at >= room ? 'EOVERFLOW' : undefined };
  });
}

function windowOf(groups: readonly PredictedGroup[]): GroupRegion | undefined {
  return groups.flatMap(({ regions }) => regions).find(({ type }) => type === 'software-msi');
}

/** The host pages that the devices' MSIs can go to, each once, in the order of the sources. */
export function doorbellPages(
  devices: readonly PredictedDevice[],
  kernel: KernelProfile,
): AddressRange<PhysicalAddress>[] {
  const { pageSize } = kernel;
  const starts = new Set<bigint>();
  for (const device of devices) {
    for (const { address } of doorbellsOf(device, kernel)) starts.add(address - (address % pageSize));
  }
  return [...starts].map((start) => rangeOf(start as PhysicalAddress, pageSize));
}
