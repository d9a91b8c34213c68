// Physical ranges of a node's `reg`.
import { translateReg } from '../tree/addresses';
import type { DeviceTree, DtNode } from '../tree/model';
import type { SourceRange } from '../text/source-file';
import type { AddressRange, PhysicalAddress } from './address';
import { rangeOf } from './address';

export interface Register {
  readonly range: AddressRange<PhysicalAddress>;
  readonly source: SourceRange | undefined;
}

/** The entries of `reg` that translate to physical addresses and are not empty, in order. */
export function registerList(tree: DeviceTree, node: DtNode): Register[] {
  const found: Register[] = [];
  for (let index = 0; ; index++) {
    const entry = translateReg(tree, node, index);
    if (entry === undefined) return found;
    const { translation, size } = entry;
    if (!translation.ok) return found;
    if (size === 0n) continue;
    found.push({
      range: rangeOf(translation.address as PhysicalAddress, size),
      get source() {
        return entry.source;
      },
    });
  }
}

export function registersOf(tree: DeviceTree, node: DtNode): AddressRange<PhysicalAddress>[] {
  return registerList(tree, node).map(({ range }) => range);
}
