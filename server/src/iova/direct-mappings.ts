// Direct regions must be mapped before their device may use its IOMMU; what cannot be mapped costs the device its group.
import type { Iommu, Problem } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion } from './prediction';

const wholeSpace = 1n << 64n;

/**
 * Why the direct regions of a device cannot be mapped one to one: a region beyond what its IOMMU translates (drivers/iommu/
 * iommu.c iommu_create_device_direct_mappings, whose second failure ends iommu_setup_default_domain with an error). The
 * kernel maps from the page at or above the start to the one at or above the end; where that sum wraps, it maps nothing and
 * finds no fault. A region of less than a page inside one page is not mapped either.
 */
export function unmappableRegion(
  { driver, path }: Iommu,
  regions: readonly DeviceRegion[],
  { pageSize, unmappableDirect }: KernelProfile,
): Problem | undefined {
  const { aperture } = driver;
  if (aperture === undefined || unmappableDirect === 'ignored') return undefined;
  for (const { range, type, reservation } of regions) {
    if ((type !== 'direct' && type !== 'direct-relaxable') || reservation === undefined) continue;
    const start = alignedUp(range.start, pageSize);
    const end = alignedUp(BigInt.asUintN(64, range.end + 1n), pageSize);
    if (start >= end || end - 1n <= aperture.end) continue;
    const { node } = reservation;
    const bits = aperture.end.toString(2).length;
    return {
      code: 'not-mappable',
      message: `the direct region of ${node.path} reaches beyond the ${String(bits)} bits that ${path} translates, so it cannot be mapped`,
      node: node.path,
      property: reservation.origin === 'rmr' ? 'Base Address of RMR' : 'iommu-addresses',
      source: reservation.source,
    };
  }
  return undefined;
}

/** ALIGN of 64 bits. */
function alignedUp(address: bigint, size: bigint): bigint {
  return ((address + size - 1n) % wholeSpace) & ~(size - 1n);
}
