// doorbell export FILE --device DEVICE
import { InvalidArgumentError, Option, type Command } from 'commander';
import { exportDts, type GuestNode } from '../iova/hosts/export-dts';
import { exportRmr } from '../iova/hosts/export-rmr';
import { guestReservations } from '../iova/hosts/guest-reservations';
import { findDevice } from '../iova/find-device';
import type { PredictedDevice, PredictedGroup } from '../iova/prediction';
import { formatRange } from '../text/numbers';
import type { Snapshot } from '../workspace/analysis';
import { analyseFile, warnOfErrors } from './board';
import { addAnalysisOptions, collect, type SourceOptions } from './options';
import { displayPath, printError, UsageError } from './terminal';

interface ExportArguments extends SourceOptions {
  readonly format: 'dts' | 'rmr';
  readonly device: readonly string[];
  readonly guestNode?: string;
  readonly guestFunction?: readonly PciFunction[];
  readonly addressCells?: number;
  readonly sizeCells?: number;
  readonly rootAddressCells: number;
  readonly rootSizeCells: number;
  readonly streamId?: readonly number[];
  readonly smmuBase: bigint;
  readonly remappable?: true;
}

interface PciFunction {
  readonly device: number;
  readonly number: number;
}

export function addExport(program: Command): void {
  addAnalysisOptions(program.command('export'))
    .description('write what a host reserves of a device as a description for the guest that the device is given to')
    .argument(
      '<file>',
      'the host: a devicetree source or blob, an IORT (text, binary or acpidump), or an archive of `doorbell collect`',
    )
    .requiredOption(
      '--device <device>',
      'a device or a whole PCI host bridge: a path, a label or a PCI address (repeatable)',
      collect,
    )
    .addOption(
      new Option('--format <format>', 'dts: an overlay for the guest’s tree; rmr: an IORT with an RMR node, for iasl')
        .choices(['dts', 'rmr'])
        .default('dts'),
    )
    .option(
      '--guest-node <label>',
      'the device’s node in the guest (&usb), or with --guest-function its PCI host bridge (default: &passthrough, or &pcie for PCI)',
    )
    .option(
      '--guest-function <device.function>',
      'where a PCI function is in the guest (repeatable; default: as on the host)',
      collectFunction,
    )
    .option(
      '--address-cells <n>',
      'address cells of the device’s bus in the guest (default: 2, or 3 for PCI)',
      cellCount,
    )
    .option('--size-cells <n>', 'size cells of that bus (default: 2)', cellCount)
    .option('--root-address-cells <n>', 'address cells of the guest’s root', cellCount, 2)
    .option('--root-size-cells <n>', 'size cells of the guest’s root', cellCount, 2)
    .option(
      '--stream-id <id>',
      'rmr: a stream ID of the device in the guest (repeatable; default: its requester ID, else 0)',
      collectNumber,
    )
    .addOption(
      new Option('--smmu-base <address>', 'rmr: where the guest’s SMMUv3 is')
        .argParser((value) => BigInt(number(value)))
        .default(0x9050000n, '0x9050000'),
    )
    .option('--remappable', 'rmr: the guest may map the ranges otherwise')
    .addHelpText('after', '\nExit status: 0 done, 2 the file cannot be used, or the ranges cannot be written so.')
    .action(runExport);
}

function runExport(file: string, options: ExportArguments): void {
  const snapshot = analyseFile(file, options);
  warnOfErrors(snapshot, 'regions');
  const found = options.device.map((device) => groupsOf(snapshot, device));
  const groups = [...new Set(found.flatMap((each) => each.groups))];
  const reservations = guestReservations(groups);
  for (const reason of new Set(groups.flatMap(({ unknown }) => unknown))) printError(`unknown: ${reason}`);
  if (reservations.ranges.length === 0) throw new UsageError(`${options.device.join(', ')}: nothing is reserved`);
  const functions = found.flatMap((each) => each.functions);
  const comment = commentLines(
    snapshot,
    groups,
    options,
    reservations.leftOut.map(({ range }) => formatRange(range)),
  );
  const result =
    options.format === 'dts'
      ? exportDts(reservations, guestNode(options, functions), [...comment, ...dtsComment])
      : exportRmr(
          reservations,
          {
            streamIds: options.streamId ?? streamIds(options.guestFunction ?? functions),
            smmuBase: options.smmuBase,
            isRemappable: options.remappable === true,
          },
          [...comment, ...rmrComment],
        );
  if ('error' in result) throw new UsageError(result.error);
  process.stdout.write(result.text);
}

const dtsComment = [
  'An overlay: fdtoverlay applies it to a blob with symbols, and without the lines /dts-v1/ and /plugin/ it can be included',
  "behind a source. Without reg, the guest's kernel reserves the ranges and maps nothing there.",
];

const rmrComment = [
  "For the IORT that the VMM builds: the RMR node, with the output references set to the offset of the guest's SMMUv3 node.",
  'Linux heeds it for PCI functions only where the host bridge preserves the boot configuration (_DSM function 5 returns 0).',
];

interface Found {
  readonly groups: readonly PredictedGroup[];
  /** The PCI functions among what was named. */
  readonly functions: readonly PciFunction[];
}

/** The groups of a device; of a host bridge, those of everything behind it. */
function groupsOf({ topology, prediction, names }: Snapshot, wanted: string): Found {
  const found = findDevice(topology, prediction, names, wanted);
  if (found.kind === 'missing') throw new UsageError(found.message);
  const bridge = topology.hostBridges.find(({ path }) => path === found.path);
  const isAddress = /^[0-9a-f:]+\.[0-7]$/i.test(wanted);
  if (bridge !== undefined && !isAddress) {
    const isBehind = ({ master }: PredictedDevice): boolean =>
      master.hostBridge === bridge && master.kind !== 'platform';
    const groups = prediction.groups.filter(({ devices }) => devices.some(isBehind));
    const described = groups.flatMap(({ devices }) => devices.filter(isBehind));
    if (groups.length > 0)
      return { groups, functions: described.flatMap(({ master }) => functionOf(master.requesterId)) };
  }
  if (found.group === undefined) {
    throw new UsageError(`${found.path} is in no group: ${found.reason ?? 'nothing is known about it'}`);
  }
  const member = found.group.devices.find(({ path }) => path === found.path);
  const functions = isAddress ? functionOf(requesterId(wanted)) : functionOf(member?.master.requesterId);
  return { groups: [found.group], functions };
}

function requesterId(address: string): number {
  const [bus, device, number] = address
    .split(/[:.]/)
    .slice(-3)
    .map((part) => Number.parseInt(part, 16));
  return (bus! << 8) | (device! << 3) | number!;
}

function functionOf(id: number | undefined): PciFunction[] {
  return id === undefined ? [] : [{ device: (id >> 3) & 0x1f, number: id & 7 }];
}

function guestNode(options: ExportArguments, found: readonly PciFunction[]): GuestNode {
  const { guestNode: given, guestFunction, rootAddressCells, rootSizeCells } = options;
  const distinct = new Map(found.map((each) => [`${each.device}.${each.number}`, each]));
  const functions = guestFunction ?? (given === undefined ? [...distinct.values()] : []);
  const isPci = functions.length > 0 || found.length > 0;
  const reference = referenceTo(given ?? (functions.length > 0 ? '&pcie' : '&passthrough'), functions.length > 0);
  const { addressCells = isPci ? 3 : 2, sizeCells = 2 } = options;
  return { reference, functions, addressCells, sizeCells, rootAddressCells, rootSizeCells };
}

/** An overlay can refer to a node by its path to add to it, but a value can refer to one by its label only. */
function referenceTo(name: string, isParent: boolean): string {
  const bare = name.replace(/^&/, '').replace(/^\{(.*)\}$/s, '$1');
  if (/^[A-Za-z_]\w*$/.test(bare)) return `&${bare}`;
  if (!/^(?:\/[\w,.+@-]+)+$/.test(bare)) throw new UsageError(`--guest-node ${name}: is no label and no path`);
  if (isParent) return `&{${bare}}`;
  throw new UsageError(`--guest-node ${name}: an overlay can name a device by its label only (&usb)`);
}

function streamIds(functions: readonly PciFunction[]): number[] {
  const ids = new Set(functions.map(({ device, number }) => (device << 3) | number));
  return ids.size === 0 ? [0] : [...ids];
}

function commentLines(
  { kernel, context }: Snapshot,
  groups: readonly PredictedGroup[],
  { device }: ExportArguments,
  leftOut: readonly string[],
): string[] {
  const direct = kernel.refusesDirect && groups.some(({ regions }) => regions.some(({ type }) => type === 'direct'));
  return [
    `What ${displayPath(context.root)} keeps for itself of the IOVAs of ${device.join(', ')} (Linux ${kernel.version}),`,
    'made by doorbell export for the guest that is given the device.',
    ...(direct ? [`Linux ${kernel.version} gives nothing away that has a direct region.`] : []),
    ...leftOut.map((range) => `Not in it, as the guest may use it: ${range}, direct-relaxable.`),
  ];
}

function collectFunction(value: string, earlier: readonly PciFunction[] = []): PciFunction[] {
  const match = /^([01]?[0-9a-f])\.([0-7])$/i.exec(value);
  if (match === null) throw new InvalidArgumentError('It is no device and function: write 1.0.');
  return [...earlier, { device: Number.parseInt(match[1]!, 16), number: Number(match[2]) }];
}

function collectNumber(value: string, earlier: readonly number[] = []): number[] {
  const id = number(value);
  if (id > 0xffffffff) throw new InvalidArgumentError('It does not fit 32 bits.');
  return [...earlier, id];
}

function number(value: string): number {
  const parsed = /^(?:0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(parsed)) throw new InvalidArgumentError('It is no number.');
  return parsed;
}

function cellCount(value: string): number {
  if (!/^[123]$/.test(value)) throw new InvalidArgumentError('Cells are 1, 2, or 3 for addresses on PCI.');
  return Number(value);
}
