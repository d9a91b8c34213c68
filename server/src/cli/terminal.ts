// What the terminal shows beside the results: paths, colours, one-line errors, progress.
import path from 'node:path';

/** A reason to stop, told to the user in one line; the exit status is 2. */
export class UsageError extends Error {}

/** A path as the user would write it here: relative to the working directory, unless that is the longer way. */
export function displayPath(file: string): string {
  let shown = displayed.get(file);
  if (shown === undefined) {
    const relative = path.isAbsolute(file) ? path.relative(process.cwd(), file) : file;
    shown = relative !== '' && relative.length <= file.length ? relative : file;
    displayed.set(file, shown);
  }
  return shown;
}

const displayed = new Map<string, string>();

/** `doorbell: FILE: what is wrong` on the standard error, in one line whatever the message holds. */
export function printError(message: string): void {
  process.stderr.write(`doorbell: ${message.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
}

export type Style = 'error' | 'warning' | 'info' | 'hint' | 'strong' | 'faint';

const codes: Readonly<Record<Style, string>> = {
  error: '1;31',
  warning: '1;35',
  info: '1;36',
  hint: '1;34',
  strong: '1',
  faint: '2',
};

export type Painter = (text: string, style: Style) => string;

/** Colours on a terminal only, and not where NO_COLOR is set (https://no-color.org: to anything but nothing). */
export function painterFor(stream: { readonly isTTY?: boolean }): Painter {
  const isPlain = stream.isTTY !== true || (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb';
  return isPlain ? (text) => text : (text, style) => `\u001b[${codes[style]}m${text}\u001b[0m`;
}

export interface Progress {
  readonly update: (done: number, total: number) => void;
  /** Takes the line away. */
  readonly clear: () => void;
}

/** A line on the standard error that counts files; nothing where that is no terminal, or where it is soon over. */
export function progressLine(): Progress {
  const { stderr } = process;
  let isShown = false;
  let lastUpdate = Date.now();
  return {
    update(done, total) {
      const now = Date.now();
      if (!stderr.isTTY || now - lastUpdate < 200) return;
      lastUpdate = now;
      isShown = true;
      stderr.write(`\r\u001b[K${done} of ${total} files`);
    },
    clear() {
      if (isShown) stderr.write('\r\u001b[K');
      isShown = false;
    },
  };
}
