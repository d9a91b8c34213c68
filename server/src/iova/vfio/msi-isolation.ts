// Interrupt safety: whether a device that a guest drives can raise only its own interrupts, and by which chain of nodes.
import type { SourceRange } from '../../text/source-file';
import { lookUp, usableEntries } from '../../topology/id-maps';
import type { AddressRange, DmaMaster, IdMap, IdMapEntry, MsiController, Topology } from '../../topology/model';
import type { KernelProfile } from '../kernel-profile';
import { msiMapOf, msiParentsOf } from '../msi-map';
import type { FunctionRange, PredictedDevice, PredictedGroup } from '../prediction';
import { subtract, union } from '../ranges';

export interface GroupIsolation {
  /** What the kernel asks: the MSI domain of each device (from 6.3), or every MSI domain of the system (before). */
  readonly scope: 'device' | 'system';
  /** Undefined: it depends on what the sources do not tell. */
  readonly isolated: boolean | undefined;
  /** Why it is not, or is unknown. */
  readonly reason: string | undefined;
  readonly devices: readonly DeviceIsolation[];
}

export interface DeviceIsolation {
  readonly device: PredictedDevice;
  /** Judged by the device's own chain, even where the kernel asks for the whole system. */
  readonly isolated: boolean | undefined;
  readonly reason: string | undefined;
  /** From the device to what takes its MSIs; it ends early where they find no controller. */
  readonly chain: readonly ChainLink[];
  readonly controller: MsiController | undefined;
}

export interface ChainLink {
  /** Path of the node. */
  readonly path: string;
  /** The property of that node that leads on. */
  readonly property: 'msi-map' | 'msi-parent' | 'ID mapping' | 'MADT' | undefined;
  /** The property's entry; for the last link the controller's node. */
  readonly source: SourceRange | undefined;
}

/** The module parameter that lets a group without isolated MSIs through, by the back end that asks. */
export const unsafeParameters = {
  type1: 'vfio_iommu_type1.allow_unsafe_interrupts',
  iommufd: 'iommufd.allow_unsafe_interrupts',
} as const;

/**
 * Whether each device of a group has isolated MSIs. From 6.3 kernel/irq/msi.c msi_device_has_isolated_msi walks up the device's own
 * MSI domains, and iommu_group_has_isolated_msi asks for all devices of the group; before, kernel/irq/irqdomain.c
 * irq_domain_check_msi_remap lets one MSI domain without remapping, anywhere, spoil it for all. Of what a devicetree describes, the
 * ITS drivers alone isolate. `requesterId` says which function is meant where a host bridge stands for those that the sources do
 * not describe.
 */
export function isolationOf(
  topology: Topology,
  kernel: KernelProfile,
  group: PredictedGroup,
  requesterId?: number,
): GroupIsolation {
  const devices = group.devices.map((device) => deviceIsolation(device, kernel, requesterId));
  if (kernel.msiIsolation === 'system') return { ...systemIsolation(topology, kernel), devices };
  const worst =
    devices.find(({ isolated }) => isolated === false) ?? devices.find(({ isolated }) => isolated === undefined);
  return { scope: 'device', isolated: worst === undefined ? true : worst.isolated, reason: worst?.reason, devices };
}

function systemIsolation(
  { firmware, msiControllers, hostBridges, masters }: Topology,
  { version }: KernelProfile,
): Omit<GroupIsolation, 'devices'> {
  const culprit = msiControllers.find(({ availability, isolated }) => availability.enabled && isolated !== true);
  if (culprit !== undefined) {
    const reason = `MSIs are not isolated: ${culprit.path} lets any device raise any interrupt of it, which counts for the whole system on Linux ${version}`;
    return { scope: 'system', isolated: false, reason };
  }
  const bridge = hostBridges.find(({ path, availability }) => {
    const host = masters.find((master) => master.path === path && master.kind === 'pci-host');
    return firmware === 'devicetree' && availability.enabled && host !== undefined && mayTakeMsis(host);
  });
  if (bridge === undefined) return { scope: 'system', isolated: true, reason: undefined };
  const reason = `If the driver of ${bridge.path} takes MSIs itself, they are not isolated, which counts for the whole system on Linux ${version}`;
  return { scope: 'system', isolated: undefined, reason };
}

/** Drivers of host bridges (drivers/pci/controller/dwc and others) have MSI domains of their own where no property leads to another. */
function mayTakeMsis({ msi, compatible }: DmaMaster): boolean {
  if (msi.map !== undefined || msi.parents.length > 0) return false;
  return !compatible.some((name) => name.startsWith('pci-host-'));
}

function deviceIsolation(device: PredictedDevice, kernel: KernelProfile, requesterId?: number): DeviceIsolation {
  const meant = device.standsForUndescribed ? requesterId : undefined;
  const routes = routesOf(device.master, kernel, meant, device.functions);
  const judged = routes.map((route) => judge(device, route));
  const { isolated, reason, chain, controller } = judged.find((each) => each.isolated !== true) ?? judged[0]!;
  if (isolated === true || judged.every((each) => each.isolated !== true)) {
    const bridge = meant === undefined ? undefined : bridgeDoubt(device.master, meant, kernel);
    if (isolated === false && bridge !== undefined)
      return { device, isolated: undefined, reason: `${bridge}: ${reason ?? ''}`, chain, controller };
    return { device, isolated, reason, chain, controller };
  }
  const doubt = `It depends on which function behind ${device.path} it is: ${reason ?? ''}`;
  return { device, isolated: undefined, reason: doubt, chain, controller };
}

/**
 * Of a function below a bridge that no source describes either: its bus has the bridge's MSI controller (drivers/pci/probe.c
 * pci_set_bus_msi_domain), which is another one where the map covers the bridge and not the function.
 */
function bridgeDoubt(master: DmaMaster, requesterId: number, kernel: KernelProfile): string | undefined {
  const bus = requesterId >> 8;
  const map = msiMapOf(master, kernel);
  if (map === undefined || master.hostBridge === undefined || bus <= master.hostBridge.busRange.first) return undefined;
  if (mapRoute(master, map, requesterId, kernel) !== undefined) return undefined;
  const mayCoverBridge = usableEntries(map, kernel.mapRule).some(
    ({ input, length, target }) => length > 0 && input >> 8 < bus && target.target?.isolated === true,
  );
  return mayCoverBridge ? 'It depends on the bridge above it, whose MSI controller it has' : undefined;
}

interface Route {
  readonly link: ChainLink | undefined;
  readonly controller: MsiController | undefined;
}

function judge(device: PredictedDevice, { link, controller }: Route): DeviceIsolation {
  const { master } = device;
  const chain: ChainLink[] = [{ path: master.path, property: undefined, source: master.source }];
  if (link?.path === master.path) chain.pop();
  if (link !== undefined) chain.push(link);
  if (controller === undefined) {
    const reason = `${master.path} has no MSI controller, so its interrupts do not count as isolated`;
    return { device, isolated: false, reason, chain, controller };
  }
  chain.push({ path: controller.path, property: undefined, source: controller.source });
  if (controller.isolated === true) return { device, isolated: true, reason: undefined, chain, controller };
  const reason = `MSIs of ${master.path} are not isolated: ${controller.path} lets any device raise any interrupt of it`;
  return { device, isolated: false, reason, chain, controller };
}

/**
 * Where MSIs of a device go: `msi-map` for what is behind a bridge, else the first good `msi-parent` (drivers/of/irq.c
 * of_msi_map_get_device_domain, of_msi_get_domain; drivers/pci/of.c pci_host_bridge_of_msi_domain). Functions that the sources do
 * not describe may take different ways.
 */
function routesOf(
  master: DmaMaster,
  kernel: KernelProfile,
  meant?: number,
  functions?: readonly FunctionRange[],
): Route[] {
  const byParent = parentRoute(master, kernel);
  const map = msiMapOf(master, kernel);
  if (map === undefined || master.kind === 'platform') return [byParent];
  // drivers/pci/msi/irqdomain.c pci_msi_get_device_domain: the last alias of another bus stands for the function.
  const requesterId = meant ?? master.aliases.at(-1) ?? master.requesterId;
  if (requesterId !== undefined) return [mapRoute(master, map, requesterId, kernel) ?? busRoute(master, kernel)];
  const routes = new Map<MsiController, Route>();
  for (const entry of usableEntries(map, kernel.mapRule)) {
    const controller = entry.target.target;
    if (controller === undefined || entry.length === 0 || routes.has(controller) || !meets(entry, functions)) continue;
    routes.set(controller, enabledRoute(master, entry.source, controller, byParent));
  }
  return routes.size > 0 && !leavesGaps(master, map, kernel, functions)
    ? [...routes.values()]
    : [...routes.values(), byParent];
}

function meets({ input, length }: IdMapEntry<unknown>, functions: readonly FunctionRange[] | undefined): boolean {
  return functions?.some(({ first, last }) => first < input + length && input <= last) ?? true;
}

/** Whether the IOMMU takes requester IDs (of these functions) that `msi-map` does not cover. */
function leavesGaps(
  { iommuMap }: DmaMaster,
  map: IdMap<MsiController>,
  { mapRule }: KernelProfile,
  functions: readonly FunctionRange[] | undefined,
): boolean {
  if (iommuMap?.mask !== map.mask) return false;
  const meant = functions?.map(({ first, last }): AddressRange => ({ start: BigInt(first), end: BigInt(last) }));
  const inputs = (entries: readonly IdMapEntry<unknown>[]): AddressRange[] =>
    entries.map(({ input, length }) => ({ start: BigInt(input), end: BigInt(input + length) - 1n }));
  const translated = meant ?? union(inputs(usableEntries(iommuMap, mapRule)));
  const taken = usableEntries(map, mapRule).filter(({ target }) => target.target !== undefined);
  return subtract(translated, inputs(taken)).length > 0;
}

function enabledRoute(
  master: DmaMaster,
  source: SourceRange | undefined,
  controller: MsiController,
  otherwise: Route,
): Route {
  if (!controller.availability.enabled) return otherwise;
  return { link: { path: ownerOf(master), property: wayOf(master), source }, controller };
}

function mapRoute(
  master: DmaMaster,
  map: IdMap<MsiController>,
  requesterId: number,
  kernel: KernelProfile,
): Route | undefined {
  const found = lookUp(map, kernel.mapRule, requesterId);
  if (found.kind === 'none') return undefined;
  const controller = found.entry.target.target;
  if (controller?.availability.enabled !== true) return undefined;
  return { link: { path: ownerOf(master), property: wayOf(master), source: found.entry.source }, controller };
}

/** drivers/pci/probe.c pci_set_msi_domain: a function that is not mapped has the controller of its bus, and that is the bridge's above it. */
function busRoute(master: DmaMaster, kernel: KernelProfile): Route {
  return master.upstream === undefined ? parentRoute(master, kernel) : routesOf(master.upstream, kernel)[0]!;
}

function parentRoute(master: DmaMaster, kernel: KernelProfile): Route {
  for (const { controller, problem, source } of msiParentsOf(master, kernel)) {
    if (problem !== undefined) break;
    if (controller.target?.availability.enabled !== true) continue;
    return { link: { path: ownerOf(master), property: parentWord(master), source }, controller: controller.target };
  }
  return { link: undefined, controller: undefined };
}

/** Under ACPI: a named component's way through the IORT, or the first frame of the MADT for a root complex. */
function parentWord({ path, kind }: DmaMaster): 'msi-parent' | 'ID mapping' | 'MADT' {
  if (path.startsWith('/')) return 'msi-parent';
  return kind === 'platform' ? 'ID mapping' : 'MADT';
}

function wayOf({ msi }: DmaMaster): 'msi-map' | 'ID mapping' {
  return msi.map?.property === 'iort' ? 'ID mapping' : 'msi-map';
}

/** The node that has the property: the device itself or its host bridge. */
function ownerOf(master: DmaMaster): string {
  return master.msi.node ?? master.path;
}

/** The controller that takes a master's MSIs on a kernel (for what is behind a bridge, the first it leads to); undefined if there is none. */
export function msiControllerOf(
  master: DmaMaster,
  kernel: KernelProfile,
  requesterId?: number,
): MsiController | undefined {
  return routesOf(master, kernel, requesterId)[0]!.controller;
}
