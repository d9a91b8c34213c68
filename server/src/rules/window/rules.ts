// The MSI window by itself: its size and place, and where doorbell.json puts it.
import type { Rule } from '../rule';
import { msiWindowAbove4G, msiWindowMisaligned, msiWindowOutsideAperture, msiWindowTooSmall } from './room';
import { msiWindowNotSettable, msiWindowUnused } from './settings';

export const windowRules: readonly Rule[] = [
  msiWindowTooSmall,
  msiWindowMisaligned,
  msiWindowOutsideAperture,
  msiWindowAbove4G,
  msiWindowNotSettable,
  msiWindowUnused,
];
