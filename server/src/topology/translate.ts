// Translation of addresses up to the root under the rules of a kernel version; the way itself is tree/addresses.ts.
import { busKind, dmaParent, translate } from '../tree/addresses';
import type { BusKind, RangesName } from '../tree/addresses';
import { nodePath } from '../tree/navigate';
import type { DeviceTree, DtNode } from '../tree/model';
import type { BusRule } from './model';

export type RuledTranslation =
  { readonly ok: true; readonly address: bigint } | { readonly ok: false; readonly reason: string };

const badAddress = (1n << 64n) - 1n;

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
  if (found.address === badAddress)
    return { ok: false, reason: 'the address is all ones, which Linux takes for no address' };
  return { ok: true, address: found.address };
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
