// What two descriptions of one machine say differently of the way from its masters to memory.
import { formatRange } from '../../text/numbers';
import type { AddressRange, DmaMaster, Topology } from '../../topology/model';
import { msiControllerOf } from '../vfio/msi-isolation';
import type { ComparedHost, Subject, SubjectOnHost } from './match-masters';

export interface TopologyDifference {
  /** Path of the node that it is about. */
  readonly path: string;
  readonly what: string;
  /** By host, from 0: what each says. */
  readonly values: readonly string[];
}

/** Differences of masters that are matched by their path, and IOMMUs and MSI controllers that not all have. */
export function topologyDifferences(
  hosts: readonly ComparedHost[],
  subjects: readonly Subject[],
): TopologyDifference[] {
  const same = subjects.filter(({ matchedBy, on }) => {
    const paths = new Set(on.map((each) => each?.path));
    return matchedBy !== 'nothing' && paths.size === 1 && !paths.has(undefined);
  });
  if (same.length === 0) return [];
  const found: TopologyDifference[] = [];
  for (const { on } of same) {
    const all = on as readonly SubjectOnHost[];
    for (const [what, value] of aspects) {
      const values = all.map((each, at) => value(each, hosts[at]!));
      if (new Set(values).size > 1) found.push({ path: all[0]!.path, what, values });
    }
  }
  return [...found, ...presence(hosts, 'IOMMU', iommusOf), ...presence(hosts, 'MSI controller', controllersOf)];
}

type Aspect = (on: SubjectOnHost, host: ComparedHost) => string;

const aspects: readonly (readonly [string, Aspect])[] = [
  ['its group', ({ group, reason }) => (group === undefined ? `none: ${reason ?? 'behind no IOMMU'}` : 'one')],
  ['its IOMMU', (on) => own(on)?.iommu.path ?? 'none'],
  ['the kind of its IOMMU', (on) => own(on)?.iommu.compatible.join(', ') ?? 'none'],
  ['cache-coherent table walks', (on) => (own(on)?.iommu.coherent === true ? 'yes' : 'no')],
  ['cache-coherent DMA', ({ master }) => (master?.coherent === true ? 'yes' : 'no')],
  ['stream IDs', (on) => (own(on)?.streamIds ?? []).map((id) => `0x${id.toString(16)}`).join(', ') || 'none'],
  ['iommu-map', ({ master }, host) => mapText(master, host)],
  ['its MSI controller', ({ master }, host) => (master && controllerText(master, host)) ?? 'none'],
  ['what its buses forward', ({ master }) => inboundText(master)],
];

function own({ group, path }: SubjectOnHost) {
  return group?.devices.find((device) => device.path === path);
}

function mapText(master: DmaMaster | undefined, { prediction: { kernel } }: ComparedHost): string {
  const entries = master?.iommuMap?.readings[kernel.mapRule].entries ?? [];
  if (entries.length === 0) return 'none';
  const part = (value: number): string => `0x${value.toString(16)}`;
  return entries
    .map(
      ({ input, length, output, target }) =>
        `${part(input)}+${part(length)} to ${part(output)} of ${target.path ?? 'nothing'}`,
    )
    .join('; ');
}

function controllerText(master: DmaMaster, { prediction: { kernel } }: ComparedHost): string | undefined {
  const controller = msiControllerOf(master, kernel);
  if (controller === undefined) return undefined;
  const pages = controller.doorbells.map(({ page }) => `0x${page.start.toString(16)}`);
  return `${controller.path}${pages.length > 0 ? ` (doorbell page ${pages.join(', ')})` : ''}`;
}

function inboundText(master: DmaMaster | undefined): string {
  const windows = master?.inbound.windows;
  if (windows === undefined) return 'everything';
  return windows.map(({ device }) => formatRange(device as AddressRange)).join(', ') || 'nothing';
}

function iommusOf({ iommus }: Topology) {
  return iommus;
}

function controllersOf({ msiControllers }: Topology) {
  return msiControllers;
}

/** Nodes of a kind that only some hosts have, or have enabled. */
function presence(
  hosts: readonly ComparedHost[],
  kind: string,
  nodesOf: (topology: Topology) => Topology['iommus'] | Topology['msiControllers'],
): TopologyDifference[] {
  const states = hosts.map(
    ({ topology }) =>
      new Map(
        nodesOf(topology).map(({ path, availability }) => [
          path,
          availability.enabled ? 'enabled' : availability.reason,
        ]),
      ),
  );
  const paths = new Set(states.flatMap((state) => [...state.keys()]));
  return [...paths].flatMap((path) => {
    const values = states.map((state) => state.get(path) ?? 'not there');
    return new Set(values).size > 1 ? [{ path, what: `the ${kind}`, values }] : [];
  });
}
