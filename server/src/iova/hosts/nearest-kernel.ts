// Which of the profiles that were checked on real kernels stands for a release in between.
import type { KernelVersion } from '../kernel-profile';

export interface NearestKernel {
  readonly version: KernelVersion;
  /** The release belongs to that version itself. */
  readonly isExact: boolean;
}

/**
 * The profile whose rules are nearest to those of a release (`uname -r`); undefined for text that begins with no version.
 * By rules, not by numbers: 6.3 brought `iommu-addresses` (drivers/iommu/of_iommu.c of_iommu_get_resv_regions) and MSI
 * isolation by device; from 6.15 on groups form when a device is added (drivers/iommu/of_iommu.c, the firmware's
 * description is read in iommu_probe_device).
 */
export function nearestKernel(release: string): NearestKernel | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})(?!\d)/.exec(release);
  if (match === null) return undefined;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const isBefore = (otherMajor: number, otherMinor: number): boolean =>
    major < otherMajor || (major === otherMajor && minor < otherMinor);
  const version: KernelVersion = isBefore(6, 3) ? '6.1' : isBefore(6, 15) ? '6.12' : '7.2';
  return { version, isExact: version === `${major}.${minor}` };
}
