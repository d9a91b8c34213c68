// What a user of VFIO or iommufd holds, as a value: groups attached to one address space, and what is mapped there.
import type { AddressRange, Iommu, Iova } from '../../topology/model';
import type { PredictedGroup } from '../prediction';
import type { AttachResult, Backend } from './attach-result';
import type { DmaMap, MapConflict } from './dma-map';

export interface Container {
  readonly backend: Backend;
  /**
   * iommufd in the place of type1 (CONFIG_IOMMUFD_VFIO_CONTAINER, or a descriptor of /dev/iommu given to SET_CONTAINER): type1's
   * calls with iommufd's rules (drivers/iommu/iommufd/vfio_compat.c).
   */
  readonly compat: boolean;
  /** In the order in which they were added. */
  readonly groups: readonly PredictedGroup[];
  readonly maps: readonly DmaMap[];
  /** What may be mapped. type1 tells nothing before its first group; an address space of iommufd starts with all 64 bits. */
  readonly ranges: readonly AddressRange<Iova>[];
  /** Where the doorbells of the group that was added last get mapped from; undefined where they are used untranslated. */
  readonly msiBase: Iova | undefined;
  /** The page tables below: one for each IOMMU, since no driver lets two IOMMUs share one. */
  readonly domains: readonly Domain[];
  /** iommufd: what IOMMU_IOAS_ALLOW_IOVAS keeps free for the kernel's choice; nothing may be reserved there any more. */
  readonly allowed: readonly AddressRange<Iova>[];
}

export interface Domain {
  readonly iommu: Iommu;
  readonly aperture: AddressRange<Iova>;
  /** What VFIO_IOMMU_GET_INFO would say of this domain alone. */
  readonly blockSizes: readonly bigint[];
  /** The first group of the domain decides: the base is set once for a page table. */
  readonly msiBase: Iova | undefined;
}

export interface AddResult {
  /** The same as before when the group was refused. */
  readonly container: Container;
  readonly attach: AttachResult;
  /** Apertures or regions that we cannot know, as reasons. */
  readonly unknown: readonly string[];
  /** Regions that meet a map, and maps beyond the group's aperture. */
  readonly conflicts: readonly MapConflict[];
}
