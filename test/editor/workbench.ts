// The workbench as a person uses it: by keys, by the mouse, by what is on the screen. Selectors are those of VS Code 1.139.
import { chromium, errors } from 'playwright-core';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { LONG_MS, until } from './steps';

const browserFlags = [
  '--no-sandbox', // as root it does not start otherwise
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nothing but this machine can even be looked up.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

/** Lines and columns count from 1. */
export interface Place {
  readonly line: number;
  /** In characters, as Problems counts. */
  readonly column: number;
  /** On the screen, where a tab goes to the next multiple of eight: as "Go to Line/Column" and the status bar count. */
  readonly screenColumn: number;
}

export type Severity = 'error' | 'warning' | 'info' | 'hint';

export interface Workbench {
  readonly page: Page;
  /** Opens a file of the workspace by its name, any other by its whole path. */
  openFile(file: string): Promise<void>;
  /** Puts the cursor somewhere in the active editor. */
  goTo(place: Place): Promise<void>;
  /** Waits for the cursor to be somewhere. */
  at(place: Place): Promise<void>;
  runCommand(title: string): Promise<void>;
  /** A command that asks for one of several things. */
  runCommandAndChoose(title: string, choice: string): Promise<void>;
  /** Reads what is in front anew from the disk, and waits for that: it moves the cursor. */
  revert(): Promise<void>;
  /** Saves what is in front under another path. */
  saveAs(file: string): Promise<void>;
  /** The Problems row with a text, the panel opened if need be. */
  problem(text: string): Promise<Locator>;
  problemGone(text: string): Promise<void>;
  /** Waits for a squiggle in the line that the cursor is in. */
  squiggleAtCursor(severity: Severity): Promise<void>;
  noSquiggles(severity: Severity): Promise<void>;
  /** What the hover at the cursor says once it holds `text`. */
  hoverAtCursor(text: string): Promise<string>;
  /** Chooses the quick fix at the cursor whose title holds `title`; returns the whole title. */
  quickFix(title: string, whileOpen?: () => Promise<void>): Promise<string>;
  /** The editor's suggestions at the cursor, once one of them holds a text. */
  suggestions(text: string): Promise<readonly string[]>;
  /** Waits for our status bar item to hold a text. */
  status(text: string): Promise<void>;
  statusTooltip(): Promise<string>;
  /** Waits for an editor (any group) that shows a text. */
  editorShows(text: string): Promise<void>;
  editorHides(text: string): Promise<void>;
  /** Waits for the active editor's language, by its name in the status bar. */
  language(name: string): Promise<void>;
  /** Waits for a message of the editor's. */
  notification(text: string): Promise<void>;
  /** Loads the window anew, as after a crash of the browser. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Chromium with the workbench on a folder; `onConsole` hears what the page, the extension host included, has to say. */
export async function openWorkbench(
  executablePath: string,
  profile: string,
  address: string,
  onConsole: (kind: string, text: string) => void,
): Promise<Workbench> {
  const browser: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1400, height: 900 },
    args: browserFlags,
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  page.setDefaultTimeout(30_000);
  page.on('console', (message) => {
    onConsole(message.type(), message.text());
  });
  await page.goto(address);
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: LONG_MS });
  return { ...workbenchOn(page), page, close: () => browser.close() };
}

function workbenchOn(page: Page): Omit<Workbench, 'page' | 'close'> {
  const quickInput = page.locator('.quick-input-widget:visible input.input');
  const statusItem = page.locator('.statusbar-item[id="doorbell.doorbell.status"]');
  const cursor = page.locator('.editor-group-container.active .monaco-editor.focused .cursors-layer .cursor').first();
  const problems = page.locator('.markers-panel .monaco-list-row');
  const editorLines = page.locator('.editor-instance .view-lines');

  return {
    openFile: async (file) => {
      await ask('Control+P', file, nameOf(file));
      await page.locator(`.tab.active[data-resource-name="${nameOf(file)}"]`).waitFor();
      await page.locator('.editor-group-container.active .view-line').first().waitFor();
    },
    goTo,
    at,
    runCommand: (title) => ask('F1', `>${title}`, title),
    runCommandAndChoose: async (title, choice) => {
      await fill('F1', `>${title}`, title);
      await page.locator('.quick-input-widget .monaco-list-row', { hasText: choice }).first().click();
      await quickInput.waitFor({ state: 'hidden' });
    },
    revert: async () => {
      await ask('F1', '>File: Revert File', 'File: Revert File');
      await page.locator('.editor-group-container.active .tab.active:not(.dirty)').waitFor();
    },
    saveAs: async (file) => {
      await fill('F1', '>File: Save As...', 'File: Save As...');
      // The box writes a path of its own, then lists what lies beside it.
      await page.locator('.quick-input-widget .monaco-list-row', { hasText: '..' }).first().waitFor();
      await again(page.locator(`.tab.active[data-resource-name="${nameOf(file)}"]`), async () => {
        await quickInput.fill(file);
        await quickInput.press('Enter');
      });
    },
    problem: async (text) => {
      const row = problems.filter({ hasText: text }).first();
      await again(row, () => page.keyboard.press('Control+Shift+M'));
      return row;
    },
    problemGone: (text) => problems.filter({ hasText: text }).first().waitFor({ state: 'detached' }),
    squiggleAtCursor: async (severity) => {
      await until(`a ${severity} squiggle in the cursor's line`, async () => {
        const line = await cursor.boundingBox();
        if (line === null) return false;
        const squiggles = await page.locator(`.squiggly-${severity}`).all();
        const boxes = await Promise.all(squiggles.map((each) => each.boundingBox({ timeout: 500 }).catch(() => null)));
        return boxes.some(
          (box) => box !== null && Math.abs(box.y + box.height - line.y - line.height) < line.height / 2,
        );
      });
    },
    noSquiggles: (severity) => page.locator(`.squiggly-${severity}`).first().waitFor({ state: 'detached' }),
    hoverAtCursor: async (text) => {
      const hover = page.locator('.monaco-hover:visible', { hasText: text }).first();
      const at = await boxOf(cursor);
      await again(hover, async () => {
        await page.mouse.move(at.x - 60, at.y - 50);
        await page.mouse.move(at.x + 4, at.y + at.height / 2, { steps: 5 });
      });
      return await hover.innerText();
    },
    quickFix: async (title, whileOpen) => {
      const choice = page.locator('.action-widget .monaco-list-row', { hasText: title }).first();
      await again(choice, async () => {
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+.');
      });
      const whole = await choice.innerText();
      await whileOpen?.();
      await choice.click();
      return whole;
    },
    suggestions: async (text) => {
      const rows = page.locator('.suggest-widget.visible .monaco-list-row');
      const wanted = rows.filter({ hasText: text }).first();
      await again(wanted, async () => {
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+Space');
      });
      return rows.allInnerTexts();
    },
    status: (text) => statusItem.filter({ hasText: text }).waitFor({ timeout: LONG_MS }),
    statusTooltip: async () => {
      const hover = page.locator('.monaco-hover:visible', { hasText: 'Kernel' }).first();
      const at = await boxOf(statusItem);
      await again(hover, async () => {
        await page.mouse.move(at.x + at.width / 2, at.y - 200);
        await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2, { steps: 5 });
      });
      const text = await hover.innerText();
      await page.mouse.move(at.x + at.width / 2, at.y - 400);
      await hover.waitFor({ state: 'hidden' });
      return text;
    },
    editorShows: (text) =>
      editorLines
        .filter({ hasText: spaced(text) })
        .first()
        .waitFor(),
    language: (name) => page.locator('[id="status.editor.mode"]', { hasText: name }).waitFor({ timeout: LONG_MS }),
    notification: (text) =>
      page
        .locator('.notifications-toasts .notification-list-item-message', { hasText: text })
        .first()
        .waitFor({ timeout: LONG_MS }),
    reload: async () => {
      await page.reload();
      await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: LONG_MS });
    },
    editorHides: (text) =>
      editorLines
        .filter({ hasText: spaced(text) })
        .first()
        .waitFor({ state: 'detached' }),
  };

  /** VS Code asks for code actions when the cursor moves, and the place is certain only once the status bar says it. */
  async function goTo({ line, screenColumn }: Place): Promise<void> {
    await ask('Control+G', `:${line}:${screenColumn}`);
    await at({ line, screenColumn });
    await cursor.waitFor();
  }

  function at({ line, screenColumn }: Omit<Place, 'column'>): Promise<void> {
    return page.locator('.statusbar', { hasText: `Ln ${line}, Col ${screenColumn}` }).waitFor();
  }

  /** A box at the top of the window: opened by a key, filled, and answered with Enter when the row is there. */
  async function ask(key: string, text: string, row?: string): Promise<void> {
    await fill(key, text, row);
    await quickInput.waitFor({ state: 'hidden' });
  }

  async function fill(key: string, text: string, row?: string): Promise<void> {
    // Enter takes the focused row, which is still the one of an earlier text for a moment.
    const rows = page.locator('.quick-input-widget .monaco-list-row.focused');
    const answer = (row === undefined ? rows : rows.filter({ hasText: row })).first();
    const type = async (): Promise<void> => {
      // Opened anew, the list of files has those that are new.
      if (await quickInput.isVisible()) await page.keyboard.press('Escape');
      await again(quickInput, () => page.keyboard.press(key));
      // Typed keys could go astray while the focus still moves.
      await quickInput.fill(text, { timeout: 4000 }).catch(isGone);
    };
    // The box closes when the focus moves on, as it does when an editor comes up late: then all is done once more.
    for (let isDone = false; !isDone;) {
      await again(answer, type);
      isDone = await quickInput.press('Enter', { timeout: 4000 }).then(() => true, isGone);
    }
  }
}

/** The same action until its result shows: a key can come while the focus is still moving. */
async function again(shown: Locator, act: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await act();
    try {
      await shown.waitFor({ timeout: 4000 });
      return;
    } catch (error) {
      if (attempt === 8) throw error;
    }
  }
}

async function boxOf(locator: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  return await until('a place on the screen', async () => (await locator.boundingBox()) ?? undefined);
}

/** False for what has gone meanwhile. */
function isGone(error: unknown): boolean {
  if (error instanceof errors.TimeoutError) return false;
  throw error;
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** The editor draws blanks as no-break spaces. */
function spaced(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(' ', '[ \u00a0]'));
}
