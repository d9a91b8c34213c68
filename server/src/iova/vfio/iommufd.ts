// The iommufd back end: an address space (IOAS) to which devices are attached one by one (drivers/iommu/iommufd/device.c,
// io_pagetable.c, ioas.c).
import type { AddressRange, Iommu, Iova, Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import type { DeviceRegion, PredictedDevice, PredictedGroup } from '../prediction';
import { contains, lastAddress, overlaps, subtract } from '../ranges';
import { blockSizes, hostAperture, wholeSpace } from './address-space';
import { attached, refused } from './attach-result';
import type { AttachResult, VfioOptions } from './attach-result';
import { bindRefusal, directRefusal, interruptRefusal, opened } from './bind';
import type { AddResult, Container, Domain } from './container-model';
import type { DmaMap, MapConflict, MapError, MapResult } from './dma-map';
import { beyond, excludes, isAligned, mappingsMet, ownConflict, rangeOfMap, regionsMet, wraps } from './dma-map';

/**
 * Binds each device of a group (iommufd_device_bind: coherency, then interrupts, then the claim that a direct region refuses) and
 * attaches each to the address space, where its own regions are reserved (iopt_table_enforce_dev_resv_regions); a new page table
 * then reserves what it does not translate (iopt_table_add_domain). Nothing asks whether anything is left.
 */
export function addToIoas(
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
  // drivers/vfio/group.c vfio_df_group_open binds and attaches at once.
  const [bindStep, attachStep] = container.compat
    ? (['GET_DEVICE_FD', 'GET_DEVICE_FD'] as const)
    : (['BIND_IOMMUFD', 'ATTACH_IOMMUFD_PT'] as const);
  if (kernel.iommufd === 'none') {
    return failed(refused('ENOENT', 'open', `Linux ${kernel.version} has no iommufd (it came with 6.2)`));
  }
  const unbound = bindRefusal(group, options);
  if (unbound !== undefined) return failed(unbound);
  const shared = interruptRefusal(topology, kernel, group, options, unknown);
  if (shared !== undefined) return failed(refused('EPERM', bindStep, shared));
  const direct = directRefusal(group, kernel);
  if (direct !== undefined) return failed(refused('EINVAL', bindStep, direct));
  let current: Container = container;
  for (const device of opened(group, options)) {
    const step = attachDevice(current, kernel, device, unknown);
    if (!step.ok) return failed(refused(step.result, attachStep, step.reason), step.conflicts);
    current = step.container;
  }
  const joined: Container = { ...current, groups: [...container.groups, group] };
  return { container: joined, attach: attached, unknown, conflicts: [] };
}

type AttachStep =
  | { readonly ok: true; readonly container: Container }
  | {
      readonly ok: false;
      readonly result: 'EINVAL' | 'EADDRINUSE';
      readonly reason: string;
      readonly conflicts: readonly MapConflict[];
    };

/** iommufd_device_auto_get_domain: into a page table that its IOMMU has already, else into a new one. */
function attachDevice(
  container: Container,
  kernel: KernelProfile,
  device: PredictedDevice,
  unknown: string[],
): AttachStep {
  const excluded = device.regions.filter(excludes);
  const met = excluded.filter(({ range }) => isTaken(container, range));
  if (met.length > 0) {
    const reason = `memory is mapped, or allowed for mapping, where ${device.path} has reserved regions`;
    const conflicts = met.map((region) => conflictOf(region, device));
    return { ok: false, result: 'EADDRINUSE', reason, conflicts };
  }
  const has = (type: DeviceRegion['type']): boolean => excluded.some((region) => region.type === type);
  if (has('software-msi') && has('hardware-msi')) {
    const reason = `${device.path} has a hardware and a software MSI region, which iommufd takes for a bug of the driver`;
    return { ok: false, result: 'EINVAL', reason, conflicts: [] };
  }
  const base = excluded.find(({ type }) => type === 'software-msi')?.range.start;
  const reserved = {
    ...container,
    ranges: subtract(
      container.ranges,
      excluded.map(({ range }) => range),
    ),
  };
  const existing = reserved.domains.find(({ iommu }) => iommu === device.iommu);
  if (existing !== undefined) return { ok: true, container: joinDomain(reserved, existing, base, kernel) };
  return addDomain(reserved, kernel, device.iommu, base, unknown);
}

/** iopt_reserve_iova: nothing may be mapped there, nor be on the list of what stays free. */
function isTaken({ maps, allowed }: Container, range: AddressRange): boolean {
  return maps.some((map) => overlaps(rangeOfMap(map), range)) || allowed.some((each) => overlaps(each, range));
}

function conflictOf(region: DeviceRegion, device: PredictedDevice): MapConflict {
  const { range, type } = region;
  return { range, kind: 'region', region: { range, type, parts: [{ device, region }] } };
}

/**
 * iommufd_group_setup_msi. To 6.14 the first group with a software window sets the base of a page table, and the others use
 * that; from 6.15 each group has its own.
 */
function joinDomain(container: Container, domain: Domain, base: Iova | undefined, kernel: KernelProfile): Container {
  const joined: Domain = { ...domain, msiBase: domain.msiBase ?? base };
  return {
    ...container,
    msiBase: kernel.iommufd === 'native' ? base : joined.msiBase,
    domains: container.domains.map((each) => (each === domain ? joined : each)),
  };
}

/** iopt_table_add_domain: its smallest page must be the host's at most and suit the maps, and what it cannot reach is reserved. */
function addDomain(
  container: Container,
  kernel: KernelProfile,
  iommu: Iommu,
  base: Iova | undefined,
  unknown: string[],
): AttachStep {
  const { range: aperture, known } = hostAperture(iommu);
  if (!known) unknown.push(`Only the hardware of ${iommu.path} tells how many address bits it translates.`);
  const domain: Domain = { iommu, aperture, blockSizes: blockSizes(iommu, kernel), msiBase: base };
  const smallest = domain.blockSizes[0]!;
  if (smallest > kernel.pageSize) {
    const reason = `the smallest page of ${iommu.path} is larger than the host's`;
    return { ok: false, result: 'EINVAL', reason, conflicts: [] };
  }
  const unaligned = container.maps.filter((map) => !isAligned(map, smallest));
  if (unaligned.length > 0) {
    const reason = `memory is mapped in smaller units than the pages of ${iommu.path}`;
    return {
      ok: false,
      result: 'EADDRINUSE',
      reason,
      conflicts: unaligned.map((map) => ownConflict(map, 'alignment')),
    };
  }
  const outside = subtract([wholeSpace], [aperture]);
  const met = outside.filter((range) => isTaken(container, range));
  if (met.length > 0) {
    const reason = `memory is mapped, or allowed for mapping, beyond what ${iommu.path} translates`;
    const conflicts = met.map((range): MapConflict => ({ range, kind: 'aperture', region: undefined }));
    return { ok: false, result: 'EADDRINUSE', reason, conflicts };
  }
  const ranges = subtract(container.ranges, outside);
  return { ok: true, container: { ...container, ranges, msiBase: base, domains: [...container.domains, domain] } };
}

/** `out_iova_alignment` of IOMMU_IOAS_IOVA_RANGES: 1 before the first device, then the largest of the page tables' smallest pages. */
export function ioasAlignment({ domains }: Container): bigint {
  return domains.reduce((largest, { blockSizes: [smallest = 1n] }) => (smallest > largest ? smallest : largest), 1n);
}

/**
 * IOMMU_IOAS_MAP with a fixed IOVA: iommufd_ioas_map, then iopt_alloc_area_pages and iopt_check_iova. The user's own buffer is
 * taken to be aligned.
 */
export function mapInIoas(container: Container, kernel: KernelProfile, map: DmaMap): MapResult {
  const answer = (result: 'ok' | MapError, conflicts: readonly MapConflict[]): MapResult => ({
    map,
    result,
    conflicts,
  });
  // iommufd_vfio_map_dma leaves this out.
  const isTooLarge = map.iova >= lastAddress || map.size >= lastAddress;
  if (isTooLarge && !container.compat) return answer('EOVERFLOW', [ownConflict(map, 'wrap')]);
  // pages.c iopt_alloc_pages
  if (map.size === 0n) return answer('EINVAL', [ownConflict(map, 'alignment')]);
  if (map.size > lastAddress - kernel.pageSize) return answer('EINVAL', [ownConflict(map, 'wrap')]);
  if (!isAligned(map, ioasAlignment(container))) return answer('EINVAL', [ownConflict(map, 'alignment')]);
  if (wraps(map)) return answer('EOVERFLOW', [ownConflict(map, 'wrap')]);
  const range = rangeOfMap(map);
  const regions = regionsMet(container.groups, range);
  const apertures = beyond(
    container.domains.map(({ aperture }) => aperture),
    range,
  );
  const mappings = mappingsMet(container.maps, range);
  const conflicts = [...regions, ...apertures, ...mappings];
  if (!contains(container.ranges, range)) return answer('EINVAL', conflicts);
  return mappings.length > 0 ? answer('EEXIST', conflicts) : answer('ok', []);
}

/**
 * IOMMU_IOAS_ALLOW_IOVAS: ranges that no later device may reserve, in place of those set before. EADDRINUSE when one is
 * reserved already (iopt_set_allow_iova); EINVAL for one without length or for two that overlap (iommufd_ioas_load_iovas).
 */
export function allowIovas(
  container: Container,
  allowed: readonly AddressRange<Iova>[],
): { readonly container: Container; readonly result: 'ok' | 'EINVAL' | 'EADDRINUSE' } {
  const isBad = (range: AddressRange, at: number): boolean =>
    range.start >= range.end || allowed.some((other, index) => index < at && overlaps(other, range));
  if (allowed.some(isBad)) return { container, result: 'EINVAL' };
  if (!allowed.every((each) => contains(container.ranges, each))) {
    return { container, result: 'EADDRINUSE' };
  }
  return { container: { ...container, allowed: [...allowed] }, result: 'ok' };
}
