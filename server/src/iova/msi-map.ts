// The ways that a master's MSIs go by on a kernel.
import type { DmaMaster, IdMap, MsiController, MsiParent } from '../topology/model';
import type { KernelProfile } from './kernel-profile';

/** Kernels differ in which mappings of an IORT's SMMUs are for devices at all. */
export function msiMapOf({ msi }: DmaMaster, { deviceIdRule }: KernelProfile): IdMap<MsiController> | undefined {
  return deviceIdRule === 'by-interrupts' ? (msi.earlierMap ?? msi.map) : msi.map;
}

/** What takes MSIs that no map has. */
export function msiParentsOf({ msi }: DmaMaster, { deviceIdRule }: KernelProfile): readonly MsiParent[] {
  return deviceIdRule === 'by-interrupts' ? (msi.earlierParents ?? msi.parents) : msi.parents;
}
