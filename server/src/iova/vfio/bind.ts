// What a kernel asks of a group beside its reservations: cache coherency, no 1:1 mapping, interrupts that are isolated.
import type { Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import type { PredictedDevice, PredictedGroup } from '../prediction';
import { refused } from './attach-result';
import type { AttachResult, VfioOptions } from './attach-result';
import { isolationOf } from './msi-isolation';

/** The devices of a group that the user opens. */
export function opened({ devices }: PredictedGroup, options: VfioOptions): readonly PredictedDevice[] {
  return options.devices === undefined ? devices : devices.filter(({ path }) => options.devices!.includes(path));
}

/** Why no vfio driver binds the devices; undefined if it does. */
export function bindRefusal(group: PredictedGroup, options: VfioOptions): AttachResult | undefined {
  const { oops } = group;
  const incoherent = opened(group, options)
    .map(incoherence)
    .find((reason) => reason !== undefined);
  if (incoherent !== undefined) return refused('EINVAL', 'bind', incoherent);
  if (oops !== undefined) return refused('EINVAL', 'bind', `the kernel oopses: ${oops.message}`);
  return undefined;
}

/**
 * `IOMMU_CAP_CACHE_COHERENCY`: without it a device cannot be bound to a vfio driver (drivers/vfio/vfio_main.c
 * __vfio_register_dev; 6.1 vfio_group_find_or_alloc), and drivers/iommu/iommufd/device.c iommufd_device_bind asks again.
 */
function incoherence({ iommu, master }: PredictedDevice): string | undefined {
  switch (iommu.driver.vfio) {
    case 'always':
      return undefined;
    case 'coherent-walk':
      if (iommu.coherent) return undefined;
      return `${iommu.path} is not dma-coherent, so its driver reports no cache coherency, and VFIO binds no device behind it`;
    case 'coherent-walk-or-master':
      if (iommu.coherent || master.coherent) return undefined;
      return `neither ${iommu.path} nor ${master.path} is dma-coherent, so the driver reports no cache coherency, and VFIO does not bind the device`;
    case 'never':
      return `the driver ${iommu.driver.name} of ${iommu.path} reports no cache coherency, and VFIO binds no device behind it`;
    case 'unknown':
      return `${iommu.path} is no IOMMU that a driver of Linux binds`;
  }
}

/**
 * Why DMA ownership of the group is refused: drivers/iommu/iommu.c __iommu_device_set_domain does not put a device with
 * `require_direct` into the blocking domain (from 6.6), which claiming it for a user does.
 */
export function directRefusal({ regions }: PredictedGroup, kernel: KernelProfile): string | undefined {
  if (!kernel.refusesDirect || !regions.some(({ type }) => type === 'direct')) return undefined;
  return 'firmware asks for a direct (1:1) mapping of a region, and the kernel does not give such a group away';
}

/** Why the group's interrupts keep it from being given away; what may do so is added to `unknown`. */
export function interruptRefusal(
  topology: Topology,
  kernel: KernelProfile,
  group: PredictedGroup,
  { allowUnsafeInterrupts = false, requesterId }: VfioOptions,
  unknown: string[],
): string | undefined {
  if (allowUnsafeInterrupts) return undefined;
  const { isolated, reason } = isolationOf(topology, kernel, group, requesterId);
  if (isolated === false) return reason;
  if (isolated === undefined && reason !== undefined) unknown.push(reason);
  return undefined;
}
