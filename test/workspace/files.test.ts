import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createFileStore, maximumFileSize, type FileStore } from '../../server/src/workspace/files';
import { folderWith, removeFolders } from './folder';

function textOf(files: FileStore, file: string): string {
  const read = files.read(file);
  return 'error' in read ? `error: ${read.error}` : read.text;
}

describe('files', () => {
  afterEach(removeFolders);

  it('keep their identity for as long as their content stays, whatever the time stamp says', () => {
    const folder = folderWith('//- a.dts\nfirst\n');
    const files = createFileStore();
    const before = files.read(folder.at('a.dts'));
    fs.utimesSync(folder.at('a.dts'), new Date(0), new Date(0));
    files.refresh();
    assert.equal(files.read(folder.at('a.dts')), before);
    folder.write('a.dts', 'second\n');
    assert.equal(files.read(folder.at('a.dts')), before, 'the disk is not asked again before a refresh');
    files.refresh();
    assert.equal(textOf(files, folder.at('a.dts')), 'second\n');
  });

  it('are what the editor holds while they are open there', () => {
    const folder = folderWith('//- a.dts\ndisk\n');
    const files = createFileStore();
    const onDisk = files.read(folder.at('a.dts'));
    assert.equal(files.open(folder.at('a.dts'), 'disk\n'), onDisk, 'opening changes nothing');
    files.open(folder.at('a.dts'), 'edited\n');
    assert.equal(textOf(files, folder.at('a.dts')), 'edited\n');
    files.close(folder.at('a.dts'));
    assert.equal(textOf(files, folder.at('a.dts')), 'disk\n');
  });

  it('may be open without being on the disk', () => {
    const files = createFileStore();
    files.open('untitled:Untitled-1', '/dts-v1/;');
    assert.equal(textOf(files, 'untitled:Untitled-1'), '/dts-v1/;');
    assert.ok(files.isFile('untitled:Untitled-1'));
  });

  it('are the open document also by way of a link, or of `..`', () => {
    const folder = folderWith('//- real/a.dtsi\ndisk\n//- link -> real\n//- other/\n');
    const files = createFileStore();
    const opened = files.open(folder.at('real/a.dtsi'), 'edited\n');
    assert.equal(files.read(folder.at('link/a.dtsi')), opened);
    assert.equal(files.read(`${folder.root}/other/../real/a.dtsi`), opened);
    assert.equal(files.read(`${folder.root}/./real//a.dtsi`), opened);
  });

  it('have one name where `..` leads back to them, and keep theirs behind a linked directory', () => {
    const folder = folderWith(`
      //- far/away/here.dtsi
      inner
      //- far/b.dtsi
      beside the link's target
      //- b.dtsi
      beside the link
      //- link -> far/away
    `);
    const files = createFileStore();
    assert.match(textOf(files, `${folder.root}/link/../b.dtsi`), /beside the link's target/);
    assert.match(textOf(files, `${folder.root}/far/../b.dtsi`), /beside the link$/m);
    const read = files.read(`${folder.root}/far/../b.dtsi`);
    assert.equal('path' in read && read.path, folder.at('b.dtsi'));
  });

  it("follow Linux's include prefixes, with the links and without", () => {
    const tree = `
      //- arch/arm64/boot/dts/arm/juno.dtsi
      juno
      //- include/dt-bindings/gic.h
      gic
    `;
    for (const links of ['', '//- scripts/dtc/include-prefixes/arm64 -> ../../../arch/arm64/boot/dts\n']) {
      const folder = folderWith(tree + links);
      const files = createFileStore();
      const read = files.read(folder.at('scripts/dtc/include-prefixes/arm64/arm/juno.dtsi'));
      assert.equal('path' in read && read.path, folder.at('arch/arm64/boot/dts/arm/juno.dtsi'));
      assert.match(textOf(files, folder.at('scripts/dtc/include-prefixes/dt-bindings/gic.h')), /gic/);
      assert.equal(textOf(files, folder.at('scripts/dtc/include-prefixes/arm/none.dtsi')), 'error: no such file');
    }
  });

  it('are UTF-8 where that is what they hold, else Latin-1; marks and NULs stay', () => {
    const folder = folderWith('');
    const files = createFileStore();
    const read = (name: string, bytes: Uint8Array) => {
      const file = files.read(folder.write(name, bytes));
      return 'error' in file ? file : [file.text, file.encoding];
    };
    assert.deepEqual(read('utf8', Buffer.from('é€')), ['é€', 'utf8']);
    assert.deepEqual(read('latin1', Uint8Array.of(0x61, 0xe9, 0x00, 0xff)), ['a\u00e9\0\u00ff', 'latin1']);
    assert.deepEqual(read('bom', Buffer.from('\ufeffa')), ['\ufeffa', 'utf8']);
    assert.deepEqual(read('empty', Uint8Array.of()), ['', 'utf8']);
  });

  it('that cannot be read say why, and no pipe or device is waited for', () => {
    const folder = folderWith('//- dir/x\n\n//- loop -> loop\n//- file\n\n');
    execFileSync('mkfifo', [folder.at('pipe')]);
    fs.truncateSync(folder.write('huge', ''), maximumFileSize + 1);
    const files = createFileStore();
    const expected = {
      none: 'no such file',
      'file/below': 'no such file',
      dir: 'is a directory',
      pipe: 'is a named pipe, not a regular file',
      loop: 'is a loop of symbolic links',
      huge: 'is too large (65 MiB, the limit is 64 MiB)',
      'nul\0': 'its name holds a NUL character',
      ['x'.repeat(300)]: 'its name is too long',
    };
    for (const [name, reason] of Object.entries(expected))
      assert.equal(textOf(files, `${folder.root}/${name}`), `error: ${reason}`);
    assert.equal(textOf(files, '/dev/zero'), 'error: is a device, not a regular file');
    assert.match(textOf(files, '/proc/self/status'), /^Name:/, 'a file that does not tell its size is read to its end');
  });

  it('without permission say so', function () {
    if (process.getuid?.() === 0) this.skip();
    const folder = folderWith('//- secret.dtsi\nx\n');
    fs.chmodSync(folder.at('secret.dtsi'), 0);
    assert.equal(textOf(createFileStore(), folder.at('secret.dtsi')), 'error: permission denied');
  });
});
