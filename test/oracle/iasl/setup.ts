// Fetches iasl from two Debian releases, each with the C library that it was built for: 4 MB down, 7 MB kept each.
// Part of `npm run oracle:setup`; does nothing where both are there.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { intoPlace, needTools } from '../host-tools';
import { cacheFolder } from '../paths';
import { debianPackages } from '../debian';
import { findIasl, iaslFolder, iaslSuites, oldestCurrent, type IaslVersion } from './iasl';

export function setUpIasl(): Readonly<Record<IaslVersion, string>> {
  return { '20200925': setUp('20200925'), current: setUp('current') };
}

function setUp(version: IaslVersion): string {
  const found = findIasl(version);
  if (found !== undefined) return found;
  needTools(['dpkg'], ['dpkg']);
  const suite = iaslSuites[version];
  console.error(`doorbell: fetching iasl of Debian ${suite} (4 MB)`);
  const apt = debianPackages(path.join(cacheFolder(), 'iasl', `apt-${suite}`), { suites: [suite] });
  intoPlace(iaslFolder(version), (folder) => {
    mkdirSync(folder, { recursive: true });
    apt.unpack(['acpica-tools', 'libc6'], folder);
    for (const name of ['debs', 'usr/share', 'etc']) rmSync(path.join(folder, name), { recursive: true, force: true });
    const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const loader = all.find((name) => /ld-linux[^/]*\.so\.\d$/.test(name) && name.includes('lib/'));
    const library = all.find((name) => path.basename(name) === 'libc.so.6');
    if (loader === undefined || library === undefined) throw new Error(`libc6 of ${suite} has no loader`);
    writeFileSync(
      path.join(folder, 'iasl'),
      '#!/bin/sh\n' +
        'd=$(dirname "$(readlink -f "$0")")\n' +
        `exec "$d/${loader}" --library-path "$d/${path.dirname(library)}" "$d/usr/bin/iasl" "$@"\n`,
      { mode: 0o755 },
    );
    const said = execFileSync(path.join(folder, 'iasl'), ['-v'], { encoding: 'latin1' });
    const number = Number(/version (\d+)/.exec(said)?.[1]);
    const isRight = version === 'current' ? number >= oldestCurrent : number === Number(version);
    if (!isRight) throw new Error(`Debian ${suite} has iasl ${number}, not ${version}`);
  });
  return path.join(iaslFolder(version), 'iasl');
}
