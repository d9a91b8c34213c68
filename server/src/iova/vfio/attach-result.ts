// What comes of giving a group or device to a user: the kernel's error, the call that returns it, and the reason.
import type { AddressRange, Iova } from '../../topology/model';

/** Linux has two ways to give devices away: the containers of VFIO's own type1 driver, and the address spaces of iommufd. */
export type Backend = 'type1' | 'iommufd';

export type AttachResult =
  | { readonly result: 'ok'; readonly reason: undefined }
  | {
      readonly result: AttachError;
      readonly step: AttachStep;
      readonly reason: string;
    };

export type AttachError =
  | 'EINVAL'
  /** interrupts are not isolated */
  | 'EPERM'
  /** iommufd: a reservation meets a map or an allowed range */
  | 'EADDRINUSE'
  /** the kernel has no such back end */
  | 'ENOENT';

/**
 * The call that fails: `bind` is that of the vfio driver to the device (there is no /dev/vfio/N then), `open` that of /dev/iommu,
 * the others are ioctls: GET_DEVICE_FD where iommufd plays type1.
 */
export type AttachStep =
  'bind' | 'open' | 'SET_CONTAINER' | 'SET_IOMMU' | 'BIND_IOMMUFD' | 'ATTACH_IOMMUFD_PT' | 'GET_DEVICE_FD';

export interface VfioOptions {
  /** The module parameter allow_unsafe_interrupts: of vfio_iommu_type1, or of iommufd for that back end. */
  readonly allowUnsafeInterrupts?: boolean;
  /**
   * Paths of the group's devices that the user opens; all when left out. The others have no driver then: what they reserve
   * counts for type1, which takes a group as a whole, and not for iommufd.
   */
  readonly devices?: readonly string[];
  /** Of a function that the sources do not describe, so that its group is that of its host bridge. */
  readonly requesterId?: number;
}

export interface VfioResult {
  readonly attach: AttachResult;
  /** What the user may map; empty when attaching fails. */
  readonly ranges: readonly AddressRange<Iova>[];
  /** Where doorbells get mapped from: the start of the software window, unless a hardware MSI region makes VFIO drop it. */
  readonly msiBase: Iova | undefined;
  /** Apertures or regions that we cannot know, as reasons. */
  readonly unknown: readonly string[];
}

export const attached: AttachResult = { result: 'ok', reason: undefined };

export function refused(result: AttachError, step: AttachStep, reason: string): AttachResult {
  return { result, step, reason };
}
