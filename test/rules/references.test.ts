import assert from 'node:assert/strict';
import { boardSource, diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

describe('references and maps', () => {
  it('to an SMMU with status = "reserved"', () => {
    const [found] = checkMarks(`
&smmu { status = "reserved"; };
&pcie { iommu-map = <0x0 &smmu 0x0 0x10000>; };
                       //^^^^^ warning[iommu-target-disabled]`);
    assert.match(found!.message, /status = "reserved"/);
    assert.ok(found!.evidence!.some(({ message }) => message.startsWith('Why /iommu@2b400000 is not enabled')));
  });

  it('to a disabled SMMU are said once for all devices', () => {
    const found = diagnosticsOf(onBoard('&smmu { status = "disabled"; };'));
    assert.deepEqual(ruleIds(found), ['warning iommu-target-disabled']);
    assert.match(found[0]!.message, /devices behind \/pcie@40000000, \/dma@10000000 and \/dma@10010000 have no IOMMU/);
  });

  it('to an SMMU that the SoC’s include refers to and leaves off are the board’s choice', () => {
    const soc = {
      'board.dtsi': boardSource.replace('\t\t#iommu-cells = <1>;', '\t\t#iommu-cells = <1>;\n\t\tstatus = "disabled";'),
    };
    const found = (text: string, settings?: object) =>
      diagnosticsOf({ ...onBoard(text, settings), ...soc })
        .filter(({ rule }) => rule === 'iommu-target-disabled')
        .map(({ severity }) => severity);
    assert.deepEqual(found(''), ['info']);
    assert.deepEqual(found('&smmu { status = "disabled"; };'), ['warning']);
    assert.deepEqual(found('&dma { iommus = <&smmu 0x7>; };'), ['warning']);
    const guests = { guests: { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } } };
    assert.deepEqual(found('', guests), ['warning']);
  });

  it('to an SMMU of a port that is off with it are a hint', () => {
    const text = `
/ { other: iommu@20000000 { compatible = "arm,smmu-v3"; reg = <0x0 0x20000000 0x0 0x1000>; #iommu-cells = <1>; status = "disabled"; }; };
&pcie { iommu-map = <0x0 &smmu 0x0 0x100>, <0x100 &other 0x0 0x100>; };`;
    const [found] = diagnosticsOf(onBoard(text)).filter(({ rule }) => rule === 'iommu-target-disabled');
    assert.equal(found?.severity, 'hint');
  });

  it('of nodes that are off themselves are not looked at', () => {
    checkMarks(`&dma { status = "disabled"; iommus = <0xdead 0x1>; };
&pcie { status = "disabled"; iommu-map = <0x0 &smmu>; msi-map = <0x0 &gic 0x0 0x1>; };`);
  });

  it('by a label that does not exist are one diagnostic, not two', () => {
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard('&dma { iommus = <&nowhere 0x1>; };'))), [
      'error unresolved-reference',
    ]);
  });

  it('of msi-map to something else', () => {
    checkMarks(`
&pcie { msi-map = <0x0 &smmu 0x0 0x10000>; };
                     //^^^^^ warning[msi-target-not-controller]`);
  });

  it('of a map of five cells matter by kernel', () => {
    const map = '&pcie { iommu-map = <0x0 &smmu 0x0 0x10000 0x0>; };';
    const old = diagnosticsOf(onBoard(map), '6.12');
    assert.deepEqual(ruleIds(old), ['error id-map-length']);
    assert.match(old[0]!.message, /Linux 6\.12 refuses the whole map.*Kernels from 7\.2 on still use the entry/);
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(map), '7.2')), ['warning id-map-length']);
  });

  const twoCells = (map: string): string => `
/ { smmu2: iommu@20000000 { compatible = "arm,mmu-500"; reg = <0x0 0x20000000 0x0 0x1000>; #iommu-cells = <2>; #global-interrupts = <1>; dma-coherent; }; };
&pcie { iommu-map = <${map}>; };`;

  it('in the older form for a two-cell target are read alike in one case only', () => {
    const meant = diagnosticsOf(onBoard(twoCells('0x8 &smmu2 0x1400 0x1>, <0x100 &smmu2 0x1401 0x1')));
    assert.deepEqual(
      meant.map(({ severity, rule }) => `${severity} ${rule}`),
      ['hint id-map-cells'],
    );
    const long = onBoard(twoCells('0x8 &smmu2 0x1400 0x1>, <0x100 &smmu2 0x1401 0x100'));
    assert.deepEqual(
      diagnosticsOf(long).map(({ severity, rule }) => `${severity} ${rule}`),
      ['info id-map-cells'],
    );
    assert.ok(ruleIds(diagnosticsOf(long, '7.2')).some((each) => each.endsWith('id-map-length')));
    const newer = onBoard(twoCells('0x8 &smmu2 0x1400 0x0 0x1'));
    assert.deepEqual(ruleIds(diagnosticsOf(newer, '6.12')), ['error id-map-length']);
    assert.deepEqual(ruleIds(diagnosticsOf(newer, '7.2')), []);
  });

  it('to stream IDs beyond 16 bits say what each kernel loses', () => {
    const map = '&pcie { iommu-map = <0x8 &smmu 0x10000 0x8>; };';
    const [old] = diagnosticsOf(onBoard(map), '6.12');
    assert.match(old!.message, /the device then gets no IOMMU; from Linux 7\.2 on the whole SMMU/);
    const [newer] = diagnosticsOf(onBoard(map), '7.2');
    assert.match(newer!.message, /the whole SMMU then fails to register/);
  });
});
