import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { archiveOf } from '../hosts/collect';
import { truthCase, truthSource } from '../hosts/truth';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

/** A board with one master that has a reservation. */
function board(reservation: string, device = 'dev@b000000', more = ''): string {
  return `/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
  smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
  its: msi@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
  reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
    r: r { iommu-addresses = <&dev ${reservation}>; };
  };
  dev: ${device} { compatible = "x,dev"; reg = <0 0x${device.split('@')[1]!} 0 0x1000>; iommus = <&smmu 1>; msi-parent = <&its 1>; memory-region = <&r>; ${more} };
};
`;
}

const low = '0 0x70000000 0 0x100000';
const high = '1 0x20000000 3 0xe0000000';

function hosts(...sources: string[]): Folder {
  const folder = folderWith('');
  sources.forEach((source, at) => folder.write(`${'abc'[at]!}.dts`, source));
  return folder;
}

interface Json {
  devices: { name: string; matchedBy: string; on: ({ device: string; attach: { result: string } } | null)[] }[];
  unmatched: object[];
  reservations: { start: string; end: string; hosts: number[]; reasons: object[] }[];
  interrupts: { host: number; device: string; reason: string }[];
  ranges: { start: string; end: string }[];
  layouts: {
    guest: string;
    fits: boolean;
    largest: string | null;
    placement: { command: string; libvirt: string[] | null } | null;
    unreached: { host: number; reason: string }[];
  }[];
  proof: { kind: string; minimal?: boolean; ranges?: { start: string; end: string }[]; devices?: string[] } | null;
  migration: { kind: string; values: string[] }[];
  topology: { path: string; what: string; values: string[] }[];
}

function compare(folder: Folder, args: readonly string[]): { status: number | null; json: Json } {
  const { status, stdout, stderr } = doorbell(['compare', '--format', 'json', ...args], folder.root);
  assert.ok(stdout !== '', stderr);
  return { status, json: JSON.parse(stdout) as Json };
}

describe('doorbell compare', () => {
  afterEach(removeFolders);

  it('unites reservations, and says which host has each and where it is written', () => {
    const folder = hosts(board(low), board(high, 'usb@c000000'));
    const { json } = compare(folder, ['a.dts', 'b.dts']);
    assert.deepEqual(
      json.reservations.map(({ start, end, hosts: who }) => [start, end, who]),
      [
        ['0x0000000008000000', '0x00000000080fffff', [1, 2]],
        ['0x0000000070000000', '0x00000000700fffff', [1]],
        ['0x0000000120000000', '0x00000004ffffffff', [2]],
      ],
    );
    assert.deepEqual(json.reservations[2]!.reasons, [
      {
        host: 2,
        device: '/usb@c000000',
        type: 'reserved',
        origin: 'iommu-addresses',
        region: { start: '0x0000000120000000', end: '0x00000004ffffffff' },
        node: '/reserved-memory/r',
        source: { file: 'b.dts', line: 6, column: 31 },
      },
    ]);
    assert.deepEqual(json.ranges, [
      { start: '0x0000000000000000', end: '0x0000000007ffffff' },
      { start: '0x0000000008100000', end: '0x000000006fffffff' },
      { start: '0x0000000070100000', end: '0x000000011fffffff' },
      { start: '0x0000000500000000', end: '0x0000ffffffffffff' },
    ]);
  });

  it('cuts the union where regions overlap', () => {
    const folder = hosts(board('0 0x70000000 0 0x200000'), board('0 0x70100000 0 0x200000'));
    const { json } = compare(folder, ['a.dts', 'b.dts']);
    assert.deepEqual(
      json.reservations.slice(1).map(({ start, end, hosts: who }) => [start.slice(-8), end.slice(-8), who]),
      [
        ['70000000', '700fffff', [1]],
        ['70100000', '701fffff', [1, 2]],
        ['70200000', '702fffff', [2]],
      ],
    );
  });

  it('matches masters by path, else by compatible, and says what has no counterpart', () => {
    const other = 'lone@d000000 { compatible = "x,lone"; iommus = <&smmu 9>; };';
    const folder = hosts(board(low), board(high, 'usb@c000000').replace(/\n};\n$/, `\n${other}\n};\n`), board(low));
    const { json } = compare(folder, ['a.dts', 'b.dts']);
    assert.deepEqual(
      json.devices.map(({ matchedBy, on }) => [matchedBy, ...on.map((each) => each?.device)]),
      [['compatible', '/dev@b000000', '/usb@c000000']],
    );
    assert.deepEqual(json.unmatched, [{ host: 2, device: '/lone@d000000', notOn: [1] }]);
    const three = compare(folder, ['a.dts', 'b.dts', 'c.dts']).json;
    assert.deepEqual(
      three.devices.map(({ on }) => on.map((each) => each?.device)),
      [['/dev@b000000', '/usb@c000000', '/dev@b000000']],
    );
  });

  it('knows a PCI function that only one host describes', () => {
    const { json } = compare(folderWith(''), [truthSource('d04-nonidentity'), truthSource('d01-plain')]);
    assert.deepEqual(
      json.devices.map(({ matchedBy, on }) => [matchedBy, ...on.map((each) => each?.device)]),
      [
        ['path', '/pcie@10000000', '/pcie@10000000'],
        ['pci-address', '/pcie@10000000/net@1,0', '/pcie@10000000'],
      ],
    );
  });

  it('takes each host’s device by number, label, path or PCI address', () => {
    const folder = hosts(board(low), board(high, 'usb@c000000'));
    const own = compare(folder, ['a.dts', 'b.dts', '--device', '1=/dev@b000000', '--device', '2=&dev']);
    assert.deepEqual(
      own.json.devices.map(({ matchedBy, on }) => [matchedBy, ...on.map((each) => each?.device)]),
      [['given', '/dev@b000000', '/usb@c000000']],
    );
    const same = compare(folder, ['a.dts', 'b.dts', '--device', '&dev']);
    assert.deepEqual(same.json.ranges, own.json.ranges);
    const pci = [truthSource('d04-nonidentity'), truthSource('d01-plain'), '--device', '0000:00:01.0'];
    assert.equal(compare(folder, pci).status, 0);
    assertOneLineError(
      doorbell(['compare', 'a.dts', 'b.dts', '--device', '3=&dev'], folder.root),
      /there is no host 3/,
    );
    assertOneLineError(
      doorbell(['compare', 'a.dts', 'b.dts', '--device', '/dev@b000000'], folder.root),
      'b.dts: there is no device /dev@b000000',
    );
    assertOneLineError(doorbell(['compare', 'a.dts'], folder.root), /two files or more/);
  });

  it('gives the largest guest, another base, and DIMMs around what is in the way', () => {
    const folder = hosts(board(low), board(high));
    const args = ['a.dts', 'b.dts', '--guest', 'qemu-virt', '--guest', 'kvmtool', '--guest', 'crosvm:2G'];
    const { status, json } = compare(folder, args);
    assert.equal(status, 0);
    assert.deepEqual(
      json.layouts.map(({ guest, fits, largest, placement }) => [
        guest,
        fits,
        largest,
        placement?.command.split(' -object')[0],
      ]),
      [
        ['qemu-virt:4G', false, '0x30000000', 'qemu-system-aarch64 -machine virt -m 512M,slots=2,maxmem=19968M'],
        ['kvmtool:4G', false, '0xa0000000', 'lkvm run --mem 4096M@0x500000000'],
        ['crosvm:2G', true, '0xa0000000', 'crosvm run --mem 2048'],
      ],
    );
    assert.equal(json.proof, null);
  });

  it('gives a placement that QEMU takes', function () {
    const firmware = '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd';
    if (spawnSync('qemu-system-aarch64', ['--version']).status !== 0 || !fs.existsSync(firmware)) this.skip();
    const folder = hosts(board(low), board(high));
    const { json } = compare(folder, ['a.dts', 'b.dts', '--guest', 'qemu-virt']);
    const { command, libvirt } = json.layouts[0]!.placement!;
    assert.ok(libvirt?.includes('<features><acpi/></features>'), 'DIMMs need ACPI');
    const [program, ...args] = command.split(' ');
    const rest = ['-cpu', 'max', '-bios', firmware, '-display', 'none', '-serial', 'none', '-monitor', 'stdio', '-S'];
    const { stdout, stderr } = spawnSync(program!, [...args, ...rest], {
      input: 'info memory-devices\nquit\n',
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.match(
      stdout,
      /addr: 0x80000000\s[^]*size: 2684354560\s[^]*addr: 0x500000000\s[^]*size: 1073741824\s/,
      stderr,
    );
  });

  it('proves that no layout suits by the fewest ranges', () => {
    const wide = board('0 0xa0000000 0xff 0x60000000', 'dev@b000000');
    const folder = hosts(board(low), wide);
    const guests = ['--guest', 'qemu-virt', '--guest', 'kvmtool', '--guest', 'openvmm-uefi'];
    const { json } = compare(folder, ['a.dts', 'b.dts', ...guests]);
    assert.equal(json.layouts[1]!.placement?.command, 'lkvm run --mem 4096M@0x10000000000');
    const none = hosts(board(low), board('0 0xa0000000 0xffffffff 0x5fffffff'));
    const found = compare(none, ['a.dts', 'b.dts', ...guests]);
    assert.equal(found.status, 1);
    assert.equal(found.json.proof?.kind, 'ranges');
    assert.deepEqual(
      found.json.proof.ranges?.map(({ start }) => start),
      ['0x00000000a0000000'],
    );
    const { stdout } = doorbell(['compare', 'a.dts', 'b.dts', ...guests], none.root);
    assert.match(stdout, /^ {2}this range alone rules out every layout/m);
    assert.match(stdout, /^ {4}\[2\] reserved 0x\w+ 0x\w+ of \/dev@b000000, \/reserved-memory\/r, b\.dts:6:31$/m);
  });

  it('says where attaching is refused, and counts it only for devices that were asked for', () => {
    const incoherent = board(low).replace(' dma-coherent;', '');
    const folder = hosts(board(low), incoherent);
    const { status, json } = compare(folder, ['a.dts', 'b.dts']);
    assert.deepEqual([status, json.proof], [1, { kind: 'no-device' }]);
    const asked = compare(folder, ['a.dts', 'b.dts', '--device', '&dev']);
    assert.deepEqual([asked.status, asked.json.proof], [1, { kind: 'refused', devices: ['&dev'] }]);
    const guest = ['--guest', 'qemu-virt:1G'];
    const { stdout } = doorbell(['compare', 'a.dts', 'b.dts', '--device', '&dev', ...guest], folder.root);
    assert.match(stdout, /QEMU virt with 1 GiB of RAM: does not suit; no RAM at all would\n/);
    const attach = json.migration.find(({ kind }) => kind === 'attach');
    assert.match(attach?.values[1] ?? '', /^EINVAL: \/iommu@9000000 is not dma-coherent/);
    assert.deepEqual(
      json.topology.map(({ path, what, values }) => [path, what, ...values]),
      [['/dev@b000000', 'cache-coherent table walks', 'yes', 'no']],
    );
  });

  it('says what differs for migration: kernels, page sizes, windows', () => {
    const folder = hosts(board(low), board(low));
    folder.write('moved/doorbell.json', '{ "pageSize": "64K", "msiWindow": { "base": "0xa0000000" } }');
    folder.write('moved/b.dts', board(low));
    const { json } = compare(folder, ['a.dts', 'moved/b.dts', '--kernel', '7.2', '--kernel', '1=6.1']);
    assert.deepEqual(
      json.migration.map(({ kind, values }) => [kind, ...values]),
      [
        ['kernel', '6.1', '7.2'],
        ['page-size', '4 KiB', '64 KiB'],
        ['msi-window', '0x8000000–0x80fffff (1 MiB at 128 MiB)', '0xa0000000–0xa00fffff (1 MiB at 2.5 GiB)'],
      ],
    );
    assertOneLineError(
      doorbell(['compare', 'a.dts', 'b.dts', '--kernel', '2=5.4'], folder.root),
      /argument '2=5\.4' is invalid/,
    );
  });

  it('takes an archive as a host, with its own kernel', () => {
    const archive = archiveOf(truthCase('d02-direct', '6.1'));
    const source = truthSource('d02-direct');
    const { stdout, status } = doorbell(['compare', archive, source, '--device', '0000:00:01.0']);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^\[1\] \S+: Linux 6\.1, recorded on 6\.1\.0-50-arm64, pages of 4 KiB\n\[2\] \S+: Linux 6\.12, pages of 4 KiB$/m,
    );
    assert.match(stdout, /^ {2}0000:00:01\.0 cannot:\n {4}\[1\] ok\n {4}\[2\] EINVAL at SET_CONTAINER: /m);
  });

  it('keeps guests to what DMA reaches on every host, and moves those that can be moved', () => {
    const limited = (ranges: string) =>
      `/dts-v1/;\n#include "${truthSource('d01-plain')}"\n&pcie { dma-ranges = <${ranges}>; };`;
    const folder = folderWith(`//- limited.dts
${limited('0x2000000 0 0x40000000  0 0x40000000  0 0x40000000  0x43000000 8 0  8 0  2 0')}
`);
    const files = ['limited.dts', truthSource('d01-plain'), '--guest', 'qemu-virt', '--guest', 'kvmtool'];
    const { json } = compare(folder, files);
    assert.deepEqual(json.ranges, [
      { start: '0x0000000040000000', end: '0x000000007fffffff' },
      { start: '0x0000000800000000', end: '0x00000009ffffffff' },
    ]);
    const shown = json.layouts.map(({ fits, largest, placement }) => [fits, largest, placement?.command]);
    assert.deepEqual(shown, [
      [
        false,
        '0x40000000',
        'qemu-system-aarch64 -machine virt -m 1024M,slots=1,maxmem=34816M -object memory-backend-ram,id=m0,size=3072M -device pc-dimm,memdev=m0,addr=0x800000000',
      ],
      [false, '0x0', 'lkvm run --mem 4096M@0x800000000'],
    ]);
    assert.deepEqual(json.layouts[0]!.unreached, [
      { host: 1, reason: '/pcie@10000000 forwards none of 0x80000000–0x13fffffff (3 GiB at 2 GiB) (dma-ranges)' },
    ]);
  });

  it('says on which host no interrupt arrives, whatever the guest', () => {
    const { json } = compare(folderWith(''), [truthSource('d01-plain'), truthSource('d14-dma-ranges')]);
    assert.deepEqual(
      json.interrupts.map(({ host, device }) => [host, device]),
      [[2, '/pcie@10000000']],
    );
    assert.match(json.interrupts[0]!.reason, /^the MSI window is at 0x8000000–.*not forwarded by \/pcie@10000000/);
  });
});
