// The buses of a tree that limit or move DMA, found in one walk and kept for all rules that ask.
import { readRanges, type RangesResult } from '../../tree/addresses';
import { compatibles, nodeAt, nodePath } from '../../tree/navigate';
import type { DeviceTree, DtNode } from '../../tree/model';
import { isEnabled } from '../references';
import type { RuleInput } from '../rule';
import { surveyOf } from '../survey';
import { oncePer } from '../../text/once';

/** A node with a `dma-ranges` that is not empty. */
export interface DmaBus {
  readonly node: DtNode;
  readonly path: string;
  readonly ranges: Exclude<RangesResult, { kind: 'missing' | 'identity' }>;
}

const busesOf = oncePer(findBuses);

/** Enabled buses with `dma-ranges`; the root's own are never read. */
export function dmaBuses({ tree }: Pick<RuleInput, 'tree'>): readonly DmaBus[] {
  return busesOf(tree);
}

function findBuses(tree: DeviceTree): DmaBus[] {
  const found: DmaBus[] = [];
  for (const node of surveyOf(tree).dmaBuses) {
    const path = nodePath(node);
    const ranges = readRanges(node, 'dma-ranges');
    if (ranges.kind === 'missing' || ranges.kind === 'identity' || ranges.property.data.broken) continue;
    if (isEnabled(tree, path)) found.push({ node, path, ranges });
  }
  return found;
}

/** Which bus a master's `dma-ranges` are on is told by its path and property. */
export const dmaKey = (path: string): string => `${path} dma-ranges`;

/** Bridges whose drivers place the windows at run time: `ranges` then names bus targets, not addresses (mvebu-mbus). */
export function placesWindows(tree: DeviceTree, path: string): boolean {
  const node = nodeAt(tree, path);
  return node !== undefined && compatibles(node).some((name) => mbusBridges.test(name));
}

/** Documentation/devicetree/bindings/pci/mvebu-pci.txt */
const mbusBridges = /^marvell,(?:armada-(?:370|xp)|dove|kirkwood)-pcie$/;
