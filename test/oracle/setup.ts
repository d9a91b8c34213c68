// `npm run oracle:setup`: fetches the Linux sources that the tests compare with, builds Linux's own dtc from them, and
// fetches two versions of iasl.
// Debian 12's package of dtc is 1.6.1 and behaves differently; Linux 6.12 carries 1.7.0.
// Does nothing where all are there already; a second run at the same time waits for the first.
import { cpSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { intoPlace, isRoot, lock, needTools, run } from './host-tools';
import { findIasl, type IaslVersion } from './iasl/iasl';
import { setUpIasl } from './iasl/setup';
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

export interface Oracle {
  readonly linux: string;
  readonly dtc: string;
  readonly iasl: Readonly<Record<IaslVersion, string>>;
}

/** Makes the sources, the dtc and the two versions of iasl where they are missing; returns where they are. */
export async function setUpOracle(): Promise<Oracle> {
  const linux = findLinuxSource();
  const dtc = findDtc();
  const old = findIasl('20200925');
  const current = findIasl('current');
  if (linux !== undefined && dtc !== undefined && old !== undefined && current !== undefined) {
    return { linux, dtc, iasl: { '20200925': old, current } };
  }
  const release = await lock(path.join(cacheFolder(), 'setup.lock'));
  try {
    const source = findLinuxSource() ?? fetchLinuxSource();
    return { linux: source, dtc: findDtc() ?? buildDtc(source), iasl: setUpIasl() };
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

if (require.main === module) {
  setUpOracle().then(
    ({ linux, dtc, iasl }) => {
      console.log(`Linux sources: ${linux}\ndtc: ${dtc}\niasl: ${iasl['20200925']}, ${iasl.current}`);
    },
    (error: unknown) => {
      console.error(`doorbell: the oracle cannot be set up: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    },
  );
}
