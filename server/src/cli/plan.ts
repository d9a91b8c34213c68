// doorbell plan FILE --guest GUEST
import { Option, type Command } from 'commander';
import { findDevice } from '../iova/find-device';
import { guestLabel } from '../iova/guests/guest-spec';
import type { GuestLayout } from '../iova/guests/layout';
import { presetNames } from '../iova/guests/presets';
import type { Situation } from '../iova/plan/change';
import { planContainer, type PlanOptions } from '../iova/plan/plan';
import { guestJson, planJson, type DevicePlan, type PlaceOf } from '../iova/plan/plan-json';
import { remediesFor } from '../iova/plan/remedies';
import type { PredictedGroup } from '../iova/prediction';
import type { Backend } from '../iova/vfio/container';
import { count } from '../text/numbers';
import { positionAt } from '../text/source-file';
import type { Snapshot } from '../workspace/analysis';
import { analyseFile, warnOfErrors } from './board';
import { guestFor } from './guest';
import { addAnalysisOptions, collect, type SourceOptions } from './options';
import { printGuest, printPlans } from './print-plan';
import { displayPath, painterFor, printError, UsageError } from './terminal';

interface PlanArguments extends SourceOptions {
  readonly guest: readonly string[];
  readonly format: 'text' | 'json';
  readonly device?: readonly string[];
  readonly backend: Backend;
  readonly hotplug?: true;
  readonly unsafe?: true;
}

const guests = `GUEST is a preset (${presetNames.join(', ')}), a name under "guests" of doorbell.json, or a file
{"ram": [{"start": "0x40000000", "size": "0x80000000"}]}. Presets take a size and what their VMM can vary: qemu-virt:8G,
kvmtool:4G@0x100000000, qemu-virt:4G,maxmem=8G, q35:8G,max-ram-below-4g=1G, crosvm:4G,protected. Default: 4G.

Exit status: 0 every map and attach is taken, 1 one is refused, 2 the file, guest or device cannot be used.`;

export function addPlan(program: Command): void {
  addAnalysisOptions(program.command('plan'))
    .description('plan passing devices through to a guest: attach, maps, MSI window, hugepage cost, and what helps')
    .argument(
      '<file>',
      'the host: a devicetree source or blob, an IORT (text, binary or acpidump), or an archive of `doorbell collect`',
    )
    .requiredOption('--guest <guest>', 'the guest’s memory layout (repeatable)', collect)
    .option(
      '--device <device>',
      'only this device: a tree path, a label (&net), a PCI address (0000:00:01.0), or an ACPI object (\\_SB_.VR05); several go into one container in turn (default: every master by itself)',
      collect,
    )
    .option('--hotplug', 'the guest runs and its RAM is mapped before the device is added')
    .addOption(
      new Option('--backend <backend>', 'what the VMM maps through').choices(['type1', 'iommufd']).default('type1'),
    )
    .option('--unsafe', 'the host allows unsafe interrupts (allow_unsafe_interrupts)')
    .addOption(new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', `\n${guests}`)
    .action(runPlan);
}

function runPlan(file: string, options: PlanArguments): void {
  const snapshot = analyseFile(file, options);
  const layouts = options.guest.map((name) => guestFor(name, snapshot.context.settings));
  const containers = containersOf(snapshot, options.device);
  warnOfErrors(snapshot, 'plan');
  if (options.device === undefined) noteUngrouped(snapshot);
  const planOptions: PlanOptions = {
    backend: options.backend,
    hotplug: options.hotplug === true,
    allowUnsafeInterrupts: options.unsafe === true,
  };
  const plans = layouts.map((guest) => ({
    guest,
    plans: containers.flatMap((container) => plansOf(snapshot, container, guest, planOptions)),
  }));
  if (options.format === 'json') printJson(snapshot, plans, planOptions);
  else printText(snapshot, plans, planOptions);
  const isRefused = plans.some((each) => each.plans.some(({ plan }) => plan.verdict === 'refused'));
  process.exitCode = isRefused ? 1 : 0;
}

interface PlansOfGuest {
  readonly guest: GuestLayout;
  readonly plans: readonly DevicePlan[];
}

/** Devices that share a container, each with its group. */
type ContainerDevices = readonly ContainerDevice[];

interface ContainerDevice {
  readonly device: string;
  readonly group: PredictedGroup;
  /** Of a function that the sources do not describe. */
  readonly requesterId?: number | undefined;
}

function containersOf(snapshot: Snapshot, wanted: readonly string[] | undefined): ContainerDevices[] {
  if (wanted === undefined) {
    return snapshot.prediction.groups.map((group) =>
      [...new Set(group.devices.map(({ path }) => path))].map((device) => ({ device, group })),
    );
  }
  const found = wanted.flatMap((name) => deviceNamed(snapshot, name));
  return found.length === 0 ? [] : [found];
}

function deviceNamed({ topology, prediction, names }: Snapshot, name: string): ContainerDevices {
  const found = findDevice(topology, prediction, names, name);
  if (found.kind === 'missing') throw new UsageError(found.message);
  const { path, group, reason, requesterId } = found;
  if (group === undefined) {
    printError(`${path} is in no group: ${reason ?? 'nothing is known about it'}`);
    return [];
  }
  // A function that the sources do not describe is found by its bridge.
  const isDescribed = group.devices.some((device) => device.path === path && !device.standsForUndescribed);
  return [{ device: isDescribed || name.startsWith('/') ? path : name.replace(/^&/, ''), group, requesterId }];
}

function plansOf(
  { topology, prediction }: Snapshot,
  container: ContainerDevices,
  guest: GuestLayout,
  options: PlanOptions,
): DevicePlan[] {
  // Functions that no source describes have their bridge's group in common here, and groups of their own on the machine.
  const isSame = (one: ContainerDevice, other: ContainerDevice): boolean =>
    one.group === other.group && one.requesterId === other.requesterId;
  const added = container.filter((each, at) => container.findIndex((other) => isSame(each, other)) === at);
  const groups = added.map(({ group }) => group);
  const ofFunctions: PlanOptions = { ...options, requesterIds: added.map(({ requesterId }) => requesterId) };
  const situation: Situation = { topology, prediction, groups, guest, options: ofFunctions };
  const plans = planContainer(topology, prediction, groups, guest, ofFunctions);
  const remedies = remediesFor(situation, plans);
  return container.map((each) => ({
    device: each.device,
    plan: plans[added.findIndex((other) => isSame(each, other))]!,
    remedies,
  }));
}

function printJson({ prediction }: Snapshot, plans: readonly PlansOfGuest[], options: PlanOptions): void {
  const { kernel } = prediction;
  const json = {
    kernel: kernel.version,
    pageSize: `0x${kernel.pageSize.toString(16)}`,
    backend: options.backend,
    hotplug: options.hotplug,
    unsafe: options.allowUnsafeInterrupts,
    guests: plans.map(({ guest }) => guestJson(guest)),
    plans: plans.flatMap((each) => each.plans.map((plan) => planJson(plan, placeOf))),
  };
  process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
}

const placeOf: PlaceOf = (source) => {
  if (source === undefined) return null;
  const { line, character } = positionAt(source.file, source.start);
  return { file: displayPath(source.file.path), line: line + 1, column: character + 1 };
};

function printText({ prediction }: Snapshot, plans: readonly PlansOfGuest[], options: PlanOptions): void {
  const paint = painterFor(process.stdout);
  const backend = options.backend === 'iommufd' ? 'iommufd' : 'VFIO type1';
  const texts = plans.map((each) => {
    const heading = printGuest(each.guest, backend, prediction.kernel, paint);
    const body = printPlans(each.plans, paint);
    return `${heading}${summary(each)}${body === '' ? '' : `\n${body}`}`;
  });
  process.stdout.write(texts.join('\n'));
}

/** Devices that an IOMMU is meant for and that are in no group all the same, for whoever asked for all. */
function noteUngrouped({ prediction }: Snapshot): void {
  const { groups, ungrouped } = prediction;
  const meant = ungrouped.filter(({ master, problem }) => master.iommuMap !== undefined || problem !== undefined);
  const shown = meant.filter(({ master }) => master.availability.enabled).slice(0, mostUngrouped);
  for (const { path, reason } of shown) printError(`${path} is in no group: ${reason}`);
  if (groups.length === 0) printError('no device of this board is in an IOMMU group, so that there is nothing to plan');
}

const mostUngrouped = 5;

/** How many devices end how, where there are several. */
function summary({ guest, plans }: PlansOfGuest): string {
  if (plans.length < 2) return '';
  const number = (wanted: string): number => plans.filter(({ plan }) => plan.verdict === wanted).length;
  const [works, unknown, fails, refused] = [number('works'), number('unknown'), number('fails'), number('refused')];
  const some = (amount: number, one: string, many: string): string[] =>
    amount === 0 ? [] : [`${amount} ${amount === 1 ? one : many}`];
  const parts = [
    ...(works === 0 ? ['none works'] : some(works, 'works', 'work')),
    ...some(unknown, 'is unknown', 'are unknown'),
    ...some(fails, 'fails', 'fail'),
    ...some(refused, 'is refused', 'are refused'),
  ];
  return `  of ${count(plans.length, 'device')} ${parts.join(', ')} with ${guestLabel(guest)}\n`;
}
