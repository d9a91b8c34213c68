// What a device asks of a software MSI window: room for its doorbells, inside of what reaches its IOMMU, clear of the rest.
import type { SourceRange } from '../text/source-file';
import { lookUp, usableEntries } from '../topology/id-maps';
import type { AddressRange, BusAddress, DmaMaster, Doorbell, Inbound, Iova, MsiController } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import { msiMapOf, msiParentsOf } from './msi-map';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from './prediction';
import { intersect, lastAddress, subtract, union } from './ranges';
import { oncePer } from '../text/once';

/** The largest page of a host: windows are aligned to it, and every doorbell may take one. */
export const granule = 0x10000n;

export interface WindowDemand {
  readonly group: PredictedGroup;
  readonly device: PredictedDevice;
  /** Where the window is now. */
  readonly window: AddressRange<Iova>;
  /** Doorbell pages that the device can be told to write to, each once; at least one page is needed where none is known. */
  readonly doorbells: readonly Doorbell[];
  /** The room that they need, with the largest pages that a host can have. */
  readonly least: bigint;
  /** The room that they need with this kernel's pages: one for each that holds a doorbell. */
  readonly needed: bigint;
  readonly obstacles: readonly Obstacle[];
  /** Why there may be obstacles that are not listed. */
  readonly unknownObstacles: string | undefined;
  /** Where the window may lie: no obstacle, inside of what is forwarded and translated. */
  readonly allowed: readonly AddressRange<Iova>[];
}

/** What keeps a window out of a range. */
export interface Obstacle {
  readonly range: AddressRange;
  readonly kind: 'reserved-region' | 'relaxable-region' | 'pci-window' | 'not-forwarded' | 'aperture' | 'guest-ram';
  readonly text: string;
  /** What in the sources makes it one. */
  readonly source: SourceRange | undefined;
}

/** The demands of every device whose group has a software window, in the order of the prediction. */
export function windowDemands(prediction: RegionPrediction, guestRam: readonly AddressRange[] = []): WindowDemand[] {
  const demands: WindowDemand[] = [];
  for (const group of prediction.groups) {
    for (const device of group.devices) {
      const window = device.regions.find(({ type }) => type === 'software-msi');
      if (window !== undefined)
        demands.push(new DeviceDemand(group, device, window.range, prediction.kernel, guestRam));
    }
  }
  return demands;
}

/** Of thousands of devices, hardly any is asked what stands in the way. */
class DeviceDemand implements WindowDemand {
  private doorbellsKept: readonly Doorbell[] | undefined;
  private obstaclesKept: readonly Obstacle[] | undefined;
  private allowedKept: readonly AddressRange<Iova>[] | undefined;

  constructor(
    readonly group: PredictedGroup,
    readonly device: PredictedDevice,
    readonly window: AddressRange<Iova>,
    private readonly kernel: KernelProfile,
    private readonly guestRam: readonly AddressRange[],
  ) {}

  get doorbells(): readonly Doorbell[] {
    return (this.doorbellsKept ??= doorbellsOf(this.device, this.kernel));
  }

  get least(): bigint {
    return roomFor(this.doorbells, granule);
  }

  get needed(): bigint {
    return roomFor(this.doorbells, this.kernel.pageSize);
  }

  get obstacles(): readonly Obstacle[] {
    return (this.obstaclesKept ??= [...obstaclesOf(this.group, this.device), ...this.guestRam.map(ramObstacle)]);
  }

  get unknownObstacles(): string | undefined {
    return this.device.master.hostBridge?.outboundUnknown;
  }

  get allowed(): readonly AddressRange<Iova>[] {
    return (this.allowedKept ??= clearOf(this.obstacles));
  }
}

function ramObstacle(range: AddressRange): Obstacle {
  return { range, kind: 'guest-ram', text: 'guest RAM', source: undefined };
}

/** drivers/iommu/dma-iommu.c iommu_dma_get_msi_page: a page for each host page that holds a doorbell, one if none is known. */
function roomFor(doorbells: readonly Doorbell[], pageSize: bigint): bigint {
  if (doorbells.length < 2) return pageSize;
  const pages = new Set(doorbells.map(({ address }) => address / pageSize));
  return pageSize * BigInt(Math.max(pages.size, 1));
}

function clearOf(obstacles: readonly Obstacle[]): AddressRange<Iova>[] {
  return subtract(
    [{ start: 0n as Iova, end: lastAddress as Iova }],
    obstacles.map(({ range }) => range),
  );
}

/** What several devices in one container ask of a window together; `demands` has at least one. */
export function mergedDemand(demands: readonly WindowDemand[], { pageSize }: KernelProfile): WindowDemand {
  const [first] = demands as readonly [WindowDemand, ...WindowDemand[]];
  if (demands.length === 1) return first;
  const byPage = new Map(demands.flatMap((demand) => demand.doorbells).map((each) => [each.page.start, each]));
  const doorbells = [...byPage.values()];
  const byText = new Map(
    demands
      .flatMap((demand) => demand.obstacles)
      .map((each) => [`${each.text} ${each.range.start} ${each.range.end}`, each]),
  );
  const obstacles = [...byText.values()];
  const least = roomFor(doorbells, granule);
  const { group, device, window, unknownObstacles } = first;
  const needed = roomFor(doorbells, pageSize);
  return { group, device, window, doorbells, least, needed, obstacles, unknownObstacles, allowed: clearOf(obstacles) };
}

function* obstaclesOf(group: PredictedGroup, { iommu, master }: PredictedDevice): Generator<Obstacle> {
  for (const { range, type, parts } of group.regions) {
    if (type === 'software-msi') continue;
    const { reservation, source } = parts[0]?.region ?? {};
    const text = `${type} region${reservation === undefined ? '' : ` of ${reservation.node.path}`}`;
    const kind = type === 'direct-relaxable' ? 'relaxable-region' : 'reserved-region';
    yield { range, kind, text, source };
  }
  for (const { bus, kind, source } of master.hostBridge?.outbound ?? []) {
    if (kind !== 'memory32' && kind !== 'memory64') continue;
    yield { range: bus, kind: 'pci-window', text: `outbound window of ${master.hostBridge!.path}`, source };
  }
  yield* notForwarded(master.inbound);
  const { aperture } = iommu.driver;
  if (aperture !== undefined) {
    for (const range of subtract([whole], [aperture]))
      yield { range, kind: 'aperture', text: `beyond what ${iommu.path} translates`, source: iommu.source };
  }
  const { addressLimit } = master;
  if (addressLimit !== undefined) {
    for (const range of subtract([whole], [{ start: 0n, end: addressLimit }]))
      yield {
        range,
        kind: 'aperture',
        text: `beyond the addresses that ${master.path} can emit`,
        source: master.source,
      };
  }
}

const whole: AddressRange<BusAddress> = { start: 0n as BusAddress, end: lastAddress as BusAddress };

/** What the buses above do not let through: the same for all devices of a bus. */
const notForwarded = oncePer(({ windows, levels, problem }: Inbound): readonly Obstacle[] => {
  const [level] = levels;
  if (windows === undefined || level === undefined) return [];
  const forwarded = union(windows.filter(({ kind }) => kind !== 'io').map(({ device }) => device));
  const { bus, source } = level;
  const text =
    problem === undefined ? `not forwarded by ${bus}` : `perhaps not forwarded by ${bus}: ${problem.message}`;
  return subtract([whole], forwarded).map((range) => ({ range, kind: 'not-forwarded', text, source }));
});

/** Each doorbell page that the device's MSIs can go to. */
export function doorbellsOf({ master }: PredictedDevice, kernel: KernelProfile): Doorbell[] {
  const parents = msiParentsOf(master, kernel);
  const [parent] = parents;
  if (
    parents.length === 1 &&
    parent!.controller.target?.doorbells.length === 0 &&
    msiMapOf(master, kernel) === undefined
  )
    return [];
  const controllers = new Set<MsiController>(mappedControllers(master, kernel));
  for (const { controller, problem } of parents) {
    if (problem === undefined && controller.target !== undefined) controllers.add(controller.target);
  }
  const byPage = new Map<bigint, Doorbell>();
  for (const { availability, doorbells } of controllers) {
    if (!availability.enabled) continue;
    for (const doorbell of doorbells) byPage.set(doorbell.page.start, doorbell);
  }
  return [...byPage.values()];
}

/** By `msi-map`: of a function whose requester ID is known the one that it leads to, else all. */
function mappedControllers(master: DmaMaster, kernel: KernelProfile): MsiController[] {
  const { requesterId } = master;
  const { mapRule } = kernel;
  const map = msiMapOf(master, kernel);
  if (map !== undefined && requesterId !== undefined) {
    const found = lookUp(map, mapRule, requesterId);
    return found.kind === 'found' && found.entry.target.target !== undefined ? [found.entry.target.target] : [];
  }
  return usableEntries(map, mapRule).flatMap(({ target }) => target.target ?? []);
}

/** Where all demands allow a window; a demand that nothing can meet does not count against the others. */
export function allowedByAll(demands: readonly WindowDemand[]): AddressRange<Iova>[] {
  const start: AddressRange<Iova>[] = [{ start: granule as Iova, end: lastAddress as Iova }];
  return demands.reduce((rest, { allowed }) => intersect(rest, allowed), start);
}
