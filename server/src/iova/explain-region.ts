// A region in words: what it means for the host and for VFIO, and where it is not what was written.
import { formatRange } from '../text/numbers';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion, RegionType } from './prediction';

/** What regions of these types mean, a sentence for each type that occurs; undefined without any. */
export function effectsText(
  regions: readonly { readonly type: RegionType }[],
  kernel: KernelProfile,
): string | undefined {
  const types = new Set(regions.map(({ type }) => type));
  return types.size === 0 ? undefined : Array.from(types, (type) => effectText(type, kernel)).join(' ');
}

export function effectText(type: RegionType, { refusesDirect, version }: KernelProfile): string {
  switch (type) {
    case 'direct':
      return refusesDirect
        ? `direct: mapped 1:1 at all times, so Linux ${version} does not give the group to VFIO (EINVAL).`
        : `direct: mapped 1:1 for the host’s own drivers; Linux ${version} gives the group to VFIO, and the map is gone then.`;
    case 'direct-relaxable':
      return 'direct-relaxable: mapped 1:1 for the host’s own drivers; VFIO takes no notice, and a guest may have memory there.';
    case 'reserved':
      return 'reserved: VFIO refuses maps that meet it, and a guest’s memory must keep clear of it.';
    case 'hardware-msi':
      return 'msi: MSIs are written there untranslated; VFIO refuses maps that meet it.';
    case 'software-msi':
      return 'msi: VFIO maps doorbells there, page after page from its start, and refuses a guest’s memory.';
  }
}

/** That an RMR is rounded, or is empty (drivers/acpi/arm64/iort.c iort_rmr_alloc); undefined where it is what was written. */
export function roundingText(
  { origin, range, reservation }: DeviceRegion,
  { pageSize }: KernelProfile,
): string | undefined {
  if (origin !== 'rmr' || reservation === undefined) return undefined;
  const { writtenStart, size } = reservation;
  if (size === 0n) return 'Its length is 0: Linux keeps it in the list all the same, and it reserves nothing.';
  const written = { start: writtenStart, end: BigInt.asUintN(64, writtenStart + size - 1n) };
  if (written.start === range.start && written.end === range.end) return undefined;
  const pages = `${String(pageSize / 1024n)} KiB`;
  return `Written as ${formatRange(written)}, which is no multiple of 64 KiB: Linux calls that a firmware bug and rounds it outwards to its pages of ${pages}.`;
}
