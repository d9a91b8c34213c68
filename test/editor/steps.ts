// What a run says while it goes, and how it waits.
import { setTimeout as sleep } from 'node:timers/promises';

/** First start and other slow things on a busy two-core machine; a wait costs nothing where all is well. */
export const LONG_MS = 60_000;

const begun = performance.now();
let last = begun;

/** Prints a step that has been seen to work, with the time since the start and since the step before. */
export function step(what: string): void {
  const now = performance.now();
  console.log(`${seconds(now - begun)} (+${seconds(now - last)})  ${what}`);
  last = now;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(5)} s`;
}

/** A step whose condition is known at once. */
export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
  step(what);
}

/** The first answer of `probe` that is neither undefined nor false. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  for (const end = performance.now() + limitMs; ;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > end) throw new Error(`timed out: ${what}`);
    await sleep(50);
  }
}
