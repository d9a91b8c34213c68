// Interrupts, usable space and boot arguments: what VFIO asks of a board beside coherency.
import assert from 'node:assert/strict';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { applyFix, diagnosticsOf, onBoard, ruleIds } from './board';
import { checkMarks } from './marks';

const guests = { mine: { ram: [{ start: '0x80000000', size: '0x40000000' }] } };
const v2m = `
&gic { v2m: msi-controller@2f400000 { compatible = "arm,gic-v2m-frame"; reg = <0x0 0x2f400000 0x0 0x1000>; msi-controller; }; };
&pcie { msi-map = <0x0 &v2m 0x0 0x10000>; };`;
const unsafe = '/ { chosen { bootargs = "quiet vfio_iommu_type1.allow-unsafe_interrupts=Y"; }; };';

function about(rule: string, text: string, settings?: object, kernel?: KernelVersion) {
  return diagnosticsOf(onBoard(text, settings), kernel).filter((each) => each.rule === rule);
}

describe('interrupts for VFIO', () => {
  it('through a GICv2m frame are not isolated: a hint, and a warning for who has guests', () => {
    const [hint] = about('vfio-unsafe-interrupts', v2m);
    assert.equal(hint?.severity, 'hint');
    assert.match(
      hint.message,
      /refuses what has its MSIs from .*\/msi-controller@2f400000 .*devices behind \/pcie@40000000.* EPERM/,
    );
    const [warning] = about('vfio-unsafe-interrupts', v2m, { guests });
    assert.equal(warning?.severity, 'warning');
  });

  it('are judged for the whole system to 6.2: an unused frame spoils it', () => {
    const unused = v2m.split('\n').slice(0, 2).join('\n');
    assert.deepEqual(about('vfio-unsafe-interrupts', unused), []);
    const [found] = about('vfio-unsafe-interrupts', unused, undefined, '6.1');
    assert.match(found?.message ?? '', /refuses every device of this board on Linux 6\.1/);
  });

  it('do not matter where the boot arguments waive them', () => {
    for (const kernel of ['6.1', '6.12', '7.2'] as const) {
      assert.deepEqual(about('vfio-unsafe-interrupts', v2m + unsafe, { guests }, kernel), []);
      assert.deepEqual(about('vfio-no-msi-controller', unsafe, { guests }, kernel), []);
    }
    assert.equal(about('vfio-unsafe-interrupts', v2m + unsafe.replace('=Y', '=n')).length, 1);
    assert.equal(
      about('vfio-unsafe-interrupts', v2m + unsafe.replace('=Y', '=Y vfio_iommu_type1.allow_unsafe_interrupts=0'))
        .length,
      1,
    );
    assert.deepEqual(about('vfio-unsafe-interrupts', v2m + unsafe.replace('=Y', '')), []);
  });

  it('have no controller: each bridge by itself, other devices once and only for who has guests', () => {
    const none = '&pcie { /delete-property/ msi-map; };';
    const [bridge, ...more] = about('vfio-no-msi-controller', none);
    assert.equal(`${bridge?.severity} ${bridge?.node}`, 'hint /pcie@40000000');
    assert.deepEqual(more, []);
    const found = about('vfio-no-msi-controller', none, { guests });
    assert.deepEqual(found.map(({ severity, node }) => `${severity} ${node}`).sort(), [
      'info /dma@10000000',
      // The pointer from the board's own file.
      'info /pcie@40000000',
      'warning /pcie@40000000',
    ]);
    assert.deepEqual(about('vfio-no-msi-controller', none, { guests }, '6.1'), []);
  });

  it('are not asked for behind an SMMU that VFIO refuses in any case', () => {
    assert.deepEqual(about('vfio-unsafe-interrupts', `${v2m} &smmu { /delete-property/ dma-coherent; };`), []);
  });
});

describe('space for VFIO', () => {
  const reserved = (cells: string) => `
&{/reserved-memory} { hole: hole { iommu-addresses = ${cells}; }; };
&dma { memory-region = <&hole>; };`;

  it('is gone where reservations and window take every byte', () => {
    const below = '<&dma 0x0 0x0 0x0 0x8000000>';
    const [found] = about('vfio-no-usable-iova', reserved(`${below}, <&dma 0x0 0x8100000 0xffff 0xf7f00000>`));
    assert.match(found?.message ?? '', /attaching the group fails with EINVAL/);
    assert.deepEqual(about('vfio-no-usable-iova', reserved(`${below}, <&dma 0x0 0x8100001 0xffff 0xf7efffff>`)), []);
  });

  it('counts in whole pages of the host', () => {
    const text = reserved('<&dma 0x0 0x90001000 0x0 0x1000>');
    assert.deepEqual(about('iommu-addresses-misaligned', text), []);
    const before = onBoard(text, { pageSize: '64K' });
    const [found] = diagnosticsOf(before);
    assert.equal(found?.rule, 'iommu-addresses-misaligned');
    assert.match(found.message, /all of 0x90000000–0x9000ffff \(64 KiB at 2\.25 GiB\) is lost to \/dma@10000000/);
    assert.deepEqual(diagnosticsOf(applyFix(before, found.fixes![0]!)), []);
  });

  const direct = (start: string, size: string) =>
    `&{/reserved-memory} { fw@90000000 { reg = <0x0 ${start} 0x0 ${size}>; }; };
&{/reserved-memory/fw@90000000} { iommu-addresses = <&dma 0x0 ${start} 0x0 ${size}>; };
&dma { memory-region = <&{/reserved-memory/fw@90000000}>; };`;

  it('of a direct region is rounded up at both ends', () => {
    const small = about('iommu-addresses-misaligned', direct('0x90000100', '0x200'));
    assert.match(small[0]?.message ?? '', /inside one page .* maps nothing, so \/dma@10000000 faults on it/);
    const late = about('iommu-addresses-misaligned', direct('0x90000800', '0x1800'));
    assert.equal(late[0]?.severity, 'warning');
    assert.match(late[0].message, /0x90000800–0x90000fff .* is not mapped, and \/dma@10000000 faults there;/);
    const long = about('iommu-addresses-misaligned', direct('0x90000000', '0x1800'));
    assert.equal(long[0]?.severity, 'info');
    assert.match(long[0].message, /0x90001800–0x90001fff .* is mapped besides/);
    assert.deepEqual(about('iommu-addresses-misaligned', direct('0x90000000', '0x2000')), []);
  });

  it('ends with the IOMMU’s address bits', () => {
    assert.equal(about('iommu-addresses-beyond-aperture', reserved('<&dma 0x10000 0x0 0x0 0x1000>')).length, 1);
    assert.deepEqual(about('iommu-addresses-beyond-aperture', reserved('<&dma 0xffff 0xfffff000 0x0 0x1000>')), []);
    assert.deepEqual(about('iommu-addresses-beyond-aperture', reserved('<&dma 0xffff 0xfffff000 0x0 0x2000>')), []);
  });

  it('is lost for all masters of the SMMU from 7.2 on where a direct region is beyond them, said once', () => {
    const text = direct('0x90000000', '0x100000').replaceAll('0x0 0x90000000', '0x10000 0x0');
    const [old, ...others] = about('direct-region-not-mappable', text);
    assert.match(old?.message ?? '', /48 bits .* \/dma@10000000 gets no IOMMU group/);
    assert.deepEqual(others, []);
    const later = about('direct-region-not-mappable', text, undefined, '7.2');
    assert.equal(later.length, 1);
    assert.match(later[0]!.message, /On Linux 7\.2 no device behind its IOMMU gets a group/);
  });
});

describe('boot arguments', () => {
  const limited = '&pcie { dma-ranges = <0x02000000 0x0 0x0 0x0 0x0 0x0 0x20000000>; };';
  const chosen = (value: string) => `/ { chosen { bootargs = "${value}"; }; };`;

  it('that take the host past the IOMMU make its MSIs need a way to the doorbell', () => {
    assert.deepEqual(about('doorbell-not-forwarded', limited), []);
    const found = about('doorbell-not-forwarded', limited + chosen('iommu.passthrough=1'));
    assert.match(found.at(-1)?.message ?? '', /^With iommu\.passthrough in the boot arguments/);
    assert.deepEqual(about('doorbell-not-forwarded', limited + chosen('iommu.passthrough=0')), []);
  });

  it('are not asked where there are no reservations', () => {
    checkMarks(chosen('iommu.passthrough=1'));
  });
});

describe('regions of a virtio-iommu', () => {
  const viommu = `
/ { compatible = "linux,dummy-virt"; };
&pcie { iommu-map = <0x0 &viommu 0x0 0x8>, <0x10 &viommu 0x10 0xfff0>;
	viommu: iommu@2,0 { compatible = "virtio,pci-iommu"; reg = <0x1000 0x0 0x0 0x0 0x0>; #iommu-cells = <1>; }; };
&dma { iommus = <&viommu 0x10000>; }; &dma2 { iommus = <&viommu 0x10001>; };`;

  it('are not known until doorbell.json has them, which a fix writes for QEMU’s virt', () => {
    const before = onBoard(viommu);
    const [found] = about('virtio-iommu-regions-unknown', viommu);
    assert.equal(found?.severity, 'hint');
    assert.match(found.fixes![0]!.title, /0x2f030000–0x2f03ffff/);
    const after = applyFix(before, found.fixes![0]!);
    assert.deepEqual(JSON.parse(after['doorbell.json']!), {
      virtioIommuRegions: [{ start: '0x2f030000', size: '0x10000', type: 'msi' }],
    });
    assert.deepEqual(
      diagnosticsOf(after).filter(({ rule }) => rule === 'virtio-iommu-regions-unknown'),
      [],
    );
    assert.deepEqual(ruleIds(diagnosticsOf(after)), ruleIds(diagnosticsOf(before)));
  });
});

describe('an MSI window of doorbell.json', () => {
  const its2 = `
&gic { its2: msi-controller@2f040000 { compatible = "arm,gic-v3-its"; reg = <0x0 0x2f040000 0x0 0x20000>; #msi-cells = <1>; msi-controller; }; };
&pcie { msi-map = <0x0 &its 0x0 0x8000>, <0x8000 &its2 0x0 0x8000>; };`;
  const window = (base: string, size: string, more: object = {}) => ({ ...more, msiWindow: { base, size } });
  const ids = (text: string, settings: object) =>
    diagnosticsOf(onBoard(text, settings))
      .map(({ rule }) => rule)
      .filter((rule) => rule !== 'msi-window-not-settable');

  it('has a page for each doorbell, of the host’s size', () => {
    assert.deepEqual(ids(its2, window('0x8000000', '0x2000')), []);
    assert.deepEqual(ids(its2, window('0x8000000', '0x1000')), ['msi-window-too-small']);
    assert.deepEqual(ids(its2, window('0x8000000', '0x10000', { pageSize: '64K' })), ['msi-window-too-small']);
    assert.deepEqual(ids(its2, window('0x8000000', '0x20000', { pageSize: '64K' })), []);
  });

  it('starts with a page of the host', () => {
    assert.deepEqual(ids('', window('0x8001000', '0x100000')), []);
    assert.deepEqual(ids('', window('0x8001000', '0x100000', { pageSize: '16K' })), ['msi-window-misaligned']);
  });

  it('lies inside what the IOMMU translates, and where 32-bit MSIs reach', () => {
    assert.deepEqual(ids('', window('0xffffffff0000', '0x10000')), ['msi-window-above-4g']);
    assert.deepEqual(ids('', window('0x1000000000000', '0x10000')), ['msi-window-outside-aperture']);
    assert.deepEqual(ids('', window('0xffffffffffff0000', '0x100000')), ['msi-window-outside-aperture']);
    assert.deepEqual(ids('', window('0xffff0000', '0x100000')), []);
    assert.deepEqual(ids('', window('0x100000000', '0x10000')), ['msi-window-above-4g']);
    assert.deepEqual(ids('&pcie { /delete-property/ iommu-map; };', window('0x100000000', '0x10000')), []);
  });

  it('is no kernel’s as released, which is said unless the kernel’s own is in the way', () => {
    const said = (text: string, settings: object) =>
      diagnosticsOf(onBoard(text, settings)).filter(({ rule }) => rule === 'msi-window-not-settable').length;
    const limited = '&pcie { dma-ranges = <0x02000000 0x0 0x80000000 0x0 0x80000000 0x0 0x80000000>; };';
    assert.equal(said('', window('0x9000000', '0x100000')), 1);
    assert.equal(said('', window('0x8000000', '0x100000')), 0);
    assert.equal(said(limited, window('0xfff00000', '0x100000')), 0);
  });
});

describe('the list in sysfs', () => {
  const holes = (count: number): string => {
    const entries = Array.from(
      { length: count },
      (_, n) => `<&dma 0x0 0x${(0x90000000 + n * 0x2000).toString(16)} 0x0 0x1000>`,
    );
    return `&{/reserved-memory} { holes: holes { iommu-addresses = ${entries.join(', ')}; }; }; &dma { memory-region = <&holes>; };`;
  };
  const cut = (count: number, settings?: object) => about('reserved-regions-cut', holes(count), settings);

  it('holds the window’s line of 42 bytes and 86 of 47 in a page of 4 KiB, less the last byte', () => {
    assert.deepEqual(cut(86), []);
    assert.match(cut(87)[0]?.message ?? '', /does not show 1 of 88 regions, from 0x900ac000/);
    assert.match(cut(187)[0]?.message ?? '', /does not show 101 of 188 regions/);
    assert.deepEqual(cut(187, { pageSize: '16K' }), []);
  });

  it('matters to who starts guests by a VMM that reads it', () => {
    assert.equal(cut(100, { guests })[0]?.severity, 'info');
    assert.equal(cut(100, { guests: { mine: { preset: 'kvmtool:1G' } } })[0]?.severity, 'warning');
  });
});
