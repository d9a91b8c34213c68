// `--guest`: a layout of doorbell.json, a preset, or a guest file.
import path from 'node:path';
import { parseGuest, presetList } from '../iova/guests/guest-spec';
import type { GuestLayout } from '../iova/guests/layout';
import { createFileStore } from '../workspace/files';
import { configuredGuest, readGuest } from '../workspace/guest-file';
import type { Settings } from '../workspace/settings';
import { displayPath, printError, UsageError } from './terminal';

/** The layout that the user names; what contradicts itself in it is told on the standard error. */
export function guestFor(wanted: string, settings: Settings): GuestLayout {
  const guest = configuredGuest(settings, wanted) ?? presetFor(wanted) ?? guestInFile(wanted, settings);
  for (const problem of guest.problems) printError(`${guest.name}: ${problem}: each range is judged by itself`);
  return guest;
}

function presetFor(wanted: string): GuestLayout | undefined {
  const parsed = parseGuest(wanted);
  if (parsed.kind === 'unknown') return undefined;
  if (parsed.kind === 'wrong') throw new UsageError(`--guest ${wanted}: ${parsed.message}`);
  const { layout } = parsed;
  const [problem] = layout.problems;
  if (problem !== undefined) throw new UsageError(`--guest ${wanted}: ${problem}`);
  return layout;
}

function guestInFile(wanted: string, { guests }: Settings): GuestLayout {
  if (wanted === '') throw new UsageError(`--guest names no guest: presets are ${presetList()}`);
  const file = createFileStore().read(path.resolve(wanted));
  if ('error' in file) {
    if (file.error !== 'no such file') throw new UsageError(`${wanted}: ${file.error}`);
    const own = Object.keys(guests);
    const configured = own.length === 0 ? '' : `; doorbell.json has ${own.join(', ')}`;
    throw new UsageError(`--guest ${wanted}: no such preset or file; presets are ${presetList()}${configured}`);
  }
  const guest = readGuest(file, displayPath(path.resolve(wanted)));
  if ('error' in guest) throw new UsageError(`${wanted}: ${guest.error}`);
  return guest;
}

/** What a guest is called where it is to be named again. */
export { guestLabel as guestName } from '../iova/guests/guest-spec';
