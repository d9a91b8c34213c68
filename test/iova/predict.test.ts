// What the recorded cases do not cover: other IOMMU drivers, groups, and settings.
import assert from 'node:assert/strict';
import { findDevice } from '../../server/src/iova/find-device';
import type { ProfileSettings } from '../../server/src/iova/kernel-profile';
import { kernelProfile } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import type { PredictedGroup } from '../../server/src/iova/predict';
import { printSysfs, regionsJson, sysfsLines } from '../../server/src/iova/print-regions';
import { attachGroup } from '../../server/src/iova/vfio/attach-group';
import { topologyOf } from '../topology/trees';

const names = { resolve: (name: string) => (name.startsWith('/') ? name : undefined) };

function predict(nodes: string, settings: ProfileSettings = {}) {
  const topology = topologyOf(nodes);
  return { topology, prediction: predictRegions(topology, kernelProfile(settings)) };
}

/** `path path: start-end type, …` for each group. */
function summary(groups: readonly PredictedGroup[]): string[] {
  return groups.map(({ devices, regions }) => {
    const lines = regions.map(({ range, type }) => `${range.start.toString(16)}-${range.end.toString(16)} ${type}`);
    return `${devices.map(({ path }) => path).join(' ')}: ${lines.join(', ')}`;
  });
}

const window = '8000000-80fffff software-msi';

function device(name: string, properties: string): string {
  return `${name} { compatible = "test,device"; ${properties} };`;
}

describe('groups', () => {
  it('share where SMRs of an arm-smmu cover each other, and refuse where they only overlap', () => {
    const { prediction } = predict(`
      v2: iommu@a000000 { compatible = "arm,mmu-500"; reg = <0 0xa000000 0 0x10000>; #iommu-cells = <2>; };
      ${device('a', 'iommus = <&v2 0x400 0x3>;')}
      ${device('b', 'iommus = <&v2 0x401 0x0>;')}
      ${device('c', 'iommus = <&v2 0x402 0x4>;')}
      ${device('d', 'iommus = <&v2 0x500 0x0>;')}`);
    assert.deepEqual(summary(prediction.groups), [`/a /b: ${window}`, `/d: ${window}`]);
    assert.match(prediction.ungrouped.find(({ path }) => path === '/c')?.reason ?? '', /overlaps one of \/a/);
  });

  it('take the stream-match-mask of an arm-smmu for the missing second cell', () => {
    const { prediction } = predict(`
      v2: iommu@a000000 { compatible = "arm,mmu-500"; reg = <0 0xa000000 0 0x10000>; #iommu-cells = <1>; stream-match-mask = <0x7f80>; };
      ${device('a', 'iommus = <&v2 0x2>;')}
      ${device('b', 'iommus = <&v2 0x82>;')}`);
    assert.deepEqual(summary(prediction.groups), [`/a /b: ${window}`]);
  });

  it('are one for all devices behind an IOMMU without stream IDs, with an empty list where its driver has none', () => {
    const { prediction } = predict(`
      mmu: iommu@a000000 { compatible = "rockchip,iommu"; reg = <0 0xa000000 0 0x100>; #iommu-cells = <0>; };
      ${device('a', 'iommus = <&mmu>;')} ${device('b', 'iommus = <&mmu>;')}`);
    assert.deepEqual(summary(prediction.groups), ['/a /b: ']);
  });

  it('keep PCI functions apart, and say which may share for want of ACS: of the same device, and bridges above', () => {
    const { prediction, topology } = predict(`
      reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        hole: hole { iommu-addresses = <&b 0x2000000 0 0x10000000 0 0x1000>; };
      };
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu 0 0x10000>;
        a@1,0 { reg = <0x800 0 0 0 0>; }; b: b@1,1 { reg = <0x900 0 0 0 0>; memory-region = <&hole>; };
        port@2,0 { device_type = "pci"; reg = <0x1000 0 0 0 0>; #address-cells = <3>; #size-cells = <2>; c@0,0 { reg = <0x10000 0 0 0 0>; }; };
      };`);
    // As groups form: bridges get their driver first.
    assert.deepEqual(summary(prediction.groups), [
      `/pcie/port@2,0: ${window}`,
      `/pcie: ${window}`,
      `/pcie/a@1,0: ${window}`,
      `/pcie/b@1,1: ${window}, 10000000-10000fff reserved`,
      `/pcie/port@2,0/c@0,0: ${window}`,
    ]);
    const sharing = (device: string) => {
      const found = findDevice(topology, prediction, names, device);
      return found.kind === 'found' ? found.mayShare : found.message;
    };
    assert.deepEqual(sharing('/pcie/a@1,0'), ['/pcie/b@1,1']);
    assert.deepEqual(sharing('0000:00:01.1'), ['/pcie/a@1,0']);
    // Not described itself: what it reserves is known, what its neighbours bring into the group is not.
    assert.deepEqual(sharing('0000:00:01.2'), ['/pcie/a@1,0', '/pcie/b@1,1']);
    assert.deepEqual(sharing('/pcie/port@2,0/c@0,0'), ['/pcie/port@2,0']);
    assert.deepEqual(sharing('0000:00:03.0'), []);
    const reason =
      'functions of one device, and what is behind a bridge, are kept apart only by ACS, which no source tells';
    assert.match(printSysfs(prediction), new RegExp(`# may share a group with /pcie/b@1,1: ${reason}\n`));
    assert.deepEqual(regionsJson(prediction).groups[2]?.mayShare, ['/pcie/b@1,1']);
  });

  it('put a disabled function, and one that a disabled bridge hides, nowhere', () => {
    const { prediction, topology } = predict(`
      pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        iommu-map = <0 &smmu 0 0x10000>;
        a@1,0 { status = "disabled"; reg = <0x800 0 0 0 0>; };
      };`);
    assert.deepEqual(summary(prediction.groups), [`/pcie: ${window}`]);
    const found = findDevice(topology, prediction, names, '0000:00:01.0');
    assert.ok(found.kind === 'found' && found.group === undefined);
  });
});

describe('regions of drivers', () => {
  const hole =
    'reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; hole: hole { iommu-addresses = <&dev 0 0x10000000 0 0x1000>; }; };';

  it('leave out iommu-addresses where the driver does not ask for them', () => {
    const nodes = `${hole}
      mmu: iommu@a000000 { compatible = "samsung,exynos-sysmmu"; reg = <0 0xa000000 0 0x100>; #iommu-cells = <0>; };
      dev: ${device('dev', 'iommus = <&mmu>; memory-region = <&hole>;')}`;
    assert.deepEqual(summary(predict(nodes).prediction.groups), ['/dev: ']);
    const later = predict(nodes, { kernel: '7.2' });
    assert.deepEqual(summary(later.prediction.groups), ['/dev: 10000000-10000fff reserved'], 'from 6.17 on');
  });

  it('are unknown behind a virtio-iommu until the settings tell them', () => {
    const nodes = `${hole}
      mmu: iommu@a000000 { compatible = "virtio,mmio"; reg = <0 0xa000000 0 0x200>; #iommu-cells = <1>; };
      dev: ${device('dev', 'iommus = <&mmu 1>; memory-region = <&hole>;')}`;
    const [group] = predict(nodes).prediction.groups;
    assert.deepEqual(summary([group!]), ['/dev: 10000000-10000fff reserved']);
    assert.match(group!.unknown.join(), /virtioIommuRegions/);
    assert.deepEqual(summary(predict(nodes, { virtioIommuRegions: [] }).prediction.groups), [
      `/dev: ${window}, 10000000-10000fff reserved`,
    ]);
  });

  it('take the window from the settings', () => {
    const nodes = device('dev', 'iommus = <&smmu 1>;');
    const { prediction } = predict(nodes, { msiWindow: { base: 0x9000000n, size: 0x200000n } });
    assert.deepEqual(summary(prediction.groups), ['/dev: 9000000-91fffff software-msi']);
    assert.equal(prediction.kernel.msiWindowOrigin, 'settings');
  });
});

describe('a prediction as text', () => {
  it('is a header and the kernel’s lines for each group', () => {
    const { prediction } = predict(`${device('a', 'iommus = <&smmu 1>;')} ${device('b', 'iommus = <&smmu 2>;')}`);
    const line = '0x0000000008000000 0x00000000080fffff msi\n';
    assert.equal(printSysfs(prediction), `# group 0: /a\n${line}# group 1: /b\n${line}`);
  });

  it('names the source line of each region in JSON', () => {
    const { prediction } = predict(`
      r: r { iommu-addresses = <&dev 0 0x10000000 0 0x1000>; };
      dev: ${device('dev', 'iommus = <&smmu 1>; memory-region = <&r>;')}`);
    const json = JSON.parse(JSON.stringify(regionsJson(prediction))) as unknown;
    assert.deepEqual(json, {
      kernel: '6.12',
      groups: [
        {
          id: 0,
          devices: ['/dev'],
          regions: [
            { start: '0x0000000008000000', end: '0x00000000080fffff', type: 'msi', origin: 'sw-msi', source: null },
            {
              start: '0x0000000010000000',
              end: '0x0000000010000fff',
              type: 'reserved',
              origin: 'iommu-addresses',
              source: { file: '/test/board.dts', line: 6, column: 33 },
            },
          ],
        },
      ],
    });
  });

  it('ends where the kernel’s page does, from 6.12 on', () => {
    const entries = Array.from(
      { length: 100 },
      (_, i) => `<&dev 0 0x${(0x10000000 + i * 0x10000).toString(16)} 0 0x1000>`,
    );
    const nodes = `r: r { iommu-addresses = ${entries.join(', ')}; }; dev: ${device('dev', 'iommus = <&smmu 1>; memory-region = <&r>;')}`;
    const { prediction } = predict(nodes);
    const lines = sysfsLines(prediction.groups[0]!, prediction.kernel.sysfsLimit);
    assert.equal(prediction.groups[0]!.regions.length, 101);
    assert.equal(lines.join('\n').length, 4095);
    assert.equal(sysfsLines(prediction.groups[0]!, undefined).length, 101);
  });
});

describe('finding a device', () => {
  const bridge = `
    pcie { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
      linux,pci-domain = <2>; iommu-map = <0x8 &smmu 0x100 0x8>; };`;

  it('sends PCI addresses through the map of the bridge with that segment', () => {
    const { topology, prediction } = predict(bridge);
    const covered = findDevice(topology, prediction, names, '0002:00:01.0');
    assert.ok(covered.kind === 'found' && covered.group?.devices[0]?.path === '/pcie');
    const outside = findDevice(topology, prediction, names, '0002:00:02.0');
    assert.ok(outside.kind === 'found' && outside.group === undefined);
    assert.match(outside.reason ?? '', /0x10/);
    assert.equal(findDevice(topology, prediction, names, '0000:00:01.0').kind, 'missing');
    assert.equal(findDevice(topology, prediction, names, '0002:00:20.0').kind, 'missing');
  });

  it('tells a device without IOMMU from one that does not exist', () => {
    const { topology, prediction } = predict(device('dev', ''));
    const found = findDevice(topology, prediction, names, '/dev');
    assert.ok(found.kind === 'found' && found.group === undefined);
    assert.equal(findDevice(topology, prediction, names, 'nothing').kind, 'missing');
  });
});

describe('VFIO', () => {
  it('takes a device that is coherent itself behind an arm-smmu that is not', () => {
    const { topology, prediction } = predict(`
      v2: iommu@a000000 { compatible = "arm,mmu-500"; reg = <0 0xa000000 0 0x10000>; #iommu-cells = <1>; };
      ${device('a', 'iommus = <&v2 1>; dma-coherent; msi-parent = <&its 1>;')}
      ${device('b', 'iommus = <&v2 2>; msi-parent = <&its 2>;')}`);
    const [a, b] = prediction.groups.map((group) => attachGroup(topology, prediction, group));
    assert.equal(a?.attach.result, 'ok');
    assert.equal(a.msiBase, 0x8000000n);
    assert.deepEqual([b?.attach.result, b?.attach.result === 'EINVAL' && b.attach.step], ['EINVAL', 'bind']);
  });

  it('judges interrupt isolation of the whole system on 6.1', () => {
    const nodes = `
      v2m { compatible = "arm,gic-v2m-frame"; msi-controller; reg = <0 0xb000000 0 0x1000>; };
      ${device('a', 'iommus = <&smmu 1>; msi-parent = <&its 1>;')}`;
    const [now, before] = (['6.12', '6.1'] as const).map((kernel) => {
      const { topology, prediction } = predict(nodes, { kernel });
      return attachGroup(topology, prediction, prediction.groups[0]!).attach.result;
    });
    assert.deepEqual([now, before], ['ok', 'EPERM']);
  });

  it('attaches a group with a direct region on 6.1 alone, where firmware regions of a tree do not count', () => {
    const nodes = `
      reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        fb: fb@70000000 { reg = <0 0x70000000 0 0x1000>; iommu-addresses = <&a 0 0x70000000 0 0x1000>; }; };
      a: ${device('a', 'iommus = <&smmu 1>; msi-parent = <&its 1>; memory-region = <&fb>;')}`;
    const results = (['6.1', '6.12'] as const).map((kernel) => {
      const { topology, prediction } = predict(nodes, { kernel });
      const { attach } = attachGroup(topology, prediction, prediction.groups[0]!);
      return attach.result === 'ok' ? 'ok' : `${attach.step} ${attach.result}`;
    });
    assert.deepEqual(results, ['ok', 'SET_CONTAINER EINVAL']);
  });
});
