import assert from 'node:assert/strict';
import { ownLayout } from '../../../server/src/iova/guests/layout';
import { bridge, container, gib, guest, mapResults, mib, netReservation, plan, situation } from './boards';

const net = '/pcie@10000000/net@1,0';
const host = '/pcie@10000000';

describe('a plan', () => {
  it('works where RAM, reservations and the window keep apart', () => {
    const { attach, ranges, maps, window, verdict, blocks } = plan(
      situation(bridge(), host, guest('qemu-virt', 4n * gib)),
    );
    assert.deepEqual([attach.result, maps.map(({ result }) => result.result), verdict], ['ok', ['ok'], 'works']);
    assert.deepEqual(
      ranges.map(({ start, end }) => [start, end]),
      [
        [0n, 0x7ffffffn],
        [0x8100000n, 0xffffffffffffn],
      ],
    );
    assert.deepEqual([window?.fits, window?.needed, blocks.extra], [true, 0x1000n, 0n]);
  });

  it('refuses RAM over the window, names it, and says what it costs to leave it out', () => {
    const given = plan(situation(bridge(), host, guest('openvmm-uefi', 4n * gib)));
    assert.deepEqual(mapResults(given), ['EINVAL region 8000000-80fffff', 'ok']);
    assert.equal(given.verdict, 'refused');
    assert.equal(given.blocks.holes[0]?.text, 'this 1 MiB hole turns one 1 GiB block into 511 × 2 MiB + 256 × 4 KiB');
    assert.equal(given.maps[0]?.blocks.extra, 766n);
    assert.equal(given.window?.fits, false);
  });

  it('gives the direct region as the reason, and refuses to map what was never attached', () => {
    const reg = 'reg = <0 0x70000000 0 0x100000>;';
    const given = plan(situation(netReservation(0x70000000n, mib, reg), net, guest('qemu-virt', gib)));
    assert.deepEqual([given.attach.result, given.ranges, given.verdict], ['EINVAL', [], 'refused']);
    assert.deepEqual(mapResults(given), ['EINVAL region 70000000-700fffff']);
  });

  it('of a running guest refuses the attach where RAM is mapped over a reservation', () => {
    const nodes = netReservation(0x50000000n, mib);
    const cold = plan(situation(nodes, net, guest('qemu-virt', gib)));
    assert.deepEqual([cold.attach.result, mapResults(cold)], ['ok', ['EINVAL region 50000000-500fffff']]);
    const hot = plan(situation(nodes, net, guest('qemu-virt', gib), { hotplug: true }));
    assert.deepEqual([hot.attach.result, mapResults(hot)], ['EINVAL', ['ok region 50000000-500fffff']]);
    assert.deepEqual(
      hot.attachConflicts.map(({ range }) => range.start),
      [0x50000000n],
    );
    const iommufd = plan(situation(nodes, net, guest('qemu-virt', gib), { hotplug: true, backend: 'iommufd' }));
    assert.equal(iommufd.attach.result, 'EADDRINUSE');
  });

  it('with several devices in one container cuts out what each reserves', () => {
    const nodes = `reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        one: one@0 { iommu-addresses = <&net 0x02000000 0 0x50000000 0 0x1000>; };
        two: two@0 { iommu-addresses = <&rng 0x02000000 0 0x60000000 0 0x1000>; }; };
      ${bridge('net: net@1,0 { reg = <0x800 0 0 0 0>; memory-region = <&one>; }; rng: rng@2,0 { reg = <0x1000 0 0 0 0>; memory-region = <&two>; };')}`;
    const both = situation(nodes, net, guest('qemu-virt', gib));
    const groups = both.prediction.groups.filter(({ devices }) => devices.some(({ path }) => path !== host));
    const plans = container({ ...both, groups });
    assert.deepEqual(
      plans.map((each) => [each.attach.result, ...mapResults(each)]),
      [
        ['ok', 'EINVAL region 50000000-50000fff region 60000000-60000fff'],
        ['ok', 'EINVAL region 50000000-50000fff region 60000000-60000fff'],
      ],
    );
    const hot = container({
      ...both,
      groups,
      guest: ownLayout('low', [{ start: 0x60000000n, size: 0x1000n }], 'x'),
      options: { hotplug: true },
    });
    assert.deepEqual(
      hot.map(({ attach }) => attach.result),
      ['ok', 'EINVAL'],
    );
  });

  it('lets kvmtool refuse what the kernel would take', () => {
    const given = plan(situation(netReservation(0x90000000n, mib), net, guest('kvmtool', gib)));
    assert.equal(given.vmmRefusals[0]?.region.range.start, 0x90000000n);
    assert.equal(given.verdict, 'refused');
  });

  it('finds RAM that DMA does not reach although the kernel maps it', () => {
    const limited = bridge('dma-ranges = <0x02000000 0 0 0 0 1 0>;');
    const given = plan(situation(limited, host, guest('bhyve', gib)));
    assert.deepEqual(mapResults(given), ['ok']);
    assert.equal(given.verdict, 'fails');
    assert.match(given.unreached[0]!.text, /^\/pcie@10000000 forwards none of 0x100000000–0x13fffffff .*dma-ranges/);
    assert.equal(given.unreached[0]?.source?.file.path, '/test/board.dts');
    assert.deepEqual(plan(situation(limited, host, guest('qemu-virt', gib))).unreached, []);
    const partly = plan(situation(limited, host, guest('qemu-virt', 4n * gib)));
    assert.deepEqual(
      partly.unreached.map(({ range }) => [range.start, range.end]),
      [[4n * gib, 5n * gib - 1n]],
    );
  });

  it('finds RAM that the bus moves elsewhere', () => {
    const shifting = bridge('dma-ranges = <0x02000000 0 0x40000000 0 0x80000000 0 0x40000000>;');
    const [found] = plan(situation(shifting, host, guest('qemu-virt', gib))).unreached;
    assert.equal(found?.kind, 'shifted');
    assert.match(found.text, /0x40000000–0x7fffffff .* as 0x80000000 and on/);
  });

  it('judges each range of a contradictory guest by itself', () => {
    const spans = [
      { start: 0x10000000n, size: 0x2000n },
      { start: 0x10001000n, size: 0x1000n },
      { start: 0x10000000n, size: 0n },
      { start: (1n << 64n) - 0x1000n, size: 0x2000n },
      { start: 0x800n, size: 0x1000n },
      { start: 1n << 48n, size: 0x1000n },
    ];
    const odd = ownLayout('odd', spans, 'odd.json');
    const given = plan(situation(bridge(), host, odd));
    assert.deepEqual(mapResults(given), [
      'ok',
      'ok',
      'EINVAL alignment 10000000-fffffff',
      'EINVAL wrap fffffffffffff000-fff',
      'EINVAL alignment 800-17ff',
      'EINVAL aperture 1000000000000-1000000000fff',
    ]);
    const newer = plan(situation(bridge(), host, odd, {}, { kernel: '7.2' }));
    assert.equal(newer.maps[3]?.result.result, 'EOVERFLOW');
  });

  it('says what is not known of a virtio-iommu', () => {
    const nodes = `vio: vio { compatible = "virtio,mmio"; #iommu-cells = <1>; };
      dev: dev { compatible = "test,device"; iommus = <&vio 1>; msi-parent = <&its 1>; };`;
    const { unknown, verdict } = plan(situation(nodes, '/dev', guest('qemu-virt', gib)));
    assert.match(unknown.join(), /announced by the hypervisor/);
    assert.equal(verdict, 'unknown');
    const announced = (start: bigint) =>
      plan(
        situation(
          nodes,
          '/dev',
          guest('qemu-virt', gib),
          {},
          {
            virtioIommuRegions: [{ start, size: 0x10000n, type: 'msi' }],
          },
        ),
      );
    assert.equal(announced(0x8090000n).verdict, 'works');
    const newer = plan(
      situation(
        nodes,
        '/dev',
        guest('qemu-virt', gib),
        {},
        {
          kernel: '7.2',
          virtioIommuRegions: [{ start: 0x8090000n, size: 0x10000n, type: 'msi' }],
        },
      ),
    );
    assert.deepEqual([newer.verdict, newer.interrupts[0]?.delivery.kind], ['fails', 'refused']);
  });

  it('runs out of doorbells with iommufd, which has 64', () => {
    const nodes = Array.from({ length: 65 }, (_, at) => {
      const start = (0x20000000 + at * 0x20000).toString(16);
      return `its${at}: msi@${start} { compatible = "arm,gic-v3-its"; reg = <0 0x${start} 0 0x20000>; msi-controller; #msi-cells = <1>; };`;
    });
    const map = nodes.map((_, at) => `<0x${(at * 0x100).toString(16)} &its${at} 0 0x100>`).join(', ');
    const given = situation(
      `${nodes.join('\n')} ${bridge().replace('<0 &its 0 0x10000>', map)}`,
      host,
      guest('qemu-virt', gib),
      { backend: 'iommufd' },
      { kernel: '7.2' },
    );
    assert.match(plan(given).window!.reasons[0]!.text, /no room for one doorbell .* EOVERFLOW/);
    assert.equal(plan({ ...given, options: {} }).window?.fits, true);
  });
});
