// VS Code in npm's code-server, on loopback, with the packaged extension and nothing of the user's.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { LONG_MS, until } from './steps';

/** Paths that setup.sh found or made. */
export interface Tools {
  readonly node: string;
  readonly codeServer: string;
  readonly chromium: string;
}

export interface CodeServer {
  readonly url: string;
  /** Ids of the running processes of this editor whose command line holds a text. */
  processes(text: string): number[];
  /** What the extension has written into one of its output channels so far. */
  channel(name: string): string;
  /** Ends the editor with all that it started; a name of whatever is left then. */
  stop(): Promise<string[]>;
}

/** What makes a run quiet, steady and without a word to the network. */
const userSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.editor.useModal': 'off',
  'workbench.reduceMotion': 'on',
  'window.restoreWindows': 'none',
  'chat.disableAIFeatures': true,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'files.autoSave': 'off',
  'editor.hover.delay': 100,
  'editor.minimap.enabled': false,
  'doorbell.trace.server': 'messages',
};

/** Installs the .vsix and starts the editor; `folder` (short: sockets are made in it) takes all that it writes. */
export async function startCodeServer(tools: Tools, vsix: string, folder: string, log: string): Promise<CodeServer> {
  const inside = (name: string): string => path.join(folder, name);
  for (const name of ['home', 'extensions', 'user-data/User']) mkdirSync(inside(name), { recursive: true });
  writeFileSync(inside('user-data/User/settings.json'), JSON.stringify(userSettings));
  const port = await freePort();
  // A given configuration file, for it would make one in the home folder else.
  writeFileSync(inside('config.yaml'), `bind-addr: 127.0.0.1:${port}\nauth: none\ncert: false\n`);
  const common = [
    tools.codeServer,
    ...['--config', inside('config.yaml')],
    ...['--user-data-dir', inside('user-data'), '--extensions-dir', inside('extensions')],
  ];
  const env = environment(tools, inside('home'));
  execFileSync(tools.node, [...common, '--install-extension', vsix], { env, stdio: 'pipe' });
  const output = openSync(log, 'w');
  const quiet = ['telemetry', 'update-check', 'getting-started-override', 'proxy', 'workspace-trust'];
  const server = spawn(tools.node, [...common, ...quiet.map((what) => `--disable-${what}`)], {
    env,
    // A process group of its own: the extension host, file watchers and language servers are in it.
    detached: true,
    stdio: ['ignore', output, output],
  });
  const url = `http://127.0.0.1:${port}`;
  await until('code-server answers', () => isUp(server, url), LONG_MS);
  return {
    url,
    processes: (text) =>
      processesOf(folder)
        .filter(({ command }) => command.includes(text))
        .map(({ pid }) => pid),
    channel: (name) => channelText(inside('user-data/logs'), name),
    stop: () => stop(server, folder),
  };
}

function environment(tools: Tools, home: string): NodeJS.ProcessEnv {
  const foreign = /^(?:VSCODE_|CODE_SERVER|XDG_|npm_|PORT$|PASSWORD$|NODE_OPTIONS$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const PATH = [path.dirname(tools.node), process.env.PATH ?? ''].join(path.delimiter);
  return { ...Object.fromEntries(own), HOME: home, PATH };
}

async function isUp(server: ChildProcess, url: string): Promise<boolean> {
  if (server.exitCode !== null) throw new Error('code-server ended; see server.log');
  try {
    return (await fetch(`${url}/healthz`)).ok;
  } catch {
    return false;
  }
}

/** VS Code keeps a log channel in a file: logs/SESSION/exthost1/PUBLISHER.NAME/CHANNEL.log. */
function channelText(logs: string, name: string): string {
  const file = readdirSync(logs, { recursive: true, encoding: 'utf8' }).find((each) =>
    each.endsWith(path.join('doorbell.doorbell', `${name}.log`)),
  );
  return file === undefined ? '' : readFileSync(path.join(logs, file), 'utf8');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

async function stop(server: ChildProcess, folder: string): Promise<string[]> {
  signalGroup(server, 'SIGTERM');
  await until('code-server ends', () => server.exitCode !== null || server.signalCode !== null, 5000).catch(
    () => false,
  );
  signalGroup(server, 'SIGKILL');
  await until('nothing is left', () => processesOf(folder).length === 0, 5000).catch(() => false);
  return processesOf(folder).map(({ pid, command }) => `${pid} ${command}`);
}

function signalGroup(server: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (server.pid !== undefined) process.kill(-server.pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

/** Running processes that know the folder from their command line or environment, this one excepted. */
function processesOf(folder: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1');
        const isOurs = command.includes(folder) || readFileSync(`/proc/${name}/environ`, 'latin1').includes(folder);
        return isOurs ? [{ pid: Number(name), command: command.replaceAll('\0', ' ').trim() }] : [];
      } catch {
        return [];
      }
    });
}
