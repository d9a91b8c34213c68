// What the parts of the generator share.
import type { RegDescription } from './description';
import type { Random } from './random';

export interface Maker {
  readonly random: Random;
  /** Ranges given so far: others are put beside and onto them. */
  readonly used: RegDescription[];
  readonly phandles: Set<number>;
  readonly regs: RegDescription[];
  /** How much of the machine's memory may still be set aside. */
  ramLeft: bigint;
}

export function flag(random: Random, probability: number): true | undefined {
  return random.chance(probability) ? true : undefined;
}
