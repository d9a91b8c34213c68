// What else lies where a range lies: memory, reservations, windows, doorbells.
import type { GroupRegion, PredictedGroup } from '../../iova/prediction';
import { typeWord } from '../../iova/prediction';
import type { AddressRange, DmaMaster, HostBridge } from '../../topology/model';
import { bullets, contains, nodeText, overlaps, placeText, rangeText, type Analysis, type Text } from './subject';

/** What a range of CPU addresses meets; `except` is the node that the range itself comes from. */
export function physicalNeighbours({ topology }: Analysis, range: AddressRange, except: string): Text {
  const lines: string[] = [];
  for (const memory of topology.memory) {
    if (memory.path === except || !overlaps(memory.range, range)) continue;
    const what = memory.kind === 'memory' ? 'memory' : memory.kind === 'reserved' ? 'reserved memory' : '/memreserve/';
    const { availability } = memory;
    const off = availability.enabled ? '' : `, which is off: ${availability.reason}`;
    lines.push(`${relation(range, memory.range)} ${what} ${nodeText(memory.path)} ${rangeText(memory.range)}${off}`);
  }
  for (const bridge of topology.hostBridges) {
    if (bridge.path === except) continue;
    for (const { cpu } of bridge.outbound) {
      if (cpu === undefined || !overlaps(cpu, range)) continue;
      lines.push(`${relation(range, cpu)} the outbound window of ${nodeText(bridge.path)} ${rangeText(cpu)}`);
    }
  }
  for (const controller of topology.msiControllers) {
    if (controller.path === except) continue;
    for (const { page } of controller.doorbells) {
      if (overlaps(page, range))
        lines.push(`holds the MSI doorbell of ${nodeText(controller.path)} ${rangeText(page)}`);
    }
  }
  return bullets(lines.slice(0, most));
}

/** What a range of IOVAs meets among all that a group reserves. */
export function groupNeighbours(
  group: PredictedGroup,
  range: AddressRange,
  isItself: (region: GroupRegion) => boolean,
): string[] {
  return group.regions
    .filter((region) => overlaps(region.range, range) && !isItself(region))
    .map((region) => `${relation(range, region.range)} ${regionText(region)} of the same group`);
}

/** What a range of bus addresses meets behind a host bridge: DMA to its own windows never leaves the bus. */
export function busNeighbours(bridge: HostBridge, range: AddressRange): string[] {
  return bridge.outbound
    .filter(({ bus, kind }) => kind !== 'io' && kind !== 'configuration' && overlaps(bus, range))
    .map(({ bus }) => `${relation(range, bus)} the outbound window ${rangeText(bus)} of ${nodeText(bridge.path)}`);
}

/** `0x8000000–0x80fffff (…) msi, software MSI window of the kernel` */
export function regionText(region: GroupRegion): string {
  const origins = new Set(region.parts.map(({ region: { origin, source } }) => originText(origin, placeText(source))));
  return `${rangeText(region.range)} \`${typeWord(region.type)}\`, ${[...origins].slice(0, 4).join('; ')}`;
}

function originText(origin: string, place: string): string {
  switch (origin) {
    case 'sw-msi':
      return 'the software MSI window';
    case 'hw-msi':
      return 'a hardware MSI region';
    case 'driver':
      return 'added by the IOMMU driver';
    default:
      return `${origin} at ${place}`;
  }
}

/** The group that a device or its stand-in is in. */
export function groupOf({ prediction }: Analysis, path: string): PredictedGroup | undefined {
  return prediction.groups.find(({ devices }) => devices.some((device) => device.path === path));
}

export function masterAt({ topology }: Analysis, path: string): DmaMaster | undefined {
  return topology.masters.find((master) => master.path === path);
}

const most = 12;

function relation(range: AddressRange, other: AddressRange): string {
  if (range.start === other.start && range.end === other.end) return 'is exactly';
  if (contains(other, range)) return 'lies inside';
  return contains(range, other) ? 'contains' : 'overlaps';
}
