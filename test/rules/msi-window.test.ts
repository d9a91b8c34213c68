import assert from 'node:assert/strict';
import { applyFix, diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

describe('MSI window', () => {
  it('meets a reservation', () => {
    const [found] = checkMarks(`
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>; }; };
                                                    //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning[msi-window-overlap]
&dma { memory-region = <&hole>; };`);
    assert.match(found!.message, /MSI window 0x8000000–0x80fffff \(1 MiB at 128 MiB\) overlaps the reserved region/);
    assert.match(found!.message, /host's own drivers are not affected/);
    const [move, relocate] = found!.fixes!;
    assert.equal(move!.title, 'Move the reservation to the nearest free IOVA, 0x8100000–0x8100fff (4 KiB at 129 MiB)');
    assert.match(relocate!.title, /^Relocate the MSI window to .*kernel built with MSI_IOVA_BASE .* VMM that sets it$/);
  });

  it('touches no reservation that ends where it starts', () => {
    checkMarks(`
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x7ff0000 0x0 0x10000>, <&dma 0x0 0x8100000 0x0 0x1000>; }; };
&dma { memory-region = <&hole>; };`);
  });

  it('moves with doorbell.json, and what is wrong there is shown to come from there', () => {
    const hole = `
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>,
        <&dma 0x0 0x9000000 0x0 0x1000>; }; };
       //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning[msi-window-overlap]
&dma { memory-region = <&hole>; };`;
    const [found] = checkMarks(hole, undefined, { msiWindow: { base: '0x9000000', size: '0x100000' } });
    const settings = found!.evidence!.find(({ range }) => range.file.path.endsWith('doorbell.json'));
    assert.match(settings?.message ?? '', /set to 0x9000000–0x90fffff/);
  });

  it('is relocated by a fix that writes doorbell.json', () => {
    const before = onBoard('&pcie { dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>; };');
    const [found] = diagnosticsOf(before);
    assert.equal(found?.rule, 'msi-window-not-forwarded');
    const after = applyFix(before, found.fixes![0]!);
    assert.deepEqual(JSON.parse(after['doorbell.json']!), { msiWindow: { base: '0xfff00000', size: '0x100000' } });
    assert.deepEqual(ruleIds(diagnosticsOf(after)), []);
  });

  it('is relocated clear of the reservations and windows of all devices', () => {
    const before = onBoard(`
&{/reserved-memory} { hole: hole { iommu-addresses =
	<&dma 0x0 0x8000000 0x0 0x1000>, <&dma2 0x0 0x7000000 0x0 0x1000000>, <&dma2 0x0 0x8100000 0x0 0x100000>; }; };
&dma { memory-region = <&hole>; };
&dma2 { memory-region = <&hole>; };`);
    for (const found of diagnosticsOf(before)) {
      for (const fix of found.fixes!) assert.deepEqual(ruleIds(diagnosticsOf(applyFix(before, fix))), [], fix.title);
    }
  });

  it('has no other place where everything is reserved, and the message says so', () => {
    const [found] = diagnosticsOf(
      onBoard(`
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x0 0xffffffff 0xffffffff>; }; };
&dma { memory-region = <&hole>; };`),
    );
    assert.match(found!.message, /no other place for the window suits this device/);
    assert.deepEqual(
      found!.fixes!.map(({ title }) => title),
      ['Ignore msi-window-overlap here'],
    );
  });

  it('is not asked for behind an IOMMU that is off, or by a bridge that is', () => {
    const limited = 'dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>;';
    checkMarks(`&pcie { ${limited} status = "disabled"; };`);
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(`&pcie { ${limited} }; &smmu { status = "disabled"; };`))), [
      'warning iommu-target-disabled',
    ]);
  });

  it('needs only its first pages, one for each doorbell', () => {
    checkMarks('&pcie { dma-ranges = <0x02000000 0x0 0x8000000 0x0 0x8000000 0x0 0x10000>; };');
  });

  it('lies in an outbound window by bus addresses, not by those of the CPU', () => {
    checkMarks('&pcie { ranges = <0x02000000 0x0 0x50000000 0x0 0x8000000 0x0 0x100000>; };');
    checkMarks(`
&pcie { ranges = <0x02000000 0x0 0x8000000 0x0 0x50000000 0x0 0x100000>; };
                //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning[msi-window-in-pci-window]`);
    checkMarks('&pcie { ranges = <0x01000000 0x0 0x8000000 0x0 0x50000000 0x0 0x100000>; };');
  });

  it('says when VFIO refuses the device anyway', () => {
    const [found] = diagnosticsOf(
      onBoard(`
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>; }; };
&dma { memory-region = <&hole>; };
&smmu { /delete-property/ dma-coherent; };`),
    );
    assert.match(found!.message, /not dma-coherent/);
  });
});
