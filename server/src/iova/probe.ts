// What a kernel makes of one master before others come into it: which devices it stands for, their IOMMU, what they reserve.
import type { DmaMaster, Problem } from '../topology/model';
import { attachByList, attachByMap, attachUndescribed, none } from './attach';
import type { Attachment, Stream } from './attach';
import { deviceRegions } from './device-regions';
import type { DeviceRegions } from './device-regions';
import { outputDoubt, unmappableRegion } from './direct-mappings';
import { functionClasses, type FunctionClass } from './function-classes';
import type { KernelProfile } from './kernel-profile';
import { availabilityOn } from './lost-iommus';

interface Candidate {
  readonly master: DmaMaster;
  readonly standsForUndescribed: boolean;
  readonly attachment: Attachment;
  /** Of functions that no source describes, and that reserve alike. */
  readonly stand: FunctionClass | undefined;
}

/** What may become a member of a group. */
export interface Probed extends Candidate {
  /** What the IOMMU driver will report for it; undefined without an IOMMU. */
  readonly found: DeviceRegions | undefined;
  /** Direct regions that keep it from its IOMMU. */
  readonly unmappable: Problem | undefined;
  /** Whether they do depends on the IOMMU's registers. */
  readonly outputDoubt: string | undefined;
}

/** What of a master may become a member of a group: itself, and for buses a stand-in for what is behind them. */
export function probe(master: DmaMaster, kernel: KernelProfile): readonly Probed[] {
  return candidates(master, kernel).map((candidate) => withRegions(candidate, kernel));
}

export function pathOf({ master, stand }: Candidate): string {
  return stand?.path ?? master.path;
}

export function idsOf(streams: readonly Stream[]): readonly number[] {
  return streams.map(({ id }) => id);
}

function candidates(master: DmaMaster, kernel: KernelProfile): readonly Candidate[] {
  const now = availabilityOn(master, kernel);
  if (!now.enabled) {
    const attachment = none(`it is not enabled: ${now.reason}`);
    return [{ master, standsForUndescribed: false, attachment, stand: undefined }];
  }
  const own = (attachment: Attachment): Candidate => ({
    master,
    standsForUndescribed: false,
    attachment,
    stand: undefined,
  });
  switch (master.kind) {
    case 'platform':
      return [own(attachByList(master, kernel))];
    case 'pci-function': {
      const ids = master.requesterId === undefined ? [] : [master.requesterId, ...master.aliases];
      return [own(attachByMap(master, ids, kernel))];
    }
    case 'pci-host':
    case 'bus': {
      if (master.iommuMap?.property === 'iort') {
        return functionClasses(master, kernel).map((stand) => {
          return { master, standsForUndescribed: true, attachment: stand.attachment, stand };
        });
      }
      const behind = attachUndescribed(master, kernel);
      const stands = behind.map((attachment) => ({ master, standsForUndescribed: true, attachment, stand: undefined }));
      return master.streams.length > 0 ? [...stands, own(attachByList(master, kernel))] : stands;
    }
  }
}

function withRegions(candidate: Candidate, kernel: KernelProfile): Probed {
  const { master, standsForUndescribed, attachment, stand } = candidate;
  let found: DeviceRegions | undefined;
  let unmappable: Problem | undefined;
  let doubt: string | undefined;
  if (attachment.ok) {
    const ids = stand?.streamIds ?? idsOf(attachment.streams);
    found = deviceRegions(attachment.iommu, master, !standsForUndescribed, ids, kernel);
    unmappable = found.oops ? undefined : unmappableRegion(attachment.iommu, found.regions, kernel);
    if (unmappable === undefined) doubt = outputDoubt(attachment.iommu, found.regions, kernel);
  }
  return { master, standsForUndescribed, attachment, stand, found, unmappable, outputDoubt: doubt };
}
