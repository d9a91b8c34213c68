// The code of the programs that is kept from one start to the next, with the built programs themselves.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { doorbell } from '../cli/run';
import { folderWith, removeFolders } from '../workspace/folder';
import { startClient } from './lsp-client';

const board = path.resolve(import.meta.dirname, '../../examples/lab-board.dts');

function check(cacheHome: string): string {
  const { stdout, stderr, status } = doorbell(['check', board], undefined, { XDG_CACHE_HOME: cacheHome });
  assert.equal(stderr, '');
  assert.equal(status, 1);
  return stdout;
}

/** The one file that is kept, and what tells it from another one. */
function kept(cacheHome: string): { file: string; inode: number; mode: number; content: Buffer } {
  const folder = path.join(cacheHome, 'doorbell/code');
  const [name, ...more] = fs.readdirSync(folder);
  assert.deepEqual(more, []);
  const file = path.join(folder, name!);
  const { ino, mode } = fs.statSync(file);
  return { file, inode: ino, mode: mode & 0o777, content: fs.readFileSync(file) };
}

describe('the code that is kept', () => {
  afterEach(removeFolders);

  it('is written by the first start, and used by the next ones', () => {
    const { root: cache } = folderWith('');
    const first = check(cache);
    const { inode, mode } = kept(cache);
    assert.equal(mode, 0o600);
    assert.equal(check(cache), first);
    assert.equal(kept(cache).inode, inode);
  });

  it('is not run but made anew when it is damaged, of other sources, or may be written by others', () => {
    const { root: cache } = folderWith('');
    const first = check(cache);
    const { content } = kept(cache);
    const damages: readonly ((file: string) => void)[] = [
      (file) => {
        content[content.length >> 1]! ^= 0x55;
        fs.writeFileSync(file, content);
      },
      (file) => {
        content[0]! ^= 0x55;
        fs.writeFileSync(file, content);
      },
      (file) => {
        fs.truncateSync(file, 5000);
      },
      (file) => {
        fs.truncateSync(file, 0);
      },
      (file) => {
        fs.chmodSync(file, 0o666);
      },
    ];
    for (const damage of damages) {
      const { file, inode } = kept(cache);
      damage(file);
      assert.equal(check(cache), first);
      const after = kept(cache);
      assert.notEqual(after.inode, inode);
      assert.equal(after.mode, 0o600);
    }
  });

  it('does not gather: what other programs, places and versions kept goes, the oldest first', () => {
    const names = Array.from({ length: 20 }, (_, index) => `old-${String(index).padStart(2, '0')}.code`);
    const folder = folderWith(names.map((name) => `//- doorbell/code/${name}\nx\n`).join(''));
    for (const [index, name] of names.entries()) fs.utimesSync(folder.at(`doorbell/code/${name}`), index, index);
    check(folder.root);
    const left = fs.readdirSync(folder.at('doorbell/code')).sort();
    assert.deepEqual(left.slice(1), names.slice(-7));
    assert.match(left[0]!, /^cli-program-/);
  });

  it('is done without where there is no place for it', () => {
    const folder = folderWith('//- cache\na file\n');
    check(folder.at('cache'));
    assert.equal(fs.readFileSync(folder.at('cache'), 'utf8').trim(), 'a file');
  });

  it('is written by the server once it has been warmed up', async () => {
    const { root: cache } = folderWith('');
    const client = await startClient({ env: { XDG_CACHE_HOME: cache } });
    await client.open(board, fs.readFileSync(board, 'utf8'));
    const folder = path.join(cache, 'doorbell/code');
    const deadline = Date.now() + 20_000;
    const isThere = (): boolean =>
      fs.existsSync(folder) && fs.readdirSync(folder).some((name) => name.endsWith('.code'));
    while (!isThere() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(isThere());
    const { inode } = kept(cache);
    assert.equal(await client.stop(), 0);
    const next = await startClient({ env: { XDG_CACHE_HOME: cache } });
    const answer = next.published(board);
    await next.open(board, fs.readFileSync(board, 'utf8'));
    await answer;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(kept(cache).inode, inode);
    assert.equal(next.errors(), '');
    assert.equal(await next.stop(), 0);
  });
});
