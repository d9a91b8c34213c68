// `npm run test:kernel:generate -- [--kernel NAME]… [--count N] [--seed N] [--seconds N] [--fixed PATTERN|none]`: the recorded
// trees and random ones booted as they are, and under ACPI with the IORT that `doorbell iort generate` makes of them. Each device
// must have the same regions both ways. Exits 1 where anything differs; `--if-possible` makes a machine without kernels no failure.
import { parseArgs } from 'node:util';
import { setUpOracle } from '../../setup';
import { treeOf } from '../../../topology/trees';
import { ownTables, preservingDsdt } from '../acpi/own-tables';
import { blobOf } from '../blob';
import { smmuMachine } from '../boot';
import { fixedCases } from '../fixed-cases';
import { withFirstOwners } from '../for-kernel';
import { generateTree } from '../generate';
import { packageOf, realKernel, realKernels, type KernelFiles } from '../kernels';
import { renderMachine, renderTree } from '../render';
import { setUpKernels } from '../setup';
import { withoutCrashes } from '../without-crashes';
import { bootBothWays, type BothWays, type BothWaysCase } from './both-ways';

interface Tally {
  cases: number;
  devices: number;
  reserving: number;
  skipped: number;
  failed: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string', multiple: true },
      count: { type: 'string', default: '12' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      fixed: { type: 'string', default: '' },
      'if-possible': { type: 'boolean', default: false },
    },
  });
  const names = values.kernel ?? realKernels.map(({ name }) => name);
  const until = values.seconds === undefined ? Infinity : Number(values.seconds) * 1000;
  const kernels: KernelFiles[] = [];
  let preserving: Uint8Array;
  try {
    const { iasl } = await setUpOracle();
    const known = names.map((name) => {
      const kernel = realKernel(name);
      if (kernel === undefined) throw new Error(`there is no kernel ${name}`);
      return kernel;
    });
    kernels.push(...(await setUpKernels(known, until / 2)));
    if (kernels[0] === undefined) throw new Error('no time to fetch a kernel');
    preserving = await preservingDsdt((await ownTables(kernels[0])).get('DSDT')!, iasl.current);
  } catch (error) {
    if (!values['if-possible']) throw error;
    console.log(`skipped: the kernels cannot be set up: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  for (const files of kernels) console.log(`${files.kernel.name}: ${packageOf(files)}`);
  const tally: Tally = { cases: 0, devices: 0, reserving: 0, skipped: 0, failed: 0 };
  for (const { name, source, machine } of values.fixed === 'none' ? [] : fixedCases()) {
    if (source === undefined || machine.options !== smmuMachine || !name.includes(values.fixed)) continue;
    for (const files of kernels) {
      if (performance.now() > until) break;
      const tree = treeOf(source.text, source.file);
      const blob = await blobOf(source.text, source.file);
      await report(name, { tree, blob, machine, preserving }, files, tally);
    }
  }
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  const count = Number(values.count);
  if (count > 0) console.log(`random trees from seed ${String(seed)}`);
  for (let index = 0; index < count && performance.now() < until; index++) {
    const files = kernels[index % kernels.length]!;
    const description = withoutCrashes(withFirstOwners(generateTree(seed + index), files.kernel), files.kernel);
    const source = renderTree(description);
    const machine = renderMachine(description);
    const theCase = { tree: treeOf(source), blob: await blobOf(source), machine, preserving };
    await report(`seed ${String(seed + index)}`, theCase, files, tally);
  }
  console.log(
    `${String(tally.cases)} machines booted both ways, ${String(tally.devices)} devices compared, ${String(tally.reserving)} of them with direct regions; ${String(tally.skipped)} not compared, ${String(tally.failed)} differ`,
  );
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

async function report(name: string, theCase: BothWaysCase, files: KernelFiles, tally: Tally): Promise<void> {
  const result: BothWays = await bootBothWays(theCase, files);
  const title = `${name} on ${files.kernel.name}`;
  if (result.skipped !== undefined) {
    tally.skipped++;
    console.log(`${title}: not compared: ${result.skipped}`);
    return;
  }
  tally.cases++;
  tally.devices += result.devices;
  tally.reserving += result.reserving;
  if (result.differences.length === 0) {
    console.log(
      `${title}: the same for ${String(result.devices)} devices, ${String(result.reserving)} with direct regions`,
    );
    return;
  }
  tally.failed++;
  console.log(`${title} differs:`);
  for (const { device, tree, table } of result.differences)
    console.log(
      [`  ${device}`, ...tree.map((line) => `    - ${line}`), ...table.map((line) => `    + ${line}`)].join('\n'),
    );
  for (const { kind, node, message } of result.notes.filter((each) => each.kind !== 'elsewhere'))
    console.log(`  ${kind}: ${node}: ${message}`);
}

main().catch((error: unknown) => {
  console.error(`doorbell: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
