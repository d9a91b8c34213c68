// `npm run test:kernel:acpi -- [--kernel NAME]… [--count N] [--seed N] [--seconds N] [--tries N] [--out DIR] [--file FILE]…`: real kernels booted
// under ACPI with random IORTs in place of the machine's, what they print against our prediction, line by line. A table that differs
// is made small and written to a file (as text that compiles, and as the value it was made of); `--file` boots such a value again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setUpOracle } from '../../setup';
import type { Comparison } from '../compare';
import { printDifferences } from '../compare';
import type { KernelFiles } from '../kernels';
import { kernelsFolder, packageOf, realKernel, realKernels } from '../kernels';
import { minimise } from '../minimise';
import { setUpKernels } from '../setup';
import { newAcpiMachine, type AcpiMachine } from './machine';
import { optionalAcpiKeys, renderTable, type AcpiDescription } from './description';
import { generateAcpi } from './generate';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string', multiple: true },
      count: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      tries: { type: 'string', default: '60' },
      out: { type: 'string', default: path.join(kernelsFolder(), 'failures') },
      file: { type: 'string', multiple: true },
      'if-possible': { type: 'boolean', default: false },
    },
  });
  const names = values.kernel ?? realKernels.map(({ name }) => name);
  const chosen = names.map((name) => {
    const kernel = realKernel(name);
    if (kernel === undefined) throw new Error(`there is no kernel ${name}`);
    return kernel;
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  const until = values.seconds === undefined ? Infinity : Number(values.seconds) * 1000;
  let kernels: KernelFiles[];
  let machine: AcpiMachine;
  try {
    const { iasl } = await setUpOracle();
    kernels = await setUpKernels(chosen, until / 2);
    if (kernels[0] === undefined) throw new Error('no time to fetch them');
    machine = await newAcpiMachine(kernels[0], iasl.current);
  } catch (error) {
    if (!values['if-possible']) throw error;
    console.log(`skipped: the kernels cannot be set up: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  for (const files of kernels) console.log(`${files.kernel.name}: ${packageOf(files)}`);
  for (const file of values.file ?? []) {
    const description = JSON.parse(readFileSync(file, 'utf8'), reviveBig) as AcpiDescription;
    for (const files of kernels) await bootAgain(machine, description, files);
  }
  if (values.file !== undefined) return;
  const count = values.count === undefined ? (until === Infinity ? 20 : Infinity) : Number(values.count);
  const failed = await runRandom(machine, kernels, {
    seed,
    count,
    until,
    tries: Number(values.tries),
    out: values.out,
  });
  process.exitCode = failed > 0 ? 1 : 0;
}

async function bootAgain(machine: AcpiMachine, description: AcpiDescription, files: KernelFiles): Promise<void> {
  const tried = await machine.compare(description, files);
  if (tried === undefined) throw new Error('no table can hold it');
  const { booted, comparison } = tried;
  console.log([`${files.kernel.name}:`, ...booted.seen.log.map((line) => `  ${line}`)].join('\n'));
  for (const { devices, regions } of booted.seen.groups)
    console.log(`  group of ${devices.map(({ node, sysfs }) => node ?? sysfs).join(' ')}: ${regions.join(', ')}`);
  console.log(comparison.differences.length === 0 ? '  as predicted' : printDifferences(comparison.differences));
}

interface RandomRun {
  readonly seed: number;
  readonly count: number;
  readonly until: number;
  readonly tries: number;
  readonly out: string;
}

/** So many tables, each on one kernel, the kernels in turn; how many differ. */
export async function runRandom(
  machine: AcpiMachine,
  kernels: readonly KernelFiles[],
  run: RandomRun,
): Promise<number> {
  console.log(`random IORTs from seed ${String(run.seed)}`);
  let boots = 0;
  let compared = 0;
  let unknown = 0;
  let failed = 0;
  for (let index = 0; index < run.count && performance.now() < run.until; index++) {
    const seed = run.seed + index;
    const files = kernels[index % kernels.length]!;
    const description = generateAcpi(seed);
    const tried = await machine.compare(description, files);
    if (tried === undefined) continue;
    const { comparison } = tried;
    boots++;
    compared += comparison.compared;
    unknown += comparison.unknown.length;
    if (comparison.differences.length === 0) continue;
    failed++;
    await reportFailure(machine, description, comparison, files, seed, run);
  }
  console.log(
    `${String(boots)} boots with an IORT, ${String(compared)} lines and results compared, ${String(unknown)} said to be unknown, ${String(failed)} boots differ`,
  );
  return failed;
}

/** Makes the table small and writes it with what is different about it. */
async function reportFailure(
  machine: AcpiMachine,
  description: AcpiDescription,
  first: Comparison,
  files: KernelFiles,
  seed: number,
  { until, tries, out }: RandomRun,
): Promise<void> {
  const { name } = files.kernel;
  console.log(`seed ${String(seed)} on ${name} differs:\n${printDifferences(first.differences)}`);
  const kinds = new Set(first.differences.map(({ kind }) => kind));
  const shows = async (smaller: AcpiDescription): Promise<boolean> => {
    if (!isPossible(smaller) || performance.now() > until) return false;
    const tried = await machine.compare(smaller, files);
    return tried?.comparison.differences.some(({ kind }) => kinds.has(kind)) === true;
  };
  const small = await minimise(description, shows, optionalAcpiKeys, tries);
  const tried = await machine.compare(small, files);
  mkdirSync(out, { recursive: true });
  const file = path.join(out, `${name}-acpi-${String(seed)}`);
  writeFileSync(`${file}.json`, JSON.stringify(small, keepBig, 1));
  writeFileSync(`${file}.aml`, renderTable(small)!);
  const text = printDifferences(tried?.comparison.differences ?? []);
  console.log(`made small in ${file}.json:\n${JSON.stringify(small, keepBig)}\n${text}`);
}

/** A function beside function 0 needs that one, and there is always one. */
function isPossible({ functions }: AcpiDescription): boolean {
  return (
    functions.length > 0 &&
    functions.every(({ device }) => functions.some((other) => other.device === device && other.function === 0))
  );
}

function keepBig(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}n` : value;
}

function reviveBig(_: string, value: unknown): unknown {
  const big = typeof value === 'string' ? /^(0x[0-9a-f]+)n$/.exec(value) : null;
  return big === null ? value : BigInt(big[1]!);
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(`doorbell: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  });
}
