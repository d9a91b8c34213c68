// Why a running machine differs from its prediction: what can be told from the two, best reason first.
import type { PredictedGroup } from '../prediction';
import { sysfsLines } from '../print-regions';
import { areEqual, type VerifiedGroup } from './compare-group';
import type { DescribedHost } from './locate';
import type { GroupDump } from './recorded';
import { verifyHost, type Verification } from './verify';

export type ExplanationKind =
  | 'other-kernel'
  | 'boot-configuration'
  | 'not-in-sources'
  | 'status'
  | 'no-group'
  | 'oops'
  | 'page-limit'
  | 'announced-regions'
  | 'msi-window'
  | 'order'
  | 'unexplained';

export interface Explanation {
  readonly kind: ExplanationKind;
  readonly message: string;
}

/** Another prediction to try: the same sources under another kernel, or the tree that the machine booted with. */
export interface Alternative {
  readonly kind: 'other-kernel' | 'boot-configuration';
  /** `the rules of Linux 7.2` */
  readonly label: string;
  readonly host: DescribedHost;
}

export interface ExplainedAlternative extends Alternative {
  readonly verification: Verification;
}

export function tryAlternatives(alternatives: readonly Alternative[], dump: GroupDump): ExplainedAlternative[] {
  return alternatives.map((alternative) => ({ ...alternative, verification: verifyHost(alternative.host, dump) }));
}

/** The reasons for a group's difference; at least one. */
export function explainGroup(
  { prediction: { kernel } }: DescribedHost,
  group: VerifiedGroup,
  alternatives: readonly ExplainedAlternative[],
): Explanation[] {
  const found: Explanation[] = [];
  for (const { kind, label, verification } of alternatives) {
    const there = verification.groups.find(({ recorded }) => recorded === group.recorded);
    if (there?.isEqual === true) found.push({ kind, message: `${label} give exactly these lines` });
  }
  found.push(...strangerReasons(group));
  const oops = group.predicted.find((each) => each.oops !== undefined)?.oops;
  if (oops !== undefined)
    found.push({ kind: 'oops', message: `the kernel was predicted to oops on it, and did not: ${oops.message}` });
  found.push(...pageLimit(group, kernel.sysfsLimit), ...announced(group), ...movedWindow(group));
  if (group.isReordered) {
    found.push({
      kind: 'order',
      message: 'the lines are the same in another order: an order that no kernel of ours gives',
    });
  }
  return found.length > 0 ? found : [unexplained(group)];
}

function* strangerReasons({ strangers }: VerifiedGroup): Generator<Explanation> {
  for (const { device, kind, reason } of strangers) {
    if (kind === 'not-in-sources') {
      yield { kind, message: `${device.name} is not in the sources: ${reason}` };
    } else if (reason.includes('not enabled')) {
      const message = `the sources have ${device.name} or its IOMMU off (${reason}); the machine has it on: its boot loader or an overlay changed the status`;
      yield { kind: 'status', message };
    } else yield { kind, message: `${device.name} was predicted to be in no group: ${reason}` };
  }
}

/** The file of one page (sysfs_emit_at), or one that another kernel does not cut. */
function* pageLimit({ recorded, predicted }: VerifiedGroup, limit: bigint | undefined): Generator<Explanation> {
  const [group] = predicted;
  if (group === undefined || predicted.length > 1 || recorded.lines === undefined) return;
  const whole = sysfsLines(group, undefined);
  const { lines } = recorded;
  if (areEqual(whole, lines)) {
    const message = `the machine's file holds all ${whole.length} lines: its kernel does not end it after ${limit ?? 0n} bytes`;
    yield { kind: 'page-limit', message };
    return;
  }
  const last = lines.length - 1;
  const isCut =
    last >= 0 &&
    lines.length <= whole.length &&
    lines.every((line, at) => (at === last ? whole[at]!.startsWith(line) : line === whole[at]));
  const length = lines.reduce((sum, line) => sum + line.length + 1, 0);
  if (isCut && length >= 0xf00) {
    const message = `the recorded file ends after ${lines.length} of ${whole.length} lines: from 6.12 on sysfs gives one page of it`;
    yield { kind: 'page-limit', message };
  }
}

function* announced({ predicted, extra }: VerifiedGroup): Generator<Explanation> {
  const reason = predicted.flatMap(({ unknown }) => unknown)[0];
  if (reason === undefined) return;
  const regions = extra.map(regionSetting).filter((text) => text !== undefined);
  const hint = regions.length === 0 ? '' : ` Here: "virtioIommuRegions": [${regions.join(', ')}]`;
  yield { kind: 'announced-regions', message: `${reason}${hint}` };
}

function regionSetting(line: string): string | undefined {
  const region = parseLine(line);
  if (region === undefined || region.end < region.start) return undefined;
  const type = region.type === 'msi' ? 'msi' : 'reserved';
  return `{ "start": "0x${region.start.toString(16)}", "size": "0x${(region.end - region.start + 1n).toString(16)}", "type": "${type}" }`;
}

function* movedWindow({ missing, extra }: VerifiedGroup): Generator<Explanation> {
  const expected = missing.find(({ region }) => region?.type === 'software-msi');
  if (expected === undefined) return;
  const other = extra.map(parseLine).find((region) => region?.type === 'msi');
  if (other === undefined) {
    const message = 'the machine has no software MSI window: the driver of its IOMMU is another one, or adds none';
    yield { kind: 'msi-window', message };
    return;
  }
  const size = other.end - other.start + 1n;
  const message = `the machine's MSI window is at 0x${other.start.toString(16)}: a patched kernel, or one that lets it be moved; "msiWindow": { "base": "0x${other.start.toString(16)}", "size": "0x${size.toString(16)}" } in doorbell.json says so`;
  yield { kind: 'msi-window', message };
}

function unexplained({ missing, extra, predicted }: VerifiedGroup): Explanation {
  const nodes = new Set(missing.flatMap(({ region }) => reservationNodes(region ? [region] : [])));
  if (missing.length > 0 && nodes.size > 0) {
    const message = `${[...nodes].join(', ')} in the sources reserved nothing: the boot loader took it out or changed it, or the kernel was built without it; \`doorbell collect\` brings the tree that the machine booted with`;
    return { kind: 'boot-configuration', message };
  }
  if (extra.length > 0 && predicted.length > 0) {
    const message =
      'no source line makes what the machine has: its boot loader or an overlay added it, or a driver that is not mainline; `doorbell collect` brings the tree that the machine booted with';
    return { kind: 'boot-configuration', message };
  }
  return { kind: 'unexplained', message: 'nothing predicted is like this group' };
}

function reservationNodes(regions: PredictedGroup['regions']): string[] {
  return regions.flatMap(({ parts }) =>
    parts.map(({ region }) => region.reservation?.node.path).filter((path) => path !== undefined),
  );
}

/** A line of `reserved_regions` as numbers; undefined for what is none, such as a line that was cut. */
export function parseLine(
  line: string,
): { readonly start: bigint; readonly end: bigint; readonly type: string } | undefined {
  const match = /^(0x[0-9a-f]{1,16}) (0x[0-9a-f]{1,16}) (direct|direct-relaxable|reserved|msi)$/.exec(line);
  return match === null ? undefined : { start: BigInt(match[1]!), end: BigInt(match[2]!), type: match[3]! };
}
