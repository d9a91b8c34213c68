// The map that a master's MSIs go by on a kernel.
import type { DmaMaster, IdMap, MsiController } from '../topology/model';
import type { KernelProfile } from './kernel-profile';

/** Kernels differ in which mappings of an IORT's SMMUs are for devices at all. */
export function msiMapOf({ msi }: DmaMaster, { deviceIdRule }: KernelProfile): IdMap<MsiController> | undefined {
  return deviceIdRule === 'by-interrupts' ? (msi.earlierMap ?? msi.map) : msi.map;
}
