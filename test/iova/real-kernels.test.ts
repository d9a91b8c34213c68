// What random trees on real kernels taught (npm run test:kernel): each tree is a failure made small, each expectation what
// the kernels printed.
import assert from 'node:assert/strict';
import { findDevice } from '../../server/src/iova/find-device';
import type { ProfileSettings } from '../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { sysfsLines } from '../../server/src/iova/print-regions';
import { topologyOf } from '../topology/trees';

const window = '0x0000000008000000 0x00000000080fffff msi';

/** The lines of a device's group; `no group` and nothing else where it has none. */
function linesOf(nodes: string, kernel: ProfileSettings['kernel'], device: string): string[] {
  const topology = topologyOf(nodes);
  const prediction = predictRegions(topology, kernelProfile(kernel === undefined ? {} : { kernel }));
  const found = findDevice(topology, prediction, { resolve: (name) => name }, device);
  assert.ok(found.kind === 'found', `${device} exists`);
  if (found.group === undefined) return ['no group'];
  return found.group.oops === undefined ? sysfsLines(found.group, undefined) : ['oops'];
}

describe('what real kernels taught', () => {
  describe('a direct region that the IOMMU cannot map', () => {
    const other = 'other { compatible = "test,device"; iommus = <&smmu 2>; };';

    function device(region: string): string {
      return `
        reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; region: region { ${region} }; };
        dev: dev { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&region>; };
        ${other}`;
    }

    it('keeps the device out of any group, from 7.2 on its SMMU with all masters', () => {
      const far = device(
        'reg = <0xffff 0xfffff000 0 0x100000>; iommu-addresses = <&dev 0xffff 0xfffff000 0 0x100000>;',
      );
      assert.deepEqual(linesOf(far, '6.12', '/dev'), ['no group']);
      assert.deepEqual(linesOf(far, '6.12', '/other'), [window]);
      assert.deepEqual(linesOf(far, '7.2', '/dev'), ['no group']);
      assert.deepEqual(linesOf(far, '7.2', '/other'), ['no group']);
      assert.deepEqual(linesOf(far, '6.1', '/dev'), [window]);
    });

    it('does no harm when it is reserved only', () => {
      const hole = device('iommu-addresses = <&dev 0xffff 0xfffff000 0 0x100000>;');
      assert.deepEqual(linesOf(hole, '7.2', '/dev'), [window, '0x0000fffffffff000 0x00010000000fefff reserved']);
    });

    it('does no harm when it ends at the last address: the end wraps, and nothing is mapped', () => {
      const last = device(
        'reg = <0xffffffff 0xfffff000 0 0x1000>; iommu-addresses = <&dev 0xffffffff 0xfffff000 0 0x1000>;',
      );
      for (const kernel of ['6.12', '7.2'] as const)
        assert.deepEqual(linesOf(last, kernel, '/dev'), [window, '0xfffffffffffff000 0xffffffffffffffff direct']);
    });

    it('does no harm inside one page: start and end round up to the same', () => {
      const small = device('reg = <0xffff 0xfffff801 0 0x7fe>; iommu-addresses = <&dev 0xffff 0xfffff801 0 0x7fe>;');
      for (const kernel of ['6.12', '7.2'] as const)
        assert.deepEqual(linesOf(small, kernel, '/dev'), [window, '0x0000fffffffff801 0x0000fffffffffffe direct']);
    });
  });

  it('a reg of the last byte is OF_BAD_ADDR to the kernel: the node reserves nothing', () => {
    const nodes = `
      reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        last: last { reg = <0xffffffff 0xffffffff 0 1>; iommu-addresses = <&dev 0xffffffff 0xffffffff 0 1>, <&dev 0 0x1000 0 0x1000>; };
      };
      dev: dev { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&last>; };`;
    assert.deepEqual(linesOf(nodes, '6.12', '/dev'), [window]);
    assert.deepEqual(linesOf(nodes, '7.2', '/dev'), [window]);
  });

  it('a platform device takes the stream ID of a PCI function that no source describes, where groups form before drivers bind', () => {
    const nodes = `
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu 0 0x10000>; };
      dev { compatible = "test,device"; iommus = <&smmu 0>; };`;
    assert.deepEqual(linesOf(nodes, '7.2', '0000:00:00.0'), ['no group']);
    assert.deepEqual(linesOf(nodes, '7.2', '0000:00:00.1'), [window]);
    assert.deepEqual(linesOf(nodes, '7.2', '/dev'), [window]);
  });
});
