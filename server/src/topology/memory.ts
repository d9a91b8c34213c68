// Physical memory, and what firmware takes out of it.
import { nodePath } from '../tree/navigate';
import type { DtNode } from '../tree/model';
import type { PhysicalAddress } from './address';
import { rangeOf } from './address';
import type { Builder } from './builder';
import { availabilityOf } from './builder';
import type { MemoryRange } from './model';
import { registerList } from './registers';

/** `/memory` nodes, the children of `/reserved-memory` that have a place, and the header's reservations. */
export function readMemory(builder: Builder, memoryNodes: readonly DtNode[]): MemoryRange[] {
  const found: MemoryRange[] = [];
  for (const node of memoryNodes) addRanges(builder, node, 'memory', found);
  const reserved = builder.tree.root.children.get('reserved-memory');
  for (const node of reserved?.children.values() ?? []) addRanges(builder, node, 'reserved', found);
  for (const { address, size, source } of builder.tree.memoryReservations) {
    if (size === 0n) continue;
    found.push({
      path: '/memreserve/',
      kind: 'memreserve',
      range: rangeOf(address as PhysicalAddress, size),
      noMap: false,
      reusable: false,
      availability: { enabled: true },
      source,
    });
  }
  return found;
}

function addRanges(builder: Builder, node: DtNode, kind: 'memory' | 'reserved', found: MemoryRange[]): void {
  if (!node.properties.has('reg')) return;
  for (const register of registerList(builder.tree, node)) {
    found.push({
      path: nodePath(node),
      kind,
      range: register.range,
      noMap: node.properties.has('no-map'),
      reusable: node.properties.has('reusable'),
      availability: availabilityOf(node),
      get source() {
        return register.source;
      },
    });
  }
}
