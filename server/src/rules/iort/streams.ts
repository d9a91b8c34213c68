// The stream IDs that arrive at SMMUs, by the mappings of root complexes and named components. They are read from the table's
// bytes, and from version to version of a table only those of masters that an edit changed: a large table has thousands.
import { contentOf } from '../../acpi/iort/decoded-node';
import type { IdMapping, IortNode, IortTable } from '../../acpi/iort/model';
import { readNumber } from '../../acpi/bytes';
import { idMappingLayout } from '../../acpi/layout/iort';
import { fieldOffsets } from '../../acpi/structure-values';
import { followed, type Change } from './changes';
import type { IdRange } from './translation';
import { lastAtOrBefore } from '../../text/in-order';

/** A mapping of a master that leads to an SMMU, and the stream IDs that it makes there. */
export interface StreamRange extends IdRange {
  readonly node: IortNode;
  readonly mapping: IdMapping;
  readonly smmu: IortNode;
}

/** Numbers, since IDs with the counts added to them have 33 bits at most; mappings are made when somebody asks. */
class MappedStreams implements StreamRange {
  constructor(
    readonly node: IortNode,
    readonly smmu: IortNode,
    readonly index: number,
    readonly first: number,
    readonly last: number,
  ) {}

  get mapping(): IdMapping {
    return this.node.mappings[this.index]!;
  }

  get start(): bigint {
    return BigInt(this.first);
  }

  get end(): bigint {
    return BigInt(this.last);
  }
}

/** The stream IDs that a root complex or a named component makes on SMMUs, in the order of its mappings. */
export function streamRanges(table: IortTable, node: IortNode): readonly StreamRange[] {
  return isMaster(node) ? rangesOf(table, node) : [];
}

function isMaster({ kind }: IortNode): boolean {
  return kind === 'root-complex' || kind === 'named-component';
}

const mapping = fieldOffsets(idMappingLayout);

function rangesOf({ bytes, nodeAt }: IortTable, node: IortNode): readonly MappedStreams[] {
  const { mappingStart, mappingCount } = contentOf(node).places;
  const word = (place: number): number => readNumber(bytes, place, 4) ?? 0;
  const found: MappedStreams[] = [];
  // Linux asks a component's mappings for its stream IDs up to the first that gives none; ranges are for a bus's children.
  let isAsked = true;
  for (let index = 0; index < mappingCount; index++) {
    const place = mappingStart + index * idMappingLayout.size;
    const isSingle = (word(place + mapping.flags) & 1) === 1;
    const target = nodeAt(word(place + mapping.outputReference));
    const isToSmmu = target?.kind === 'smmu' || target?.kind === 'smmuv3';
    if (isToSmmu && (isAsked || !isSingle || node.kind === 'root-complex')) {
      const first = word(place + mapping.outputBase);
      found.push(new MappedStreams(node, target, index, first, isSingle ? first : first + word(place + mapping.count)));
    }
    if (!isSingle || !isToSmmu) isAsked = false;
  }
  return found;
}

/** Ranges of one SMMU that are said to meet one: more than anybody reads. */
const mostMeeting = 64;

/** The stream IDs of all masters behind one SMMU. */
export class StreamsOfSmmu {
  private highestKept: readonly number[] | undefined;
  private meetsKept: boolean | undefined;

  /** In order of their first IDs. */
  constructor(readonly ranges: readonly MappedStreams[]) {}

  /** Two of them have a stream ID in common. */
  get meet(): boolean {
    this.meetsKept ??= haveCommonIds(this.ranges);
    return this.meetsKept;
  }

  /** The highest end up to each of the ranges: in front of a lower one nothing meets an ID any more. */
  private get highest(): readonly number[] {
    if (this.highestKept === undefined) {
      const highest: number[] = [];
      let most = 0;
      for (const { last } of this.ranges) {
        if (last > most) most = last;
        highest.push(most);
      }
      this.highestKept = highest;
    }
    return this.highestKept;
  }

  /** Those that meet a range of IDs, in their order. */
  meeting({ start, end }: IdRange): readonly StreamRange[] {
    const { ranges, highest } = this;
    const [first, last] = [Number(start), Number(end)];
    const found: StreamRange[] = [];
    let place = lastAtOrBefore(ranges.length, (index) => ranges[index]!.first, last);
    for (; place >= 0 && highest[place]! >= first && found.length < mostMeeting; place--) {
      if (ranges[place]!.last >= first) found.push(ranges[place]!);
    }
    return found.reverse();
  }
}

/** Of ranges in order of their first IDs. */
function haveCommonIds(ranges: readonly MappedStreams[]): boolean {
  let highest = -1;
  for (const { first, last } of ranges) {
    if (first <= highest) return true;
    if (last > highest) highest = last;
  }
  return false;
}

/** What arrives at each SMMU, in no order of these. */
export type Streams = ReadonlyMap<IortNode, StreamsOfSmmu>;

/** The stream IDs of all root complexes and named components, by the way of their mappings. */
export const streamsOf = followed<Streams>((table) => arriving(table, table.nodes), following);

/** Those of a range of IDs on an SMMU. */
export function streamsMeeting(table: IortTable, smmu: IortNode, ids: IdRange): readonly StreamRange[] {
  return streamsOf(table).get(smmu)?.meeting(ids) ?? [];
}

function arriving(table: IortTable, nodes: readonly IortNode[]): Map<IortNode, StreamsOfSmmu> {
  const found = new Map<IortNode, MappedStreams[]>();
  for (const node of nodes) {
    if (!isMaster(node)) continue;
    for (const range of rangesOf(table, node)) {
      const ranges = found.get(range.smmu);
      if (ranges === undefined) found.set(range.smmu, [range]);
      else ranges.push(range);
    }
  }
  return new Map(Array.from(found, ([smmu, ranges]) => [smmu, new StreamsOfSmmu(ranges.sort(byFirst))]));
}

/** SMMUs that a changed master is behind, or was, have others now. */
function following(known: Streams, table: IortTable, changes: readonly Change[]): Streams {
  const gone = new Set(changes.flatMap(([before]) => (before !== undefined && isMaster(before) ? before : [])));
  const come = arriving(
    table,
    changes.flatMap(([, after]) => after ?? []),
  );
  if (gone.size === 0 && come.size === 0) return known;
  const streams = new Map(come);
  for (const [smmu, before] of known) {
    const kept = before.ranges.filter(({ node }) => !gone.has(node));
    const added = come.get(smmu)?.ranges ?? [];
    if (added.length === 0 && kept.length === before.ranges.length) streams.set(smmu, before);
    else if (added.length > 0 || kept.length > 0)
      streams.set(smmu, new StreamsOfSmmu([...kept, ...added].sort(byFirst)));
  }
  return streams;
}

/** By the first ID, then by the place in the table. */
function byFirst(a: MappedStreams, b: MappedStreams): number {
  return a.first - b.first || a.node.index - b.node.index || a.index - b.index;
}

/** What rules go by (`TableRule.sight`) that ask which masters have a stream ID: where the IDs of all masters lead. */
export function streamSight(node: IortNode): string | undefined {
  return isMaster(node) ? mappingSight(node) : undefined;
}

/** Where the mappings of a node lead, and which IDs they make there. */
export function mappingSight({ mappings }: IortNode): string {
  return mappings
    .map(({ outputReference, outputBase, count, flags }) =>
      [outputReference.value, outputBase.value, count.value, flags.value].join(' '),
    )
    .join();
}
