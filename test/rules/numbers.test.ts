import assert from 'node:assert/strict';
import { formatRange, hex, humanSize, list, withSize } from '../../server/src/rules/numbers';

describe('numbers in messages', () => {
  it('have a human size beside them, so that a lost zero shows', () => {
    assert.equal(withSize(0x8000000n), '0x8000000 (128 MiB)');
    assert.equal(withSize(0x800000n), '0x800000 (8 MiB)');
    assert.equal(withSize(0n), '0x0');
    assert.equal(formatRange({ start: 0x8000000n, end: 0x80fffffn }), '0x8000000–0x80fffff (1 MiB at 128 MiB)');
    assert.equal(formatRange({ start: 0n, end: (1n << 64n) - 1n }), '0x0–0xffffffffffffffff (16 EiB at 0)');
    const last = (1n << 64n) - 0x1000n;
    assert.equal(formatRange({ start: last, end: 0xfffn }), '0xfffffffffffff000–0xfff (past 2^64)');
    assert.equal(formatRange({ start: 0x1000n, end: 0xfffn }), '0x1000–0xfff (0 bytes at 4 KiB)');
  });

  it('say when the size is rounded', () => {
    assert.equal(humanSize(0x2c1c0000n), '705.75 MiB');
    assert.equal(humanSize(0x8000010n), '~128 MiB');
    assert.equal(humanSize(1n), '1 byte');
    assert.equal(humanSize(1023n), '1023 bytes');
    assert.equal(humanSize((1n << 64n) - 1n), '~16 EiB');
  });

  it('stay short in lists', () => {
    assert.equal(hex(255), '0xff');
    assert.equal(list(['a']), 'a');
    assert.equal(list(['a', 'b', 'c']), 'a, b and c');
    assert.equal(list(['a', 'b', 'c', 'd', 'e']), 'a, b and 3 more');
  });
});
