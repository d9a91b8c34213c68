// Maps, shared IDs and what is not read or not inherited, in the order of the catalogue.
import type { Rule } from '../rule';
import { reservationNotInherited, reservationWithoutIommu } from './inheritance';
import { functionNotMapped, idMapGap, idMapLengthWraps, idMapOverlap, idMapUnusedEntry } from './map-coverage';
import { idMapMaskMerges, msiDeviceIdShared, streamIdShared } from './shared-ids';
import { idMapNotRead, iommusNotRead, iommusTwoIommus, itsDeviceIdMissing, sharedStreamGroup } from './unread';

export const topologyRules: readonly Rule[] = [
  idMapOverlap,
  idMapLengthWraps,
  functionNotMapped,
  idMapGap,
  idMapUnusedEntry,
  idMapMaskMerges,
  streamIdShared,
  msiDeviceIdShared,
  idMapNotRead,
  iommusNotRead,
  iommusTwoIommus,
  sharedStreamGroup,
  itsDeviceIdMissing,
  reservationNotInherited,
  reservationWithoutIommu,
];
