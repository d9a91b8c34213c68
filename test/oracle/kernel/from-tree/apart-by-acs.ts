// Functions that share a group when a machine is booted from its tree, and are apart under ACPI, because Access Control Services
// are asked for at another time. Linux 6.1 and 6.12 enable ACS in a function while they enumerate it (drivers/pci/pci.c
// pci_acs_init), if somebody has asked by then. The IORT does before enumeration begins (drivers/acpi/arm64/iort.c
// iort_enable_acs, called by acpi_iort_init); with a tree the first function that gets its IOMMU does
// (drivers/iommu/of_iommu.c of_iommu_configure), when the bus has been enumerated. By Linux 7.2 a function's ACS is enabled
// where it gets its IOMMU (drivers/pci/pci-driver.c pci_dma_configure), so that both ways are alike.
import type { Seen, SeenDevice, SeenGroup } from '../console';
import type { KernelVersion } from '../../../../server/src/iova/kernel-profile';

const asksBeforeEnumeration: readonly KernelVersion[] = ['6.1', '6.12'];

/**
 * The groups of the boot under ACPI that the tree's group of a function would be, had ACS been asked for in time: more than
 * one. Undefined where that explains nothing, so that the groups must be the same.
 */
export function partsByAcs(
  ofTree: SeenGroup | undefined,
  byTable: Seen,
  version: KernelVersion,
): readonly SeenGroup[] | undefined {
  if (ofTree === undefined || !asksBeforeEnumeration.includes(version)) return undefined;
  const places = ofTree.devices.map(pciPlace);
  if (places.some((place) => place === undefined) || !areKeptApartByAcs(places as readonly string[])) return undefined;
  const parts = byTable.groups.filter(({ devices }) => devices.some((device) => isOneOf(device, places)));
  const shared = parts.flatMap(({ devices }) => devices);
  const isWhole = shared.length === places.length && shared.every((device) => isOneOf(device, places));
  return isWhole && parts.length > 1 ? parts : undefined;
}

/** The addresses on the way to a function: `0000:00:1f.0/0000:02:00.0`. Undefined for what is no function. */
function pciPlace({ sysfs }: SeenDevice): string | undefined {
  return /\/pci[0-9a-f]{4}:[0-9a-f]{2}\/(.*[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(`/${sysfs}`)?.[1];
}

function isOneOf(device: SeenDevice, places: readonly (string | undefined)[]): boolean {
  const place = pciPlace(device);
  return place !== undefined && places.includes(place);
}

/** Whether each hangs together with another one as ACS could part them: behind that, or a function of the same device. */
function areKeptApartByAcs(places: readonly string[]): boolean {
  return (
    places.length > 1 &&
    places.every((one) =>
      places.some(
        (other) =>
          one !== other &&
          (one.startsWith(`${other}/`) || other.startsWith(`${one}/`) || one.slice(0, -1) === other.slice(0, -1)),
      ),
    )
  );
}
