// `npm run fuzz -- [--seconds N] [--from NUMBER] [--only NUMBER]`: mutated sources through the whole engine. Prints the number of each round that fails
// or takes more than two seconds; the same number makes the same source again.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runRound } from './round';
import { linuxSeeds, ownSeeds } from './seeds';

const hangAfter = 2000;

interface Work {
  readonly from: number;
  /** Round at work and how many are done, read by the main thread while this one computes. */
  readonly progress: Int32Array;
}

interface Report {
  readonly failed: number;
  readonly why: string;
}

function command(): void {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      from: { type: 'string' },
      only: { type: 'string' },
    },
  });
  if (values.only !== undefined) {
    runRound(allSeeds(), Number(values.only));
    return;
  }
  const from = Number(values.from ?? Math.floor(Math.random() * 1e9));
  console.log(`from round ${from}`);
  watch(from, performance.now() + Number(values.seconds) * 1000);
}

/** Keeps a worker busy until the time is over, replacing it when it hangs. */
function watch(from: number, until: number): void {
  let failures = 0;
  let done = 0;
  const start = (first: number): void => {
    const progress = new Int32Array(new SharedArrayBuffer(8));
    const work: Work = { from: first, progress };
    const worker = new Worker(path.join(__dirname, 'worker.mjs'), { workerData: work });
    worker.on('message', ({ failed, why }: Report) => {
      failures++;
      console.log(`round ${failed} fails (npm run fuzz -- --only ${failed}):\n${why}\n`);
    });
    worker.on('error', (error) => {
      throw error;
    });
    let seen = -1;
    let since = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const [round, count] = [Atomics.load(progress, 0), Atomics.load(progress, 1)];
      if (count !== seen) [seen, since] = [count, now];
      const hangs = count > 0 && now - since > hangAfter;
      if (!hangs && now < until) return;
      clearInterval(timer);
      void worker.terminate();
      done += count;
      if (hangs) {
        failures++;
        console.log(`round ${round} takes more than ${hangAfter} ms (npm run fuzz -- --only ${round})`);
      }
      if (now < until) start(round + 1);
      else {
        console.log(`${done} rounds, ${failures} failures`);
        process.exitCode = failures === 0 ? 0 : 1;
      }
    }, 250);
  };
  start(from);
}

function work({ from, progress }: Work): void {
  const seeds = allSeeds();
  for (let round = from; ; round++) {
    Atomics.store(progress, 0, round);
    Atomics.add(progress, 1, 1);
    try {
      runRound(seeds, round);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      parentPort?.postMessage({ failed: round, why } satisfies Report);
    }
  }
}

function allSeeds(): ReturnType<typeof ownSeeds> {
  const own = ownSeeds();
  // A board takes as long as dozens of the small sources; each gets about a tenth of the rounds.
  const boards = linuxSeeds();
  return [...own, ...boards.flatMap((board) => Array<typeof board>(Math.ceil(own.length / 100)).fill(board))];
}

if (isMainThread) command();
else work(workerData as Work);
