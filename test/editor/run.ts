// `npm run test:editor`: the packaged extension in a real VS Code in a real browser, on Linux's own Juno board and on ACPI
// tables; `-- tables` drives that part alone. Screenshots and logs stay in .cache/editor/; KEEP=1 keeps the temporary folder.
import { spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, type WriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cacheFolder } from '../oracle/paths';
import { setUpOracle } from '../oracle/setup';
import { copyBoard } from './board-files';
import { startCodeServer } from './code-server';
import type { CodeServer, Tools } from './code-server';
import { driveJuno } from './juno';
import type { Stage } from './stage';
import { step } from './steps';
import { driveTables, prepareTables } from './tables';
import { openWorkbench } from './workbench';

const root = path.resolve(import.meta.dirname, '../..');
const vsix = path.join(root, 'doorbell.vsix');
const shots = path.join(root, '.cache/editor');

interface Part {
  readonly name: string;
  /** Fills the folder that the editor is opened on; `linux` is Linux's source tree. */
  readonly prepare: (workspace: string, linux: string) => void;
  readonly drive: (stage: Stage) => Promise<void>;
}

const parts: readonly Part[] = [
  {
    name: 'juno',
    prepare: (workspace, linux) => {
      copyBoard(linux, 'arch/arm64/boot/dts/arm/juno-r2.dts', workspace);
    },
    drive: driveJuno,
  },
  { name: 'tables', prepare: prepareTables, drive: driveTables },
];

run().then(
  (isGood) => {
    process.exitCode = isGood ? 0 : 1;
  },
  (error: unknown) => {
    console.error(`test/editor: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  },
);

async function run(): Promise<boolean> {
  const tools = setUpTools();
  if (tools === undefined) {
    console.log('test/editor: left out');
    return true;
  }
  const asked = process.argv.slice(2);
  const wanted = parts.filter(({ name }) => asked.length === 0 || asked.includes(name));
  if (wanted.length === 0) throw new Error(`there are the parts ${parts.map(({ name }) => name).join(', ')}`);
  const { linux } = await setUpOracle();
  if (!existsSync(vsix)) throw new Error('no doorbell.vsix; `npm run package` makes it');
  rmSync(shots, { recursive: true, force: true });
  mkdirSync(shots, { recursive: true });
  const temporary = mkdtempSync(path.join(tmpdir(), 'doorbell-editor-'));
  try {
    return await drive(tools, linux, temporary, wanted);
  } finally {
    if (process.env.KEEP === undefined) rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The editor and the browser; undefined, with the reason on stderr, on a machine that cannot have them. */
function setUpTools(): Tools | undefined {
  const cache = path.join(cacheFolder(), 'editor');
  const { status } = spawnSync('bash', [path.join(import.meta.dirname, 'setup.sh'), cache], { stdio: 'inherit' });
  if (status === 3) return undefined;
  if (status !== 0) throw new Error(`setup.sh ended with status ${status ?? 'none'}`);
  return JSON.parse(readFileSync(path.join(cache, 'tools.json'), 'utf8')) as Tools;
}

async function drive(tools: Tools, linux: string, temporary: string, wanted: readonly Part[]): Promise<boolean> {
  const server = await startCodeServer(tools, vsix, temporary, path.join(shots, 'server.log'));
  step('the .vsix is installed, code-server answers');
  const consoleLog = createWriteStream(path.join(shots, 'console.log'));
  let isGood = true;
  try {
    for (const part of wanted) {
      const workspace = path.join(temporary, part.name);
      part.prepare(workspace, linux);
      isGood = (await drivePart(part, { tools, server, workspace, temporary, consoleLog })) && isGood;
    }
  } finally {
    consoleLog.end();
    const left = await server.stop();
    for (const each of left) console.error(`still running: ${each}`);
    isGood &&= left.length === 0;
  }
  step(`${isGood ? 'PASS' : 'FAIL'}; screenshots in ${path.relative(process.cwd(), shots)}`);
  return isGood;
}

interface Surroundings {
  readonly tools: Tools;
  readonly server: CodeServer;
  readonly workspace: string;
  readonly temporary: string;
  readonly consoleLog: WriteStream;
}

/** A browser of its own for each part, on its own folder. */
async function drivePart(
  part: Part,
  { tools, server, workspace, temporary, consoleLog }: Surroundings,
): Promise<boolean> {
  const complaints: string[] = [];
  const workbench = await openWorkbench(
    tools.chromium,
    path.join(temporary, `profile-${part.name}`),
    `${server.url}/?folder=${encodeURIComponent(workspace)}`,
    (kind, text) => {
      consoleLog.write(`${kind} ${text}\n`);
      if (kind === 'error') complaints.push(text.split('\n')[0]!);
    },
  );
  step(`${part.name}: the workbench is up`);
  let count = 0;
  const shoot = async (name: string): Promise<void> => {
    const file = `${part.name}-${String(++count).padStart(2, '0')}-${name}.png`;
    await workbench.page.screenshot({ path: path.join(shots, file) });
  };
  try {
    await part.drive({ workbench, workspace, server, shoot });
    return true;
  } catch (error) {
    console.error(error);
    for (const complaint of complaints.slice(-10)) console.error(`console: ${complaint}`);
    await shoot('FAILED').catch(() => undefined);
    return false;
  } finally {
    await workbench.close();
  }
}
