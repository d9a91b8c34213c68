// Maps, shared IDs and what is not read or not inherited, in the order of the catalogue.
import type { Rule } from '../rule';
import { reservationNotInherited, reservationWithoutIommu } from './inheritance';
import { functionNotMapped, idMapGap, idMapLengthWraps, idMapOverlap } from './map-coverage';
import { idMapEntryRefused, idMapUnusedEntry } from './map-entries';
import { idMapMaskMerges, msiDeviceIdShared, streamIdShared } from './shared-ids';
import { idMapNotRead, iommusNotRead, iommusTwoIommus, itsDeviceIdMissing, mmuMastersNotRead } from './unread';
import { sharedStreamGroup } from './unread';
import { iommuNotProbed } from './unprobed';

export const topologyRules: readonly Rule[] = [
  idMapOverlap,
  idMapLengthWraps,
  idMapEntryRefused,
  functionNotMapped,
  idMapGap,
  idMapUnusedEntry,
  idMapMaskMerges,
  streamIdShared,
  msiDeviceIdShared,
  idMapNotRead,
  iommusNotRead,
  iommusTwoIommus,
  iommuNotProbed,
  mmuMastersNotRead,
  sharedStreamGroup,
  itsDeviceIdMissing,
  reservationNotInherited,
  reservationWithoutIommu,
];
