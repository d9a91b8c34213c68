// What an IOMMU can translate for a user: how many address bits, in blocks of which sizes.
import type { AddressRange, Iommu, Iova } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import { lastAddress } from '../ranges';

export const wholeSpace: AddressRange<Iova> = { start: 0n as Iova, end: lastAddress as Iova };

/** The domain geometry that VFIO intersects; `known` is false where only the hardware tells, and the whole space stands in. */
export interface HostAperture {
  readonly range: AddressRange<Iova>;
  readonly known: boolean;
}

export function hostAperture({ driver }: Iommu): HostAperture {
  return driver.aperture === undefined ? { range: wholeSpace, known: false } : { range: driver.aperture, known: true };
}

/** Blocks of the Arm page tables by their granule (drivers/iommu/io-pgtable-arm.c arm_lpae_restrict_pgsizes), smallest first. */
const armBlocks: ReadonlyMap<bigint, readonly bigint[]> = new Map([
  [0x1000n, [0x1000n, 0x200000n, 0x40000000n]],
  [0x4000n, [0x4000n, 0x2000000n]],
  [0x10000n, [0x10000n, 0x20000000n]],
]);

/** Short-descriptor tables have the same blocks on every host (drivers/iommu/io-pgtable-arm-v7s.c). */
const shortDescriptorBlocks: readonly bigint[] = [0x1000n, 0x10000n, 0x100000n, 0x1000000n];

/**
 * The block sizes in which a host maps for a device behind this IOMMU, smallest first: what VFIO_IOMMU_GET_INFO calls
 * `iova_pgsizes`. A page table has the host's page as its granule where the IOMMU can (arm_lpae_restrict_pgsizes), which nearly
 * all can; sizes below the host's page are hidden by vfio_update_pgsize_bitmap.
 */
export function blockSizes({ driver }: Iommu, { pageSize }: Pick<KernelProfile, 'pageSize'>): readonly bigint[] {
  if (driver.name === 'qcom-iommu') return [pageSize, ...shortDescriptorBlocks.filter((size) => size > pageSize)];
  return smmuBlockSizes(pageSize);
}

/** The block sizes of an SMMU's page table with a granule of the host's page, smallest first. */
export function smmuBlockSizes(pageSize: bigint): readonly bigint[] {
  return armBlocks.get(pageSize) ?? [pageSize];
}

/** The same as the kernel's bitmap. */
export function pageSizeBitmap(blocks: readonly bigint[]): bigint {
  return blocks.reduce((bitmap, size) => bitmap | size, 0n);
}
