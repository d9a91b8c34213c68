// VFIO type1: whether a group can be attached, and which IOVAs its user may map then (drivers/vfio/vfio_iommu_type1.c).
import { lookUp } from '../topology/id-maps';
import type { AddressRange, DmaMaster, Iova, MsiController, Topology } from '../topology/model';
import type { KernelProfile } from './kernel-profile';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from './prediction';
import { lastAddress, subtract } from './ranges';

export interface VfioResult {
  readonly attach: AttachResult;
  /** What the user may map; empty when attaching fails. */
  readonly ranges: readonly AddressRange<Iova>[];
  /** Where doorbells get mapped from: the start of the software window, unless a hardware MSI region makes VFIO drop it. */
  readonly msiBase: Iova | undefined;
  /** Apertures or regions that we cannot know, as reasons. */
  readonly unknown: readonly string[];
}

export type AttachResult =
  | { readonly result: 'ok'; readonly reason: undefined }
  | {
      readonly result: 'EINVAL' | 'EPERM';
      /** Binding the vfio driver, or the ioctl that fails. */
      readonly step: 'bind' | 'SET_CONTAINER' | 'SET_IOMMU';
      readonly reason: string;
    };

export interface VfioOptions {
  /** The module parameter allow_unsafe_interrupts. */
  readonly allowUnsafeInterrupts?: boolean;
}

/** What attaching a group as the first one of a container gives, in the kernel's order of checks. */
export function attachGroup(
  topology: Topology,
  { kernel }: RegionPrediction,
  group: PredictedGroup,
  options: VfioOptions = {},
): VfioResult {
  const unknown = [...group.unknown];
  const refused = (attach: AttachResult): VfioResult => ({ attach, ranges: [], msiBase: undefined, unknown });
  const incoherent = group.devices.map(bindRefusal).find((reason) => reason !== undefined);
  if (incoherent !== undefined) return refused({ result: 'EINVAL', step: 'bind', reason: incoherent });
  if (group.oops !== undefined)
    return refused({ result: 'EINVAL', step: 'bind', reason: `the kernel oopses: ${group.oops.message}` });
  const direct = kernel.refusesDirect ? group.regions.find(({ type }) => type === 'direct') : undefined;
  if (direct !== undefined) {
    const reason =
      'firmware asks for a direct (1:1) mapping of a region, and the kernel does not give such a group away';
    return refused({ result: 'EINVAL', step: 'SET_CONTAINER', reason });
  }
  const ranges = usableRanges(group, unknown);
  if (ranges.length === 0) {
    return refused({ result: 'EINVAL', step: 'SET_IOMMU', reason: 'reserved regions leave no usable IOVA' });
  }
  const shared = options.allowUnsafeInterrupts === true ? undefined : unsafeInterrupts(topology, kernel, group);
  if (shared !== undefined) return refused({ result: 'EPERM', step: 'SET_IOMMU', reason: shared });
  return { attach: { result: 'ok', reason: undefined }, ranges, msiBase: msiBase(group), unknown };
}

/** `IOMMU_CAP_CACHE_COHERENCY`: without it a device cannot be bound to a vfio driver (drivers/vfio/vfio_main.c). */
function bindRefusal({ iommu, master }: PredictedDevice): string | undefined {
  switch (iommu.driver.vfio) {
    case 'always':
      return undefined;
    case 'coherent-walk':
      if (iommu.coherent) return undefined;
      return `${iommu.path} is not dma-coherent, so its driver reports no cache coherency, and VFIO binds no device behind it`;
    case 'coherent-walk-or-master':
      if (iommu.coherent || master.coherent) return undefined;
      return `neither ${iommu.path} nor ${master.path} is dma-coherent, so the driver reports no cache coherency, and VFIO does not bind the device`;
    case 'never':
      return `the driver ${iommu.driver.name} of ${iommu.path} reports no cache coherency, and VFIO binds no device behind it`;
    case 'unknown':
      return `${iommu.path} is no IOMMU that a driver of Linux binds`;
  }
}

/** The aperture without every reserved region but `direct-relaxable`, byte by byte. */
function usableRanges(group: PredictedGroup, unknown: string[]): AddressRange<Iova>[] {
  const iommu = group.devices[0]?.iommu;
  const whole: AddressRange<Iova> = { start: 0n as Iova, end: lastAddress as Iova };
  if (iommu !== undefined && iommu.driver.aperture === undefined) {
    unknown.push(`Only the hardware of ${iommu.path} tells how many address bits it translates.`);
  }
  const aperture = iommu?.driver.aperture ?? whole;
  const cut = group.regions.filter(({ type }) => type !== 'direct-relaxable').map(({ range }) => range);
  return subtract([aperture], cut);
}

/** vfio_iommu_has_sw_msi: stops at the first hardware MSI region. */
function msiBase({ regions }: PredictedGroup): Iova | undefined {
  if (regions.some(({ type }) => type === 'hardware-msi')) return undefined;
  return regions.findLast(({ type }) => type === 'software-msi')?.range.start;
}

/** Why the group's interrupts are not isolated; undefined if they are. */
function unsafeInterrupts(
  { msiControllers }: Topology,
  kernel: KernelProfile,
  group: PredictedGroup,
): string | undefined {
  if (kernel.msiIsolation === 'system') {
    // kernel/irq/irqdomain.c irq_domain_check_msi_remap: one MSI domain without remapping is enough, anywhere.
    const culprit = msiControllers.find(({ availability, isolated }) => availability.enabled && isolated !== true);
    return (
      culprit &&
      `MSIs are not isolated: ${culprit.path} lets any device raise any interrupt of it, which counts for the whole system on Linux ${kernel.version}`
    );
  }
  for (const { master } of group.devices) {
    const controller = msiControllerOf(master, kernel);
    if (controller === undefined)
      return `${master.path} has no MSI controller, so its interrupts do not count as isolated`;
    if (controller.isolated !== true)
      return `MSIs of ${master.path} are not isolated: ${controller.path} lets any device raise any interrupt of it`;
  }
  return undefined;
}

/**
 * The MSI controller of a device: `msi-map` for what is behind a bridge, else the first good `msi-parent`
 * (drivers/pci/of.c pci_host_bridge_of_msi_domain; drivers/of/irq.c of_msi_get_domain).
 */
export function msiControllerOf(master: DmaMaster, kernel: KernelProfile): MsiController | undefined {
  const { map, parents } = master.msi;
  if (map !== undefined && master.kind !== 'platform') {
    const { entries, unusable } = map.readings[kernel.mapRule];
    const found =
      master.requesterId === undefined
        ? (unusable ? undefined : entries.find(({ target }) => target.target !== undefined))?.target.target
        : targetFor(master.requesterId, map, kernel);
    if (found?.availability.enabled === true) return found;
  }
  for (const { controller, problem } of parents) {
    if (problem !== undefined) return undefined;
    if (controller.target?.availability.enabled === true) return controller.target;
  }
  return undefined;
}

function targetFor(
  id: number,
  map: NonNullable<DmaMaster['msi']['map']>,
  kernel: KernelProfile,
): MsiController | undefined {
  const found = lookUp(map, kernel.mapRule, id);
  return found.kind === 'found' ? found.entry.target.target : undefined;
}
