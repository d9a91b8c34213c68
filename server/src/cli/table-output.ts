// Where the verbs of `doorbell iort` write to, and in which form.
import { Option, type Command } from 'commander';
import fs from 'node:fs';
import { textStyles } from '../acpi/layout/field';
import { UsageError } from './terminal';

export function withStyle(command: Command): Command {
  const style = new Option('--style <iasl>', 'form of the text: of a current iasl, or of 20200925 (Debian 12)');
  return command.addOption(style.choices(textStyles).default('current'));
}

/** A source that would be gone without a word: a text may be called `table.aml`, as what it is compiled to. */
export function refuseOverwriting(target: string, source: string): void {
  if (target !== '-' && fs.existsSync(target) && fs.realpathSync(target) === fs.realpathSync(source)) {
    throw new UsageError(`${target}: is what is read; -o names another file`);
  }
}

/** `-` is the standard output. */
export function writeTo(target: string, content: string | Uint8Array): void {
  if (target === '-') {
    process.stdout.write(content);
    return;
  }
  try {
    fs.writeFileSync(target, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  } catch (error) {
    throw new UsageError(`${target}: cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
