// Many regions, and regions at the edges of the address space, against the kernel's own way of doing it (naive-kernel.ts).
import assert from 'node:assert/strict';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { mergeRegions } from '../../server/src/iova/merge';
import { predictRegions } from '../../server/src/iova/predict';
import type { DeviceRegion, PredictedDevice, RegionType } from '../../server/src/iova/prediction';
import { regionTypes } from '../../server/src/iova/prediction';
import { printGroup, regionsJson, sysfsLines } from '../../server/src/iova/print-regions';
import { intersect, subtract, union } from '../../server/src/iova/ranges';
import type { AddressRange, Iova } from '../../server/src/topology/address';
import { rangeOf } from '../../server/src/topology/address';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { DeviceTree } from '../../server/src/tree/model';
import { cells } from '../../server/src/tree/cells';
import { nodeAt } from '../../server/src/tree/navigate';
import type { Crowd } from '../bench/crowded-trees';
import { crowdedSource } from '../bench/crowded-trees';
import { treeOf } from '../topology/trees';
import { insertRegion, numbers, reservationsOf, show, type NaiveRegion } from './naive-kernel';

const last = (1n << 64n) - 1n;
const profile = kernelProfile();
const msiWindow: NaiveRegion = { start: 0x8000000n, length: 0x100000n, type: 'software-msi' };

function deviceWith(regions: readonly NaiveRegion[]): PredictedDevice {
  const list = regions.map(({ start, length, type }): DeviceRegion => {
    return {
      range: rangeOf(start as Iova, length),
      type,
      origin: 'iommu-addresses',
      source: undefined,
      reservation: undefined,
    };
  });
  return { regions: list } as unknown as PredictedDevice;
}

function printed(devices: readonly PredictedDevice[]): string[] {
  const group = { id: 0, devices, regions: mergeRegions(devices), oops: undefined, unknown: [] };
  return sysfsLines(group, undefined);
}

describe('lists of many regions', () => {
  it('are those that come of inserting region by region, in small spaces where all meets all', () => {
    const random = numbers(20261121);
    for (let round = 0; round < 2000; round++) {
      const top = round % 2 === 0 ? 0n : last - 40n;
      const regions = Array.from({ length: 1 + random(14) }, (): NaiveRegion => {
        const start = BigInt.asUintN(64, top + BigInt(random(40)));
        // Sizes that wrap and sizes of the whole space are among them, and zero as RMR descriptors have it.
        const sizes = [BigInt(random(9)), BigInt(1 + random(60)), last - start + 1n, last, 1n << 63n];
        return { start, length: sizes[random(round % 5 === 0 ? 5 : 2)]!, type: regionTypes[random(5)]! };
      });
      const expected = show(regions.reduce<NaiveRegion[]>((list, region) => insertRegion(region, list), []));
      const half = random(regions.length + 1);
      const found = printed([deviceWith(regions.slice(0, half)), deviceWith(regions.slice(half))]);
      assert.deepEqual(found, expected, `round ${round}`);
    }
  });

  it('are the same for thousands of neighbours, in whatever order they come, with one that ends at the last address', () => {
    const types: readonly RegionType[] = ['reserved', 'direct'];
    const random = numbers(7);
    const regions = Array.from({ length: 800 }, (_, index): NaiveRegion => {
      return { start: BigInt(((index * 7919) % 800) * 0x1000), length: 0x1000n, type: types[random(2)]! };
    });
    regions.splice(400, 0, { start: last - 0xfffn, length: 0x1000n, type: 'reserved' });
    const expected = show(regions.reduce<NaiveRegion[]>((list, region) => insertRegion(region, list), []));
    assert.deepEqual(printed([deviceWith(regions)]), expected);
  });
});

describe('trees with thousands of reservations', () => {
  const crowds: readonly (readonly [string, Crowd])[] = [
    ['ten for each of 500 masters', { regions: 5000, masters: 500, devicesPerRegion: 1 }],
    ['all for one master', { regions: 1500, masters: 1, devicesPerRegion: 1 }],
    ['each for a hundred masters', { regions: 200, masters: 300, devicesPerRegion: 100 }],
    [
      'each listed by every master, and named for one',
      { regions: 300, masters: 200, devicesPerRegion: 1, allListed: true },
    ],
  ];
  for (const [title, crowd] of crowds) {
    it(title, () => {
      const tree = treeOf(crowdedSource(crowd));
      const prediction = predictRegions(topologyFromTree(tree), profile);
      assert.equal(prediction.groups.length, crowd.masters);
      for (const group of prediction.groups) {
        const expected = expectedLines(tree, group.devices[0]!.path);
        assert.deepEqual(sysfsLines(group, undefined), expected, group.devices[0]!.path);
      }
    });
  }

  it('print no more than a page in sysfs, and everything as JSON', () => {
    const tree = treeOf(crowdedSource({ regions: 500, masters: 1, devicesPerRegion: 1 }));
    const topology = topologyFromTree(tree);
    for (const pageSize of [0x1000n, 0x4000n, 0x10000n]) {
      const prediction = predictRegions(topology, kernelProfile({ pageSize }));
      const whole = expectedLines(tree, '/dma-0')
        .map((line) => `${line}\n`)
        .join('');
      const [group] = prediction.groups;
      // sysfs_emit_at keeps the last byte of the page for its NUL.
      assert.equal(
        printGroup(group!, prediction.kernel.sysfsLimit).trimEnd(),
        whole.slice(0, Number(pageSize) - 1).trimEnd(),
      );
      assert.equal(regionsJson(prediction).groups[0]!.regions.length, 501);
    }
  });
});

/** By the properties of the finished tree alone. */
function expectedLines(tree: DeviceTree, path: string): string[] {
  const device = nodeAt(tree, path)!;
  const listed = [...cells(device.properties.get('memory-region')!)!];
  const properties = listed.map((phandle) => [
    ...cells(tree.phandles.get(phandle)!.properties.get('iommu-addresses')!)!,
  ]);
  const regions = [msiWindow, ...reservationsOf(device.phandle!, properties)];
  return show(regions.reduce<NaiveRegion[]>((list, region) => insertRegion(region, list), []));
}

describe('sets of addresses', () => {
  it('are cut and met bit by bit the same', () => {
    const random = numbers(64);
    for (let round = 0; round < 2000; round++) {
      const base = [0n, last - 63n, (1n << 32n) - 32n][round % 3]!;
      const ranges = (): AddressRange[] =>
        Array.from({ length: random(8) }, () => {
          const start = random(64);
          return { start: base + BigInt(start), end: base + BigInt(Math.min(63, start + random(12) - 1)) };
        });
      const [one, other] = [union(ranges()), ranges()];
      const bitsOf = (set: readonly AddressRange[]): readonly boolean[] =>
        Array.from({ length: 64 }, (_, bit) => {
          const address = base + BigInt(bit);
          return set.some(({ start, end }) => start <= address && address <= end);
        });
      const [bits, removed] = [bitsOf(one), bitsOf(other)];
      const rest = subtract(one, other);
      const common = intersect(one, union(other));
      const expectedRest = bits.map((isIn, at) => isIn && !removed[at]);
      const expectedCommon = bits.map((isIn, at) => isIn && removed[at]);
      assert.deepEqual(bitsOf(rest), expectedRest);
      assert.deepEqual(bitsOf(common), expectedCommon);
      for (const set of [rest, common]) {
        assert.ok(set.every(({ start, end }) => start <= end));
        assert.ok(set.every(({ start }, at) => at === 0 || start > set[at - 1]!.end));
      }
    }
  });
});
