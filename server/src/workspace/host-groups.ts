// Copies of /sys/kernel/iommu_groups in every form in which they reach us: a directory, the output of grep, an archive of
// `doorbell collect`, or our own `regions`.
import fs from 'node:fs';
import path from 'node:path';
import { noDriver, type GroupDump, type RecordedDevice, type RecordedGroup } from '../iova/hosts/recorded';
import type { ArchivedFile } from './host-files';

/** Limits for what is copied by hand: no machine comes near them. */
const maximumGroups = 65_536;
const maximumFileSize = 1024 * 1024;

/** The groups in a directory: /sys/kernel/iommu_groups itself, or what holds it. Undefined where there are none. */
export function groupsOfDirectory(directory: string): GroupDump | undefined {
  const folders = ['', 'iommu_groups', 'kernel/iommu_groups', 'sys/kernel/iommu_groups'];
  for (const folder of folders) {
    const root = path.join(directory, folder);
    const ids = numericNames(root).slice(0, maximumGroups);
    if (ids.length === 0) continue;
    const groups = ids.map((id): RecordedGroup => {
      const at = (name: string): string => path.join(root, id, name);
      return {
        id,
        type: readText(at('type'))?.trim(),
        devices: devicesIn(at('devices')),
        lines: linesOf(readText(at('reserved_regions'))),
      };
    });
    return { groups, ungrouped: undefined };
  }
  return undefined;
}

function numericNames(directory: string): string[] {
  try {
    return fs
      .readdirSync(directory)
      .filter((name) => /^\d{1,9}$/.test(name))
      .sort((one, other) => Number(one) - Number(other));
  } catch {
    return [];
  }
}

/** A copied `devices/`: links, dangling or not; files that hold where a link led; or the devices' own directories. */
function devicesIn(directory: string): RecordedDevice[] | undefined {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return undefined;
  }
  return entries
    .map((entry) => {
      const at = path.join(directory, entry.name);
      if (entry.isDirectory()) return deviceOfDirectory(entry.name, readText(path.join(at, 'uevent')) ?? '');
      const link = entry.isSymbolicLink() ? readLink(at) : readText(at)?.trim();
      return { name: entry.name, path: deviceDirectory(link), node: undefined, driver: undefined };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** `uevent` holds `DRIVER=` where one is bound, and `OF_FULLNAME=` for what a tree node made. */
function deviceOfDirectory(name: string, uevent: string): RecordedDevice {
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.+)$`, 'm').exec(uevent)?.[1];
  const driver = value('DRIVER') ?? (uevent === '' ? undefined : noDriver);
  return { name, path: undefined, node: value('OF_FULLNAME'), driver };
}

function readLink(file: string): string | undefined {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
}

/** The part below /sys/devices of a link's target. */
function deviceDirectory(link: string | undefined): string | undefined {
  return link === undefined ? undefined : /(?:^|\/)devices\/(.+)$/.exec(link)?.[1];
}

function readText(file: string): string | undefined {
  try {
    const found = fs.statSync(file);
    if (!found.isFile() || found.size > maximumFileSize) return undefined;
    return fs.readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

function linesOf(text: string | undefined): string[] | undefined {
  return text?.split(/\r?\n/).filter((line) => line !== '');
}

/**
 * The groups in a text: what `grep -r .` prints of the files `reserved_regions`, or `doorbell regions`.
 * Undefined for a text with neither.
 */
export function groupsOfText(text: string): GroupDump | undefined {
  const groups = new Map<string, { type?: string; devices?: RecordedDevice[]; lines: string[] }>();
  const group = (id: string) => {
    let found = groups.get(id);
    if (found === undefined && groups.size < maximumGroups) groups.set(id, (found = { lines: [] }));
    return found ?? { lines: [] };
  };
  let current: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const grep = /(?:^|\/)(\d{1,9})\/(reserved_regions|type):(.*)$/.exec(line);
    const header = /^# group (\d{1,9}):((?: \S+)*)\s*$/.exec(line);
    if (grep !== null) {
      const [, id, file, value] = grep as unknown as [string, string, string, string];
      if (file === 'type') group(id).type = value;
      else group(id).lines.push(value);
    } else if (header !== null) {
      current = header[1]!;
      const names = header[2]!.split(' ').filter((name) => name !== '');
      const devices = names.map((name) => ({ name, path: undefined, node: name, driver: undefined }));
      if (devices.length > 0) group(current).devices = devices;
    } else if (current !== undefined && line !== '' && !line.startsWith('#')) group(current).lines.push(line);
  }
  if (groups.size === 0) return undefined;
  const list = [...groups].map(([id, { type, devices, lines }]) => ({ id, type, devices, lines }));
  return { groups: list, ungrouped: undefined };
}

/** The groups in an archive, by its folder `iommu_groups` and its file `devices`. */
export function groupsOfArchive(files: ReadonlyMap<string, ArchivedFile>): GroupDump {
  const text = (name: string): string | undefined => {
    const found = files.get(name);
    return found !== undefined && 'bytes' in found ? Buffer.from(found.bytes).toString('latin1') : undefined;
  };
  const listed = text('devices');
  const devices = listed === undefined ? undefined : deviceList(listed);
  const ids = new Set<string>(devices?.keys());
  for (const name of files.keys()) {
    const id = /^iommu_groups\/(\d{1,9})\//.exec(name)?.[1];
    if (id !== undefined) ids.add(id);
  }
  ids.delete('-');
  const groups = [...ids]
    .sort((one, other) => Number(one) - Number(other))
    .slice(0, maximumGroups)
    .map((id) => ({
      id,
      type: text(`iommu_groups/${id}/type`)?.trim(),
      devices: devices && (devices.get(id) ?? []),
      lines: linesOf(text(`iommu_groups/${id}/reserved_regions`)),
    }));
  return { groups, ungrouped: devices && (devices.get('-') ?? []) };
}

/** Lines of group (or `-`), place below /sys/devices, origin and driver (or `-`), separated by tabs; by group. */
function deviceList(text: string): Map<string, RecordedDevice[]> {
  const result = new Map<string, RecordedDevice[]>();
  for (const line of text.split('\n')) {
    const [group = '', place = '', origin = '', driver = ''] = line.split('\t');
    if (!/^(?:\d{1,9}|-)$/.test(group) || place === '') continue;
    const device: RecordedDevice = {
      name: path.posix.basename(place),
      path: place,
      node: /^(?:of|acpi):(.+)$/.exec(origin)?.[1],
      driver: driver === '-' ? noDriver : driver || undefined,
    };
    const list = result.get(group);
    if (list === undefined) result.set(group, [device]);
    else list.push(device);
  }
  return result;
}
