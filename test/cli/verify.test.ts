import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { archiveOf } from '../hosts/collect';
import { announcedRegions, truthCase, truthSource, writeMachine, type TruthCase } from '../hosts/truth';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const window = '0x0000000008000000 0x00000000080fffff msi';

describe('doorbell verify', () => {
  afterEach(removeFolders);

  it('compares an archive with itself', () => {
    const archive = archiveOf(truthCase('d04-nonidentity', '6.12'));
    const { status, stdout, stderr } = doorbell(['verify', archive]);
    assert.deepEqual([status, stdout], [0, '2 groups equal under Linux 6.12\n']);
    assert.match(stderr, /recorded on Linux 6\.12\.107\+deb12-arm64/);
  });

  it('says equal of machines that were booted and collected', () => {
    const folder = path.join(__dirname, '../fixtures/hosts');
    for (const [name, groups, note] of [
      [
        'virt-6.12-root',
        '2 groups equal under Linux 6.12\n',
        /on Linux 6\.12\.107\S+ \(aarch64\), .* with pages of 4K\n$/,
      ],
      [
        'virt-7.2-user',
        '3 groups equal under Linux 7.2\n',
        /; missing: the addresses in \/proc\/iomem, which only root can read\n$/,
      ],
    ] as const) {
      const archive = path.join(folder, `${name}.tar.gz`);
      for (const args of [[archive], [truthSource('d04-nonidentity'), '--sysfs', archive]]) {
        const { status, stdout, stderr } = doorbell(['verify', ...args]);
        assert.deepEqual([status, stdout], [0, groups]);
        assert.match(stderr, note);
      }
    }
  });

  it('misses the groups of an IOMMU that no driver took, and says what the kernel was told', () => {
    const archive = path.join(__dirname, '../fixtures/hosts/virt-6.12-no-smmu-driver.tar.gz');
    const { status, stdout } = doorbell(['verify', archive]);
    assert.equal(status, 1);
    assert.deepEqual(stdout.split('\n'), [
      'absent: /pcie@10000000: no driver is bound to its IOMMU /smmuv3@9050000 (9050000.smmuv3): the kernel was built or started without it, or it refused the hardware',
      'the kernel was started with initcall_blacklist=arm_smmu_driver_init, which no source tells',
      '0 groups equal under Linux 6.12; one predicted group absent',
      '',
    ]);
  });

  it('knows where a kernel of 6.12 ends the file, and says so', () => {
    const archive = path.join(__dirname, '../fixtures/hosts/virt-6.12-120-regions.tar.gz');
    const note =
      'the kernel ends this file after one page (4 KiB), in line 88 of 121; the regions that it does not show are in force all the same';
    assert.deepEqual(doorbell(['verify', archive]).stdout.split('\n'), [
      'group 0 (0000:00:01.0): equal',
      `  note: ${note}`,
      '2 groups equal under Linux 6.12',
      '',
    ]);
    const regions = doorbell(['regions', archive]).stdout;
    assert.ok(regions.endsWith(`\n0x000000066\n# ${note}\n`), regions.slice(-300));
    const bare = doorbell(['regions', archive, '--device', '0000:00:01.0']);
    assert.equal(bare.stdout.split('\n').length, 89);
    assert.ok(bare.stderr.includes(`${note} (--format json has them)`), bare.stderr);
  });

  it('takes the kernel of the archive for the sources', () => {
    const archive = archiveOf(truthCase('d44-driverless', '6.1'));
    const source = truthSource('d44-driverless');
    assert.equal(doorbell(['verify', source, '--sysfs', archive]).status, 0);
  });

  it('takes a copy of the directory: with links, with files in place of them, with the directories', () => {
    const { machine, source, groups } = copied(truthCase('d26-platform', '7.2'));
    const run = (dump: string) => doorbell(['verify', '--kernel', '7.2', source, '--sysfs', dump]);
    const expected = { status: 0, stdout: '7 groups equal under Linux 7.2\n', stderr: '' };
    assert.deepEqual(run(groups), expected);
    assert.deepEqual(run(machine.at('sys')), expected);
    // The links hang in the air once the directory is moved away.
    const moved = folderWith('');
    fs.cpSync(groups, moved.at('iommu_groups'), { recursive: true, verbatimSymlinks: true });
    assert.deepEqual(run(moved.root), expected);
    for (const link of execFileSync('find', [moved.root, '-type', 'l'], { encoding: 'utf8' }).trim().split('\n')) {
      const target = fs.readlinkSync(link);
      fs.rmSync(link);
      fs.writeFileSync(link, `${target}\n`);
    }
    assert.deepEqual(run(moved.root), expected);
    for (const name of execFileSync('find', [moved.at('iommu_groups'), '-path', '*/devices/*'], { encoding: 'utf8' })
      .trim()
      .split('\n')) {
      fs.rmSync(name);
      fs.mkdirSync(name);
      fs.writeFileSync(path.join(name, 'uevent'), name.endsWith('.ghost') ? 'OF_FULLNAME=/ghost@b000000\n' : '');
    }
    assert.deepEqual(run(moved.root), expected);
  });

  it('takes the output of grep, and our own', () => {
    const { source, groups } = copied(truthCase('d26-platform', '7.2'));
    const folder = folderWith('');
    const grep = execFileSync('sh', ['-c', `grep -r . ${groups}/*/reserved_regions`], { encoding: 'utf8' });
    folder.write('grep.txt', grep);
    assert.deepEqual(doorbell(['verify', '--kernel', '7.2', source, '--sysfs', folder.at('grep.txt')]), {
      status: 0,
      stdout: '7 groups equal under Linux 7.2, matched by their lines, as the dump names no devices\n',
      stderr: '',
    });
    folder.write('ours.txt', doorbell(['regions', '--kernel', '7.2', source]).stdout);
    assert.equal(doorbell(['verify', '--kernel', '7.2', source, '--sysfs', folder.at('ours.txt')]).status, 0);
  });

  it('tells which other kernel the lines are of', () => {
    const { source, groups } = copied(truthCase('d26-platform', '6.1'));
    const { status, stdout } = doorbell(['verify', source, '--sysfs', groups]);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^group 4 \(a000a00\.virtio_mmio\): different\n {2}- 0x\w+ 0x\w+ reserved {4}\S+d26-platform\.dts:8:34$/m,
    );
    assert.match(stdout, /^ {2}because the rules of Linux 6\.1 give exactly these lines$/m);
    assert.match(stdout, /^the rules of Linux 6\.1 give exactly what the machine has$/m);
    assert.match(stdout, /^4 of 5 groups equal under Linux 6\.12$/m);
  });

  it('tells when the machine booted with another tree', () => {
    const archive = archiveOf(truthCase('d04-nonidentity', '6.12'));
    const { status, stdout } = doorbell(['verify', truthSource('d01-plain'), '--sysfs', archive]);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /because the sources are not what the machine booted with; its own tree and these rules give exactly/,
    );
  });

  it('tells of devices that the sources do not have, or have off', () => {
    const { machine, groups } = copied(truthCase('d26-platform', '7.2'));
    machine.write('sys/kernel/iommu_groups/9/devices/feed0000.gpu', '../../../../devices/platform/feed0000.gpu\n');
    machine.write('sys/kernel/iommu_groups/9/reserved_regions', `${window}\n`);
    const source = machine.write(
      'board.dts',
      `#include "${truthSource('d26-platform')}"\n&{/virtio_mmio@a000200} { status = "disabled"; };\n`,
    );
    const { status, stdout } = doorbell(['verify', '--kernel', '7.2', source, '--sysfs', groups]);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^group 0 \(a000200\.virtio_mmio\): different\n.*\n {2}because the sources have a000200\.virtio_mmio or its IOMMU off/m,
    );
    assert.match(stdout, /because feed0000\.gpu is not in the sources: no node makes a device feed0000\.gpu$/m);
  });

  it('gives the settings that make a virtio-iommu or a moved window equal', () => {
    const { machine, groups, source } = copied(truthCase('d35-virtio-iommu', '6.12'));
    const { status, stdout } = doorbell(['verify', source, '--sysfs', groups]);
    assert.equal(status, 1);
    const setting = /"virtioIommuRegions": \[.*?\]/.exec(stdout)?.[0];
    assert.ok(setting !== undefined, stdout);
    assert.deepEqual(JSON.parse(`{${setting}}`), { virtioIommuRegions: announcedRegions['d35-virtio-iommu'] });
    const config = machine.write('doorbell.json', `{${setting}}`);
    assert.equal(doorbell(['verify', source, '--config', config, '--sysfs', groups]).status, 0);

    const moved = copied(truthCase('d01-plain', '6.12'));
    for (const id of ['0', '1']) {
      moved.machine.write(
        `sys/kernel/iommu_groups/${id}/reserved_regions`,
        '0x00000000a0000000 0x00000000a00fffff msi\n',
      );
    }
    const other = doorbell(['verify', moved.source, '--sysfs', moved.groups]).stdout;
    const windowSetting = /"msiWindow": \{.*?\}/.exec(other)?.[0];
    assert.ok(windowSetting !== undefined, other);
    const windowConfig = moved.machine.write('doorbell.json', `{${windowSetting}}`);
    assert.equal(doorbell(['verify', moved.source, '--config', windowConfig, '--sysfs', moved.groups]).status, 0);
  });

  it('knows that sysfs gives one page of a long list', () => {
    const { folder, source, groups } = manyRegions();
    const whole = doorbell(['regions', '--kernel', '6.1', source]).stdout;
    assert.ok(whole.length > 0);
    const lines = (kernel: string) =>
      doorbell(['regions', '--kernel', kernel, '--config', folder.at('64K.json'), '--device', '/dev@0', source]).stdout;
    const all = lines('6.12');
    assert.equal(all.trim().split('\n').length, 121);
    folder.write(`${groups}/0/reserved_regions`, all.slice(0, 4095));
    assert.equal(doorbell(['verify', source, '--sysfs', folder.at(groups)]).status, 0);
    const large = doorbell(['verify', source, '--config', folder.at('64K.json'), '--sysfs', folder.at(groups)]);
    assert.equal(large.status, 1);
    assert.match(
      large.stdout,
      /because the recorded file ends after \d+ of 121 lines: from 6\.12 on sysfs gives one page of it/,
    );
    folder.write(`${groups}/0/reserved_regions`, all);
    const uncut = doorbell(['verify', source, '--sysfs', folder.at(groups)]);
    assert.equal(uncut.status, 1);
    assert.match(
      uncut.stdout,
      /because the machine's file holds all 121 lines: its kernel does not end it after 4096 bytes/,
    );
  });

  it('has JSON', () => {
    const { source, groups } = copied(truthCase('d26-platform', '6.1'));
    const { stdout } = doorbell(['verify', source, '--format', 'json', '--sysfs', groups]);
    const json = JSON.parse(stdout) as { groups: { result: string; explanations: object[] }[] };
    const { groups: all, ...rest } = json;
    assert.deepEqual(
      all.map(({ result }) => result),
      ['equal', 'equal', 'equal', 'equal', 'different'],
    );
    assert.deepEqual(all[4], {
      id: '4',
      type: 'DMA',
      devices: ['a000a00.virtio_mmio'],
      predicted: ['/virtio_mmio@a000a00'],
      result: 'different',
      missing: [
        { line: '0x0000000008000000 0x000000000800ffff reserved', source: place('d26-platform', 8, 34) },
        { line: '0x0000000072000000 0x00000000723fffff direct', source: place('d26-platform', 7, 80) },
      ],
      extra: [],
      explanations: [{ kind: 'other-kernel', message: 'the rules of Linux 6.1 give exactly these lines' }],
      notes: [],
    });
    assert.deepEqual(rest, {
      kernel: '6.12',
      result: 'different',
      matchedBy: 'devices',
      bootWords: [],
      absent: [
        {
          devices: ['/ghost@b000000'],
          result: 'equal',
          reason:
            'it is in no recorded group: no driver is bound to it, as far as can be told, and Linux 6.12 forms a group when one binds',
        },
      ],
      alternatives: [{ kind: 'other-kernel', label: 'the rules of Linux 6.1' }],
    });
  });

  it('refuses what is no dump in one line', () => {
    const folder = folderWith('//- text\nhello\n//- empty/\n//- none/x\n\n');
    const source = truthSource('d01-plain');
    const run = (dump: string) => doorbell(['verify', source, '--sysfs', dump], folder.root);
    assertOneLineError(run('text'), /^doorbell: text: is no dump of \/sys\/kernel\/iommu_groups: /);
    assertOneLineError(run('empty'), /^doorbell: empty: is a directory without IOMMU groups/);
    assertOneLineError(run('missing'), 'missing: no such file');
    assertOneLineError(doorbell(['verify', source]), /is no archive: --sysfs must name what to compare with/);
  });
});

function place(name: string, line: number, column: number) {
  return { file: path.relative(path.resolve(__dirname, '../..'), truthSource(name)), line, column };
}

function copied(given: TruthCase): { machine: Folder; source: string; groups: string } {
  const machine = folderWith('');
  writeMachine(machine, given);
  return { machine, source: truthSource(given.name), groups: machine.at('sys/kernel/iommu_groups') };
}

/** A master with 120 reservations, and an empty group for it. */
function manyRegions(): { folder: Folder; source: string; groups: string } {
  const folder = folderWith('//- 64K.json\n{ "pageSize": "64K" }\n');
  const nodes = Array.from({ length: 120 }, (_, at) => {
    return `r${at}: r@${at} { iommu-addresses = <&dev 0x${(0x10 + at).toString(16)} 0 0 0x1000>; };`;
  });
  const source = folder.write(
    'board.dts',
    `/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>;
  smmu: iommu@9000000 { compatible = "arm,smmu-v3"; reg = <0 0x9000000 0 0x20000>; #iommu-cells = <1>; dma-coherent; };
  reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; ${nodes.join('\n')} };
  dev: dev@0 { reg = <0 0 0 0x1000>; iommus = <&smmu 1>; memory-region = ${nodes.map((_, at) => `<&r${at}>`).join(', ')}; };
};
`,
  );
  folder.write('groups/0/devices/0.dev', '../../../../devices/platform/0.dev\n');
  return { folder, source, groups: 'groups' };
}
