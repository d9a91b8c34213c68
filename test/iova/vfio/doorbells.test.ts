// Where doorbells get mapped, page after page from the window's start, and what they run into there.
import assert from 'node:assert/strict';
import type { ProfileSettings } from '../../../server/src/iova/kernel-profile';
import type { Backend } from '../../../server/src/iova/vfio/container';
import { emptyContainer } from '../../../server/src/iova/vfio/container';
import { msiDelivery, placedDoorbells } from '../../../server/src/iova/vfio/doorbells';
import type { PlacedDoorbell } from '../../../server/src/iova/vfio/doorbells';
import { add, addAll, device, groupOf, machine, mapAnswer, reserved, withMap } from './machine';
import type { Machine } from './machine';

/** A host bridge whose functions' MSIs go to `count` ITSes, 128 KiB apart. */
function manyDoorbells(count: number, settings: ProfileSettings = {}, extra = ''): Machine {
  const numbers = Array.from({ length: count }, (_, at) => at);
  const nodes = numbers.map((at) => {
    const address = (0xd0000000 + at * 0x20000).toString(16);
    return `its${String(at)}: msi@${address} { compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>; reg = <0 0x${address} 0 0x20000>; };`;
  });
  const map = numbers.map((at) => `<${String(at * 256)} &its${String(at)} 0 256>`).join(', ');
  return machine(
    `${nodes.join('\n')} ${extra}
     pcie: pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0 0x10000000 0 0x1000000>;
       #address-cells = <3>; #size-cells = <2>; ranges = <0x2000000 0 0x20000000 0 0x20000000 0 0x10000000>;
       iommu-map = <0 &smmu 0 0x10000>; msi-map = ${map}; };`,
    settings,
  );
}

function placesOf(host: Machine, backend: Backend): PlacedDoorbell[] {
  return placedDoorbells(add(host, emptyContainer(backend), '/pcie@10000000').container, host.kernel);
}

describe('doorbells', () => {
  it('take a host page each', () => {
    const small = placesOf(manyDoorbells(3), 'type1');
    assert.deepEqual(
      small.map(({ page, iova }) => [page.start, iova.start, iova.end]),
      [
        [0xd0010000n, 0x8000000n, 0x8000fffn],
        [0xd0030000n, 0x8001000n, 0x8001fffn],
        [0xd0050000n, 0x8002000n, 0x8002fffn],
      ],
    );
    const large = placesOf(manyDoorbells(2, { pageSize: 0x10000n }), 'type1');
    assert.deepEqual(
      large.map(({ iova }) => iova.start),
      [0x8000000n, 0x8010000n],
    );
  });

  it('run past the window when there are 17 on a host with 64 KiB pages', () => {
    const host = manyDoorbells(17, { pageSize: 0x10000n });
    const beyond = placesOf(host, 'type1').filter(({ beyondWindow }) => beyondWindow);
    assert.deepEqual(
      beyond.map(({ iova }) => [iova.start, iova.end]),
      [[0x8100000n, 0x810ffffn]],
    );
    const { container } = add(host, emptyContainer('type1'), '/pcie@10000000');
    assert.equal(
      mapAnswer(host, container, 0x8100000n, 0x10000n),
      'ok',
      'the kernel offers the same place to the user',
    );
    const running = withMap(host, container, 0x8100000n, 0x10000n);
    const last = placedDoorbells(running, host.kernel).at(-1);
    assert.deepEqual(
      last?.conflicts.map(({ kind }) => kind),
      ['mapping'],
    );
  });

  it('run into a region inside the window without being stopped', () => {
    const host = machine(
      `${reserved('hole: hole { iommu-addresses = <&a 0 0x8000000 0 0x1000>; };')} ${device('a', 1, 'memory-region = <&hole>;')}`,
    );
    const [first] = placedDoorbells(add(host, emptyContainer('type1'), '/a').container, host.kernel);
    assert.deepEqual(
      first?.conflicts.map(({ kind, region }) => [kind, region?.type]),
      [['region', 'reserved']],
    );
  });

  it('are mapped once for all that share them, and once more for another IOMMU', () => {
    const places = (kernel: '6.12' | '7.2', backend: Backend): number => {
      const host = machine(
        `smmu2: iommu@a000000 { compatible = "arm,smmu-v3"; reg = <0 0xa000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
         ${device('a', 1)} ${device('b', 2)} c: c { compatible = "test,device"; iommus = <&smmu2 1>; msi-parent = <&its 9>; };`,
        { kernel },
      );
      const { container } = addAll(host, emptyContainer(backend), ['/a', '/b', '/c']);
      return placedDoorbells(container, host.kernel).length;
    };
    assert.deepEqual([places('7.2', 'type1'), places('6.12', 'iommufd')], [2, 2]);
    assert.equal(places('7.2', 'iommufd'), 1, 'one place for a whole descriptor');
  });

  it('end at 64 for a descriptor of iommufd from 6.15 on', () => {
    const refused = (kernel: '6.12' | '7.2', backend: Backend): number =>
      placesOf(manyDoorbells(66, { kernel }), backend).filter(({ error }) => error === 'EOVERFLOW').length;
    assert.deepEqual([refused('7.2', 'iommufd'), refused('6.12', 'iommufd'), refused('7.2', 'type1')], [2, 0, 0]);
  });

  it('cannot be at address 0 for type1, whose cookie takes that for a failure', () => {
    const host = machine(device('a', 1), { msiWindow: { base: 0n, size: 0x100000n } });
    const group = groupOf(host, '/a');
    const delivery = msiDelivery(
      add(host, emptyContainer('type1'), '/a').container,
      host.kernel,
      group,
      group.devices[0]!,
    );
    assert.deepEqual([delivery.kind, delivery.kind === 'refused' && delivery.error], ['refused', 'ENOMEM']);
  });

  it('are used untranslated in a hardware MSI region, which type1 of 7.2 refuses and iommufd does not', () => {
    const outcome = (kernel: '6.12' | '7.2', backend: Backend): string => {
      const host = machine(
        `viommu: viommu { compatible = "virtio,mmio"; reg = <0 0xc000000 0 0x1000>; #iommu-cells = <1>; };
         a: a { compatible = "test,device"; iommus = <&viommu 1>; msi-parent = <&its 1>; };`,
        { kernel, virtioIommuRegions: [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }] },
      );
      const group = groupOf(host, '/a');
      const delivery = msiDelivery(
        add(host, emptyContainer(backend), '/a').container,
        host.kernel,
        group,
        group.devices[0]!,
      );
      return delivery.kind === 'untranslated'
        ? `${delivery.address!.toString(16)} ${String(delivery.passes)}`
        : delivery.kind;
    };
    assert.equal(outcome('6.12', 'type1'), '8090040 true');
    assert.equal(outcome('7.2', 'type1'), 'refused');
    assert.equal(outcome('7.2', 'iommufd'), '8090040 true');
  });
});
