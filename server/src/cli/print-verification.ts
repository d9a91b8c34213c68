// The results of `verify` as text and as JSON.
import type { Explanation, ExplainedAlternative } from '../iova/hosts/explain';
import type { PredictedLine, VerifiedGroup } from '../iova/hosts/compare-group';
import type { AbsentGroup, Verification } from '../iova/hosts/verify';
import { positionAt, type SourceRange } from '../text/source-file';
import { count } from '../text/numbers';
import { displayPath } from './terminal';

export interface ExplainedVerification {
  readonly verification: Verification;
  /** By group; none for an equal one. */
  readonly explanations: readonly (readonly Explanation[])[];
  /** Other predictions that equal the machine in everything. */
  readonly whole: readonly ExplainedAlternative[];
}

/** Groups that differ, line by line with the reasons, then what is absent, then the sum. */
export function printVerification({ verification, explanations, whole }: ExplainedVerification): string {
  const { groups, absent, kernel, matchedBy, bootWords, isEqual: isAllEqual } = verification;
  const lines: string[] = [];
  groups.forEach((group, at) => {
    if (!group.isEqual || group.notes.length > 0) lines.push(...groupLines(group, explanations[at]!));
  });
  for (const each of absent) {
    lines.push(`${each.isExpected ? 'absent, as it may be' : 'absent'}: ${pathsOf(each)}: ${each.reason}`);
  }
  for (const { label } of whole) lines.push(`${label} give exactly what the machine has`);
  if (!isAllEqual && bootWords.length > 0)
    lines.push(`the kernel was started with ${bootWords.join(' ')}, which no source tells`);
  const equal = groups.filter(({ isEqual }) => isEqual).length;
  const lost = absent.filter(({ isExpected }) => !isExpected).length;
  const by = matchedBy === 'content' ? ', matched by their lines, as the dump names no devices' : '';
  const sum =
    equal === groups.length ? `${count(equal, 'group')} equal` : `${equal} of ${count(groups.length, 'group')} equal`;
  lines.push(`${sum} under Linux ${kernel}${by}${lost > 0 ? `; ${count(lost, 'predicted group')} absent` : ''}`);
  return lines.map((line) => `${line}\n`).join('');
}

function groupLines(group: VerifiedGroup, explanations: readonly Explanation[]): string[] {
  const { recorded, predicted, missing, extra, isEqual, notes } = group;
  const names =
    recorded.devices?.map(({ name }) => name) ?? predicted.flatMap(({ devices }) => devices.map(({ path }) => path));
  const who = names.length === 0 ? '' : ` (${[...new Set(names)].join(', ')})`;
  return [
    `group ${recorded.id}${who}: ${isEqual ? 'equal' : 'different'}`,
    ...missing.map((line) => `  - ${line.text}${whereText(line)}`),
    ...extra.map((line) => `  + ${line}`),
    ...explanations.map(({ message }) => `  because ${message}`),
    ...notes.map((note) => `  note: ${note}`),
  ];
}

function whereText(line: PredictedLine): string {
  const place = placeOf(sourceOf(line));
  return place === null ? '' : `    ${place.file}:${place.line}:${place.column}`;
}

function sourceOf({ region }: PredictedLine): SourceRange | undefined {
  return region?.parts.find((part) => part.region.source !== undefined)?.region.source;
}

function placeOf(source: SourceRange | undefined) {
  if (source === undefined) return null;
  const { line, character } = positionAt(source.file, source.start);
  return { file: displayPath(source.file.path), line: line + 1, column: character + 1 };
}

function pathsOf({ group }: AbsentGroup): string {
  return [...new Set(group.devices.map(({ path }) => path))].join(', ');
}

/** Lines as in sysfs; `missing` are predicted and not there, `extra` are there and not predicted. */
export function verificationJson({ verification, explanations, whole }: ExplainedVerification): object {
  const { kernel, matchedBy, isEqual, groups, absent, bootWords } = verification;
  return {
    kernel,
    result: isEqual ? 'equal' : 'different',
    matchedBy,
    groups: groups.map((group, at) => ({
      id: group.recorded.id,
      type: group.recorded.type ?? null,
      devices: group.recorded.devices?.map(({ name }) => name) ?? null,
      predicted: [...new Set(group.predicted.flatMap(({ devices }) => devices.map(({ path }) => path)))],
      result: group.isEqual ? 'equal' : 'different',
      missing: group.missing.map((line) => ({ line: line.text, source: placeOf(sourceOf(line)) })),
      extra: group.extra,
      explanations: explanations[at],
      notes: group.notes,
    })),
    absent: absent.map((each) => ({
      devices: [...new Set(each.group.devices.map(({ path }) => path))],
      result: each.isExpected ? 'equal' : 'different',
      reason: each.reason,
    })),
    bootWords,
    alternatives: whole.map(({ kind, label }) => ({ kind, label })),
  };
}
