// One recorded group against the predicted group or groups that its devices are in, line by line.
import { mergeRegions } from '../merge';
import { typeWord, type GroupRegion, type PredictedDevice, type PredictedGroup } from '../prediction';
import { cutText, sysfsAddress, sysfsLines } from '../print-regions';
import type { DescribedHost } from './locate';
import type { RecordedDevice, RecordedGroup } from './recorded';

export interface VerifiedGroup {
  readonly recorded: RecordedGroup;
  /** What its devices are in the sources; empty where there is nothing like it. */
  readonly predicted: readonly PredictedGroup[];
  readonly isEqual: boolean;
  /** Predicted lines that the machine does not have. */
  readonly missing: readonly PredictedLine[];
  /** Lines of the machine that are not predicted. */
  readonly extra: readonly string[];
  /** Devices that should be in no group, or that the sources do not have. */
  readonly strangers: readonly Stranger[];
  /** The same lines, in another order. */
  readonly isReordered: boolean;
  /** What is different without counting as a difference. */
  readonly notes: readonly string[];
}

export interface PredictedLine {
  readonly text: string;
  /** Undefined for the last line of a file that the kernel cuts. */
  readonly region: GroupRegion | undefined;
}

export interface Stranger {
  readonly device: RecordedDevice;
  readonly kind: 'not-in-sources' | 'no-group';
  readonly reason: string;
}

/** Compares the lines. `members` are those of the predicted groups' devices that the recorded group holds. */
export function compareGroup(
  { prediction: { kernel } }: DescribedHost,
  recorded: RecordedGroup,
  predicted: readonly PredictedGroup[],
  members: readonly PredictedDevice[],
  strangers: readonly Stranger[],
): VerifiedGroup {
  const notes: string[] = [];
  const same = { recorded, predicted, missing: [], extra: [], strangers, isReordered: false };
  if (recorded.lines === undefined) {
    return { ...same, isEqual: strangers.length === 0, notes: ['its reserved_regions are not in the dump'] };
  }
  const oops = predicted.some((group) => group.oops !== undefined);
  const lines = recorded.lines;
  const isSame = (group: PredictedGroup): boolean => areEqual(sysfsLines(group, kernel.sysfsLimit), lines);
  let expected = predicted.length === 1 ? predicted[0]! : unionOf(predicted);
  if (predicted.length > 1) notes.push(...groupingNotes(predicted, 'share a group here, for want of isolation (ACS)'));
  const others = expected.devices.filter((device) => !members.includes(device));
  if (predicted.length === 1 && others.length > 0 && members.length > 0 && !isSame(expected)) {
    const alone = { ...expected, devices: members, regions: mergeRegions(members) };
    if (isSame(alone)) {
      expected = alone;
      notes.push(...groupingNotes(predicted, 'have groups of their own here (ACS)'));
    }
  }
  const isEqual = strangers.length === 0 && !oops && isSame(expected);
  const cut = isEqual ? cutText(expected, kernel.sysfsLimit) : undefined;
  if (cut !== undefined) notes.push(cut);
  if (isEqual) return { ...same, isEqual, notes };
  const text = sysfsLines(expected, kernel.sysfsLimit);
  const missing = without(text, lines).map((line) => ({ text: line, region: regionOf(expected, line) }));
  const extra = without(lines, text);
  const isReordered = missing.length === 0 && extra.length === 0 && !areEqual(text, lines);
  return { recorded, predicted, isEqual, missing, extra, strangers, isReordered, notes };
}

function groupingNotes(groups: readonly PredictedGroup[], what: string): string[] {
  const paths = new Set(groups.flatMap(({ devices }) => devices.map(({ path }) => path)));
  return [`${[...paths].join(', ')} ${what}, which no source tells`];
}

function unionOf(groups: readonly PredictedGroup[]): PredictedGroup {
  const devices = groups.flatMap((group) => group.devices);
  const unknown = groups.flatMap((group) => group.unknown);
  const oops = groups.find((group) => group.oops !== undefined)?.oops;
  return { id: groups[0]?.id ?? 0, devices, regions: mergeRegions(devices), oops, unknown };
}

function regionOf({ regions }: PredictedGroup, line: string): GroupRegion | undefined {
  return regions.find((region) => lineOf(region) === line);
}

export function lineOf({ range, type }: GroupRegion): string {
  return `${sysfsAddress(range.start)} ${sysfsAddress(range.end)} ${typeWord(type)}`;
}

export function areEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, at) => line === other[at]);
}

/** The lines that are not in the other list, counting those that stand there more than once. */
function without(lines: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of other) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
