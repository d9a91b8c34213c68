// An editor that is not VS Code, with the client that it comes with.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { folderWith, wholeBoard } from './fixture';
import { builtServer } from './lsp-client';

interface Session {
  readonly before: readonly { readonly code: string }[];
  readonly hover: string;
  readonly actions: readonly string[];
  readonly after: readonly unknown[];
}

describe('in Neovim', () => {
  it('diagnostics, hover and quick fixes work', function () {
    if (spawnSync('nvim', ['--version']).status !== 0) {
      console.log('      skipped: nvim is not installed');
      this.skip();
    }
    const folder = folderWith({ 'board.dts': wholeBoard });
    const script = path.join(import.meta.dirname, 'neovim.lua');
    const { status, stdout, stderr } = spawnSync(
      'nvim',
      ['--clean', '--headless', 'board.dts', '-c', `luafile ${script}`],
      {
        cwd: folder,
        encoding: 'utf8',
        timeout: 50_000,
        env: { ...process.env, LSP_CMD: JSON.stringify([process.execPath, builtServer, '--stdio']), HOME: folder },
      },
    );
    assert.equal(status, 0, stderr);
    const session = JSON.parse(stdout.trim().split('\n').at(-1)!) as Session;
    assert.deepEqual(
      session.before.map(({ code }) => code),
      ['msi-window-overlap'],
    );
    assert.match(session.hover, /iommu-addresses/);
    assert.match(session.actions[0]!, /^Move/);
    assert.deepEqual(session.after, []);
  });
});
