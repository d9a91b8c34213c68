// Stream IDs that two named components of an IORT have in common.
import type { DmaMaster, Topology } from '../topology/model';
import type { Attachment } from './attach';

/**
 * The first one that Linux meets keeps the ID, and their order is that of the ACPI namespace, which no data table tells. By master,
 * in words.
 */
export function contestedStreams(
  { firmware }: Topology,
  all: readonly { readonly master: DmaMaster; readonly attachment: Attachment }[],
): Map<DmaMaster, string> {
  const contested = new Map<DmaMaster, string>();
  if (firmware !== 'acpi') return contested;
  const owners = new Map<string, DmaMaster>();
  for (const { master, attachment } of all) {
    if (master.kind !== 'platform' || !attachment.ok || attachment.iommu.driver.grouping !== 'stream-owner') continue;
    for (const { id } of attachment.streams) {
      const key = `${attachment.iommu.path} ${id}`;
      const other = owners.get(key) ?? master;
      owners.set(key, other);
      if (other === master) continue;
      contested.set(master, contestText(id, other));
      if (!contested.has(other)) contested.set(other, contestText(id, master));
    }
  }
  return contested;
}

function contestText(id: number, { path }: DmaMaster): string {
  return `Stream ID 0x${id.toString(16)} is that of ${path} as well: the one that stands first in the ACPI namespace has a group, the other has none.`;
}
