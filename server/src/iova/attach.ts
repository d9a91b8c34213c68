// Which IOMMU a master ends up behind, with which stream IDs, or why behind none.
import { lookUp } from '../topology/id-maps';
import type { DmaMaster, IdMap, IdMapEntry, Iommu, Link, Problem } from '../topology/model';
import type { KernelProfile } from './kernel-profile';

export type Attachment =
  | {
      readonly ok: true;
      readonly iommu: Iommu;
      readonly streams: readonly Stream[];
      /** The ID map entry or `iommus` entry that leads there is out of the IOMMU's range. */
      readonly rangeProblem: Problem | undefined;
    }
  | { readonly ok: false; readonly reason: string; readonly problem: Problem | undefined };

export interface Stream {
  readonly id: number;
  readonly mask: number;
}

/** A platform device, or a bus node as a device: drivers/iommu/of_iommu.c of_iommu_configure_dev. */
export function attachByList(master: DmaMaster, kernel: KernelProfile): Attachment {
  if (master.streams.length === 0) return none('it has no iommus');
  const streams: Stream[] = [];
  let iommu: Iommu | undefined;
  let rangeProblem: Problem | undefined;
  for (const entry of master.streams) {
    // What cannot be parsed ends the loop; what was good before it stays good.
    const unparsed = endsList(entry.problem) ? entry.problem : undefined;
    const target = entry.iommu.target;
    if (unparsed !== undefined || target === undefined) {
      if (iommu !== undefined) break;
      const problem = unparsed ?? entry.iommu.problem;
      return none(problem?.message ?? 'the first entry of iommus leads nowhere', problem);
    }
    const refusal = refused(entry.iommu, kernel) ?? refusedEntry(target, entry.cells.length);
    if (refusal !== undefined) {
      if (iommu !== undefined && entry.leavesEarlier === true && kernel.groupsFormAt === 'add') break;
      return refusal;
    }
    iommu ??= target;
    if (entry.problem?.code === 'stream-id-range') rangeProblem ??= entry.problem;
    if (entry.streamId !== undefined) streams.push(streamOf(target, entry.streamId, entry.mask ?? 0));
  }
  return iommu === undefined ? none('it has no iommus') : { ok: true, iommu, streams, rangeProblem };
}

function endsList(problem: Problem | undefined): boolean {
  return problem?.code === 'bad-length' || problem?.code === 'bad-cells' || problem?.code === 'not-single';
}

function wayWords({ property }: IdMap<Iommu>): string {
  return property === 'iort' ? 'ID mapping of its root complex' : `entry of ${property}`;
}

/** A PCI function with its requester ID and aliases: of_iommu_configure with of_pci_iommu_init. */
export function attachByMap(master: DmaMaster, requesterIds: readonly number[], kernel: KernelProfile): Attachment {
  if (master.iommuMap === undefined) return none('the host bridge has no iommu-map');
  const streams: Stream[] = [];
  let iommu: Iommu | undefined;
  let rangeProblem: Problem | undefined;
  for (const id of requesterIds) {
    const found = lookUp(master.iommuMap, kernel.mapRule, id);
    if (found.kind === 'none') {
      return none(
        found.problem?.message ?? `no ${wayWords(master.iommuMap)} covers requester ID 0x${id.toString(16)}`,
        found.problem,
      );
    }
    const target = found.entry.target.target!;
    const refusal = refused(found.entry.target, kernel) ?? refusedEntry(target, 1 + found.extra.length);
    if (refusal !== undefined) return refusal;
    iommu ??= target;
    const width = target.driver.streamIdBits;
    if (width !== undefined && found.id >= 2 ** width.bits) rangeProblem ??= found.entry.problem;
    const mask = master.iommuMap.property === 'iort' ? found.id >>> 16 : (found.extra[0] ?? target.streamMatchMask);
    streams.push(streamOf(target, found.id, mask));
  }
  return iommu === undefined ? none('it has no requester ID') : { ok: true, iommu, streams, rangeProblem };
}

/** The IOMMUs that functions behind a bridge can be behind, by the entries of its map that count, each IOMMU once. */
export function attachUndescribed(master: DmaMaster, kernel: KernelProfile): Attachment[] {
  if (master.iommuMap === undefined) return [none('it has no iommu-map, so nothing behind it has an IOMMU')];
  const reading = master.iommuMap.readings[kernel.mapRule];
  if (reading.unusable) return [none(reading.problem?.message ?? 'its iommu-map is unusable', reading.problem)];
  const found = new Map<Iommu, Attachment>();
  let failure: Attachment | undefined;
  for (const entry of reading.entries) {
    const stops = entry.problem?.code === 'outside-mask' || entry.target.problem?.code === 'unresolved';
    const attachment = stops
      ? none((entry.problem ?? entry.target.problem)!.message, entry.problem ?? entry.target.problem)
      : attachEntry(entry, kernel);
    if (!attachment.ok) failure ??= attachment;
    else if (found.get(attachment.iommu)?.ok !== true || attachment.rangeProblem === undefined)
      found.set(attachment.iommu, attachment);
    if (stops) break;
  }
  if (found.size > 0) return [...found.values()];
  return [failure ?? none('its iommu-map covers nothing')];
}

/** What is behind an entry of a map. */
export function attachEntry(entry: IdMapEntry<Iommu>, kernel: KernelProfile): Attachment {
  if (entry.target.problem?.code === 'unresolved') return none(entry.target.problem.message, entry.target.problem);
  if (entry.length === 0) {
    return none('its iommu-map covers no ID as written; some boot loaders fill it in', entry.problem);
  }
  if (entry.problem?.code === 'bad-cells' || entry.problem?.code === 'hidden-entry')
    return none(entry.problem.message, entry.problem);
  const refusal = refused(entry.target, kernel);
  if (refusal !== undefined) return refusal;
  const rangeProblem = isWhollyOutOfRange(entry) ? entry.problem : undefined;
  return { ok: true, iommu: entry.target.target!, streams: [], rangeProblem };
}

/** No ID that the entry gives fits its IOMMU. If only some do not, it depends on which functions there are. */
export function isWhollyOutOfRange({ target, output, problem }: IdMapEntry<Iommu>): boolean {
  const width = target.target?.driver.streamIdBits;
  return problem?.code === 'stream-id-range' && width !== undefined && output >= 2 ** width.bits;
}

/** Why an IOMMU takes no device: of_iommu_xlate, or a probe that failed. */
function refused(link: Link<Iommu>, kernel: KernelProfile): (Attachment & { ok: false }) | undefined {
  const { target, problem } = link;
  if (target === undefined) return none(problem?.message ?? 'its IOMMU does not exist', problem);
  if (!target.availability.enabled) return none(problem?.message ?? `${target.path} is not enabled`, problem);
  if (!target.driver.known) return none(`${target.path} is no IOMMU that a driver of Linux binds`, undefined);
  if (!target.driver.kernels.includes(kernel.version)) {
    return none(
      `Linux ${kernel.version} has no driver for ${target.path} (${target.compatible.join(', ')})`,
      undefined,
    );
  }
  const fatal = probeProblem(target, kernel);
  return fatal && none(`${target.path} does not probe: ${fatal.message}`, fatal);
}

/** What ends the probe of an IOMMU on a kernel. */
export function probeProblem(iommu: Iommu, kernel: KernelProfile): Problem | undefined {
  const { problem, laterProblem, driver } = iommu;
  if (problem?.code === 'no-registers' || problem?.code === 'no-reach') return problem;
  if (kernel.busRule === 'own-cells' && laterProblem !== undefined) return laterProblem;
  return driver.refusesCells && kernel.wrongIommuCells === 'fails' ? problem : undefined;
}

/** Drivers whose of_xlate wants one cell: a device with another count gets no IOMMU. */
function refusedEntry({ driver, path }: Iommu, cells: number): (Attachment & { ok: false }) | undefined {
  if (!driver.refusesEntries || cells === 1) return undefined;
  return none(`the driver ${driver.name} of ${path} takes only entries of one cell, not of ${String(cells)}`);
}

/** drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_of_xlate: what does not fit an SMR's 16 bits gets lost. */
function streamOf({ driver }: Iommu, id: number, mask: number): Stream {
  return driver.name === 'arm-smmu' ? { id: id & 0xffff, mask: mask & 0xffff } : { id, mask };
}

export function none(reason: string, problem?: Problem): Attachment & { ok: false } {
  return { ok: false, reason, problem };
}
