import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { DtNode } from '../../server/src/tree/model';
import { archiveOf, collect, script, shells } from '../hosts/collect';
import { truthCase, truthSource, truthTree, writeMachine } from '../hosts/truth';
import { folderWith, removeFolders } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const hasShellcheck = spawnSync('shellcheck', ['--version']).error === undefined;

describe('doorbell collect', () => {
  afterEach(removeFolders);

  it('prints the script', () => {
    assert.equal(doorbell(['collect']).stdout, fs.readFileSync(script, 'utf8'));
  });

  it('is clean to shellcheck', function () {
    if (!hasShellcheck) this.skip();
    for (const dialect of ['sh', 'dash', 'busybox']) {
      const { status, stdout } = spawnSync('shellcheck', ['-s', dialect, script], { encoding: 'utf8' });
      // Versions to 0.9 do not know busybox.
      if (status !== 4 && status !== 3) assert.equal(stdout, '', dialect);
    }
  });

  for (const shell of shells()) {
    it(`gathers a machine in ${shell.join(' ')}, and leaves nothing behind`, () => {
      const machine = folderWith('');
      writeMachine(machine, truthCase('d33-bridge-group', '7.2'));
      const before = filesIn(machine.root);
      const { archive, status, stdout, stderr } = collect(machine.root, shell);
      assert.deepEqual([status, stdout, stderr], [0, '', `collect: wrote ${archive}\n`]);
      assert.deepEqual(filesIn(machine.root), before);
      assert.deepEqual(fs.readdirSync(path.join(path.dirname(archive), 'tmp')), []);
      const regions = doorbell(['regions', '--device', '0000:01:01.0', archive]);
      assert.equal(
        regions.stdout,
        '0x0000000008000000 0x00000000080fffff msi\n0x0000000020000000 0x000000002000ffff reserved\n',
      );
      assert.match(
        regions.stderr,
        /recorded on Linux 7\.2\.12\+deb14-arm64 \(\w+\), read by the rules of Linux 7\.2 with pages of 4K\n$/,
      );
    });
  }

  it('says what it cannot read, and gathers the rest', () => {
    const machine = folderWith('');
    writeMachine(machine, truthCase('d01-plain', '6.12'));
    fs.rmSync(machine.at('sys/firmware'), { recursive: true });
    fs.rmSync(machine.at('proc/iomem'));
    const { archive, status, stderr } = collect(machine.root);
    assert.equal(status, 0);
    assert.match(stderr, /^collect: missing: \/proc\/iomem$/m);
    assert.match(stderr, /^collect: missing: a devicetree and ACPI tables$/m);
    assertOneLineError(doorbell(['regions', archive]), /holds neither a devicetree nor an IORT$/m);
  });

  it('does with the tree of files where the blob cannot be read', () => {
    const machine = folderWith('');
    writeMachine(machine, truthCase('d04-nonidentity', '6.12'));
    unflatten(truthTree('d04-nonidentity').root, machine.at('sys/firmware/devicetree/base'));
    fs.rmSync(machine.at('sys/firmware/fdt'));
    const { archive } = collect(machine.root);
    const { stdout, stderr } = doorbell(['regions', archive]);
    assert.match(stderr, /recorded on Linux 6\.12/);
    assert.equal(stdout, doorbell(['regions', truthSource('d04-nonidentity')]).stdout);
    assert.match(stdout, / reserved$/m);
  });
});

describe('an archive as a host', () => {
  afterEach(removeFolders);

  it('is a host to every verb, by its own kernel and page size', () => {
    const given = truthCase('d44-driverless', '6.1');
    const archive = archiveOf(given);
    const source = truthSource('d44-driverless');
    assert.equal(doorbell(['regions', archive]).stdout, doorbell(['regions', '--kernel', '6.1', source]).stdout);
    assert.equal(
      doorbell(['regions', '--kernel', '7.2', archive]).stdout,
      doorbell(['regions', '--kernel', '7.2', source]).stdout,
    );
    assert.match(doorbell(['tree', archive]).stdout, /^\/dts-v1\/;/);
    const { status, stderr } = doorbell(['check', '--severity', 'error', archive]);
    assert.equal(status, 0);
    assert.match(stderr, /recorded on Linux 6\.1\.0-50-arm64/);
  });

  it('is refused in one line when it is damaged, hostile or something else', () => {
    const folder = folderWith('');
    const whole = fs.readFileSync(archiveOf(truthCase('d01-plain', '6.12')));
    const tar = gunzipSync(whole);
    const entry = (name: string, size: number, content = Buffer.alloc(0)): Buffer => tarEntry(name, size, content);
    const end = Buffer.alloc(1024);
    const about = entry('doorbell-host/about', 10, Buffer.from('format: 1\n'));
    const cases: Record<string, [Uint8Array, RegExp]> = {
      'cut.tar.gz': [whole.subarray(0, whole.length / 2), /is a gzip archive that ends too early$/m],
      'cut.tar': [tar.subarray(0, 1536), /is a tar archive that ends too early$/m],
      'bent.tar.gz': [Buffer.from(whole).fill(0x55, 40, 400), /is a damaged gzip archive$/m],
      'bomb.tar.gz': [bomb(), /unpacks to more than 128 MiB$/m],
      'other.tar.gz': [
        gzipSync(Buffer.concat([entry('x', 2, Buffer.from('hi')), end])),
        /not one that `doorbell collect` makes$/m,
      ],
      'out.tar.gz': [
        gzipSync(Buffer.concat([about, entry('doorbell-host/../../etc/passwd', 2, Buffer.from('hi')), end])),
        /a path that leads out of it: doorbell-host\/\.\.\/\.\.\/etc\/passwd$/m,
      ],
      'absolute.tar': [Buffer.concat([about, entry('/etc/passwd', 0), end]), /leads out of it: \/etc\/passwd$/m],
      'size.tar': [
        Buffer.concat([about, entry('doorbell-host/fdt', 0o7777777777, Buffer.from('x')), end]),
        /is a (damaged )?tar archive/,
      ],
      'noise.tar.gz': [gzipSync(Buffer.alloc(4096, 0x41)), /is a damaged tar archive: /],
      'later.tar': [
        Buffer.concat([entry('doorbell-host/about', 10, Buffer.from('format: 9\n')), end]),
        /is an archive in format 9; this version reads format 1$/m,
      ],
      'blob.tar': [
        Buffer.concat([about, entry('doorbell-host/fdt', 4, Buffer.from('oops')), end]),
        /holds a damaged flattened devicetree: .* at offset 0x/,
      ],
      'acpi.tar': [
        Buffer.concat([about, entry('doorbell-host/acpi/FACP', 4, Buffer.from('FACP')), end]),
        /holds ACPI tables without an IORT, and no devicetree$/m,
      ],
    };
    for (const [name, [bytes, reason]] of Object.entries(cases)) {
      folder.write(name, bytes);
      for (const verb of ['check', 'regions', 'tree']) assertOneLineError(doorbell([verb, name], folder.root), reason);
    }
  });
});

/** 200 MiB of zeros. */
function bomb(): Uint8Array {
  return gzipSync(Buffer.alloc(200 * 1024 * 1024), { level: 1 });
}

/** A header as POSIX has it, with the content in whole blocks. */
function tarEntry(name: string, size: number, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const put = (text: string, at: number): number => header.write(text, at, 'latin1');
  put(name, 0);
  put('0000644\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${size.toString(8).padStart(11, '0')}\0`, 124);
  put('00000000000\0', 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding]);
}

function filesIn(folder: string): string[] {
  return execFileSync('find', [folder], { encoding: 'utf8' }).split('\n').sort();
}

/** A tree as the directories of /proc/device-tree. */
function unflatten(node: DtNode, folder: string): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'name'), `${node.name.split('@')[0]!}\0`);
  for (const { name, data } of node.properties.values()) fs.writeFileSync(path.join(folder, name), data.bytes);
  for (const child of node.children.values()) unflatten(child, path.join(folder, child.name));
}
