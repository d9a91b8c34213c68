// One walk over a tree for all rules that look for nodes which are in no topology.
import { walk } from '../tree/navigate';
import type { DeviceTree, DtNode } from '../tree/model';
import { oncePer } from '../text/once';

export interface Survey {
  /** Nodes with `dma-ranges`, empty or not; without the root, whose own is never read. */
  readonly dmaBuses: readonly DtNode[];
  /** Nodes called `reserved-memory` anywhere but at the root. */
  readonly otherReservedMemory: readonly DtNode[];
  /** SMMUs that name their devices (`mmu-masters`). */
  readonly legacySmmus: readonly DtNode[];
}

export const surveyOf = oncePer(({ root }: DeviceTree): Survey => {
  const dmaBuses: DtNode[] = [];
  const otherReservedMemory: DtNode[] = [];
  const legacySmmus: DtNode[] = [];
  walk(root, (node) => {
    if (node.parent !== undefined && node.properties.has('dma-ranges')) dmaBuses.push(node);
    if (node.properties.has('mmu-masters')) legacySmmus.push(node);
    if (node.name === 'reserved-memory' && node.parent !== root) otherReservedMemory.push(node);
  });
  return { dmaBuses, otherReservedMemory, legacySmmus };
});
