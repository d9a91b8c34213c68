// Direct regions must be mapped before their device may use its IOMMU; what cannot be mapped costs the device its group.
import type { Iommu, Problem } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion, FunctionRange } from './prediction';

const wholeSpace = 1n << 64n;

/**
 * Why the direct regions of a device cannot be mapped one to one: a region beyond what its IOMMU translates (drivers/iommu/
 * iommu.c iommu_create_device_direct_mappings, whose second failure ends iommu_setup_default_domain with an error). The
 * kernel maps from the page at or above the start to the one at or above the end; where that sum wraps, it maps nothing and
 * finds no fault. A region of less than a page inside one page is not mapped either. What is mapped already is passed over,
 * but for page 0: where that is mapped to 0, it is taken for not mapped, and mapping it again fails.
 */
export function unmappableRegion(
  { driver, path }: Iommu,
  regions: readonly DeviceRegion[],
  { pageSize, unmappableDirect, version }: KernelProfile,
): Problem | undefined {
  if (unmappableDirect === 'ignored') return undefined;
  const { aperture } = driver;
  let atZero: DeviceRegion | undefined;
  for (const region of regions) {
    const { range, type, reservation } = region;
    if ((type !== 'direct' && type !== 'direct-relaxable') || reservation === undefined) continue;
    const start = alignedUp(range.start, pageSize);
    const end = alignedUp(BigInt.asUintN(64, range.end + 1n), pageSize);
    if (start >= end) continue;
    const { node } = reservation;
    const problem = (message: string): Problem => ({
      code: 'not-mappable',
      message,
      node: node.path,
      property: reservation.origin === 'rmr' ? 'Base Address of RMR' : 'iommu-addresses',
      source: reservation.source,
    });
    if (aperture !== undefined && end - 1n > aperture.end) {
      const bits = aperture.end.toString(2).length;
      return problem(
        `the direct region of ${node.path} reaches beyond the ${String(bits)} bits that ${path} translates, so it cannot be mapped`,
      );
    }
    if (start !== 0n) continue;
    if (atZero !== undefined) {
      return problem(
        `the direct region of ${node.path} begins at address 0, which another direct region of the device maps already: Linux ${version} takes page 0 for not mapped, and fails to map it again`,
      );
    }
    atZero = region;
  }
  return undefined;
}

/** Physical addresses that any SMMU puts out, QEMU's among them: 44 bits. How many it has is in its register IDR5 (ID2 of v1 and v2). */
const lastSafeOutput = (1n << 44n) - 1n;

/** That a direct region lies where the IOMMU may put out no addresses: then it cannot be mapped (io-pgtable-arm.c arm_lpae_map_pages). */
export function outputDoubt(
  { driver, path }: Iommu,
  regions: readonly DeviceRegion[],
  { unmappableDirect, pageSize }: KernelProfile,
): string | undefined {
  if (unmappableDirect === 'ignored' || !driver.name.startsWith('arm-smmu')) return undefined;
  const far = regions.find(({ range: { start, end }, type, reservation }) => {
    const isDirect = type === 'direct' || type === 'direct-relaxable';
    return isDirect && reservation !== undefined && end > lastSafeOutput && alignedUp(start, pageSize) <= end;
  });
  if (far === undefined) return undefined;
  return `If ${path} puts out addresses of 44 bits or less (its register tells; QEMU’s has 44), it cannot map the direct region of ${far.reservation!.node.path}`;
}

/**
 * Whether functions that no source describes may join the group of others that come first: these have made the domain, and what a
 * further device cannot map of its regions is passed over then (drivers/iommu/iommu.c __iommu_probe_device). Groups on the root
 * bus are of one slot's functions; behind bridges they may be of any.
 */
export function mayJoinOthers(functions: readonly FunctionRange[] | undefined): boolean {
  const wholeSlots = ({ first, last }: FunctionRange): boolean => first % 8 === 0 && last % 8 === 7 && last < 0x100;
  return functions !== undefined && !functions.every(wholeSlots);
}

/** ALIGN of 64 bits. */
function alignedUp(address: bigint, size: bigint): bigint {
  return ((address + size - 1n) % wholeSpace) & ~(size - 1n);
}
