// One machine booted from its tree, and under ACPI with the IORT that is generated from that tree: what the kernel reserves for
// each device must be the same. What an IORT cannot say is taken out of the comparison, and counted.
import type { Note } from '../../../../server/src/topology/to-iort';
import { registersOf } from '../../../../server/src/topology/registers';
import { lookUp } from '../../../../server/src/topology/id-maps';
import { topologyFromTree } from '../../../../server/src/topology/from-tree';
import { kernelProfile } from '../../../../server/src/iova/kernel-profile';
import { nodeAt } from '../../../../server/src/tree/navigate';
import type { DeviceTree } from '../../../../server/src/tree/model';
import { generateIort } from '../../../../server/src/workspace/generated-iort';
import type { Boot, Machine } from '../boot';
import { boot, bootAcpi } from '../boot';
import { inPlaceOfQemus } from '../acpi/own-tables';
import type { Seen, SeenDevice, SeenGroup } from '../console';
import { partsByAcs } from './apart-by-acs';
import type { KernelFiles, RealKernel } from '../kernels';

export interface Difference {
  readonly device: string;
  readonly tree: readonly string[];
  readonly table: readonly string[];
}

export interface BothWays {
  readonly differences: readonly Difference[];
  /** Devices that were compared, and how many of them have regions beside the window. */
  readonly devices: number;
  readonly reserving: number;
  readonly notes: readonly Note[];
  /** Why nothing was compared. */
  readonly skipped: string | undefined;
}

/** QEMU's objects of the `virt` machine by where the tree has their registers. */
export function virtObjects(tree: DeviceTree): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path } of topologyFromTree(tree).masters) {
    const node = nodeAt(tree, path);
    const base = node && registersOf(tree, node)[0]?.start;
    const name = base === undefined ? undefined : objectAt(base);
    if (name !== undefined && ![...found.values()].includes(name)) found.set(path, name);
  }
  return found;
}

const firstTransport = 0xa000000n;
const transportSize = 0x200n;

function objectAt(base: bigint): string | undefined {
  if (base === 0x9000000n) return '\\_SB_.COM0';
  const slot = (base - firstTransport) / transportSize;
  if (base < firstTransport || slot > 31n || base % transportSize !== 0n) return undefined;
  return `\\_SB_.VR${String(slot).padStart(2, '0')}`;
}

export interface BothWaysCase {
  readonly tree: DeviceTree;
  readonly blob: Uint8Array;
  readonly machine: Machine;
  /** The DSDT whose host bridge keeps the boot configuration. */
  readonly preserving: Uint8Array;
}

export async function bootBothWays(
  { tree, blob, machine, preserving }: BothWaysCase,
  files: KernelFiles,
): Promise<BothWays> {
  const { kernel } = files;
  const nothing = { differences: [], devices: 0, reserving: 0, notes: [] };
  const names = virtObjects(tree);
  const profile = kernelProfile({ kernel: kernel.version, pageSize: kernel.pageSize });
  const objects = { names, numbers: new Map() };
  const generated = generateIort(tree, { revision: 6, style: 'current', objects, kernel: profile, name: 'tree' });
  if ('problem' in generated) return { ...nothing, skipped: `the tree ${generated.problem}` };
  const byTree = await boot(files, blob, machine);
  const { notes } = generated;
  if (!byTree.seen.isComplete) return { ...nothing, notes, skipped: `it does not boot from the tree: ${why(byTree)}` };
  const tables = [inPlaceOfQemus(generated.bytes), preserving];
  const byTable = await bootAcpi(files, { tables }, machine);
  if (!byTable.seen.isComplete) {
    const differences = [{ device: 'the boot', tree: ['ends'], table: [why(byTable)] }];
    return { ...nothing, notes, differences, skipped: undefined };
  }
  return { ...compareBoots(tree, byTree.seen, byTable.seen, names, kernel), notes, skipped: undefined };
}

function why({ seen, failure, console }: Boot): string {
  return seen.crash?.reason ?? failure ?? console.split('\n').slice(-5).join(' | ');
}

/** What two boots say of the same devices; `names` are the objects of the tree's nodes. */
export function compareBoots(
  tree: DeviceTree,
  byTree: Seen,
  byTable: Seen,
  names: ReadonlyMap<string, string>,
  kernel: RealKernel,
): Pick<BothWays, 'differences' | 'devices' | 'reserving'> {
  const differences: Difference[] = [];
  let devices = 0;
  let reserving = 0;
  const leftOut = notComparable(tree);
  const areFunctionsAlike = hasMask(tree);
  for (const [device, where] of devicesOf(byTree)) {
    const path = device.node;
    if (isPci(device) ? areFunctionsAlike || losesStream(tree, device) : path !== undefined && leftOut.has(path))
      continue;
    const name = isPci(device) ? addressOf(device) : path && names.get(path);
    if (name === undefined) continue;
    const found = devicesOf(byTable).find(([other]) => (isPci(device) ? addressOf(other) : other.node) === name);
    const parts = partsByAcs(where, byTable, kernel.version);
    const one = regionsOf(where, kernel);
    const other =
      parts === undefined
        ? regionsOf(found?.[1], kernel)
        : [...new Set(parts.flatMap((part) => regionsOf(part, kernel)))];
    // VFIO's ranges have a hole for each region: where the table lacks some, or has them in several groups, they differ as they must.
    const isAlike = parts === undefined && kernel.version !== '6.1';
    if (where !== undefined && isAlike && !where.regions.some(isLost)) {
      one.push(...vfioOf(where));
      other.push(...vfioOf(found?.[1]));
    }
    devices++;
    if (one.some((line) => line.includes('direct'))) reserving++;
    // Rounding may put regions in another order.
    if ([...one].sort().join() !== [...other].sort().join())
      differences.push({ device: `${path ?? name} (${name})`, tree: one, table: other });
  }
  return { differences, devices, reserving };
}

function devicesOf({ groups, ungrouped }: Seen): (readonly [SeenDevice, SeenGroup | undefined])[] {
  return [
    ...groups.flatMap((group) => group.devices.map((device) => [device, group] as const)),
    ...ungrouped.map((device) => [device, undefined] as const),
  ];
}

function isPci({ sysfs }: SeenDevice): boolean {
  return /\/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(sysfs);
}

function addressOf({ sysfs }: SeenDevice): string {
  return sysfs.slice(sysfs.lastIndexOf('/') + 1);
}

/** What no IORT can say. */
function isLost(line: string): boolean {
  return line.endsWith(' reserved');
}

/** Direct regions by the kernel's pages, as it takes those of a table; 6.1 has none of a tree. */
function regionsOf(group: SeenGroup | undefined, kernel: RealKernel): string[] {
  if (group === undefined) return ['no group'];
  const mask = kernel.pageSize - 1n;
  return group.regions.flatMap((line) => {
    const [start, end, type] = line.split(' ');
    if (isLost(line) || (type === 'direct' && kernel.version === '6.1')) return [];
    if (type !== 'direct') return [line];
    const [from, to] = [BigInt(start!) & ~mask, BigInt(end!) | mask];
    return [`0x${from.toString(16).padStart(16, '0')} 0x${to.toString(16).padStart(16, '0')} direct`];
  });
}

function vfioOf(group: SeenGroup | undefined): string[] {
  const alone = group?.alone;
  if (alone === undefined || alone.result === 'not-viable') return [];
  return [
    `vfio ${alone.result}`,
    ...alone.ranges.map((range) => `usable ${range}`),
    ...alone.maps.map(({ iova, size, result }) => `map 0x${iova.toString(16)} + 0x${size.toString(16)}: ${result}`),
  ];
}

/** Devices with a stream ID of another one, where the order of probing decides; a tree and a namespace have different ones. */
function notComparable(tree: DeviceTree): ReadonlySet<string> {
  const owners = new Map<number, string[]>();
  for (const { path, streams } of topologyFromTree(tree).masters) {
    for (const { streamId } of streams) {
      if (streamId !== undefined) owners.set(streamId, [...(owners.get(streamId) ?? []), path]);
    }
  }
  return new Set([...owners.values()].filter((paths) => new Set(paths).size > 1).flat());
}

/** An `iommu-map-mask` gives several functions one stream ID: what a tree reserves for one of them, an RMR does for all. */
function hasMask(tree: DeviceTree): boolean {
  return topologyFromTree(tree).masters.some(
    ({ kind, iommuMap }) => kind === 'pci-host' && iommuMap !== undefined && (iommuMap.mask & 0xffff) !== 0xffff,
  );
}

/** A platform device that the table may not have at all has the function's stream ID. */
function losesStream(tree: DeviceTree, device: SeenDevice): boolean {
  const { masters } = topologyFromTree(tree);
  const [bus, slot, number] = addressOf(device)
    .slice('0000:'.length)
    .split(/[:.]/)
    .map((part) => parseInt(part, 16));
  const id = (bus! << 8) | (slot! << 3) | number!;
  const map = masters.find(({ kind }) => kind === 'pci-host')?.iommuMap;
  const found = map && lookUp(map, 'four-cells', id);
  return (
    found?.kind === 'found' && masters.some(({ streams }) => streams.some(({ streamId }) => streamId === found.id))
  );
}
