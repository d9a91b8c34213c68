// Bus addresses as the kernel translates them.
import assert from 'node:assert/strict';
import { busKind, dmaParent, readRanges, translate, translateReg } from '../../server/src/tree/addresses';
import type { DeviceTree } from '../../server/src/tree/model';
import { nodeAt } from '../../server/src/tree/navigate';
import { textAt, treeOf } from './source';

const two = '#address-cells = <2>; #size-cells = <2>;';

/** The CPU address of the first `reg` entry of a node, or why it has none. */
function cpuAddress(tree: DeviceTree, path: string): string {
  const found = translateReg(tree, nodeAt(tree, path)!, 0);
  assert.ok(found !== undefined);
  const { translation } = found;
  return translation.ok ? `0x${translation.address.toString(16)}` : translation.reason;
}

describe('ranges', () => {
  it('empty: addresses pass unchanged', () => {
    const tree = treeOf(`/ { ${two} soc { ${two} ranges; d@1000 { reg = <0 0x1000 0 4>; }; }; };`);
    assert.equal(cpuAddress(tree, '/soc/d@1000'), '0x1000');
  });
  it('missing: addresses mean nothing to the CPU', () => {
    const tree = treeOf(`/ { ${two} soc { ${two} d@1000 { reg = <0 0x1000 0 4>; }; }; };`);
    assert.equal(cpuAddress(tree, '/soc/d@1000'), 'no-ranges');
  });
  it('with entries: the offset into the one that holds the address', () => {
    const tree = treeOf(`/ { ${two} soc { #address-cells = <1>; #size-cells = <1>;
      ranges = <0x0 0x8 0x10000000 0x1000>, <0x8000 0x9 0 0x1000>;
      d@8010 { reg = <0x8010 4>; }; e@9000 { reg = <0x9000 4>; }; }; };`);
    assert.equal(cpuAddress(tree, '/soc/d@8010'), '0x900000010');
    assert.equal(cpuAddress(tree, '/soc/e@9000'), 'not-in-ranges');
    const { translation } = translateReg(tree, nodeAt(tree, '/soc/d@8010')!, 0)!;
    assert.ok(translation.ok);
    assert.equal(translation.contiguous, 0xff0n);
    assert.deepEqual(
      translation.steps.map(({ entry }) => textAt(entry?.source)),
      ['0x8000 0x9 0 0x1000'],
    );
  });
  it('go through every level', () => {
    const tree = treeOf(`/ { ${two} a { #address-cells = <1>; #size-cells = <1>; ranges = <0 1 0 0x10000>;
      b { #address-cells = <1>; #size-cells = <1>; ranges = <0 0x4000 0x1000>; d@20 { reg = <0x20 4>; }; }; }; };`);
    assert.equal(cpuAddress(tree, '/a/b/d@20'), '0x100004020');
  });
  it('of PCI: the space decides, flags are no address', () => {
    const tree = treeOf(`/ { ${two} pcie@0 { device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
      ranges = <0x01000000 0 0x1000 0 0x5f800000 0 0x10000>, <0x02000000 0 0x50000000 0x8 0 0 0x8000000>; }; };`);
    const bus = nodeAt(tree, '/pcie@0')!;
    const found = readRanges(bus, 'ranges');
    assert.ok(found.kind === 'entries');
    assert.deepEqual(
      found.entries.map(({ flags, child, parent, size }) => [flags, child, parent, size]),
      [
        [0x01000000, 0x1000n, 0x5f800000n, 0x10000n],
        [0x02000000, 0x50000000n, 0x800000000n, 0x8000000n],
      ],
    );
    const device = nodeAt(
      treeOf(`/ { ${two} pcie@0 { device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
      ranges = <0x02000000 0 0x50000000 0x8 0 0 0x8000000>; d@0 { }; }; };`),
      '/pcie@0/d@0',
    )!;
    const memory = translate(tree, device, [0x42000000, 0, 0x50000010], 'ranges');
    assert.ok(memory.ok && memory.address === 0x800000010n, 'prefetchable memory is memory');
    const io = translate(tree, device, [0x01000000, 0, 0x50000010], 'ranges');
    assert.ok(!io.ok && io.reason === 'not-in-ranges');
  });
  it('of three cells that are not PCI: the flags must be equal', () => {
    const source = (flags: number): string => `/ { ${two} bus { #address-cells = <3>; #size-cells = <2>;
      ranges = <1 0 0 0 0x1000 0 0x1000>; d { reg = <${flags} 0 0x10 0 4>; }; }; };`;
    assert.equal(cpuAddress(treeOf(source(1)), '/bus/d'), '0x1010');
    assert.equal(cpuAddress(treeOf(source(2)), '/bus/d'), 'not-in-ranges');
  });
  it('below a bus without sizes: no translation', () => {
    const tree = treeOf(
      `/ { ${two} i2c { #address-cells = <1>; #size-cells = <0>; ranges; d@50 { reg = <0x50>; }; }; };`,
    );
    assert.equal(cpuAddress(tree, '/i2c/d@50'), 'bad-cell-count');
  });
  it('with cells too many or too few: whole entries count', () => {
    const tree = treeOf(
      '/ { #address-cells = <1>; #size-cells = <1>; bus { #address-cells = <1>; #size-cells = <1>; ranges = <0 1 2 3>; }; };',
    );
    const found = readRanges(nodeAt(tree, '/bus')!, 'ranges');
    assert.ok(found.kind === 'entries' && found.entries.length === 1 && found.rest === 1);
  });
  it('that no count fits are malformed, not endless', () => {
    const tree = treeOf(
      '/ { #address-cells = <0>; bus { #address-cells = <0>; #size-cells = <0>; ranges = <0>; }; odd { ranges = [01]; }; };',
    );
    for (const path of ['/bus', '/odd']) assert.equal(readRanges(nodeAt(tree, path)!, 'ranges').kind, 'malformed');
  });
});

describe('dma-ranges', () => {
  it('missing: the address passes', () => {
    const tree = treeOf(`/ { ${two} soc { ${two} d@1 { }; }; };`);
    const result = translate(tree, nodeAt(tree, '/soc/d@1')!, [0, 0x1000], 'dma-ranges');
    assert.ok(result.ok && result.address === 0x1000n && result.contiguous === undefined);
  });
  it('go over the interconnect that is named for it', () => {
    const tree = treeOf(`/ { ${two} noc: noc { #interconnect-cells = <1>; ${two} dma-ranges = <0 0 1 0 0 0x10000>; };
      other: other { #interconnect-cells = <2>; };
      soc { ${two} d@1 { interconnects = <&other 1 2>, <&noc 7>; interconnect-names = "x", "dma-mem"; }; }; };`);
    const device = nodeAt(tree, '/soc/d@1')!;
    assert.equal(dmaParent(tree, device)!.name, 'noc');
    const result = translate(tree, device, [0, 0x20], 'dma-ranges');
    assert.ok(result.ok && result.address === 0x100000020n);
  });
});

describe('buses', () => {
  it('are told apart as the kernel does', () => {
    const tree = treeOf('/ { a { device_type = "pci"; }; pcie@1 { }; isa { }; f { #address-cells = <3>; }; p { }; };');
    const kinds = Array.from(tree.root.children.values(), busKind);
    assert.deepEqual(kinds, ['pci', 'pci', 'isa', 'flags', 'plain']);
  });
});
