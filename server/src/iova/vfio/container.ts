// The life of a container: groups are added, memory is mapped, more groups come. Both of the kernel's back ends have the same
// shape, each with its own rules (type1.ts, iommufd.ts). A container is a value: every step gives a new one.
import type { Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import type { PredictedGroup, RegionPrediction } from '../prediction';
import { wholeSpace } from './address-space';
import type { Backend, VfioOptions } from './attach-result';
import type { AddResult, Container } from './container-model';
import type { DmaMap, MapResult } from './dma-map';
import { addToIoas, mapInIoas } from './iommufd';
import { addToType1, mapInType1 } from './type1';

export type { Backend, VfioOptions } from './attach-result';
export type * from './container-model';

export function emptyContainer(backend: Backend): Container {
  return {
    backend,
    compat: false,
    groups: [],
    maps: [],
    ranges: backend === 'iommufd' ? [wholeSpace] : [],
    msiBase: undefined,
    domains: [],
    allowed: [],
  };
}

/** What a program that knows type1 alone gets from a kernel where iommufd stands behind /dev/vfio/vfio. */
export function emptyCompatContainer(): Container {
  return { ...emptyContainer('iommufd'), compat: true };
}

/**
 * Adds a group (iommufd: each of its devices in turn) to a container, the kernel's checks in their order. A container that has
 * maps is a running guest: this is hotplug.
 */
export function addGroup(
  container: Container,
  topology: Topology,
  prediction: RegionPrediction,
  group: PredictedGroup,
  options: VfioOptions = {},
): AddResult {
  const add = container.backend === 'type1' ? addToType1 : addToIoas;
  return add(container, topology, prediction.kernel, group, options);
}

/**
 * Maps a range for all groups of a container. A type1 container without a group takes any, as one does that holds only
 * mediated devices; so a guest that runs without a device of its own is a container with maps and no group.
 */
export function mapDma(
  container: Container,
  kernel: KernelProfile,
  map: DmaMap,
): { readonly container: Container; readonly result: MapResult } {
  const result = container.backend === 'type1' ? mapInType1(container, kernel, map) : mapInIoas(container, kernel, map);
  if (result.result !== 'ok') return { container, result };
  return { container: { ...container, maps: [...container.maps, map] }, result };
}

/** Several maps in turn, each whether or not the others were taken. */
export function mapAll(
  container: Container,
  kernel: KernelProfile,
  maps: readonly DmaMap[],
): { readonly container: Container; readonly results: readonly MapResult[] } {
  const results: MapResult[] = [];
  let current = container;
  for (const map of maps) {
    const mapped = mapDma(current, kernel, map);
    current = mapped.container;
    results.push(mapped.result);
  }
  return { container: current, results };
}
