// `npm run bench`: how fast the built server answers on real boards, beside gcc's `cpp | dtc` in the same run.
//
//   --runs N       fresh servers for each board (default 5)
//   --board NAME   only boards whose name holds NAME
//   --minima       minima in place of medians: what the work costs on a machine that is busy with something else
//   --crowd        thousands of regions on a thousand masters instead; needs no Linux sources
//   --tables       an IORT of 2,000 nodes instead; needs no Linux sources
//   --stages       the pipeline's stages instead, in one process, and the rules that cost the most
//   --profile DIR  the servers write CPU profiles there
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { findDtc, findLinuxSource } from '../oracle/paths';
import { builtServer, startClient, type LspClient } from '../server/lsp-client';
import { benchBoards, type BenchBoard } from './boards';
import { median, minimum, table } from './statistics';
import { measureTableServer } from './table-server';

interface Measures {
  readonly start: number[];
  readonly open: number[];
  readonly firstEdit: number[];
  readonly editBoard: number[];
  readonly editSoc: number[];
  readonly hover: number[];
  readonly hoverAfterEdit: number[];
  readonly memory: number[];
  readonly check: number[];
}

const editsPerServer = 12;
/** Between opening a board and the edits that are measured; the first edit is measured right after the opening as well. */
const pause = 1500;
/** Milliseconds between two keystrokes of a fast typist. */
const betweenKeystrokes = 60;
const bundleOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
} as const;

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    board: { type: 'string' },
    minima: { type: 'boolean' },
    crowd: { type: 'boolean' },
    tables: { type: 'boolean' },
    stages: { type: 'boolean' },
    profile: { type: 'string' },
  },
});
const typical = options.minima === true ? minimum : median;
void main();

async function main(): Promise<void> {
  if (options.crowd === true) {
    runBundled('crowd', path.join(path.dirname(builtServer), 'cli.js'));
    return;
  }
  if (options.tables === true) {
    runBundled('tables');
    await measureTableServer(bundled('silent-server'), Number(options.runs ?? 5), options.minima === true);
    return;
  }
  const linux = findLinuxSource();
  if (linux === undefined) {
    console.log('bench: skipped, no Linux sources; give them in LINUX_SRC or fetch them with `npm run oracle:setup`');
    return;
  }
  if (!existsSync(builtServer)) throw new Error('the server is not built: npm run build');
  const boards = benchBoards(linux).filter(({ name }) => name.includes(options.board ?? ''));
  if (options.stages === true) runBundled('stages', linux, options.board ?? '');
  else await measureServer(linux, boards, Number(options.runs ?? 5));
}

/** Runs a program of this folder. */
function runBundled(name: 'crowd' | 'stages' | 'tables', ...values: readonly string[]): void {
  const kind = options.minima === true ? 'minima' : 'medians';
  spawnSync(process.execPath, [bundled(name), ...values, kind], { stdio: 'inherit' });
}

/** The file of a program of this folder, bundled as the server is. */
function bundled(name: string): string {
  const program = path.join(path.dirname(builtServer), `bench-${name}.js`);
  const source = path.join(import.meta.dirname, `${name}.ts`);
  buildSync({ ...bundleOptions, mainFields: ['module', 'main'], entryPoints: [source], outfile: program });
  return program;
}

async function measureServer(tree: string, boards: readonly BenchBoard[], runs: number): Promise<void> {
  const yardstick = yardstickCommand(tree);
  const yardsticks: number[] = [];
  const rows = [
    ['board', 'start', 'open', 'first edit', 'edit board', 'edit SoC', 'hover', 'hover, edited', 'peak RSS', 'check'],
  ];
  let yardstickBoard: Measures | undefined;
  for (const board of boards) {
    const measures: Measures = {
      start: [],
      open: [],
      firstEdit: [],
      editBoard: [],
      editSoc: [],
      hover: [],
      hoverAfterEdit: [],
      memory: [],
      check: [],
    };
    for (let run = 0; run < runs; run++) {
      await measureOnce(tree, board, measures);
      // All through the run, so that a load that comes and goes weighs on both.
      if (yardstick !== undefined) for (let count = 0; count < 3; count++) yardsticks.push(timeOf(yardstick));
    }
    if (board.name === 'sm8550-mtp') yardstickBoard = measures;
    const { start, open, firstEdit, editBoard, editSoc, hover, hoverAfterEdit, memory, check } = measures;
    const times = [start, open, firstEdit, editBoard, editSoc, hover, hoverAfterEdit].map(
      (list) => `${typical(list).toFixed(1)} ms`,
    );
    rows.push([board.name, ...times, `${(median(memory) / 1024).toFixed(0)} MB`, `${typical(check).toFixed(0)} ms`]);
  }
  console.log(
    `${options.minima === true ? 'Minima' : 'Medians'}; ${runs} servers a board, ${editsPerServer} edits and hovers of each kind a server.`,
  );
  console.log(table(rows));
  if (yardstick === undefined) console.log('No dtc to compare with; build it with `npm run oracle:setup`.');
  else if (yardstickBoard !== undefined) printYardstick(yardsticks, yardstickBoard);
}

/** `open` is measured from the sending of didOpen in a new process; what follows runs in the same one. */
async function measureOnce(tree: string, board: BenchBoard, measures: Measures): Promise<void> {
  const started = performance.now();
  const client = await startClient({
    server: builtServer,
    folders: [tree],
    nodeOptions: options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
    capabilities: {
      workspace: { workspaceFolders: true },
      textDocument: {
        publishDiagnostics: { versionSupport: true, relatedInformation: true, codeDescriptionSupport: true },
        hover: { contentFormat: ['markdown'] },
      },
    },
  });
  measures.start.push(performance.now() - started);
  const boardText = `${readFileSync(board.file, 'utf8')}\n#ifdef DOORBELL_BENCH_1\n&no_such_label { };\n#endif\n/ { bench = <1>; };\n`;
  const socText = `${readFileSync(board.soc, 'utf8')}\n#define DOORBELL_BENCH_2\n`;

  const opened = performance.now();
  const first = client.published(board.file);
  await client.open(board.file, boardText);
  await first;
  measures.open.push(performance.now() - opened);

  await firstEdit(client, board, boardText, measures);
  await sleep(pause);
  await editBoard(client, board, boardText, measures);
  await hoverInBoth(client, board, socText, measures);
  await editSoc(client, board, boardText, socText, measures);
  const status = readFileSync(`/proc/${client.process.pid!}/status`, 'utf8');
  measures.memory.push(Number(/VmHWM:\s*(\d+)/.exec(status)![1]));
  await client.stop();

  const checkStarted = performance.now();
  const cli = path.resolve(path.dirname(builtServer), 'cli.js');
  spawnSync(process.execPath, [cli, 'check', board.file], { stdio: 'ignore' });
  measures.check.push(performance.now() - checkStarted);
}

async function firstEdit(client: LspClient, board: BenchBoard, text: string, measures: Measures): Promise<void> {
  const edited = performance.now();
  const answer = client.published(board.file);
  await client.change(board.file, { range: lastDigit(text, /bench = <(\d)>/), text: '9' });
  await answer;
  measures.firstEdit.push(performance.now() - edited);
}

/** Toggles a digit of a value. The server answers an edit of a document with its diagnostics and the version they hold for. */
async function editBoard(client: LspClient, board: BenchBoard, text: string, measures: Measures): Promise<void> {
  const range = lastDigit(text, /bench = <(\d)>/);
  for (let count = 0; count < editsPerServer; count++) {
    await sleep(betweenKeystrokes);
    const edited = performance.now();
    const answer = client.published(board.file);
    await client.change(board.file, { range, text: `${(count % 2) + 2}` });
    const { version } = await answer;
    measures.editBoard.push(performance.now() - edited);
    if (version !== count + 3)
      throw new Error(`diagnostics of version ${version ?? 'none'} answer version ${count + 3}`);
    const hovered = performance.now();
    await client.request('textDocument/hover', {
      textDocument: { uri: uriText(board.file) },
      position: { line: range.start.line, character: 4 },
    });
    measures.hoverAfterEdit.push(performance.now() - hovered);
  }
}

/** Toggles a macro's name on which an error in the board's file depends: the board's set changes with each edit. */
async function editSoc(
  client: LspClient,
  board: BenchBoard,
  boardText: string,
  text: string,
  measures: Measures,
): Promise<void> {
  const range = lastDigit(text, /#define DOORBELL_BENCH_(\d)/);
  const line = boardText.split('\n').indexOf('&no_such_label { };');
  for (let count = 0; count < editsPerServer; count++) {
    const isBroken = count % 2 === 0;
    await sleep(betweenKeystrokes);
    const edited = performance.now();
    const changed = client.published(board.file);
    await client.change(board.soc, { range, text: isBroken ? '1' : '2' });
    const { diagnostics } = await changed;
    measures.editSoc.push(performance.now() - edited);
    if (diagnostics.some(({ range: at }) => at.start.line === line) !== isBroken)
      throw new Error('the edit was not seen');
  }
}

/** Hovers over cells all over the chip's file. */
async function hoverInBoth(client: LspClient, board: BenchBoard, text: string, measures: Measures): Promise<void> {
  const ready = client.published(board.soc);
  await client.open(board.soc, text);
  await ready;
  const lines = text
    .split('\n')
    .flatMap((line, number) =>
      /^\s*(?:reg|ranges|iommus|iommu-map|msi-map|dma-ranges) = </.test(line) ? [number] : [],
    );
  for (let count = 0; count < editsPerServer; count++) {
    const line = lines[Math.floor((count * lines.length) / editsPerServer)]!;
    const character = text.split('\n')[line]!.indexOf('<') + 2;
    const hovered = performance.now();
    await client.request('textDocument/hover', {
      textDocument: { uri: uriText(board.soc) },
      position: { line, character },
    });
    measures.hover.push(performance.now() - hovered);
  }
}

/** gcc and dtc on the first board; undefined where there is no dtc. */
function yardstickCommand(tree: string): string | undefined {
  const dtc = findDtc();
  if (dtc === undefined) return undefined;
  const prefixes = path.join(tree, 'scripts/dtc/include-prefixes');
  const { file } = benchBoards(tree)[0]!;
  return `gcc -E -nostdinc -undef -D__DTS__ -x assembler-with-cpp -I '${prefixes}' '${file}' | '${dtc}' -q -I dts -O dtb -o /dev/null -`;
}

/** Milliseconds. */
function timeOf(command: string): number {
  const started = performance.now();
  execFileSync('sh', ['-c', command], { stdio: 'ignore' });
  return performance.now() - started;
}

function printYardstick(times: readonly number[], measures: Measures): void {
  const yardstick = typical(times);
  const ratio = (list: readonly number[]): string => (typical(list) / yardstick).toFixed(2);
  console.log(
    `\nYardstick, gcc -E | dtc on sm8550-mtp: ${yardstick.toFixed(1)} ms. ` +
      `Edit ${ratio(measures.editBoard)} of it (aim: below 0.3), in the SoC file ${ratio(measures.editSoc)}; cold open ${ratio(measures.open)} (aim: below 3).`,
  );
}

function lastDigit(
  text: string,
  pattern: RegExp,
): { start: { line: number; character: number }; end: { line: number; character: number } } {
  const match = pattern.exec(text)!;
  const offset = match.index + match[0].lastIndexOf(match[1]!);
  const before = text.slice(0, offset).split('\n');
  const start = { line: before.length - 1, character: before.at(-1)!.length };
  return { start, end: { ...start, character: start.character + 1 } };
}

function uriText(file: string): string {
  return new URL(`file://${file}`).toString();
}
