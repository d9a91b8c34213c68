// Questions that several rules ask about masters: what they are called, and what stands around their DMA.
import { windowDemands, type WindowDemand } from '../iova/window-demands';
import type { PredictedDevice, PredictedGroup, RegionPrediction } from '../iova/prediction';
import type { KernelProfile } from '../iova/kernel-profile';
import { union } from '../iova/ranges';
import type { SourceRange } from '../text/source-file';
import { usableEntries } from '../topology/id-maps';
import type { AddressRange, DmaMaster, Doorbell, MsiController, OutboundWindow } from '../topology/model';
import { oncePer } from '../text/once';
import type { MachineInput } from './rule';

/** What each device asks of the MSI window: several rules want to know. */
export const windowDemandsOf: (prediction: RegionPrediction) => readonly WindowDemand[] = oncePer(windowDemands);

/**
 * No device of the machine needs more of the window than that: a page for each doorbell of all its MSI controllers. Mostly it
 * says that nothing is wrong, and thousands of devices need not be asked.
 */
export function mostNeeded({ topology, kernel }: Pick<MachineInput, 'topology' | 'kernel'>): AddressRange {
  const doorbells = topology.msiControllers.reduce((sum, controller) => sum + controller.doorbells.length, 0);
  const { start } = kernel.msiWindow;
  return { start, end: start + kernel.pageSize * BigInt(Math.max(doorbells, 1)) - 1n };
}

/**
 * What is worked out of a group once for a kernel. From edit to edit of a large table most of its thousands of groups stay the
 * same objects.
 */
export function oncePerGroup<T>(compute: (group: PredictedGroup, kernel: KernelProfile) => T) {
  const known = new WeakMap<PredictedGroup, { readonly kernel: KernelProfile; readonly value: T }>();
  return (group: PredictedGroup, kernel: KernelProfile): T => {
    let found = known.get(group);
    if (found?.kernel !== kernel) known.set(group, (found = { kernel, value: compute(group, kernel) }));
    return found.value;
  };
}

/** The pages of the window that doorbells are mapped into. */
export function neededPart({ window, needed }: WindowDemand): AddressRange {
  return { start: window.start, end: window.start + needed - 1n };
}

/** One device for each host bridge or other way to memory: what all functions share is said once. */
export function onePerPath(demands: readonly WindowDemand[]): WindowDemand[] {
  const byPath = new Map<string, WindowDemand>();
  for (const demand of demands) {
    const { hostBridge, inbound, path } = demand.device.master;
    const key = hostBridge?.path ?? inbound.levels[0]?.bus ?? path;
    const known = byPath.get(key);
    if (known === undefined || (known.device.master.kind !== 'pci-host' && demand.device.master.kind === 'pci-host')) {
      byPath.set(key, demand);
    }
  }
  return [...byPath.values()];
}

/** `devices behind /pcie@40000000` or `/soc/dma@7ff00000`: whom a finding concerns. */
export function concerned(master: DmaMaster): string {
  if (master.hostBridge !== undefined) return `devices behind ${master.hostBridge.path}`;
  return master.kind === 'bus' ? `devices behind ${master.path}` : master.path;
}

/** Doorbells that a master's MSIs can go to, each page once. */
export function doorbells(master: DmaMaster, kernel: KernelProfile): Doorbell[] {
  const controllers = new Set<MsiController>();
  for (const { controller, problem } of master.msi.parents) {
    if (problem === undefined && controller.target !== undefined) controllers.add(controller.target);
  }
  for (const { target } of usableEntries(master.msi.map, kernel.mapRule)) {
    if (target.target !== undefined) controllers.add(target.target);
  }
  const byPage = new Map<bigint, Doorbell>();
  for (const { availability, doorbells: found } of controllers) {
    if (!availability.enabled) continue;
    for (const doorbell of found) byPage.set(doorbell.page.start, doorbell);
  }
  return [...byPage.values()];
}

/** What the buses forward of a device's writes, as the device emits them; undefined: everything, or nobody knows. */
export function forwarded(master: DmaMaster): AddressRange[] | undefined {
  const { windows, problem } = master.inbound;
  if (windows === undefined || problem !== undefined) return undefined;
  return union<bigint>(windows.filter(({ kind }) => kind !== 'io').map(({ device }) => device));
}

/** Windows of bus addresses that other devices on the bus answer to. */
export function claimedByBus({ hostBridge }: DmaMaster): readonly OutboundWindow[] {
  if (hostBridge === undefined || hostBridge.outboundProblem !== undefined) return [];
  return hostBridge.outbound.filter(({ kind }) => kind === 'memory32' || kind === 'memory64');
}

/** Why VFIO refuses the device for another reason, as a sentence to append; empty if nothing is known against it. */
export function vfioCaveat({ iommu, master }: PredictedDevice): string {
  const { vfio } = iommu.driver;
  const refuses =
    (vfio === 'coherent-walk' && !iommu.coherent) ||
    (vfio === 'coherent-walk-or-master' && !iommu.coherent && !master.coherent);
  return refuses
    ? ` (As described, VFIO refuses the device in any case: ${iommu.path} is not dma-coherent, so its driver reports no cache coherency.)`
    : '';
}

/** The place of a master's `iommus` or `iommu-map`: what puts it behind its IOMMU. */
export function translationSource(master: DmaMaster): SourceRange | undefined {
  return master.iommuMap?.source ?? master.streams[0]?.source ?? master.source;
}
