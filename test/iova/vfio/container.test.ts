// Containers of type1, in what no recorded case shows: several IOMMUs, other apertures, guests that ran before.
import assert from 'node:assert/strict';
import { emptyContainer, mapDma } from '../../../server/src/iova/vfio/container';
import { add, addAll, answer, device, lines, machine, mapAnswer, reserved, withMap } from './machine';

const secondSmmu =
  'smmu2: iommu@a000000 { compatible = "arm,smmu-v3"; reg = <0 0xa000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };';
const narrowIommu =
  'narrow: iommu@b000000 { compatible = "qcom,msm-iommu-v1"; reg = <0 0xb000000 0 0x20000>; #iommu-cells = <1>; };';
const narrowDevice = 'c: c { compatible = "test,device"; iommus = <&narrow 1>; msi-parent = <&its 9>; };';

describe('a type1 container', () => {
  it('has a page table for each IOMMU, shared by the groups behind it', () => {
    const host = machine(
      `${secondSmmu} ${device('a', 1)} ${device('b', 2)}
       c: c { compatible = "test,device"; iommus = <&smmu2 1>; msi-parent = <&its 9>; };`,
    );
    const { container, answers } = addAll(host, emptyContainer('type1'), ['/a', '/b', '/c']);
    assert.deepEqual(answers, ['ok', 'ok', 'ok']);
    assert.deepEqual(
      container.domains.map(({ iommu, msiBase }) => [iommu.path, msiBase]),
      [
        ['/iommu@9000000', 0x8000000n],
        ['/iommu@a000000', 0x8000000n],
      ],
    );
  });

  it('is cut to the aperture of the narrowest IOMMU, and refuses one that the guest has outgrown', () => {
    const host = machine(`${narrowIommu} ${device('a', 1)} ${narrowDevice}`);
    const first = add(host, emptyContainer('type1'), '/a').container;
    const small = withMap(host, first, 0x40000000n, 0x40000000n);
    const joined = add(host, small, '/c');
    assert.equal(answer(joined.attach), 'ok');
    assert.deepEqual(lines(joined.container.ranges), [
      '0x0000000000000000 0x0000000007ffffff',
      '0x0000000008100000 0x00000000ffffffff',
    ]);
    assert.equal(mapAnswer(host, joined.container, 0x100000000n, 0x1000n), 'EINVAL');
    const large = withMap(host, small, 0x100000000n, 0x40000000n);
    const refused = add(host, large, '/c');
    assert.equal(answer(refused.attach), 'SET_CONTAINER EINVAL');
    assert.deepEqual(
      refused.conflicts.map(({ kind, range }) => [kind, range.start]),
      [['aperture', 0x100000000n]],
    );
    assert.equal(refused.container, large, 'what was there stays as it was');
  });

  it('says which regions of a group meet which maps, each by its line', () => {
    const host = machine(
      `${reserved('hole: hole { iommu-addresses = <&a 0 0x90000000 0 0x1000>, <&a 0 0xa0000000 0 0x1000>; };')}
       ${device('a', 1, 'memory-region = <&hole>;')}`,
    );
    const running = withMap(host, emptyContainer('type1'), 0x40000000n, 0x58000000n);
    const added = add(host, running, '/a');
    assert.equal(answer(added.attach), 'SET_CONTAINER EINVAL');
    assert.deepEqual(
      added.conflicts.map(({ kind, range, region }) => [kind, range.start, region?.type]),
      [['region', 0x90000000n, 'reserved']],
    );
  });

  it('lists all that stands in the way of a map, whichever the kernel stops at', () => {
    const host = machine(device('a', 1));
    const container = withMap(host, add(host, emptyContainer('type1'), '/a').container, 0xfffffff0_0000n, 0x10_0000n);
    const { result } = mapDma(container, host.kernel, { iova: 0xfffffff8_0000n, size: 0x10_0000n });
    assert.equal(result.result, 'EEXIST');
    assert.deepEqual(
      result.conflicts.map(({ kind, range }) => [kind, range.start]),
      [
        ['aperture', 0x1000000000000n],
        ['mapping', 0xfffffff00000n],
      ],
    );
    const across = mapDma(container, host.kernel, { iova: 0x7fff000n, size: 0x1000001n });
    assert.deepEqual(
      across.result.conflicts.map(({ kind }) => kind),
      ['alignment', 'region'],
    );
  });

  it('has no place for doorbells beside a hardware MSI region', () => {
    const host = machine(
      `viommu: viommu { compatible = "virtio,mmio"; reg = <0 0xc000000 0 0x1000>; #iommu-cells = <1>; };
       a: a { compatible = "test,device"; iommus = <&viommu 1>; msi-parent = <&its 1>; };`,
      { virtioIommuRegions: [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }] },
    );
    assert.equal(add(host, emptyContainer('type1'), '/a').container.msiBase, undefined);
  });
});
