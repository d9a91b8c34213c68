// What is done while the client is quiet, so that the next keystroke finds the process ready: the garbage of the last
// analysis is collected before it gets in the way of the next one, and the engine's code is compiled ahead.
import { collectYoungGarbage, optimizeAsUsual, optimizeMeanwhile } from '../v8-tuning';

/** Rounds until an analysis of a large board costs no less the next time, as measured. */
const mostRounds = 14;
/** Milliseconds after the last message: a collection takes about as long as the shortest pause between two keystrokes may be. */
const quietBeforeCollection = 15;
const quietBeforeWarmUp = 60;
/** After the start: an editor that opens a document at once is not kept waiting. */
const quietAfterStart = 150;

export interface IdleWork {
  /** A message has come in. */
  readonly interrupt: () => void;
  /** Everything is answered. */
  readonly begin: () => void;
  /** The client is ready, and may not have opened anything. */
  readonly start: () => void;
}

/** What is done for nobody, so that it is done fast when somebody asks. */
export interface Rehearsals {
  /** An analysis of what is open; false where that is no devicetree. */
  readonly board: () => boolean;
  /** The next step with a table that nobody has opened; false when there are no more, or devicetrees alone are open. */
  readonly table: () => boolean;
}

/**
 * V8 compiles code only after it has run often, so the first keystrokes after the start would cost several times what later
 * ones do. It is done a few times in the life of the process; a message that comes meanwhile waits for one round at most.
 * `onWarm` is called behind the last round, once there has been something to answer.
 */
export function createIdleWork(rehearsals: Rehearsals, onWarm: () => void): IdleWork {
  let rounds = 0;
  let hasAnswered = false;
  let isWarm = false;
  let timer: NodeJS.Timeout | undefined;
  const after = (time: number, work: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      work();
    }, time).unref();
  };
  const collect = (): void => {
    collectYoungGarbage();
    after(quietBeforeWarmUp - quietBeforeCollection, next);
  };
  const next = (): void => {
    const isBoard = hasAnswered && rounds < mostRounds && boardRound();
    if (isBoard || tableStep()) after(0, next);
    else if (!hasAnswered) collectYoungGarbage();
    else if (!isWarm) {
      isWarm = true;
      onWarm();
      collect();
    }
  };
  const boardRound = (): boolean => {
    if (rounds++ === 0) optimizeAsUsual();
    return rehearsals.board();
  };
  /** The first board that is opened shall find V8 as it is set at the start. */
  const tableStep = (): boolean => (hasAnswered ? rehearsals.table() : optimizeMeanwhile(rehearsals.table));
  return {
    begin() {
      hasAnswered = true;
      after(quietBeforeCollection, collect);
    },
    start() {
      after(quietAfterStart, next);
    },
    interrupt() {
      if (timer !== undefined)
        after(hasAnswered ? quietBeforeCollection : quietAfterStart, hasAnswered ? collect : next);
    },
  };
}
