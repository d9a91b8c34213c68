// PCI functions that no source describes, under ACPI: those of a segment that have the same IOMMU and reserve the same. An RMR is
// for some stream IDs, so that functions behind one root complex may reserve different things.
import { usableEntries } from '../topology/id-maps';
import type { DmaMaster, IdMapEntry, Iommu, StreamRange } from '../topology/model';
import { attachEntry, none, type Attachment } from './attach';
import { lastAtOrBefore } from '../text/in-order';
import type { KernelProfile } from './kernel-profile';
import type { FunctionRange, PredictedDevice } from './prediction';
import { readsReservations, streamReservationsOf } from './stream-regions';

export interface FunctionClass {
  /** The host bridge's, or the addresses of the functions where others reserve less. */
  readonly path: string;
  readonly attachment: Attachment;
  /** Undefined: all that have this IOMMU. */
  readonly functions: readonly FunctionRange[] | undefined;
  /** Those of one of the functions. */
  readonly streamIds: readonly number[];
  /** What nobody can tell of them. */
  readonly unknown: readonly string[];
}

/** The functions behind a root complex; at least one class, which may say why they have no IOMMU. */
export function functionClasses(master: DmaMaster, kernel: KernelProfile): FunctionClass[] {
  let failure: Attachment | undefined;
  const byIommu = new Map<Iommu, Map<string, Growing>>();
  const contested = new Map<Iommu, readonly StreamSpan[]>();
  const contestedBy = (iommu: Iommu): readonly StreamSpan[] => {
    let found = contested.get(iommu);
    if (found === undefined) contested.set(iommu, (found = streamsMadeTwice(master, iommu, kernel)));
    return found;
  };
  for (const entry of usableEntries(master.iommuMap, kernel.mapRule)) {
    const attachment = attachEntry(entry, kernel);
    if (!attachment.ok) {
      failure ??= attachment;
      continue;
    }
    const { iommu } = attachment;
    let classes = byIommu.get(iommu);
    if (classes === undefined) byIommu.set(iommu, (classes = new Map<string, Growing>()));
    for (const part of partsOf(entry, iommu, master, kernel, contestedBy(iommu))) {
      const rangeProblem = part.isOutOfRange ? entry.problem : undefined;
      add(classes, part, { ...attachment, rangeProblem });
    }
  }
  const all = [...byIommu.values()].flatMap((classes) => named(master, [...classes.values()]));
  if (all.length > 0) return all;
  const attachment = failure ?? none('no ID mapping of its root complex leads to an SMMU');
  return [{ path: master.path, attachment, functions: undefined, streamIds: [], unknown: [] }];
}

interface Part extends FunctionRange {
  readonly streamId: number;
  /** What makes functions alike. */
  readonly key: string;
  readonly reserves: number;
  readonly isOutOfRange: boolean;
  /** What nobody can tell of them. */
  readonly unknown: string | undefined;
}

/** Ranges of RMRs times stretches of functions; machines have thousands. */
const mostComparisons = 5_000_000;

function streamRanges({ streamReservations = [] }: Iommu): readonly StreamRange[] {
  return streamReservations.flatMap(({ streams }) => streams);
}

interface StreamSpan {
  readonly first: number;
  readonly last: number;
}

/** Stream IDs that two mappings make, in order. Those of a single mapping are spoken of by themselves. */
function streamsMadeTwice({ iommuMap }: DmaMaster, iommu: Iommu, { mapRule }: KernelProfile): readonly StreamSpan[] {
  if (iommu.driver.grouping !== 'stream-owner') return [];
  const made = usableEntries(iommuMap, mapRule)
    .filter(({ target, length, single }) => target.target === iommu && length > 0 && single !== true)
    .map(({ output, length }) => ({ first: output, last: output + length - 1 }))
    .sort((one, other) => one.first - other.first);
  const found: { first: number; last: number }[] = [];
  let reach = -1;
  for (const { first, last } of made) {
    const end = Math.min(reach, last);
    reach = Math.max(reach, last);
    if (first > end) continue;
    const before = found.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, end);
    else found.push({ first, last: end });
  }
  return found;
}

/** The first owner keeps a stream ID (arm-smmu-v3.c arm_smmu_insert_master). Which functions there are, no table tells. */
function contestedText(first: number, last: number, { hostBridge }: DmaMaster): string {
  const all = pciRange({ first, last }, hostBridge?.segment ?? 0);
  return `Other functions have the stream IDs of ${all} as well: of those with the same one, only the first that Linux meets gets a group.`;
}

function sharedText(first: number, last: number, streamId: number, { hostBridge }: DmaMaster): string {
  const all = pciRange({ first, last }, hostBridge?.segment ?? 0);
  return `All functions of ${all} have stream ID 0x${streamId.toString(16)}: only the first that Linux meets gets a group.`;
}

/** Stretches of an entry whose stream IDs are in the same RMRs. */
function* partsOf(
  { input, length, output, single, problem }: IdMapEntry<Iommu>,
  iommu: Iommu,
  master: DmaMaster,
  kernel: KernelProfile,
  contested: readonly StreamSpan[],
): Generator<Part> {
  const last = input + length - 1;
  const edges = single === true ? [] : edgesOf(iommu, master, kernel, contested).map((id) => input + (id - output));
  const starts = [input, ...edges.filter((edge) => edge > input && edge <= last)];
  const { streamIdBits } = iommu.driver;
  const ranges = readsReservations(master, kernel) ? streamRanges(iommu).length : 0;
  if (starts.length * ranges > mostComparisons) {
    const unknown = `${iommu.path} has more RMRs than can be held against each function behind ${master.path}.`;
    yield { first: input, last, streamId: output, key: 'unknown', reserves: 0, isOutOfRange: false, unknown };
    return;
  }
  for (const [at, first] of starts.entries()) {
    const streamId = single === true ? output : output + (first - input);
    const reservations = readsReservations(master, kernel) ? streamReservationsOf(iommu, [streamId], kernel) : [];
    const doorbells = iommu.streamDoorbells?.[kernel.deviceIdRule].findIndex(
      (each) => each.first <= streamId && streamId <= each.last,
    );
    const isOutOfRange =
      problem?.code === 'stream-id-range' && streamIdBits !== undefined && streamId >= 2 ** streamIdBits.bits;
    const isContested = single !== true && isIn(contested, streamId);
    const end = (starts[at + 1] ?? last + 1) - 1;
    const met = reservations.map((each) => iommu.streamReservations!.indexOf(each));
    yield {
      first,
      last: end,
      streamId,
      key: `${met.join(' ')} | ${String(doorbells)} | ${String(isOutOfRange)} ${String(isContested)}`,
      reserves: met.length,
      isOutOfRange,
      unknown:
        single === true && length > 1
          ? sharedText(input, last, streamId, master)
          : isContested
            ? contestedText(first, end, master)
            : undefined,
    };
  }
}

/** Stream IDs from which on something may be different, sorted. */
function edgesOf(
  iommu: Iommu,
  master: DmaMaster,
  kernel: KernelProfile,
  contested: readonly StreamSpan[],
): readonly number[] {
  const { streamDoorbells, driver } = iommu;
  const ranges = readsReservations(master, kernel) ? streamRanges(iommu) : [];
  const doorbells = streamDoorbells?.[kernel.deviceIdRule] ?? [];
  const edges = new Set(
    [...ranges, ...doorbells, ...contested].flatMap(({ first, last }) => (first <= last ? [first, last + 1] : [])),
  );
  if (driver.streamIdBits !== undefined) edges.add(2 ** driver.streamIdBits.bits);
  return [...edges].sort((one, other) => one - other);
}

function isIn(spans: readonly StreamSpan[], streamId: number): boolean {
  const at = lastAtOrBefore(spans.length, (index) => spans[index]!.first, streamId);
  return at >= 0 && streamId <= spans[at]!.last;
}

interface Growing {
  readonly attachment: Attachment & { ok: true };
  readonly streamId: number;
  readonly functions: FunctionRange[];
  readonly reserves: number;
  size: number;
  readonly unknown: string[];
}

function add(classes: Map<string, Growing>, part: Part, attachment: Attachment & { ok: true }): void {
  const { key, first, last, streamId, reserves } = part;
  let found = classes.get(key);
  if (found === undefined) {
    found = { attachment, streamId, functions: [], reserves, size: 0, unknown: [] };
    classes.set(key, found);
  }
  const before = found.functions.at(-1);
  if (before?.last === first - 1) found.functions[found.functions.length - 1] = { first: before.first, last };
  else found.functions.push({ first, last });
  found.size += last - first + 1;
  if (part.unknown !== undefined) found.unknown.push(part.unknown);
}

/** Those that reserve least, and of these the most functions, go by the name of the bridge. */
function named(master: DmaMaster, classes: readonly Growing[]): FunctionClass[] {
  const [main] = [...classes].sort((one, other) => one.reserves - other.reserves || other.size - one.size);
  return classes.map((each) => ({
    path: each === main ? master.path : functionNames(each.functions, master.hostBridge?.segment ?? 0),
    attachment: each.attachment,
    functions: classes.length === 1 ? undefined : each.functions,
    streamIds: [each.streamId],
    unknown: each.unknown,
  }));
}

/** More ranges than these help nobody in a name. */
const mostNamed = 4;

function functionNames(functions: readonly FunctionRange[], segment: number): string {
  const names = functions.slice(0, mostNamed).map((range) => pciRange(range, segment));
  return `${names.join(',')}${functions.length > mostNamed ? `,+${String(functions.length - mostNamed)}` : ''}`;
}

/** For programs, each range of functions by itself and none left out; people get them in one name. */
export function allNames({ path, master, functions }: PredictedDevice): readonly string[] {
  if (functions === undefined || path === master.path) return [path];
  return functions.map((range) => pciRange(range, master.hostBridge?.segment ?? 0));
}

/** `0000:00:02.0-0000:00:03.1`, both ends included; of one function its name. */
function pciRange({ first, last }: FunctionRange, segment: number): string {
  return first === last ? pciName(first, segment) : `${pciName(first, segment)}-${pciName(last, segment)}`;
}

/** As the kernel has it: `0000:00:01.0`. */
export function pciName(requesterId: number, segment: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(segment, 4)}:${hex(requesterId >> 8, 2)}:${hex((requesterId >> 3) & 0x1f, 2)}.${String(requesterId & 7)}`;
}
