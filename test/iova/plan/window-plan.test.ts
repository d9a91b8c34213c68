import assert from 'node:assert/strict';
import { kernelProfile } from '../../../server/src/iova/kernel-profile';
import { planGuest } from '../../../server/src/iova/plan/plan';
import { predictRegions } from '../../../server/src/iova/predict';
import { component, range, rmr, single, smmu, standard, topologyOfNodes } from '../../topology/tables';
import { bridge, gib, guest, mib, netReservation, plan, situation } from './boards';

const net = '/pcie@10000000/net@1,0';
const host = '/pcie@10000000';

function window(nodes: string, device = host, layout = guest('qemu-virt', 4n * gib), pageSize = 0x1000n) {
  const found = plan(situation(nodes, device, layout, {}, { pageSize })).window;
  assert.ok(found !== undefined);
  return found;
}

/** ITS nodes and a bridge whose functions reach all of them. */
function controllers(count: number): string {
  const nodes = Array.from({ length: count }, (_, at) => {
    const start = (0x20000000 + at * 0x20000).toString(16);
    return `its${at}: msi@${start} { compatible = "arm,gic-v3-its"; reg = <0 0x${start} 0 0x20000>; msi-controller; #msi-cells = <1>; };`;
  });
  const map = nodes.map((_, at) => `<0x${(at * 0x100).toString(16)} &its${at} 0 0x100>`).join(', ');
  return `${nodes.join('\n')} ${bridge().replace('<0 &its 0 0x10000>', map)}`;
}

describe('the MSI window of a plan', () => {
  it('needs a page for each doorbell, of the host’s size', () => {
    for (const pageSize of [0x1000n, 0x4000n, 0x10000n]) {
      const { needed, doorbells, fits } = window(controllers(3), host, undefined, pageSize);
      assert.deepEqual([needed, doorbells.length, fits], [3n * pageSize, 3, true]);
    }
  });

  it('of 1 MiB is too small for 17 doorbells with pages of 64 KiB, and nobody looks', () => {
    const { fits, reasons, candidates } = window(controllers(17), host, guest('qemu-virt', gib), 0x10000n);
    assert.equal(fits, false);
    assert.match(
      reasons[0]!.text,
      /^it holds 16 pages of 64 KiB, and the doorbells take 17: .* mapped up to 0x810ffff, over IOVAs that the user may map$/,
    );
    assert.equal(reasons.length, 1);
    // Each place that is offered has the room.
    for (const { range, fits: isGood } of candidates) {
      if (isGood) assert.ok(range.end - range.start + 1n >= 0x110000n, range.start.toString(16));
    }
    assert.equal(window(controllers(16), host, guest('qemu-virt', gib), 0x10000n).fits, true);
    assert.equal(window(controllers(17), host, guest('qemu-virt', gib), 0x4000n).fits, true);
  });

  it('ranks places that fit before well-known ones that do not, and says why those fail', () => {
    const { candidates } = window(netReservation(0x3f000000n, 16n * mib), net);
    const order = candidates.map(({ fits }) => fits);
    assert.deepEqual(
      order,
      [...order].sort((one, other) => Number(other) - Number(one)),
    );
    const why = (start: bigint) =>
      candidates.find(({ range }) => range.start === start)?.reasons.map(({ text }) => text);
    assert.deepEqual(why(0xa0000000n), [
      'it lies in guest RAM 0x40000000–0x13fffffff (4 GiB at 1 GiB), which can then not be mapped',
    ]);
    assert.match(
      why(0x3ff00000n)!.join(),
      /^it overlaps the reserved region of \/reserved-memory\/hole@0, 0x3f000000–/,
    );
    assert.match(why(0xeff68000n)!.join('; '), /0xeff68000 is no multiple of 64 KiB/);
  });

  it('may lie over memory that is mapped 1:1 for the host’s drivers alone: a domain of VFIO has no such mapping', () => {
    const dma = '\\_SB_.DMA0';
    const planned = (flags: number, start: bigint, kernel: '6.1' | '7.2') => {
      const nodes = standard(
        component(dma, [single(0x400, smmu)]),
        rmr([range(0, 0, 0x400, smmu)], [[start, 0x100000n]], flags),
      );
      const topology = topologyOfNodes(nodes);
      const prediction = predictRegions(topology, kernelProfile({ kernel }));
      const group = prediction.groups.find(({ devices }) => devices[0]!.path === dma)!;
      return planGuest(topology, prediction, group, guest('qemu-virt', gib), { allowUnsafeInterrupts: true });
    };
    const relaxable = planned(1, 0x8000000n, '7.2');
    assert.deepEqual([relaxable.verdict, relaxable.window?.fits, relaxable.window?.reasons], ['works', true, []]);
    // 6.1 lets devices with direct regions attach.
    assert.equal(planned(0, 0x8000000n, '6.1').window?.fits, false);
    const { candidates } = planned(1, 0x3ff00000n, '7.2').window!;
    const place = candidates.find(({ range: { start } }) => start === 0x3ff00000n);
    assert.match(
      place!.reasons.map(({ text }) => text).join(),
      /^it overlaps the direct-relaxable region of rmr@3ff00000, .*, which the device would no longer reach$/,
    );
  });

  it('names the source line of what is in the way', () => {
    const { reasons, fits } = window(netReservation(0x80ff000n, 0x1000n), net);
    assert.equal(fits, false);
    assert.match(reasons[0]!.text, /though not with the pages that the doorbells take now$/);
    const { file, start, end } = reasons[0]!.source!;
    assert.equal(file.text.slice(start, end), '&net 0x02000000 0x0 0x80ff000 0x0 0x1000');
  });

  it('knows what the bus forwards and what it takes for its own', () => {
    const { reasons } = window(
      bridge(`dma-ranges = <0x02000000 0 0x40000000 0 0x40000000 0 0xc0000000>;
        ranges = <0x02000000 0 0x8000000 0 0x8000000 0 0x8000000>;`),
    );
    assert.match(reasons.map(({ text }) => text).join('\n'), /overlaps the outbound window of \/pcie@10000000/);
    assert.match(reasons.map(({ text }) => text).join('\n'), /is not forwarded by \/pcie@10000000/);
  });

  it('ends otherwise by each policy', () => {
    const outcomes = (nodes: string, layout = guest('qemu-virt', gib)) =>
      window(nodes, net, layout).policies.map(
        ({ policy, range, fits }) => `${policy} ${range?.start.toString(16) ?? 'none'} ${fits ? 'fits' : 'fails'}`,
      );
    assert.deepEqual(outcomes(netReservation(0x8000000n, mib)), [
      'fixed 8000000 fails',
      'fallback a0000000 fits',
      'allocator fff00000 fits',
      'user 7f00000 fits',
    ]);
    // The kernel does not know the guest when it falls back.
    assert.deepEqual(outcomes(netReservation(0x8000000n, mib), guest('qemu-virt', 4n * gib)), [
      'fixed 8000000 fails',
      'fallback a0000000 fails',
      'allocator fff00000 fails',
      'user 7f00000 fits',
    ]);
    assert.deepEqual(outcomes(netReservation(0n, 0x100000000n))[1], 'fallback none fails');
  });

  it('is none behind an IOMMU whose driver has none, or that reports a hardware region', () => {
    const rockchip = `mmu: iommu@20000000 { compatible = "rockchip,iommu"; reg = <0 0x20000000 0 0x1000>; #iommu-cells = <0>; };
      dev: dev { compatible = "test,device"; iommus = <&mmu>; };`;
    assert.equal(plan(situation(rockchip, '/dev', guest('qemu-virt', gib))).window, undefined);
    const virtio = `vio: vio { compatible = "virtio,mmio"; #iommu-cells = <1>; };
      dev: dev { compatible = "test,device"; iommus = <&vio 1>; msi-parent = <&its 1>; };`;
    const virtioIommuRegions = [{ start: 0x8090000n, size: 0x10000n, type: 'msi' as const }];
    const given = plan(situation(virtio, '/dev', guest('qemu-virt', gib), {}, { virtioIommuRegions }));
    assert.equal(given.window, undefined);
  });
});
