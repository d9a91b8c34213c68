// ID mappings of a root complex, or of a bus with IDs of its own, from where its IDs go.
import type { MappingDraft } from '../../acpi/iort/build';
import { idMappingLayout } from '../../acpi/layout/iort';
import { count, hex } from '../../text/numbers';
import type { DmaMaster } from '../model';
import type { DeviceIds } from './device-ids';
import { note, type IortBuilder } from './model';
import { commonRoute, routeSpans, type RouteSpan } from './routes';

/** A node's length has 16 bits; room for its body and name is left. */
const mostMappings = Math.floor((0xffff - 0x400) / idMappingLayout.size);
const allRequesterIds = 0x10000;

/** The mappings; what they say of device IDs goes to the SMMUs' own. */
export function mappingsOf(builder: IortBuilder, master: DmaMaster, deviceIds: DeviceIds): MappingDraft[] {
  const one = commonRoute(builder, master);
  const spans = one === undefined ? routeSpans(builder, master) : [{ ...one, first: 0, last: 0 }];
  addDeviceIds(builder, master, spans, deviceIds);
  const all = joined(spans.map((span) => mappingOf(builder, span)));
  if (one !== undefined) return all.map((mapping) => ({ ...mapping, flags: 1 }));
  const single = singleMapping(all);
  if (single !== undefined) return [single];
  return fitting(builder, master.path, all);
}

/** As many as a node holds. */
export function fitting<Draft extends MappingDraft>(builder: IortBuilder, path: string, all: Draft[]): Draft[] {
  const left = all[mostMappings];
  if (left === undefined) return all;
  const first = hex(left.flags === undefined ? left.inputBase : left.outputBase);
  const message = `it takes ${count(all.length, 'ID mapping')}, and a node cannot hold so many: those from ID ${first} on are left out`;
  note(builder, 'lost', path, message);
  return all.slice(0, mostMappings);
}

interface Mapping extends MappingDraft {
  readonly inputBase: number;
  readonly count: number;
  readonly outputBase: number;
  readonly target: number;
}

function mappingOf({ smmus, its }: IortBuilder, { first, last, smmu, its: msi }: RouteSpan): Mapping {
  const target = smmu === undefined ? its.get(msi!.controller)! : smmus.get(smmu.iommu)!;
  return { inputBase: first, count: last - first, outputBase: (smmu ?? msi!).id, target };
}

function joined(mappings: readonly Mapping[]): Mapping[] {
  const list: Mapping[] = [];
  for (const mapping of mappings) {
    const before = list.at(-1);
    const isNext =
      before?.target === mapping.target &&
      before.inputBase + before.count + 1 === mapping.inputBase &&
      before.outputBase + before.count + 1 === mapping.outputBase;
    if (isNext) list[list.length - 1] = { ...before, count: before.count + mapping.count + 1 };
    else list.push(mapping);
  }
  return list;
}

/** All requester IDs become one ID, as an `iommu-map-mask` of 0 has it: what the flag is for. */
function singleMapping(all: readonly Mapping[]): Mapping | undefined {
  const [first] = all;
  if (first === undefined || all.length !== allRequesterIds) return undefined;
  const isOne = all.every(({ outputBase, target }) => outputBase === first.outputBase && target === first.target);
  return isOne ? { ...first, count: 0, flags: 1 } : undefined;
}

function addDeviceIds(
  builder: IortBuilder,
  { path }: DmaMaster,
  spans: readonly RouteSpan[],
  deviceIds: DeviceIds,
): void {
  let refused = 0;
  let example = '';
  for (const { first, last, smmu, its } of spans) {
    if (smmu === undefined || its === undefined) continue;
    const range = { first: smmu.id, last: smmu.id + (last - first), controller: its.controller, id: its.id };
    for (const part of deviceIds.add(smmu.iommu, range)) {
      refused += part.last - part.first + 1;
      example ||= `stream ID ${hex(part.first)} of ${smmu.iommu.path} as device ID ${hex(part.id)} of ${part.controller.path}`;
    }
  }
  if (refused === 0) return;
  const message = `in an IORT a stream ID has one device ID, whoever sends it: ${count(refused, 'stream ID')} of it ${refused === 1 ? 'has' : 'have'} another one already (${example} is left out), and MSIs will not arrive`;
  note(builder, 'lost', path, message);
}
