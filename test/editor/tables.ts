// ACPI tables: binaries that open as text and are saved as binaries, texts told by their content, dumps, new tables.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tableText } from '../../server/src/features/table-forms';
import { findIn } from './place';
import type { Stage } from './stage';
import { expect, step, until } from './steps';

const recorded = path.join(import.meta.dirname, '../fixtures/truth/iort');

/** Tables of QEMU's, in every form; and ASL, which is no data table. */
export function prepareTables(workspace: string): void {
  mkdirSync(workspace, { recursive: true });
  const inside = (name: string): string => path.join(workspace, name);
  copyFileSync(path.join(recorded, '00-qemu.aml'), inside('host.aml'));
  copyFileSync(path.join(recorded, 'a05-rmr-relaxable.aml'), inside('firmware.bin'));
  copyFileSync(path.join(recorded, 'a07-rmr-named-component.dsl'), inside('board.dsl'));
  writeFileSync(inside('dsdt.dsl'), 'DefinitionBlock ("", "DSDT", 2, "BOCHS ", "BXPC    ", 1)\n{\n}\n');
  writeFileSync(inside('acpidump.txt'), dumpOf('IORT', readFileSync(path.join(recorded, '00-qemu.aml'))));
}

export async function driveTables(stage: Stage): Promise<void> {
  await opensBinary(stage);
  await savesBinary(stage);
  await keepsUnsaved(stage);
  await refusesErrors(stage);
  await heedsTheDisk(stage);
  await tellsTextsByContent(stage);
  await opensByContent(stage);
  await savesAs(stage);
  await showsDump(stage);
  await showsMachine(stage);
  await comparesBinaries(stage);
  await makesNew(stage);
}

const offByOne = 'ID Count : 00000100';

async function opensBinary({ workbench, shoot }: Stage): Promise<void> {
  await workbench.openFile('host.aml');
  await workbench.editorShows('Signature : "IORT"');
  await workbench.language('ACPI Data Table');
  step('a binary table is open as text');
  await workbench.goTo(placeIn('host.aml', offByOne, 'ID Count : 0000'));
  await workbench.problem('iort-mapping-off-by-one');
  step('and QEMU’s off-by-one is among its problems');
  await shoot('binary');
}

async function savesBinary({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  const before = readFileSync(path.join(workspace, 'host.aml'));
  const typed = placeIn('host.aml', offByOne, 'ID Count : ');
  await retype(workbench, typed, 8, '000000FF');
  await workbench.problemGone('iort-mapping-off-by-one');
  step('edited, the problem is gone');
  await page.keyboard.press('Control+S');
  const after = await until('the binary on the disk', () => {
    const bytes = readFileSync(path.join(workspace, 'host.aml'));
    // A file that is being written is empty for a moment.
    return bytes.length === 0 || bytes.equals(before) ? undefined : bytes;
  });
  const changed = [...after.keys()].filter((at) => after[at] !== before[at]);
  expect(after.length === before.length, 'the file is a binary of the same length');
  expect(changed.join() === '9,200,201', `the count and the checksum are all that changed: ${changed.join()}`);
  const sum = after.reduce((total, byte) => (total + byte) & 0xff, 0);
  expect(sum === 0, 'and the checksum is right');
  // The text follows: checksum and bytes are what was computed, and the cursor is where it was.
  await workbench.at({ ...typed, column: typed.column + 8, screenColumn: typed.screenColumn + 8 });
  await workbench.goTo({ line: 10, column: 1, screenColumn: 1 });
  await workbench.editorShows(`Checksum : ${hex(after[9]!)}`);
  step('after the save the text says what the bytes say');
  await shoot('saved');
}

async function keepsUnsaved({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  const before = readFileSync(path.join(workspace, 'host.aml'));
  const text = textOf(before);
  const limit = findIn(text, 'Memory Size Limit : 40', 'Memory Size Limit : ');
  await retype(workbench, limit, 2, '30');
  // The editor backs unsaved texts up a second after the last key; nothing shows it.
  await page.waitForTimeout(3000);
  await workbench.reload();
  await page.locator('.editor-group-container.active .view-line').first().waitFor();
  await workbench.goTo(limit);
  await workbench.editorShows('Memory Size Limit : 30');
  expect(readFileSync(path.join(workspace, 'host.aml')).equals(before), 'nothing was written meanwhile');
  step('an unsaved edit is there again after the window was loaded anew');
  await workbench.language('ACPI Data Table');
  await shoot('restored');
  await workbench.goTo({ line: 1, column: 1, screenColumn: 1 });
  await page.keyboard.press('Control+S');
  const after = await until('the restored edit on the disk', () => {
    const bytes = readFileSync(path.join(workspace, 'host.aml'));
    // A file that is being written is empty for a moment.
    return bytes.length === 0 || bytes.equals(before) ? undefined : bytes;
  });
  expect(after[0xc0] === 0x30, 'and is saved into the binary');
}

async function refusesErrors({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  const before = readFileSync(path.join(workspace, 'host.aml'));
  await retype(workbench, findIn(textOf(before), 'Memory Size Limit : 30', 'Memory Size Limit : '), 2, 'zz');
  await workbench.problem('table-number');
  await page.keyboard.press('Control+S');
  await workbench.notification('Nothing was written');
  expect(
    readFileSync(path.join(workspace, 'host.aml')).equals(before),
    'a text with an error is not saved, and says why',
  );
  await shoot('refused');
  await workbench.runCommand('Notifications: Clear All Notifications');
  await workbench.revert();
  await workbench.problemGone('table-number');
}

/** What another program wrote meanwhile is not lost, though the table is no longer than it was. */
async function heedsTheDisk({ workbench, workspace, shoot }: Stage): Promise<void> {
  const file = path.join(workspace, 'host.aml');
  const before = readFileSync(file);
  await retype(workbench, findIn(textOf(before), 'Memory Size Limit : 30', 'Memory Size Limit : '), 2, '28');
  const changed = before.with(0x18, 5).with(9, (before[9]! + before[0x18]! - 5) & 0xff);
  writeFileSync(file, changed);
  await workbench.page.keyboard.press('Control+S');
  await workbench.notification('The content of the file is newer');
  expect(readFileSync(file).equals(changed), 'a binary that has changed on the disk is not written over unasked');
  await shoot('conflict');
  await workbench.runCommand('Notifications: Clear All Notifications');
  await workbench.revert();
  await workbench.goTo({ line: 13, column: 1, screenColumn: 1 });
  await workbench.editorShows('Oem Revision : 00000005');
}

async function tellsTextsByContent({ workbench, shoot }: Stage): Promise<void> {
  await workbench.openFile('board.dsl');
  await workbench.language('ACPI Data Table');
  step('what iasl wrote of a table is known by its content');
  await shoot('text');
  await workbench.openFile('dsdt.dsl');
  await workbench.language('Plain Text');
  step('ASL in a file of that name is left alone');
}

async function opensByContent({ workbench, shoot }: Stage): Promise<void> {
  await workbench.openFile('firmware.bin');
  await workbench.editorShows('Signature : "IORT"');
  await workbench.language('ACPI Data Table');
  step('a binary of any name is a table by its content');
  await shoot('by-content');
}

async function savesAs({ workbench, workspace, shoot }: Stage): Promise<void> {
  const inside = (name: string): string => path.join(workspace, name);
  await workbench.saveAs(inside('copy.aml'));
  await workbench.editorShows('Signature : "IORT"');
  const copy = readFileSync(inside('copy.aml'));
  expect(copy.equals(readFileSync(inside('firmware.bin'))), '“Save As” makes another binary');
  await workbench.saveAs(inside('copy.dsl'));
  const tab = workbench.page.locator('.tab[data-resource-name="copy.dsl"]');
  await workbench.page.locator('.breadcrumbs-control', { hasText: /^copy\.dsl/ }).waitFor();
  await workbench.language('ACPI Data Table');
  expect(readFileSync(inside('copy.dsl'), 'utf8') === textOf(copy), 'under the name of a text it keeps the text');
  // The tab follows a moment after what is above the text.
  await tab.first().waitFor();
  await tab.nth(1).waitFor({ state: 'detached' });
  expect((await tab.count()) === 1, 'which is then a file of the workspace');
  await shoot('saved-as');
}

async function showsDump({ workbench, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  await workbench.openFile('acpidump.txt');
  await workbench.language('ACPI Tables (acpidump)');
  await page.locator('.codelens-decoration', { hasText: 'Show as text' }).first().click();
  await page.locator('.tab.active[data-resource-name="IORT"]').waitFor();
  await workbench.editorShows('Signature : "IORT"');
  await workbench.language('ACPI Data Table');
  await shoot('dump');
  await refusesTyping(workbench);
  step('a table of a dump is shown, and cannot be edited');
}

/** The machine's own table, where it has one and lets it be read: the kernel's file system is not written. */
async function showsMachine({ workbench, shoot }: Stage): Promise<void> {
  const [table] = ['IORT', 'APIC'].map((name) => `/sys/firmware/acpi/tables/${name}`).filter(isReadable);
  if (table === undefined) {
    step('left out: this machine has no ACPI tables to read');
    return;
  }
  await workbench.openFile(table);
  await workbench.editorShows(`Signature : "${path.basename(table)}"`);
  await refusesTyping(workbench);
  step(`${table} is shown, and cannot be edited`);
  await shoot('machine');
}

async function refusesTyping(workbench: Stage['workbench']): Promise<void> {
  await workbench.goTo({ line: 1, column: 1, screenColumn: 1 });
  await workbench.page.keyboard.type('x');
  await workbench.page.locator('.monaco-editor-overlaymessage', { hasText: 'read-only' }).first().waitFor();
}

function isReadable(file: string): boolean {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false;
  }
}

/** Two binaries side by side, as texts. */
async function comparesBinaries({ workbench, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  const choose = async (name: string, item: string): Promise<void> => {
    await page.locator(`.explorer-folders-view .monaco-list-row[aria-label^="${name}"]`).click({ button: 'right' });
    const chosen = page.locator('.context-view .action-label', { hasText: item }).first();
    // A menu that has just opened takes no click, which could be the end of the one that opened it.
    await chosen.hover();
    await page.keyboard.press('Enter');
    await chosen.waitFor({ state: 'hidden' });
  };
  await choose('host.aml', 'Select for Compare');
  await choose('firmware.bin', 'Compare with Selected');
  await page.locator('.monaco-diff-editor .view-line', { hasText: 'IO\u00a0Remapping\u00a0Table' }).first().waitFor();
  step('two binaries are compared as texts');
  await shoot('comparison');
}

async function makesNew({ workbench, workspace, shoot }: Stage): Promise<void> {
  const { page } = workbench;
  await workbench.runCommandAndChoose('Doorbell: New IORT', 'Issue E.f');
  await page.locator('.tab.active[data-resource-name="iort.dsl"]').waitFor();
  await workbench.editorShows('Signature : "IORT"');
  await workbench.language('ACPI Data Table');
  await shoot('new');
  await page.keyboard.press('Control+S');
  await page.locator('.tab.active[data-resource-name="iort.dsl"]:not(.dirty)').waitFor();
  await workbench.runCommand('Doorbell: Compile ACPI Table');
  const binary = await until('iort.aml', () => {
    const file = path.join(workspace, 'iort.aml');
    return existsSync(file) ? readFileSync(file) : undefined;
  });
  expect(binary.subarray(0, 4).toString() === 'IORT', 'a new table compiles to a binary beside it');
  await workbench.notification('iort.aml: IORT, revision 6, 3 nodes');
  await shoot('compiled');
}

/** Replaces as many characters behind a place. */
async function retype(workbench: Stage['workbench'], place: ReturnType<typeof findIn>, count: number, text: string) {
  await workbench.goTo(place);
  for (let each = 0; each < count; each++) await workbench.page.keyboard.press('Delete');
  await workbench.page.keyboard.type(text);
}

function placeIn(name: string, text: string, ahead: string): ReturnType<typeof findIn> {
  const binary = name === 'host.aml' ? '00-qemu.aml' : name;
  return findIn(textOf(readFileSync(path.join(recorded, binary))), text, ahead);
}

function textOf(bytes: Uint8Array): string {
  const shown = tableText(bytes, undefined);
  if ('error' in shown) throw new Error(shown.error);
  return shown.text;
}

/** As acpidump prints a table. */
function dumpOf(signature: string, bytes: Buffer): string {
  const lines = [`${signature} @ 0x000000007FFE0000`];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const place = at.toString(16).toUpperCase().padStart(4, '0');
    lines.push(`    ${place}: ${Array.from(row, hex).join(' ')}  ${row.toString('latin1').replace(/[^ -~]/g, '.')}`);
  }
  return `${lines.join('\n')}\n\n`;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
