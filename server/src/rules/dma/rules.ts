// DMA limits and PCI windows, in the order of the catalogue.
import type { Rule } from '../rule';
import {
  dmaRangesLength,
  dmaRangesOverlap,
  dmaRangesUselessEntry,
  dmaRangesWithoutCells,
  pciDmaRangesRefused,
} from './dma-ranges';
import { pciWindowLost, pciWindowOverlap, pciWindowOverMemory } from './pci-windows';
import { dmaRangesNotFound, memoryBeyondDmaRanges, pciWindowHidesMemory } from './reach';

export const dmaRules: readonly Rule[] = [
  dmaRangesLength,
  dmaRangesUselessEntry,
  dmaRangesOverlap,
  pciDmaRangesRefused,
  dmaRangesWithoutCells,
  dmaRangesNotFound,
  memoryBeyondDmaRanges,
  pciWindowHidesMemory,
  pciWindowOverlap,
  pciWindowOverMemory,
  pciWindowLost,
];
