// A line of `reserved_regions` in words: what made it, and what it means for the host and for VFIO.
import { formatRange } from '../text/numbers';
import type { KernelProfile } from './kernel-profile';
import type { DeviceRegion, GroupRegion } from './prediction';

/** Sentences, the most important first. */
export function explainRegion(region: GroupRegion, kernel: KernelProfile): string[] {
  const { parts } = region;
  const devices = [...new Set(parts.map(({ device }) => device.path))].join(', ');
  const made = [...new Set(parts.map(({ region: part }) => originText(part)))];
  return [
    ...made.map((text) => `${text}; for ${devices}.`),
    ...new Set(parts.flatMap(({ region: part }) => roundingText(part, kernel))),
    effectText(region, kernel),
  ];
}

function originText({ origin, reservation }: DeviceRegion): string {
  switch (origin) {
    case 'sw-msi':
      return 'The software MSI window: VFIO maps doorbells here, page after page from its start, and no memory of a guest';
    case 'hw-msi':
      return 'A doorbell page that MSIs are written to untranslated';
    case 'iommu-addresses':
      return `Set aside by iommu-addresses of ${reservation?.node.path ?? 'a node'}`;
    case 'rmr':
      return `A reserved memory range of the IORT (${reservation?.node.path ?? 'RMR'}): memory that the firmware had the device use before Linux started, and that it must go on reaching`;
    case 'driver':
      return 'Reserved by the driver of the IOMMU';
  }
}

/** drivers/acpi/arm64/iort.c iort_rmr_alloc. */
function roundingText({ origin, range, reservation }: DeviceRegion, { pageSize }: KernelProfile): string[] {
  if (origin !== 'rmr' || reservation === undefined) return [];
  const { writtenStart, size } = reservation;
  if (size === 0n) return ['Its length is 0: Linux keeps it in the list all the same, and it reserves nothing.'];
  const written = { start: writtenStart, end: BigInt.asUintN(64, writtenStart + size - 1n) };
  if (written.start === range.start && written.end === range.end) return [];
  const pages = `${String(pageSize / 1024n)} KiB`;
  return [
    `Written as ${formatRange(written)}, which is no multiple of 64 KiB: Linux calls that a firmware bug and rounds it outwards to its pages of ${pages}.`,
  ];
}

function effectText({ type }: GroupRegion, { refusesDirect, version }: KernelProfile): string {
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
    case 'software-msi':
      return 'msi: VFIO refuses maps that meet it.';
  }
}
