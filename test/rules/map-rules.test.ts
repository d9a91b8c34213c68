// Maps, shared IDs and what is not inherited: what the examples of the pages leave open.
import assert from 'node:assert/strict';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { diagnosticsOf, onBoard } from './board';

/** `severity: message` of each finding of a rule. */
function findings(rule: string, text: string, kernel?: KernelVersion): string[] {
  return diagnosticsOf(onBoard(text), kernel)
    .filter((diagnostic) => diagnostic.rule === rule)
    .map(({ severity, message }) => `${severity}: ${message}`);
}

describe('entries of a map', () => {
  const map = (entries: string): string => `&pcie { iommu-map = ${entries}; };`;

  it('that overlap say which IDs go where', () => {
    const [found, ...others] = findings('id-map-overlap', map('<0x0 &smmu 0x0 0x110>, <0x100 &smmu 0x1000 0x100>'));
    assert.match(found!, /^warning: .*requester IDs 0x100–0x10f.*stream ID 0x100 of .*, not 0x1000 of/);
    assert.deepEqual(others, []);
  });

  it('that overlap and give the same ID, or write an exception first, are hints', () => {
    const same = findings('id-map-overlap', map('<0x0 &smmu 0x0 0x110>, <0x100 &smmu 0x100 0x100>'));
    assert.match(same.join(), /^hint: .*nothing is lost/);
    const exception = findings('id-map-overlap', map('<0x8 &smmu 0xff00 0x8>, <0x0 &smmu 0x0 0x100>'));
    assert.match(exception.join(), /^hint: /);
  });

  it('that are disjoint, or hidden as a whole, do not overlap', () => {
    assert.deepEqual(findings('id-map-overlap', map('<0x0 &smmu 0x0 0x100>, <0x100 &smmu 0x100 0x100>')), []);
    assert.deepEqual(findings('id-map-overlap', map('<0x0 &smmu 0x0 0x100>, <0x8 &smmu 0x1000 0x8>')), []);
  });

  it('that wrap cover nothing to 7.1 and all from 7.2 on', () => {
    const wrapping = map('<0x0 &smmu 0x0 0x100>, <0x100 &smmu 0x100 0xffffff00>');
    assert.match(findings('id-map-length-wraps', wrapping).join(), /^error: 0x100 \+ 0xffffff00 .* wraps to 0x0/);
    assert.deepEqual(findings('id-map-length-wraps', wrapping, '7.2'), []);
    assert.deepEqual(findings('id-map-length-wraps', map('<0x0 &smmu 0x0 0xffffffff>')), []);
  });

  it('that are empty, of length 0, or no whole map at all say so', () => {
    assert.match(findings('id-map-unused-entry', map('<0x0 &smmu 0x0 0x0>')).join(), /^hint: .*length 0 .*0x0 has no/);
    for (const kernel of ['6.12', '7.2'] as const) {
      assert.match(
        findings('id-map-length', '&pcie { iommu-map; };', kernel).join(),
        /^error: .*behind it has an IOMMU/,
      );
    }
    assert.doesNotMatch(findings('id-map-length', '&pcie { iommu-map; };', '7.2').join(), /Bad iommu-map length/);
  });

  it('of several IDs are refused where the target asks for several cells, from 7.2 on', () => {
    const its = (length: string): string =>
      `&its { #msi-cells = <2>; }; &pcie { msi-map = <0x0 &its 0x0 0x0 ${length}>; };`;
    const [found, ...others] = findings('id-map-entry-refused', its('0x100'), '7.2');
    assert.match(found!, /^error: .*asks for 2 cells.*requester IDs 0x0–0xff is refused.*gets no MSIs/);
    assert.deepEqual(others, []);
    assert.deepEqual(findings('id-map-entry-refused', its('0x1'), '7.2'), []);
    assert.deepEqual(findings('id-map-entry-refused', its('0x100'), '6.12'), []);
  });

  it('leave gaps behind the root bus only, and none under a mask', () => {
    assert.deepEqual(findings('id-map-gap', map('<0x0 &smmu 0x0 0x9>, <0x100 &smmu 0x100 0x100>')), []);
    const gap = findings('id-map-gap', map('<0x0 &smmu 0x0 0x9>, <0x100 &smmu 0x100 0x1>, <0x200 &smmu 0x200 0x1>'));
    assert.match(gap.join(), /^hint: .*leaves out 0x101–0x1ff \(255 requester IDs\)/);
    const masked = `&pcie { iommu-map-mask = <0xff00>; iommu-map = <0x0 &smmu 0x0 0x1>, <0x100 &smmu 0x1 0x1>, <0x300 &smmu 0x2 0x1>; };`;
    assert.deepEqual(findings('id-map-gap', masked), []);
  });

  it('miss a described function, but not a bridge, nor where the mask leads to an entry', () => {
    assert.match(
      findings('function-not-mapped', map('<0x10 &smmu 0x10 0x100>')).join(),
      /requester ID 0x8, which .*net@1,0/,
    );
    assert.deepEqual(
      findings('function-not-mapped', `&pcie { iommu-map-mask = <0x0>; iommu-map = <0x0 &smmu 0x7 0x1>; };`),
      [],
    );
    const port = `&net { device_type = "pci"; #address-cells = <3>; #size-cells = <2>; };\n${map('<0x10 &smmu 0x10 0x100>')}`;
    assert.deepEqual(findings('function-not-mapped', port), []);
  });

  it('miss an event collector, which sends nothing but messages', () => {
    const collector = '&pcie { rcec@1f,0 { reg = <0xf800 0x0 0x0 0x0 0x0>; }; };';
    const found = findings('function-not-mapped', `${map('<0x0 &smmu 0x0 0x10>')}\n${collector}`);
    assert.match(found.join(), /^info: .*requester ID 0xf8/);
  });
});

describe('IDs of two devices', () => {
  const bridge = (map: string): string => `
/ { pcie2: pcie@60000000 { compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x0 0x60000000 0x0 0x10000000>;
	#address-cells = <3>; #size-cells = <2>; dma-coherent; ranges = <0x02000000 0x0 0x70000000 0x0 0x70000000 0x0 0x1000000>; ${map} }; };`;

  it('are found between the maps of two bridges', () => {
    const found = findings('stream-id-shared', bridge('iommu-map = <0x0 &smmu 0x100 0x100>;'));
    assert.match(
      found.join(),
      /^warning: Stream ID 0x100–0x1ff .*behind \/pcie@60000000 and to functions behind \/pcie@40000000/,
    );
    const msi = findings('msi-device-id-shared', bridge('msi-map = <0x0 &its 0x100 0x100>;'));
    assert.match(msi.join(), /^warning: Device ID 0x100–0x1ff/);
  });

  it('are not, where the ranges touch, or where boot loaders complete the entry', () => {
    const apart = '&pcie { iommu-map = <0x0 &smmu 0x0 0x100>; };';
    assert.deepEqual(findings('stream-id-shared', apart + bridge('iommu-map = <0x0 &smmu 0x100 0x100>;')), []);
    const completed = findings('stream-id-shared', bridge('iommu-map = <0x0 &smmu 0x0 0x1>;'));
    assert.match(completed.join(), /^info: .*boot loader/);
  });

  it('of a listed device count where a described function has the ID', () => {
    assert.match(findings('stream-id-shared', '&dma { iommus = <&smmu 0x8>; };').join(), /^warning: Stream ID 0x8 /);
    assert.deepEqual(findings('stream-id-shared', '&dma { iommus = <&smmu 0x9>; };'), []);
  });

  it('merged by a mask weigh more behind an SMMUv3', () => {
    assert.match(
      findings('id-map-mask-merges', '&pcie { iommu-map-mask = <0xfff8>; };').join(),
      /^warning: .*bits 0x7 /,
    );
    assert.match(
      findings('id-map-mask-merges', '&pcie { msi-map-mask = <0x0>; };').join(),
      /^hint: .*all functions look alike/,
    );
    assert.deepEqual(findings('id-map-mask-merges', '&pcie { iommu-map-mask = <0xffff>; };'), []);
  });

  it('say nothing of VFIO where it can take none of the devices', () => {
    const bridge = (iommu: string): string => `
/ { other: iommu@20000000 { reg = <0x0 0x20000000 0x0 0x1000>; #iommu-cells = <1>; ${iommu} }; };
&pcie { iommu-map = <0x0 &other 0x0 0x10000>; iommu-map-mask = <0xff00>; };
&dma { iommus = <&other 0x1>; }; &dma2 { iommus = <&other 0x1>; };`;
    const apple = bridge('compatible = "apple,t8103-dart";');
    assert.match(findings('id-map-mask-merges', apple).join(), /^hint: .*group, and each reaches what is mapped/);
    const smmu = 'compatible = "arm,mmu-500"; #global-interrupts = <1>;';
    assert.match(findings('id-map-mask-merges', bridge(`${smmu} dma-coherent;`)).join(), /^hint: .*VFIO can take/);
    assert.match(findings('shared-stream-group', bridge(`${smmu} dma-coherent;`)).join(), /^hint: .*VFIO can take/);
    const incoherent = `${bridge(smmu)} &dma { /delete-property/ dma-coherent; };`;
    assert.match(findings('shared-stream-group', incoherent).join(), /^hint: (?!.*VFIO)/);
  });
});

describe('reservations of a bridge', () => {
  const text = (device: string): string => `
&{/reserved-memory} { hole: hole { iommu-addresses = <&${device} 0x0 0x70000000 0x0 0x100000>; }; };
&${device} { memory-region = <&hole>; };`;

  it('are not those of its functions, which are named', () => {
    const found = diagnosticsOf(onBoard(text('pcie'))).filter(({ rule }) => rule === 'reservation-not-inherited');
    assert.equal(found.length, 1);
    assert.match(found[0]!.message, /Name \/pcie@40000000\/net@1,0 instead/);
    assert.deepEqual(
      found[0]!.evidence!.map(({ message }) => message),
      ['The bridge lists it', '/pcie@40000000/net@1,0 has no reservation by it'],
    );
  });

  it('are those of a device itself', () => {
    assert.deepEqual(findings('reservation-not-inherited', text('dma')), []);
    assert.deepEqual(findings('reservation-without-iommu', text('dma')), []);
    assert.match(findings('reservation-without-iommu', text('gic')).join(), /behind no IOMMU/);
  });

  it('are nothing that 6.1 would read', () => {
    assert.deepEqual(findings('reservation-not-inherited', text('pcie'), '6.1'), []);
  });
});

describe('mmu-masters', () => {
  const legacy =
    '/ { iommu@2c000000 { compatible = "arm,mmu-500"; reg = <0x0 0x2c000000 0x0 0x20000>; #global-interrupts = <1>; mmu-masters = <&dma 0x100>; }; };';
  const modern =
    '/ { iommu@2d000000 { compatible = "arm,mmu-500"; reg = <0x0 0x2d000000 0x0 0x20000>; #global-interrupts = <1>; #iommu-cells = <1>; }; };';

  it('rule out SMMUs of the other form, but not those of another driver', () => {
    assert.doesNotMatch(findings('mmu-masters-not-read', legacy).join(), /the other form/);
    assert.match(findings('mmu-masters-not-read', legacy + modern).join(), /2d000000 is described in the other form/);
  });

  it('of an SMMU that is off are nobody’s', () => {
    assert.deepEqual(
      findings('mmu-masters-not-read', legacy.replace('mmu-masters', 'status = "disabled"; mmu-masters')),
      [],
    );
  });
});
