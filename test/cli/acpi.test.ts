// Machines that ACPI describes, through the built command line: an IORT as text, as binary, in a dump or an archive.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar/header';
import { printTable } from '../../server/src/acpi/text/print';
import { dumpOf } from '../acpi/dump-of';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const tables = path.join(import.meta.dirname, '../fixtures/truth/iort');
const window = '0x0000000008000000 0x00000000080fffff msi\n';
const direct = '0x0000000070000000 0x00000000701fffff direct\n';
const doorbellPage = '0x0000000008090000 0x000000000809ffff msi\n';

const preserved = '//- doorbell.json\n{ "preserveBootConfiguration": true }\n';

function bytesOf(name: string): Buffer {
  return fs.readFileSync(path.join(tables, name));
}

function withTables(files: string, named: Readonly<Record<string, string>>): Folder {
  const folder = folderWith(files === '' ? '//- empty\n\n' : files);
  for (const [name, table] of Object.entries(named)) folder.write(name, bytesOf(table));
  return folder;
}

function regions(folder: Folder, ...args: string[]): string {
  const { status, stdout, stderr } = doorbell(['regions', ...args], folder.root);
  assert.equal(status, 0, stderr);
  return stdout;
}

function archiveOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const entries = Object.entries(files).flatMap(([name, content]) => {
    const bytes = Buffer.from(content);
    const header = new Header({ path: `doorbell-host/${name}`, mode: 0o644, size: bytes.length, type: 'File' });
    header.encode();
    return [header.block!, bytes, Buffer.alloc(-bytes.length & 511)];
  });
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

describe('an IORT on the command line', () => {
  afterEach(removeFolders);

  it('says the same as text, as the binary alone, and as what acpidump printed', () => {
    const folder = withTables(preserved, { 'rmr.dsl': 'a04-rmr-pci.dsl', IORT: 'a04-rmr-pci.aml' });
    folder.write('dump.txt', dumpOf(bytesOf('a04-rmr-pci.aml'), 'IORT') + dumpOf(bytesOf('qemu-madt.aml'), 'APIC'));
    const expected = `# group 0: pci0000\n${window}# group 1: 0000:00:01.0\n${window}${direct}`;
    for (const file of ['rmr.dsl', 'IORT', 'dump.txt']) {
      assert.equal(regions(folder, file), expected);
      assert.equal(regions(folder, file, '--device', '0000:00:01.0'), `${window}${direct}`);
      assert.equal(regions(folder, file, '--device', '0000:00:02.0'), window);
    }
  });

  it('heeds the boot configuration as doorbell.json has it, and the kernel', () => {
    const folder = withTables('', { 'rmr.dsl': 'a04-rmr-pci.dsl' });
    assert.equal(regions(folder, 'rmr.dsl', '--device', '0000:00:01.0'), window);
    folder.write('p.json', '{ "preserveBootConfiguration": true, "pageSize": "16K" }');
    const odd = withTables('//- doorbell.json\n{ "preserveBootConfiguration": true, "pageSize": "16K" }\n', {
      'odd.aml': 'a08-rmr-unaligned.aml',
    });
    assert.match(regions(odd, 'odd.aml'), /0x0000000070000000 0x0000000070003fff direct-relaxable\n/);
    assert.equal(regions(folder, 'rmr.dsl', '--config', 'p.json', '--device', '0000:00:01.0'), `${window}${direct}`);
  });

  it('names objects by their paths, written out or not, with where a region is written', () => {
    const folder = withTables('', { 'nc.dsl': 'a07-rmr-named-component.dsl' });
    const expected = `${window}0x0000000071000000 0x000000007100ffff direct-relaxable\n`;
    for (const name of ['\\_SB_.VR00', '\\_SB.VR00', '_SB.VR00']) {
      assert.equal(regions(folder, 'nc.dsl', '--device', name), expected);
    }
    const json = JSON.parse(regions(folder, 'nc.dsl', '--device', '\\_SB_.VR00', '--format', 'json')) as {
      groups: { devices: string[]; regions: { origin: string; source: { file: string; line: number } | null }[] }[];
    };
    const { devices, regions: found } = json.groups[0]!;
    assert.deepEqual(devices, ['\\_SB_.VR00']);
    assert.deepEqual(
      found.map(({ origin }) => origin),
      ['sw-msi', 'rmr'],
    );
    const line = bytesOf('a07-rmr-named-component.dsl').toString().split('\n')[found[1]!.source!.line - 1];
    assert.match(line!, /Base Address of RMR : 0000000071000000/);
    assertOneLineError(doorbell(['regions', 'nc.dsl', '--device', '\\_SB_.NONE'], folder.root), /there is no device/);
  });

  it('takes the MADT beside it, by name or as doorbell.json says, for what only that tells', () => {
    const alone = withTables('', { 'hi.dsl': 'a13-hi161x.dsl' });
    const { stdout } = doorbell(['regions', 'hi.dsl'], alone.root);
    assert.match(stdout, /^# unknown: .*stand in the MADT/m);
    for (const name of ['APIC', 'hi-madt.dat', 'apic.dsl']) {
      const beside = withTables('', { 'hi.dsl': 'a13-hi161x.dsl', [name]: 'qemu-madt.aml' });
      assert.equal(regions(beside, 'hi.dsl'), `# group 0: pci0000\n${window}${doorbellPage}`);
    }
    const told = withTables('//- doorbell.json\n{ "acpi": { "madt": "t/x.bin" } }\n', {
      'hi.dsl': 'a13-hi161x.dsl',
      't/x.bin': 'qemu-madt.aml',
    });
    assert.equal(regions(told, 'hi.dsl', '--device', '0000:00:01.0'), `${window}${doorbellPage}`);
    const wrong = withTables('//- doorbell.json\n{ "acpi": { "madt": "hi.aml" } }\n', {
      'hi.dsl': 'a13-hi161x.dsl',
      'hi.aml': 'a13-hi161x.aml',
    });
    assertOneLineError(doorbell(['regions', 'hi.dsl'], wrong.root), /is no MADT/);
  });

  it('is what an archive of a machine that booted with it holds, beside the tree that UEFI made', () => {
    const folder = folderWith('//- empty\n\n');
    const about = 'format: 1\nrelease: 6.12.107+deb13-arm64\nmachine: aarch64\npage-size: 4096\n';
    const device = 'pci0000:00/0000:00:01.0\t-\tvirtio-pci\n';
    const files = {
      about,
      'acpi/IORT': bytesOf('a04-rmr-pci.aml'),
      'acpi/APIC': bytesOf('qemu-madt.aml'),
      devices: `0\t${device}1\tplatform/LNRO0005:00\tacpi:\\_SB_.VR00\t-\n`,
      'iommu_groups/0/reserved_regions': `${window}${direct}`,
      'iommu_groups/0/type': 'DMA\n',
    };
    folder.write('host.tar.gz', archiveOf({ ...files, devices: `0\t${device}` }));
    assert.match(regions(folder, 'host.tar.gz'), /^# group 0: pci0000\n/);
    const differs = doorbell(['verify', 'host.tar.gz'], folder.root);
    assert.equal(differs.status, 1, differs.stdout + differs.stderr);
    assert.match(differs.stdout, /"preserveBootConfiguration": true/);
    folder.write('doorbell.json', '{ "preserveBootConfiguration": true }');
    const equal = doorbell(['verify', 'host.tar.gz'], folder.root);
    assert.equal(equal.status, 0, equal.stdout + equal.stderr);
  });

  it('of a named component without a group on a machine the DSDT is to blame, which no table tells', () => {
    const folder = folderWith('//- empty\n\n');
    const about = (release: string): string => `format: 1\nrelease: ${release}\nmachine: aarch64\npage-size: 4096\n`;
    const functions = '0\tpci0000:00/0000:00:01.0\t-\tvirtio-pci\n';
    const com0 = '-\tplatform/ARMH0011:00\tacpi:\\_SB_.COM0\tuart-pl011\n';
    const files = {
      'acpi/IORT': bytesOf('a07-rmr-named-component.aml'),
      devices: functions + com0,
      'iommu_groups/0/reserved_regions': window,
    };
    for (const release of ['6.12.107', '7.2.12']) {
      folder.write('host.tar.gz', archiveOf({ ...files, about: about(release) }));
      const { status, stdout } = doorbell(['verify', 'host.tar.gz'], folder.root);
      assert.match(
        stdout,
        /absent, as it may be: \\_SB_\.COM0: ARMH0011:00 has the driver uart-pl011 and no group: .*_CCA/,
      );
      assert.match(stdout, /absent, as it may be: \\_SB_\.VR00: /);
      assert.equal(status, 0, stdout);
    }
    folder.write('nc.aml', bytesOf('a07-rmr-named-component.aml'));
    const decompiled = doorbell(['iort', 'decompile', 'host.tar.gz'], folder.root);
    assert.equal(decompiled.stdout, doorbell(['iort', 'decompile', 'nc.aml'], folder.root).stdout);
    const absent = doorbell(['iort', 'decompile', 'host.tar.gz', '--table', 'APIC'], folder.root);
    assertOneLineError(absent, 'host.tar.gz: is an archive without the table APIC');
    const { stdout, stderr } = doorbell(
      ['regions', 'nc.aml', '--device', '\\_SB_.COM0', '--format', 'json'],
      folder.root,
    );
    assert.match(stderr, /\\_SB_\.COM0: the DSDT must have it/);
    assert.match(stdout, /"condition": ".*with _CCA/);
  });

  it('has the virtio-iommu of the VIOT beside it, in a dump or in an archive', () => {
    const announced = '{ "virtioIommuRegions": [{ "start": "0x8090000", "size": "0x10000", "type": "msi" }] }\n';
    const folder = withTables(`//- doorbell.json\n${announced}`, { IORT: 'a17-viot/IORT', VIOT: 'a17-viot/VIOT' });
    const tablesOf = (file: string): Buffer => bytesOf(`a17-viot/${file}`);
    folder.write('dump.txt', dumpOf(tablesOf('IORT'), 'IORT') + dumpOf(tablesOf('VIOT'), 'VIOT'));
    const about = 'format: 1\nrelease: 6.12.0\nmachine: aarch64\npage-size: 4096\n';
    const archived = { about, 'acpi/IORT': tablesOf('IORT'), 'acpi/VIOT': tablesOf('VIOT') };
    folder.write('host.tar.gz', archiveOf(archived));
    for (const file of ['IORT', 'dump.txt', 'host.tar.gz']) {
      assert.equal(regions(folder, file), `# group 0: pci0000\n${doorbellPage}`, file);
      assert.equal(regions(folder, file, '--device', '0000:00:04.0'), '', file);
    }
    const beside = folderWith(`//- doorbell.json\n${announced}`);
    beside.write('table.dsl', printTable(tablesOf('IORT'), { style: 'current' }));
    const { status } = doorbell(
      ['iort', 'decompile', path.join(tables, 'a17-viot/VIOT'), '-o', 'viot.dsl'],
      beside.root,
    );
    assert.equal(status, 0);
    assert.equal(regions(beside, 'table.dsl'), regions(folder, 'IORT'));
    assert.equal(regions(beside, 'table.dsl', '--device', '0000:00:04.0'), '');
    // Where both forms lie there, each goes with the IORT of its own.
    beside.write('VIOT', tablesOf('IORT'));
    assert.equal(regions(beside, 'table.dsl'), regions(folder, 'IORT'));
    beside.write('VIOT', tablesOf('VIOT'));
    assert.equal(regions(beside, 'table.dsl'), regions(folder, 'IORT'));
    beside.write(
      'viot.dsl',
      fs
        .readFileSync(path.join(beside.root, 'viot.dsl'), 'utf8')
        .replace(/(Output node|PCI BDF end) : 00../g, '$1 : zz'),
    );
    const damaged = doorbell(['regions', 'table.dsl'], beside.root);
    assert.equal(damaged.stdout, '');
    assert.match(
      damaged.stderr,
      /viot\.dsl: This is no integer.* \(and one more error\)\n.*viot\.dsl: VIOT: the node at 0x40 leads to 0x0, where no/,
    );
    const alone = withTables('', { IORT: 'a17-viot/IORT' });
    const { stdout, stderr } = doorbell(['regions', 'IORT'], alone.root);
    assert.equal(stdout, '');
    assert.match(stderr, /no SMMU is in the IORT; a virtio-iommu would be in a VIOT, and none is beside it/);
  });

  it('is verified against a running machine, with the setting that explains what differs', () => {
    const folder = withTables('', { 'rmr.dsl': 'a04-rmr-pci.dsl' });
    const groups = [`${window}${direct}`, window];
    for (const [id, lines] of groups.entries()) {
      fs.mkdirSync(path.join(folder.root, `groups/${id}/devices/0000:00:0${id + 1}.0`), { recursive: true });
      folder.write(`groups/${id}/reserved_regions`, lines);
    }
    const verify = () => doorbell(['verify', 'rmr.dsl', '--sysfs', 'groups'], folder.root);
    const { status, stdout } = verify();
    assert.equal(status, 1);
    const setting = 'the rules with "preserveBootConfiguration": true in doorbell.json';
    assert.match(stdout, new RegExp(`^  because ${setting} give exactly these lines$`, 'm'));
    folder.write('doorbell.json', '{ "preserveBootConfiguration": true }');
    assert.deepEqual(verify(), { status: 0, stdout: '2 groups equal under Linux 6.12\n', stderr: '' });
  });

  it('of a device that an RMR keeps from guests, the flag is named that gives it away', () => {
    const folder = withTables(preserved, { 'rmr.dsl': 'a04-rmr-pci.dsl' });
    const plan = () =>
      doorbell(['plan', 'rmr.dsl', '--guest', 'qemu-virt:1G', '--device', '0000:00:01.0'], folder.root);
    const { status, stdout } = plan();
    assert.equal(status, 1);
    assert.match(stdout, /remedy +1\. let the IORT say “Remapping Permitted” of rmr@70000000\n/);
    const flags = /Flags \(decoded below\) : 00000000(?=[^F]*Remapping Permitted)/;
    const text = bytesOf('a04-rmr-pci.dsl').toString('latin1');
    assert.match(text, flags);
    folder.write('rmr.dsl', text.replace(flags, 'Flags (decoded below) : 00000001'));
    assert.equal(plan().status, 0);
  });

  it('says the line of a dump that makes a region', () => {
    const folder = withTables(preserved, {});
    const dump = dumpOf(bytesOf('qemu-madt.aml'), 'APIC') + dumpOf(bytesOf('a04-rmr-pci.aml'), 'IORT');
    folder.write('acpi.txt', dump);
    const { groups } = JSON.parse(regions(folder, 'acpi.txt', '--format', 'json')) as {
      groups: { regions: { source: { line: number; column: number } | null }[] }[];
    };
    const { line, column } = groups.flatMap((group) => group.regions).find(({ source }) => source !== null)!.source!;
    assert.equal(dump.split('\n')[line - 1]!.slice(column - 1, column + 10), '00 00 00 70');
  });

  it('says the bytes of a binary that make regions, and names ways of ACPI as what they are', () => {
    const folder = withTables(preserved, { IORT: 'a04-rmr-pci.aml', 'nc.aml': 'a07-rmr-named-component.aml' });
    const { groups } = JSON.parse(regions(folder, 'IORT', '--format', 'json')) as {
      groups: { regions: { source: { file: string; offset: string } | null }[] }[];
    };
    const source = groups.flatMap((group) => group.regions).find((region) => region.source !== null)!.source!;
    const base = bytesOf('a04-rmr-pci.aml').readBigUInt64LE(Number(source.offset));
    assert.equal(base, 0x70000000n);
    const plan = doorbell(['plan', 'nc.aml', '--guest', 'qemu-virt', '--device', '\\_SB_.VR00'], folder.root);
    assert.match(plan.stdout, /isolated: \\_SB_\.VR00 ID mapping/);
  });

  it('is planned for, exported from, checked and compared with a devicetree of the same machine', () => {
    const folder = withTables(preserved, { 'rmr.aml': 'a04-rmr-pci.aml', 'plain.dsl': 'a02-roundtrip.dsl' });
    const plan = doorbell(['plan', 'rmr.aml', '--guest', 'qemu-virt', '--device', '0000:00:01.0'], folder.root);
    assert.equal(plan.status, 1);
    assert.match(plan.stdout, /EINVAL from SET_CONTAINER: firmware asks for a direct \(1:1\) mapping/);
    assert.equal(doorbell(['plan', 'plain.dsl', '--guest', 'qemu-virt'], folder.root).status, 0);
    const tree = path.join(import.meta.dirname, '../fixtures/truth/dt/d02-direct.dts');
    const compared = doorbell(['compare', tree, 'rmr.aml'], folder.root);
    assert.match(compared.stdout, /net@1,0 = \[2\] 0000:00:01\.0, by pci address/);
    assert.doesNotMatch(compared.stdout, /Topology differs/);
    const partial = doorbell(['compare', tree, path.join(tables, 'a15-rc-partial.dsl')], folder.root);
    assert.match(partial.stdout, /Topology differs\n.*iommu-map/s);
    const checked = doorbell(['check', path.join(tables, '00-qemu.aml')], folder.root);
    assert.equal(checked.status, 1);
    assert.match(checked.stdout, /\[iort-mapping-off-by-one\]/);
  });

  it('cannot be had from other tables, and damaged ones are no crash', () => {
    const folder = withTables('', { APIC: 'qemu-madt.aml', 'good.aml': '00-qemu.aml' });
    assertOneLineError(doorbell(['regions', 'APIC'], folder.root), /APIC: is the ACPI table APIC/);
    assert.equal(doorbell(['check', 'APIC'], folder.root).status, 0);
    const good = bytesOf('00-qemu.aml');
    for (const length of [36, 40, 47, 48, 60, 100, 150, 200]) {
      folder.write('cut.aml', good.subarray(0, length));
      const { status, stderr } = doorbell(['regions', 'cut.aml'], folder.root);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^doorbell: cut\.aml: .*\(at byte 0x4: The header says 0x[0-9a-f]+ bytes/m);
      assert.doesNotMatch(stderr, /internal error|\n.*at /);
    }
  });
});
