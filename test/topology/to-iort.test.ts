// What of a tree an IORT says, and what it cannot. A node is printed as its kind, the fields that are not 0, and its mappings:
// `input+count>output target`, with `!` for a single one.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { buildIort } from '../../server/src/acpi/iort/build';
import { topologyFromTree } from '../../server/src/topology/from-tree';
import { iortFromTree, type GeneratedIort } from '../../server/src/topology/to-iort';
import { readAcpiObjects } from '../../server/src/workspace/acpi-objects';
import { generateTree } from '../oracle/kernel/generate';
import { renderTree } from '../oracle/kernel/render';
import { compareWithTree, generate } from './generated';
import { board, treeOf, treeOfFile } from './trees';
import type { DeviceTree } from '../../server/src/tree/model';

function made(tree: DeviceTree, { map = '', revision = 6 } = {}): GeneratedIort {
  const objects = readAcpiObjects(map, tree);
  assert.deepEqual(objects.problems, []);
  const settings = { revision, objects, mapRule: 'four-cells', busRule: 'inherited-cells' } as const;
  return iortFromTree(tree, topologyFromTree(tree), settings);
}

/** Nodes of these kinds, as text. */
function nodes({ draft }: GeneratedIort, ...kinds: string[]): string[] {
  const names = draft.nodes.map(({ kind }, index) => `${kind}${String(index)}`);
  return draft.nodes.flatMap((node) => {
    if (kinds.length > 0 && !kinds.includes(node.kind)) return [];
    const fields = [...Object.entries(node.fields ?? {}), ...Object.entries(node.globalInterrupts ?? {})]
      .filter(([, value]) => BigInt(value) !== 0n)
      .map(([name, value]) => `${name}=${value.toString(16)}`);
    const target = (at: (typeof node)['reference']): string => names[Number(at)] ?? '?';
    const parts = [
      node.kind,
      ...(node.name === undefined ? [] : [node.name]),
      ...(node.identifiers ?? []).map(String),
      ...fields,
      ...(node.contextInterrupts ?? []).map((each) => `context=${each.toString(16)}`),
      ...(node.descriptors ?? []).map(({ base, length }) => `${base.toString(16)}+${length.toString(16)}`),
      ...(node.reference === undefined ? [] : [`of ${target(node.reference)}`]),
      ...(node.mappings ?? []).map(({ inputBase, count, outputBase, target: to, flags = 0 }) => {
        const range = `${inputBase.toString(16)}+${count.toString(16)}>${outputBase.toString(16)}`;
        return `[${range} ${target(to)}${BigInt(flags) === 1n ? '!' : ''}]`;
      }),
    ];
    return [parts.join(' ')];
  });
}

/** Notes of a kind: `path: message`. */
function notes({ notes: all }: GeneratedIort, kind = 'lost'): string[] {
  return all.filter((each) => each.kind === kind).map(({ node, message }) => `${node}: ${message}`);
}

function pcie(maps: string, inside = ''): string {
  return `pcie: pcie@10000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
    linux,pci-domain = <0>; dma-coherent; ${maps} ${inside} };`;
}

const complex = 'root-complex cacheCoherency=1 memoryFlags=3 memorySizeLimit=40';

describe('an IORT from a tree', () => {
  describe('ID mappings', () => {
    const maps = (text: string) =>
      nodes(made(board(pcie(text))), 'smmuv3', 'root-complex').map((text) =>
        text.replace(/^smmuv3 base=9000000 flags=1 ?(?:deviceIdIndex=\d+ )?/, 'smmu ').replace(complex, 'rc'),
      );

    it('compose: requester ID to stream ID at the root complex, stream ID to device ID at the SMMU', () => {
      assert.deepEqual(maps('iommu-map = <0 &smmu 0x100 0x10000>; msi-map = <0 &its 0 0x10000>;'), [
        'smmu [100+ffff>0 its-group0]',
        'rc [0+ffff>100 smmuv31]',
      ]);
    });

    it('go past the SMMU for functions that are not behind it', () => {
      assert.deepEqual(maps('iommu-map = <0x8 &smmu 0x8 0x8>; msi-map = <0 &its 0x20000 0x100>;'), [
        'smmu [8+7>20008 its-group0]',
        'rc [0+7>20000 its-group0] [8+7>8 smmuv31] [10+ef>20010 its-group0]',
      ]);
    });

    it('take msi-parent for an msi-map of everything as it is', () => {
      assert.deepEqual(maps('iommu-map = <0 &smmu 0 0x100>; msi-parent = <&its 0>;'), [
        'smmu [0+ff>0 its-group0]',
        'rc [0+ff>0 smmuv31] [100+feff>100 its-group0]',
      ]);
    });

    it('have the first of entries that overlap, as the kernel does', () => {
      assert.deepEqual(maps('iommu-map = <0x10 &smmu 0x500 0x10>, <0 &smmu 0 0x100>;'), [
        'smmu ',
        'rc [0+f>0 smmuv31] [10+f>500 smmuv31] [20+df>20 smmuv31]',
      ]);
    });

    it('are single where a mask makes one ID of all, and many where it makes one of some', () => {
      assert.deepEqual(maps('iommu-map = <0 &smmu 0x42 1>; iommu-map-mask = <0>;')[1], 'rc [0+0>42 smmuv31!]');
      const some = maps('iommu-map = <0 &smmu 0x40 0x100>; iommu-map-mask = <0xfff8>;')[1]!.split('[').slice(1);
      assert.equal(some.length, 0x100);
      assert.deepEqual([some[7], some[8]], ['7+0>40 smmuv31] ', '8+0>48 smmuv31] ']);
    });

    it('that no node can hold are cut, and that is said', () => {
      const result = made(board(pcie('iommu-map = <0 &smmu 0 0x10000>; iommu-map-mask = <0xfff8>;')));
      assert.equal(result.draft.nodes.at(-1)!.mappings!.length, 3225);
      assert.deepEqual(notes(result), [
        '/pcie@10000000: it takes 65536 ID mappings, and a node cannot hold so many: those from ID 0xc99 on are left out',
      ]);
    });

    it('cannot give one stream ID two device IDs', () => {
      const result = made(
        board(`${pcie('iommu-map = <0 &smmu 0 0x10000>; msi-map = <0 &its 0 0x10000>;')}
          dev { iommus = <&smmu 0x400>; msi-parent = <&its 0x77>; }; dev2 { iommus = <&smmu 0x401>; msi-parent = <&its 0x401>; };
          second: pcie@20000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
            linux,pci-domain = <1>; iommu-map = <0 &smmu 0x8000 0x100>; msi-map = <0 &its 0x10000 0x100>; };`),
        { map: '/dev \\_SB.DEV\n/dev2 \\_SB.DEV2' },
      );
      assert.deepEqual(nodes(result, 'named-component'), [
        'named-component \\_SB_.DEV_ memorySizeLimit=40 [0+0>400 smmuv31!] [0+0>77 its-group0!]',
        'named-component \\_SB_.DEV2 memorySizeLimit=40 [0+0>401 smmuv31!]',
      ]);
      assert.deepEqual(notes(result), [
        '/pcie@20000000: in an IORT a stream ID has one device ID, whoever sends it: 256 stream IDs of it have another one already (stream ID 0x8000 of /iommu@9000000 as device ID 0x10000 of /msi@8080000 is left out), and MSIs will not arrive',
      ]);
    });
  });

  describe('SMMUv3', () => {
    const smmu = (more: string, rest = '') =>
      made(
        treeOf(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
        gic: gic { compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>; };
        its: its@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
        smmu: smmu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; ${more} };
        dev { iommus = <&smmu 1>; msi-parent = <&its 5>; }; ${rest} };`),
        { map: '/dev \\_SB_.DEV0' },
      );
    const all =
      'interrupts = <0 10 1>, <0 11 1>, <0 12 1>, <0 13 1>; interrupt-names = "eventq", "gerror", "priq", "cmdq-sync";';

    it('has its interrupts by name, and coherence as an override', () => {
      assert.deepEqual(nodes(smmu(`${all} dma-coherent;`), 'smmuv3'), [
        'smmuv3 base=9000000 flags=1 eventGsiv=2a priGsiv=2c gerrGsiv=2b syncGsiv=2d [1+0>5 its-group0]',
      ]);
    });

    it('without an interrupt has an index that no kernel takes for that of a range', () => {
      const result = smmu('interrupts = <0 10 1>; interrupt-names = "eventq";');
      assert.deepEqual(nodes(result, 'smmuv3'), [
        'smmuv3 base=9000000 eventGsiv=2a deviceIdIndex=1 [1+0>5 its-group0]',
      ]);
    });

    it('has a single mapping for its own MSIs', () => {
      assert.deepEqual(nodes(smmu(`${all} msi-parent = <&its 0x10000>;`), 'smmuv3'), [
        'smmuv3 base=9000000 flags=10 eventGsiv=2a priGsiv=2c gerrGsiv=2b syncGsiv=2d deviceIdIndex=1 [1+0>5 its-group0] [0+0>10000 its-group0!]',
      ]);
    });

    it('has the model that its quirks ask for, and one interrupt for all on a CN99xx', () => {
      const cavium = 'cavium,cn9900-broken-page1-regspace; interrupts = <0 9 1>; interrupt-names = "combined";';
      assert.deepEqual(nodes(smmu(cavium), 'smmuv3'), [
        'smmuv3 base=9000000 model=2 eventGsiv=29 priGsiv=29 gerrGsiv=29 syncGsiv=29 [1+0>5 its-group0]',
      ]);
      const hisilicon = smmu(`hisilicon,broken-prefetch-cmd; numa-node-id = <2>; ${all}`);
      assert.match(nodes(hisilicon, 'smmuv3')[0]!, /flags=8 model=1 .* proximityDomain=2 /);
      assert.deepEqual(
        notes(hisilicon, 'elsewhere').filter((text) => text.includes('SRAT')),
        ['/smmu@9000000: SRAT: proximity domain 2, which the SMMU is in'],
      );
    });

    it('loses interrupts that no GIC takes, clocks, and levels', () => {
      const result = smmu(
        'clocks = <&clock>; interrupts-extended = <&mux 1>, <&gic 0 4 4>; interrupt-names = "eventq", "gerror";',
        'mux: mux { interrupt-controller; #interrupt-cells = <1>; }; clock: clock { #clock-cells = <0>; };',
      );
      assert.match(nodes(result, 'smmuv3')[0]!, /^smmuv3 base=9000000 gerrGsiv=24 deviceIdIndex=1 /);
      assert.deepEqual(notes(result), [
        '/smmu@9000000: clocks: the firmware must leave it switched on',
        '/smmu@9000000: eventq goes to /mux, which is no GIC: it has no GSIV',
        '/smmu@9000000: gerror is level-sensitive; of an SMMUv3 Linux takes GSIVs for edges',
      ]);
    });

    it('that does not come up, or is off, is left out with what leads to it', () => {
      const off = smmu('status = "disabled";');
      assert.deepEqual(nodes(off, 'smmuv3', 'named-component'), [
        'named-component \\_SB_.DEV0 memorySizeLimit=40 [0+0>5 its-group0!]',
      ]);
      assert.deepEqual(notes(off), [
        '/dev: no stream ID is written, since Linux gives it no IOMMU: /smmu@9000000 is not enabled: status = "disabled"',
      ]);
    });

    it('has a PMCG with it, whose owner is found by its place', () => {
      const pmcg = (place: string, more = '') => `pmcg { compatible = "arm,smmu-v3-pmcg"; reg = ${place}; ${more} };`;
      const inside = smmu(all, pmcg('<0 0x9002000 0 0x1000>, <0 0x9012000 0 0x1000>', 'interrupts = <0 20 1>;'));
      assert.deepEqual(nodes(inside, 'pmcg'), ['pmcg page0Base=9002000 overflowGsiv=34 page1Base=9012000 of smmuv31']);
      const outside = smmu(all, pmcg('<0 0x9042000 0 0x1000>', 'msi-parent = <&its 7>;'));
      assert.deepEqual(nodes(outside, 'pmcg'), ['pmcg page0Base=9042000 of smmuv31 [0+0>7 its-group0!]']);
      assert.equal(outside.draft.nodes.find(({ kind }) => kind === 'pmcg')!.revision, 0);
      assert.match(
        notes(outside, 'assumed').join(),
        /\/pmcg: it counts for \/smmu@9000000, the SMMUv3 with the nearest/,
      );
    });
  });

  it('has an SMMUv2 with its span, model and interrupts, and SMR masks where Linux reads them', () => {
    const result = made(
      treeOf(`/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>;
      gic: gic { compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>; };
      smmu: smmu@5000000 { compatible = "arm,mmu-500"; reg = <0x5000000 0x800000>; #iommu-cells = <2>; #global-interrupts = <3>;
        interrupts = <0 1 4>, <0 2 4>, <0 3 4>, <0 4 1>, <0 5 4>; dma-coherent; };
      dev { iommus = <&smmu 0x10 0x7>, <&smmu 0x20 0>; dma-coherent; dma-can-stall; pasid-num-bits = <8>; }; };`),
      { map: '{ "/dev": "\\\\_SB_.GPU0" }' },
    );
    assert.deepEqual(nodes(result), [
      'smmu base=5000000 span=800000 model=3 flags=2 gsiv=21 configGsiv=22 context=100000024 context=25',
      'named-component \\_SB_.GPU0 cacheCoherency=1 memoryFlags=3 nodeFlags=11 memorySizeLimit=40 [0+0>70010 smmu0!] [0+0>20 smmu0!]',
    ]);
    assert.deepEqual(notes(result), [
      '/smmu@5000000: 1 of 3 global interrupts: the node has room for two, and Linux uses the first',
    ]);
  });

  it('has no node for a device that the map does not name, and says so', () => {
    const result = made(
      board(
        'dev { iommus = <&smmu 1>; }; msi-only { msi-parent = <&its 2>; }; neither { memory-region = <&r>; }; r: r { };',
      ),
    );
    assert.deepEqual(nodes(result, 'named-component'), []);
    assert.deepEqual(notes(result), [
      '/dev: its stream IDs at /iommu@9000000 are left out: which object of the ACPI namespace it is, the map must say',
      '/msi-only: its MSIs to /msi@8080000 are left out: which object of the ACPI namespace it is, the map must say',
    ]);
  });

  it('takes no device with stream IDs for a mere interrupt controller', () => {
    const tree = board('mdss: display@1000 { interrupt-controller; #interrupt-cells = <1>; iommus = <&smmu 7>; };');
    assert.deepEqual(notes(made(tree)), [
      '/display@1000: its stream IDs at /iommu@9000000 are left out: which object of the ACPI namespace it is, the map must say',
    ]);
    assert.deepEqual(nodes(made(tree, { map: '&mdss \\_SB_.GPU0' }), 'named-component').length, 1);
  });

  it('has the stream IDs up to the entry that Linux cannot parse', () => {
    const streams = (iommus: string) => {
      const result = made(board(`dev { iommus = ${iommus}; }; other { };`), { map: '/dev \\_SB_.DEV0' });
      return [...nodes(result, 'named-component'), ...notes(result)];
    };
    assert.deepEqual(streams('<&smmu 7>, <&smmu>'), [
      'named-component \\_SB_.DEV0 memorySizeLimit=40 [0+0>7 smmuv31!]',
      '/dev: stream IDs from entry 1 of iommus on, as Linux reads it: /iommu@9000000 asks for 1 cell (#iommu-cells), and 0 cells follow',
    ]);
    assert.deepEqual(streams('<&smmu>, <&smmu 7>').length, 2);
    assert.deepEqual(streams('<0xdead 7>, <&smmu 7>'), [
      '/dev: no stream ID is written, since Linux finds none: no node has phandle 0xdead',
    ]);
  });

  it('gives a bus with IDs of its own a component with ranges', () => {
    const result = made(
      board(
        'mc { compatible = "fsl,qoriq-mc"; iommu-map = <0x10 &smmu 0x100 0x20>; msi-map = <0x10 &its 0x10 0x20>; };',
      ),
      { map: '/mc \\_SB_.MCE0' },
    );
    assert.deepEqual(nodes(result, 'smmuv3', 'named-component'), [
      'smmuv3 base=9000000 flags=1 deviceIdIndex=1 [100+1f>10 its-group0]',
      'named-component \\_SB_.MCE0 memorySizeLimit=40 [10+1f>100 smmuv31]',
    ]);
  });

  it('has the numbers that the map gives: ITS IDs and PCI segments', () => {
    const result = made(board(pcie('msi-map = <0 &its 0 0x100>;')), { map: '{ "&its": 4, "&pcie": 7 }' });
    assert.deepEqual(nodes(result, 'its-group', 'root-complex'), [
      'its-group 4',
      'root-complex cacheCoherency=1 memoryFlags=3 segment=7 memorySizeLimit=40 [0+ff>0 its-group0]',
    ]);
    assert.deepEqual(notes(result, 'elsewhere'), [
      '/msi@8080000: MADT: GIC ITS ID 4 at 0x8080000',
      '/pcie@10000000: DSDT: the host bridge (pci-host-ecam-generic) has _SEG 7 and _CCA 1',
    ]);
  });

  it('counts ITS IDs around those that the map gives, and says which segments and names come to nothing', () => {
    const its = (at: string) =>
      `its${at}: its@${at} { compatible = "arm,gic-v3-its"; reg = <0 0x${at} 0 0x20000>; msi-controller; #msi-cells = <1>; };`;
    const host = (
      at: string,
    ) => `host${at}: pcie@${at} { compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>;
      #size-cells = <2>; linux,pci-domain = <3>; msi-map = <0 &its 0 0x100>; };`;
    const result = made(board(`${its('100000')} ${its('200000')} ${host('40000000')} ${host('50000000')} leds { };`), {
      map: '&its100000 0\nhost40000000 \\_SB_.PCI0\n/leds \\_SB_.LED0',
    });
    assert.deepEqual(nodes(result, 'its-group'), ['its-group 1', 'its-group 0', 'its-group 2']);
    assert.deepEqual(notes(result), [
      '/pcie@50000000: PCI segment 3 is that of /pcie@40000000, and Linux looks at no second one',
    ]);
    assert.deepEqual(
      notes(result, 'assumed').filter((text) => text.includes('gets no node')),
      [
        '/pcie@40000000: \\_SB_.PCI0 gets no node: a root complex has a PCI segment, and no name',
        '/leds: \\_SB_.LED0 gets no node: it has no IOMMU and no MSIs',
      ],
    );
  });

  it('fits into its nodes, whatever the tree says', () => {
    const many = Array.from({ length: 5000 }, (_, id) => `<&smmu ${String(id * 2)}>`).join(', ');
    const entries = Array.from({ length: 5000 }, (_, id) => `<${String(id * 8)} &smmu ${String(id * 2)} 1>`).join(', ');
    const result = made(
      board(`dev: dev { iommus = ${many}; memory-region = <&r>; }; r: r@70000000 { reg = <0 0x70000000 0 0x10000>;
        iommu-addresses = <&dev 0 0x70000000 0 0x10000>; }; ${pcie(`iommu-map = ${entries}; msi-map = <0 &its 0 0x10000>;`)}`),
      { map: '/dev \\_SB_.DEV0' },
    );
    assert.deepEqual(
      result.draft.nodes.map(({ kind, mappings = [] }) => `${kind} ${String(mappings.length)}`),
      ['its-group 0', 'smmuv3 3225', 'root-complex 3225', 'named-component 3225', 'rmr 3225'],
    );
    assert.ok('bytes' in buildIort(result.draft));
    assert.equal(notes(result).length, 4);
  });

  it('has address limits for what dma-ranges forward, and loses shifts and holes', () => {
    const limited = (ranges: string) => {
      const result = made(board(pcie(`iommu-map = <0 &smmu 0 1>; ats-supported; dma-ranges = ${ranges};`)));
      return [...nodes(result, 'root-complex'), ...notes(result)];
    };
    const rc = (bits: string) =>
      `root-complex cacheCoherency=1 memoryFlags=3 atsAttribute=1 memorySizeLimit=${bits} [0+0>0 smmuv31]`;
    assert.deepEqual(limited('<0x2000000 0 0 0 0 0x100 0>'), [rc('28')]);
    const lost =
      '/pcie@10000000: the dma-ranges of /pcie@10000000 say more than that addresses have 32 bits: a _DMA method in the DSDT can say it';
    assert.deepEqual(limited('<0x2000000 0 0x80000000 0 0x80000000 0 0x80000000>'), [rc('20'), lost]);
    assert.deepEqual(limited('<0x2000000 0 0 1 0 1 0>'), [rc('20'), lost]);
  });

  describe('RMRs', () => {
    const reserved = (entries: string) =>
      `r: r@70000000 { reg = <0 0x70000000 0 0x200000>; iommu-addresses = ${entries}; };`;

    it('have the direct regions, and all stream IDs that share one', () => {
      const result = made(
        board(`${reserved('<&one 0 0x70000000 0 0x200000>, <&two 0 0x70000000 0 0x200000>, <&three 0 0x70000000 0 0x200000>')}
          one: one { iommus = <&smmu 4>, <&smmu 5>; memory-region = <&r>; dma-coherent; };
          two: two { iommus = <&smmu 6>; memory-region = <&r>; dma-coherent; };
          three: three { iommus = <&smmu 9>; memory-region = <&r>; };`),
        { map: '&one \\_SB_.ONE0\n&two \\_SB_.TWO0\n&three \\_SB_.THR0' },
      );
      assert.deepEqual(nodes(result, 'rmr'), [
        'rmr flags=14 70000000+200000 [0+2>4 smmuv31]',
        'rmr flags=10 70000000+200000 [0+0>9 smmuv31]',
      ]);
    });

    it('lose what is reserved without being direct, and say what is not aligned', () => {
      const result = made(
        board(`s: s { iommu-addresses = <&one 0 0x90000000 0 0x1000>; };
          r: r@70000000 { reg = <0 0x70000000 0 0x1000>; iommu-addresses = <&one 0 0x70000000 0 0x1000>; };
          one: one { iommus = <&smmu 4>; memory-region = <&r>, <&s>; };`),
        { map: '&one \\_SB_.ONE0' },
      );
      assert.deepEqual(nodes(result, 'rmr'), ['rmr flags=10 70000000+1000 [0+0>4 smmuv31]']);
      assert.deepEqual(notes(result), [
        '/s: 0x90000000–0x90000fff (4 KiB at 2.25 GiB) of /one: it sets the range aside without mapping it one to one, and an RMR always does both',
        '/r@70000000: 0x70000000–0x70000fff (4 KiB at 1.75 GiB) is no multiple of 64 KiB, which an RMR must be: Linux says so, and takes it by its own pages',
      ]);
    });

    it('of a function need the boot configuration to stay', () => {
      const result = made(
        board(`${reserved('<&dev 0x2000000 0 0x70000000 0 0x200000>')}
          ${pcie('iommu-map = <0 &smmu 0x100 0x10000>;', 'dev: dev@1,0 { reg = <0x800 0 0 0 0>; memory-region = <&r>; };')}`),
      );
      assert.deepEqual(nodes(result, 'rmr'), ['rmr flags=14 70000000+200000 [0+0>108 smmuv31]']);
      assert.match(notes(result, 'elsewhere').join('\n'), /_DSM function 5 of the host bridge returns 0/);
    });

    it('are none in a table that is too old for them', () => {
      const tree = board(`${reserved('<&one 0 0x70000000 0 0x200000>')}
        one: one { iommus = <&smmu 4>; memory-region = <&r>; };`);
      const result = made(tree, { map: '&one \\_SB_.ONE0', revision: 3 });
      assert.deepEqual(nodes(result, 'rmr'), []);
      assert.match(notes(result).join(), /Linux heeds RMR nodes from table revision 5 on/);
      assert.deepEqual(
        result.draft.nodes.map(({ revision }) => revision),
        [1, 4, 4],
      );
    });
  });

  it('loses IOMMUs of another kind, and functions that are off', () => {
    const result = made(
      board(`other { compatible = "rockchip,iommu"; #iommu-cells = <0>; };
        ${pcie('iommu-map = <0 &smmu 0 1>;', 'dev@1,0 { reg = <0x800 0 0 0 0>; status = "disabled"; };')}`),
    );
    assert.deepEqual(notes(result), [
      '/other: it is an IOMMU of the driver rk_iommu, and an IORT describes Arm’s SMMUs',
      '/pcie@10000000/dev@1,0: the function is off in the tree (status = "disabled"); under ACPI it is there',
    ]);
  });
});

describe('the analysis of the table that a tree gives', () => {
  const folder = path.join(__dirname, '../fixtures/truth/dt');
  /** virtio-iommu; a tree that crashes the kernel; a device that ACPI does not describe loses its ID to one that it does not either. */
  const others = /^d(?:16|33|35|36|50)-/;
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.dts') && !others.test(each))) {
    for (const kernel of ['6.12', '7.2'] as const) {
      it(`equals that of ${name} (${kernel})`, () => {
        const tree = treeOfFile(path.join(folder, name));
        const generated = generate(tree, { kernel });
        assert.ok(generated, 'there is something for a table');
        const { same, differences } = compareWithTree(tree, generated, kernel);
        assert.deepEqual(differences, []);
        assert.ok(same > 0);
      });
    }
  }
});

describe('the analysis of the table that a random tree gives', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const description = generateTree(seed);
    // A mask makes one stream ID of several: who has it is another question.
    if (description.host.iommuMapMask !== undefined || description.host.msiMapMask !== undefined) continue;
    it(`equals that of the tree of seed ${String(seed)}`, () => {
      const tree = treeOf(renderTree(description));
      for (const kernel of ['6.12', '7.2'] as const) {
        const generated = generate(tree, { kernel });
        assert.ok(generated, 'there is something for a table');
        const { differences } = compareWithTree(tree, generated, kernel);
        assert.deepEqual(
          differences.filter((text) => !text.includes('the tree gives an oops')),
          [],
        );
      }
    });
  }
});
