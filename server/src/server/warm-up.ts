// The engine's JIT compiles code only after it has run often: the first keystrokes after the start would cost several
// times what later ones do. So once a board is open and the client is quiet, the same work is done a few times for nothing.

/** Rounds until an analysis of a large board costs no less the next time, as measured. */
const mostRounds = 14;
/** Only this long after the last message; a message that comes meanwhile waits for one round at most. */
const quietTime = 60;

export interface WarmUp {
  /** A message has come in. */
  readonly interrupt: () => void;
  /** There is something to work on. */
  readonly begin: () => void;
}

/** `work` is done between messages, a few times in the life of the process; its result is for nobody. */
export function createWarmUp(work: () => void): WarmUp {
  let rounds = 0;
  let timer: NodeJS.Timeout | undefined;
  const round = (): void => {
    timer = undefined;
    if (++rounds > mostRounds) return;
    work();
    timer = setTimeout(round, 0).unref();
  };
  const begin = (): void => {
    clearTimeout(timer);
    timer = rounds < mostRounds ? setTimeout(round, quietTime).unref() : undefined;
  };
  return {
    begin,
    interrupt() {
      if (timer !== undefined) begin();
    },
  };
}
