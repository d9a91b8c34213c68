// What is exported, put into a guest's tree and analysed there, reserves what the host does.
import assert from 'node:assert/strict';
import { exportDts, type GuestNode } from '../../server/src/iova/hosts/export-dts';
import { exportRmr } from '../../server/src/iova/hosts/export-rmr';
import {
  guestReservations,
  inLargePages,
  type GuestReservations,
} from '../../server/src/iova/hosts/guest-reservations';
import { defaultKernel } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import type { PredictedGroup } from '../../server/src/iova/prediction';
import { union } from '../../server/src/iova/ranges';
import type { AddressRange } from '../../server/src/topology/address';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { board } from '../topology/trees';

interface Shape {
  readonly name: string;
  readonly addressCells: number;
  readonly sizeCells: number;
}

const shapes: readonly Shape[] = [
  { name: 'PCI', addressCells: 3, sizeCells: 2 },
  { name: '2 + 2', addressCells: 2, sizeCells: 2 },
  { name: '2 + 1', addressCells: 2, sizeCells: 1 },
  { name: '1 + 1', addressCells: 1, sizeCells: 1 },
  { name: '1 + 2', addressCells: 1, sizeCells: 2 },
];

describe('an exported overlay', () => {
  for (const shape of shapes) {
    it(`reserves exactly the host's ranges in a guest with cells ${shape.name}`, () => {
      const random = generator(shape.addressCells * 10 + shape.sizeCells);
      for (let round = 0; round < 25; round++) {
        const most = shape.addressCells === 1 ? 32n : shape.sizeCells === 1 ? 36n : 64n;
        const given = Array.from({ length: 1 + Number(random(5n)) }, () => randomRange(random, most));
        const found = check(given, shape);
        assert.ok(found !== undefined);
      }
    });
  }

  it('holds the whole space, and ranges at its end', () => {
    const last = (1n << 64n) - 1n;
    for (const given of [
      [{ start: 0n, end: last }],
      [{ start: last - 1n, end: last }],
      [
        { start: 0x100n, end: 0x2ffn },
        { start: last - 0xffffn, end: last },
      ],
    ]) {
      check(given, shapes[0]!);
      check(given, shapes[1]!);
    }
  });

  it('says when cells are too few', () => {
    const high = [{ start: 0x1_0000_0000n, end: 0x1_0000_ffffn }];
    assert.match(
      failure(high, { ...shapes[3]! }),
      /^0x10000ffff does not fit one address cell: use --address-cells 2$/,
    );
    const large = [{ start: 0n, end: 0xff_ffff_ffff_ffffn }];
    assert.match(failure(large, shapes[2]!), /bytes do not fit 1 size cell: use --size-cells 2$/);
    const [last] = reservationsOf([{ start: (1n << 64n) - 2n, end: (1n << 64n) - 1n }]).ranges;
    const range = { start: last!.range.end, end: last!.range.end };
    const result = exportDts({ ranges: [{ ...last!, range }], leftOut: [] }, nodeFor(shapes[1]!), []);
    assert.match('error' in result ? result.error : '', /^a range that begins at 0xffffffffffffffff cannot be written/);
  });
});

describe('exported descriptors', () => {
  it('are whole pages of 64 KiB that hold the ranges, and no more than they must', () => {
    const reservations = reservationsOf([
      { start: 0x8000000n, end: 0x80fffffn },
      { start: 0x8100100n, end: 0x81001ffn },
      { start: 0x9000000n, end: 0x9000000n },
      { start: (1n << 64n) - 2n, end: (1n << 64n) - 1n },
    ]);
    assert.deepEqual(
      inLargePages(reservations).ranges.map(({ range, isRounded }) => [range.start, range.end, isRounded]),
      [
        [0x8000000n, 0x810ffffn, true],
        [0x9000000n, 0x900ffffn, true],
        [0xffffffffffff0000n, (1n << 64n) - 1n, true],
      ],
    );
  });

  it('say where they were rounded, and who may map them', () => {
    const reservations = reservationsOf([
      { start: 0x8000000n, end: 0x80fffffn },
      { start: 0x70000100n, end: 0x700002ffn },
    ]);
    const options = { streamIds: [8, 16], smmuBase: 0x9050000n, isRemappable: true };
    const result = exportRmr(reservations, options, ['comment */ here']);
    assert.ok('text' in result);
    assert.match(result.text, /^ \* comment \* \/ here$/m);
    assert.match(
      result.text,
      /^\/\* reserved \*\/\n +Base Address of RMR : 0000000008000000\n +Length of RMR : 0000000000100000$/m,
    );
    assert.match(
      result.text,
      /^\/\* reserved, rounded outwards to 64 KiB \*\/\n +Base Address of RMR : 0000000070000000\n +Length of RMR : 0000000000010000$/m,
    );
    assert.match(result.text, /Remapping Permitted : 1$/m);
    assert.equal(result.text.match(/Output Base : 000000(?:08|10)$/gm)?.length, 2);
  });

  it('are refused where a node cannot hold them', () => {
    const many = Array.from({ length: 4000 }, (_, at) => ({
      start: BigInt(at) << 20n,
      end: (BigInt(at) << 20n) + 0xfffn,
    }));
    const options = { streamIds: [0], smmuBase: 0n, isRemappable: false };
    const result = exportRmr(reservationsOf(many), options, []);
    assert.deepEqual(result, { error: '4000 ranges are more than one RMR node can hold' });
  });
});

/** Exports the ranges, puts the text behind a guest's source, and compares what the guest reserves. */
function check(given: readonly AddressRange[], shape: Shape): readonly AddressRange[] | undefined {
  const result = exportDts(reservationsOf(given), nodeFor(shape), ['test']);
  if ('error' in result) assert.fail(result.error);
  const included = result.text.replace(/^\/(?:dts-v1|plugin)\/;$/gm, '');
  const tree = board(guestNodes(shape), included);
  const topology = topologyFromTree(tree);
  const { groups } = predictRegions(topology, defaultKernel);
  const group = groups.find(({ devices }) =>
    devices.some(({ path, standsForUndescribed }) => !standsForUndescribed && path.startsWith('/bus@')),
  );
  assert.ok(group !== undefined, 'the device is in a group');
  const { window, rest } = split(group);
  assert.equal(window, 1);
  const wanted = union(given);
  assert.deepEqual(union(rest), wanted);
  return wanted;
}

function failure(given: readonly AddressRange[], shape: Shape): string {
  const result = exportDts(reservationsOf(given), nodeFor(shape), []);
  return 'error' in result ? result.error : 'done';
}

/** The guest's own window, and what was exported to it. */
function split({ regions }: PredictedGroup): { window: number; rest: AddressRange[] } {
  const rest = regions.filter(({ type }) => type === 'reserved').map(({ range }) => range);
  assert.equal(regions.length, rest.length + 1);
  return { window: regions.length - rest.length, rest };
}

function nodeFor({ addressCells, sizeCells }: Shape): GuestNode {
  const isPci = addressCells === 3;
  return {
    reference: isPci ? '&bus' : '&dev',
    functions: isPci ? [{ device: 3, number: 1 }] : [],
    addressCells,
    sizeCells,
    rootAddressCells: 2,
    rootSizeCells: 2,
  };
}

function guestNodes({ addressCells, sizeCells }: Shape): string {
  if (addressCells === 3) {
    return `bus: bus@10000000 { device_type = "pci"; compatible = "pci-host-ecam-generic"; reg = <0 0x10000000 0 0x1000000>;
      #address-cells = <3>; #size-cells = <2>; bus-range = <0 15>; iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x10000>;
      ranges = <0x2000000 0 0x20000000 0 0x20000000 0 0x1000000>; };`;
  }
  return `bus@20000000 { compatible = "simple-bus"; #address-cells = <${addressCells}>; #size-cells = <${sizeCells}>; ranges;
      dev: dev { compatible = "x,dev"; iommus = <&smmu 1>; }; };`;
}

/** As a host would have them. */
function reservationsOf(ranges: readonly AddressRange[]): GuestReservations {
  const entries = ranges.map(({ start, end }) => {
    const size = end - start + 1n;
    const parts =
      size === 1n << 64n
        ? ([
            [start, size / 2n],
            [size / 2n, size / 2n],
          ] as const)
        : ([[start, size]] as const);
    return parts.map(([at, length]) => `<&dev ${cells(at)} ${cells(length)}>`).join(', ');
  });
  const tree =
    board(`reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; r: r { iommu-addresses = ${entries.join(', ')}; }; };
    dev: dev@b000000 { compatible = "x,dev"; iommus = <&smmu 1>; memory-region = <&r>; };`);
  const { groups } = predictRegions(topologyFromTree(tree), defaultKernel);
  const regions = groups[0]!.regions.filter(({ type }) => type === 'reserved');
  return guestReservations([{ ...groups[0]!, regions }]);
}

function cells(value: bigint): string {
  return `0x${(value >> 32n).toString(16)} 0x${(value & 0xffffffffn).toString(16)}`;
}

function randomRange(random: (below: bigint) => bigint, bits: bigint): AddressRange {
  const space = 1n << (4n + random(bits - 3n));
  const start = random(space);
  const size = 1n + random(space - start);
  return {
    start,
    end:
      start + (random(3n) === 0n ? 1n + (size % 0x100000n) : size) - 1n > space - 1n ? space - 1n : start + size - 1n,
  };
}

function generator(seed: number): (below: bigint) => bigint {
  let state = BigInt(seed);
  return (below) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return ((state >> 11n) * below) >> 53n;
  };
}
