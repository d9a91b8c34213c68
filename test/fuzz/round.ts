// One round: a seed of the random numbers, a source, its mutation, the engine's answer.
import { writeFdt } from '../../server/src/tree/fdt-write';
import { analysed, readBlob } from './engine';
import { mutated, mutatedBytes } from './mutate';
import { random } from './random';
import type { Seed } from './seeds';

/** Analyses what the number makes of the sources; throws where the engine does, or answers what cannot be. */
export function runRound(seeds: readonly Seed[], number: number): void {
  const numbers = random(number);
  const chosen = numbers.pick(seeds);
  const files = { ...chosen };
  const names = Object.keys(chosen);
  const name = numbers.below(3) === 0 ? numbers.pick(names) : 'main.dts';
  files[name] = mutated(files[name]!, numbers);
  const { tree } = analysed(files);
  if (numbers.below(4) === 0) readBlob(mutatedBytes(writeFdt(tree), numbers));
}
