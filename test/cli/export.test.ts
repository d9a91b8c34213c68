import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { archiveOf } from '../hosts/collect';
import { truthCase, truthSource } from '../hosts/truth';
import { compileText } from '../oracle/iasl/iasl';
import { describeWithDtc, describeWithIasl } from '../oracle/suite';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const host = truthSource('d04-nonidentity');
const guest = truthSource('d01-plain');

describe('doorbell export', () => {
  afterEach(removeFolders);

  it('gives a guest the ranges of a PCI function, by an overlay', () => {
    const folder = folderWith('');
    for (const device of ['&net', '0000:00:01.0', '/pcie@10000000']) {
      const { status, stdout, stderr } = doorbell(['export', host, '--device', device]);
      assert.deepEqual([status, stderr], [0, '']);
      const overlay = folder.write('guest.dtso', stdout);
      const regions = doorbell(['regions', guest, '--overlay', overlay, '--device', '0000:00:01.0']).stdout;
      const expected = doorbell(['regions', host, '--device', '&net']).stdout;
      assert.equal(regions.replace(/^(\S+ \S+) reserved\n\1 msi\n/, '$1 msi\n'), expected, device);
      assert.equal(doorbell(['check', '--severity', 'error', guest, '--overlay', overlay]).status, 0, device);
    }
  });

  it('puts the function where the guest has it', () => {
    const folder = folderWith('');
    const args = ['export', host, '--device', '&net', '--guest-node', '/pcie@10000000'];
    const { stdout } = doorbell([...args, '--guest-function', '3.1', '--guest-function', '1f.0']);
    const overlay = folder.write('guest.dtso', stdout);
    for (const address of ['0000:00:03.1', '0000:00:1f.0']) {
      const regions = doorbell(['regions', guest, '--overlay', overlay, '--device', address]).stdout;
      assert.match(regions, /^0x0000000020000000 0x00000000201fffff reserved$/m);
    }
    assert.doesNotMatch(
      doorbell(['regions', guest, '--overlay', overlay, '--device', '0000:00:02.0']).stdout,
      /reserved/,
    );
  });

  it('gives a platform device the cells that its bus has in the guest', () => {
    const folder = folderWith(`
      //- host.dts
      /dts-v1/;
      / { #address-cells = <2>; #size-cells = <2>;
        smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
        reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; r: r { iommu-addresses = <&usb 0 0x70000100 0 0x200>; }; };
        usb: usb@b000000 { compatible = "x,usb"; reg = <0 0xb000000 0 0x1000>; iommus = <&smmu 1>; memory-region = <&r>; };
      };
      //- guest.dts
      /dts-v1/;
      / { #address-cells = <2>; #size-cells = <1>;
        smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0x20000>; #iommu-cells = <1>; dma-coherent; };
        bus { compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>; ranges = <0xc000000 0 0xc000000 0x1000000>;
          vfio: usb@c000000 { compatible = "x,usb"; reg = <0xc000000 0x1000>; iommus = <&smmu 1>; };
        };
      };
      `);
    const cells = ['--address-cells', '1', '--size-cells', '1', '--root-size-cells', '1'];
    const { stdout } = doorbell(
      ['export', 'host.dts', '--device', '&usb', '--guest-node', '&vfio', ...cells],
      folder.root,
    );
    folder.write('overlay.dtso', stdout);
    assert.equal(
      doorbell(['regions', 'guest.dts', '--overlay', 'overlay.dtso', '--device', '&vfio'], folder.root).stdout,
      '0x0000000008000000 0x00000000080fffff reserved\n0x0000000008000000 0x00000000080fffff msi\n0x0000000070000100 0x00000000700002ff reserved\n',
    );
    const byPath = ['export', 'host.dts', '--device', '&usb', '--guest-node', '/bus/usb@c000000'];
    assertOneLineError(doorbell(byPath, folder.root), /an overlay can name a device by its label only \(&usb\)$/m);
  });

  it('takes an archive, and says what is not exported', () => {
    const archive = archiveOf(truthCase('d02-direct', '6.12'));
    const { stdout } = doorbell(['export', archive, '--device', '0000:00:01.0']);
    assert.match(stdout, /^ \* Linux 6\.12 gives nothing away that has a direct region\.$/m);
    assert.match(stdout, /\/\* direct \*\/ <&passthrough /);
  });

  it('refuses in one line what cannot be exported', () => {
    assertOneLineError(doorbell(['export', host]), /required option '--device <device>' not specified/);
    assertOneLineError(doorbell(['export', host, '--device', '/none']), /there is no device \/none/);
    assertOneLineError(doorbell(['export', host, '--device', '/cpus/cpu@0']), /\/cpus\/cpu@0 is in no group: /);
    assertOneLineError(
      doorbell(['export', host, '--device', '&net', '--guest-node', 'a b']),
      /is no label and no path/,
    );
    assertOneLineError(doorbell(['export', host, '--device', '&net', '--address-cells', '4']), /Cells are 1, 2, or 3/);
    assertOneLineError(
      doorbell(['export', host, '--device', '&net', '--guest-function', '20.0']),
      /no device and function/,
    );
  });

  describeWithDtc('with dtc', (dtc) => {
    it('compiles, and fdtoverlay’s result reserves the same', () => {
      const folder = folderWith('');
      const source = folder.write('overlay.dts', doorbell(['export', host, '--device', '&net']).stdout);
      const blob = folder.at('overlay.dtbo');
      const { stderr } = spawnSync(dtc, ['-@', '-I', 'dts', '-O', 'dtb', '-o', blob, source], { encoding: 'utf8' });
      assert.doesNotMatch(stderr, /error/i);
      const regions = doorbell(['regions', guest, '--overlay', blob, '--device', '0000:00:01.0']).stdout;
      assert.match(regions, /^0x0000000072000000 0x0000000072001fff reserved$/m);
    });
  });

  it('gives an IORT whose ranges are rounded outwards', () => {
    const { status, stdout } = doorbell(['export', host, '--device', '&net', '--format', 'rmr']);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^\/\* reserved, rounded outwards to 64 KiB \*\/\n +Base Address of RMR : 0000000072000000\n +Length of RMR : 0000000000010000$/m,
    );
  });

  describeWithIasl('with iasl', ({ current }) => {
    it('gives an IORT that it compiles', async () => {
      const { stdout } = doorbell(['export', host, '--device', '&net', '--format', 'rmr']);
      const { output: table, messages } = await compileText(current, stdout);
      assert.ok(table !== undefined, messages);
      assert.equal(table.readUInt32LE(4), table.length);
      assert.equal(table.length, 0x30 + 0x44 + table.readUInt16LE(0x75));
      const node = 0x74;
      assert.equal(table[node], 6);
      const descriptors = Array.from({ length: table.readUInt32LE(node + 20) }, (_, at) => {
        const from = node + 0x1c + at * 20;
        return [table.readBigUInt64LE(from), table.readBigUInt64LE(from + 8)];
      });
      assert.deepEqual(descriptors, [
        [0x8000000n, 0x100000n],
        [0x20000000n, 0x200000n],
        [0x71000000n, 0x100000n],
        [0x72000000n, 0x10000n],
      ]);
      // One mapping: the function's requester ID as stream ID, to the SMMU at 0x30.
      const mapping = node + table.readUInt32LE(node + 12);
      assert.deepEqual([table.readUInt32LE(mapping + 8), table.readUInt32LE(mapping + 12)], [8, 0x30]);
    });
  });
});
