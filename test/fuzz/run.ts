// `npm run fuzz -- [--seconds N | --tables N] [--from NUMBER] [--only NUMBER]`: mutated sources through the whole engine, or
// that many mutated ACPI tables. Prints the number of each round that fails or takes more than two seconds; the same number
// makes the same source or table again.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runRound } from './round';
import { linuxSeeds, ownSeeds } from './seeds';
import { runTableRound, tableSeeds } from './tables';

const hangAfter = 2000;

interface Work {
  readonly kind: 'sources' | 'tables';
  readonly from: number;
  /** How many rounds at most. */
  readonly rounds: number;
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
      tables: { type: 'string' },
      from: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const kind = values.tables === undefined ? 'sources' : 'tables';
  if (values.only !== undefined) {
    rounds(kind)(Number(values.only));
    return;
  }
  const from = Number(values.from ?? Math.floor(Math.random() * 1e9));
  console.log(`from round ${from}`);
  if (kind === 'tables') watch({ kind, from, rounds: Number(values.tables) }, Infinity);
  else watch({ kind, from, rounds: Infinity }, performance.now() + Number(values.seconds) * 1000);
}

/** Keeps a worker busy until the time is over or the rounds are done, replacing it when it hangs. */
function watch({ kind, from, rounds }: Omit<Work, 'progress'>, until: number): void {
  let failures = 0;
  let done = 0;
  const again = kind === 'tables' ? 'npm run fuzz -- --tables 1 --only' : 'npm run fuzz -- --only';
  const start = (first: number): void => {
    const progress = new Int32Array(new SharedArrayBuffer(8));
    const left = from + rounds - first;
    const work: Work = { kind, from: first, rounds: left, progress };
    const worker = new Worker(path.join(__dirname, 'worker.mjs'), { workerData: work });
    worker.on('message', ({ failed, why }: Report) => {
      failures++;
      console.log(`round ${failed} fails (${again} ${failed}):\n${why}\n`);
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
      const isDone = count > left;
      const hangs = count > 0 && !isDone && now - since > hangAfter;
      if (!hangs && !isDone && now < until) return;
      clearInterval(timer);
      void worker.terminate();
      done += Math.min(count, left);
      if (hangs) {
        failures++;
        console.log(`round ${round} takes more than ${hangAfter} ms (${again} ${round})`);
      }
      if (!isDone && now < until && round + 1 < from + rounds) start(round + 1);
      else {
        console.log(`${done} rounds, ${failures} failures`);
        process.exitCode = failures === 0 ? 0 : 1;
      }
    }, 250);
  };
  start(from);
}

function work({ kind, from, rounds: most, progress }: Work): void {
  const run = rounds(kind);
  for (let round = from; ; round++) {
    Atomics.store(progress, 0, round);
    Atomics.add(progress, 1, 1);
    if (round >= from + most) return;
    try {
      run(round);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      parentPort?.postMessage({ failed: round, why } satisfies Report);
    }
  }
}

/** What a round of a number does. */
function rounds(kind: Work['kind']): (round: number) => void {
  if (kind === 'tables') {
    const seeds = tableSeeds();
    return (round) => {
      runTableRound(seeds, round);
    };
  }
  const seeds = allSeeds();
  return (round) => {
    runRound(seeds, round);
  };
}

function allSeeds(): ReturnType<typeof ownSeeds> {
  const own = ownSeeds();
  // A board takes as long as dozens of the small sources; each gets about a tenth of the rounds.
  const boards = linuxSeeds();
  return [...own, ...boards.flatMap((board) => Array<typeof board>(Math.ceil(own.length / 100)).fill(board))];
}

if (isMainThread) command();
else work(workerData as Work);
