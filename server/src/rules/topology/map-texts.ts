// What messages about maps have in common.
import type { IdMap } from '../../topology/model';
import { hex } from '../numbers';
import type { IdRange } from './map-inputs';

/** What a device without an entry has to do without. */
export const loses: Readonly<Record<IdMap<unknown>['property'], string>> = {
  'iommu-map': 'has no IOMMU: its DMA is not translated, it is in no group, and VFIO cannot take it',
  'msi-map': 'gets no MSIs through the map, and VFIO refuses it (EPERM) where nothing else provides them',
  iort: 'is not found',
};

/** `requester ID 0x100` or `requester IDs 0x100–0x1ff`. */
export function idText({ first, last }: IdRange): string {
  return first === last ? `requester ID ${hex(first)}` : `requester IDs ${hex(first)}–${hex(last)}`;
}
