// What a device asks of a software MSI window: room for its doorbells, inside of what reaches its IOMMU, clear of the rest.
import type { AddressRange, BusAddress, Doorbell, Iova, MsiController } from '../topology/model';
import { usableEntries } from '../topology/id-maps';
import type { KernelProfile } from './kernel-profile';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from './prediction';
import { intersect, lastAddress, subtract, union } from './ranges';

/** The largest page of a host: windows are aligned to it, and every doorbell may take one. */
export const granule = 0x10000n;

export interface WindowDemand {
  readonly group: PredictedGroup;
  readonly device: PredictedDevice;
  /** Where the window is now. */
  readonly window: AddressRange<Iova>;
  /** Doorbell pages that the device can be told to write to, each once; at least one page is needed where none is known. */
  readonly doorbells: readonly Doorbell[];
  /** The room that they need, with the largest pages. */
  readonly least: bigint;
  readonly obstacles: readonly Obstacle[];
  /** Where the window may lie: no obstacle, inside of what is forwarded and translated. */
  readonly allowed: readonly AddressRange<Iova>[];
}

/** What keeps a window out of a range. */
export interface Obstacle {
  readonly range: AddressRange;
  readonly kind: 'reserved-region' | 'pci-window' | 'not-forwarded' | 'aperture' | 'guest-ram';
  readonly text: string;
}

/** The demands of every device whose group has a software window, in the order of the prediction. */
export function windowDemands(prediction: RegionPrediction, guestRam: readonly AddressRange[] = []): WindowDemand[] {
  const demands: WindowDemand[] = [];
  for (const group of prediction.groups) {
    for (const device of group.devices) {
      const window = device.regions.find(({ type }) => type === 'software-msi');
      if (window !== undefined) demands.push(demandOf(group, device, window.range, prediction.kernel, guestRam));
    }
  }
  return demands;
}

function demandOf(
  group: PredictedGroup,
  device: PredictedDevice,
  window: AddressRange<Iova>,
  kernel: KernelProfile,
  guestRam: readonly AddressRange[],
): WindowDemand {
  const doorbells = doorbellsOf(device, kernel);
  const pages = new Set(doorbells.map(({ page }) => page.start / granule));
  const obstacles = [...obstaclesOf(group, device)];
  for (const range of guestRam) obstacles.push({ range, kind: 'guest-ram', text: 'guest RAM' });
  const allowed = subtract(
    [{ start: 0n as Iova, end: lastAddress as Iova }],
    obstacles.map(({ range }) => range),
  );
  return { group, device, window, doorbells, least: granule * BigInt(Math.max(pages.size, 1)), obstacles, allowed };
}

function* obstaclesOf(group: PredictedGroup, { iommu, master }: PredictedDevice): Generator<Obstacle> {
  for (const { range, type, parts } of group.regions) {
    if (type === 'software-msi') continue;
    const node = parts[0]?.region.reservation?.node.path;
    yield { range, kind: 'reserved-region', text: `${type} region${node ? ` of ${node}` : ''}` };
  }
  for (const { bus, kind } of master.hostBridge?.outbound ?? []) {
    if (kind !== 'memory32' && kind !== 'memory64') continue;
    yield { range: bus, kind: 'pci-window', text: `outbound window of ${master.hostBridge!.path}` };
  }
  const whole: AddressRange<BusAddress> = { start: 0n as BusAddress, end: lastAddress as BusAddress };
  const { windows, levels } = master.inbound;
  if (windows !== undefined) {
    const forwarded = union(windows.filter(({ kind }) => kind !== 'io').map(({ device }) => device));
    for (const range of subtract([whole], forwarded)) {
      yield { range, kind: 'not-forwarded', text: `not forwarded by ${levels[0]?.bus ?? master.path}` };
    }
  }
  const { aperture } = iommu.driver;
  if (aperture !== undefined) {
    for (const range of subtract([whole], [aperture]))
      yield { range, kind: 'aperture', text: `beyond what ${iommu.path} translates` };
  }
}

/** Each doorbell page that the device's MSIs can go to. */
function doorbellsOf({ master }: PredictedDevice, kernel: KernelProfile): Doorbell[] {
  const controllers = new Set<MsiController>();
  for (const { controller, problem } of master.msi.parents) {
    if (problem === undefined && controller.target !== undefined) controllers.add(controller.target);
  }
  for (const { target } of usableEntries(master.msi.map, kernel.mapRule)) {
    if (target.target !== undefined) controllers.add(target.target);
  }
  const byPage = new Map<bigint, Doorbell>();
  for (const { availability, doorbells } of controllers) {
    if (!availability.enabled) continue;
    for (const doorbell of doorbells) byPage.set(doorbell.page.start, doorbell);
  }
  return [...byPage.values()];
}

/** Where all demands allow a window; a demand that nothing can meet does not count against the others. */
export function allowedByAll(demands: readonly WindowDemand[]): AddressRange<Iova>[] {
  const start: AddressRange<Iova>[] = [{ start: granule as Iova, end: lastAddress as Iova }];
  return demands.reduce((rest, { allowed }) => intersect(rest, allowed), start);
}
