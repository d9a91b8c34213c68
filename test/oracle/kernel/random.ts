// Random choices that a seed determines.

export interface Random {
  /** 0 to `below` − 1. */
  readonly int: (below: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(all: readonly T[]) => T;
  /** Between both, each included. */
  readonly between: (low: number, high: number) => number;
  /** So many random bits. */
  readonly bits: (count: number) => bigint;
  readonly shuffled: <T>(all: readonly T[]) => T[];
}

/** The generator of a seed: mulberry32, which is good enough for choices. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => Math.floor((next() / 2 ** 32) * below);
  return {
    int,
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (all) => all[int(all.length)]!,
    between: (low, high) => low + int(high - low + 1),
    bits: (count) => BigInt.asUintN(count, (BigInt(next()) << 32n) | BigInt(next())),
    shuffled(all) {
      const result = [...all];
      for (let last = result.length - 1; last > 0; last--) {
        const other = int(last + 1);
        [result[last], result[other]] = [result[other]!, result[last]!];
      }
      return result;
    },
  };
}
