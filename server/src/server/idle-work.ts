// What is done while the client is quiet, so that the next keystroke finds the process ready: the garbage of the last
// analysis is collected before it gets in the way of the next one, and the engine's code is compiled ahead.
import { collectYoungGarbage, optimizeAsUsual } from '../v8-tuning';

/** Rounds until an analysis of a large board costs no less the next time, as measured. */
const mostRounds = 14;
/** Milliseconds after the last message: a collection takes about as long as the shortest pause between two keystrokes may be. */
const quietBeforeCollection = 15;
const quietBeforeWarmUp = 60;

export interface IdleWork {
  /** A message has come in. */
  readonly interrupt: () => void;
  /** Everything is answered. */
  readonly begin: () => void;
}

/**
 * `rehearse` is an analysis whose result is for nobody: V8 compiles code only after it has run often, so the first
 * keystrokes after the start would cost several times what later ones do. It is done a few times in the life of the
 * process; a message that comes meanwhile waits for one round at most. `onWarm` is called behind the last round.
 */
export function createIdleWork(rehearse: () => void, onWarm: () => void): IdleWork {
  let rounds = 0;
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
    if (rounds < mostRounds) after(quietBeforeWarmUp - quietBeforeCollection, round);
  };
  const round = (): void => {
    if (rounds++ === 0) optimizeAsUsual();
    rehearse();
    if (rounds < mostRounds) after(0, round);
    else {
      onWarm();
      collect();
    }
  };
  const begin = (): void => {
    after(quietBeforeCollection, collect);
  };
  return {
    begin,
    interrupt() {
      if (timer !== undefined) begin();
    },
  };
}
