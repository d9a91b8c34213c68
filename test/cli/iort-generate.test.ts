import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell } from './run';

const recorded = path.join(__dirname, '../fixtures/truth/dt');
const plain = path.join(recorded, 'd01-plain.dts');
const platform = path.join(recorded, 'd13-cells.dts');

function folderOf(name: string, content: string): Folder {
  const folder = folderWith('');
  folder.write(name, content);
  return folder;
}

describe('doorbell iort generate', () => {
  afterEach(removeFolders);

  it('writes the text of a table, with what is left to other tables in front of it', () => {
    const { status, stdout, stderr } = doorbell(['iort', 'generate', plain]);
    assert.equal(status, 0);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'doorbell: for other tables: /intc@8000000/its@8080000: MADT: GIC ITS ID 0 at 0x8080000',
      'doorbell: for other tables: /pcie@10000000: DSDT: the host bridge (pci-host-ecam-generic) has _SEG 0 and _CCA 1',
    ]);
    assert.match(
      stdout,
      /^\/\*\n \* The IORT of the machine that .*d01-plain\.dts describes, made by doorbell iort generate\.\n/,
    );
    assert.match(stdout, /^\/\* \/smmuv3@9050000 \*\/\n\[048h 0072 001h\] +Type : 04$/m);
  });

  it('makes a table that every verb reads, as text and as binary, and that gives what the tree gives', () => {
    const folder = folderWith('');
    for (const name of ['board.dsl', 'board.aml']) {
      assert.equal(doorbell(['iort', 'generate', plain, '-o', name], folder.root).status, 0);
      assert.equal(doorbell(['check', name, '--severity', 'info'], folder.root).stdout, '');
      const lines = (file: string) => doorbell(['regions', file, '--device', '0000:00:01.0'], folder.root).stdout;
      assert.equal(lines(name), lines(plain));
    }
    const compiled = doorbell(['iort', 'compile', 'board.dsl', '-o', 'again.aml'], folder.root);
    assert.equal(compiled.stderr, '');
    const bytes = (name: string) => fs.readFileSync(path.join(folder.root, name)).toString('hex');
    assert.equal(bytes('again.aml'), bytes('board.aml'));
  });

  it('takes a map of lines or JSON, and writes one with proposals', () => {
    const folder = folderOf('map.txt', '# transports\n/bus1/virtio_mmio@a000a00  \\_SB.VR05\n');
    const made = doorbell(
      ['iort', 'generate', platform, '--map', 'map.txt', '--new-map', 'map.json', '-o', 'x.dsl'],
      folder.root,
    );
    assert.equal(made.status, 0);
    assert.doesNotMatch(made.stderr, /the map must say/);
    const map = fs.readFileSync(path.join(folder.root, 'map.json'), 'utf8');
    assert.deepEqual(JSON.parse(map), {
      '/bus1/virtio_mmio@a000a00': '\\_SB_.VR05',
      '/virtio_mmio@a000e00': '\\_SB_.VIR0',
      '/bus2/virtio_mmio@a000c00': '\\_SB_.VIR1',
    });
    const again = doorbell(['iort', 'generate', platform, '--map', 'map.json'], folder.root);
    assert.equal(again.stdout.includes('"\\_SB_.VR05"'), true);
    assert.equal(again.status, 0);
    const lines = (file: string, device: string) => doorbell(['regions', file, '--device', device], folder.root).stdout;
    assert.equal(lines('x.dsl', '\\_SB_.VR05'), lines(platform, '/bus1/virtio_mmio@a000a00'));
    assert.match(lines('x.dsl', '\\_SB_.VR05'), /^0x0000000072000000 0x00000000723fffff direct$/m);
  });

  it('lists what is not carried over, in the text as well, where any iasl can read it', () => {
    const { stdout, stderr } = doorbell(['iort', 'generate', path.join(recorded, 'd03-noreg.dts')]);
    assert.match(
      stderr,
      /^doorbell: not carried over: \/reserved-memory\/hole: 0x90000000–0x900fffff \(1 MiB at 2\.25 GiB\) of /m,
    );
    assert.match(stdout, /^ \* not carried over:\n \* {3}\/reserved-memory\/hole: 0x90000000-0x900fffff /m);
    assert.match(stdout, /^[\n\x20-\x7e]*$/);
  });

  it('has the revision that is asked for', () => {
    const revision = (issue: string) =>
      /Revision : (\d+)/.exec(doorbell(['iort', 'generate', plain, '--revision', issue]).stdout)?.[1];
    assert.deepEqual([revision('D'), revision('E.b'), revision('5'), revision('E.f')], ['00', '03', '05', '06']);
  });

  it('says what is wrong with its arguments, in a line', () => {
    const folder = folderOf('map.json', '{ "/nobody": "\\\\_SB_.X" }');
    const run = (...args: string[]) => doorbell(['iort', 'generate', ...args], folder.root);
    assertOneLineError(run(plain, '--map', 'map.json'), 'map.json: /nobody: there is no such node');
    folder.write('map.json', '{ "/pcie@10000000": "not a name" }');
    assertOneLineError(
      run(plain, '--map', 'map.json'),
      'map.json: /pcie@10000000: "not a name" is no object of the ACPI namespace (\\_SB_.USB0), and no number',
    );
    folder.write('map.json', '{');
    assertOneLineError(run(plain, '--map', 'map.json'), /^doorbell: map\.json: it is no JSON: /);
    assertOneLineError(run(plain, '--revision', 'E.a'), /^doorbell: there is no IORT of revision E\.a: /);
    folder.write('empty.dts', '/dts-v1/; / { };');
    assertOneLineError(run('empty.dts'), 'empty.dts: describes neither SMMUs nor an ITS: there is nothing for an IORT');
    folder.write('board.aml', fs.readFileSync(path.join(__dirname, '../fixtures/truth/iort/00-qemu.aml'), 'latin1'));
    assert.equal(run('board.aml').status, 2);
  });

  it('writes nothing of sources that dtc would refuse', () => {
    const folder = folderOf('bad.dts', '/dts-v1/; / { smmu { compatible = "arm,smmu-v3"; reg = <1 }; };');
    const { status, stdout, stderr } = doorbell(['iort', 'generate', 'bad.dts'], folder.root);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /nothing written/);
  });
});
