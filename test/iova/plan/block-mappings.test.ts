import assert from 'node:assert/strict';
import { blockMappings, blocksText, totalBlocks } from '../../../server/src/iova/plan/block-mappings';
import { smmuBlockSizes } from '../../../server/src/iova/vfio/address-space';

const kib = 1n << 10n;
const mib = 1n << 20n;
const gib = 1n << 30n;

function span(start: bigint, size: bigint) {
  return { start, end: start + size - 1n };
}

describe('block mappings', () => {
  const onePage = [
    [
      '4 KiB',
      4n * kib,
      '4 × 1 GiB',
      '3 × 1 GiB + 511 × 2 MiB + 511 × 4 KiB',
      'one 1 GiB block into 511 × 2 MiB + 511 × 4 KiB',
    ],
    ['16 KiB', 16n * kib, '128 × 32 MiB', '127 × 32 MiB + 2047 × 16 KiB', 'one 32 MiB block into 2047 × 16 KiB'],
    ['64 KiB', 64n * kib, '8 × 512 MiB', '7 × 512 MiB + 8191 × 64 KiB', 'one 512 MiB block into 8191 × 64 KiB'],
  ] as const;
  for (const [name, page, without, cut, sentence] of onePage) {
    it(`of ${name} pages: a hole of one page breaks one large block`, () => {
      const cost = blockMappings([span(gib, 4n * gib)], [span(2n * gib, page)], page);
      assert.equal(blocksText(cost.without), without);
      assert.equal(blocksText(cost.with), cut);
      assert.equal(cost.holes[0]?.text, `this ${name} hole turns ${sentence}`);
      assert.equal(cost.extra, totalBlocks(cost.with) - totalBlocks(cost.without));
      assert.equal(cost.gone, undefined);
    });
  }

  it('counts a hole of a few bytes by the pages it touches, and says the size it has', () => {
    const [hole] = blockMappings([span(gib, gib)], [span(gib + 0x10000100n, 0x200n)], 0x1000n).holes;
    assert.equal(hole?.text, 'this 512 bytes hole turns one 1 GiB block into 511 × 2 MiB + 511 × 4 KiB');
    assert.equal(hole.taken, 0x1000n);
  });

  it('tells apart what each hole costs alone and what all cost together', () => {
    const cost = blockMappings([span(gib, gib)], [span(gib, 4n * kib), span(gib + 8n * kib, 4n * kib)], 0x1000n);
    assert.deepEqual(
      cost.holes.map(({ extra }) => extra),
      [1021n, 1021n],
    );
    assert.equal(cost.extra, 1020n);
    assert.equal(cost.gone, gib);
  });

  it('takes overlapping holes once, and leaves out those that meet no RAM', () => {
    const cost = blockMappings([span(gib, gib)], [span(0n, 2n * gib), span(gib, gib), span(4n * gib, gib)], 0x1000n);
    assert.deepEqual([cost.with, cost.extra, cost.holes.length], [[], -1n, 2]);
    assert.equal(
      cost.holes[1]?.text,
      'this 1 GiB hole takes one 1 GiB block of RAM away (1 GiB) and breaks no larger block',
    );
  });

  it('maps each range by itself, so that a block never spans two', () => {
    assert.equal(blocksText(blockMappings([span(0n, gib)], [], 0x1000n).without), '1 × 1 GiB');
    const halves = [span(0n, gib / 2n), span(gib / 2n, gib / 2n)];
    assert.equal(blocksText(blockMappings(halves, [], 0x1000n).without), '512 × 2 MiB');
  });

  it('knows the whole address space and its last byte', () => {
    const whole = [{ start: 0n, end: (1n << 64n) - 1n }];
    const cost = blockMappings(whole, [span((1n << 64n) - 1n, 1n)], 0x1000n);
    assert.equal(blocksText(cost.without), '17179869184 × 1 GiB');
    assert.equal(blocksText(cost.with), '17179869183 × 1 GiB + 511 × 2 MiB + 511 × 4 KiB');
    assert.deepEqual(blockMappings(whole, whole, 0x10000n).with, []);
  });

  it('counts in the blocks of another page table', () => {
    const cost = blockMappings([span(0n, 32n * mib)], [span(mib, 4n * kib)], 0x1000n, [
      0x1000n,
      0x10000n,
      mib,
      16n * mib,
    ]);
    assert.equal(blocksText(cost.with), '1 × 16 MiB + 15 × 1 MiB + 15 × 64 KiB + 15 × 4 KiB');
  });

  it('ignores what is empty or wraps', () => {
    assert.deepEqual(blockMappings([{ start: 5n, end: 4n }], [], 0x1000n).without, []);
    assert.deepEqual(blockMappings([span(0n, mib)], [{ start: 5n, end: 4n }], 0x1000n).holes, []);
  });

  it('agrees with counting block by block on small layouts', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    for (let round = 0; round < 200; round++) {
      const page = [0x1000n, 0x4000n, 0x10000n][round % 3]!;
      const large = smmuBlockSizes(page)[1]!;
      const perLarge = Number(large / page);
      const place = () => BigInt(random(3 * perLarge)) * page;
      const ranges = [span(place(), BigInt(1 + random(3 * perLarge)) * page)];
      const holes = Array.from({ length: random(6) }, () => span(place(), BigInt(1 + random(40)) * page));
      const cost = blockMappings(ranges, holes, page);
      assert.equal(totalBlocks(cost.without), counted(ranges[0]!, [], page, large), `round ${round}`);
      assert.equal(totalBlocks(cost.with), counted(ranges[0]!, holes, page, large), `round ${round}`);
      for (const { hole, extra } of cost.holes) {
        const alone = counted(ranges[0]!, [hole], page, large) - totalBlocks(cost.without);
        assert.equal(extra, alone, `round ${round}`);
      }
    }
  });

  it('takes thousands of holes in a guest of terabytes', () => {
    const holes = Array.from({ length: 5000 }, (_, at) => span(gib * BigInt(at) + 4n * mib, 4n * kib));
    const cost = blockMappings([span(0n, 12n << 40n)], holes, 0x1000n);
    assert.equal(cost.holes.length, 5000);
    assert.equal(cost.extra, 5000n * 1021n);
  });
});

/** Walks through a range page by page, taking the large block wherever one fits. */
function counted(
  { start, end }: { start: bigint; end: bigint },
  holes: readonly { start: bigint; end: bigint }[],
  page: bigint,
  large: bigint,
): bigint {
  const isFree = (from: bigint, to: bigint) => holes.every((hole) => hole.end < from || hole.start > to);
  let blocks = 0n;
  for (let at = start; at <= end;) {
    if (at % large === 0n && at + large - 1n <= end && isFree(at, at + large - 1n)) {
      blocks++;
      at += large;
    } else {
      if (isFree(at, at + page - 1n)) blocks++;
      at += page;
    }
  }
  return blocks;
}
