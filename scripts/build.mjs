// Bundles the language server, the command line and the client. `--watch` rebuilds on change.
import esbuild from 'esbuild';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // jsonc-parser's `main` is UMD with requires that a bundler cannot follow.
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  loader: { '.sh': 'text' },
  minify: false,
  logLevel: 'warning',
};
const bundles = [
  {
    ...common,
    entryPoints: {
      main: 'server/src/main.ts',
      cli: 'server/src/cli.ts',
      // What these two load.
      'server-program': 'server/src/server/program.ts',
      'cli-program': 'server/src/cli/program.ts',
    },
    outdir: 'server/dist',
  },
  { ...common, entryPoints: ['client/src/extension.ts'], outdir: 'client/dist', external: ['vscode'] },
];
for (const options of bundles) {
  if (process.argv.includes('--watch')) await (await esbuild.context(options)).watch();
  else {
    // What a bundle is made of: the packaging gathers the licences from it.
    const { metafile } = await esbuild.build({ ...options, metafile: true });
    writeFileSync(path.join(root, options.outdir, 'meta.json'), JSON.stringify(metafile));
  }
}
if (process.argv.includes('--watch')) console.log('watching');
