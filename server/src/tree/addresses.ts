// Bus addresses into CPU addresses through `ranges` and `dma-ranges`, as drivers/of/address.c of the kernel does it.
import type { SourceRange } from '../text/source-file';
import { cells, cellsSource, readNumber, strings } from './cells';
import type { DeviceTree, DtNode, DtProperty } from './model';
import { addressCells, baseName, cellValue, nodeByPhandle, nodePath, sizeCells, stringValue } from './navigate';

export type RangesName = 'ranges' | 'dma-ranges';

/** How the addresses below a node are made up: which translator of drivers/of/address.c of_match_bus it gets. */
export type BusKind = 'pci' | 'isa' | 'flags' | 'plain';

/** One entry of `ranges` or `dma-ranges` as written. Addresses are without the flags cell of the bus. */
export interface RangesEntry {
  readonly bus: DtNode;
  readonly property: DtProperty;
  /** Number of the entry, from 0, and of its first cell. */
  readonly index: number;
  readonly firstCell: number;
  /** First cell of the child address where the bus has flags (PCI: `phys.hi`), else 0. */
  readonly flags: number;
  readonly child: bigint;
  readonly parent: bigint;
  readonly size: bigint;
  /** Where the entry is written. */
  readonly source: SourceRange | undefined;
}

export type RangesResult =
  /** No such property: `ranges` then stops a translation, `dma-ranges` lets it pass unchanged. */
  | { readonly kind: 'missing' }
  /** Present and empty: addresses pass unchanged. */
  | { readonly kind: 'identity'; readonly property: DtProperty }
  /** `rest` cells at the end make no whole entry; the kernel does not look at them. */
  | {
      readonly kind: 'entries';
      readonly property: DtProperty;
      readonly entries: readonly RangesEntry[];
      readonly rest: number;
    }
  | { readonly kind: 'malformed'; readonly property: DtProperty; readonly reason: string };

/** A level that an address went through: the entry that matched, or none where it passed unchanged. */
export interface TranslationStep {
  readonly bus: DtNode;
  readonly entry: RangesEntry | undefined;
}

export type Translation =
  | {
      readonly ok: true;
      readonly address: bigint;
      /** How many bytes from there on translate the same way; undefined where no entry bounds it. */
      readonly contiguous: bigint | undefined;
      readonly steps: readonly TranslationStep[];
    }
  | {
      readonly ok: false;
      readonly reason: 'no-parent' | 'bad-cell-count' | 'no-ranges' | 'not-in-ranges' | 'malformed-ranges';
      readonly message: string;
      /** The bus where it ended. */
      readonly at: DtNode;
      readonly steps: readonly TranslationStep[];
    };

/** What kind of bus a node is for its children: drivers/of/address.c of_match_bus. */
export function busKind(bus: DtNode): BusKind {
  const type = stringValue(bus, 'device_type');
  const name = baseName(bus);
  if (type === 'pci' || type === 'pciex' || type === 'vci' || type === 'ht' || name === 'pcie') return 'pci';
  if (name === 'isa') return 'isa';
  return addressCells(bus) === 3 ? 'flags' : 'plain';
}

/** The PCI or ISA address space that a flags cell names. */
export function addressSpace(kind: BusKind, flags: number): 'memory' | 'io' | 'other' {
  if (kind === 'isa') return (flags & 1) !== 0 ? 'io' : 'memory';
  if (kind !== 'pci') return 'memory';
  const space = (flags >>> 24) & 3;
  return space === 1 ? 'io' : space === 0 ? 'other' : 'memory';
}

/** The entries of a bus's `ranges` or `dma-ranges`, not translated further: drivers/of/address.c parser_init. */
export function readRanges(bus: DtNode, name: RangesName): RangesResult {
  return entriesOf(bus, name, {
    child: addressCells(bus),
    parent: addressCells(bus.parent ?? bus),
    size: sizeCells(bus),
    childFlags: flagCells(busKind(bus)),
    parentFlags: 0,
  });
}

/** The node that DMA of a node goes to: its parent, unless an interconnect named `dma-mem` says another (__of_get_dma_parent). */
export function dmaParent(tree: DeviceTree, node: DtNode): DtNode | undefined {
  const names = node.properties.get('interconnect-names');
  const wanted = names && strings(names)?.indexOf('dma-mem');
  if (wanted === undefined || wanted < 0) return node.parent;
  const list = node.properties.get('interconnects');
  const values = list && cells(list);
  if (values === undefined) return node.parent;
  for (let at = 0, index = 0; at < values.length; index++) {
    const provider = nodeByPhandle(tree, values[at]!);
    if (index === wanted) return provider ?? node.parent;
    at += 1 + (provider ? (cellValue(provider, '#interconnect-cells') ?? 0) : 0);
  }
  return node.parent;
}

/** An entry of a node's `reg`. */
export interface TranslatedReg {
  readonly translation: Translation;
  readonly size: bigint;
  /** First cell of the address where the bus has flags, else 0. */
  readonly flags: number;
  readonly source: SourceRange | undefined;
}

/** The CPU address of entry `index` of a node's `reg`, and its size. */
export function translateReg(tree: DeviceTree, node: DtNode, index: number): TranslatedReg | undefined {
  const reg = node.properties.get('reg');
  const values = reg && cells(reg);
  if (reg === undefined || values === undefined || node.parent === undefined) return undefined;
  const kind = busKind(node.parent);
  const na = kind === 'pci' ? 3 : kind === 'isa' ? 2 : addressCells(node.parent);
  const ns = kind === 'pci' ? 2 : kind === 'isa' ? 1 : sizeCells(node.parent);
  const at = index * (na + ns);
  if (na + ns === 0 || at + na + ns > values.length) return undefined;
  const translation = translate(tree, node, Array.from(values.subarray(at, at + na)), 'ranges');
  return {
    translation,
    size: readNumber(values, at + na, ns),
    flags: flagCells(kind) === 1 ? values[at]! : 0,
    get source() {
      return cellsSource(reg, at, na + ns);
    },
  };
}

/**
 * A child-bus address that stands in `node` (so: in cells of the bus that is its parent) as the CPU sees it, level by level
 * up to the root: drivers/of/address.c __of_translate_address. With `dma-ranges` the way goes over DMA parents, and a bus
 * without the property lets addresses pass.
 */
export function translate(tree: DeviceTree, node: DtNode, address: readonly number[], name: RangesName): Translation {
  const parentOf = (of: DtNode): DtNode | undefined => (name === 'dma-ranges' ? dmaParent(tree, of) : of.parent);
  const steps: TranslationStep[] = [];
  const visited = new Set<DtNode>([node]);
  let at = node;
  let parent = parentOf(at);
  if (parent === undefined) return failure('no-parent', 'the root has no bus above it', at, steps);
  let kind = busKind(parent);
  let counts = countCells(kind, at);
  if (!areCountsUsable(counts)) return failure('bad-cell-count', badCounts(at, counts), at, steps);
  let current = Uint32Array.from(address.slice(0, counts.address));
  let contiguous: bigint | undefined;
  for (;;) {
    at = parent;
    parent = parentOf(at);
    if (parent === undefined) {
      return { ok: true, address: readNumber(current, 0, current.length), contiguous, steps };
    }
    if (visited.has(at)) return failure('no-parent', 'the DMA parents run in a circle', at, steps);
    visited.add(at);
    const parentKind = busKind(parent);
    const parentCounts = countCells(parentKind, at);
    if (!areCountsUsable(parentCounts)) return failure('bad-cell-count', badCounts(at, parentCounts), at, steps);

    const found = entriesOf(at, name, {
      child: counts.address,
      parent: parentCounts.address,
      size: counts.size,
      childFlags: flagCells(kind),
      parentFlags: flagCells(parentKind),
    });
    if (found.kind === 'malformed') return failure('malformed-ranges', found.reason, at, steps);
    if (found.kind === 'missing' && name === 'ranges') {
      return failure(
        'no-ranges',
        `${nodePath(at)} has no ranges: addresses below it mean nothing to the CPU`,
        at,
        steps,
      );
    }
    let base: Uint32Array<ArrayBuffer>;
    let offset: bigint;
    if (found.kind === 'entries') {
      const entry = found.entries.find((each) => matches(each, kind, current));
      if (entry === undefined) {
        const text = `0x${readNumber(current, flagCells(kind), current.length - flagCells(kind)).toString(16)}`;
        return failure('not-in-ranges', `no entry of the ${name} of ${nodePath(at)} holds ${text}`, at, steps);
      }
      offset = BigInt.asUintN(64, childAddress(kind, current) - entry.child);
      const left = entry.size - offset;
      contiguous = contiguous === undefined || left < contiguous ? left : contiguous;
      const values = cells(found.property)!;
      const start = entry.firstCell + counts.address;
      base = Uint32Array.from(values.subarray(start, start + parentCounts.address));
      steps.push({ bus: at, entry });
    } else {
      offset = readNumber(current, 0, current.length);
      base = new Uint32Array(parentCounts.address);
      // Flags pass through an identity mapping.
      if (flagCells(parentKind) === 1) base[0] = current[0]!;
      steps.push({ bus: at, entry: undefined });
    }
    current = added(base, offset, flagCells(parentKind));
    kind = parentKind;
    counts = parentCounts;
  }
}

interface Counts {
  readonly address: number;
  readonly size: number;
}

function countCells(kind: BusKind, child: DtNode): Counts {
  if (kind === 'pci') return { address: 3, size: 2 };
  if (kind === 'isa') return { address: 2, size: 1 };
  const bus = child.parent ?? child;
  return { address: addressCells(bus), size: sizeCells(bus) };
}

/** OF_CHECK_COUNTS: a bus without sizes (such as I2C) ends every translation. */
function areCountsUsable({ address, size }: Counts): boolean {
  return address > 0 && address <= 4 && size > 0;
}

function badCounts(node: DtNode, { address, size }: Counts): string {
  return `addresses beside ${nodePath(node)} have ${address} cells and sizes ${size}, which cannot be translated`;
}

function flagCells(kind: BusKind): number {
  return kind === 'plain' ? 0 : 1;
}

interface EntryLayout {
  readonly child: number;
  readonly parent: number;
  readonly size: number;
  readonly childFlags: number;
  readonly parentFlags: number;
}

interface KnownEntries {
  readonly bus: DtNode;
  readonly layout: EntryLayout;
  readonly result: RangesResult;
}

/** As they were read last: every translation through a bus asks for them, nearly always by the same cell counts. */
const knownEntries = new WeakMap<DtProperty, KnownEntries>();

function entriesOf(bus: DtNode, name: RangesName, layout: EntryLayout): RangesResult {
  const property = bus.properties.get(name);
  if (property === undefined) return { kind: 'missing' };
  const known = knownEntries.get(property);
  if (known?.bus === bus && isSameLayout(known.layout, layout)) return known.result;
  const result = readEntries(bus, name, property, layout);
  knownEntries.set(property, { bus, layout, result });
  return result;
}

function isSameLayout(one: EntryLayout, other: EntryLayout): boolean {
  return (
    one.child === other.child &&
    one.parent === other.parent &&
    one.size === other.size &&
    one.childFlags === other.childFlags &&
    one.parentFlags === other.parentFlags
  );
}

function readEntries(
  bus: DtNode,
  name: RangesName,
  property: DtProperty,
  { childFlags, parentFlags, ...counts }: EntryLayout,
): RangesResult {
  const values = cells(property);
  if (values === undefined)
    return { kind: 'malformed', property, reason: `${name} of ${nodePath(bus)} is no list of cells` };
  if (values.length === 0) return { kind: 'identity', property };
  const each = counts.child + counts.parent + counts.size;
  // A bus may say any count; an entry of no cells would never end, one of thousands is no entry.
  if (each === 0 || counts.child < childFlags || counts.parent < parentFlags)
    return { kind: 'malformed', property, reason: `the cell counts around ${nodePath(bus)} leave ${name} no entries` };
  const entries: RangesEntry[] = [];
  for (let at = 0, index = 0; at + each <= values.length; at += each, index++) {
    entries.push({
      bus,
      property,
      index,
      firstCell: at,
      flags: childFlags === 1 ? values[at]! : 0,
      child: readNumber(values, at + childFlags, counts.child - childFlags),
      parent: readNumber(values, at + counts.child + parentFlags, counts.parent - parentFlags),
      size: readNumber(values, at + counts.child + counts.parent, counts.size),
      get source() {
        return cellsSource(property, at, each);
      },
    });
  }
  return { kind: 'entries', property, entries, rest: values.length % each };
}

function childAddress(kind: BusKind, address: Uint32Array): bigint {
  return readNumber(address, flagCells(kind), address.length - flagCells(kind));
}

/** The `map` callbacks of drivers/of/address.c: the same address space (or flags), and inside the entry. */
function matches(entry: RangesEntry, kind: BusKind, address: Uint32Array): boolean {
  const flags = address[0]!;
  if (kind === 'pci' && addressSpace(kind, flags) !== addressSpace(kind, entry.flags)) return false;
  if (kind === 'isa' && ((flags ^ entry.flags) & 1) !== 0) return false;
  if (kind === 'flags' && flags !== entry.flags) return false;
  const value = childAddress(kind, address);
  // The sum wraps at 64 bits in the kernel as well.
  return value >= entry.child && value < BigInt.asUintN(64, entry.child + entry.size);
}

/** The `translate` callbacks: the offset added to the address part, the flags kept. */
function added(base: Uint32Array<ArrayBuffer>, offset: bigint, flags: number): Uint32Array<ArrayBuffer> {
  const sum = readNumber(base, flags, base.length - flags) + offset;
  base.fill(0, flags);
  const last = base.length - 1;
  if (last > flags) base[last - 1] = Number(BigInt.asUintN(32, sum >> 32n));
  if (last >= flags) base[last] = Number(BigInt.asUintN(32, sum));
  return base;
}

function failure(
  reason: Extract<Translation, { ok: false }>['reason'],
  message: string,
  at: DtNode,
  steps: readonly TranslationStep[],
): Translation {
  return { ok: false, reason, message, at, steps };
}
