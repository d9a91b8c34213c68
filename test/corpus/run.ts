// `npm run test:corpus -- [--symbols] [--jobs N] [PATTERN…]`: every board of the Linux sources, ours against dtc's. Prints
// what differs and what we call an error on a board that dtc takes; exits 1 where there is any.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createFileStore } from '../../server/src/workspace/files';
import { setUpOracle } from '../oracle/setup';
import { boardsOf } from './boards';
import { compareBoard, type Comparison, type CompareOptions } from './compare';
import { linuxReference } from './expected';
import { report } from './report';

interface Job {
  readonly board: string;
  readonly options: CompareOptions;
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { symbols: { type: 'boolean', default: false }, jobs: { type: 'string' } },
    allowPositionals: true,
  });
  const { linux, dtc } = await setUpOracle();
  const options: CompareOptions = { linux, dtc, symbols: values.symbols };
  const isChosen = (board: string): boolean =>
    positionals.length === 0 || positionals.some((pattern) => board.includes(pattern));
  const boards = boardsOf(linux).filter(isChosen);
  const jobs = Math.min(Number(values.jobs ?? availableParallelism()), boards.length);
  const started = performance.now();
  const comparisons = await inWorkers(boards, jobs, options);
  const seconds = (performance.now() - started) / 1000;
  const isGood = report(comparisons);
  console.log(`${seconds.toFixed(0)} s on ${jobs} processes`);
  process.exitCode = isGood ? 0 : 1;
}

/** Hands one board after the other to processes that keep the files they have read. */
async function inWorkers(boards: readonly string[], jobs: number, options: CompareOptions): Promise<Comparison[]> {
  const waiting = [...boards];
  const comparisons: Comparison[] = [];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = fork(__filename, ['--worker'], { execArgv: ['--import', 'tsx'] });
      let current: string | undefined;
      const next = (): void => {
        current = waiting.shift();
        if (current === undefined) worker.disconnect();
        else worker.send({ board: current, options } satisfies Job);
      };
      worker.on('message', (comparison: Comparison) => {
        comparisons.push(comparison);
        if (process.stderr.isTTY) process.stderr.write(`\r${comparisons.length}/${boards.length}`);
        next();
      });
      worker.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${String(code)} at ${current ?? 'its start'}`));
      });
      next();
    });
  await Promise.all(Array.from({ length: jobs }, work));
  return comparisons.sort((a, b) => (a.board < b.board ? -1 : 1));
}

function beWorker(): void {
  const files = createFileStore();
  let reference: ReturnType<typeof linuxReference> | undefined;
  process.on('message', ({ board, options }: Job) => {
    reference ??= linuxReference(options.linux, options.dtc, options.symbols);
    void compareBoard(board, options, files, reference).then((comparison) => process.send?.(comparison));
  });
}

if (process.argv.includes('--worker')) beWorker();
else void run();
