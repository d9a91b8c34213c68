// Packs the built bundles into doorbell.vsix, with the licences of what is bundled. .vscodeignore lists what goes in.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createVSIX } from '@vscode/vsce';

const root = path.resolve(import.meta.dirname, '..');
const packagePath = path.join(root, 'doorbell.vsix');

mkdirSync(path.join(root, 'dist'), { recursive: true });
writeFileSync(
  path.join(root, 'dist/THIRD-PARTY-LICENSES.txt'),
  licencesOf(bundledPackages()).join(`\n${'-'.repeat(80)}\n`),
);
await createVSIX({
  cwd: root,
  packagePath,
  dependencies: false,
  allowMissingRepository: true,
  rewriteRelativeLinks: false,
});

/** Folders of the npm packages that the bundles are made of. */
function bundledPackages() {
  const folders = new Set();
  for (const directory of ['client/dist', 'server/dist']) {
    const { inputs } = JSON.parse(readFileSync(path.join(root, directory, 'meta.json'), 'utf8'));
    for (const input of Object.keys(inputs)) {
      const folder = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (folder !== undefined) folders.add(path.join(root, folder));
    }
  }
  return [...folders].sort();
}

function licencesOf(folders) {
  return folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    if (file === undefined && license === undefined) throw new Error(`${name}: no licence found`);
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(path.join(folder, file), 'utf8')}`;
  });
}
