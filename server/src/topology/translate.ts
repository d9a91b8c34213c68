// Translation of addresses up to the root under the rules of a kernel version; the way itself is tree/addresses.ts.
import { busKind, dmaParent, translate } from '../tree/addresses';
import type { BusKind, RangesName } from '../tree/addresses';
import { readNumber } from '../tree/cells';
import { addressCells, nodePath, sizeCells } from '../tree/navigate';
import type { DeviceTree, DtNode, DtProperty } from '../tree/model';
import type { BusRule } from './model';
import { oncePer } from '../text/once';

export type RuledTranslation =
  { readonly ok: true; readonly address: bigint } | { readonly ok: false; readonly reason: string };

/** OF_BAD_ADDR of include/linux/of_address.h */
export const badAddress = (1n << 64n) - 1n;
const allOnes = 'the address is all ones, which Linux takes for no address';

/**
 * The address that `node` has at `values[at…]` by its parent's bus, as the root sees it: of_translate_address for `ranges`,
 * of_translate_dma_address for `dma-ranges`. The caller checks that the cells exist.
 */
export function translateByRule(
  tree: DeviceTree,
  node: DtNode,
  values: Uint32Array,
  at: number,
  property: RangesName,
  rule: BusRule,
): RuledTranslation {
  const bus = rule === 'own-cells' ? busWithoutCells(tree, node, property) : undefined;
  if (bus !== undefined) {
    return {
      ok: false,
      reason: `${nodePath(bus)} has no #address-cells of its own, so Linux finds no bus type for it`,
    };
  }
  const found = translate(tree, node, Array.from(values.subarray(at, at + 4)), property);
  if (!found.ok) return { ok: false, reason: found.message };
  // OF_BAD_ADDR cannot be told from an address.
  if (found.address === badAddress) return { ok: false, reason: allOnes };
  return { ok: true, address: found.address };
}

/** Translates the addresses of one device; what is the same for all of them is found out once. */
export type DmaTranslator = (values: Uint32Array, at: number, rule: BusRule) => RuledTranslation;

/** `translateByRule` with `dma-ranges` for many addresses of the same node. */
export function dmaTranslator(tree: DeviceTree, node: DtNode): DmaTranslator {
  const plain = plainWay(tree, node);
  const lacksCells = busWithoutCells(tree, node, 'dma-ranges') !== undefined;
  return (values, at, rule) => {
    if (plain === undefined || (lacksCells && rule === 'own-cells'))
      return translateByRule(tree, node, values, at, 'dma-ranges', rule);
    const address = readNumber(values, at, plain.count) & plain.mask;
    return address === badAddress ? { ok: false, reason: allOnes } : { ok: true, address };
  };
}

interface PlainWay {
  readonly count: number;
  /** Where a bus on the way has addresses of one cell, the upper half gets lost. */
  readonly mask: bigint;
}

/** The way up where no bus translates, so that addresses come out as they are. */
function plainWay(tree: DeviceTree, node: DtNode): PlainWay | undefined {
  let count: number | undefined;
  let mask = badAddress;
  let at = node;
  for (let depth = 0; depth < 64; depth++) {
    const { parent } = at;
    if (dmaParent(tree, at) !== parent) return undefined;
    if (parent === undefined) return count === undefined ? undefined : { count, mask };
    const cells = addressCells(parent);
    if (busKind(parent) !== 'plain' || cells < 1 || cells > 2 || sizeCells(parent) < 1) return undefined;
    if (count !== undefined && cells === 1) mask = 0xffffffffn;
    if (at !== node && (at.properties.get('dma-ranges')?.data.bytes.length ?? 0) > 0) return undefined;
    count ??= cells;
    at = parent;
  }
  return undefined;
}

/** Bus kinds whose counts do not come from properties. */
const ownCounts: ReadonlySet<BusKind> = new Set(['pci', 'isa']);

/** The first bus on the way up that of_match_bus matches to none from 6.13 on (of_bus_default_match). */
export function busWithoutCells(tree: DeviceTree, node: DtNode, property: RangesName): DtNode | undefined {
  let at = property === 'dma-ranges' ? dmaParent(tree, node) : node.parent;
  for (let depth = 0; at !== undefined && depth < 64; depth++) {
    if (!at.properties.has('#address-cells') && !ownCounts.has(busKind(at))) return at;
    at = property === 'dma-ranges' ? dmaParent(tree, at) : at.parent;
  }
  return undefined;
}

/** The whole cells of a value; the kernel divides the length by four and drops the rest. */
export function cellsOf(bytes: Uint8Array): Uint32Array {
  const result = new Uint32Array(bytes.length >> 2);
  for (let index = 0, at = 0; index < result.length; index++, at += 4) {
    result[index] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  return result;
}

/** The cells of a property that many may ask for. */
export const cellsOnce = oncePer(({ data }: DtProperty): Uint32Array => cellsOf(data.bytes));
