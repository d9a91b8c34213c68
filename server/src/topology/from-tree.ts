// The topology that a devicetree describes. One walk finds the nodes that matter; only their properties are decoded.
import { compatibles, nodePath, stringValue, walk } from '../tree/navigate';
import type { DeviceTree, DtNode } from '../tree/model';
import type { Builder } from './builder';
import { availabilityOf, isDmaCoherent, labelNames, nodeSource, propertySource } from './builder';
import type { DescribedFunction } from './host-bridges';
import type { HardwareSettings } from './iommu-drivers';
import { describedFunctions, isHostBridge, readHostBridge } from './host-bridges';
import { readIdMap } from './id-maps';
import { inboundFrom } from './inbound';
import type { Reach } from './iommus';
import { iommuMapKind, readIommu, readStreams } from './iommus';
import { readMemory } from './memory';
import type {
  Availability,
  BusRule,
  DmaMaster,
  HostBridge,
  Inbound,
  Iommu,
  MemoryRange,
  MsiController,
  ReservationNode,
  Topology,
} from './model';
import { readMsiController, readMsiRouting } from './msi';
import { readResource } from './registers';
import type { ReservationIndex } from './reservations';
import {
  indexReservations,
  readMemoryRegions,
  readReservationNode,
  readReservations,
  visitMemoryRegions,
} from './reservations';
import { busWithoutCells } from './translate';
import { dmaParent } from '../tree/addresses';

/** Masters, IOMMUs, doorbells, windows and reservations of a tree; what is wrong with them is in the values themselves. */
export function topologyFromTree(tree: DeviceTree, hardware: HardwareSettings = {}): Topology {
  const builder: Builder = { tree, hardware, problems: [] };
  const nodes = findNodes(tree.root);
  const memory = readMemory(builder, nodes.memory);
  const registry = newRegistry(builder, nodes.reservations, memory);
  for (const node of nodes.iommus) registry.iommu(node);
  for (const node of nodes.msiControllers) registry.msiController(node);
  for (const node of nodes.reservations) registry.reservation(node);

  const masters: DmaMaster[] = [];
  const functions = new Set<DtNode>();
  const hostBridges: HostBridge[] = [];
  for (const node of nodes.masters) {
    if (isHostBridge(node)) {
      const bridge = readHostBridge(builder, node, nextSegment(hostBridges));
      hostBridges.push(bridge);
      const host = readMaster(registry, node, { kind: 'pci-host', hostBridge: bridge });
      masters.push(host);
      // A bridge comes before what is behind it.
      for (const [functionNode, master] of readFunctions(registry, node, host, bridge)) {
        functions.add(functionNode);
        masters.push(master);
      }
    } else if (!functions.has(node) && isMaster(node, registry)) {
      masters.push(readMaster(registry, node, { kind: node.properties.has('iommu-map') ? 'bus' : 'platform' }));
    }
  }
  return {
    firmware: 'devicetree',
    masters,
    hostBridges,
    iommus: registry.iommus(),
    msiControllers: registry.msiControllers(),
    memory,
    reservationNodes: registry.reservations(),
    problems: builder.problems,
  };
}

interface InterestingNodes {
  readonly iommus: DtNode[];
  readonly msiControllers: DtNode[];
  readonly reservations: DtNode[];
  readonly memory: DtNode[];
  /** Whatever may be a master, host bridges included, in tree order. */
  readonly masters: DtNode[];
}

const masterProperties = ['iommus', 'iommu-map', 'msi-parent', 'msi-map', 'memory-region'];

function findNodes(root: DtNode): InterestingNodes {
  const found: InterestingNodes = { iommus: [], msiControllers: [], reservations: [], memory: [], masters: [] };
  walk(root, (node) => {
    const { properties } = node;
    if (properties.has('#iommu-cells')) found.iommus.push(node);
    if (properties.has('msi-controller')) found.msiControllers.push(node);
    if (properties.has('iommu-addresses')) found.reservations.push(node);
    const isTyped = properties.has('device_type');
    // drivers/of/fdt.c early_init_dt_scan_memory: the root's children alone.
    if (isTyped && node.parent === root && stringValue(node, 'device_type') === 'memory') found.memory.push(node);
    if (
      masterProperties.some((name) => properties.has(name)) ||
      ((isTyped || node.name.startsWith('pcie')) && isHostBridge(node))
    ) {
      found.masters.push(node);
    }
  });
  return found;
}

/** What becomes of nodes that are referred to: each is read once. */
interface Registry {
  readonly builder: Builder;
  readonly inbounds: Map<DtNode, Inbound>;
  readonly iommu: (node: DtNode) => Iommu | undefined;
  readonly iommus: () => Iommu[];
  readonly msiController: (node: DtNode) => MsiController | undefined;
  readonly msiControllers: () => MsiController[];
  readonly reservation: (node: DtNode) => ReservationNode;
  readonly reservations: () => ReservationNode[];
  readonly reservationIndex: () => ReservationIndex;
  /** Phandles in `memory-region` whose nodes are known to `reservation`. */
  readonly knownRegions: Set<number>;
}

function newRegistry(builder: Builder, reserving: readonly DtNode[], memory: readonly MemoryRange[]): Registry {
  const iommus = new Map<DtNode, Iommu | undefined>();
  const msiControllers = new Map<DtNode, MsiController | undefined>();
  const reservations = new Map<DtNode, ReservationNode>();
  const reservation = (node: DtNode): ReservationNode =>
    once(reservations, node, () => readReservationNode(builder, node));
  let index: ReservationIndex | undefined;
  const inbounds = new Map<DtNode, Inbound>();
  const reach = (node: DtNode): Reach => ({
    inbound: inboundFrom(builder, dmaParent(builder.tree, node), inbounds),
    memory,
  });
  return {
    builder,
    inbounds,
    iommu: (node) => once(iommus, node, () => readIommu(builder, node, reach)),
    iommus: () => [...iommus.values()].filter((iommu) => iommu !== undefined),
    msiController: (node) => once(msiControllers, node, () => readMsiController(builder, node)),
    msiControllers: () => [...msiControllers.values()].filter((controller) => controller !== undefined),
    reservation,
    reservations: () => [...reservations.values()],
    reservationIndex: () => (index ??= indexReservations(builder, reserving, reservation)),
    knownRegions: new Set(),
  };
}

function once<Value>(known: Map<DtNode, Value>, node: DtNode, read: () => Value): Value {
  const found = known.get(node);
  if (found !== undefined || known.has(node)) return found as Value;
  const value = read();
  known.set(node, value);
  return value;
}

/**
 * A node that has one of the properties of masters is one, except: an IOMMU or MSI controller with nothing else than an
 * `msi-parent` of its own; a device with a `memory-region` only, unless that sets IOVA space aside.
 */
function isMaster(node: DtNode, { builder }: Registry): boolean {
  const { properties } = node;
  if (properties.has('iommus') || properties.has('iommu-map')) return true;
  if (properties.has('msi-parent') || properties.has('msi-map')) return !properties.has('msi-controller');
  const list = properties.get('memory-region');
  if (list === undefined) return false;
  for (let at = 0; at + 4 <= list.data.bytes.length; at += 4) {
    const { bytes } = list.data;
    const phandle = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
    if (builder.tree.phandles.get(phandle)?.properties.has('iommu-addresses') === true) return true;
  }
  return false;
}

type Place =
  | { readonly kind: 'platform' | 'bus' }
  | { readonly kind: 'pci-host'; readonly hostBridge: HostBridge }
  | {
      readonly kind: 'pci-function';
      readonly hostBridge: HostBridge;
      readonly host: DmaMaster;
      readonly upstream: DmaMaster | undefined;
      readonly described: DescribedFunction;
    };

function readMaster(registry: Registry, node: DtNode, place: Place): DmaMaster {
  const { builder } = registry;
  const memoryRegions = memoryRegionsOf(registry, node);
  const isFunction = place.kind === 'pci-function';
  const hasBus = place.kind === 'pci-host' || place.kind === 'bus';
  return {
    path: nodePath(node),
    labels: labelNames(node),
    kind: place.kind,
    compatible: compatibles(node),
    source: nodeSource(node),
    availability: deviceAvailability(builder.tree, node, 'inherited-cells'),
    laterAvailability: deviceAvailability(builder.tree, node, 'own-cells'),
    coherent: isDmaCoherent(builder.tree, node),
    hostBridge: 'hostBridge' in place ? place.hostBridge : undefined,
    requesterId: isFunction ? place.described.requesterId : undefined,
    aliases: isFunction ? place.described.aliases : [],
    upstream: isFunction ? place.upstream : undefined,
    isBridge: isFunction && place.described.isBridge,
    streams: isFunction ? [] : readStreams(builder, node, registry.iommu),
    iommuMap: isFunction ? place.host.iommuMap : readIdMap(builder, node, iommuMapKind(registry.iommu)),
    msi: isFunction ? place.host.msi : readMsiRouting(builder, node, registry.msiController),
    reservations: readReservations(builder, node, registry.reservationIndex()),
    get memoryRegions() {
      return memoryRegions();
    },
    inbound: inboundFrom(builder, hasBus ? node : dmaParent(builder.tree, node), registry.inbounds),
    addressLimit: undefined,
    preservesBootConfiguration: probesOnly(builder.tree, node),
  };
}

/** Of a PrimeCell without a memory resource the kernel makes no device (drivers/of/platform.c of_amba_device_create). */
function deviceAvailability(tree: DeviceTree, node: DtNode, rule: BusRule): Availability {
  const own = availabilityOf(node);
  if (!own.enabled || !compatibles(node).includes('arm,primecell')) return own;
  const reason = whyWithoutRegisters(tree, node, rule);
  if (reason === undefined) return own;
  return {
    enabled: false,
    reason: `Linux makes no device of a PrimeCell without registers: ${reason}`,
    source: propertySource(node.properties.get('reg')) ?? nodeSource(node),
  };
}

function whyWithoutRegisters(tree: DeviceTree, node: DtNode, rule: BusRule): string | undefined {
  if (!node.properties.has('reg')) return 'there is no reg';
  const bus = rule === 'own-cells' ? busWithoutCells(tree, node, 'ranges') : undefined;
  if (bus !== undefined) return `${nodePath(bus)} has no #address-cells of its own`;
  const resource = readResource(tree, node, 0);
  return resource.kind === 'none' ? resource.message : undefined;
}

/** Lists may be long and many, and few ask for their links: they are made when somebody does. What they lead to is known at once. */
function memoryRegionsOf(
  { builder, reservation, knownRegions }: Registry,
  node: DtNode,
): () => DmaMaster['memoryRegions'] {
  const leads = visitMemoryRegions(builder, node, knownRegions, reservation);
  const problematic = leads ? undefined : readMemoryRegions(builder, node, reservation);
  return () => problematic ?? readMemoryRegions(builder, node, reservation);
}

function readFunctions(
  registry: Registry,
  node: DtNode,
  host: DmaMaster,
  hostBridge: HostBridge,
): ReadonlyMap<DtNode, DmaMaster> {
  const byNode = new Map<DtNode, DmaMaster>();
  for (const described of describedFunctions(node, hostBridge)) {
    const upstream = described.upstream && byNode.get(described.upstream);
    byNode.set(
      described.node,
      readMaster(registry, described.node, { kind: 'pci-function', hostBridge, host, upstream, described }),
    );
  }
  return byNode;
}

/** `linux,pci-probe-only` in the node or in /chosen (drivers/pci/of.c of_pci_preserve_config). */
function probesOnly(tree: DeviceTree, node: DtNode): boolean {
  return (
    node.properties.has('linux,pci-probe-only') ||
    tree.root.children.get('chosen')?.properties.has('linux,pci-probe-only') === true
  );
}

/** Linux numbers bridges without `linux,pci-domain` as it meets them; disabled ones are not met. */
function nextSegment(bridges: readonly HostBridge[]): number {
  return bridges.filter(({ availability }) => availability.enabled).length;
}
