// RAM that a master's DMA does not reach: VFIO looks at neither `dma-ranges` nor address limits, so the map succeeds and DMA fails.
import { formatRange, hex, humanSize } from '../../text/numbers';
import type { SourceRange } from '../../text/source-file';
import type { AddressRange, DmaMaster, InboundWindow } from '../../topology/model';
import { intersect, lastAddress, subtract, union } from '../ranges';

export interface Unreached {
  /** Of the guest's RAM. */
  readonly range: AddressRange;
  readonly kind: 'not-forwarded' | 'shifted' | 'address-limit';
  readonly master: DmaMaster;
  readonly text: string;
  readonly source: SourceRange | undefined;
}

/** The parts of RAM that the buses above a master do not pass on as they are, or that it cannot address. */
export function unreachedRam(master: DmaMaster, ram: readonly AddressRange[]): Unreached[] {
  const { inbound, addressLimit = lastAddress } = master;
  // Nothing is in the way of most masters.
  if (inbound.windows === undefined && ram.every(({ start, end }) => start <= end && end <= addressLimit)) return [];
  return [...beyondBuses(master, ram), ...beyondLimit(master, ram)];
}

function* beyondBuses(master: DmaMaster, ram: readonly AddressRange[]): Generator<Unreached> {
  const { windows, levels, problem } = master.inbound;
  // What cannot be read says nothing.
  if (windows === undefined || problem !== undefined) return;
  const memory = windows.filter(({ kind }) => kind !== 'io');
  const forwarded = union<bigint>(memory.map(({ device }) => device));
  const bus = levels[0]?.bus ?? master.path;
  const source = levels[0]?.source;
  for (const range of subtract(union(ram), forwarded)) {
    const text = `${bus} forwards none of ${formatRange(range)} (dma-ranges)`;
    yield { range, kind: 'not-forwarded', master, text, source };
  }
  for (const window of memory.filter(isShifting)) {
    for (const range of intersect(union(ram), [window.device])) {
      const arrival = window.memory.start + (range.start - window.device.start);
      const text = `${bus} forwards ${formatRange(range)} as ${hex(arrival)} and on (dma-ranges), where the IOMMU has no map of this RAM`;
      yield { range, kind: 'shifted', master, text, source: window.source ?? source };
    }
  }
}

function isShifting({ device, memory }: InboundWindow): boolean {
  return BigInt(device.start) !== BigInt(memory.start);
}

function* beyondLimit(master: DmaMaster, ram: readonly AddressRange[]): Generator<Unreached> {
  const { addressLimit } = master;
  if (addressLimit === undefined || addressLimit >= lastAddress) return;
  for (const range of subtract(union(ram), [{ start: 0n, end: addressLimit }])) {
    const text = `${master.path} emits addresses up to ${hex(addressLimit)} (${humanSize(addressLimit + 1n)}), and ${formatRange(range)} lies beyond`;
    yield { range, kind: 'address-limit', master, text, source: master.source };
  }
}
