// Memory access properties and the address size limit of a master.
import type { DmaMaster } from '../model';
import { note, type IortBuilder } from './model';

/** CCA, and of the memory flags CPM and DACS: a coherent master is so on a coherent path, whatever its attributes. */
export function memoryAccess({ coherent }: DmaMaster): Readonly<Record<string, number>> {
  return coherent ? { cacheCoherency: 1, memoryFlags: 3 } : { cacheCoherency: 0, memoryFlags: 0 };
}

const wholeSpace = 64;

/** Bits of the addresses that the buses above forward. What else `dma-ranges` say, an IORT has no field for. */
export function memorySizeLimit(builder: IortBuilder, { path, inbound }: DmaMaster): number {
  const { windows, levels } = inbound;
  if (windows === undefined) return wholeSpace;
  const where = [...new Set(levels.map(({ bus }) => bus))].join(', ');
  if (windows.length === 0) {
    note(builder, 'lost', path, `the dma-ranges of ${where} forward nothing, or cannot be read: no limit is written`);
    return wholeSpace;
  }
  const sorted = [...windows].sort((one, other) => (one.device.start < other.device.start ? -1 : 1));
  let end = -1n;
  let isPlain = true;
  for (const { device, memory } of sorted) {
    if (device.start > end + 1n || BigInt(device.start) !== memory.start) isPlain = false;
    if (device.end > end) end = device.end;
  }
  const bits = end.toString(2).length;
  if (!isPlain || end !== (1n << BigInt(bits)) - 1n) {
    const message = `the dma-ranges of ${where} say more than that addresses have ${String(bits)} bits: a _DMA method in the DSDT can say it`;
    note(builder, 'lost', path, message);
  }
  return bits;
}
