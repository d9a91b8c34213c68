// `iommu-addresses` as its author means it: each entry starts with a reference to a device, and goes on to the next one.
import { dmaParent } from '../tree/addresses';
import { cellsSource } from '../tree/cells';
import { addressCells, nodePath, sizeCells } from '../tree/navigate';
import type { DtNode, DtProperty } from '../tree/model';
import type { SourceRange } from '../text/source-file';
import type { Builder } from './builder';
import { problemAt } from './builder';
import type { Problem, WrittenReservation } from './model';
import { cellsOnce } from './translate';
import { oncePer } from '../text/once';

/** Trees may have millions of entries: where one is written is found out when somebody asks. */
class Entry implements WrittenReservation {
  constructor(
    private readonly property: DtProperty,
    readonly cell: number,
    readonly devicePath: string | undefined,
    readonly phandle: number,
    readonly cells: readonly number[],
    readonly addressCells: number,
    readonly sizeCells: number,
    readonly listed: boolean,
    readonly problem: Problem | undefined,
  ) {}

  get referenceSource(): SourceRange | undefined {
    return cellsSource(this.property, this.cell, 1);
  }

  get source(): SourceRange | undefined {
    return cellsSource(this.property, this.cell, 1 + this.cells.length);
  }
}

/** The entries of a property, in order of their cells. */
export function readWrittenEntries(builder: Builder, node: DtNode, property: DtProperty): WrittenReservation[] {
  const values = cellsOnce(property);
  const references = referenceCells(property);
  const entries: Entry[] = [];
  let reference = 0;
  for (let at = 0; at < values.length;) {
    while (reference < references.length && references[reference]! < at) reference++;
    const isReference = references[reference] === at;
    const phandle = values[at]!;
    const device = builder.tree.phandles.get(phandle);
    const { path, addressCount, sizeCount } = device ? deviceFacts(builder, device) : unknownDevice;
    const count = addressCount + sizeCount;
    const next = isReference
      ? nextReference(builder, references[reference + 1] ?? values.length, values, at, count)
      : // Numbers for phandles: trust the counts where they lead to another known phandle or to the end.
        count === 0
        ? values.length
        : Math.min(at + 1 + count, values.length);
    const problem = writtenProblem(builder, property, at, path, next - at - 1, addressCount, sizeCount);
    const cells = Array.from(values.subarray(at + 1, next));
    const listed = device !== undefined && listsRegion(builder, device, node);
    entries.push(new Entry(property, at, path, phandle, cells, addressCount, sizeCount, listed, problem));
    at = next;
  }
  return entries;
}

/** Cells that are written as references, ascending; none in a blob. */
function referenceCells(property: DtProperty): number[] {
  const found: number[] = [];
  for (const { kind, offset } of property.data.parts) {
    if (kind === 'phandle' && offset % 4 === 0) found.push(offset >> 2);
  }
  return found;
}

interface DeviceFacts {
  readonly path: string | undefined;
  readonly addressCount: number;
  readonly sizeCount: number;
}

const unknownDevice: DeviceFacts = { path: undefined, addressCount: 0, sizeCount: 0 };
const factsOf = new WeakMap<Builder, Map<DtNode, DeviceFacts>>();

function deviceFacts(builder: Builder, device: DtNode): DeviceFacts {
  let known = factsOf.get(builder);
  if (known === undefined) factsOf.set(builder, (known = new Map<DtNode, DeviceFacts>()));
  let facts = known.get(device);
  if (facts === undefined) {
    const bus = dmaParent(builder.tree, device) ?? device;
    facts = { path: nodePath(device), addressCount: addressCells(bus), sizeCount: sizeCells(bus) };
    known.set(device, facts);
  }
  return facts;
}

/** Where the next entry starts: at the next cell written as a reference, or at a phandle written as a number after a whole entry. */
function nextReference(builder: Builder, written: number, values: Uint32Array, at: number, count: number): number {
  const behind = at + 1 + count;
  const isPhandle = behind < written && values.length - behind > count && builder.tree.phandles.has(values[behind]!);
  return isPhandle ? behind : written;
}

function writtenProblem(
  builder: Builder,
  property: DtProperty,
  at: number,
  path: string | undefined,
  count: number,
  addressCount: number,
  sizeCount: number,
): Problem | undefined {
  if (path === undefined) {
    const phandle = cellsOnce(property)[at]!;
    return problemAt(builder, 'unresolved', `no node has phandle 0x${phandle.toString(16)}`, property, at);
  }
  if (count === addressCount + sizeCount) return undefined;
  const message = `${String(count)} cells follow the reference, and the bus of ${path} has ${String(addressCount)} for an address and ${String(sizeCount)} for a size`;
  return problemAt(builder, 'bad-length', message, property, at, 1 + count);
}

interface RegionList {
  readonly values: Uint32Array;
  questions: number;
  set: ReadonlySet<number> | undefined;
}

const regionList = oncePer((property: DtProperty): RegionList => ({
  values: cellsOnce(property),
  questions: 0,
  set: undefined,
}));
/** After so many questions about one list a set is made of it. */
const fewQuestions = 32;

function listsRegion(builder: Builder, device: DtNode, region: DtNode): boolean {
  const property = device.properties.get('memory-region');
  if (property === undefined || region.phandle === undefined) return false;
  if (builder.tree.phandles.get(region.phandle) !== region) return false;
  const list = regionList(property);
  if (list.set === undefined && ++list.questions < fewQuestions) return list.values.includes(region.phandle);
  list.set ??= new Set(list.values);
  return list.set.has(region.phandle);
}
