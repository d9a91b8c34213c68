// Interrupts of a node, followed to the controller that takes them: `interrupts`, `interrupts-extended`, and the maps on the
// way (drivers/of/irq.c of_irq_parse_one, of_irq_parse_raw).
import type { SourceRange } from '../text/source-file';
import { cells, cellsSource } from './cells';
import type { DeviceTree, DtNode, DtProperty } from './model';
import { cellValue, isAvailable, isCompatible, nodePath } from './navigate';

export type Interrupt =
  | {
      readonly ok: true;
      /** The node with `interrupt-controller` where the way ends. */
      readonly controller: DtNode;
      /** What that controller reads, in its own cells. */
      readonly specifier: readonly number[];
      readonly source: SourceRange | undefined;
    }
  | { readonly ok: false; readonly reason: string; readonly source: SourceRange | undefined };

/** All interrupts of a node, in order; the list ends at the first entry that cannot be told from what follows. */
export function interruptsOf(tree: DeviceTree, node: DtNode): readonly Interrupt[] {
  const extended = node.properties.get('interrupts-extended');
  if (extended !== undefined) return extendedInterrupts(tree, node, extended);
  const property = node.properties.get('interrupts');
  const values = property && cells(property);
  if (property === undefined) return [];
  const parent = interruptParent(tree, node);
  const count = parent && cellValue(parent, '#interrupt-cells');
  if (values === undefined || parent === undefined || count === undefined || count === 0)
    return [failure('interrupts has no interrupt parent that says how many cells it takes', property, 0, 1)];
  const found: Interrupt[] = [];
  for (let at = 0; at + count <= values.length; at += count) {
    found.push(follow(tree, node, parent, Array.from(values.subarray(at, at + count)), property, at, count));
  }
  return found;
}

function extendedInterrupts(tree: DeviceTree, node: DtNode, property: DtProperty): readonly Interrupt[] {
  const values = cells(property) ?? new Uint32Array();
  const found: Interrupt[] = [];
  for (let at = 0; at < values.length;) {
    const parent = tree.phandles.get(values[at]!);
    const count = parent && cellValue(parent, '#interrupt-cells');
    if (parent === undefined || count === undefined || at + 1 + count > values.length) {
      found.push(failure('the entry leads to no interrupt controller', property, at, 1));
      break;
    }
    const specifier = Array.from(values.subarray(at + 1, at + 1 + count));
    found.push(follow(tree, node, parent, specifier, property, at, count + 1));
    at += 1 + count;
  }
  return found;
}

/** of_irq_find_parent: the nearest `interrupt-parent`, or node above, that has `#interrupt-cells`. */
function interruptParent(tree: DeviceTree, node: DtNode): DtNode | undefined {
  let at: DtNode | undefined = node;
  for (let depth = 0; at !== undefined && depth < 64; depth++) {
    const phandle = cellValue(at, 'interrupt-parent');
    at = phandle === undefined ? at.parent : tree.phandles.get(phandle);
    if (at?.properties.has('#interrupt-cells') === true) return at;
  }
  return undefined;
}

/** Parents of parents that are followed: real ways have two or three. */
const longestWay = 32;

function follow(
  tree: DeviceTree,
  device: DtNode,
  first: DtNode,
  start: readonly number[],
  property: DtProperty,
  at: number,
  count: number,
): Interrupt {
  const fail = (reason: string): Interrupt => failure(reason, property, at, count);
  let controller = first;
  let specifier = start;
  let address = unitAddressCells(device, ownAddressCells(first));
  for (let way = 0; way < longestWay; way++) {
    const map = controller.properties.get('interrupt-map');
    if (map === undefined) {
      if (controller.properties.has('interrupt-controller')) {
        return {
          ok: true,
          controller,
          specifier,
          get source() {
            return cellsSource(property, at, count);
          },
        };
      }
      const next = interruptParent(tree, controller);
      if (next === undefined || next === controller) break;
      controller = next;
      continue;
    }
    const entry = matchingEntry(tree, controller, map, [...address, ...specifier]);
    if (entry === undefined) return fail(`no entry of the interrupt-map of ${nodePath(controller)} takes it`);
    if (entry.parent === controller) break;
    ({ address, specifier, parent: controller } = entry);
  }
  return fail('it leads to no interrupt controller');
}

/** Of a nexus; Linux takes what a node above says where it says nothing, and 2 where none does. */
function ownAddressCells(nexus: DtNode): number {
  for (let at: DtNode | undefined = nexus; at !== undefined; at = at.parent) {
    const value = cellValue(at, '#address-cells');
    if (value !== undefined) return value;
  }
  return 2;
}

/** The first cells of the device's `reg`; zeros where there is none. */
function unitAddressCells({ properties }: DtNode, count: number): readonly number[] {
  const reg = properties.get('reg');
  const values = reg && cells(reg);
  return Array.from({ length: Math.min(count, 16) }, (_, index) => values?.[index] ?? 0);
}

interface MapEntry {
  readonly parent: DtNode;
  readonly address: readonly number[];
  readonly specifier: readonly number[];
}

function matchingEntry(
  tree: DeviceTree,
  nexus: DtNode,
  map: DtProperty,
  wanted: readonly number[],
): MapEntry | undefined {
  const values = cells(map) ?? new Uint32Array();
  const maskProperty = nexus.properties.get('interrupt-map-mask');
  const mask = maskProperty && cells(maskProperty);
  for (let at = 0; at + wanted.length < values.length;) {
    const start = at;
    const parent = tree.phandles.get(values[start + wanted.length]!);
    const count = parent && cellValue(parent, '#interrupt-cells');
    if (parent === undefined || count === undefined) return undefined;
    const addressCount = cellValue(parent, '#address-cells') ?? 0;
    const body = start + wanted.length + 1;
    at = body + addressCount + count;
    if (at > values.length) return undefined;
    const matches = wanted.every((cell, index) => ((cell ^ values[start + index]!) & (mask?.[index] ?? -1)) === 0);
    if (!matches || !isAvailable(parent)) continue;
    return {
      parent,
      address: Array.from(values.subarray(body, body + addressCount)),
      specifier: Array.from(values.subarray(body + addressCount, at)),
    };
  }
  return undefined;
}

function failure(reason: string, property: DtProperty, at: number, count: number): Interrupt {
  return {
    ok: false,
    reason,
    get source() {
      return cellsSource(property, at, count);
    },
  };
}

/** An interrupt's number for ACPI (GSIV: the GIC's own, all kinds counted together) and what triggers it. */
export interface GicInterrupt {
  readonly gsiv: number;
  readonly isEdge: boolean;
}

/** drivers/irqchip/irq-gic.c, irq-gic-v3.c */
const gics = [
  'arm,gic-v3',
  'arm,gic-400',
  'arm,arm11mp-gic',
  'arm,arm1176jzf-devchip-gic',
  'arm,cortex-a15-gic',
  'arm,cortex-a9-gic',
  'arm,cortex-a7-gic',
  'arm,pl390',
  'qcom,msm-8660-qgic',
  'qcom,msm-qgic2',
];

/** Where the numbers of SPIs, PPIs, and the extended ones begin (drivers/irqchip/irq-gic-v3.c gic_irq_domain_translate). */
const firstNumbers = [32, 16, 4096, 1056];

/** The interrupt as a GIC counts it; undefined for another controller's. */
export function gicInterrupt({ controller, specifier }: Interrupt & { readonly ok: true }): GicInterrupt | undefined {
  const [kind, number, flags = 0] = specifier;
  const first = firstNumbers[kind ?? -1];
  if (first === undefined || number === undefined) return undefined;
  if (!gics.some((name) => isCompatible(controller, name))) return undefined;
  return { gsiv: first + number, isEdge: (flags & 3) !== 0 };
}
