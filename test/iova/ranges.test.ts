import assert from 'node:assert/strict';
import {
  alignDown,
  alignUp,
  contains,
  intersect,
  lastAddress,
  nearestFree,
  overlaps,
  sizeOf,
  subtract,
  union,
} from '../../server/src/iova/ranges';

type Pair = readonly [start: bigint, end: bigint];

function ranges(...pairs: Pair[]) {
  return pairs.map(([start, end]) => ({ start, end }));
}

describe('address ranges', () => {
  it('joins what overlaps or touches, in any order, and drops what is empty', () => {
    const joined = union(ranges([0x30n, 0x3fn], [0x10n, 0x1fn], [0x20n, 0x2fn], [0x50n, 0x4fn], [0x60n, 0x60n]));
    assert.deepEqual(joined, ranges([0x10n, 0x3fn], [0x60n, 0x60n]));
  });

  it('joins up to the last address', () => {
    assert.deepEqual(union(ranges([lastAddress, lastAddress], [0n, lastAddress - 1n])), ranges([0n, lastAddress]));
    assert.equal(sizeOf({ start: 0n, end: lastAddress }), 1n << 64n);
  });

  it('intersects sets', () => {
    const one = ranges([0n, 0xffn], [0x200n, lastAddress]);
    const other = ranges([0x80n, 0x27fn], [0x300n, 0x300n], [lastAddress, lastAddress]);
    assert.deepEqual(
      intersect(one, other),
      ranges([0x80n, 0xffn], [0x200n, 0x27fn], [0x300n, 0x300n], [lastAddress, lastAddress]),
    );
    assert.deepEqual(intersect(one, []), []);
  });

  it('subtracts holes, at both ends of the address space as well', () => {
    const whole = ranges([0n, lastAddress]);
    assert.deepEqual(
      subtract(whole, ranges([0n, 0xfn], [lastAddress, lastAddress])),
      ranges([0x10n, lastAddress - 1n]),
    );
    assert.deepEqual(subtract(whole, whole), []);
    assert.deepEqual(
      subtract(ranges([0x10n, 0x1fn], [0x30n, 0x3fn]), ranges([0x18n, 0x33n], [0x3fn, 0x50n])),
      ranges([0x10n, 0x17n], [0x34n, 0x3en]),
    );
  });

  it('tells overlap from touching', () => {
    assert.equal(overlaps({ start: 0n, end: 0xfn }, { start: 0x10n, end: 0x1fn }), false);
    assert.equal(overlaps({ start: 0n, end: 0x10n }, { start: 0x10n, end: 0x1fn }), true);
    assert.equal(contains(ranges([0n, 0xfn], [0x10n, 0x1fn]), { start: 0x8n, end: 0x18n }), false);
  });

  it('finds the nearest aligned free place', () => {
    const free = ranges([0x1000n, 0x4fffn], [0x9000n, lastAddress]);
    assert.equal(nearestFree(free, 0x6000n, 0x1000n, 0x1000n), 0x4000n);
    assert.equal(nearestFree(free, 0x6000n, 0x8000n, 0x1000n), 0x9000n);
    assert.equal(nearestFree(free, 0x2800n, 0x1000n, 0x1000n), 0x3000n);
    assert.equal(nearestFree(free, lastAddress, 0x1000n, 0x1000n), lastAddress - 0xfffn);
    assert.equal(nearestFree(ranges([0x1001n, 0x1fffn]), 0n, 0x1000n, 0x1000n), undefined);
    assert.equal(nearestFree(ranges([0x1800n, 0x37ffn]), 0n, 0x1000n, 0x1000n), 0x2000n);
  });

  it('aligns', () => {
    assert.equal(alignUp(0x1001n, 0x1000n), 0x2000n);
    assert.equal(alignUp(0x1000n, 0x1000n), 0x1000n);
    assert.equal(alignDown(0x1fffn, 0x1000n), 0x1000n);
  });
});
