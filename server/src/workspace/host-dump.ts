// What `verify --sysfs` names: a copied directory, a text, or an archive of `doorbell collect`.
import type { GroupDump } from '../iova/hosts/recorded';
import type { FileError, FileStore } from './files';
import { readHostArchive, type HostArchive } from './host-archive';
import { groupsOfDirectory, groupsOfText } from './host-groups';

export interface HostDump {
  readonly dump: GroupDump;
  /** Undefined for a directory or a text. */
  readonly archive: HostArchive | undefined;
}

/** The groups of a machine, or why there are none to be read, without the name. */
export function readDump(file: string, files: FileStore): HostDump | FileError {
  if (files.isDirectory(file)) {
    const dump = groupsOfDirectory(file);
    return dump === undefined
      ? { error: 'is a directory without IOMMU groups (N/reserved_regions)' }
      : { dump, archive: undefined };
  }
  const source = files.read(file);
  if ('error' in source) return source;
  const archive = readHostArchive(source, files);
  if (archive !== undefined) return 'error' in archive ? archive : { dump: archive.dump, archive };
  const dump = groupsOfText(source.text);
  if (dump !== undefined) return { dump, archive: undefined };
  return {
    error:
      'is no dump of /sys/kernel/iommu_groups: neither a directory, nor the output of grep, nor an archive of `doorbell collect`',
  };
}
