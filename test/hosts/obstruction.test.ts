import assert from 'node:assert/strict';
import { fewestThatFill, fewestThatHit } from '../../server/src/iova/hosts/obstruction';

interface Named {
  readonly range: { readonly start: bigint; readonly end: bigint };
  readonly name: string;
}

const range = (name: string, start: number, end: number): Named => ({
  name,
  range: { start: BigInt(start), end: BigInt(end) },
});
const names = (found: readonly Named[] | undefined) => found?.map(({ name }) => name).join(' ');

describe('the fewest ranges that leave no room', () => {
  const space = { start: 0n, end: 99n };

  it('finds those that end last before a place would fit', () => {
    const ranges = [range('a', 10, 19), range('b', 12, 40), range('c', 45, 50), range('d', 55, 90), range('e', 60, 80)];
    assert.equal(names(fewestThatFill(ranges, space, 20n)), 'b d');
    assert.equal(names(fewestThatFill(ranges, space, 11n)), 'a b c d');
    assert.equal(names(fewestThatFill(ranges, space, 10n)), undefined);
  });

  it('needs none where the space is too small, and finds a hole of the very size', () => {
    assert.equal(names(fewestThatFill([], space, 101n)), '');
    assert.equal(names(fewestThatFill([range('a', 20, 79)], space, 20n)), undefined);
    assert.equal(names(fewestThatFill([range('a', 20, 79)], space, 21n)), 'a');
    assert.equal(names(fewestThatFill([range('a', 19, 80)], space, 20n)), 'a');
  });

  it('agrees with trying every subset', () => {
    let state = 7;
    const random = (below: number): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor((state / 2147483648) * below);
    };
    for (let round = 0; round < 500; round++) {
      const ranges = Array.from({ length: 1 + random(7) }, (_, at) => {
        const start = random(100);
        return range(String(at), start, Math.min(99, start + random(30)));
      });
      const size = BigInt(1 + random(40));
      const found = fewestThatFill(ranges, space, size);
      assert.equal(
        found?.length,
        smallest(ranges, (chosen) => !hasRoom(chosen, size)),
        JSON.stringify(names(ranges)),
      );
      if (found !== undefined) assert.ok(!hasRoom(found, size));
    }
  });

  function hasRoom(ranges: readonly Named[], size: bigint): boolean {
    let free = 0n;
    for (let at = 0n; at <= 99n; at++) {
      free = ranges.some(({ range: { start, end } }) => start <= at && at <= end) ? 0n : free + 1n;
      if (free >= size) return true;
    }
    return false;
  }
});

describe('the fewest ranges that hit everything', () => {
  const hits: Record<string, string> = { a: 'xy', b: 'yz', c: 'x', d: 'z', e: 'w' };
  const isHit = (demand: string, each: string): boolean => hits[each]!.includes(demand);

  it('is exact', () => {
    assert.deepEqual(fewestThatHit(Object.keys(hits), ['x', 'y', 'z'], isHit), { ranges: ['a', 'b'], isExact: true });
    assert.deepEqual(fewestThatHit(Object.keys(hits), ['y'], isHit), { ranges: ['a'], isExact: true });
    assert.deepEqual(fewestThatHit(Object.keys(hits), [], isHit), { ranges: [], isExact: true });
  });

  it('is nothing where something cannot be hit, and says when it is not exact', () => {
    assert.equal(fewestThatHit(Object.keys(hits), ['v'], isHit), undefined);
    const many = ['1', '2', '3', '4', '5'];
    const found = fewestThatHit(many, many, (demand, each) => demand === each);
    assert.deepEqual([found?.ranges.length, found?.isExact], [5, false]);
  });
});

function smallest(ranges: readonly Named[], suffices: (chosen: readonly Named[]) => boolean): number | undefined {
  let best: number | undefined;
  for (let mask = 0; mask < 1 << ranges.length; mask++) {
    const chosen = ranges.filter((_, at) => (mask & (1 << at)) !== 0);
    if (suffices(chosen) && (best === undefined || chosen.length < best)) best = chosen.length;
  }
  return best;
}
