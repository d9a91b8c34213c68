import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { dumpOf } from '../acpi/dump-of';
import { folderWith, removeFolders, type Folder } from '../workspace/folder';
import { assertOneLineError, doorbell, runBinary } from './run';

const recorded = path.join(__dirname, '../fixtures/truth/iort');
const text = path.join(recorded, 'a31-nc-two-ids.dsl');
const binary = path.join(recorded, '00-qemu.aml');

function readBytes(file: string): string {
  return fs.readFileSync(file).toString('hex');
}

function folderOf(name: string, content: string): Folder {
  const folder = folderWith('');
  folder.write(name, content);
  return folder;
}

describe('doorbell iort', () => {
  afterEach(removeFolders);

  it('makes a new table of the nodes that are asked for', () => {
    const folder = folderWith('');
    const made = doorbell(['iort', 'new', '--node', 'rmr', '--node', 'RMR:1', '-o', 'new.dsl'], folder.root);
    const needed = 'doorbell: with an SMMUv3, a named component, which these nodes refer to\n';
    assert.deepEqual([made.status, made.stdout, made.stderr], [0, '', needed]);
    const compiled = doorbell(['iort', 'compile', 'new.dsl'], folder.root);
    assert.equal(compiled.stdout, 'new.aml: IORT, revision 6, 4 nodes, 316 bytes\n');
    for (const [node, ...more] of [
      ['gpu'],
      ['smmuv3:6'],
      ['smmuv3:'],
      ['smmuv3:4:5'],
      ['rmr:2'],
      ['rmr', '--revision', 'E.b'],
      ['iwb'],
      ['rmr', '--style', '20200925'],
    ] as const) {
      assertOneLineError(doorbell(['iort', 'new', '--node', node, ...more]), new RegExp(`--node ${node}: `));
    }
  });

  it('compiles a text beside it', () => {
    const folder = folderOf('board.dsl', fs.readFileSync(text, 'latin1'));
    const { status, stdout, stderr } = doorbell(['iort', 'compile', 'board.dsl'], folder.root);
    assert.deepEqual([status, stdout, stderr], [0, 'board.aml: IORT, revision 5, 5 nodes, 364 bytes\n', '']);
    assert.equal(fs.statSync(path.join(folder.root, 'board.aml')).size, 364);
  });

  it('does not write over the file that it reads', () => {
    const content = fs.readFileSync(text, 'latin1');
    for (const [name, args] of [
      ['board.aml', ['compile', 'board.aml']],
      ['board.dsl', ['compile', 'board.dsl', '-o', '../link/board.dsl']],
    ] as const) {
      const folder = folderOf(`board/${name}`, content);
      fs.symlinkSync('board', path.join(folder.root, 'link'));
      const said = doorbell(['iort', ...args], path.join(folder.root, 'board'));
      assertOneLineError(said, /board\.(?:aml|dsl): is what is read; -o names another file$/m);
      assert.equal(fs.readFileSync(path.join(folder.root, 'board', name), 'latin1'), content);
    }
    const folder = folderWith('');
    fs.copyFileSync(binary, path.join(folder.root, 'iort.aml'));
    assertOneLineError(doorbell(['iort', 'decompile', 'iort.aml', '-o', './iort.aml'], folder.root), /is what is read/);
    assert.equal(readBytes(path.join(folder.root, 'iort.aml')), readBytes(binary));
  });

  it('decompiles to what compiles to the same bytes', () => {
    for (const style of ['current', '20200925']) {
      const folder = folderOf('board.dsl', doorbell(['iort', 'decompile', binary, '--style', style]).stdout);
      const { status } = doorbell(['iort', 'compile', 'board.dsl', '-o', 'out.aml'], folder.root);
      assert.equal(status, 0);
      assert.equal(readBytes(path.join(folder.root, 'out.aml')), readBytes(binary));
    }
  });

  it('says where the text disagrees with what is computed', () => {
    const changed = fs.readFileSync(text, 'latin1').replace('Node Count : 00000005', 'Node Count : 9');
    const folder = folderOf('board.dsl', changed);
    const { status, stderr } = doorbell(['iort', 'compile', 'board.dsl'], folder.root);
    const message = 'Node Count is compiled as 00000005; the text says 00000009.';
    assert.deepEqual([status, stderr], [0, `board.dsl:15:48: info: ${message} [iort-text-computed-mismatch]\n`]);
  });

  it('writes nothing where the text has errors', () => {
    const changed = fs.readFileSync(text, 'latin1').replace('ID Count : 000000FF', 'ID Count : zz');
    const folder = folderOf('board.dsl', changed);
    const { status, stderr } = doorbell(['iort', 'compile', 'board.dsl'], folder.root);
    assert.equal(status, 1);
    assert.match(stderr, /^board\.dsl:85:48: error: .* \[table-number\]$/m);
    assert.match(stderr, /^doorbell: board\.dsl: one error, nothing written$/m);
    assert.ok(!fs.existsSync(path.join(folder.root, 'board.aml')));
    assert.equal(doorbell(['iort', 'compile', 'board.dsl', '--force'], folder.root).status, 1);
    assert.equal(fs.statSync(path.join(folder.root, 'board.aml')).size, 364);
  });

  it('writes to the standard output', () => {
    const compiled = runBinary(['iort', 'compile', text, '-o', '-']).stdout;
    assert.deepEqual([compiled.length, compiled.subarray(0, 4).toString('latin1')], [364, 'IORT']);
  });

  it('tells what is wrong with a binary while it decompiles it', () => {
    const file = path.join(recorded, 'a34-node-count.aml');
    const { status, stdout, stderr } = doorbell(['iort', 'decompile', file]);
    assert.equal(status, 0);
    assert.equal(stderr, `doorbell: ${file}: at 0x24: Node Count is 9, but 4 nodes lie in the table\n`);
    assert.match(stdout, /Node Count : 00000009 {2}\/\/doorbell as written/);
  });

  it('takes a MADT, and a table of a dump', () => {
    const madt = path.join(recorded, 'qemu-madt.aml');
    assert.match(doorbell(['iort', 'decompile', madt]).stdout, /Subtable Type : 0F \[Generic Interrupt Translator\]/);
    const bytes = fs.readFileSync(binary);
    const folder = folderOf('acpidump.txt', dumpOf(bytes, 'IORT'));
    const { stdout } = doorbell(['iort', 'decompile', 'acpidump.txt'], folder.root);
    assert.equal(stdout, doorbell(['iort', 'decompile', binary]).stdout);
    const other = doorbell(['iort', 'decompile', 'acpidump.txt', '--table', 'APIC'], folder.root);
    assertOneLineError(other, 'acpidump.txt: is a dump without the table APIC; it has IORT');
    folder.write('damaged.txt', dumpOf(bytes, 'IORT').replace(/ +0010:.*\n/, ''));
    const damaged = doorbell(['iort', 'decompile', 'damaged.txt'], folder.root);
    assert.match(damaged.stderr, /^doorbell: damaged\.txt:3: 16 bytes before 0020 are missing in the dump$/m);
  });

  it('writes a template of any issue', () => {
    for (const [issue, revision] of [
      ['D', '00'],
      ['E.b', '03'],
      ['E.d', '05'],
      ['E.f', '06'],
      ['E.g', '07'],
      ['5', '05'],
    ] as const) {
      const { status, stdout } = doorbell(['iort', 'new', '--revision', issue]);
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(` Revision : ${revision}\\n.* Checksum`));
    }
    assert.equal(doorbell(['iort', 'new']).stdout, doorbell(['iort', 'new', '--revision', 'E.f']).stdout);
    assert.match(doorbell(['iort', 'new', '--style', '20200925']).stderr, /^doorbell: iasl 20200925 .* as zero/);
    assert.equal(doorbell(['iort', 'new', '--style', '20200925', '--revision', 'D']).stderr, '');
    const withdrawn = doorbell(['iort', 'new', '--revision', 'E.c']);
    assertOneLineError(withdrawn, /no template of revision E\.c: .* withdrawn/);
  });

  it('says in one line what cannot be used', () => {
    const folder = folderOf('board.dts', '/dts-v1/; / { };');
    const run = (...args: string[]) => doorbell(['iort', ...args], folder.root);
    assertOneLineError(run('compile', 'board.dts'), /^doorbell: board\.dts: is no data-table text/);
    assertOneLineError(run('compile', 'nowhere.dsl'), 'nowhere.dsl: no such file');
    assertOneLineError(run('compile', binary), /: is a binary table already$/m);
    assertOneLineError(run('decompile', text), /: is text already$/m);
    assertOneLineError(run('decompile', 'board.dts'), 'board.dts: is no ACPI table');
    assertOneLineError(
      run('decompile', binary, '-o', 'no/folder.dsl'),
      /^doorbell: no\/folder\.dsl: cannot be written/,
    );
  });
});
