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

/** What may become a member of a group. */
export interface Probed {
  readonly master: DmaMaster;
  readonly standsForUndescribed: boolean;
  readonly attachment: Attachment;
  /** Of functions that no source describes, and that reserve alike. */
  readonly stand: FunctionClass | undefined;
  /** What the IOMMU driver will report for it; undefined without an IOMMU. */
  readonly found: DeviceRegions | undefined;
  /** Direct regions that keep it from its IOMMU. */
  readonly unmappable: Problem | undefined;
  /** Whether they do depends on the IOMMU's registers. */
  readonly outputDoubt: string | undefined;
}

/** What of a master may become a member of a group: itself, and for buses a stand-in for what is behind them. */
export function probe(master: DmaMaster, kernel: KernelProfile): readonly Probed[] {
  const now = availabilityOn(master, kernel);
  if (!now.enabled) return [own(master, none(`it is not enabled: ${now.reason}`), kernel)];
  switch (master.kind) {
    case 'platform':
      return [own(master, attachByList(master, kernel), kernel)];
    case 'pci-function': {
      const ids = master.requesterId === undefined ? [] : [master.requesterId, ...master.aliases];
      return [own(master, attachByMap(master, ids, kernel), kernel)];
    }
    case 'pci-host':
    case 'bus': {
      if (master.iommuMap?.property === 'iort') {
        const classes = functionClasses(master, kernel);
        return classes.map((stand) => withRegions(master, true, stand.attachment, stand, kernel));
      }
      const behind = attachUndescribed(master, kernel);
      const stands = behind.map((attachment) => withRegions(master, true, attachment, undefined, kernel));
      return master.streams.length > 0 ? [...stands, own(master, attachByList(master, kernel), kernel)] : stands;
    }
  }
}

export function pathOf({ master, stand }: Pick<Probed, 'master' | 'stand'>): string {
  return stand?.path ?? master.path;
}

export function idsOf(streams: readonly Stream[]): readonly number[] {
  return streams.map(({ id }) => id);
}

/** Of the master itself. */
function own(master: DmaMaster, attachment: Attachment, kernel: KernelProfile): Probed {
  return withRegions(master, false, attachment, undefined, kernel);
}

function withRegions(
  master: DmaMaster,
  standsForUndescribed: boolean,
  attachment: Attachment,
  stand: FunctionClass | undefined,
  kernel: KernelProfile,
): Probed {
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
