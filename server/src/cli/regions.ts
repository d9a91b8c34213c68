// doorbell regions FILE
import { Option, type Command } from 'commander';
import { isAcpiObject, objectCondition } from '../iova/acpi-objects';
import { findDevice } from '../iova/find-device';
import {
  cutText,
  printGroup,
  printSysfs,
  regionsJson,
  sharingText,
  type GroupJson,
  type OffsetOf,
} from '../iova/print-regions';
import type { PredictedGroup, RegionPrediction } from '../iova/prediction';
import type { Snapshot } from '../workspace/analysis';
import { count } from '../text/numbers';
import { analyseFile, warnOfErrors } from './board';
import { addAnalysisOptions, type SourceOptions } from './options';
import { displayPath, printError, UsageError } from './terminal';

interface RegionsArguments extends SourceOptions {
  readonly format: 'sysfs' | 'json';
  readonly device?: string;
}

export function addRegions(program: Command): void {
  addAnalysisOptions(program.command('regions'))
    .description('predict the reserved regions of each IOMMU group')
    .argument(
      '<file>',
      'a devicetree source or blob, an IORT (text, binary or acpidump), or an archive of `doorbell collect`',
    )
    .addOption(new Option('--format <format>', 'form of the output').choices(['sysfs', 'json']).default('sysfs'))
    .option(
      '--device <device>',
      'only this device: a tree path, a label (&net), a PCI address (0000:00:01.0), or an ACPI object (\\_SB_.VR05)',
    )
    .action(runRegions);
}

function runRegions(file: string, options: RegionsArguments): void {
  const snapshot = analyseFile(file, options);
  warnOfErrors(snapshot, 'regions');
  const { prediction, acpi, topology, diagnostics } = snapshot;
  const isDamaged = diagnostics.some(({ severity }) => severity === 'error');
  if (acpi !== undefined && acpi.viot === undefined && topology.iommus.length === 0 && !isDamaged)
    printError(`${file}: no SMMU is in the IORT; a virtio-iommu would be in a VIOT, and none is beside it`);
  const groups = options.device === undefined ? prediction.groups : groupsOfDevice(snapshot, options.device);
  const objects = groups.flatMap(({ devices }) => devices.filter(isAcpiObject));
  if (objects.length > 0) {
    const names = objects.length === 1 ? objects[0]!.path : `each of the ${count(objects.length, 'named component')}`;
    printError(`${names}: ${objectCondition}`);
  }
  if (options.format === 'json')
    process.stdout.write(`${JSON.stringify(withDisplayPaths(prediction, groups, byteOf(acpi)), undefined, 2)}\n`);
  else if (options.device === undefined) process.stdout.write(printSysfs(prediction));
  else for (const group of groups) printBare(group, prediction.kernel.sysfsLimit);
}

/** The lines of one group alone; what they cannot say goes to the standard error. */
function printBare(group: PredictedGroup, limit: bigint | undefined): void {
  if (group.oops === undefined) process.stdout.write(printGroup(group, limit));
  else printError(`the kernel oopses: ${group.oops.message}`);
  const cut = group.oops === undefined ? cutText(group, limit) : undefined;
  if (cut !== undefined) printError(`${cut} (--format json has them)`);
  for (const reason of group.unknown) printError(`unknown: ${reason}`);
}

function groupsOfDevice({ topology, prediction, names }: Snapshot, device: string): readonly PredictedGroup[] {
  const found = findDevice(topology, prediction, names, device);
  if (found.kind === 'missing') throw new UsageError(found.message);
  if (found.group === undefined) {
    printError(`${found.path} is in no group: ${found.reason ?? 'nothing is known about it'}`);
    return [];
  }
  const shared = sharingText(found.mayShare);
  if (shared !== undefined) printError(`${device} ${shared}`);
  return [found.group];
}

/** In the bytes of the table that was given, if it is a binary. */
function byteOf(acpi: Snapshot['acpi']): OffsetOf {
  if (acpi?.document.origin !== 'binary') return () => undefined;
  const { document } = acpi;
  return ({ file, start, end }) => {
    if (file !== document.file) return undefined;
    // A line of the text begins with what is no value.
    for (let at = start; at <= end; at++) {
      const field = document.fieldAt(at);
      if (field !== undefined) return field.offset;
    }
    return undefined;
  };
}

function withDisplayPaths(
  prediction: RegionPrediction,
  limited: readonly PredictedGroup[],
  offsetOf: OffsetOf,
): object {
  const json = regionsJson(prediction, limited, offsetOf);
  const groups = json.groups.map((group): GroupJson => ({
    ...group,
    regions: group.regions.map((region) => ({
      ...region,
      source: region.source && { ...region.source, file: displayPath(region.source.file) },
    })),
  }));
  return { ...json, groups };
}
