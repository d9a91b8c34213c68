import assert from 'node:assert/strict';
import { applyFix, diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

/** Applies the first fix of the only diagnostic, and gives the changed source. */
function fixed(text: string): string {
  const before = onBoard(text);
  const found = diagnosticsOf(before);
  const [fix] = found[0]!.fixes!;
  const after = applyFix(before, fix!);
  assert.deepEqual(ruleIds(diagnosticsOf(after)), [], fix!.title);
  return after['board.dts']!;
}

const listed = '&dma { memory-region = <&hole>; }; &net { memory-region = <&nethole>; };';

describe('iommu-addresses', () => {
  it('of a PCI function in two address cells: the commonest trap', () => {
    const text = `
&{/reserved-memory} { nethole: nethole { iommu-addresses = <&net 0x0 0x90000000 0x0 0x100000>; }; };
                                                          //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error[iommu-addresses-cell-count]
&net { memory-region = <&nethole>; };`;
    const [found] = checkMarks(text);
    assert.match(found!.message, /4 cells, but the bus .* has 3 for an address and 2 for a size/);
    assert.match(fixed(text), /<&net 0x02000000 0x0 0x90000000 0x0 0x100000>/);
  });

  for (const [title, written, rewritten] of [
    ['one cell each on a bus of two', '&dma 0x70000000 0x1000', '&dma 0x0 0x70000000 0x0 0x1000'],
    ['a size of one cell', '&dma 0x0 0x70000000 0x1000', '&dma 0x0 0x70000000 0x0 0x1000'],
    ['an address of one cell', '&dma 0x70000000 0x0 0x1000', '&dma 0x0 0x70000000 0x0 0x1000'],
    [
      'the PCI form for a platform device',
      '&dma 0x02000000 0x0 0x70000000 0x0 0x1000',
      '&dma 0x0 0x70000000 0x0 0x1000',
    ],
  ] as const) {
    it(`with ${title} is rewritten`, () => {
      const text = `&{/reserved-memory} { hole: hole { iommu-addresses = <${written}>; }; };
&dma { memory-region = <&hole>; };`;
      assert.ok(fixed(text).includes(`<${rewritten}>`));
    });
  }

  it('of a device on a bus of one cell is read by that bus', () => {
    checkMarks(`
/ { bus { compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>; ranges;
	small: small@0 { compatible = "example,dma"; reg = <0x0 0x1000>; iommus = <&smmu 0x7>; memory-region = <&hole>; }; }; };
&{/reserved-memory} { hole: hole { iommu-addresses = <&small 0x70000000 0x1000>; }; };`);
  });

  it('is not rewritten where its meaning is unclear', () => {
    const found = diagnosticsOf(
      onBoard(
        `&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 1 2 3 4 5 6 7>; }; }; &dma { memory-region = <&hole>; };`,
      ),
    );
    assert.deepEqual(
      found.map(({ rule, fixes }) => [rule, fixes!.length]),
      [['iommu-addresses-cell-count', 1]],
    );
  });

  it('outside of dma-ranges, or in another PCI space, makes the kernel oops', () => {
    const bus = '&pcie { dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x0 0x40000000>; };';
    checkMarks(`${bus}
&{/reserved-memory} { nethole: nethole { iommu-addresses = <&net 0x02000000 0x0 0x90000000 0x0 0x1000>; }; };
                                                          //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error[iommu-addresses-outside-dma-ranges]
&net { memory-region = <&nethole>; };`);
    const flags = `${bus}
&{/reserved-memory} { nethole: nethole { iommu-addresses = <&net 0x0 0x0 0x10000000 0x0 0x1000>; }; };
&net { memory-region = <&nethole>; };`;
    assert.match(fixed(flags), /<&net 0x02000000 0x0 0x10000000 0x0 0x1000>/);
  });

  it('that dma-ranges move is moved by a fix in the same space', () => {
    const before = onBoard(`&pcie { dma-ranges = <0x02000000 0x0 0x0 0x0 0x4000000 0x0 0x40000000>; };
&{/reserved-memory} { nethole: nethole { iommu-addresses = <&net 0x02000000 0x0 0x4000000 0x0 0x1000>; }; };
&net { memory-region = <&nethole>; };`);
    const found = diagnosticsOf(before);
    assert.deepEqual(ruleIds(found), ['warning iommu-addresses-shifted', 'warning msi-window-overlap']);
    const move = found.find(({ rule }) => rule === 'msi-window-overlap')!.fixes![0]!;
    const after = applyFix(before, move);
    assert.match(after['board.dts']!, /<&net 0x02000000 0x0 0x4100000 0x0 0x1000>/);
    assert.deepEqual(ruleIds(diagnosticsOf(after)), ['warning iommu-addresses-shifted']);
  });

  it('adds the missing memory-region, alone or to a list, in the style of the file', () => {
    const hole =
      '&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>; }; other: other { }; };';
    assert.match(fixed(`${hole}\n&dma {\n\tstatus = "okay";\n};`), /&dma \{\n\tmemory-region = <&hole>;\n\tstatus/);
    assert.match(fixed(`${hole}\n&dma { memory-region = <&other>; };`), /memory-region = <&other &hole>;/);
  });

  it('refers to a region without label by its path', () => {
    const text = `&{/reserved-memory} { hole { iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>; }; };
&dma { status = "okay"; };`;
    assert.match(fixed(text), /memory-region = <&\{\/reserved-memory\/hole\}>;/);
  });

  it('of a shared region names each device once', () => {
    checkMarks(`
&{/reserved-memory} {
	hole: hole { iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>, <&net 0x02000000 0x0 0x70000000 0x0 0x1000>; };
	nethole: nethole { size = <0x0 0x1000>; };
};
&dma { memory-region = <&hole>; };
&net { memory-region = <&hole>; };`);
  });

  it('is silent for what the kernel does not read, but says so once', () => {
    const text = `&{/reserved-memory} {
	hole: hole { iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>; };
	nethole: nethole { iommu-addresses = <&net 0x0 0x8000000 0x0 0x1000>; };
};
${listed}`;
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(text), '6.1')), ['warning iommu-addresses-ignored']);
  });

  it('of a direct region is ignored by 6.1, and keeps the device from VFIO later', () => {
    const text = `&{/reserved-memory} {
	fw: fw@90000000 { reg = <0x0 0x90000000 0x0 0x100000>; iommu-addresses = <&dma 0x0 0x90000000 0x0 0x100000>; };
};
&dma { memory-region = <&fw>; };`;
    const [found] = diagnosticsOf(onBoard(text), '6.1');
    assert.match(found?.message ?? '', /VFIO takes \/dma@10000000 here; from 6\.6 on it does not/);
    assert.deepEqual(ruleIds(diagnosticsOf(onBoard(text))), ['warning direct-region']);
  });

  it('names the driver that ignores it', () => {
    const diagnostics = diagnosticsOf(
      onBoard(`/ { mmu: iommu@20000000 { compatible = "rockchip,iommu"; reg = <0x0 0x20000000 0x0 0x100>; #iommu-cells = <0>; }; };
&{/reserved-memory} { hole: hole { iommu-addresses = <&dma 0x0 0x70000000 0x0 0x1000>; }; };
&dma { iommus = <&mmu>; memory-region = <&hole>; };`),
    );
    const found = diagnostics.find(({ rule }) => rule === 'iommu-addresses-ignored');
    assert.match(found?.message ?? '', /rk_iommu does not read iommu-addresses, in no kernel up to 7\.2/);
  });

  it('that run past the end of the address space are said to be so, not what else is odd of them', () => {
    const found = (entry: string) =>
      diagnosticsOf(
        onBoard(`&{/reserved-memory} { hole: hole { iommu-addresses = <&dma ${entry}>; }; };
&dma { memory-region = <&hole>; };`),
      ).map(({ severity, rule }) => `${severity} ${rule}`);
    assert.deepEqual(found('0xffffffff 0xfffff000 0x0 0x2000'), ['warning iommu-addresses-wraps']);
    assert.deepEqual(found('0xffffffff 0xfffff000 0xffffffff 0xffffffff'), ['warning iommu-addresses-wraps']);
    assert.deepEqual(found('0xffffffff 0xfffff000 0x0 0x1000'), ['info iommu-addresses-beyond-aperture']);
  });
});
