// `npm run oracle:setup`: fetches the Linux sources that the tests compare with and builds Linux's own dtc from them.
// Debian 12's package of dtc is 1.6.1 and behaves differently; Linux 6.12 carries 1.7.0.
// Does nothing where both are there already; a second run at the same time waits for the first.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cachedLinuxSource, cacheFolder, dtcBinary, findDtc, findLinuxSource, sourcePackage } from './paths';

/** What the tests read of the kernel; the whole tree would be twenty times as much. */
const wanted = [
  '*/arch/*/boot/dts',
  '*/include/dt-bindings',
  '*/include/uapi/linux/input-event-codes.h', // dt-bindings/input/linux-event-codes.h is a link to it
  '*/scripts/dtc',
  '*/drivers/of/unittest-data',
];

const cFiles = ['dtc', 'flattree', 'fstree', 'data', 'livetree', 'treesource', 'srcpos', 'checks', 'util'];
const libfdtFiles = ['', '_ro', '_wip', '_sw', '_rw', '_strerror', '_empty_tree', '_addresses', '_overlay'];

/** Makes the sources and the dtc where they are missing; returns where they are. */
export async function setUpOracle(): Promise<{ readonly linux: string; readonly dtc: string }> {
  const linux = findLinuxSource();
  const dtc = findDtc();
  if (linux !== undefined && dtc !== undefined) return { linux, dtc };
  const release = await lock(path.join(cacheFolder(), 'setup.lock'));
  try {
    const source = findLinuxSource() ?? fetchLinuxSource();
    return { linux: source, dtc: findDtc() ?? buildDtc(source) };
  } finally {
    release();
  }
}

function fetchLinuxSource(): string {
  needTools(['dpkg', 'tar', 'xz'], ['xz-utils']);
  return intoPlace(cachedLinuxSource(), (folder) => {
    console.error(`doorbell: fetching ${sourcePackage} (about 150 MB)`);
    const options = isRoot() ? ['-oAPT::Sandbox::User=root'] : [];
    run('apt-get', [...options, 'download', '-qq', sourcePackage], folder);
    const [archive] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get left no ${sourcePackage} package behind`);
    const select = wanted.map((pattern) => `'${pattern}'`).join(' ');
    run(
      'bash',
      ['-o', 'pipefail', '-c', `${unpack(archive)} | tar xJ --strip-components=1 --wildcards ${select}`],
      folder,
    );
    rmSync(path.join(folder, archive));
  });
}

/** The shell command that writes the source archive inside the Debian package to its output. */
function unpack(archive: string): string {
  return `dpkg --fsys-tarfile '${archive}' | tar xO --wildcards '*/${sourcePackage}.tar.xz'`;
}

function buildDtc(linux: string): string {
  needTools(['gcc', 'flex', 'bison'], ['gcc', 'libc6-dev', 'flex', 'bison']);
  intoPlace(path.dirname(dtcBinary()), (folder) => {
    const source = path.join(folder, 'src');
    cpSync(path.join(linux, 'scripts/dtc'), source, {
      recursive: true,
      filter: (file) => path.basename(file) !== 'include-prefixes',
    });
    run('flex', ['-o', 'dtc-lexer.lex.c', 'dtc-lexer.l'], source);
    run('bison', ['-d', '-o', 'dtc-parser.tab.c', 'dtc-parser.y'], source);
    const files = [...cFiles, 'dtc-lexer.lex', 'dtc-parser.tab', ...libfdtFiles.map((name) => `libfdt/fdt${name}`)];
    const objects = files.map((name) => `${name}.c`);
    run('gcc', ['-O2', '-w', '-DNO_YAML', '-Ilibfdt', '-I.', '-o', '../dtc', ...objects], source);
    rmSync(source, { recursive: true });
  });
  return dtcBinary();
}

/** Fills a fresh folder and moves it to `target` when it is complete, so that a run cut short leaves nothing half done. */
function intoPlace(target: string, fill: (folder: string) => void): string {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}.new-`);
  try {
    fill(folder);
    rmSync(target, { recursive: true, force: true });
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return target;
}

/** Installs Debian packages when one of the tools is missing and we may; else says what to install. */
function needTools(tools: readonly string[], packages: readonly string[]): void {
  const missing = tools.filter((tool) => !isInPath(tool));
  if (missing.length === 0) return;
  if (!isRoot()) throw new Error(`missing ${missing.join(', ')}: install ${packages.join(' ')}`);
  run('apt-get', ['update', '-qq'], '/');
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], '/');
}

function isInPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, tool)));
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Takes the lock, waiting for a living holder; returns what gives it back. */
async function lock(folder: string): Promise<() => void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path.join(folder, 'pid'))) rmSync(folder, { recursive: true, force: true });
    else await sleep(500);
  }
  writeFileSync(path.join(folder, 'pid'), String(process.pid));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}

function isAbandoned(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false; // its holder is just writing it
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

if (require.main === module) {
  setUpOracle().then(
    ({ linux, dtc }) => {
      console.log(`Linux sources: ${linux}\ndtc: ${dtc}`);
    },
    (error: unknown) => {
      console.error(`doorbell: the oracle cannot be set up: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    },
  );
}
