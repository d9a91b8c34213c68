// `iommu-map` and `msi-map`: tables from requester IDs to IDs of a target, read by the rules of either kind of kernel, and
// the look-up in them (drivers/of/base.c of_map_id).
import type { SourceRange } from '../text/source-file';
import { cellsSource } from '../tree/cells';
import { cellValue } from '../tree/navigate';
import type { DtNode, DtProperty } from '../tree/model';
import type { Builder } from './builder';
import { linkTo, problemAt, propertySource } from './builder';
import type { Availability, DmaMaster, IdMap, IdMapEntry, IdMapReading, Iommu, Link, MapRule, Problem } from './model';
import { cellsOf } from './translate';

interface MapTarget {
  readonly path: string;
  readonly availability: Availability;
}

export interface MapKind<Target> {
  readonly name: 'iommu-map' | 'msi-map';
  readonly cellsName: '#iommu-cells' | '#msi-cells';
  readonly wanted: string;
  readonly find: (node: DtNode) => Target | undefined;
  /** Why the target cannot take the highest ID that an entry gives, if so. */
  readonly refusesId?: (target: Target, highest: number) => string | undefined;
}

/** MAX_PHANDLE_ARGS */
const mostCells = 16;

/** The map in a node, if it has one. */
export function readIdMap<Target extends MapTarget>(
  builder: Builder,
  node: DtNode,
  kind: MapKind<Target>,
): IdMap<Target> | undefined {
  const property = node.properties.get(kind.name);
  if (property === undefined) return undefined;
  const maskProperty = node.properties.get(`${kind.name}-mask`);
  const mask = maskProperty ? (cellValue(node, `${kind.name}-mask`) ?? 0xffffffff) : 0xffffffff;
  const values = cellsOf(property.data.bytes);
  const links = new Map<number, Link<Target>>();
  const link = (cell: number): Link<Target> => {
    let found = links.get(cell);
    if (found === undefined) {
      found = linkTo(builder, property, cell, values[cell]!, kind.find, kind.wanted);
      links.set(cell, found);
    }
    return found;
  };
  const shape = { builder, property, values, mask, link, refusesId: kind.refusesId };
  const counts = targetCounts(builder, values, kind.cellsName);
  const byTarget = counts ?? [];
  const isPlain = byTarget.every((count) => count === 1) && values.length === byTarget.length * 4;
  const fourCells = readFourCells(shape);
  // Every target has one cell: both kinds of kernel read the same, and so do we, once.
  const targetCells = isPlain && !fourCells.unusable ? fourCells : readTargetCells(shape, kind.cellsName);
  return {
    property: kind.name,
    mask,
    maskSource: propertySource(maskProperty),
    source: propertySource(property),
    readings: { 'four-cells': fourCells, 'target-cells': targetCells },
  };
}

interface Shape<Target> {
  readonly builder: Builder;
  readonly property: DtProperty;
  readonly values: Uint32Array;
  readonly mask: number;
  readonly link: (cell: number) => Link<Target>;
  readonly refusesId: MapKind<Target>['refusesId'];
}

/** Kernels to 7.1: a length that is no multiple of 16 bytes, or 0, makes the map unusable. */
function readFourCells<Target>(shape: Shape<Target>): IdMapReading<Target> {
  const { builder, property, values } = shape;
  const { length } = property.data.bytes;
  if (property.data.broken) return unreadable(shape);
  if (length === 0 || length % 16 !== 0) {
    const message = `${property.name} has ${String(length)} bytes, and kernels to 7.1 take only entries of 16 bytes`;
    return { entries: [], problem: problemAt(builder, 'bad-length', message, property), unusable: true };
  }
  const entries: IdMapEntry<Target>[] = [];
  for (let at = 0; at < values.length; at += 4) entries.push(readEntry(shape, at, 1, entries));
  return { entries, problem: undefined, unusable: false };
}

/** From 7.2 on an entry is as long as its target's cell count says; what is wrong is found out when the walk gets there. */
function readTargetCells<Target>(shape: Shape<Target>, cellsName: '#iommu-cells' | '#msi-cells'): IdMapReading<Target> {
  const { builder, property, values } = shape;
  if (property.data.broken) return unreadable(shape);
  const entries: IdMapEntry<Target>[] = [];
  const refuse = (problem: Problem): IdMapReading<Target> => ({ entries, problem, unusable: entries.length === 0 });
  const isOld = hasOldForm(builder, values, cellsName);
  let at = 0;
  while (at < values.length) {
    if (at + 2 > values.length) break;
    const target = builder.tree.phandles.get(values[at + 1]!);
    if (target === undefined) {
      const entry = shape.link(at + 1);
      return refuse(entry.problem ?? problemAt(builder, 'unresolved', 'the target does not exist', property, at + 1));
    }
    const count = isOld ? 1 : (cellValue(target, cellsName) ?? 1);
    if (count > mostCells) {
      const message = `${cellsName} = ${String(count)} of the target is more than Linux takes`;
      return refuse(problemAt(builder, 'bad-cells', message, property, at + 1));
    }
    if (at + 3 + count > values.length) break;
    entries.push(readEntry(shape, at, count, entries));
    at += 3 + count;
  }
  if (at < values.length || values.length === 0 || property.data.bytes.length % 4 !== 0) {
    const message = `${property.name} ends inside an entry: from 7.2 on an entry has three cells and those that ${cellsName} of its target asks for`;
    return refuse(problemAt(builder, 'bad-length', message, property, at, values.length - at));
  }
  return { entries, problem: undefined, unusable: false };
}

/** of_check_bad_map of 7.2: a map to a two-cell target that was written with one cell throughout is taken as meant. */
function hasOldForm(builder: Builder, values: Uint32Array, cellsName: string): boolean {
  const first = builder.tree.phandles.get(values[1] ?? 0);
  if (first === undefined || cellValue(first, cellsName) !== 2 || values.length === 0 || values.length % 4 !== 0)
    return false;
  for (let at = 0; at < values.length; at += 4) {
    if (values[at + 1] !== values[1] || values[at + 3] !== 1) return false;
  }
  return true;
}

/** Cell counts of the targets, entry by entry in the four-cell reading; undefined when that reading does not exist. */
function targetCounts(builder: Builder, values: Uint32Array, cellsName: string): number[] | undefined {
  if (values.length === 0 || values.length % 4 !== 0) return undefined;
  const counts: number[] = [];
  for (let at = 0; at < values.length; at += 4) {
    const target = builder.tree.phandles.get(values[at + 1]!);
    // A missing target stops the walk of newer kernels, whatever the ID.
    counts.push(target === undefined ? -1 : (cellValue(target, cellsName) ?? 1));
  }
  return counts;
}

function readEntry<Target>(
  shape: Shape<Target>,
  at: number,
  count: number,
  earlier: readonly IdMapEntry<Target>[],
): IdMapEntry<Target> {
  const { builder, property, values, mask } = shape;
  const input = values[at]!;
  const length = values[at + 2 + count]!;
  const target = shape.link(at + 1);
  let problem: Problem | undefined;
  if ((input & ~mask) !== 0) {
    const message = `the input base 0x${input.toString(16)} has bits outside the mask 0x${mask.toString(16)}; Linux stops reading the map here`;
    problem = problemAt(builder, 'outside-mask', message, property, at);
  } else if (length === 0) {
    problem = problemAt(builder, 'zero-size', 'the entry covers no ID', property, at + 2 + count);
  } else if (count > 1 && length > 1) {
    const message = `an entry for a target with ${String(count)} cells can cover only one ID, not ${String(length)}`;
    problem = problemAt(builder, 'bad-cells', message, property, at + 2 + count);
  } else if (isHidden(input, length, earlier)) {
    const message = `earlier entries cover all of 0x${input.toString(16)}–0x${(input + length - 1).toString(16)}; the first match wins`;
    problem = problemAt(builder, 'hidden-entry', message, property, at, 3 + count);
  } else if (target.target !== undefined && count > 0) {
    // Requester IDs have 16 bits; what a length says beyond them is never asked for.
    const used = input > 0xffff ? length : Math.min(length, 0x10000 - input);
    const refusal = shape.refusesId?.(target.target, values[at + 2]! + used - 1);
    if (refusal !== undefined) problem = problemAt(builder, 'stream-id-range', refusal, property, at + 2);
  }
  const output = count === 0 ? 0 : values[at + 2]!;
  const extra = count < 2 ? none : Array.from(values.subarray(at + 3, at + 2 + count));
  return new MapEntry(property, at, count, input, target, output, extra, length, problem);
}

const none: readonly number[] = [];

/** A class because of its getters: of thousands of entries, the places of few are asked for. */
class MapEntry<Target> implements IdMapEntry<Target> {
  constructor(
    private readonly property: DtProperty,
    private readonly at: number,
    private readonly count: number,
    readonly input: number,
    readonly target: Link<Target>,
    readonly output: number,
    readonly extra: readonly number[],
    readonly length: number,
    readonly problem: Problem | undefined,
  ) {}

  get source(): SourceRange | undefined {
    return cellsSource(this.property, this.at, 3 + this.count);
  }

  get inputSource(): SourceRange | undefined {
    return cellsSource(this.property, this.at, 1);
  }

  get outputSource(): SourceRange | undefined {
    return this.count === 0 ? undefined : cellsSource(this.property, this.at + 2, this.count);
  }

  get lengthSource(): SourceRange | undefined {
    return cellsSource(this.property, this.at + 2 + this.count, 1);
  }
}

/** Whether one of the earlier entries covers all inputs. Of a map of thousands, only the first are compared: it is a hint. */
function isHidden(input: number, length: number, earlier: readonly IdMapEntry<unknown>[]): boolean {
  const end = input + length;
  for (let index = 0; index < earlier.length && index < mostCompared; index++) {
    const entry = earlier[index]!;
    if (entry.input <= input && end <= entry.input + entry.length) return true;
  }
  return false;
}

const mostCompared = 256;

function unreadable<Target>({ builder, property }: Shape<Target>): IdMapReading<Target> {
  const problem = problemAt(builder, 'unreadable', `${property.name} cannot be read`, property);
  return { entries: [], problem, unusable: true };
}

/** Where an ID leads, or why nowhere: of_map_id for a target that is looked for. */
export type MapResult<Target> =
  | {
      readonly kind: 'found';
      readonly entry: IdMapEntry<Target>;
      readonly id: number;
      readonly extra: readonly number[];
    }
  /** `problem` is undefined when simply no entry covers the ID. */
  | { readonly kind: 'none'; readonly problem: Problem | undefined };

/** Looks an ID up as the kernel does: entries in order, the first that covers the masked ID, stopping at the first bad one. */
export function lookUp<Target>(map: IdMap<Target>, rule: MapRule, id: number): MapResult<Target> {
  const { entries, problem, unusable } = map.readings[rule];
  if (unusable) return { kind: 'none', problem };
  const masked = (id & map.mask) >>> 0;
  for (const entry of entries) {
    if (entry.problem?.code === 'outside-mask') return { kind: 'none', problem: entry.problem };
    // To 7.1 the end of the entry is a sum of 32 bits; from 7.2 on the offset is compared with the length.
    const sum = entry.input + entry.length;
    const end = rule === 'four-cells' ? sum >>> 0 : sum;
    if (masked < entry.input || masked >= end) continue;
    if (entry.problem?.code === 'bad-cells') return { kind: 'none', problem: entry.problem };
    if (entry.target.problem?.code === 'unresolved') return { kind: 'none', problem: entry.target.problem };
    const found = entry.single === true ? entry.output : (masked - entry.input + entry.output) >>> 0;
    return { kind: 'found', entry, id: found, extra: entry.extra };
  }
  return { kind: 'none', problem };
}

/** The entries of a map that count under a rule; none without a map or where it is unusable as a whole. */
export function usableEntries<Target>(map: IdMap<Target> | undefined, rule: MapRule): readonly IdMapEntry<Target>[] {
  const reading = map?.readings[rule];
  return reading === undefined || reading.unusable ? [] : reading.entries;
}

/** The IOMMUs that a master's DMA may go through, as often as something leads there. */
export function iommusOf({ streams, iommuMap }: DmaMaster, rule: MapRule): readonly Iommu[] {
  const links = [...streams.map(({ iommu }) => iommu), ...usableEntries(iommuMap, rule).map(({ target }) => target)];
  return links.flatMap(({ target }) => target ?? []);
}

/** Whether it may go through one of these. */
export function isBehind({ streams, iommuMap }: DmaMaster, iommus: ReadonlySet<Iommu>, rule: MapRule): boolean {
  const isOne = ({ target }: Link<Iommu>): boolean => target !== undefined && iommus.has(target);
  return streams.some(({ iommu }) => isOne(iommu)) || usableEntries(iommuMap, rule).some(({ target }) => isOne(target));
}
