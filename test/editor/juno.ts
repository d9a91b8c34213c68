// The main job on real input: Juno's MSI window problem seen, understood and fixed in the editor.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { find } from './place';
import type { Stage } from './stage';
import { LONG_MS, expect, step, until } from './steps';

const folder = 'arch/arm64/boot/dts/arm';
const never = 'can never use the MSI window';

export async function driveJuno(stage: Stage): Promise<void> {
  await opensWithItsBoard(stage);
  await showsTheProblem(stage);
  await explainsANumber(stage);
  await showsRegions(stage);
  await followsEdits(stage);
  await relocatesTheWindow(stage);
  await completesSettings(stage);
  // Before the server is killed: what was under way then ends in errors of the client, rightly.
  await keptQuiet(stage);
  await survivesCrashes(stage);
}

async function opensWithItsBoard({ workbench, shoot }: Stage): Promise<void> {
  await workbench.openFile('juno-r2.dts');
  await workbench.status('juno-r2.dts (Linux)');
  step('juno-r2.dts is open; the status bar names the board and the Linux tree');
  const tooltip = await workbench.statusTooltip();
  expect(/Kernel:\s*6\.12/.test(tooltip), 'the status tooltip names the kernel');
  await shoot('status');
}

async function showsTheProblem({ workbench, workspace, shoot }: Stage): Promise<void> {
  // The board file is where it is open; the numbers, and the warning, are in the file that the boards share.
  const board = await workbench.problem(never);
  step('Problems has the MSI window of the PCIe bus');
  await workbench.openFile('juno-base.dtsi');
  await workbench.status('juno-r2.dts (Linux)');
  step('juno-base.dtsi is read as a part of juno-r2.dts');
  const place = find(path.join(workspace, folder, 'juno-base.dtsi'), 'dma-ranges = <0x02000000');
  await workbench.goTo(place);
  await workbench.squiggleAtCursor('warning');
  step(`the warning's squiggle is in line ${place.line} of juno-base.dtsi, at the PCIe bus's dma-ranges`);
  const row = await workbench.problem(`[Ln ${place.line}, Col ${place.column}]`);
  const text = (await row.innerText()).replace(/\s+/g, ' ');
  expect(text.includes(never), `Problems: ${text}`);
  expect(text.includes('msi-window-not-forwarded'), 'the entry carries the id of its rule');
  expect(await board.isVisible(), 'and it is still there for the board');
  await shoot('problem');
}

async function explainsANumber({ workbench, workspace, shoot }: Stage): Promise<void> {
  // Away from the warning, whose own text the editor would put first.
  const text = 'reg = <0 0x40000000 0 0x10000000>';
  await workbench.goTo(find(path.join(workspace, folder, 'juno-base.dtsi'), text, 'reg = <0 0x400'));
  const hover = await workbench.hoverAtCursor('0x40000000');
  expect(hover.includes('256 MiB'), `hover on the ECAM's address: ${hover.replace(/\s+/g, ' ')}`);
  await shoot('hover');
}

async function showsRegions({ workbench, shoot }: Stage): Promise<void> {
  await workbench.openFile('juno-r2.dts');
  await workbench.runCommand('Doorbell: Show Reserved Regions');
  await workbench.editorShows('# group 0: /pcie@40000000');
  await workbench.editorShows('0x0000000008000000 0x00000000080fffff msi');
  step('the reserved regions are shown beside the board');
  await shoot('regions');
}

async function followsEdits({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  // A value: let the bus forward everything from 0 on, and the window is forwarded as well.
  await workbench.openFile('juno-base.dtsi');
  const entry = 'dma-ranges = <0x02000000 0x0 0x';
  await workbench.goTo(find(path.join(workspace, folder, 'juno-base.dtsi'), entry, entry));
  await page.keyboard.press('Delete');
  await page.keyboard.type('0');
  await workbench.problemGone(never);
  await workbench.noSquiggles('warning');
  step('dma-ranges edited to begin at 0: the diagnostic is gone');
  await shoot('value-edited');
  await workbench.revert();
  await workbench.problem(never);
  step('reverted, it is back');

  // A mistake: it is shown while the rest keeps its meaning.
  await workbench.openFile('juno-r2.dts');
  const { line } = find(path.join(workspace, folder, 'juno-r2.dts'), '&pcie_ctlr {');
  await workbench.goTo({ line: line + 1, column: 1, screenColumn: 1 });
  await page.keyboard.type('\tmsi-parent = <&nowhere>; ');
  await workbench.problem('nowhere');
  await workbench.goTo({ line: line + 1, column: 2, screenColumn: 9 });
  await workbench.squiggleAtCursor('error');
  step('a reference to nothing, typed, is an error where it stands');
  await shoot('mistake');
  await workbench.revert();
  await workbench.problemGone('nowhere');
  await workbench.noSquiggles('error');
  step('reverted, it is gone');
}

async function relocatesTheWindow({ workbench, workspace, shoot }: Stage): Promise<void> {
  await workbench.openFile('juno-base.dtsi');
  await workbench.goTo(find(path.join(workspace, folder, 'juno-base.dtsi'), 'dma-ranges = <0x02000000'));
  const title = await workbench.quickFix('elocate the MSI window', () => shoot('quick-fix'));
  step(`quick fix: ${title.replace(/\s+/g, ' ')}`);
  const written = await until('doorbell.json on the disk', () => settingsIn(workspace));
  const { msiWindow } = JSON.parse(readFileSync(written, 'utf8')) as { msiWindow: { base: string } };
  expect(
    BigInt(msiWindow.base) >= 0x80000000n,
    `${path.relative(workspace, written)} moves the window to ${msiWindow.base}`,
  );
  await workbench.problemGone(never);
  step('the diagnostic is gone');
  await workbench.editorShows(`0x${BigInt(msiWindow.base).toString(16).padStart(16, '0')}`);
  await workbench.editorHides('0x0000000008000000 0x00000000080fffff msi');
  step('the regions view has followed');
  await shoot('relocated');
  await workbench.openFile('doorbell.json');
  await workbench.goTo(find(written, '"msiWindow"', '"ms'));
  const hover = await workbench.hoverAtCursor('MSI');
  step(`the schema explains doorbell.json: ${hover.replace(/\s+/g, ' ')}`);
}

/** doorbell.json is open, and valid. */
async function completesSettings({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  await workbench.goTo(find(settingsIn(workspace)!, '"msiWindow"'));
  await page.keyboard.type('"guests": { "vm": { "preset": ');
  const presets = await workbench.suggestions('qemu-virt:4G');
  step(`doorbell.json completes a guest's preset: ${presets.join(' ').replace(/\s+/g, ' ')}`);
  expect(
    presets.some((row) => row.includes('kvmtool:4G')),
    'the other VMMs are there as well',
  );
  await shoot('settings-completed');
  await page.keyboard.press('Escape');
  await workbench.revert();
}

/** The file must be there with its contents: the editor creates it empty, then writes. */
function settingsIn(workspace: string): string | undefined {
  for (let at = path.join(workspace, folder); at.startsWith(workspace); at = path.dirname(at)) {
    const file = path.join(at, 'doorbell.json');
    if (existsSync(file) && readFileSync(file, 'utf8').includes('msiWindow')) return file;
  }
  return undefined;
}

async function survivesCrashes({ workbench, server, shoot }: Stage): Promise<void> {
  const serverProcess = (): number | undefined => server.processes('server/dist/main.js')[0];
  const starts = (): number => server.channel('Doorbell Trace').split("notification 'initialized'").length - 1;
  let started = 0;
  /** Another process than that, and the client has done its part with it. */
  const another = async (than: number | undefined): Promise<number> => {
    await until('another server', () => starts() > started && serverProcess() !== than, LONG_MS);
    started = starts();
    return serverProcess()!;
  };
  await workbench.openFile('juno-r2.dts');
  let running = await another(undefined);
  for (let death = 1; death <= 4; death++) {
    process.kill(running, 'SIGKILL');
    running = await another(running);
    await workbench.status('juno-r2.dts (Linux)');
  }
  step('killed four times, the server comes back by itself');
  process.kill(running, 'SIGKILL');
  await workbench.status('Doorbell stopped');
  await shoot('stopped');
  step('killed a fifth time, it stays down and the status bar says so');
  await workbench.runCommand('Doorbell: Restart Language Server');
  running = await another(running);
  await workbench.status('juno-r2.dts (Linux)');
  step('"Restart Language Server" starts it');
  await workbench.runCommand('Doorbell: Restart Language Server');
  await another(running);
  await workbench.status('juno-r2.dts (Linux)');
  step('and replaces a running one');
  await shoot('restarted');
}

async function keptQuiet({ server }: Stage): Promise<void> {
  await until('the trace', () => server.channel('Doorbell Trace').includes('textDocument/hover'));
  step('the trace channel has the traffic');
  const log = server.channel('Doorbell');
  expect(!/internal error|exception|\bat .*\.js:/i.test(log), 'the log holds no internal error');
}
