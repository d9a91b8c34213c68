// VFIO's type1 back end: containers, groups and maps (drivers/vfio/vfio_iommu_type1.c, drivers/vfio/container.c).
import type { AddressRange, Iova, Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import type { PredictedGroup } from '../prediction';
import { contains, intersect, overlaps, subtract } from '../ranges';
import { blockSizes, hostAperture } from './address-space';
import { attached, refused } from './attach-result';
import type { AttachResult, VfioOptions } from './attach-result';
import { bindRefusal, directRefusal, interruptRefusal } from './bind';
import type { AddResult, Container, Domain } from './container-model';
import type { DmaMap, MapConflict, MapError, MapResult } from './dma-map';
import { beyond, excludes, isAligned, mappingsMet, ownConflict, rangeOfMap, regionsMet, wraps } from './dma-map';

/** `dma_entry_limit`, a module parameter: U16_MAX. */
const mapLimit = 65535;

/**
 * vfio_container_attach_group, then vfio_iommu_type1_attach_group: claims the group (from 6.6 on refused for a direct region),
 * holds the domain's aperture and the group's regions against the maps, cuts them out of what may be mapped, and looks at
 * interrupts last. The first group of a container goes through SET_IOMMU, later ones are looked at by SET_CONTAINER.
 */
export function addToType1(
  container: Container,
  topology: Topology,
  kernel: KernelProfile,
  group: PredictedGroup,
  options: VfioOptions,
): AddResult {
  const unknown = [...group.unknown];
  const failed = (attach: AttachResult, conflicts: readonly MapConflict[] = []): AddResult => ({
    container,
    attach,
    unknown,
    conflicts,
  });
  const unbound = bindRefusal(group, options);
  if (unbound !== undefined) return failed(unbound);
  const direct = directRefusal(group, kernel);
  if (direct !== undefined) return failed(refused('EINVAL', 'SET_CONTAINER', direct));
  const step = container.groups.length + container.maps.length > 0 ? 'SET_CONTAINER' : 'SET_IOMMU';
  const domain = domainOf(group, kernel, unknown);
  const conflicts = [...outOfAperture(container, domain, kernel), ...metByRegions(container, group, kernel)];
  if (conflicts.length > 0) return failed(refused('EINVAL', step, metReason(conflicts)), conflicts);
  const ranges = cutRanges(container, domain, group);
  if (ranges.length === 0) return failed(refused('EINVAL', step, 'reserved regions leave no usable IOVA'));
  const shared = interruptRefusal(topology, kernel, group, options, unknown);
  if (shared !== undefined) return failed(refused('EPERM', step, shared));
  const existing = container.domains.find(({ iommu }) => iommu === domain.iommu);
  const joined: Container = {
    ...container,
    groups: [...container.groups, group],
    ranges,
    msiBase: (existing ?? domain).msiBase,
    domains: existing === undefined ? [...container.domains, domain] : container.domains,
  };
  return { container: joined, attach: attached, unknown, conflicts: [] };
}

function domainOf(group: PredictedGroup, kernel: KernelProfile, unknown: string[]): Domain {
  const { iommu } = group.devices[0]!;
  const { range, known } = hostAperture(iommu);
  if (!known) unknown.push(`Only the hardware of ${iommu.path} tells how many address bits it translates.`);
  return { iommu, aperture: range, blockSizes: blockSizes(iommu, kernel), msiBase: msiBaseOf(group) };
}

/** vfio_iommu_has_sw_msi: stops at the first hardware MSI region. */
export function msiBaseOf({ regions }: Pick<PredictedGroup, 'regions'>): Iova | undefined {
  if (regions.some(({ type }) => type === 'hardware-msi')) return undefined;
  return regions.findLast(({ type }) => type === 'software-msi')?.range.start;
}

/** vfio_iommu_aper_conflict: maps below or above what the new domain translates, within what could be mapped so far. */
function outOfAperture({ ranges, maps }: Container, { aperture }: Domain, kernel: KernelProfile): MapConflict[] {
  const first = ranges[0];
  const last = ranges.at(-1);
  if (first === undefined || last === undefined) return [];
  const span: AddressRange = { start: first.start, end: last.end };
  const outside = subtract([span], [aperture]);
  const isDisjoint = !overlaps(span, aperture);
  return outside
    .filter((part) => isDisjoint || maps.some((map) => meets(part, map, kernel)))
    .map((range) => ({ range, kind: 'aperture', region: undefined }));
}

/** vfio_iommu_resv_conflict. */
function metByRegions({ maps }: Container, { regions }: PredictedGroup, kernel: KernelProfile): MapConflict[] {
  return regions
    .filter((region) => excludes(region) && maps.some((map) => meets(region.range, map, kernel)))
    .map((region) => ({ range: region.range, kind: 'region', region }));
}

/**
 * vfio_find_dma. To 6.12 it compares ends that are excluded, so that what ends at 2^64 − 1 meets nothing: neither a region
 * there nor a map there is seen. A region without a length meets a map only in its middle.
 */
function meets({ start, end }: AddressRange, map: DmaMap, kernel: KernelProfile): boolean {
  if (kernel.type1Ends === 'included') return !(end < map.iova) && !(start > rangeOfMap(map).end);
  const behind = BigInt.asUintN(64, end + 1n);
  return !(behind <= map.iova) && !(start >= BigInt.asUintN(64, map.iova + map.size));
}

function metReason(conflicts: readonly MapConflict[]): string {
  return conflicts.some(({ kind }) => kind === 'region')
    ? 'memory is mapped where the group has reserved regions'
    : 'memory is mapped, or may be, beyond what the IOMMU of the group translates';
}

/** vfio_iommu_aper_resize and vfio_iommu_resv_exclude: byte by byte. A region without a length splits the range it lies in. */
function cutRanges(
  { groups, ranges }: Container,
  { aperture }: Domain,
  { regions }: PredictedGroup,
): AddressRange<Iova>[] {
  const within = groups.length === 0 ? [aperture] : intersect(ranges, [aperture]);
  const excluded = regions.filter(excludes).map(({ range }) => range);
  return splitAtEmpty(subtract(within, excluded), excluded);
}

function splitAtEmpty(ranges: AddressRange<Iova>[], excluded: readonly AddressRange<Iova>[]): AddressRange<Iova>[] {
  let split = ranges;
  for (const { start, end } of excluded) {
    if (end !== start - 1n) continue;
    split = split.flatMap((range) =>
      range.start < start && start <= range.end
        ? [
            { start: range.start, end },
            { start, end: range.end },
          ]
        : [range],
    );
  }
  return split;
}

/** The smallest page that all domains have; a container without one takes the host's. */
export function alignmentOf({ domains }: Container, { pageSize }: KernelProfile): bigint {
  return domains.reduce(
    (largest, { blockSizes: [smallest = pageSize] }) => (smallest > largest ? smallest : largest),
    pageSize,
  );
}

/** VFIO_IOMMU_MAP_DMA: vfio_dma_do_map. The user's own buffer is taken to be aligned. */
export function mapInType1(container: Container, kernel: KernelProfile, map: DmaMap): MapResult {
  const answer = (result: 'ok' | MapError, conflicts: readonly MapConflict[]): MapResult => ({
    map,
    result,
    conflicts,
  });
  if (map.size === 0n) return answer('EINVAL', [ownConflict(map, 'alignment')]);
  if (wraps(map)) return answer(kernel.wrapError, [ownConflict(map, 'wrap')]);
  const range = rangeOfMap(map);
  const inTheWay = obstacles(container, range);
  if (!isAligned(map, alignmentOf(container, kernel))) {
    return answer('EINVAL', [ownConflict(map, 'alignment'), ...inTheWay]);
  }
  if (container.maps.some((other) => meets(range, other, kernel))) return answer('EEXIST', inTheWay);
  if (container.maps.length >= mapLimit) return answer('ENOSPC', []);
  // vfio_iommu_iova_dma_valid: an empty list takes everything.
  const isValid = container.groups.length === 0 || contains(container.ranges, range);
  return isValid ? answer('ok', []) : answer('EINVAL', inTheWay);
}

function obstacles({ groups, domains, maps }: Container, range: AddressRange): MapConflict[] {
  const apertures = domains.map(({ aperture }) => aperture);
  return [...regionsMet(groups, range), ...beyond(apertures, range), ...mappingsMet(maps, range)];
}
