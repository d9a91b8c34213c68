// What two descriptions of one machine say differently of the way from its masters to memory.
import { formatRange } from '../../text/numbers';
import { lookUp } from '../../topology/id-maps';
import type { AddressRange, DmaMaster, IdMapEntry, Iommu, MsiController, Topology } from '../../topology/model';
import type { PredictedDevice } from '../prediction';
import { compare, intersect, lastAddress, subtract, union } from '../ranges';
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
    const requesterId = all.find(({ master }) => master?.requesterId !== undefined)?.master?.requesterId;
    for (const [what, value] of aspects) {
      const values = all.map((each, at) => value(each, hosts[at]!, naming, requesterId));
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

/** `requesterId` is that of a function that one of the hosts describes. */
type Aspect = (on: SubjectOnHost, host: ComparedHost, naming: Naming, requesterId: number | undefined) => string;

const aspects: readonly (readonly [string, Aspect])[] = [
  ['its group', ({ group, reason }) => (group === undefined ? `none: ${reason ?? 'behind no IOMMU'}` : 'one')],
  ['its IOMMU', (on, _, naming) => named(own(on)?.iommu, naming.iommu)],
  ['the kind of its IOMMU', (on, _, naming) => named(own(on)?.iommu, naming.iommuKind)],
  ['cache-coherent table walks', (on) => (own(on)?.iommu.coherent === true ? 'yes' : 'no')],
  ['cache-coherent DMA', ({ master }) => (master?.coherent === true ? 'yes' : 'no')],
  [
    'stream IDs',
    (on, host, _, requesterId) =>
      streamIds(own(on), host, requesterId)
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
function streamIds(
  device: PredictedDevice | undefined,
  { prediction }: ComparedHost,
  requesterId: number | undefined,
): readonly number[] {
  const { functions, master, standsForUndescribed } = device ?? {};
  const alone = functions?.length === 1 && functions[0]!.first === functions[0]!.last ? functions[0] : undefined;
  const asked = alone?.first ?? (standsForUndescribed === true ? requesterId : undefined);
  if (asked === undefined || master?.iommuMap === undefined) return device?.streamIds ?? [];
  const found = lookUp(master.iommuMap, prediction.kernel.mapRule, asked);
  return found.kind === 'found' ? [found.id] : [];
}

function named<Thing>(thing: Thing | undefined, nameOf: (thing: Thing) => string): string {
  return thing === undefined ? 'none' : nameOf(thing);
}

function mapText(master: DmaMaster | undefined, { prediction: { kernel } }: ComparedHost, naming: Naming): string {
  const pieces = piecesOf(master?.iommuMap?.readings[kernel.mapRule].entries ?? [], naming);
  const part = (value: bigint): string => `0x${value.toString(16)}`;
  return (
    pieces
      .map(({ start, end, output, of }) => `${part(start)}+${part(end - start + 1n)} to ${part(output)} of ${of}`)
      .join('; ') || 'none'
  );
}

interface Piece extends AddressRange {
  readonly output: bigint;
  readonly isSingle: boolean;
  readonly of: string;
}

/** In what order entries stand, and which of them cover others, is not the machine: what the first match makes of each ID is. */
function piecesOf(entries: readonly IdMapEntry<Iommu>[], naming: Naming): readonly Piece[] {
  let covered: readonly AddressRange[] = [];
  const pieces: Piece[] = [];
  for (const { input, length, output, single, target } of entries) {
    if (length === 0) continue;
    const whole = { start: BigInt(input), end: BigInt(input + length - 1) };
    const of = target.target === undefined ? (target.path ?? 'nothing') : naming.iommu(target.target);
    const isSingle = single === true;
    for (const { start, end } of subtract([whole], covered))
      pieces.push({ start, end, output: BigInt(output) + (isSingle ? 0n : start - whole.start), isSingle, of });
    covered = union([...covered, whole]);
  }
  const joined: Piece[] = [];
  for (const piece of pieces.sort((one, other) => compare(one.start, other.start))) {
    const before = joined.at(-1);
    if (before !== undefined && goesOn(before, piece)) joined[joined.length - 1] = { ...before, end: piece.end };
    else joined.push(piece);
  }
  return joined;
}

function goesOn(before: Piece, { start, output, isSingle, of }: Piece): boolean {
  const next = before.output + (isSingle ? 0n : before.end - before.start + 1n);
  return before.end + 1n === start && before.of === of && before.isSingle === isSingle && next === output;
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
