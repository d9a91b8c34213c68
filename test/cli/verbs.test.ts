import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { version } from '../../package.json';
import { describeWithDtc } from '../oracle/suite';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell, runBinary } from './run';

describe('doorbell', () => {
  afterEach(removeFolders);

  it('has help for every verb, and a version', () => {
    assert.deepEqual(doorbell(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
    for (const verb of ['', 'check', 'regions', 'plan', 'compare', 'verify', 'export', 'collect', 'tree']) {
      const args = [...(verb === '' ? [] : [verb]), '--help'];
      const { status, stdout, stderr } = doorbell(args);
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /^Usage: doorbell/);
    }
  });

  it('refuses what it does not know in one line', () => {
    assertOneLineError(doorbell(['frobnicate']), "unknown command 'frobnicate'");
    assertOneLineError(doorbell(['check', '--frobnicate', 'x']), /unknown option '--frobnicate'/);
    assertOneLineError(doorbell(['check']), /missing required argument 'file'/);
    assertOneLineError(doorbell(['check', '--format', 'xml', 'x']), /argument 'xml' is invalid/);
    assertOneLineError(doorbell(['regions', '--kernel', '5.4', 'x']), /argument '5\.4' is invalid/);
    assertOneLineError(doorbell(['check', '-D', '9=1', 'x']), /no macro name/);
    assert.equal(doorbell([]).status, 2);
  });

  it('tells in one line why a file cannot be used, whichever verb it is', () => {
    const folder = folderWith('//- dir/x\n\n//- good.dts\n/dts-v1/;\n/ { };\n');
    execFileSync('mkfifo', [folder.at('pipe')]);
    const blob = runBinary(['tree', '--format', 'dtb', 'good.dts'], folder.root).stdout;
    folder.write('cut.dtb', blob.subarray(0, blob.length - 9));
    folder.write('dsdt.dsl', '// ASL\nDefinitionBlock ("", "DSDT", 2, "OEM", "TBL", 1) { }\n');
    folder.write(
      'iort.aml',
      Buffer.concat([Buffer.from('IORT'), Buffer.from([0x40, 0, 0, 0, 3, 0]), Buffer.alloc(54)]),
    );
    folder.write('iort.dsl', '/*\n * Intel ACPI\n */\n[0004]  Signature : "IORT"    [IO Remapping Table]\n');
    folder.write('program', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(2000)]));
    const expected: Record<string, string | RegExp> = {
      none: 'none: no such file',
      dir: 'dir: is a directory',
      pipe: 'pipe: is a named pipe, not a regular file',
      '/dev/zero': '/dev/zero: is a device, not a regular file',
      // As it was given, not as it lies from here.
      '..': '..: is a directory',
      [path.dirname(folder.root)]: `${path.dirname(folder.root)}: is a directory`,
      [folder.at('none')]: `${folder.at('none')}: no such file`,
      'cut.dtb': /^doorbell: cut\.dtb: is a damaged flattened devicetree: .* at offset 0x/,
      'dsdt.dsl': 'dsdt.dsl: is ASL, the source of a DSDT or an SSDT; what devices reach, the IORT says',
      program: 'program: is neither devicetree source, nor a flattened devicetree, nor an ACPI table',
    };
    for (const table of ['iort.aml', 'iort.dsl']) {
      assertOneLineError(doorbell(['tree', table], folder.root), `${table}: is an ACPI table, which has no tree`);
    }
    for (const [file, reason] of Object.entries(expected)) {
      for (const verb of ['check', 'regions', 'tree']) assertOneLineError(doorbell([verb, file], folder.root), reason);
    }
    assertOneLineError(
      doorbell(['check', '--config', 'none.json', 'good.dts'], folder.root),
      'none.json: no such file',
    );
    assertOneLineError(
      doorbell(['tree', '--overlay', 'none.dtbo', 'good.dts'], folder.root),
      'none.dtbo: no such file',
    );
    assertOneLineError(doorbell(['tree', '-o', 'none/x.dts', 'good.dts'], folder.root), /cannot be written/);
  });

  it('reports includes that cannot be read and that never end as diagnostics', () => {
    const folder = folderWith(
      '//- b.dts\n/dts-v1/;\n#include "dir"\n#include "loop.dtsi"\n/ { };\n//- dir/x\n\n//- loop.dtsi\n#include "loop.dtsi"\n',
    );
    const { status, stdout, stderr } = doorbell(['check', 'b.dts'], folder.root);
    assert.deepEqual([status, stderr], [1, '']);
    assert.match(stdout, /^b\.dts:2:\d+: error: .*is a directory.* \[include-unreadable\]/m);
    assert.match(stdout, /^loop\.dtsi:1:\d+: error: .* \[include-too-deep\]/m);
  });
});

describe('doorbell regions', () => {
  afterEach(removeFolders);

  const groups = `# group 0: /pcie@40000000
0x0000000008000000 0x00000000080fffff msi
# group 1: /pcie@40000000/ethernet@1,0
0x0000000008000000 0x00000000081fffff reserved
0x0000000008000000 0x00000000080fffff msi
`;
  const net = groups.split('\n').slice(3).join('\n');

  it('prints the groups of the example as sysfs does', () => {
    assert.deepEqual(doorbell(['regions', 'examples/lab-board.dts']), { status: 0, stdout: groups, stderr: '' });
  });

  it('prints the bare lines of one device, by path, label or PCI address', () => {
    for (const device of ['/pcie@40000000/ethernet@1,0', '&net', 'net', '0000:00:01.0']) {
      const { status, stdout } = doorbell(['regions', '--device', device, 'examples/lab-board.dts']);
      assert.deepEqual([status, stdout], [0, net], device);
    }
  });

  it('prints nothing for a device without a group, and fails for one that does not exist', () => {
    const { status, stdout, stderr } = doorbell(['regions', '--device', '/cpus/cpu@0', 'examples/lab-board.dts']);
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /^doorbell: \/cpus\/cpu@0 is in no group: /);
    assertOneLineError(doorbell(['regions', '--device', '/none', 'examples/lab-board.dts']), /\/none/);
  });

  it('follows the kernel that is asked for', () => {
    const { stdout } = doorbell(['regions', '--kernel', '6.1', '--device', '&net', 'examples/lab-board.dts']);
    assert.equal(stdout, '0x0000000008000000 0x00000000080fffff msi\n');
  });

  it('has JSON with origins and sources', () => {
    const { stdout } = doorbell(['regions', '--format', 'json', '--device', '&net', 'examples/lab-board.dts']);
    const json = JSON.parse(stdout) as {
      kernel: string;
      groups: { id: number; devices: string[]; regions: unknown[] }[];
    };
    assert.equal(json.kernel, '6.12');
    assert.deepEqual(json.groups, [
      {
        id: 1,
        devices: ['/pcie@40000000/ethernet@1,0'],
        regions: [
          {
            start: '0x0000000008000000',
            end: '0x00000000081fffff',
            type: 'reserved',
            origin: 'iommu-addresses',
            source: { file: 'examples/lab-board.dts', line: 23, column: 23 },
          },
          { start: '0x0000000008000000', end: '0x00000000080fffff', type: 'msi', origin: 'sw-msi', source: null },
        ],
      },
    ]);
  });

  it('reads a blob as it reads the source', () => {
    const folder = folderWith('');
    assert.equal(doorbell(['tree', '--format', 'dtb', '-o', folder.at('lab.bin'), 'examples/lab-board.dts']).status, 0);
    assert.equal(doorbell(['regions', folder.at('lab.bin')]).stdout, groups);
    const { stdout, status } = doorbell(['check', 'lab.bin'], folder.root);
    assert.match(stdout, /^lab\.bin: \w+: .*\/pcie@40000000\/ethernet@1,0.* \[msi-window-overlap\]$/m);
    assert.equal(status, 1);
  });

  it('moves the window with doorbell.json', () => {
    const folder = folderWith('//- doorbell.json\n{ "msiWindow": { "base": "0xa0000000" } }\n');
    const { stdout } = doorbell([
      'regions',
      '--config',
      folder.at('doorbell.json'),
      '--device',
      '&net',
      'examples/lab-board.dts',
    ]);
    assert.match(stdout, /^0x00000000a0000000 0x00000000a00fffff msi$/m);
  });
});

describe('doorbell tree', () => {
  afterEach(removeFolders);

  const source = '//- b.dts\n/dts-v1/;\n/ { l: n { x = <&l>; s = "a"; }; };\n';

  it('prints DTS and JSON', () => {
    const folder = folderWith(source);
    assert.match(doorbell(['tree', 'b.dts'], folder.root).stdout, /^\/dts-v1\/;\n\n\/ \{\n\tl: n \{\n\t\tx = <&l>;/);
    const json: unknown = JSON.parse(doorbell(['tree', '--format', 'json', 'b.dts'], folder.root).stdout);
    assert.ok(JSON.stringify(json).includes('"a"'));
  });

  it('refuses a source with errors as dtc does, unless forced', () => {
    const folder = folderWith('//- b.dts\n/dts-v1/;\n/ { x = <&none>; ok; };\n');
    const refused = doorbell(['tree', 'b.dts'], folder.root);
    assert.deepEqual([refused.status, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^b\.dts:2:\d+: error: .*\[unresolved-reference\]/);
    const forced = doorbell(['tree', '--force', 'b.dts'], folder.root);
    assert.equal(forced.status, 1);
    assert.match(forced.stdout, /ok;/);
  });

  describeWithDtc('against dtc', (dtc) => {
    it('makes the same blob, with symbols and without', () => {
      const folder = folderWith(source);
      for (const flags of [[], ['-@']]) {
        const ours = runBinary(['tree', '--format', 'dtb', ...flags, 'b.dts'], folder.root).stdout;
        const theirs = execFileSync(dtc, ['-q', '-O', 'dtb', ...flags, folder.at('b.dts')]);
        const sorted = (blob: Buffer) =>
          execFileSync(dtc, ['-q', '-I', 'dtb', '-O', 'dts', '-s'], { input: blob }).toString();
        assert.equal(sorted(ours), sorted(theirs));
      }
    });

    it('writes to a file', () => {
      const folder = folderWith(source);
      assert.deepEqual(doorbell(['tree', '--format', 'dtb', '-o', 'out.dtb', 'b.dts'], folder.root), {
        status: 0,
        stdout: '',
        stderr: '',
      });
      assert.equal(fs.readFileSync(folder.at('out.dtb')).readUInt32BE(), 0xd00dfeed);
    });
  });
});
