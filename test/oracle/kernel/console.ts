// What the program in guest/ prints on the console of the kernel under test.

export interface SeenDevice {
  /** Below /sys/devices. */
  readonly sysfs: string;
  /** The tree node or ACPI object that it was made from; undefined for what no source describes. */
  readonly node: string | undefined;
  /** Driver that holds it. */
  readonly driver: string | undefined;
}

export interface SeenMap {
  readonly iova: bigint;
  readonly size: bigint;
  /** `ok` or the name of the error. */
  readonly result: string;
}

export interface SeenAttach {
  /** `ok`, `not-viable`, or the step that failed and the error. */
  readonly result: string;
  readonly ranges: readonly string[];
  readonly maps: readonly SeenMap[];
}

export interface SeenGroup {
  readonly id: number;
  readonly type: string;
  readonly devices: readonly SeenDevice[];
  /** Lines of `reserved_regions`. */
  readonly regions: readonly string[];
  /** The group in a VFIO container of its own. */
  readonly alone: SeenAttach | undefined;
  /** The group as it joins the container that all groups before it are in. */
  readonly joint: SeenAttach | undefined;
}

export interface Crash {
  readonly reason: string;
  /** Functions, innermost first. */
  readonly trace: readonly string[];
}

export interface Seen {
  readonly kernel: string | undefined;
  readonly groups: readonly SeenGroup[];
  /** PCI functions, and platform devices with `iommus` or an ACPI object, that are in no group. */
  readonly ungrouped: readonly SeenDevice[];
  readonly deferred: readonly string[];
  readonly log: readonly string[];
  /** ACPI tables by their signatures, where they were asked for. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
  /** Groups and devices have been reported. */
  readonly isReported: boolean;
  readonly isComplete: boolean;
  readonly crash: Crash | undefined;
}

/** Reads a console. What the guest did not get to is absent. */
export function readConsole(text: string): Seen {
  const lines = text.replaceAll('\r', '').split('\n');
  const said = lines.filter((line) => line.startsWith('@@')).map((line) => line.slice(2).split(' '));
  const about = (word: string): string[][] => said.flatMap(([first, ...rest]) => (first === word ? [rest] : []));
  const of = (word: string, group: string): string[][] =>
    about(word).flatMap(([first, ...rest]) => (first === group ? [rest] : []));
  const attach = (word: string, group: string): SeenAttach | undefined => {
    const result = of(word, group)[0];
    return (
      result && {
        result: result.join(' '),
        ranges: of(`${word}-range`, group).map((range) => range.join(' ')),
        maps: of(`${word}-map`, group).map(([iova, size, outcome]) => ({
          iova: BigInt(iova!),
          size: BigInt(size!),
          result: outcome!,
        })),
      }
    );
  };
  return {
    kernel: about('kernel')[0]?.[0],
    groups: about('group').map(([id, type]) => ({
      id: Number(id),
      type: type!,
      devices: of('device', id!).map(seenDevice),
      regions: of('region', id!).map((words) => words.join(' ')),
      alone: attach('alone', id!),
      joint: attach('joint', id!),
    })),
    ungrouped: about('ungrouped').map(seenDevice),
    deferred: about('deferred').map((words) => words.join(' ')),
    tables: new Map(about('table').map(([name, bytes]) => [name!, Buffer.from(bytes ?? '', 'hex')])),
    log: about('log').map((words) => withoutStamp(words.join(' '))),
    isReported: about('reported').length > 0,
    isComplete: about('end').length > 0,
    crash: crashIn(lines),
  };
}

function seenDevice([sysfs, origin, driver]: readonly string[]): SeenDevice {
  return {
    sysfs: sysfs!,
    node: /^(?:of|acpi):(.*)$/.exec(origin!)?.[1],
    driver: driver === '-' ? undefined : driver,
  };
}

function withoutStamp(line: string): string {
  return line.replace(/^(?:<\d+>)?\[ *[\d.]+\] (?:\[ *[TC]\d+\] )?/, '');
}

/** The first oops or panic. */
function crashIn(console: readonly string[]): Crash | undefined {
  const lines = console.map(withoutStamp);
  const first = lines.findIndex((line) => /^(?:Unable to handle|Kernel panic|Internal error|kernel BUG)/.test(line));
  if (first < 0) return undefined;
  const after = lines.slice(first);
  const start = after.findIndex((line) => line.startsWith('Call trace'));
  const trace: string[] = [];
  for (const line of start < 0 ? [] : after.slice(start + 1)) {
    const name = /^ ?([\w.]+)\+0x/.exec(line)?.[1];
    if (name === undefined) break;
    trace.push(name);
  }
  return { reason: after[0]!, trace };
}
