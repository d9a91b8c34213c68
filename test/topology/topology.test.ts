import assert from 'node:assert/strict';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import type { AddressRange } from '../../server/src/topology/model';
import { board, masterAt, problemList, textAt, topologyOf, treeOf } from './trees';

function span({ start, end }: AddressRange): string {
  return `${start.toString(16)}-${end.toString(16)}`;
}

const host = (more: string) =>
  `pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; ${more} };`;

describe('MSI controllers', () => {
  it('have the doorbell that their binding tells', () => {
    const { msiControllers } = topologyOf(`
      gic { compatible = "arm,gic-v3"; reg = <0 0x2f000000 0 0x10000>; msi-controller; mbi-ranges = <64 64>; };
      alias { compatible = "arm,gic-v3"; reg = <0 0x3f000000 0 0x10000>; msi-controller; mbi-ranges = <64 64>; mbi-alias = <0 0x10410000>; };
      v2m { compatible = "arm,gic-v2m-frame"; reg = <0 0x2c1c0000 0 0x1000>; msi-controller; };
      own { compatible = "test,pcie"; msi-controller; };`);
    const rows = msiControllers.map(({ path, kind, isolated, doorbells }) => [
      path,
      kind,
      isolated,
      ...doorbells.map(({ address, page }) => `${address.toString(16)} in ${span(page)}`),
    ]);
    assert.deepEqual(rows, [
      ['/msi@8080000', 'its', true, '8090040 in 8090000-809ffff'],
      ['/gic', 'mbi', false, '2f000040 in 2f000000-2f00ffff'],
      ['/alias', 'mbi', false, '10410040 in 10410000-1041ffff'],
      ['/v2m', 'gicv2m', false, '2c1c0040 in 2c1c0000-2c1c0fff'],
      ['/own', 'other', undefined],
    ]);
    assert.match(msiControllers.at(-1)?.doorbellsUnknown ?? '', /test,pcie/);
  });

  it('are not found by an msi-parent without the cells that they ask for', () => {
    const topology = topologyOf(host('msi-parent = <&its>;'));
    const [parent] = masterAt(topology, '/pcie@10000000').msi.parents;
    assert.equal(parent?.problem?.code, 'bad-length');
    assert.equal(textAt(parent.source), '&its');
  });
});

describe('PCI host bridges', () => {
  it('have windows in bus and CPU addresses', () => {
    const tree = board(`soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x40000000 0x40000000>;
      ${host('ranges = <0x1000000 0 0 0x0 0 0x10000>, <0x42000000 0 0x20000000 0x10000000 0 0x1000000>;')} };`);
    const [bridge] = topologyFromTree(tree).hostBridges;
    const windows = bridge!.outbound.map(({ kind, prefetchable, bus, cpu }) => [
      kind,
      prefetchable,
      span(bus),
      cpu && span(cpu),
    ]);
    assert.deepEqual(windows, [
      ['io', false, '0-ffff', '40000000-4000ffff'],
      ['memory32', true, '20000000-20ffffff', '50000000-50ffffff'],
    ]);
  });

  it('number described functions by reg, bus-range, or in the order of bridges', () => {
    const port = (name: string, devfn: string, more: string) =>
      `${name} { device_type = "pci"; reg = <${devfn} 0 0 0 0>; #address-cells = <3>; #size-cells = <2>; ${more} };`;
    const topology = topologyOf(
      host(`bus-range = <0x20 0x2f>;
        a@0,0 { reg = <0 0 0 0 0>; };
        ${port('p@1,0', '0x800', 'b@0,0 { reg = <0 0 0 0 0>; };')}
        ${port('p@2,0', '0x1000', 'bus-range = <0x28 0x28>; c@0,1 { reg = <0x100 0 0 0 0>; };')}
        ${port('p@3,0', '0x1800', 'd@1,0 { reg = <0x2a0800 0 0 0 0>; };')}`),
    );
    const rows = topology.masters
      .filter(({ kind }) => kind === 'pci-function')
      .map(({ path, requesterId, isBridge, aliases }) => [
        path.slice(14),
        requesterId?.toString(16),
        isBridge,
        aliases,
      ]);
    assert.deepEqual(rows, [
      ['/a@0,0', '2000', false, []],
      ['/p@1,0', '2008', true, []],
      ['/p@1,0/b@0,0', '2100', false, []],
      ['/p@2,0', '2010', true, []],
      ['/p@2,0/c@0,1', '2801', false, []],
      ['/p@3,0', '2018', true, []],
      // Device 1 behind a bridge, and no bridge itself: a conventional bus, so the bridge's ID stands for it as well.
      ['/p@3,0/d@1,0', '2a08', false, [0x2a00]],
    ]);
  });

  it('have the segment that linux,pci-domain says, else one by their order', () => {
    const bridge = (name: string, more: string) => host(more).replace('pcie@10000000', name);
    const { hostBridges } = topologyOf(
      `${bridge('pcie@1', 'status = "disabled";')} ${bridge('pcie@2', '')} ${bridge('pcie@3', 'linux,pci-domain = <7>;')}`,
    );
    assert.deepEqual(
      hostBridges.map(({ segment, segmentKnown }) => [segment, segmentKnown]),
      [
        [0, false],
        [0, false],
        [7, true],
      ],
    );
  });
});

describe('what reaches memory', () => {
  it('is everything without dma-ranges, or with empty ones', () => {
    assert.equal(masterAt(topologyOf(host('dma-ranges;')), '/pcie@10000000').inbound.windows, undefined);
  });

  it('goes through the dma-ranges of every bus', () => {
    const topology = topologyOf(`soc { #address-cells = <2>; #size-cells = <2>; dma-ranges = <0 0 1 0 0 0x80000000>;
      ${host('dma-ranges = <0x2000000 0 0 0 0x40000000 0 0x80000000>;')} };`);
    const { inbound } = masterAt(topology, '/soc/pcie@10000000');
    assert.deepEqual(
      inbound.windows?.map(({ device, memory }) => [span(device), span(memory)]),
      [['0-3fffffff', '140000000-17fffffff']],
    );
    assert.deepEqual(
      inbound.levels.map(({ bus }) => bus),
      ['/soc/pcie@10000000', '/soc'],
    );
  });

  it('is nothing where the levels do not meet', () => {
    const topology = topologyOf(`soc { #address-cells = <2>; #size-cells = <2>; dma-ranges = <0 0 0 0 0 0x1000>;
      dev { compatible = "test,device"; iommus = <&smmu 1>; };
      ${host('dma-ranges = <0x2000000 0 0 0 0x40000000 0 0x80000000>;')} };`);
    assert.deepEqual(masterAt(topology, '/soc/pcie@10000000').inbound.windows, []);
    assert.equal(masterAt(topology, '/soc/dev').inbound.windows?.length, 1);
  });
});

describe('masters and their IOMMUs', () => {
  it('list stream IDs up to the first bad entry', () => {
    const topology = topologyOf(
      'dev { compatible = "test,device"; iommus = <&smmu 1>, <&smmu 2>, <&its 3>, <&smmu 4>; };',
    );
    const { streams } = masterAt(topology, '/dev');
    assert.deepEqual(
      streams.map(({ streamId }) => streamId),
      [1, 2, undefined],
    );
    assert.deepEqual(problemList(topology), ['/dev iommus wrong-target']);
  });

  it('say where a stream ID or its cell is missing', () => {
    const topology = topologyOf('dev { compatible = "test,device"; iommus = <&smmu>; };');
    assert.deepEqual(problemList(topology), ['/dev iommus bad-length']);
    assert.equal(textAt(topology.problems[0]?.source), '&smmu');
  });

  it('find no SMMUv3 that has no #iommu-cells', () => {
    const topology = topologyOf(`mmu: mmu { compatible = "arm,smmu-v3"; }; ${host('iommu-map = <0 &mmu 0 8>;')}`);
    assert.deepEqual(problemList(topology), ['/mmu compatible bad-cells']);
  });

  it('are coherent where the node or a bus above it says so', () => {
    const topology = topologyOf(`soc { dma-coherent;
      a { compatible = "test,device"; iommus = <&smmu 1>; }; b { dma-noncoherent; compatible = "test,device"; iommus = <&smmu 2>; }; };`);
    assert.deepEqual([masterAt(topology, '/soc/a').coherent, masterAt(topology, '/soc/b').coherent], [true, false]);
  });

  it('are off where a bus above them is, and then have no problem with a target that is off too', () => {
    const topology =
      topologyOf(`soc { status = "disabled"; mmu: mmu { compatible = "arm,smmu-v3"; #iommu-cells = <1>; };
      dev { compatible = "test,device"; iommus = <&mmu 1>; }; };`);
    const { availability } = masterAt(topology, '/soc/dev');
    assert.deepEqual(
      { ...availability, source: undefined },
      { enabled: false, reason: '/soc above it has status = "disabled"', source: undefined },
    );
    assert.deepEqual(problemList(topology), []);
  });

  it('know what their IOMMU refuses', () => {
    const { iommus, problems } = topologyOf(
      'bad { compatible = "arm,smmu-v3"; #iommu-cells = <2>; }; odd { compatible = "test,mmu"; #iommu-cells = <3>; };',
    );
    assert.deepEqual(
      problems.map(({ node, code }) => [node, code]),
      [['/bad', 'bad-cells']],
    );
    assert.deepEqual(
      iommus.map(({ path, driver }) => [path, driver.name]),
      [
        ['/iommu@9000000', 'arm-smmu-v3'],
        ['/bad', 'arm-smmu-v3'],
        ['/odd', ''],
      ],
    );
  });
});

describe('memory', () => {
  it('is what /memory, /reserved-memory and the header say', () => {
    const tree = treeOf(`/dts-v1/;
      /memreserve/ 0x80000000 0x10000;
      / { #address-cells = <2>; #size-cells = <2>;
        memory@80000000 { device_type = "memory"; reg = <0 0x80000000 0 0x40000000>, <8 0 0 0x1000>; };
        reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@90000000 { reg = <0 0x90000000 0 0x1000>; no-map; }; pool { size = <0 0x1000>; }; };
      };`);
    const rows = topologyFromTree(tree).memory.map(({ kind, range, noMap }) => [kind, span(range), noMap]);
    assert.deepEqual(rows, [
      ['memory', '80000000-bfffffff', false],
      ['memory', '800000000-800000fff', false],
      ['reserved', '90000000-90000fff', true],
      ['memreserve', '80000000-8000ffff', false],
    ]);
  });

  it('lies below the root: a bus may have a device of that type, which is none of the kernel’s', () => {
    const tree = treeOf(`/dts-v1/;
      / { #address-cells = <1>; #size-cells = <1>;
        bus@50000000 { #address-cells = <2>; #size-cells = <1>; ranges = <0 0 0x50000000 0x1000000>;
          sram@0,0 { device_type = "memory"; reg = <0 0 0x40000>; no-map; }; };
      };`);
    assert.deepEqual(topologyFromTree(tree).memory, []);
  });
});

describe('odd trees', () => {
  it('give a topology all the same', () => {
    const sources = [
      '/dts-v1/; / { };',
      '/dts-v1/; / { iommus = <1>; iommu-map = <1>; msi-parent = <1>; memory-region = <1>; iommu-addresses = <1>; };',
      '/dts-v1/; / { a: a { #iommu-cells = <0xffffffff>; iommus = <&a 1>; iommu-map = <0 &a 0 1>; }; };',
      '/dts-v1/; / { #address-cells = <0>; #size-cells = <0>; a: a { iommu-addresses = <&a>, <&a>; memory-region = <&a>; reg = <1>; iommus = [01 02]; iommu-map = "text"; }; };',
      '/dts-v1/; / { #address-cells = <0x7fffffff>; p: pcie@0 { compatible = "x"; device_type = "pci"; #address-cells = <3>; #size-cells = <0xffffffff>; ranges = <1 2 3>; dma-ranges = <1 2 3 4>; bus-range = <>; f@0 { reg = <1 2 3 4 5>; memory-region = <&p>; }; }; };',
      '/dts-v1/; / { a: a { compatible = "x"; iommus = <&a>; interconnect-names = "dma-mem"; interconnects = <&b 0>; }; b: b { interconnect-names = "dma-mem"; interconnects = <&a 0>; #interconnect-cells = <1>; }; };',
    ];
    for (const source of sources) assert.equal(topologyFromTree(treeOf(source)).firmware, 'devicetree');
  });
});
