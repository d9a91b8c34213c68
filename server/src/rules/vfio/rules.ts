// What keeps devices of a board from being passed through, whatever the guest.
import type { Rule } from '../rule';
import { vfioDeviceNotCoherent, vfioDriverUnable, vfioSmmuNotCoherent } from './coherency';
import { vfioNoMsiController, vfioUnsafeInterrupts } from './interrupts';
import { reservedRegionsCut } from './listing';
import { virtioIommuRegionsUnknown } from './unknown-regions';
import { vfioNoUsableIova, vfioSmmuDisabled } from './usable-space';

export const vfioRules: readonly Rule[] = [
  vfioSmmuNotCoherent,
  vfioDeviceNotCoherent,
  vfioDriverUnable,
  vfioSmmuDisabled,
  vfioUnsafeInterrupts,
  vfioNoMsiController,
  vfioNoUsableIova,
  virtioIommuRegionsUnknown,
  reservedRegionsCut,
];
