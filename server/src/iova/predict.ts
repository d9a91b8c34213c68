// The whole prediction: which master is in which group on a kernel, and what the group reserves.
import type { DmaMaster, Topology } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import { placementsOf } from './kept-placements';
import { busPlace } from './lost-iommus';
import type { PredictedGroup, RegionPrediction, UngroupedMaster } from './prediction';

export type * from './prediction';

/** Groups and reserved regions as the kernel will report them. Every master is in a group or in `ungrouped`, a bus perhaps in both. */
export function predictRegions(topology: Topology, kernel: KernelProfile): RegionPrediction {
  const groups: PredictedGroup[] = [];
  const ungrouped: UngroupedMaster[] = [];
  for (const placement of placementsOf(topology, inOrder(topology, kernel), kernel)) {
    if (placement.kind === 'leads') groups.push(placement.group);
    else if (placement.kind === 'ungrouped') ungrouped.push(placement.master);
  }
  return { kernel, groups, ungrouped };
}

/**
 * Devices are met in this order (seen on all kernels). An IOMMU of 7.2 asks one kind of bus after another; PCI's functions are in the
 * order in which they were found: bus by bus. Before it drivers bind, those of PCI first, and of these that of bridges (pcieport),
 * which is never a module.
 */
function inOrder({ masters }: Topology, kernel: KernelProfile): DmaMaster[] {
  const on: readonly [DmaMaster[], DmaMaster[], DmaMaster[]] = [[], [], []];
  for (const master of masters) on[busPlace(master)].push(master);
  const pci = on[1].sort(byRequesterId);
  if (kernel.groupsFormAt === 'add') return [...on[0], ...pci, ...on[2]];
  const others = masters.filter((master) => busPlace(master) !== 1);
  return [...pci.filter(({ isBridge }) => isBridge), ...pci.filter(({ isBridge }) => !isBridge), ...others];
}

/** Host bridges stay in front of what is behind them. */
function byRequesterId(one: DmaMaster, other: DmaMaster): number {
  if (one.hostBridge !== other.hostBridge) return 0;
  return (one.requesterId ?? -1) - (other.requesterId ?? -1);
}
