// The prediction as text: sysfs lines as the kernel prints them, and the shape of `regions --format json`.
import { humanSize } from '../text/numbers';
import { positionAt } from '../text/source-file';
import type { SourceRange } from '../text/source-file';
import { conditionOf } from './acpi-objects';
import { allNames } from './function-classes';
import { mayShareWith, sharingReason } from './possible-sharing';
import { typeWord } from './prediction';
import type { GroupRegion, PredictedGroup, RegionOrigin, RegionPrediction } from './prediction';

/** `0x` and 16 digits, as `0x%016llx`. */
export function sysfsAddress(address: bigint): string {
  return `0x${address.toString(16).padStart(16, '0')}`;
}

/** The lines of a group's `reserved_regions`, without line ends. The kernel cuts the file at one page, perhaps within a line. */
export function sysfsLines(group: PredictedGroup, limit: bigint | undefined): string[] {
  const lines = group.regions.map(
    ({ range, type }) => `${sysfsAddress(range.start)} ${sysfsAddress(range.end)} ${typeWord(type)}`,
  );
  if (limit === undefined) return lines;
  const text = lines.map((line) => `${line}\n`).join('');
  // The last byte of the page is the terminating NUL.
  if (BigInt(text.length) < limit) return lines;
  const cut = text.slice(0, Number(limit) - 1).split('\n');
  return cut.at(-1) === '' ? cut.slice(0, -1) : cut;
}

/** What the kernel's file leaves out for want of room; undefined where it holds all. */
export function cutText(group: PredictedGroup, limit: bigint | undefined): string | undefined {
  const all = group.regions.length;
  if (limit === undefined || sysfsLines(group, limit).join('\n') === sysfsLines(group, undefined).join('\n'))
    return undefined;
  const shown = sysfsLines(group, limit).length;
  return `the kernel ends this file after one page (${humanSize(limit)}), in line ${shown} of ${all}; the regions that it does not show are in force all the same`;
}

/** All groups, each with a header line; what cannot be predicted follows as a comment. */
export function printSysfs(prediction: RegionPrediction): string {
  return prediction.groups.map((group) => `${header(group)}${bodyLines(prediction, group)}`).join('');
}

/** The lines of one group alone, as `cat reserved_regions` prints them. */
export function printGroup(group: PredictedGroup, limit: bigint | undefined): string {
  return sysfsLines(group, limit)
    .map((line) => `${line}\n`)
    .join('');
}

function header({ id, devices }: PredictedGroup): string {
  return `# group ${String(id)}: ${[...new Set(devices.map(({ path }) => path))].join(' ')}\n`;
}

function bodyLines(prediction: RegionPrediction, group: PredictedGroup): string {
  const shared = sharingText(mayShareWith(prediction, group));
  const unknown = group.unknown.map((reason) => `unknown: ${reason}`);
  const cut = cutText(group, prediction.kernel.sysfsLimit);
  const notes = [cut, ...unknown, shared].filter((text) => text !== undefined);
  const comments = notes.map((text) => `# ${text}\n`).join('');
  if (group.oops !== undefined) return `# the kernel oopses: ${group.oops.message}\n`;
  return `${printGroup(group, prediction.kernel.sysfsLimit)}${comments}`;
}

/** That a device may share a group with these, and why nobody can tell; undefined without any. */
export function sharingText(paths: readonly string[]): string | undefined {
  return paths.length === 0 ? undefined : `may share a group with ${paths.join(' ')}: ${sharingReason}`;
}

/** Numbers that are addresses are hex strings; lines and columns count from 1. */
export interface RegionsJson {
  readonly kernel: string;
  readonly groups: readonly GroupJson[];
}

export interface GroupJson {
  readonly id: number;
  readonly devices: readonly string[];
  readonly regions: readonly RegionJson[];
  /** Why the kernel crashes on the group; `regions` is then empty. */
  readonly oops?: string;
  /** Reasons why there may be regions that are not listed. */
  readonly unknown?: readonly string[];
  /** Devices of other groups that may turn out to be in this one; no source tells. */
  readonly mayShare?: readonly string[];
  /** What of its devices stands in the DSDT, which is not read. */
  readonly condition?: string;
}

export interface RegionJson {
  readonly start: string;
  readonly end: string;
  readonly type: string;
  readonly origin: RegionOrigin;
  /** Of a table in binary form, `offset` is the byte; line and column are of the text that it is printed as. */
  readonly source: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly offset?: string;
  } | null;
}

/** Where in a binary the bytes of a place in its printed text are. */
export type OffsetOf = (source: SourceRange) => number | undefined;

/** `limited`: only these groups of the prediction. */
export function regionsJson(
  prediction: RegionPrediction,
  limited = prediction.groups,
  offsetOf: OffsetOf = () => undefined,
): RegionsJson {
  return { kernel: prediction.kernel.version, groups: limited.map((group) => groupJson(prediction, group, offsetOf)) };
}

function groupJson(prediction: RegionPrediction, group: PredictedGroup, offsetOf: OffsetOf): GroupJson {
  const { id, devices, regions, oops, unknown } = group;
  const mayShare = mayShareWith(prediction, group);
  const condition = conditionOf(group);
  return {
    id,
    devices: [...new Set(devices.flatMap(allNames))],
    regions: regions.map((region) => regionJson(region, offsetOf)),
    ...(oops && { oops: oops.message }),
    ...(unknown.length > 0 && { unknown }),
    ...(mayShare.length > 0 && { mayShare }),
    ...(condition !== undefined && { condition }),
  };
}

/** A region that was merged names the first of its parts that a source line made. */
function regionJson({ range, type, parts }: GroupRegion, offsetOf: OffsetOf): RegionJson {
  const { region } = parts.find((part) => part.region.source !== undefined) ?? parts[0]!;
  const { origin, source } = region;
  return {
    start: sysfsAddress(range.start),
    end: sysfsAddress(range.end),
    type: typeWord(type),
    origin,
    source: source ? sourceJson(source, offsetOf) : null,
  };
}

function sourceJson(source: SourceRange, offsetOf: OffsetOf): RegionJson['source'] {
  const { file, start } = source;
  const { line, character } = positionAt(file, start);
  const offset = offsetOf(source);
  return {
    file: file.path,
    line: line + 1,
    column: character + 1,
    ...(offset !== undefined && { offset: `0x${offset.toString(16)}` }),
  };
}
