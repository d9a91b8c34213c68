import assert from 'node:assert/strict';
import { isPresetName, ownLayout, presetLayout, presetNames } from '../../../server/src/iova/guests/layout';
import type { PresetName, PresetOptions } from '../../../server/src/iova/guests/layout';

const kib = 1n << 10n;
const mib = 1n << 20n;
const gib = 1n << 30n;
const tib = 1n << 40n;
const page = 4n * kib;

/** `40000000+100000000 …` */
function ram(name: PresetName, size: bigint, options?: PresetOptions): string {
  const layout = presetLayout(name, size, options);
  assert.deepEqual(layout.problems, []);
  return layout.ram.map(({ start, end }) => `${start.toString(16)}+${(end - start + 1n).toString(16)}`).join(' ');
}

describe('guest layouts', () => {
  const cases: readonly (readonly [PresetName, bigint, string, PresetOptions?])[] = [
    ['qemu-virt', 4n * gib, '40000000+100000000'],
    ['qemu-virt', page, '40000000+1000'],
    // QEMU virt has no split: RAM goes on through 4 GiB.
    ['qemu-virt', 3n * gib - page, '40000000+bffff000'],
    ['qemu-virt', 3n * gib + page, '40000000+c0001000'],
    ['qemu-virt', 300n * gib, '40000000+4b00000000'],
    ['qemu-virt', 4n * gib, '40000000+100000000 140000000+40000000', { plugged: gib }],
    ['qemu-virt', 4n * gib + page, '40000000+100001000 180000000+40000000', { plugged: gib }],
    ['kvmtool', 4n * gib, '80000000+100000000'],
    ['kvmtool', gib, '100000000+40000000', { base: 4n * gib }],
    ['crosvm', 4n * gib, '80000000+100000000'],
    ['crosvm', 4n * gib, '7fc00000+400000 80000000+100000000', { protected: true }],
    ['cloud-hypervisor', 3008n * mib - page, '40000000+bbfff000'],
    ['cloud-hypervisor', 3008n * mib, '40000000+bc000000'],
    ['cloud-hypervisor', 3008n * mib + page, '40000000+bc000000 100000000+1000'],
    ['firecracker', 254n * gib - page, '80000000+3f7ffff000'],
    ['firecracker', 254n * gib, '80000000+3f80000000'],
    ['firecracker', 254n * gib + page, '80000000+3f80000000 8000000000+1000'],
    ['firecracker', 1022n * gib, '80000000+3f80000000 8000000000+c000000000'],
    ['openvmm-linux', gib, '40000000+40000000'],
    // Up to the MMIO hole in one piece; beyond, the low piece ends on a gigabyte.
    ['openvmm-linux', 2736n * mib - page, '40000000+aafff000'],
    ['openvmm-linux', 2736n * mib, '40000000+ab000000'],
    ['openvmm-linux', 2736n * mib + page, '40000000+80000000 100000000+2b001000'],
    ['openvmm-linux', 8n * gib, '40000000+80000000 100000000+180000000'],
    ['openvmm-uefi', 4n * gib, '0+c0000000 100000000+40000000'],
    ['openvmm-uefi', 3760n * mib, '0+eb000000'],
    ['openvmm-uefi', 3760n * mib + page, '0+c0000000 100000000+2b001000'],
    ['openvmm-uefi', 512n * mib, '0+20000000'],
    ['xen', 3n * gib - page, '40000000+bffff000'],
    ['xen', 3n * gib, '40000000+c0000000'],
    ['xen', 3n * gib + page, '40000000+c0000000 200000000+1000'],
    ['xen', 1019n * gib, '40000000+c0000000 200000000+fe00000000'],
    ['bhyve', 4n * gib, '100000000+100000000'],
    ['q35', 2816n * mib - page, '0+affff000'],
    ['q35', 2816n * mib, '0+80000000 100000000+30000000'],
    ['q35', 2816n * mib + page, '0+80000000 100000000+30001000'],
    ['q35', 2n * gib, '0+40000000 100000000+40000000', { below4g: gib }],
    ['q35', gib, '0+40000000', { below4g: 3n * gib }],
    // With the 64-bit PCI hole of 32 GiB behind it, this much is the last that ends below the HyperTransport range.
    ['q35', 978n * gib, '0+80000000 100000000+f400000000', { amd: true }],
    ['q35', 978n * gib + page, '0+80000000 10000000000+f400001000', { amd: true }],
    ['q35', 978n * gib + page, '0+80000000 100000000+f400001000'],
    ['q35', gib, '0+40000000 100000000+80000000', { plugged: 2n * gib }],
  ];
  for (const [name, size, expected, options] of cases) {
    it(`${name} of 0x${size.toString(16)}${options ? ` with ${Object.keys(options).join()}` : ''}: ${expected}`, () => {
      assert.equal(ram(name, size, options), expected);
    });
  }

  it('of every preset hold all RAM, in ranges apart from each other, whatever the size', () => {
    for (const name of presetNames) {
      for (const size of [page, mib, 3n * gib, 4n * gib, 64n * gib, 300n * gib, 1000n * gib]) {
        const { ram: ranges } = presetLayout(name, size);
        assert.equal(
          ranges.reduce((sum, { start, end }) => sum + end - start + 1n, 0n),
          size,
          name,
        );
        ranges.reduce((before, { start, end }) => {
          assert.ok(start > before && end >= start, `${name} ${size}`);
          return end;
        }, -1n);
      }
    }
  });

  it('say why a VMM cannot have a size, and then have no RAM', () => {
    const refused: readonly (readonly [PresetName, bigint, PresetOptions, RegExp])[] = [
      ['qemu-virt', 0n, {}, /no RAM at all/],
      ['qemu-virt', 1n << 52n, {}, /has room for .*, not for 4 PiB/],
      ['qemu-virt', (1n << 64n) - 1n, {}, /not for/],
      ['qemu-virt', gib, { plugged: 1n << 60n }, /no room for 1 EiB of memory to plug in/],
      ['firecracker', 1022n * gib + page, {}, /room for 1022 GiB of RAM/],
      ['xen', 1019n * gib + page, {}, /room for 1019 GiB of RAM/],
      ['kvmtool', gib, { base: 2n * gib - page }, /takes RAM from 0x80000000 \(2 GiB\) upwards, not from 0x7ffff000/],
      ['openvmm-uefi', 8n * 1024n * tib, {}, /not for 8 PiB/],
    ];
    for (const [name, size, options, expected] of refused) {
      const { ram: ranges, problems } = presetLayout(name, size, options);
      assert.deepEqual(ranges, []);
      assert.match(problems.join(), expected);
    }
  });

  it('know their presets by name, and each says its source and what can be moved', () => {
    assert.ok(isPresetName('q35') && !isPresetName('toString'));
    for (const name of presetNames) {
      const { source, knobs, title, strict } = presetLayout(name, gib);
      assert.ok(source.length > 10 && knobs.length > 0 && title.includes('1 GiB of RAM'));
      assert.equal(strict, name === 'kvmtool');
    }
  });

  it('of users keep their order, and name what contradicts itself', () => {
    const spans = [
      { start: 0x2000n, size: 0x1000n },
      { start: 0x1000n, size: 0x1001n },
      { start: 0x9000n, size: 0n },
      { start: (1n << 64n) - 0x1000n, size: 0x1001n },
      { start: (1n << 64n) - 0x1000n, size: 0x1000n },
    ];
    const { ram: ranges, problems, title } = ownLayout('mine', spans, 'doorbell.json');
    assert.deepEqual(
      ranges.map(({ start, end }) => [start, end]),
      [
        [0x2000n, 0x2fffn],
        [0x1000n, 0x2000n],
        [0x9000n, 0x8fffn],
        [(1n << 64n) - 0x1000n, 0n],
        [(1n << 64n) - 0x1000n, (1n << 64n) - 1n],
      ],
    );
    assert.match(title, /^mine with ~?16 KiB of RAM$/);
    assert.deepEqual(
      problems.map((text) => text.replace(/ \([^)]*\)/g, '')),
      [
        'ram[2] at 0x9000 is empty',
        'ram[3] from 0xfffffffffffff000 of ~4 KiB runs past 2^64',
        'ram[1] 0x1000–0x2000 overlaps ram[0] 0x2000–0x2fff',
      ],
    );
    assert.deepEqual(ownLayout('none', [], 'x').problems, ['it has no RAM at all']);
  });
});
