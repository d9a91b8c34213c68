// Checks many files on all cores. The threads run this program itself.
import os from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import path from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createChecker, type CheckOptions, type FileReport } from './check-file';

/** The threads start as the program does. */
const entry = path.join(__dirname, 'cli.js');
/** Fewer files are done before another thread has started. */
const filesWorthAThread = 6;

interface Task {
  readonly index: number;
  readonly file: string;
}

interface Answer {
  readonly index: number;
  readonly report: FileReport;
}

/** Checks files in parallel; `onReport` gets the reports in the order of the files. */
export async function checkFiles(
  files: readonly string[],
  options: CheckOptions,
  onReport: (report: FileReport, index: number) => void,
): Promise<void> {
  const inOrder = orderedReports(onReport);
  const threads = Math.min(os.availableParallelism(), Math.floor(files.length / filesWorthAThread));
  if (threads <= 1) {
    const check = createChecker(options);
    for (const [index, file] of files.entries()) {
      inOrder(index, check(file));
      // What is held weakly is let go of between two turns alone.
      await nextTurn();
    }
    return;
  }
  let next = 0;
  const nextTask = (): Task | undefined => (next < files.length ? { index: next, file: files[next++]! } : undefined);
  await Promise.all(Array.from({ length: threads }, () => runThread(options, nextTask, inOrder)));
}

/** Holds back what is ready before its turn. */
function orderedReports(
  onReport: (report: FileReport, index: number) => void,
): (index: number, report: FileReport) => void {
  const waiting = new Map<number, FileReport>();
  let turn = 0;
  return (index, report) => {
    waiting.set(index, report);
    for (let ready = waiting.get(turn); ready !== undefined; ready = waiting.get(turn)) {
      waiting.delete(turn);
      onReport(ready, turn++);
    }
  };
}

/** One thread at a time has one task; a thread that dies costs the file it was at, and another takes its place. */
function runThread(
  options: CheckOptions,
  nextTask: () => Task | undefined,
  done: (index: number, report: FileReport) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const worker = new Worker(entry, { workerData: { doorbellCheck: options } });
    let current: Task | undefined;
    const proceed = () => {
      current = nextTask();
      if (current !== undefined) worker.postMessage(current);
      else {
        resolve();
        void worker.terminate();
      }
    };
    worker.on('message', ({ index, report }: Answer) => {
      done(index, report);
      proceed();
    });
    worker.on('error', (error) => {
      if (current !== undefined) {
        done(current.index, {
          diagnostics: [],
          unusable: `${current.file}: internal error: ${error.message}`,
          note: undefined,
        });
      }
      resolve(runThread(options, nextTask, done));
    });
    proceed();
  });
}

/** What a thread does, if this is one of ours; tells whether it is. */
export function serveAsThread(): boolean {
  if (isMainThread || parentPort === null) return false;
  const port = parentPort;
  const check = createChecker((workerData as { doorbellCheck: CheckOptions }).doorbellCheck);
  port.on('message', ({ index, file }: Task) => {
    port.postMessage({ index, report: check(file) } satisfies Answer);
  });
  return true;
}
