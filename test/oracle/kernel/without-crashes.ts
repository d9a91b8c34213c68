// Most random trees must boot: of one that crashes the kernel nothing else can be seen.
import { treeOf } from '../../topology/trees';
import { predict } from './compare';
import type { TreeDescription } from './description';
import type { RealKernel } from './kernels';
import { renderTree } from './render';

/** The description without the `memory-region` of devices whose reservations we expect to crash the kernel. */
export function withoutCrashes(tree: TreeDescription, kernel: RealKernel): TreeDescription {
  const { regions } = predict(treeOf(renderTree(tree)), kernel);
  const crashing = new Set(
    regions.groups.flatMap(({ oops, devices }) =>
      oops === undefined ? [] : devices.flatMap(({ master }) => master.labels),
    ),
  );
  if (crashing.size === 0) return tree;
  const calm = <Device extends { name: string; memoryRegion: readonly string[] }>(device: Device): Device =>
    crashing.has(device.name) ? { ...device, memoryRegion: [] } : device;
  return { ...tree, masters: tree.masters.map(calm), functions: tree.functions.map(calm) };
}
