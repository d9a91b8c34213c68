// The MSI window by itself: its size and place, and where doorbell.json puts it.
import type { MachineRule } from '../rule';
import { msiWindowAbove4G, msiWindowMisaligned, msiWindowOutsideAperture, msiWindowTooSmall } from './room';
import { msiWindowNotSettable, msiWindowUnused } from './settings';

export const windowRules: readonly MachineRule[] = [
  msiWindowTooSmall,
  msiWindowMisaligned,
  msiWindowOutsideAperture,
  msiWindowAbove4G,
  msiWindowNotSettable,
  msiWindowUnused,
];
