import assert from 'node:assert/strict';
import { mergeRegions } from '../../server/src/iova/merge';
import type { DeviceRegion, PredictedDevice, RegionType } from '../../server/src/iova/prediction';
import { typeWord } from '../../server/src/iova/prediction';
import type { Iova } from '../../server/src/topology/address';

const last = (1n << 64n) - 1n;

/** A device with these regions; of the rest of it merging looks at nothing. */
function device(...regions: [start: bigint, end: bigint, type: RegionType][]): PredictedDevice {
  const list: DeviceRegion[] = regions.map(([start, end, type]) => ({
    range: { start: start as Iova, end: end as Iova },
    type,
    origin: 'iommu-addresses',
    source: undefined,
    reservation: undefined,
  }));
  return { regions: list } as unknown as PredictedDevice;
}

function merged(...devices: PredictedDevice[]): string[] {
  return mergeRegions(devices).map(
    ({ range, type }) => `${range.start.toString(16)}-${range.end.toString(16)} ${typeWord(type)}`,
  );
}

describe('a group’s list of regions', () => {
  it('sorts by start, then by the kernel’s order of types', () => {
    const list = merged(
      device(
        [0x8000000n, 0x80fffffn, 'software-msi'],
        [0x8000000n, 0x8000fffn, 'reserved'],
        [0x8000000n, 0x800ffffn, 'direct'],
        [0x1000n, 0x1fffn, 'reserved'],
      ),
    );
    assert.deepEqual(list, [
      '1000-1fff reserved',
      '8000000-800ffff direct',
      '8000000-8000fff reserved',
      '8000000-80fffff msi',
    ]);
  });

  it('joins one type where it overlaps or touches, and never two types', () => {
    const list = merged(
      device([0x70000000n, 0x700fffffn, 'direct'], [0x70080000n, 0x70080fffn, 'reserved']),
      device([0x70100000n, 0x701fffffn, 'direct'], [0x70200000n, 0x702fffffn, 'direct-relaxable']),
    );
    assert.deepEqual(list, [
      '70000000-701fffff direct',
      '70080000-70080fff reserved',
      '70200000-702fffff direct-relaxable',
    ]);
  });

  it('keeps software and hardware MSI regions apart, although both print as msi', () => {
    const list = merged(device([0x8000000n, 0x80fffffn, 'software-msi'], [0x8090000n, 0x809ffffn, 'hardware-msi']));
    assert.deepEqual(list, ['8000000-80fffff msi', '8090000-809ffff msi']);
  });

  it('does not join what follows a region that ends at the last address', () => {
    const list = merged(device([0x100000000n, last, 'reserved'], [0x200000000n, 0x2000fffffn, 'reserved']));
    assert.deepEqual(list, [`100000000-${last.toString(16)} reserved`, '200000000-2000fffff reserved']);
  });

  it('joins a region into one that ends at the last address when it starts before', () => {
    const list = merged(device([0x200000000n, 0x2000fffffn, 'reserved'], [0x100000000n, 0x1ffffffffn, 'reserved']));
    assert.deepEqual(list, ['100000000-2000fffff reserved']);
  });

  it('keeps what each line was made of', () => {
    const one = device([0x1000n, 0x1fffn, 'reserved']);
    const other = device([0x2000n, 0x2fffn, 'reserved']);
    const [line] = mergeRegions([one, other]);
    assert.deepEqual(
      line?.parts.map((part) => part.device),
      [one, other],
    );
  });
});
