// MSI controllers, where devices ring them, and how a node's MSIs find one.
import { cellsSource, readNumber } from '../tree/cells';
import { translate } from '../tree/addresses';
import { cellValue, compatibles, nodePath } from '../tree/navigate';
import type { DtNode } from '../tree/model';
import type { AddressRange, PhysicalAddress } from './address';
import { rangeOf } from './address';
import type { Builder } from './builder';
import { availabilityOf, labelNames, linkTo, nodeSource, problemAt, propertySource } from './builder';
import type { MapKind } from './id-maps';
import { readIdMap } from './id-maps';
import type { Availability, Doorbell, MsiController, MsiControllerKind, MsiParent, MsiRouting, Problem } from './model';
import { readResource, registerList } from './registers';
import { cellsOf } from './translate';

const kinds: Readonly<Record<string, MsiControllerKind>> = {
  'arm,gic-v3-its': 'its',
  'arm,gic-v5-its': 'gicv5-its',
  'arm,gic-v2m-frame': 'gicv2m',
};

/** An MSI controller; the caller knows that the node is one, by `msi-controller` or because a reference says so. */
export function readMsiController(builder: Builder, node: DtNode): MsiController | undefined {
  const names = compatibles(node);
  const known = names.map((name) => kinds[name]).find((kind) => kind !== undefined);
  const hasProperty = node.properties.has('msi-controller');
  if (!hasProperty && known === undefined) return undefined;
  const kind = known ?? (node.properties.has('mbi-ranges') ? 'mbi' : 'other');
  const doorbells = doorbellsOf(builder, node, kind);
  return {
    path: nodePath(node),
    labels: labelNames(node),
    kind,
    compatible: names,
    availability: controllerAvailability(builder, node, kind),
    cells: cellValue(node, '#msi-cells') ?? 0,
    doorbells,
    doorbellsUnknown: doorbells.length > 0 ? undefined : unknownReason(kind, names),
    isolated: isolated(node, kind),
    source: nodeSource(node),
  };
}

/** Without registers there is no controller (drivers/irqchip/irq-gic-v3-its.c its_of_probe, irq-gic-v2m.c gicv2m_of_init). */
function controllerAvailability(builder: Builder, node: DtNode, kind: MsiControllerKind): Availability {
  const own = availabilityOf(node);
  if (!own.enabled || (kind !== 'its' && kind !== 'gicv2m')) return own;
  const reg = node.properties.get('reg');
  const resource = reg && readResource(builder.tree, node, 0);
  if (resource !== undefined && resource.kind !== 'none') return own;
  const reason = `Linux finds no registers: ${resource?.message ?? 'there is no reg'}`;
  return { enabled: false, reason, source: propertySource(reg) ?? nodeSource(node) };
}

function unknownReason(kind: MsiControllerKind, names: readonly string[]): string {
  if (kind !== 'other') return 'its reg does not translate to a physical address';
  return `the binding of ${names[0] ?? 'a node without compatible'} does not say where devices write`;
}

/** IRQ_DOMAIN_FLAG_ISOLATED_MSI is set by the ITS drivers alone; the pre-ITS of Socionext's SoC loses it (its_of_probe quirks). */
function isolated(node: DtNode, kind: MsiControllerKind): boolean | undefined {
  if (kind === 'other') return undefined;
  return kind === 'its' ? !node.properties.has('socionext,synquacer-pre-its') : kind === 'gicv5-its';
}

function doorbellsOf(builder: Builder, node: DtNode, kind: MsiControllerKind): Doorbell[] {
  switch (kind) {
    case 'its':
      return preItsDoorbell(node) ?? firstRegister(builder, node, 0x10040n, 0x10000n);
    case 'gicv2m':
      // drivers/irqchip/irq-gic-v2m.c V2M_MSI_SETSPI_NS
      return firstRegister(builder, node, 0x40n, 0x1000n);
    case 'mbi':
      return mbiDoorbell(builder, node) ?? firstRegister(builder, node, 0x40n, 0x10000n);
    case 'gicv5-its':
      return translateFrames(builder, node);
    case 'other':
      return [];
  }
}

/** A register at an offset from the first `reg` entry, and the page of that size around it. */
function firstRegister(builder: Builder, node: DtNode, offset: bigint, pageSize: bigint): Doorbell[] {
  const first = registerList(builder.tree, node)[0];
  return first === undefined ? [] : [doorbell(first.range.start + offset, pageSize, first.source)];
}

function doorbell(address: bigint, pageSize: bigint, source: Doorbell['source']): Doorbell {
  const page = rangeOf((address - (address % pageSize)) as PhysicalAddress, pageSize);
  return { address: address as PhysicalAddress, page, source };
}

/** drivers/irqchip/irq-gic-v3-its.c its_enable_quirk_socionext_synquacer: each device has a word of its own in a window before the ITS. */
function preItsDoorbell(node: DtNode): Doorbell[] | undefined {
  const property = node.properties.get('socionext,synquacer-pre-its');
  const values = property && cellsOf(property.data.bytes);
  if (property === undefined || values === undefined || values.length < 2) return undefined;
  const start = BigInt(values[0]!) as PhysicalAddress;
  const page: AddressRange<PhysicalAddress> = rangeOf(start, BigInt(values[1]!));
  return [{ address: start, page, source: cellsSource(property, 0, 2) }];
}

/** drivers/irqchip/irq-gic-v3-mbi.c mbi_init: `mbi-alias` is an address on the node's bus. */
function mbiDoorbell(builder: Builder, node: DtNode): Doorbell[] | undefined {
  const property = node.properties.get('mbi-alias');
  if (property === undefined) return undefined;
  const values = cellsOf(property.data.bytes);
  const found = translate(builder.tree, node, Array.from(values), 'ranges');
  const base = found.ok ? found.address : readNumber(values, 0, Math.min(values.length, 2));
  return [doorbell(base + 0x40n, 0x10000n, cellsSource(property, 0, values.length))];
}

/** GICv5: the child nodes' `reg` named `ns-translate` (drivers/irqchip/irq-gic-v5-its.c). */
function translateFrames(builder: Builder, node: DtNode): Doorbell[] {
  const found: Doorbell[] = [];
  for (const child of node.children.values()) {
    const first = registerList(builder.tree, child)[0];
    if (first !== undefined) found.push(doorbell(first.range.start, 0x10000n, first.source));
  }
  return found;
}

/** What a node says of its MSIs: `msi-parent` and `msi-map`. */
export function readMsiRouting(
  builder: Builder,
  node: DtNode,
  find: (node: DtNode) => MsiController | undefined,
): MsiRouting {
  const parents = readParents(builder, node, find);
  const kind: MapKind<MsiController> = { name: 'msi-map', cellsName: '#msi-cells', wanted: 'MSI controller', find };
  const map = readIdMap(builder, node, kind);
  const source = map?.source ?? propertySource(node.properties.get('msi-parent'));
  return { parents, map, node: parents.length > 0 || map ? nodePath(node) : undefined, source };
}

/** drivers/of/irq.c of_msi_get_domain: an absent `#msi-cells` counts as 0; the walk ends at the first bad entry. */
function readParents(builder: Builder, node: DtNode, find: (node: DtNode) => MsiController | undefined): MsiParent[] {
  const property = node.properties.get('msi-parent');
  if (property === undefined) return [];
  const values = cellsOf(property.data.bytes);
  const entries: MsiParent[] = [];
  for (let at = 0; at < values.length;) {
    const controller = linkTo(builder, property, at, values[at]!, find, 'MSI controller');
    const target = builder.tree.phandles.get(values[at]!);
    const count = target === undefined ? 0 : (cellValue(target, '#msi-cells') ?? 0);
    const available = values.length - at - 1;
    let problem: Problem | undefined;
    if (count > available) {
      const message = `${controller.path ?? 'the target'} asks for ${String(count)} cells (#msi-cells), and ${String(available)} follow: Linux finds no MSI controller`;
      problem = problemAt(builder, 'bad-length', message, property, at, 1 + available);
    }
    const taken = Math.min(count, available);
    const cells = Array.from(values.subarray(at + 1, at + 1 + taken));
    const first = at;
    entries.push({
      controller,
      cells,
      get source() {
        return cellsSource(property, first, 1 + taken);
      },
      problem,
    });
    if (problem !== undefined || target === undefined) break;
    at += 1 + count;
  }
  return entries;
}
