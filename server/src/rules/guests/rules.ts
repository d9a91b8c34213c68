// The guests of doorbell.json on this board.
import type { MachineRule } from '../rule';
import { hugepageCost } from './cost';
import { guestNothingToPass, guestRamMisaligned, guestRamOverlap, guestRamWraps } from './layout';
import { guestRamNotReached, guestRamOutsideAperture } from './reach';
import { guestRamOverMsiWindow, guestRamOverReservation } from './reserved';

export const guestRules: readonly MachineRule[] = [
  guestRamOverReservation,
  guestRamOverMsiWindow,
  guestRamOutsideAperture,
  guestRamNotReached,
  guestRamMisaligned,
  guestRamOverlap,
  guestRamWraps,
  guestNothingToPass,
  hugepageCost,
];
