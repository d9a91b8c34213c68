// Where the IDs of what is behind a host bridge (or another bus) go: stream IDs of an SMMU, device IDs of an ITS.
import { hex } from '../../text/numbers';
import { lookUp, usableEntries } from '../id-maps';
import type { DmaMaster, Iommu, MsiController } from '../model';
import { note, type IortBuilder } from './model';

export interface Route {
  readonly smmu: { readonly iommu: Iommu; readonly id: number } | undefined;
  readonly its: { readonly controller: MsiController; readonly id: number } | undefined;
}

/** IDs of which each goes where the one before goes, one further. */
export interface RouteSpan extends Route {
  readonly first: number;
  readonly last: number;
}

/** Entries of maps that are looked at altogether; real maps take a few thousand. */
const mostWork = 200_000_000;

/** Requester IDs have 16 bits. */
const lastRequesterId = 0xffff;

/** Where one ID goes. What is no SMMU or ITS of the table is nowhere. */
export function routeOf(builder: IortBuilder, master: DmaMaster, id: number): Route {
  return { smmu: smmuOf(builder, master, id), its: itsOf(builder, master, id) };
}

function smmuOf({ settings, smmus }: IortBuilder, { iommuMap }: DmaMaster, id: number): Route['smmu'] {
  const found = iommuMap && lookUp(iommuMap, settings.mapRule, id);
  if (found?.kind !== 'found' || found.entry.target.problem !== undefined) return undefined;
  const iommu = found.entry.target.target;
  if (iommu === undefined || !smmus.has(iommu)) return undefined;
  return { iommu, id: streamOutput(iommu, found.id, found.extra[0]) };
}

/**
 * A stream ID as an ID mapping gives it: an SMMUv1/v2 takes the upper half for the SMR mask
 * (drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_probe_device).
 */
export function streamOutput(iommu: Iommu, id: number, mask: number | undefined): number {
  if (iommu.driver.grouping !== 'stream-match') return id;
  return ((id & 0xffff) | (((mask ?? iommu.streamMatchMask) & 0xffff) << 16)) >>> 0;
}

/** `msi-map`, else `msi-parent` with the IDs as they are (drivers/of/irq.c of_msi_map_id). */
function itsOf({ settings, its }: IortBuilder, { msi }: DmaMaster, id: number): Route['its'] {
  const found = msi.map && lookUp(msi.map, settings.mapRule, id);
  if (found?.kind === 'found') {
    const { target, problem } = found.entry.target;
    return target !== undefined && problem === undefined && its.has(target)
      ? { controller: target, id: found.id }
      : undefined;
  }
  if (msi.map !== undefined) return undefined;
  const [parent] = msi.parents;
  const controller = parent?.controller.target;
  if (controller === undefined || parent?.controller.problem !== undefined || parent?.problem !== undefined)
    return undefined;
  return its.has(controller) ? { controller, id } : undefined;
}

/** Where all IDs go, if masks of 0 make one of them; undefined where they differ, and where they go nowhere. */
export function commonRoute(builder: IortBuilder, master: DmaMaster): Route | undefined {
  const maps = [master.iommuMap, master.msi.map].filter((map) => map !== undefined);
  if (master.kind === 'bus' || maps.length === 0 || !maps.every(({ mask }) => (mask & lastRequesterId) === 0))
    return undefined;
  const route = routeOf(builder, master, 0);
  if (route.smmu === undefined && route.its === undefined) return undefined;
  // `msi-parent` leaves IDs as they are.
  return route.its !== undefined && master.msi.map === undefined ? undefined : route;
}

/** All IDs, in order; those that go nowhere are left out. */
export function routeSpans(builder: IortBuilder, master: DmaMaster): RouteSpan[] {
  const { mapRule } = builder.settings;
  const last = master.kind === 'bus' ? 0xffffffff : lastRequesterId;
  const edges = new Set([0]);
  for (const map of [master.iommuMap, master.msi.map]) {
    if (map === undefined) continue;
    if ((map.mask & lastRequesterId) !== lastRequesterId) for (let id = 0; id <= lastRequesterId; id++) edges.add(id);
    for (const { input, length } of usableEntries<unknown>(map, mapRule)) {
      for (const edge of [input, input + length]) if (edge <= last) edges.add(edge);
    }
  }
  const starts = [...edges].sort((one, other) => one - other);
  const entries = usableEntries(master.iommuMap, mapRule).length + usableEntries(master.msi.map, mapRule).length;
  const followed = Math.min(starts.length, Math.floor(mostWork / (entries + 1)));
  const rest = starts[followed];
  if (rest !== undefined)
    note(
      builder,
      'lost',
      master.path,
      `its maps are too intricate to be followed: IDs from ${hex(rest)} on are left out`,
    );
  const spans: RouteSpan[] = [];
  for (const [index, first] of starts.slice(0, followed).entries()) {
    const route = routeOf(builder, master, first);
    if (route.smmu === undefined && route.its === undefined) continue;
    spans.push(...unwrapped(builder, master, { ...route, first, last: (starts[index + 1] ?? last + 1) - 1 }));
  }
  return spans;
}

/** IDs have 32 bits: what does not fit comes out at the bottom again. */
function unwrapped(builder: IortBuilder, master: DmaMaster, span: RouteSpan): RouteSpan[] {
  const room = 0xffffffff - Math.max(span.smmu?.id ?? 0, span.its?.id ?? 0);
  if (span.last - span.first <= room) return [span];
  const first = span.first + room + 1;
  const rest: RouteSpan = { ...routeOf(builder, master, first), first, last: span.last };
  return [{ ...span, last: first - 1 }, ...unwrapped(builder, master, rest)];
}
