import assert from 'node:assert/strict';
import { diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

const guests = { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } };

describe('VFIO readiness', () => {
  it('is lost behind an SMMUv3 that is not coherent, once for the SMMU', () => {
    const [found] = diagnosticsOf(onBoard('&smmu { /delete-property/ dma-coherent; };'));
    assert.equal(found?.rule, 'vfio-smmu-not-coherent');
    assert.equal(found.severity, 'info');
    assert.match(found.message, /\(devices behind \/pcie@40000000, \/dma@10000000 and \/dma@10010000\)/);
    assert.match(found.message, /binding a device to a VFIO driver fails with EINVAL/);
    assert.equal(found.evidence!.length, 4);
  });

  it('weighs more where doorbell.json names guests', () => {
    const found = diagnosticsOf(onBoard('&smmu { /delete-property/ dma-coherent; };', { guests }));
    assert.deepEqual(ruleIds(found), ['warning guest-nothing-to-pass', 'warning vfio-smmu-not-coherent']);
  });

  it('is not asked for behind an SMMUv3 that nothing uses', () => {
    checkMarks(
      '/ { iommu@2c000000 { compatible = "arm,smmu-v3"; reg = <0x0 0x2c000000 0x0 0x20000>; #iommu-cells = <1>; }; };',
    );
  });

  const mmu500 = (properties: string) => `
/ { smmu2: iommu@2c000000 { compatible = "arm,mmu-500"; reg = <0x0 0x2c000000 0x0 0x20000>; #iommu-cells = <1>;
	#global-interrupts = <1>; ${properties} }; };`;

  it('behind an SMMUv2 is a matter of the device where its walks are not coherent', () => {
    const devices =
      '&dma { iommus = <&smmu2 0x1>; }; &dma2 { iommus = <&smmu2 0x2>; /delete-property/ dma-coherent; };';
    const [found, ...others] = diagnosticsOf(onBoard(mmu500('') + devices));
    assert.equal(found?.rule, 'vfio-device-not-coherent');
    assert.match(found.message, /some devices behind \/iommu@2c000000 \(\/dma@10010000\)/);
    assert.match(found.message, /Coherent devices behind it can\./);
    assert.deepEqual(others, []);
    checkMarks(mmu500('dma-coherent;') + devices);
  });

  it('is impossible behind drivers that never answer, said once for each driver', () => {
    const mmu = (name: string, unit: string, compatible: string) =>
      `/ { ${name}: iommu@${unit} { compatible = "${compatible}"; reg = <0x0 0x${unit} 0x0 0x100>; #iommu-cells = <0>; }; };\n`;
    const found = diagnosticsOf(
      onBoard(
        mmu('one', '2c000000', 'rockchip,rk3568-iommu') +
          mmu('two', '2c001000', 'rockchip,iommu') +
          '&dma { iommus = <&one>; }; &dma2 { iommus = <&two>; };',
      ),
    );
    assert.deepEqual(
      found.map(({ rule, severity }) => `${severity} ${rule}`),
      ['hint vfio-driver-unable'],
    );
    assert.match(found[0]!.message, /behind \/iommu@2c000000 and \/iommu@2c001000 .*driver rk_iommu/);
  });
});
