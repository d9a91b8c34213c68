// `npm run test:kernel -- [--kernel NAME]… [--count N] [--seed N] [--seconds N] [--fixed PATTERN|none] [--tries N] [--jobs N] [--out DIR] [--file FILE]…`: real
// kernels on the recorded cases and on random trees, what they print against our prediction, line by line. A random tree that
// differs is made small and written to a file together with the difference; `--file` boots such a file again, `--source` only prints the
// tree of a seed. `--seconds` bounds it all, set-up included: kernels that are not there by then are left out, and half of what
// remains goes to the recorded cases, in an order by the seed. Exits 1 where anything differs; `--if-possible` makes a machine
// without the kernels no failure.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readFdt } from '../../../server/src/tree/fdt-read';
import type { DeviceTree } from '../../../server/src/tree/model';
import { treeOf } from '../../topology/trees';
import { setUpOracle } from '../setup';
import { blobOf } from './blob';
import type { Machine } from './boot';
import { boot, ownTree, smmuMachine } from './boot';
import type { Comparison } from './compare';
import { compare, predict, printDifferences } from './compare';
import type { TreeDescription } from './description';
import { optionalKeys } from './description';
import { fixedCases } from './fixed-cases';
import { withFirstOwners } from './for-kernel';
import { generateTree } from './generate';
import type { KernelFiles, RealKernel } from './kernels';
import { kernelsFolder, packageOf, realKernel, realKernels } from './kernels';
import { minimise } from './minimise';
import { inParallel } from './parallel';
import { randomFrom } from './random';
import { renderMachine, renderTree } from './render';
import { setUpKernels } from './setup';
import { withoutCrashes } from './without-crashes';

interface Tally {
  cases: number;
  compared: number;
  unknown: number;
  crashes: number;
  failed: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string', multiple: true },
      count: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      fixed: { type: 'string', default: '' },
      tries: { type: 'string', default: '150' },
      jobs: { type: 'string', default: String(Math.min(availableParallelism(), 4)) },
      out: { type: 'string', default: path.join(kernelsFolder(), 'failures') },
      source: { type: 'boolean', default: false },
      file: { type: 'string', multiple: true },
      'if-possible': { type: 'boolean', default: false },
    },
  });
  const names = values.kernel ?? realKernels.map(({ name }) => name);
  const chosen = names.map(
    (name) =>
      realKernel(name) ?? refuse(`there is no kernel ${name}: ${realKernels.map((each) => each.name).join(', ')}`),
  );
  const jobs = Number(values.jobs);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  if (values.source) {
    console.log(renderTree(randomTree(seed, chosen[0]!)));
    return;
  }
  // Counted from the start of the program.
  const until = values.seconds === undefined ? Infinity : Number(values.seconds) * 1000;
  const kernels = await prepared(chosen, values['if-possible'], until / 2);
  if (kernels === undefined) return;
  if (kernels.length === 0) {
    console.log('skipped: there was no time to fetch a kernel');
    return;
  }
  for (const files of kernels) console.log(`${files.kernel.name}: ${packageOf(files)}`);
  console.log(`set up after ${(performance.now() / 1000).toFixed(0)} s`);
  const tally: Tally = { cases: 0, compared: 0, unknown: 0, crashes: 0, failed: 0 };
  if (values.file !== undefined) {
    for (const file of values.file) await runFile(kernels, file, tally);
    return;
  }
  if (values.fixed !== 'none') {
    const half = (performance.now() + until) / 2;
    await runFixed(kernels, { pattern: values.fixed, until: half, seed, jobs }, tally);
  }
  const count = values.count === undefined ? (until === Infinity ? 20 : Infinity) : Number(values.count);
  await runRandom(kernels, { seed, count, until, jobs, tries: Number(values.tries), out: values.out }, tally);
  const crashes = tally.crashes > 0 ? `, ${String(tally.crashes)} predicted crashes` : '';
  console.log(
    `${String(tally.cases)} boots, ${String(tally.compared)} lines and results compared${crashes}, ${String(tally.unknown)} said to be unknown, ${String(tally.failed)} boots differ`,
  );
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

/** The kernels; undefined where they cannot be had and that is to be no failure. */
async function prepared(
  chosen: readonly RealKernel[],
  ifPossible: boolean,
  until: number,
): Promise<KernelFiles[] | undefined> {
  try {
    await setUpOracle();
    const kernels = await setUpKernels(chosen, until);
    for (const { name } of chosen)
      if (!kernels.some(({ kernel }) => kernel.name === name)) console.log(`${name}: left out, no time to fetch it`);
    return kernels;
  } catch (error) {
    if (!ifPossible) throw error;
    console.log(`skipped: the kernels cannot be set up: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function refuse(message: string): never {
  throw new Error(message);
}

interface FixedRun {
  readonly pattern: string;
  readonly until: number;
  readonly seed: number;
  readonly jobs: number;
}

async function runFixed(kernels: readonly KernelFiles[], run: FixedRun, tally: Tally): Promise<void> {
  const cases = fixedCases().filter(({ name }) => name.includes(run.pattern));
  const all = cases.flatMap((fixed) => kernels.map((files) => ({ fixed, files })));
  // Where there is no time for all, each run takes others.
  const order = run.until === Infinity ? all : randomFrom(run.seed).shuffled(all);
  await inParallel(order, run.jobs, async ({ fixed, files }) => {
    if (performance.now() > run.until) return;
    const { name, source, machine, announced } = fixed;
    const blob = source ? await blobOf(source.text, source.file) : ownTree(machine);
    const tree = source ? treeOf(source.text, source.file) : treeOfBlob(blob);
    const booted = await boot(files, blob, machine);
    const comparison = compare(predict(tree, files.kernel, announced), booted, machine);
    count(tally, comparison, booted.seen.crash !== undefined);
    if (comparison.differences.length > 0)
      console.log(`${name} on ${files.kernel.name}:\n${printDifferences(comparison.differences)}`);
  });
}

/** A file that a failure was written to: its first lines name the devices of its machine. */
async function runFile(kernels: readonly KernelFiles[], file: string, tally: Tally): Promise<void> {
  const source = readFileSync(file, 'utf8');
  const devices = Array.from(source.matchAll(/^\/\/ -device (.*)$/gm), ([, device]) => device!);
  const machine: Machine = { options: smmuMachine, devices, vfio: { unsafe: false, maps: [], premaps: [] } };
  for (const files of kernels) {
    const booted = await boot(files, await blobOf(source, file), machine);
    const comparison = compare(predict(treeOf(source, file), files.kernel), booted, machine);
    count(tally, comparison, booted.seen.crash !== undefined);
    console.log([`${files.kernel.name}:`, ...booted.seen.log.map((line) => `  ${line}`)].join('\n'));
    for (const { devices: members, regions } of booted.seen.groups)
      console.log(`  group of ${members.map(({ node, sysfs }) => node ?? sysfs).join(' ')}: ${regions.join(', ')}`);
    console.log(comparison.differences.length === 0 ? '  as predicted' : printDifferences(comparison.differences));
  }
}

function treeOfBlob(blob: Uint8Array): DeviceTree {
  const result = readFdt(blob);
  if ('error' in result) throw new Error(`QEMU's tree: ${result.error}`);
  return result.tree;
}

interface RandomRun {
  readonly seed: number;
  readonly count: number;
  readonly until: number;
  readonly jobs: number;
  /** Boots that a failure may take to be made small. */
  readonly tries: number;
  readonly out: string;
}

/** So many trees, each on one kernel, the kernels in turn. */
async function runRandom(kernels: readonly KernelFiles[], run: RandomRun, tally: Tally): Promise<void> {
  if (run.count > 0) console.log(`random trees from seed ${String(run.seed)}`);
  await inParallel(indices(run), run.jobs, async (index) => {
    const seed = run.seed + index;
    const files = kernels[index % kernels.length]!;
    const tree = randomTree(seed, files.kernel);
    const { comparison, hasCrashed } = await compareTree(tree, files);
    count(tally, comparison, hasCrashed);
    if (process.stderr.isTTY) process.stderr.write(`\r${String(index + 1)}/${String(run.count)}`);
    if (comparison.differences.length > 0) await reportFailure(tree, comparison, files, seed, run);
  });
}

function* indices({ count: all, until }: RandomRun): Generator<number> {
  for (let index = 0; index < all && performance.now() < until; index++) yield index;
}

function count(tally: Tally, { compared, unknown, differences }: Comparison, hasCrashed: boolean): void {
  tally.cases++;
  tally.compared += compared;
  tally.unknown += unknown.length;
  if (hasCrashed && differences.length === 0) tally.crashes++;
  if (differences.length > 0) tally.failed++;
}

/** Every tenth tree may crash the kernel. */
function randomTree(seed: number, kernel: KernelFiles['kernel']): TreeDescription {
  const tree = withFirstOwners(generateTree(seed), kernel);
  return randomFrom(seed ^ 0x5eed).chance(0.1) ? tree : withoutCrashes(tree, kernel);
}

async function compareTree(
  tree: TreeDescription,
  files: KernelFiles,
): Promise<{ readonly comparison: Comparison; readonly hasCrashed: boolean }> {
  const source = renderTree(tree);
  const machine = renderMachine(tree);
  const booted = await boot(files, await blobOf(source), machine);
  return {
    comparison: compare(predict(treeOf(source), files.kernel), booted, machine),
    hasCrashed: booted.seen.crash !== undefined,
  };
}

/** Makes the tree small and writes it with what is different about it. */
async function reportFailure(
  tree: TreeDescription,
  first: Comparison,
  files: KernelFiles,
  seed: number,
  { until, tries, out }: RandomRun,
): Promise<void> {
  const { name } = files.kernel;
  console.log(`seed ${String(seed)} on ${name} differs:\n${printDifferences(first.differences)}`);
  const kinds = new Set(first.differences.map(({ kind }) => kind));
  const small = await minimise(
    tree,
    async (smaller) => {
      // A function beside function 0 needs that one.
      if (!isPossible(smaller) || performance.now() > until) return false;
      const { comparison } = await compareTree(smaller, files);
      return comparison.differences.some(({ kind }) => kinds.has(kind));
    },
    optionalKeys,
    tries,
  );
  const { comparison } = small === tree ? { comparison: first } : await compareTree(small, files);
  const text = printDifferences(comparison.differences);
  const header = [
    `seed ${String(seed)} on ${name} (${packageOf(files)})`,
    ...renderMachine(small).devices.map((device) => `-device ${device}`),
    ...text.split('\n'),
  ];
  mkdirSync(out, { recursive: true });
  const file = path.join(out, `${name}-${String(seed)}.dts`);
  writeFileSync(file, `${header.map((line) => `// ${line}`).join('\n')}\n${renderTree(small)}`);
  console.log(`made small in ${file}:\n${text}`);
}

function isPossible({ functions }: TreeDescription): boolean {
  return (
    functions.every(({ behind, device }) =>
      functions.some((other) => other.function === 0 && other.device === device && other.behind === behind),
    ) && functions.every(({ behind }) => behind === undefined || functions.some(({ name }) => name === behind))
  );
}

main().catch((error: unknown) => {
  console.error(`doorbell: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
