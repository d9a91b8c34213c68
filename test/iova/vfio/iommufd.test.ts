// The iommufd back end, by the rules of drivers/iommu/iommufd where they differ from type1's.
import assert from 'node:assert/strict';
import { emptyCompatContainer, emptyContainer } from '../../../server/src/iova/vfio/container';
import { allowIovas, ioasAlignment } from '../../../server/src/iova/vfio/iommufd';
import type { Iova } from '../../../server/src/topology/model';
import { add, addAll, answer, device, lines, machine, mapAnswer, reserved, withMap } from './machine';

const ioas = emptyContainer('iommufd');
const hole = reserved('hole: hole { iommu-addresses = <&a 0 0x90000000 0 0x1000>; };');
const withHole = `${hole} ${device('a', 1, 'memory-region = <&hole>;')} ${device('b', 2)}`;

function range(start: bigint, end: bigint): { start: Iova; end: Iova } {
  return { start: start as Iova, end: end as Iova };
}

describe('an address space of iommufd', () => {
  it('does not exist on 6.1', () => {
    const host = machine(device('a', 1), { kernel: '6.1' });
    assert.equal(answer(add(host, ioas, '/a').attach), 'open ENOENT');
  });

  it('starts as all 64 bits without alignment, and narrows with each device', () => {
    const host = machine(withHole);
    assert.deepEqual(lines(ioas.ranges), ['0x0000000000000000 0xffffffffffffffff']);
    assert.equal(ioasAlignment(ioas), 1n);
    const second = add(host, ioas, '/b').container;
    assert.deepEqual(lines(second.ranges), [
      '0x0000000000000000 0x0000000007ffffff',
      '0x0000000008100000 0x0000ffffffffffff',
    ]);
    assert.equal(ioasAlignment(second), 0x1000n);
    assert.deepEqual(lines(add(host, second, '/a').container.ranges), [
      '0x0000000000000000 0x0000000007ffffff',
      '0x0000000008100000 0x000000008fffffff',
      '0x0000000090001000 0x0000ffffffffffff',
    ]);
  });

  it('takes maps before any device, and refuses the device whose regions meet them', () => {
    const host = machine(withHole);
    const running = withMap(host, ioas, 0x40000000n, 0x80000000n);
    const refused = add(host, running, '/a');
    assert.equal(answer(refused.attach), 'ATTACH_IOMMUFD_PT EADDRINUSE');
    assert.deepEqual(
      refused.conflicts.map(({ kind, range: met }) => [kind, met.start]),
      [['region', 0x90000000n]],
    );
    assert.equal(refused.container, running);
    assert.equal(answer(add(host, running, '/b').attach), 'ok');
  });

  it('refuses a device whose page table does not reach what is mapped, or has larger pages than the maps', () => {
    const host = machine(device('a', 1));
    const high = add(host, withMap(host, ioas, 0x1000000000000n, 0x1000n), '/a');
    assert.equal(answer(high.attach), 'ATTACH_IOMMUFD_PT EADDRINUSE');
    assert.deepEqual(
      high.conflicts.map(({ kind }) => kind),
      ['aperture'],
    );
    const small = add(host, withMap(host, ioas, 0x40000100n, 0x200n), '/a');
    assert.equal(answer(small.attach), 'ATTACH_IOMMUFD_PT EADDRINUSE');
    assert.deepEqual(
      small.conflicts.map(({ kind }) => kind),
      ['alignment'],
    );
  });

  it('keeps what is allowed free of reservations, and allows nothing that is reserved', () => {
    const host = machine(withHole);
    const allowed = allowIovas(ioas, [range(0x90000000n, 0x9fffffffn)]);
    assert.equal(allowed.result, 'ok');
    assert.equal(answer(add(host, allowed.container, '/a').attach), 'ATTACH_IOMMUFD_PT EADDRINUSE');
    assert.equal(answer(add(host, allowed.container, '/b').attach), 'ok');
    const attached = add(host, ioas, '/b').container;
    assert.equal(allowIovas(attached, [range(0x8000000n, 0x8000fffn)]).result, 'EADDRINUSE');
    assert.equal(allowIovas(ioas, [range(0x1000n, 0x1fffn), range(0x1800n, 0x2fffn)]).result, 'EINVAL');
    assert.equal(allowIovas(ioas, [range(0x1000n, 0x1000n)]).result, 'EINVAL');
  });

  it('asks for interrupts before it claims a device, and for both when it is bound', () => {
    const host = machine(`
      ${reserved('same: same@70000000 { reg = <0 0x70000000 0 0x1000>; iommu-addresses = <&a 0 0x70000000 0 0x1000>, <&c 0 0x70000000 0 0x1000>; };')}
      ${device('a', 1, 'memory-region = <&same>;')}
      c: c { compatible = "test,device"; iommus = <&smmu 3>; memory-region = <&same>; };`);
    assert.equal(answer(add(host, ioas, '/a').attach), 'BIND_IOMMUFD EINVAL');
    assert.equal(answer(add(host, ioas, '/c').attach), 'BIND_IOMMUFD EPERM');
    assert.equal(answer(add(host, emptyContainer('type1'), '/c').attach), 'SET_CONTAINER EINVAL');
    const unsafe = add(host, ioas, '/c', { allowUnsafeInterrupts: true });
    assert.equal(answer(unsafe.attach), 'BIND_IOMMUFD EINVAL');
    assert.equal(answer(add(host, emptyCompatContainer(), '/c').attach), 'GET_DEVICE_FD EPERM');
  });

  it('takes a device that leaves no room, which type1 does not', () => {
    const host = machine(`
      ${reserved('all: all { iommu-addresses = <&a 0 0 0xffffffff 0xffffffff>; };')}
      ${device('a', 1, 'memory-region = <&all>;')}`);
    assert.equal(answer(add(host, emptyContainer('type1'), '/a').attach), 'SET_IOMMU EINVAL');
    const added = add(host, ioas, '/a');
    assert.equal(answer(added.attach), 'ok');
    assert.deepEqual(added.container.ranges, []);
  });

  it('reserves for the devices that are opened, where type1 does for the whole group', () => {
    const host = machine(`
      v2: iommu@a000000 { compatible = "arm,mmu-500"; reg = <0 0xa000000 0 0x10000>; #iommu-cells = <1>; };
      ${reserved('two: two { iommu-addresses = <&c 0 0x90000000 0 0x1000>, <&d 0 0xa0000000 0 0x1000>; };')}
      c: c { compatible = "test,device"; iommus = <&v2 1>; msi-parent = <&its 1>; memory-region = <&two>; dma-coherent; };
      d: d { compatible = "test,device"; iommus = <&v2 1>; msi-parent = <&its 1>; memory-region = <&two>; };`);
    const only = { devices: ['/c'] };
    assert.equal(answer(add(host, ioas, '/c').attach), 'bind EINVAL', '/d is not coherent');
    assert.equal(add(host, ioas, '/c', only).container.ranges.length, 3);
    assert.equal(add(host, emptyContainer('type1'), '/c', only).container.ranges.length, 4);
  });

  it('answers maps by its own rules', () => {
    const host = machine(withHole);
    const { container } = addAll(host, ioas, ['/a', '/b']);
    const running = withMap(host, container, 0x40000000n, 0x2000n);
    const tries: [bigint, bigint, string][] = [
      [0x40001000n, 0x1000n, 'EEXIST'],
      [0x90000000n, 0x1000n, 'EINVAL'],
      [0x8000000n, 0x1000n, 'EINVAL'],
      [0x1000000000000n, 0x1000n, 'EINVAL'],
      [0x50000800n, 0x1000n, 'EINVAL'],
      [0x50000000n, 0n, 'EINVAL'],
      [0xfffffffffffff000n, 0x2000n, 'EOVERFLOW'],
      [0xffffffffffffffffn, 0x1000n, 'EOVERFLOW'],
      [0n, 0xffffffffffffffffn, 'EOVERFLOW'],
      [0xffffffff0000n, 0x10000n, 'ok'],
    ];
    for (const [iova, size, expected] of tries) {
      assert.equal(mapAnswer(host, running, iova, size), expected, `${iova.toString(16)} ${size.toString(16)}`);
    }
    const compat = addAll(host, emptyCompatContainer(), ['/b']).container;
    assert.equal(mapAnswer(host, compat, 0xffffffffffffffffn, 0x1000n), 'EINVAL', 'not aligned, which it sees first');
  });

  it('refuses a device with a software and a hardware MSI region, where type1 drops the window', () => {
    // A device of the model as ACPI describes HiSilicon's HI161x.
    const host = machine(device('a', 1));
    const group = host.prediction.groups[0]!;
    const [one] = group.devices;
    const hardware = { ...one!.regions[0]!, type: 'hardware-msi' as const, range: range(0x8090000n, 0x809ffffn) };
    const both = { ...one!, regions: [...one!.regions, hardware] };
    const line = { range: hardware.range, type: hardware.type, parts: [{ device: both, region: hardware }] };
    const changed = { ...group, devices: [both], regions: [...group.regions, line] };
    const hi161x = { ...host, prediction: { ...host.prediction, groups: [changed] } };
    assert.equal(answer(add(hi161x, ioas, '/a').attach), 'ATTACH_IOMMUFD_PT EINVAL');
    const type1 = add(hi161x, emptyContainer('type1'), '/a');
    assert.deepEqual([answer(type1.attach), type1.container.msiBase], ['ok', undefined]);
  });
});
