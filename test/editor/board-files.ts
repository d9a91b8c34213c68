// A small Linux tree with one board and all that it includes, copied from the real sources and thrown away afterwards.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** Copies the board `dts` (a path in the tree) and its includes into `target`, which then looks like a Linux tree. */
export function copyBoard(linux: string, dts: string, target: string): void {
  const makeRule = execFileSync(
    'cpp',
    [
      ...['-M', '-nostdinc', '-undef', '-D__DTS__', '-x', 'assembler-with-cpp'],
      ...['-I', 'include', '-I', 'scripts/dtc/include-prefixes', dts],
    ],
    { cwd: linux, encoding: 'utf8' },
  );
  const [, dependencies = ''] = makeRule.replaceAll('\\\n', ' ').split(': ');
  for (const file of dependencies.split(/\s+/).filter((name) => name !== '')) {
    const relative = path.relative(realpathSync(linux), realpathSync(path.join(linux, file)));
    mkdirSync(path.join(target, path.dirname(relative)), { recursive: true });
    cpSync(path.join(linux, relative), path.join(target, relative));
  }
  // Links into include/ and arch/: they mark a Linux tree, and `<arm64/...>` and `<dt-bindings/...>` go through them.
  cpSync(path.join(linux, 'scripts/dtc/include-prefixes'), path.join(target, 'scripts/dtc/include-prefixes'), {
    recursive: true,
    verbatimSymlinks: true,
  });
}
