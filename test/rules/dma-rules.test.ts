// DMA limits and PCI windows: what the examples of the pages leave open.
import assert from 'node:assert/strict';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { applyFix, diagnosticsOf, onBoard } from './board';

function findings(rule: string, text: string, kernel?: KernelVersion): string[] {
  return diagnosticsOf(onBoard(text), kernel)
    .filter((diagnostic) => diagnostic.rule === rule)
    .map(({ severity, message }) => `${severity}: ${message}`);
}

const bridge = (properties: string): string => `&pcie { ${properties} };`;
const alone = '/delete-property/ iommu-map; /delete-property/ msi-map;';

describe('dma-ranges of a host bridge behind an IOMMU', () => {
  const refused = (entries: string): string[] => findings('pci-dma-ranges-refused', bridge(`dma-ranges = ${entries};`));

  it('are refused where they overlap, or where bus addresses descend', () => {
    const twice =
      '<0x02000000 0x0 0x0 0x0 0x0 0x0 0x80000000>, <0x42000000 0x0 0x40000000 0x0 0x80000000 0x0 0x40000000>';
    assert.match(refused(twice).join(), /^error: .*0x40000000.*ends at bus address 0x7fffffff/);
    const descending =
      '<0x02000000 0x0 0x80000000 0x0 0x0 0x0 0x80000000>, <0x02000000 0x0 0x0 0x0 0x80000000 0x0 0x80000000>';
    assert.equal(refused(descending).length, 1);
  });

  it('are taken where they touch, leave room, or are written in another order', () => {
    assert.deepEqual(
      refused('<0x02000000 0x0 0x0 0x0 0x0 0x0 0x40000000>, <0x02000000 0x0 0x40000000 0x0 0x80000000 0x0 0x40000000>'),
      [],
    );
    assert.deepEqual(refused('<0x02000000 0x1 0x0 0x1 0x0 0x1 0x0>, <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>'), []);
  });

  it('do not matter without an IOMMU', () => {
    const text = bridge(
      `${alone} dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x1 0x0>, <0x42000000 0x0 0x0 0x0 0x0 0x1 0x0>;`,
    );
    assert.deepEqual(findings('pci-dma-ranges-refused', text), []);
    assert.match(findings('dma-ranges-overlap', text).join(), /^hint: .*to the same memory/);
  });
});

describe('dma-ranges', () => {
  it('reach part of memory, all, or none', () => {
    const reach = (start: string, size: string): string[] =>
      findings(
        'memory-beyond-dma-ranges',
        bridge(`${alone} dma-ranges = <0x02000000 0x0 ${start} 0x0 ${start} 0x0 ${size}>;`),
      );
    assert.match(reach('0x80000000', '0x10000000').join(), /^info: .*reach 256 MiB of 1 GiB/);
    assert.deepEqual(reach('0x80000000', '0x40000000'), []);
    assert.match(reach('0x0', '0x80000000').join(), /^warning: No memory is in reach/);
  });

  it('without cells of their own are inherited to 6.12, and get them by a fix', () => {
    const text = `/ { bus { compatible = "simple-bus"; ranges; dma-ranges = <0x0 0x0 0x0 0x80000000 0x0 0x40000000>; }; };`;
    assert.match(findings('dma-ranges-without-cells', text).join(), /^info: /);
    const [found] = diagnosticsOf(onBoard(text), '7.2').filter(({ rule }) => rule === 'dma-ranges-without-cells');
    assert.equal(found!.severity, 'error');
    const after = applyFix(onBoard(text), found!.fixes![0]!);
    assert.match(after['board.dts']!, /ranges; #address-cells = <2>; #size-cells = <2>; dma-ranges/);
    assert.deepEqual(diagnosticsOf(after, '7.2'), []);
  });

  it('that are not found matter where they move or limit', () => {
    const nested = (
      entry: string,
      middle: string,
    ): string => `/ { outer { compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges;
dma-ranges = <${entry}>; middle { compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges; ${middle}
inner { compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges;
x@20000000 { compatible = "x"; reg = <0x0 0x20000000 0x0 0x1000>; iommus = <&smmu 0xfff3>; }; }; }; }; };`;
    assert.equal(findings('dma-ranges-not-found', nested('0x0 0x0 0x0 0x80000000 0x0 0x40000000', '')).length, 1);
    assert.equal(findings('dma-ranges-not-found', nested('0x0 0x0 0x0 0x0 0x0 0x80000000', '')).length, 1);
    assert.deepEqual(
      findings('dma-ranges-not-found', nested('0x0 0x0 0x0 0x80000000 0x0 0x40000000', 'dma-ranges;')),
      [],
    );
    assert.deepEqual(findings('dma-ranges-not-found', nested('0x0 0x0 0x0 0x0 0x10 0x0', '')), []);
  });
});

describe('outbound windows', () => {
  it('hide memory only where functions write to it untranslated', () => {
    const ranges = 'ranges = <0x02000000 0x0 0x90000000 0x0 0x50000000 0x0 0x10000000>;';
    assert.match(
      findings('pci-window-hides-memory', bridge(`${alone} ${ranges}`)).join(),
      /^warning: .*memory 0x90000000–0x9fffffff/,
    );
    assert.deepEqual(findings('pci-window-hides-memory', bridge(ranges)), []);
    const moved = `${alone} ${ranges} dma-ranges = <0x02000000 0x1 0x0 0x0 0x80000000 0x0 0x40000000>;`;
    assert.deepEqual(findings('pci-window-hides-memory', bridge(moved)), []);
  });

  it('of two bridges may have the same bus addresses, not the same CPU addresses', () => {
    const second = (
      cpu: string,
    ): string => `/ { pcie@60000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x0 0x60000000 0x0 0x10000000>;
#address-cells = <3>; #size-cells = <2>; ranges = <0x02000000 0x0 0x50000000 0x0 ${cpu} 0x0 0x1000000>; }; };`;
    assert.deepEqual(findings('pci-window-overlap', second('0x70000000')), []);
    assert.match(findings('pci-window-overlap', second('0x58000000')).join(), /of \/pcie@40000000: .*EBUSY/);
  });

  it('of I/O ports are no claim on memory addresses', () => {
    const second = (
      windows: string,
    ): string => `&pcie { ranges = <0x02000000 0x0 0x50000000 0x0 0x50000000 0x0 0x8000000>, <0x01000000 0x0 0x0 0x0 0x5c000000 0x0 0x10000>; };
/ { pcie@60000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x0 0x60000000 0x0 0x10000000>;
#address-cells = <3>; #size-cells = <2>; ranges = ${windows}; }; };`;
    const ports = second('<0x01000000 0x0 0x0 0x0 0x5c000000 0x0 0x10000>');
    assert.match(findings('pci-window-overlap', ports).join(), /^warning: .*has no I\/O ports/);
    const mixed = second('<0x02000000 0x0 0x70000000 0x0 0x5c000000 0x0 0x100000>');
    assert.match(findings('pci-window-overlap', mixed).join(), /^warning: .*Linux does not notice/);
    const overMemory = second('<0x01000000 0x0 0x0 0x0 0x90000000 0x0 0x10000>');
    assert.match(findings('pci-window-over-memory', overMemory).join(), /^warning: .*Linux does not notice/);
  });

  it('that run past the end of the address space are none', () => {
    const at = (bus: string, cpu: string): string =>
      findings('pci-window-lost', bridge(`ranges = <0x02000000 ${bus} ${cpu} 0x0 0x20000000>;`)).join();
    assert.match(at('0xffffffff 0xf0000000', '0x0 0x50000000'), /^warning: .*runs past 2\^64/);
    assert.match(at('0x0 0x50000000', '0xffffffff 0xf0000000'), /^warning: .*runs past 2\^64/);
    assert.equal(at('0xffffffff 0xe0000000', '0xffffffff 0xe0000000'), '');
  });

  it('that do not translate are said once for a bridge', () => {
    const text = `/ { soc { compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges = <0x0 0x0 0x0 0x0 0x0 0x70000000>;
pcie@60000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x0 0x60000000 0x0 0x1000000>; #address-cells = <3>; #size-cells = <2>;
ranges = <0x02000000 0x0 0x70000000 0x0 0x70000000 0x0 0x1000000>, <0x02000000 0x0 0x72000000 0x0 0x72000000 0x0 0x1000000>; }; }; };`;
    assert.match(findings('pci-window-lost', text).join(), /^warning: The CPU address of 2 windows/);
  });
});
