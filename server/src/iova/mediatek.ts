// What MediaTek's IOMMU driver makes of a device's ports: its window, its group, and what it reserves (drivers/iommu/mtk_iommu.c).
import type { AddressRange, DmaMaster, Iommu, Iova } from '../topology/model';
import type { MediatekIommu, MediatekWindow } from '../topology/mediatek-iommus';
import type { KernelProfile } from './kernel-profile';

export type WindowOfDevice =
  { readonly ok: true; readonly index: number } | { readonly ok: false; readonly reason: string };

/** MTK_M4U_TO_LARB, MTK_M4U_TO_PORT. */
const larbOf = (id: number): number => (id >>> 5) & 0x1f;
const portOf = (id: number): number => id & 0x1f;

function portMask(ids: readonly number[]): number {
  return ids.reduce((mask, id) => (mask | (1 << portOf(id))) >>> 0, 0);
}

function rangeIn(window: MediatekWindow, kernel: KernelProfile): AddressRange<Iova> {
  return kernel.mediatekWindows === 'dma-ranges' ? window.rangeIn61 : window.range;
}

/** The window of a device with these IDs: mtk_iommu_get_iova_region_id. */
export function mediatekWindow(
  { windows }: MediatekIommu,
  master: DmaMaster,
  ids: readonly number[],
  kernel: KernelProfile,
): WindowOfDevice {
  if (windows.length === 1) return { ok: true, index: 0 };
  if (kernel.mediatekWindows === 'dma-ranges') return windowByDmaRanges(windows, master, kernel);
  const [first] = ids;
  if (first === undefined) return { ok: false, reason: 'it has no port' };
  const larb = larbOf(first);
  const mask = portMask(ids);
  const index = windows.findIndex(({ ports }) => ((ports.get(larb) ?? 0) & mask) >>> 0 === mask);
  if (index >= 0) return { ok: true, index };
  return { ok: false, reason: `no IOVA window of its IOMMU is that of larb ${larb}, ports 0x${mask.toString(16)}` };
}

/** Linux 6.1: the window that the first entry of the nearest `dma-ranges` names, else the last one that holds it. */
function windowByDmaRanges(
  windows: readonly MediatekWindow[],
  { inbound }: DmaMaster,
  kernel: KernelProfile,
): WindowOfDevice {
  const entry = inbound.levels[0]?.windows[0]?.device;
  if (entry === undefined) return { ok: true, index: 0 };
  const ranges = windows.map((window) => rangeIn(window, kernel));
  const start = entry.start as bigint;
  const end = entry.end as bigint;
  const exact = ranges.findIndex((range) => start === range.start && end === range.end);
  const index = exact >= 0 ? exact : ranges.findLastIndex((range) => start >= range.start && end <= range.end);
  if (index >= 0) return { ok: true, index };
  return { ok: false, reason: 'the dma-ranges above it lie in no IOVA window of its IOMMU' };
}

/** Windows that lie within the device's own one and do not touch its ends: mtk_iommu_get_resv_regions. */
export function mediatekReservations(
  { windows }: MediatekIommu,
  index: number,
  kernel: KernelProfile,
): AddressRange<Iova>[] {
  const own = rangeIn(windows[index]!, kernel);
  return windows
    .map((window) => rangeIn(window, kernel))
    .filter(({ start, end }) => start > own.start && end < own.end);
}

/** What devices of one group have in common: mtk_iommu_get_group_id. */
export function mediatekGroup(
  iommu: Iommu,
  { list, bankPorts }: MediatekIommu,
  index: number,
  ids: readonly number[],
): string {
  const where = list ?? iommu.path;
  const mask = portMask(ids);
  // A bank has its own group; the first bank is none of its own.
  return bankPorts !== 0 && (mask & bankPorts) !== 0 ? `${where} bank` : `${where} window ${index}`;
}

/** Why mtk_iommu_probe_device refuses a device, if it does. */
export function mediatekRefusal({ oneLarb }: MediatekIommu, ids: readonly number[]): string | undefined {
  const larbs = new Set(ids.map(larbOf));
  if (!oneLarb || larbs.size < 2) return undefined;
  return `its ports are those of several larbs (${[...larbs].join(', ')}), and the driver takes only one`;
}
