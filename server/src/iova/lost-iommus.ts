// IOMMUs that do not register because of one device: from 7.2 on the error of its probe is that of the IOMMU.
import type { Availability, DmaMaster, Iommu, Problem, Topology } from '../topology/model';
import { attachByMap, isWhollyOutOfRange } from './attach';
import type { Attachment } from './attach';
import type { FunctionClass } from './function-classes';
import type { KernelProfile } from './kernel-profile';

/** Why an IOMMU is lost, and how far its registration gets. */
export interface Loss {
  readonly problem: Problem;
  /** Buses come one after the other (`busPlace`); on each, all devices are probed before any is set up. */
  readonly place: number;
  /** The device that cannot be set up; undefined where one fails to probe. */
  readonly failing: DmaMaster | undefined;
  /** Devices that are set up before it. */
  readonly before: ReadonlySet<DmaMaster>;
}

interface Asked {
  readonly master: DmaMaster;
  readonly attachment: Attachment;
  /** Direct regions that keep it from its IOMMU. */
  readonly unmappable: Problem | undefined;
  readonly outputDoubt?: string | undefined;
  /** Of functions that no source describes: which, where others behind the IOMMU are none of them. */
  readonly stand?: FunctionClass | undefined;
}

/** drivers/iommu/iommu.c iommu_buses: platform devices, PCI's, PrimeCells. */
export function busPlace({ kind, compatible }: DmaMaster): 0 | 1 | 2 {
  if (kind === 'pci-host' || kind === 'pci-function') return 1;
  return compatible.includes('arm,primecell') ? 2 : 0;
}

/** Whether a kernel makes a device of a master. */
export function availabilityOn(
  { availability, laterAvailability = availability }: DmaMaster,
  kernel: KernelProfile,
): Availability {
  return kernel.busRule === 'own-cells' ? laterAvailability : availability;
}

/**
 * The IOMMUs with some device behind them that has a stream ID out of range, or a direct region that cannot be mapped
 * (drivers/iommu/iommu.c bus_iommu_probe). `all` are in the order in which they are asked.
 */
export function lostIommus({ masters }: Topology, all: readonly Asked[], kernel: KernelProfile): Map<Iommu, Loss> {
  const lost = new Map<Iommu, Loss>();
  if (kernel.streamIdOutOfRange !== 'iommu') return lost;
  const lose = (iommu: Iommu, loss: Loss): void => {
    const known = lost.get(iommu);
    if (known === undefined || isEarlier(loss, known)) lost.set(iommu, loss);
  };
  const before = new Map<Iommu, DmaMaster[]>();
  for (const { master, attachment, unmappable, stand } of all) {
    if (!attachment.ok) continue;
    const { iommu } = attachment;
    const earlier = before.get(iommu) ?? [];
    if (unmappable !== undefined && stand?.functions === undefined)
      lose(iommu, { problem: unmappable, place: busPlace(master), failing: master, before: new Set(earlier) });
    before.set(iommu, earlier);
    earlier.push(master);
  }
  for (const master of masters) {
    for (const { iommu, problem } of outOfRange(master, kernel)) {
      if (iommu.driver.grouping !== 'stream-owner') continue;
      const isBefore = (other: DmaMaster): boolean => busPlace(other) < busPlace(master);
      const earlier = new Set((before.get(iommu) ?? []).filter(isBefore));
      lose(iommu, { problem, place: busPlace(master), failing: undefined, before: earlier });
    }
  }
  return lost;
}

/** IOMMUs that would be lost if there were certain functions, or if their registers said so, which no source tells; in words. */
export function doubtfulIommus(all: readonly Asked[], kernel: KernelProfile): Map<Iommu, string> {
  const doubts = new Map<Iommu, string>();
  if (kernel.streamIdOutOfRange !== 'iommu') return doubts;
  for (const { attachment, unmappable, stand, outputDoubt } of all) {
    if (!attachment.ok) continue;
    const { iommu, rangeProblem } = attachment;
    if (outputDoubt !== undefined && !doubts.has(iommu)) {
      const then = `Linux ${kernel.version} then fails to register it, and no device behind it has a group`;
      doubts.set(iommu, `${outputDoubt}: ${then}.`);
      continue;
    }
    if (stand?.functions === undefined) continue;
    const problem = unmappable ?? (iommu.driver.grouping === 'stream-owner' ? rangeProblem : undefined);
    if (problem === undefined || doubts.has(iommu)) continue;
    const then = `Linux ${kernel.version} fails to register ${iommu.path}, and no device behind it has a group`;
    doubts.set(iommu, `If there is a function ${stand.path}, ${then}: ${problem.message}.`);
  }
  return doubts;
}

/** Whether a device is set up, with all that may happen then, before the IOMMU is lost. */
export function isSetUpBefore(master: DmaMaster, { before }: Loss): boolean {
  return before.has(master);
}

function isEarlier(one: Loss, other: Loss): boolean {
  if (one.place !== other.place) return one.place < other.place;
  return one.failing === undefined && other.failing !== undefined;
}

interface OutOfRange {
  readonly iommu: Iommu;
  readonly problem: Problem;
}

function* outOfRange(master: DmaMaster, kernel: KernelProfile): Generator<OutOfRange> {
  if (!availabilityOn(master, kernel).enabled) return;
  for (const { iommu, problem } of master.streams) {
    if (problem?.code === 'stream-id-range' && iommu.target !== undefined) yield { iommu: iommu.target, problem };
  }
  if (master.kind === 'pci-function' && master.requesterId !== undefined) {
    const attachment = attachByMap(master, [master.requesterId, ...master.aliases], kernel);
    if (attachment.ok && attachment.rangeProblem !== undefined)
      yield { iommu: attachment.iommu, problem: attachment.rangeProblem };
  } else if (master.iommuMap !== undefined) {
    const { entries } = master.iommuMap.readings[kernel.mapRule];
    for (const entry of entries) {
      // A root complex may map more than there is; where nothing else is mapped, it means it.
      if (master.iommuMap.property === 'iort' && !entries.every(isWhollyOutOfRange)) continue;
      const iommu = entry.target.target;
      if (isWhollyOutOfRange(entry) && iommu !== undefined && entry.problem !== undefined)
        yield { iommu, problem: entry.problem };
    }
  }
}
