// doorbell verify FILE --sysfs DUMP
import { Option, type Command } from 'commander';
import path from 'node:path';
import { explainGroup, tryAlternatives, type Alternative, type ExplainedAlternative } from '../iova/hosts/explain';
import type { DescribedHost } from '../iova/hosts/locate';
import { verifyHost } from '../iova/hosts/verify';
import { kernelProfiles, type KernelVersion } from '../iova/kernel-profile';
import { predictRegions } from '../iova/predict';
import { topologyFromTree } from '../topology/from-tree';
import type { Snapshot } from '../workspace/analysis';
import { createFileStore } from '../workspace/files';
import { hostSettings, type HostArchive } from '../workspace/host-archive';
import { readDump, type HostDump } from '../workspace/host-dump';
import { machineOfTables, topologyOfMachine } from '../workspace/acpi-machine';
import { acpiNames } from '../workspace/acpi-names';
import { hostNames } from '../workspace/host-names';
import { settingsProfile } from '../workspace/settings';
import { analyseFile, hostNote } from './board';
import { addAnalysisOptions, type SourceOptions } from './options';
import { printVerification, verificationJson, type ExplainedVerification } from './print-verification';
import { printError, UsageError } from './terminal';

interface VerifyArguments extends SourceOptions {
  readonly format: 'text' | 'json';
  readonly sysfs?: string;
}

export function addVerify(program: Command): void {
  addAnalysisOptions(program.command('verify'))
    .description('compare the predicted reserved regions with those of a running machine, and explain the differences')
    .argument(
      '<file>',
      'a devicetree source or blob, an IORT (text, binary or acpidump), or an archive of `doorbell collect`',
    )
    .option(
      '--sysfs <dump>',
      'a copy of /sys/kernel/iommu_groups, the output of `grep -r . /sys/kernel/iommu_groups/*/reserved_regions`, or an archive (default: FILE, if it is one)',
    )
    .addOption(new Option('--format <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExit status: 0 equal, 1 differences, 2 the file or the dump cannot be used.')
    .action(runVerify);
}

function runVerify(file: string, options: VerifyArguments): void {
  const files = createFileStore();
  const given = options.sysfs ?? file;
  const found = readDump(path.resolve(given), files);
  if ('error' in found) {
    const isMissing = options.sysfs === undefined;
    throw new UsageError(
      isMissing ? `${file}: is no archive: --sysfs must name what to compare with` : `${given}: ${found.error}`,
    );
  }
  const { archive } = found;
  const snapshot = analyseFile(file, options, archive && hostSettings(archive));
  if (archive !== undefined && snapshot.host === undefined) {
    printError(`${given}: ${hostNote(archive, snapshot.context.settings)}`);
  }
  const result = verify(snapshot, found);
  if (options.format === 'json') process.stdout.write(`${JSON.stringify(verificationJson(result), undefined, 2)}\n`);
  else process.stdout.write(printVerification(result));
  process.exitCode = result.verification.isEqual ? 0 : 1;
}

function verify(snapshot: Snapshot, { dump, archive }: HostDump): ExplainedVerification {
  const { topology, prediction, names } = snapshot;
  const host: DescribedHost = { topology, prediction, names };
  const verification = verifyHost(host, dump);
  const alternatives = verification.isEqual
    ? []
    : tryAlternatives(
        [...otherKernels(snapshot, host), ...otherConfiguration(snapshot), ...bootDescription(snapshot, archive)],
        dump,
      );
  const explanations = verification.groups.map((group) =>
    group.isEqual ? [] : explainGroup(host, group, alternatives),
  );
  const whole = alternatives.filter((each: ExplainedAlternative) => each.verification.isEqual);
  return { verification, explanations, whole };
}

/** The same sources under the other kernels. */
function otherKernels({ topology, kernel, context }: Snapshot, { names }: DescribedHost): Alternative[] {
  const others = (Object.keys(kernelProfiles) as KernelVersion[]).filter((version) => version !== kernel.version);
  return others.map((version) => {
    const profile = settingsProfile({ ...context.settings, kernel: version });
    const prediction = predictRegions(topology, profile);
    return { kind: 'other-kernel', label: `the rules of Linux ${version}`, host: { topology, prediction, names } };
  });
}

/** The same tables where the host bridges say otherwise of the firmware's PCI configuration, which no data table tells. */
function otherConfiguration({ acpi, kernel, context }: Snapshot): Alternative[] {
  if (acpi === undefined) return [];
  const preserveBootConfiguration = !context.settings.preserveBootConfiguration;
  const topology = topologyOfMachine(acpi, { ...context.settings, preserveBootConfiguration });
  const prediction = predictRegions(topology, kernel);
  const label = `the rules with "preserveBootConfiguration": ${String(preserveBootConfiguration)} in doorbell.json`;
  return [{ kind: 'boot-configuration', label, host: { topology, prediction, names: acpiNames(topology) } }];
}

/** What the machine booted with, where the dump has it and the sources are something else. */
function bootDescription({ kernel, host, context }: Snapshot, archive: HostArchive | undefined): Alternative[] {
  if (archive === undefined || archive === host) return [];
  const machine = machineOfTables('IORT', archive.tables);
  if (machine !== undefined) {
    const topology = topologyOfMachine(machine, context.settings);
    const prediction = predictRegions(topology, kernel);
    const label = 'the sources are not what the machine booted with; its own IORT and these rules';
    return [{ kind: 'boot-configuration', label, host: { topology, prediction, names: acpiNames(topology) } }];
  }
  if ('error' in archive.tree) return [];
  const topology = topologyFromTree(archive.tree, context.settings);
  const prediction = predictRegions(topology, kernel);
  const label = 'the sources are not what the machine booted with; its own tree and these rules';
  return [{ kind: 'boot-configuration', label, host: { topology, prediction, names: hostNames(archive.tree) } }];
}
