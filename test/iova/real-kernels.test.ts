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

  describe('PCI functions whose requester IDs the mask makes one', () => {
    const nodes = `
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu 0 0x10000>; iommu-map-mask = <0xff00>;
        dev@6,0 { reg = <0x3000 0 0 0 0>; };
        port@7,0 { reg = <0x3800 0 0 0 0>; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; ranges; };
        dev@5,0 { reg = <0x2800 0 0 0 0>; };
      };`;
    const withGroup = (kernel: ProfileSettings['kernel']) =>
      ['dev@5,0', 'dev@6,0', 'port@7,0'].filter((name) => linesOf(nodes, kernel, `/pcie/${name}`)[0] === window);

    it('leave the ID to a bridge where groups form as drivers bind: that of bridges is never a module', () => {
      assert.deepEqual(withGroup('6.1'), ['port@7,0']);
      assert.deepEqual(withGroup('6.12'), ['port@7,0']);
    });

    it('leave it to the first device number where groups form as devices are found', () => {
      assert.deepEqual(withGroup('7.2'), ['dev@5,0']);
      // Were there a function 0000:00:00.0 that no source describes, it would be that one.
      assert.deepEqual(linesOf(nodes, '7.2', '0000:00:00.0'), [window]);
      assert.deepEqual(linesOf(nodes, '7.2', '0000:00:08.0'), ['no group']);
    });
  });

  it('numbers buses in the order of the bridges’ device numbers, not in that of their nodes', () => {
    const bridge = (name: string, reg: string) =>
      `${name} { reg = <${reg} 0 0 0 0>; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; ranges;
        dev@0,0 { reg = <0 0 0 0 0>; }; };`;
    const nodes = `
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0x100 &smmu 0 0x100>;
        ${bridge('port@9,0', '0x4800')} ${bridge('port@3,0', '0x1800')}
      };`;
    for (const kernel of ['6.12', '7.2'] as const) {
      assert.deepEqual(linesOf(nodes, kernel, '/pcie/port@3,0/dev@0,0'), [window]);
      assert.deepEqual(linesOf(nodes, kernel, '/pcie/port@9,0/dev@0,0'), ['no group']);
    }
  });

  describe('an SMMU whose registers Linux cannot find', () => {
    const behind = (bus: string, reg: string) => `
      soc { ${bus} far: iommu@9050000 { compatible = "arm,smmu-v3"; ${reg} #iommu-cells = <1>; }; };
      dev { compatible = "test,device"; iommus = <&far 1>; };`;
    const cells = (count: number) => `#address-cells = <${String(count)}>; #size-cells = <1>;`;

    it('does not probe, and no device behind it has a group', () => {
      const lost = [
        behind(`${cells(1)} ranges;`, ''),
        behind(cells(1), 'reg = <0x9050000 0x20000>;'),
        behind(`${cells(1)} ranges;`, 'reg = <0x9050000 0x10000>;'),
        behind(`${cells(3)} ranges;`, 'reg = <0 0 0x9050000 0x20000>;'),
      ];
      for (const kernel of ['6.1', '6.12', '7.2'] as const)
        for (const nodes of lost) assert.deepEqual(linesOf(nodes, kernel, '/dev'), ['no group'], nodes);
    });

    it('works where they can be found', () => {
      const found = [
        behind(`${cells(1)} ranges;`, 'reg = <0x9050000 0x20000>;'),
        behind(`${cells(3)} ranges;`, 'reg = <0x200 0 0x9050000 0x20000>;'),
      ];
      for (const kernel of ['6.1', '6.12', '7.2'] as const)
        for (const nodes of found) assert.deepEqual(linesOf(nodes, kernel, '/dev'), [window], nodes);
    });

    it('works below a bus that leaves its #address-cells to the one above, up to 6.12', () => {
      const nodes = behind('#size-cells = <1>; ranges;', 'reg = <0 0x9050000 0x20000>;');
      assert.deepEqual(linesOf(nodes, '6.12', '/dev'), [window]);
      assert.deepEqual(linesOf(nodes, '7.2', '/dev'), ['no group']);
    });
  });

  it('a platform device that crashes the kernel does so before a PCI function loses the SMMU, and the other way round', () => {
    const tree = (deviceId: string, functionId: string) => `
      hole: hole { iommu-addresses = <&dev 0 0x10000000 0 0x1000>; };
      soc { #address-cells = <2>; #size-cells = <2>; ranges; dma-ranges = <0 0 0 0x40000000 0 0x1000>;
        dev: dev { compatible = "test,device"; iommus = <&smmu ${deviceId}>; memory-region = <&hole>; }; };
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu ${functionId} 0x10>; dev@1,0 { reg = <0x800 0 0 0 0>; }; };`;
    assert.deepEqual(linesOf(tree('1', '0x100'), '7.2', '/soc/dev'), ['oops']);
    assert.deepEqual(linesOf(tree('1', '0x10000'), '7.2', '/soc/dev'), ['oops']);
    assert.deepEqual(linesOf(tree('1', '0x10000'), '7.2', '/pcie/dev@1,0'), ['no group']);
    assert.deepEqual(linesOf(tree('0x10000', '0x100'), '7.2', '/soc/dev'), ['no group']);
    assert.deepEqual(linesOf(tree('1', '0x10000'), '6.12', '/soc/dev'), ['oops']);
  });

  it('an SMMUv3 of no cells goes on in 6.1, and takes stream ID 0 for everybody', () => {
    const nodes = `
      far: iommu@9050000 { compatible = "arm,smmu-v3"; reg = <0 0x9050000 0 0x20000>; #iommu-cells = <0>; };
      one { compatible = "test,device"; iommus = <&far>; };
      two { compatible = "test,device"; iommus = <&far>; };`;
    assert.deepEqual(linesOf(nodes, '6.1', '/one'), [window]);
    assert.deepEqual(linesOf(nodes, '6.1', '/two'), ['no group']);
    assert.deepEqual(linesOf(nodes, '6.12', '/one'), ['no group']);
  });

  it('an SMMU that the dma-ranges above it leave no memory does not probe', () => {
    const nodes = (to: string) => `
      memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
      soc { #address-cells = <2>; #size-cells = <2>; ranges; dma-ranges = <0 0x8000000 ${to} 0 0x40000000>;
        far: iommu@9050000 { compatible = "arm,smmu-v3"; reg = <0 0x9050000 0 0x20000>; #iommu-cells = <1>; }; };
      dev { compatible = "test,device"; iommus = <&far 1>; };`;
    for (const kernel of ['6.1', '6.12', '7.2'] as const) {
      assert.deepEqual(linesOf(nodes('1 0'), kernel, '/dev'), ['no group']);
      assert.deepEqual(linesOf(nodes('0 0x48000000'), kernel, '/dev'), [window]);
    }
  });

  it('a PrimeCell without a memory resource is no device', () => {
    const gpio = (reg: string) => `
      soc { #address-cells = <3>; #size-cells = <1>; ranges;
        gpio: gpio { compatible = "arm,pl061", "arm,primecell"; ${reg} iommus = <&smmu 1>; }; };
      other { compatible = "test,device"; iommus = <&smmu 1>; };`;
    for (const reg of ['', 'reg = <0 0 0x9030000 0x1000>;'])
      assert.deepEqual(linesOf(gpio(reg), '6.12', '/soc/gpio'), ['no group']);
    assert.deepEqual(linesOf(gpio('reg = <0x200 0 0x9030000 0x1000>;'), '6.12', '/soc/gpio'), [window]);
    const inherited = gpio('reg = <0 0x9030000 0x1000>;').replace('#address-cells = <3>;', '');
    assert.deepEqual(linesOf(inherited, '6.12', '/soc/gpio'), [window]);
    assert.deepEqual(linesOf(inherited, '7.2', '/soc/gpio'), ['no group']);
  });
});
