// Reserved memory, in the order of the catalogue.
import type { Rule } from '../rule';
import { directRegionInUse, disabledRegionReserves } from './direct';
import {
  reservedMemoryFormat,
  reservedMemoryMisplaced,
  reservedMemoryNoPlace,
  reservedMemoryNotAllocated,
  reservedMemoryRegLength,
} from './format';
import {
  reservedMemoryExtraReg,
  reservedMemoryMisaligned,
  reservedMemoryOutside,
  reservedMemoryOverlap,
  reservedMemoryPartlyOutside,
} from './layout';
import { cmaRegionMisaligned, noMapReusable, poolDefaultIgnored } from './pools';

export const memoryRules: readonly Rule[] = [
  reservedMemoryFormat,
  reservedMemoryRegLength,
  reservedMemoryMisplaced,
  reservedMemoryNoPlace,
  reservedMemoryNotAllocated,
  reservedMemoryOverlap,
  reservedMemoryOutside,
  reservedMemoryPartlyOutside,
  reservedMemoryMisaligned,
  reservedMemoryExtraReg,
  noMapReusable,
  cmaRegionMisaligned,
  poolDefaultIgnored,
  disabledRegionReserves,
  directRegionInUse,
];
