// Each IOMMU driver of Linux with a device whose firmware reserves 0x70000000: what every kernel then prints, and who shares.
import assert from 'node:assert/strict';
import { kernelProfile, kernelProfiles, type KernelVersion } from '../../server/src/iova/kernel-profile';
import { predictRegions } from '../../server/src/iova/predict';
import { driversByCompatible } from '../../server/src/topology/iommu-drivers';
import { topologyOf } from '../topology/trees';

const kernels = Object.keys(kernelProfiles) as KernelVersion[];
const window = '8000000-80fffff msi';
const entry = '70000000-70000fff reserved';
const all = (...lines: string[]): Expected => ({ '6.1': lines, '6.12': lines, '7.2': lines });
const none = 'no group';
type Expected = Record<KernelVersion, readonly string[] | typeof none>;

interface Case {
  /** `compatible` of the IOMMU. */
  readonly name: string;
  readonly cells: number;
  readonly iommu?: string;
  /** Cells of the device's entry. */
  readonly ids: string;
  readonly expected: Expected;
}

const silent = all();
const since612: Expected = { '6.1': none, '6.12': [], '7.2': [] };
const since72: Expected = { '6.1': none, '6.12': none, '7.2': [] };
const firmware = (...own: string[]): Expected => ({ '6.1': own, '6.12': [...own, entry], '7.2': [...own, entry] });

const cases: readonly Case[] = [
  { name: 'arm,smmu-v3', cells: 1, ids: '0x10', expected: firmware(window) },
  ...['arm,smmu-v1', 'arm,smmu-v2', 'arm,mmu-400', 'arm,mmu-401', 'arm,mmu-500', 'cavium,smmu-v2'].map((name) => {
    return { name, cells: 1, ids: '0x10', expected: firmware(window) };
  }),
  { name: 'nvidia,tegra234-smmu", "nvidia,smmu-500', cells: 1, ids: '0x10', expected: firmware(window) },
  { name: 'qcom,msm8996-smmu-v2", "qcom,smmu-v2', cells: 2, ids: '0x10 0', expected: firmware(window) },
  { name: 'qcom,sm8550-smmu-500", "qcom,smmu-500", "arm,mmu-500', cells: 2, ids: '0x10 0', expected: firmware(window) },
  { name: 'qcom,msm8916-iommu", "qcom,msm-iommu-v1', cells: 1, ids: '2', expected: silent },
  { name: 'qcom,msm8953-iommu", "qcom,msm-iommu-v2', cells: 1, ids: '2', expected: since612 },
  { name: 'qcom,apq8064-iommu', cells: 1, ids: '2', expected: silent },
  { name: 'virtio,mmio', cells: 1, ids: '2', expected: firmware(window) },
  { name: 'apple,t8103-dart', cells: 1, ids: '1', expected: firmware() },
  { name: 'apple,t6020-dart", "apple,t8110-dart', cells: 1, ids: '1', expected: { ...firmware(), '6.1': none } },
  { name: 'samsung,exynos-sysmmu', cells: 0, ids: '', expected: { '6.1': [], '6.12': [], '7.2': [entry] } },
  { name: 'mediatek,mt8173-m4u', cells: 1, ids: '0x21', expected: silent },
  { name: 'mediatek,mt8365-m4u', cells: 1, ids: '0x21', expected: since612 },
  { name: 'mediatek,mt2701-m4u', cells: 1, ids: '0x21', expected: silent },
  { name: 'mediatek,mt8188-iommu-infra', cells: 1, ids: '0x12', expected: since612 },
  { name: 'mediatek,mt8189-iommu-infra', cells: 1, ids: '0x12', expected: since72 },
  { name: 'ti,omap4-iommu', cells: 0, ids: '', expected: silent },
  { name: 'rockchip,rk3568-iommu', cells: 0, ids: '', expected: silent },
  { name: 'sprd,iommu-v1', cells: 0, ids: '', expected: silent },
  { name: 'allwinner,sun50i-h6-iommu', cells: 1, ids: '3', expected: silent },
  { name: 'allwinner,sun50i-h616-iommu', cells: 1, ids: '3', expected: since612 },
  { name: 'renesas,ipmmu-r8a7795', cells: 1, ids: '3', expected: silent },
  { name: 'nvidia,tegra210-mc', cells: 1, ids: '3', expected: silent },
  { name: 'nvidia,tegra20-mc-gart', cells: 0, ids: '', expected: { '6.1': [], '6.12': none, '7.2': none } },
  { name: 'rockchip,rk3588-av1-iommu", "verisilicon,iommu-1.2', cells: 0, ids: '', expected: since72 },
  { name: 'riscv,iommu', cells: 1, ids: '3', expected: since72 },
  { name: 'xen,grant-dma', cells: 1, ids: '1', expected: { '6.1': none, '6.12': none, '7.2': none } },
];

function nodes(compatible: string, cells: number, devices: string, region = true): string {
  return `mmu: mmu@a000000 { compatible = "${compatible}"; reg = <0 0xa000000 0 0x20000>; #iommu-cells = <${cells}>; dma-coherent; };
	${region ? 'reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; hole: hole { iommu-addresses = <&a 0 0x70000000 0 0x1000>; }; };' : ''}
	${devices}`;
}

function device(name: string, ids: string, more = ''): string {
  return `${name}: ${name} { compatible = "test,dma"; iommus = <&mmu ${ids}>; ${more} };`;
}

function groupsOn(text: string, kernel: KernelVersion, pageSize = 0x1000n) {
  const virtioIommuRegions: [] = [];
  return predictRegions(topologyOf(text), kernelProfile({ kernel, pageSize, virtioIommuRegions })).groups;
}

function linesOf(
  text: string,
  path: string,
  kernel: KernelVersion,
  pageSize?: bigint,
): readonly string[] | typeof none {
  const group = groupsOn(text, kernel, pageSize).find(({ devices }) => devices.some((each) => each.path === path));
  return (
    group?.regions.map(({ range, type }) => {
      return `${range.start.toString(16)}-${range.end.toString(16)} ${type.endsWith('msi') ? 'msi' : type}`;
    }) ?? none
  );
}

/** Groups as the names of their devices. */
function sharing(text: string, kernel: KernelVersion): string[] {
  return groupsOn(text, kernel).map(({ devices }) => devices.map(({ path }) => path.slice(1)).join(' '));
}

describe('IOMMU drivers', () => {
  for (const { name, cells, ids, expected } of cases) {
    it(`${name.replaceAll('", "', ', ')}: the device's list on each kernel`, () => {
      const text = nodes(name, cells, device('a', ids, 'memory-region = <&hole>;'));
      for (const kernel of kernels) assert.deepEqual(linesOf(text, '/a', kernel), expected[kernel], kernel);
    });
  }

  it('are all in the table above, but for chips of one family', () => {
    const drivers = new Set([...driversByCompatible().values()].map(({ name }) => name));
    const tested = new Set(
      cases.flatMap(({ name }) => name.split('", "').flatMap((each) => driversByCompatible().get(each)?.name ?? [])),
    );
    assert.deepEqual([...tested].sort(), [...drivers].sort());
  });
});

describe('MediaTek’s windows', () => {
  const camera = ['240000000-247ffffff reserved'];
  const windows: readonly (readonly [string, string, readonly string[]])[] = [
    ['mediatek,mt8192-m4u', '0x20', []], // larb 1
    ['mediatek,mt8192-m4u', '0x80', []], // larb 4
    ['mediatek,mt8192-m4u', '0x120', camera], // larb 9
    ['mediatek,mt8192-m4u', '0x1a9', []], // larb 13 port 9: the camera's processor itself
    ['mediatek,mt8192-m4u', '0x1a8', camera], // larb 13 port 8
    ['mediatek,mt8186-iommu-mm', '0x100', camera], // larb 8
    ['mediatek,mt8195-iommu-vdo', '0x2a0', []], // larb 21
    ['mediatek,mt8195-iommu-vpp', '0x80', camera], // larb 4
    ['mediatek,mt8195-iommu-vpp', '0x240', []], // larb 18 port 0
  ];
  for (const [name, id, expected] of windows) {
    it(`of ${name}: ${id} reserves ${expected.length === 0 ? 'nothing' : 'the camera’s'}`, () => {
      const text = nodes(name, 1, device('a', id), false);
      assert.deepEqual(linesOf(text, '/a', '6.12'), expected);
      assert.deepEqual(linesOf(text, '/a', '7.2'), expected);
      // There are no dma-ranges, so that 6.1 takes the first.
      assert.deepEqual(linesOf(text, '/a', '6.1'), []);
    });
  }

  it('go by dma-ranges on 6.1', () => {
    const below = (ranges: string) =>
      nodes(
        'mediatek,mt8192-m4u',
        1,
        `bus { #address-cells = <2>; #size-cells = <2>; dma-ranges = <${ranges}>; a { iommus = <&mmu 0x20>; }; };`,
        false,
      );
    assert.deepEqual(linesOf(below('2 0 0 0x40000000 0 0xfff00000'), '/bus/a', '6.1'), camera);
    assert.deepEqual(linesOf(below('2 0 0 0x40000000 1 0'), '/bus/a', '6.1'), camera);
    assert.deepEqual(linesOf(below('1 0 0 0x40000000 0 0xfff00000'), '/bus/a', '6.1'), []);
    assert.equal(linesOf(below('0 0 0 0 4 0'), '/bus/a', '6.1'), none);
    assert.deepEqual(linesOf(below('2 0 0 0x40000000 0 0xfff00000'), '/bus/a', '6.12'), []);
  });

  it('of the APU of mt8189', () => {
    const text = (port: number) => nodes('mediatek,mt8189-iommu-apu', 1, device('a', String(port)), false);
    assert.deepEqual(linesOf(text(1), '/a', '7.2'), ['70000000-825fffff reserved']);
    assert.deepEqual(linesOf(text(0), '/a', '7.2'), []);
    assert.equal(linesOf(text(4), '/a', '7.2'), none);
  });

  it('make the groups, over both IOMMUs of a chip', () => {
    const both = `vpp: mmu@b000000 { compatible = "mediatek,mt8195-iommu-vpp"; reg = <0 0xb000000 0 0x1000>; #iommu-cells = <1>; };
	${device('a', '0x0')} ${device('b', '0x260')} c: c { iommus = <&vpp 0x20>; }; d: d { iommus = <&vpp 0x2c0>; }; ${device('e', '0x20>, <&mmu 0x40')}`;
    const text = nodes('mediatek,mt8195-iommu-vdo', 1, both, false);
    // e has ports of two larbs.
    assert.deepEqual(sharing(text, '6.12'), ['a c', 'b d']);
  });
});

describe('Apple’s MSI page', () => {
  const text = nodes(
    'apple,t8103-dart',
    1,
    `pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; reg = <0 0x10000000 0 0x100000>; bus-range = <0 0>;
		iommu-map = <0 &mmu 1 0x10>; a: net@0,0 { reg = <0 0 0 0 0>; }; };
	usb { iommus = <&mmu 7>; };`,
    false,
  );
  for (const [pageSize, page] of [
    [0x1000n, 'fffff000-ffffffff msi'],
    [0x4000n, 'ffffc000-ffffffff msi'],
    [0x10000n, 'ffff0000-ffffffff msi'],
  ] as const) {
    it(`is a whole page of ${pageSize / 1024n} KiB, of PCI functions alone`, () => {
      for (const kernel of kernels) {
        assert.deepEqual(linesOf(text, '/pcie@10000000/net@0,0', kernel, pageSize), [page]);
        assert.deepEqual(linesOf(text, '/usb', kernel, pageSize), []);
      }
    });
  }
});

describe('groups by driver', () => {
  it('are one for an IOMMU where the driver keeps nothing apart', () => {
    for (const name of ['renesas,ipmmu-r8a7795', 'allwinner,sun50i-h6-iommu']) {
      const text = nodes(name, 1, `${device('a', '1')} ${device('b', '2')}`, false);
      for (const kernel of kernels) assert.deepEqual(sharing(text, kernel), ['a b'], name);
    }
  });

  it('follow Tegra’s memory clients, some of which share', () => {
    const devices = [device('a', '1'), device('b', '2'), device('c', '3'), device('d', '3'), device('e', '24')].join(
      ' ',
    );
    assert.deepEqual(sharing(nodes('nvidia,tegra210-mc', 1, devices, false), '6.12'), ['a b', 'c d', 'e']);
    assert.deepEqual(sharing(nodes('nvidia,tegra124-mc', 1, devices, false), '6.12'), ['a b e', 'c d']);
  });

  it('of an SMMUv2 go by the lower 16 bits of a stream ID', () => {
    const text = nodes('arm,mmu-500', 1, `${device('a', '0x10001')} ${device('b', '1')}`, false);
    for (const kernel of kernels) assert.deepEqual(sharing(text, kernel), ['a b']);
  });

  it('have no device whose entry the driver refuses', () => {
    for (const name of ['apple,t8103-dart', 'mediatek,mt8173-m4u', 'mediatek,mt2701-m4u', 'qcom,msm-iommu-v1']) {
      const text = nodes(name, 2, device('a', '1 0'), false);
      for (const kernel of kernels) assert.deepEqual(sharing(text, kernel), [], name);
    }
  });
});
