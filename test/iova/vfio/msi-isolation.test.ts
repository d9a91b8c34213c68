// Isolated interrupts: the verdict on each device and the chain of nodes behind it, as each kernel judges.
import assert from 'node:assert/strict';
import { isolationOf } from '../../../server/src/iova/vfio/msi-isolation';
import type { DeviceIsolation } from '../../../server/src/iova/vfio/msi-isolation';
import { textAt } from '../../topology/trees';
import { device, groupOf, machine } from './machine';

const v2m = 'v2m: v2m@b000000 { compatible = "arm,gic-v2m-frame"; msi-controller; reg = <0 0xb000000 0 0x1000>; };';

function bridge(maps: string, functions = ''): string {
  return `pcie: pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0 0x10000000 0 0x1000000>;
    #address-cells = <3>; #size-cells = <2>; ranges = <0x2000000 0 0x20000000 0 0x20000000 0 0x10000000>;
    iommu-map = <0 &smmu 0 0x10000>; ${maps} ${functions} };`;
}

function chain({ chain: links }: DeviceIsolation): string[] {
  return links.map(({ path, property, source }) => `${path} ${property === undefined ? '' : textAt(source)}`.trim());
}

describe('interrupt isolation', () => {
  it('is found by the entry of msi-map that covers a function', () => {
    const host = machine(
      `${v2m} ${bridge('msi-map = <0 &its 0 0x10>, <0x10 &v2m 0 0x100>;', 'dev@1,0 { reg = <0x800 0 0 0 0>; }; dev@2,0 { reg = <0x1000 0 0 0 0>; };')}`,
    );
    const [one] = isolationOf(host.topology, host.kernel, groupOf(host, '/pcie@10000000/dev@1,0')).devices;
    assert.equal(one?.isolated, true);
    assert.deepEqual(chain(one), ['/pcie@10000000/dev@1,0', '/pcie@10000000 0 &its 0 0x10', '/msi@8080000']);
    const two = isolationOf(host.topology, host.kernel, groupOf(host, '/pcie@10000000/dev@2,0'));
    assert.equal(two.isolated, false);
    assert.equal(two.devices[0]?.controller?.path, '/v2m@b000000');
    assert.match(two.reason ?? '', /\/v2m@b000000 lets any device raise any interrupt/);
  });

  it('is that of the bridge above where msi-map does not cover a function', () => {
    const behind = (more: string) =>
      `port@4,0 { reg = <0x2000 0 0 0 0>; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; ranges; ${more} };`;
    const host = machine(bridge('msi-map = <0x20 &its 0 8>;', behind('dev@0,0 { reg = <0 0 0 0 0>; };')));
    const path = '/pcie@10000000/port@4,0/dev@0,0';
    const [found] = isolationOf(host.topology, host.kernel, groupOf(host, path)).devices;
    assert.equal(found?.isolated, true);
    assert.deepEqual(chain(found), [path, '/pcie@10000000 0x20 &its 0 8', '/msi@8080000']);
    const other = machine(bridge('msi-map = <0x28 &its 0 8>;', behind('dev@0,0 { reg = <0 0 0 0 0>; };')));
    assert.equal(isolationOf(other.topology, other.kernel, groupOf(other, path)).isolated, false);
  });

  it('is not had from an ITS without registers', () => {
    const lost = 'lost: its { compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>; };';
    const host = machine(`${lost} dev { compatible = "test,device"; iommus = <&smmu 1>; msi-parent = <&lost 1>; };`);
    assert.equal(isolationOf(host.topology, host.kernel, groupOf(host, '/dev')).isolated, false);
  });

  it('ends where a device has no MSI controller', () => {
    const host = machine('a: a { compatible = "test,device"; iommus = <&smmu 1>; };');
    const { scope, isolated, devices } = isolationOf(host.topology, host.kernel, groupOf(host, '/a'));
    assert.deepEqual([scope, isolated], ['device', false]);
    assert.deepEqual(chain(devices[0]!), ['/a']);
  });

  it('is judged for the system up to 6.2, whatever the device’s own chain', () => {
    const spoiled = machine(`${v2m} ${device('a', 1)}`, { kernel: '6.1' });
    const verdict = isolationOf(spoiled.topology, spoiled.kernel, groupOf(spoiled, '/a'));
    assert.deepEqual([verdict.scope, verdict.isolated, verdict.devices[0]?.isolated], ['system', false, true]);
    const host = machine('a: a { compatible = "test,device"; iommus = <&smmu 1>; };', { kernel: '6.1' });
    const other = isolationOf(host.topology, host.kernel, groupOf(host, '/a'));
    assert.deepEqual([other.scope, other.isolated, other.devices[0]?.isolated], ['system', true, false]);
  });

  it('is unknown on 6.1 where a host bridge may take MSIs itself', () => {
    const own = bridge('').replace('pci-host-ecam-generic', 'vendor,dw-pcie');
    const host = machine(`${own} ${device('a', 1)}`, { kernel: '6.1' });
    const { isolated, reason } = isolationOf(host.topology, host.kernel, groupOf(host, '/a'));
    assert.equal(isolated, undefined);
    assert.match(reason ?? '', /If the driver of \/pcie@10000000 takes MSIs itself/);
  });

  it('is unknown for functions without a node that may take different ways, and known for one that is named', () => {
    const host = machine(`${v2m} ${bridge('msi-map = <0 &its 0 0x10>, <0x10 &v2m 0 0x100>;')}`);
    const group = groupOf(host, '/pcie@10000000');
    assert.equal(isolationOf(host.topology, host.kernel, group).isolated, undefined);
    assert.equal(isolationOf(host.topology, host.kernel, group, 0x8).isolated, true);
    assert.equal(isolationOf(host.topology, host.kernel, group, 0x10).isolated, false);
    // It is below a bridge, which may be covered; drivers/pci/probe.c pci_set_bus_msi_domain.
    const below = isolationOf(host.topology, host.kernel, group, 0x1000);
    assert.equal(below.isolated, undefined);
    assert.match(below.reason ?? '', /^It depends on the bridge above it/);
    const few = machine(bridge('msi-map = <0 &its 0 0x10>;'));
    const ofFew = groupOf(few, '/pcie@10000000');
    assert.equal(isolationOf(few.topology, few.kernel, ofFew, 0x18).isolated, false, 'msi-map does not cover it');
  });
});
