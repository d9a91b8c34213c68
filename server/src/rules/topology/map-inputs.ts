// Which requester IDs a map covers: swept once a map, so that maps of thousands of entries cost what sorting them costs.
import { usableEntries } from '../../topology/id-maps';
import type { DmaMaster, HostBridge, IdMapEntry, MapRule, Topology } from '../../topology/model';
import { maps, type AnyMap, type FoundMap } from '../id-maps';
import type { RuleInput } from '../rule';
import { lastAtOrBefore } from '../../text/in-order';

export type AnyEntry = IdMapEntry<{ readonly cells: number | undefined }>;

/** Requester IDs, both ends included. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** A map with the bridge (or other bus) whose functions it serves. */
export interface ServedMap extends FoundMap {
  readonly master: DmaMaster | undefined;
  readonly bridge: HostBridge | undefined;
}

const servedBy = new WeakMap<Topology, readonly ServedMap[]>();

/** All maps of enabled nodes with what they serve. */
export function servedMaps(input: RuleInput): readonly ServedMap[] {
  let found = servedBy.get(input.topology);
  if (found === undefined) {
    found = findServed(input);
    servedBy.set(input.topology, found);
  }
  return found;
}

function findServed(input: RuleInput): ServedMap[] {
  const found = [...maps(input)];
  if (found.length === 0) return [];
  const masters = new Map(input.topology.masters.map((master) => [master.path, master]));
  return found.map((each) => {
    const master = masters.get(each.path);
    return { ...each, master, bridge: master?.hostBridge };
  });
}

/** Entries that the walk reaches and that can match something: not behind a broken one, not empty. */
export function liveEntries(map: AnyMap, rule: MapRule): AnyEntry[] {
  const entries: AnyEntry[] = [];
  for (const entry of usableEntries(map, rule)) {
    if (entry.problem?.code === 'outside-mask') break;
    if (entry.length > 0) entries.push(entry);
  }
  return entries;
}

/** The last ID of an entry: below 2^32 whatever its length. */
export function lastInput({ input, length }: AnyEntry): number {
  return Math.min(input + length - 1, 0xffffffff);
}

/** The entry's sum of base and length does not fit 32 bits: to Linux 7.1 it then matches nothing (of_map_id). */
export function wraps({ input, length }: AnyEntry): boolean {
  return input + length > 0xffffffff;
}

/** What the entries cover, as a set: sorted, none touching another. */
export function coverage(entries: readonly AnyEntry[]): IdRange[] {
  const sorted = entries
    .map((entry) => ({ first: entry.input, last: lastInput(entry) }))
    .sort((one, other) => one.first - other.first);
  const set: { first: number; last: number }[] = [];
  for (const range of sorted) {
    const open = set.at(-1);
    if (open === undefined || range.first > open.last + 1) set.push(range);
    else if (range.last > open.last) open.last = range.last;
  }
  return set;
}

/** Whether a set holds an ID; by halving. */
export function isCovered(set: readonly IdRange[], id: number): boolean {
  const range = set[lastAtOrBefore(set.length, (index) => set[index]!.first, id)];
  return range !== undefined && id <= range.last;
}
