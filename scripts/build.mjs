// Bundles the language server, the command line and the client. `--watch` rebuilds on change.
import esbuild from 'esbuild';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: 'linked',
  minify: false,
  logLevel: 'warning',
};
const bundles = [
  { ...common, entryPoints: ['server/src/main.ts', 'server/src/cli.ts'], outdir: 'server/dist', banner: { js: '#!/usr/bin/env node' } },
  { ...common, entryPoints: ['client/src/extension.ts'], outdir: 'client/dist', external: ['vscode'] },
];
for (const options of bundles) {
  if (process.argv.includes('--watch')) await (await esbuild.context(options)).watch();
  else await esbuild.build(options);
}
