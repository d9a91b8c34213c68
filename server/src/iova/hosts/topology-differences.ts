// What two descriptions of one machine say differently of the way from its masters to memory.
import { formatRange } from '../../text/numbers';
import { lookUp } from '../../topology/id-maps';
import type { AddressRange, DmaMaster, Iommu, MsiController, Topology } from '../../topology/model';
import type { PredictedDevice } from '../prediction';
import { intersect, lastAddress } from '../ranges';
import { msiControllerOf } from '../vfio/msi-isolation';
import type { ComparedHost, Subject, SubjectOnHost } from './match-masters';

export interface TopologyDifference {
  /** Path of the node that it is about. */
  readonly path: string;
  readonly what: string;
  /** By host, from 0: what each says. */
  readonly values: readonly string[];
}

/**
 * Differences of masters that are matched by their path, and IOMMUs and MSI controllers that not all have. Between a devicetree and
 * ACPI tables, which have no names in common, masters are matched by their PCI addresses, and the others by their registers.
 */
export function topologyDifferences(
  hosts: readonly ComparedHost[],
  subjects: readonly Subject[],
): TopologyDifference[] {
  const isMixed = new Set(hosts.map(({ topology }) => topology.firmware)).size > 1;
  const naming = isMixed ? byRegisters(hosts) : byPath;
  const same = subjects.filter(({ matchedBy, on }) => {
    const paths = new Set(on.map((each) => each?.path));
    return matchedBy !== 'nothing' && (isMixed || paths.size === 1) && !paths.has(undefined);
  });
  // Of machines that have nothing in common, everything would differ.
  if (same.length === 0 && !isMixed) return [];
  const found: TopologyDifference[] = [];
  for (const { on } of same) {
    const all = on as readonly SubjectOnHost[];
    for (const [what, value] of aspects) {
      const values = all.map((each, at) => value(each, hosts[at]!, naming));
      if (new Set(values).size > 1) found.push({ path: all[0]!.path, what, values });
    }
  }
  return [
    ...found,
    ...presence(hosts, 'IOMMU', ({ iommus }) => states(iommus, naming.iommu, isMixed)),
    ...(areControllersKnown(hosts) ? presence(hosts, 'MSI controller', controllers) : []),
  ];

  function controllers({ msiControllers }: Topology): States {
    return states(msiControllers, naming.controller, isMixed);
  }
}

/** What IOMMUs and MSI controllers are called, so that the same one has the same name on all hosts. */
interface Naming {
  readonly iommu: (iommu: Iommu) => string;
  readonly iommuKind: (iommu: Iommu) => string;
  readonly controller: (controller: MsiController) => string;
}

const byPath: Naming = {
  iommu: ({ path }) => path,
  iommuKind: ({ compatible }) => compatible.join(', '),
  controller: ({ path }) => path,
};

/** Which ITS and frames a machine with ACPI has, and where, stands in the MADT. */
function areControllersKnown(hosts: readonly ComparedHost[]): boolean {
  return hosts.every(
    ({ topology: { firmware, msiControllers } }) =>
      firmware === 'devicetree' ||
      (msiControllers.length > 0 && msiControllers.every(({ doorbells }) => doorbells.length > 0)),
  );
}

function byRegisters(hosts: readonly ComparedHost[]): Naming {
  const areKnown = areControllersKnown(hosts);
  return {
    iommu: ({ driver, registers, path }) =>
      registers[0] === undefined ? path : `${driver.name} at 0x${registers[0].start.toString(16)}`,
    iommuKind: ({ driver }) => driver.name,
    controller: ({ kind, doorbells }) =>
      areKnown && doorbells[0] !== undefined
        ? `${kind} with its doorbell at 0x${doorbells[0].address.toString(16)}`
        : kind,
  };
}

const wholeSpace: AddressRange = { start: 0n, end: lastAddress };

type Aspect = (on: SubjectOnHost, host: ComparedHost, naming: Naming) => string;

const aspects: readonly (readonly [string, Aspect])[] = [
  ['its group', ({ group, reason }) => (group === undefined ? `none: ${reason ?? 'behind no IOMMU'}` : 'one')],
  ['its IOMMU', (on, _, naming) => named(own(on)?.iommu, naming.iommu)],
  ['the kind of its IOMMU', (on, _, naming) => named(own(on)?.iommu, naming.iommuKind)],
  ['cache-coherent table walks', (on) => (own(on)?.iommu.coherent === true ? 'yes' : 'no')],
  ['cache-coherent DMA', ({ master }) => (master?.coherent === true ? 'yes' : 'no')],
  [
    'stream IDs',
    (on, host) =>
      streamIds(own(on), host)
        .map((id) => `0x${id.toString(16)}`)
        .join(', ') || 'none',
  ],
  ['iommu-map', ({ master }, host, naming) => mapText(master, host, naming)],
  ['its MSI controller', ({ master }, host, naming) => (master && controllerText(master, host, naming)) ?? 'none'],
  ['where its DMA reaches', ({ master }) => inboundText(master)],
];

function own({ group, path }: SubjectOnHost) {
  return group?.devices.find((device) => device.path === path);
}

/** Those of a device; of a function that the sources do not describe, what the map gives it. */
function streamIds(device: PredictedDevice | undefined, { prediction }: ComparedHost): readonly number[] {
  const { functions, master } = device ?? {};
  const alone = functions?.length === 1 && functions[0]!.first === functions[0]!.last ? functions[0] : undefined;
  if (alone === undefined || master?.iommuMap === undefined) return device?.streamIds ?? [];
  const found = lookUp(master.iommuMap, prediction.kernel.mapRule, alone.first);
  return found.kind === 'found' ? [found.id] : [];
}

function named<Thing>(thing: Thing | undefined, nameOf: (thing: Thing) => string): string {
  return thing === undefined ? 'none' : nameOf(thing);
}

function mapText(master: DmaMaster | undefined, { prediction: { kernel } }: ComparedHost, naming: Naming): string {
  const entries = master?.iommuMap?.readings[kernel.mapRule].entries ?? [];
  if (entries.length === 0) return 'none';
  const part = (value: number): string => `0x${value.toString(16)}`;
  return entries
    .map(
      ({ input, length, output, target }) =>
        `${part(input)}+${part(length)} to ${part(output)} of ${target.target === undefined ? (target.path ?? 'nothing') : naming.iommu(target.target)}`,
    )
    .join('; ');
}

function controllerText(
  master: DmaMaster,
  { prediction: { kernel } }: ComparedHost,
  naming: Naming,
): string | undefined {
  const controller = msiControllerOf(master, kernel);
  if (controller === undefined) return undefined;
  const name = naming.controller(controller);
  const pages = controller.doorbells.map(({ page }) => `0x${page.start.toString(16)}`);
  return name === controller.path && pages.length > 0 ? `${name} (doorbell page ${pages.join(', ')})` : name;
}

/** Through the buses, by the bits of the device's addresses. */
function inboundText(master: DmaMaster | undefined): string {
  const limit = master?.addressLimit ?? lastAddress;
  const forwarded = master?.inbound.windows?.map(({ device }): AddressRange => device) ?? [wholeSpace];
  const reached = intersect(forwarded, [{ start: 0n, end: limit }]);
  if (reached.length === 1 && reached[0]!.start === 0n && reached[0]!.end === lastAddress) return 'everything';
  return reached.map(formatRange).join(', ') || 'nothing';
}

type States = ReadonlyMap<string, string>;

/** ACPI tables leave out what a tree has switched off. */
function states<Node extends Iommu | MsiController>(
  nodes: readonly Node[],
  nameOf: (node: Node) => string,
  isMixed: boolean,
): States {
  const meant = isMixed ? nodes.filter(({ availability }) => availability.enabled) : nodes;
  return new Map(meant.map((node) => [nameOf(node), node.availability.enabled ? 'enabled' : node.availability.reason]));
}

/** Nodes of a kind that only some hosts have, or have enabled. */
function presence(
  hosts: readonly ComparedHost[],
  kind: string,
  statesOf: (topology: Topology) => States,
): TopologyDifference[] {
  const all = hosts.map(({ topology }) => statesOf(topology));
  const names = new Set(all.flatMap((state) => [...state.keys()]));
  return [...names].flatMap((path) => {
    const values = all.map((state) => state.get(path) ?? 'not there');
    return new Set(values).size > 1 ? [{ path, what: `the ${kind}`, values }] : [];
  });
}
