import assert from 'node:assert/strict';
import { ownLayout } from '../../../server/src/iova/guests/layout';
import { remediesFor } from '../../../server/src/iova/plan/remedies';
import { bridge, gib, guest, mib, netReservation, remedyTitles, situation } from './boards';

const net = '/pcie@10000000/net@1,0';
const host = '/pcie@10000000';

describe('what makes a plan work', () => {
  it('is nothing where it works', () => {
    assert.deepEqual(remediesFor(situation(bridge(), host, guest('qemu-virt', gib))), []);
  });

  it('QEMU virt: DIMMs, less RAM or a guest IOMMU, since nothing moves its RAM; or the reservation', () => {
    assert.deepEqual(remedyTitles(situation(netReservation(0xf0000000n, mib), net, guest('qemu-virt', 3n * gib))), [
      'vmm-option: plug in as DIMMs what does not fit in one piece: qemu-system-aarch64 -machine virt -m 2560M,slots=1,maxmem=3072M -object memory-backend-ram,id=m0,size=512M -device pc-dimm,memdev=m0,addr=0x100000000',
      'less-ram: give the guest less RAM: --guest qemu-virt:2816M',
      'guest-iommu: give the guest an IOMMU of its own: -device virtio-iommu-pci',
      'reservation: move the reservation of /reserved-memory/hole@0 from 0xf0000000–0xf00fffff (1 MiB at 3.75 GiB) to 0x100000000',
    ]);
  });

  it('names a loss of much RAM last, and none where next to no RAM is left and something else helps', () => {
    const kinds = (start: bigint) =>
      remediesFor(situation(netReservation(start, mib), net, guest('qemu-virt', 3n * gib))).map(({ steps }) =>
        steps.map(({ kind }) => kind).join(),
      );
    assert.deepEqual(kinds(0x70000000n), ['vmm-option', 'guest-iommu', 'reservation', 'less-ram']);
    assert.deepEqual(kinds(0x50000000n), ['guest-iommu', 'reservation']);
  });

  it('kvmtool: its option for the base of RAM', () => {
    const [first] = remediesFor(situation(netReservation(0x90000000n, mib), net, guest('kvmtool', gib)));
    assert.match(first!.steps[0]!.title, /^start RAM at 0xc0000000: --guest kvmtool:1G@0xc0000000$/);
  });

  it('OpenVMM with UEFI: direct boot, or the window elsewhere', () => {
    assert.deepEqual(remedyTitles(situation(bridge(), host, guest('openvmm-uefi', 4n * gib))), [
      'vmm-option: boot Linux directly instead of by UEFI, so that RAM starts at 1 GiB: --guest openvmm-linux:4G',
      'guest-iommu: give the guest an IOMMU of its own: a guest SMMU',
      'msi-window: move the MSI window to 0xfff00000–0xffffffff (1 MiB at ~4 GiB)',
    ]);
  });

  it('q35: a lower split', () => {
    const [first] = remedyTitles(
      situation(
        netReservation(0x60000000n, mib),
        net,
        guest('q35', 4n * gib),
        {},
        { msiWindow: { base: 0xfee00000n, size: 0x100000n } },
      ),
    );
    assert.equal(
      first,
      'vmm-option: keep low RAM below 0x60000000 (-machine max-ram-below-4g=1536M): --guest q35:4G,max-ram-below-4g=1536M',
    );
  });

  it('an own layout is moved or cut', () => {
    const mine = ownLayout('mine', [{ start: 0x40000000n, size: gib }], 'x');
    assert.deepEqual(remedyTitles(situation(netReservation(0x50000000n, mib), net, mine)).slice(0, 2), [
      'layout: move RAM: 0x40000000–0x7fffffff (1 GiB at 1 GiB) to 0x80000000',
      'layout: leave the hole out of RAM: 0x40000000–0x4fffffff (256 MiB at 1 GiB), 0x50200000–0x7fffffff (766 MiB at ~1.25 GiB)',
    ]);
  });

  it('an own layout that contradicts itself is written anew', () => {
    const odd = ownLayout(
      'odd',
      [
        { start: gib, size: gib },
        { start: gib, size: 2n * gib },
        { start: 0n, size: 0n },
      ],
      'x',
    );
    assert.deepEqual(remedyTitles(situation(bridge(), host, odd)).slice(0, 1), [
      'layout: write RAM down without what contradicts itself: 0x40000000–0xbfffffff (2 GiB at 1 GiB)',
    ]);
  });

  it('without isolated interrupts the parameter comes first, alone or with what else is needed', () => {
    const v2m = `v2m: v2m@8020000 { compatible = "arm,gic-v2m-frame"; reg = <0 0x8020000 0 0x1000>; msi-controller; };`;
    const nodes = v2m + bridge().replace('&its', '&v2m');
    const module = 'load the host’s module with vfio_iommu_type1.allow_unsafe_interrupts=1 (here: --unsafe)';
    assert.deepEqual(remedyTitles(situation(nodes, host, guest('qemu-virt', gib))), [`unsafe-interrupts: ${module}`]);
    const [both] = remedyTitles(situation(nodes, host, guest('openvmm-uefi', gib)));
    assert.match(both!, /^unsafe-interrupts \+ vmm-option: load .* \+ boot Linux directly/);
    const [iommufd] = remedyTitles(situation(nodes, host, guest('qemu-virt', gib), { backend: 'iommufd' }));
    assert.match(iommufd!, /iommufd\.allow_unsafe_interrupts=1/);
  });

  it('a 1:1 region must be given up', () => {
    const reg = 'reg = <0 0x20000000 0 0x100000>;';
    assert.deepEqual(remedyTitles(situation(netReservation(0x20000000n, mib, reg), net, guest('qemu-virt', gib))), [
      'reservation: give up the 1:1 regions of /reserved-memory/hole@0 for the device',
    ]);
  });

  it('a 1:1 region must be given up, and interrupts allowed where they are not isolated', () => {
    const nodes = `low: low@0 { reg = <0 0x20000000 0 0x1000>; iommu-addresses = <&dev 0 0x20000000 0 0x1000>; };
      dev: dev { compatible = "test,device"; iommus = <&smmu 1>; memory-region = <&low>; };`;
    const [first] = remediesFor(situation(nodes, '/dev', guest('qemu-virt', gib)));
    assert.deepEqual(
      first!.steps.map(({ kind }) => kind),
      ['reservation', 'unsafe-interrupts'],
    );
  });

  it('a master of 32 bits needs RAM below its limit, and no guest IOMMU helps', () => {
    const limited = bridge('dma-ranges = <0x02000000 0 0 0 0 1 0>;');
    assert.deepEqual(remedyTitles(situation(limited, host, guest('qemu-virt', 4n * gib))), [
      'less-ram: give the guest less RAM: --guest qemu-virt:3G',
    ]);
    assert.deepEqual(remedyTitles(situation(limited, host, guest('bhyve', 3n * gib))), [
      'other-vmm: run the guest in a VMM that puts RAM elsewhere: --guest qemu-virt:3G',
    ]);
    assert.deepEqual(remedyTitles(situation(limited, host, guest('bhyve', 4n * gib))), []);
  });

  it('two steps where one is not enough', () => {
    const limited = bridge('dma-ranges = <0x02000000 0 0x40000000 0 0x40000000 0 0xc0000000>;');
    assert.deepEqual(remedyTitles(situation(limited, host, guest('crosvm', 4n * gib))), [
      'msi-window + less-ram: move the MSI window to 0x7ff00000–0x7fffffff (1 MiB at ~2 GiB) + give the guest less RAM: --guest crosvm:2G',
    ]);
  });

  it('RAM makes way for a window that must lie where the host bridge forwards, under all of the guest’s RAM', () => {
    const limited = bridge('dma-ranges = <0x02000000 0 0x40000000 0 0x40000000 0 0x40000000>;');
    assert.deepEqual(remedyTitles(situation(limited, host, guest('qemu-virt', 4n * gib))), [
      'msi-window + less-ram: move the MSI window to 0x7ff00000–0x7fffffff (1 MiB at ~2 GiB) + give the guest less RAM: --guest qemu-virt:1023M',
    ]);
  });

  it('is what suits the rest of the board first, then the guest on top of it', () => {
    const nodes = `reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        ring: ring { iommu-addresses = <&net 0x02000000 0 0x8000000 0 0x200000>; }; };
      ${bridge('dma-ranges = <0x02000000 0 0 0 0 1 0>; net: net@1,0 { reg = <0x800 0 0 0 0>; memory-region = <&ring>; };')}`;
    const [first] = remediesFor(situation(nodes, net, guest('openvmm-uefi', 8n * gib)));
    assert.deepEqual(
      first!.steps.map(({ kind, guest: layout }) => [kind, layout?.title]),
      [
        ['msi-window', undefined],
        ['vmm-option', 'OpenVMM with Linux direct boot with 8 GiB of RAM'],
        ['less-ram', 'OpenVMM with Linux direct boot with 2 GiB of RAM'],
      ],
    );
  });

  it('of a guest that runs is the same as of one that starts', () => {
    const nodes = netReservation(0xf0000000n, mib);
    const cold = remedyTitles(situation(nodes, net, guest('qemu-virt', 3n * gib)));
    assert.deepEqual(remedyTitles(situation(nodes, net, guest('qemu-virt', 3n * gib), { hotplug: true })), cold);
  });
});
