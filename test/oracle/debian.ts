// Packages of any Debian release and architecture: a private apt, so that neither the host's lists nor its architectures
// change. The mirror is the one that the host itself uses.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './host-tools';

export interface Apt {
  /** Names of packages that start with a prefix. */
  readonly names: (prefix: string) => string[];
  /** The packages that a package depends on, without versions and alternatives. */
  readonly depends: (name: string) => string[];
  /** Downloads packages and unpacks them into a folder. */
  readonly unpack: (names: readonly string[], folder: string) => void;
}

/** What a private apt knows. */
export interface AptChoice {
  /** The host's where absent. */
  readonly architecture?: string;
  /** Releases, by their names. */
  readonly suites: readonly string[];
}

/** Fetches the package lists on first use, into a folder that is this apt's alone. */
export function debianPackages(folder: string, choice: AptChoice): Apt {
  const options = privateOptions(folder, choice);
  const cache = (...args: string[]): string =>
    execFileSync('apt-cache', [...options, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return {
    names: (prefix) => cache('pkgnames', prefix).split('\n').filter(Boolean),
    depends: (name) => Array.from(cache('depends', name).matchAll(/^ *Depends: ([^\s<]+)$/gm), ([, found]) => found!),
    unpack(names, target) {
      const debs = path.join(target, 'debs');
      mkdirSync(debs, { recursive: true });
      run('apt-get', [...options, 'download', '-qq', ...names], debs);
      for (const deb of readdirSync(debs)) run('dpkg', ['-x', path.join(debs, deb), target], target);
    },
  };
}

function privateOptions(folder: string, { architecture, suites }: AptChoice): string[] {
  const list = path.join(folder, 'sources.list');
  const selected = architecture === undefined ? [] : ['Architecture', 'Architectures'];
  const options = [
    ...selected.map((name) => `APT::${name}=${architecture}`),
    'APT::Sandbox::User=root',
    `Dir::State::Lists=${folder}/lists`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}`,
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    'Dir::Etc::Preferences=/dev/null',
    'Acquire::Languages=none',
    'Acquire::Retries=3',
  ].map((option) => `-o${option}`);
  if (!existsSync(path.join(folder, 'complete'))) {
    for (const name of ['lists/partial', 'archives/partial']) mkdirSync(path.join(folder, name), { recursive: true });
    const keyring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
    const mirror = hostMirror();
    writeFileSync(list, suites.map((suite) => `deb ${keyring} ${mirror} ${suite} main\n`).join(''));
    writeFileSync(path.join(folder, 'status'), '');
    run('apt-get', [...options, 'update', '-qq'], folder);
    writeFileSync(path.join(folder, 'complete'), '');
  }
  return options;
}

function hostMirror(): string {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(SUITE)', 'Origin: Debian'], {
    encoding: 'utf8',
  });
  const found = targets.split('\n').find((line) => line !== '' && !line.includes('-security'));
  if (found === undefined) throw new Error('the apt of this machine knows no Debian mirror');
  return found.split(' ')[0]!;
}
