// A few hundred mutations, always the same ones. `npm run fuzz -- --seconds N` goes on with others.
import { runRound } from './round';
import { linuxSeeds, ownSeeds } from './seeds';
import { runTableRound, tableSeeds } from './tables';

describe('mutated sources', () => {
  const rounds = (from: number, to: number, seeds: ReturnType<typeof ownSeeds>): void => {
    for (let number = from; number < to; number++) {
      try {
        runRound(seeds, number);
      } catch (error) {
        throw new Error(`round ${number} fails`, { cause: error });
      }
    }
  };
  it('of this project', () => {
    rounds(0, 1000, ownSeeds());
  });
  it('of Linux', function () {
    const seeds = linuxSeeds();
    if (seeds.length === 0) this.skip();
    rounds(0, 40, seeds);
  });
});

describe('mutated ACPI tables', () => {
  it('are read without loss, their problems have places', () => {
    const seeds = tableSeeds();
    for (let number = 0; number < 5000; number++) {
      try {
        runTableRound(seeds, number);
      } catch (error) {
        throw new Error(`round ${number} fails`, { cause: error });
      }
    }
  });
});
