// doorbell compare FILE FILE…
import { InvalidArgumentError, Option, type Command } from 'commander';
import { compareHosts } from '../iova/hosts/compare';
import { givenSubjects, type ComparedHost, type WantedDevice } from '../iova/hosts/match-masters';
import { kernelProfiles, type KernelVersion } from '../iova/kernel-profile';
import type { Snapshot } from '../workspace/analysis';
import { analyseFile, warnOfErrors } from './board';
import { guestFor } from './guest';
import { objectsOf } from './objects-file';
import { addSourceOptions, collect, type SourceOptions } from './options';
import { comparisonJson, printComparison, type NamedHost } from './print-comparison';
import { UsageError } from './terminal';

interface CompareArguments extends Omit<SourceOptions, 'kernel'> {
  readonly format: 'text' | 'json';
  readonly device?: readonly string[];
  readonly guest?: readonly string[];
  readonly memory?: readonly string[];
  readonly kernel?: readonly string[];
  readonly map?: string;
  readonly unsafe?: true;
  readonly allowUnsafeInterrupts?: true;
}

/** The VMMs that pass devices of an Arm host through by Linux's VFIO. */
const usualGuests = [
  'qemu-virt',
  'kvmtool',
  'crosvm',
  'cloud-hypervisor',
  'firecracker',
  'openvmm-linux',
  'openvmm-uefi',
] as const;

export function addCompare(program: Command): void {
  addSourceOptions(program.command('compare'))
    .description('say which guest memory layouts suit several hosts, or why none does')
    .argument('<file...>', 'two hosts or more: devicetree sources or blobs, IORTs, or archives of `doorbell collect`')
    .option(
      '--device <[host=]device>',
      'a device of the guest: a path, label or PCI address that every host has, or HOST=DEVICE with the number of the file; the first of each host are the same device, and so on (repeatable; default: every master that all hosts have)',
      collect,
    )
    .option(
      '--guest <guest>',
      'a preset (qemu-virt:8G), a layout of doorbell.json or a file (repeatable; default: all presets for Arm)',
      collect,
    )
    .option('--memory <size>', 'RAM of the default presets (repeatable; default: 4G)', collectSize)
    .option(
      '--kernel <[host=]version>',
      `the Linux version of all hosts, or of one: ${Object.keys(kernelProfiles).join(', ')} (repeatable; default: what an archive was recorded on, doorbell.json, 6.12)`,
      collectKernel,
    )
    .option(
      '--map <file>',
      'what ACPI calls the nodes of a devicetree, as `iort generate` takes it (default: by IOMMU and stream IDs)',
    )
    .option('--unsafe', 'the hosts allow unsafe interrupts (allow_unsafe_interrupts)')
    .addOption(new Option('--allow-unsafe-interrupts', 'the same').hideHelp())
    .addOption(new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExit status: 0 a layout suits all hosts, 1 none does, 2 a file cannot be used.')
    .action(runCompare);
}

function runCompare(files: readonly string[], options: CompareArguments): void {
  if (files.length < 2) throw new UsageError('compare takes two files or more');
  const snapshots = files.map((file, at) => snapshotOf(file, at, files.length, options));
  const hosts = snapshots.map((snapshot, at) => comparedHost(files[at]!, snapshot, options));
  const given = options.device && givenSubjects(hosts, wantedDevices(options.device, files.length));
  if (given !== undefined && 'error' in given) throw new UsageError(given.error);
  const guests = guestArguments(options).map((guest) => guestFor(guest, snapshots[0]!.context.settings));
  const comparison = compareHosts(hosts, given, guests);
  const named = snapshots.map((snapshot, at): NamedHost => ({ label: files[at]!, snapshot }));
  if (options.format === 'json') {
    process.stdout.write(`${JSON.stringify(comparisonJson(named, comparison), undefined, 2)}\n`);
  } else process.stdout.write(printComparison(named, comparison));
  process.exitCode = comparison.layouts.some(({ fits, placement }) => fits || placement !== undefined) ? 0 : 1;
}

function snapshotOf(file: string, at: number, count: number, options: CompareArguments): Snapshot {
  const { kernel: kernels = [], ...rest } = options;
  const own = kernels.map(splitHost).findLast(({ host }) => host === undefined || host === at + 1);
  const outside = kernels.map(splitHost).find(({ host }) => host !== undefined && (host < 1 || host > count));
  if (outside !== undefined) throw new UsageError(`--kernel: there is no host ${outside.host ?? ''}`);
  const snapshot = analyseFile(file, { ...rest, ...(own && { kernel: own.value as KernelVersion }) });
  warnOfErrors(snapshot, 'regions');
  return snapshot;
}

function comparedHost(
  label: string,
  { topology, prediction, names, host, tree }: Snapshot,
  options: CompareArguments,
): ComparedHost {
  const allowUnsafeInterrupts = options.unsafe ?? options.allowUnsafeInterrupts ?? host?.allowUnsafeInterrupts;
  const described: ComparedHost = { label, topology, prediction, names, allowUnsafeInterrupts };
  if (options.map === undefined || topology.firmware === 'acpi') return described;
  return { ...described, objects: objectsOf(options.map, tree).names };
}

function guestArguments({ guest, memory }: CompareArguments): readonly string[] {
  if (guest !== undefined && memory === undefined) return guest;
  const sizes = memory ?? ['4G'];
  return [...(guest ?? []), ...sizes.flatMap((size) => usualGuests.map((name) => `${name}:${size}`))];
}

/** `2=/soc/usb@1000` to the second host's device; without a number it is every host's. */
function splitHost(text: string): { readonly host: number | undefined; readonly value: string } {
  const match = /^(\d{1,4})=(.*)$/s.exec(text);
  return match === null ? { host: undefined, value: text } : { host: Number(match[1]), value: match[2]! };
}

/** One for all hosts is a device by itself; those with a number are put together in order. */
function wantedDevices(devices: readonly string[], count: number): WantedDevice[] {
  const wanted: WantedDevice[] = [];
  const own: string[][] = Array.from({ length: count }, () => []);
  for (const { host, value } of devices.map(splitHost)) {
    if (host === undefined) wanted.push({ names: Array.from({ length: count }, () => value) });
    else if (host < 1 || host > count) throw new UsageError(`--device: there is no host ${host}`);
    else own[host - 1]!.push(value);
  }
  const most = Math.max(...own.map(({ length }) => length));
  for (let at = 0; at < most; at++) wanted.push({ names: own.map((names) => names[at]) });
  return wanted;
}

function collectSize(value: string, earlier: readonly string[] = []): string[] {
  if (!/^(?:0x[0-9a-f]+|\d+[KMGT]?)$/i.test(value)) throw new InvalidArgumentError('It is no size: write 4G or 512M.');
  return [...earlier, value];
}

function collectKernel(value: string, earlier: readonly string[] = []): string[] {
  const version = splitHost(value).value;
  if (!Object.hasOwn(kernelProfiles, version)) {
    throw new InvalidArgumentError(`Allowed choices are ${Object.keys(kernelProfiles).join(', ')}.`);
  }
  return [...earlier, value];
}
