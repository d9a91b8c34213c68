// Root complexes and named components: the masters that an IORT has nodes for.
import type { MappingDraft } from '../../acpi/iort/build';
import { cellValue, nodeAt } from '../../tree/navigate';
import { hex } from '../../text/numbers';
import type { DmaMaster, Iommu, Problem } from '../model';
import type { DeviceIds } from './device-ids';
import { fitting, mappingsOf } from './mappings';
import { memoryAccess, memorySizeLimit } from './memory-access';
import { nodeRevision, note, type IortBuilder, type MadeNode } from './model';
import { streamOutput } from './routes';

const atsSupported = 1;
/** What iasl's own text has: flags behind it are in no version of it. */
const rootComplexSize = 0x24;

/** Linux looks at one root complex of a segment; one that nothing leads from has no use. */
export function makeRootComplex(builder: IortBuilder, master: DmaMaster, deviceIds: DeviceIds): MadeNode | undefined {
  const { path, hostBridge, compatible } = master;
  const { settings, tree } = builder;
  const mappings = mappingsOf(builder, master, deviceIds);
  const given = settings.objects.numbers.get(path);
  const segment = given ?? hostBridge!.segment;
  const limit = memorySizeLimit(builder, master);
  // Without SMMU and ITS there is nothing to map, and a limit alone is no reason for a table.
  const isAlone = builder.its.size === 0 && builder.smmus.size === 0;
  if (mappings.length === 0 && (limit === 64 || isAlone)) return undefined;
  if (given === undefined && !hostBridge!.segmentKnown) {
    const message = `PCI segment ${String(segment)}, by the order of the host bridges in the tree: linux,pci-domain or the map can say it`;
    note(builder, 'assumed', path, message);
  }
  const before = builder.segments.get(segment);
  if (before !== undefined)
    note(
      builder,
      'lost',
      path,
      `PCI segment ${String(segment)} is that of ${before}, and Linux looks at no second one`,
    );
  else builder.segments.set(segment, path);
  if (master.streams.length > 0) {
    note(builder, 'lost', path, 'its iommus are of the bridge’s own DMA, which a root complex has no field for');
  }
  const attribute = nodeAt(tree, path)?.properties.has('ats-supported') === true ? atsSupported : 0;
  const name = compatible[0] ?? 'pci';
  note(
    builder,
    'elsewhere',
    path,
    `DSDT: the host bridge (${name}) has _SEG ${String(segment)} and _CCA ${master.coherent ? '1' : '0'}`,
  );
  return {
    origin: path,
    node: {
      kind: 'root-complex',
      revision: nodeRevision(settings, 'root-complex'),
      fixedSize: rootComplexSize,
      fields: { ...memoryAccess(master), atsAttribute: attribute, segment, memorySizeLimit: limit },
      mappings,
    },
  };
}

/** A named component, and the stream IDs that it sends. */
export interface MadeComponent {
  readonly master: DmaMaster;
  readonly made: MadeNode;
  readonly streams: readonly { readonly iommu: Iommu; readonly id: number }[];
}

const stallSupported = 1;
const widestPasid = 20;

/** Undefined for what needs no node, or can have none; why not, where the tree says something that gets lost, is noted. */
export function makeComponent(
  builder: IortBuilder,
  master: DmaMaster,
  deviceIds: DeviceIds,
): MadeComponent | undefined {
  const { path, availability } = master;
  const { settings, tree } = builder;
  const name = settings.objects.names.get(path);
  if (!availability.enabled) {
    if (name !== undefined) note(builder, 'lost', path, `${name} gets no node: ${availability.reason}`);
    return undefined;
  }
  const streams = master.kind === 'bus' ? [] : streamsOf(builder, master);
  const says = whatItSays(builder, master);
  if (name === undefined) {
    if (says === undefined) return undefined;
    note(builder, 'lost', path, `${says}: which object of the ACPI namespace it is, the map must say`);
    builder.unnamed.push(path);
    return undefined;
  }
  const mappings =
    master.kind === 'bus'
      ? mappingsOf(builder, master, deviceIds)
      : fitting(builder, path, componentMappings(builder, master, streams, deviceIds));
  if (mappings.length === 0) {
    note(builder, 'assumed', path, `${name} needs no node: it has neither stream IDs nor an ITS`);
    return undefined;
  }
  const node = nodeAt(tree, path)!;
  const pasidBits = Math.min(cellValue(node, 'pasid-num-bits') ?? 0, widestPasid);
  const nodeFlags = (node.properties.has('dma-can-stall') ? stallSupported : 0) | (pasidBits << 1);
  note(builder, 'elsewhere', path, `DSDT: ${name} has _CCA ${master.coherent ? '1' : '0'}`);
  const made: MadeNode = {
    origin: path,
    node: {
      kind: 'named-component',
      revision: nodeRevision(settings, 'named-component'),
      fields: { ...memoryAccess(master), nodeFlags, memorySizeLimit: memorySizeLimit(builder, master) },
      name,
      padding: namePadding(name),
      mappings,
    },
  };
  return { master, made, streams };
}

/** Up to a multiple of 4, one byte at least: iasl cannot show mappings that follow a name directly. */
function namePadding(name: string): Uint8Array {
  const fixed = 0x1d;
  const size = -(fixed + name.length + 1) & 3;
  return new Uint8Array(size === 0 ? 4 : size);
}

/** What gets lost of a master that the map does not name; undefined where that is nothing. */
function whatItSays({ smmus, its }: IortBuilder, { streams, iommuMap, msi, kind }: DmaMaster): string | undefined {
  const behind = streams.find(({ iommu }) => iommu.target !== undefined && smmus.has(iommu.target));
  if (behind?.iommu.target !== undefined) return `its stream IDs at ${behind.iommu.target.path} are left out`;
  if (kind === 'bus' && iommuMap !== undefined) return 'its iommu-map is left out';
  const controller = msi.parents[0]?.controller.target;
  return controller !== undefined && its.has(controller) ? `its MSIs to ${controller.path} are left out` : undefined;
}

/**
 * What cannot be parsed ends the list, and what was good before it stays good; an IOMMU that takes no devices spoils it all
 * (drivers/iommu/of_iommu.c of_iommu_configure_dev).
 */
function streamsOf(builder: IortBuilder, { path, streams }: DmaMaster): MadeComponent['streams'] {
  const found: { readonly iommu: Iommu; readonly id: number }[] = [];
  const lose = (message: string): MadeComponent['streams'] => {
    note(builder, 'lost', path, message);
    return [];
  };
  for (const { iommu, streamId, mask, problem } of streams) {
    const { target } = iommu;
    if (target === undefined || endsList(problem)) {
      const reason = problem?.message ?? iommu.problem?.message ?? 'it leads nowhere';
      if (found.length === 0) return lose(`no stream ID is written, since Linux finds none: ${reason}`);
      note(
        builder,
        'lost',
        path,
        `stream IDs from entry ${String(found.length)} of iommus on, as Linux reads it: ${reason}`,
      );
      return found;
    }
    if (iommu.problem !== undefined)
      return lose(`no stream ID is written, since Linux gives it no IOMMU: ${iommu.problem.message}`);
    if (!builder.smmus.has(target))
      return lose(`${target.path} is not in the table, and so is nothing that leads to it`);
    if (streamId === undefined) return lose(`no stream ID is written, since its entry for ${target.path} has none`);
    found.push({ iommu: target, id: streamOutput(target, streamId, mask) });
  }
  return found;
}

function endsList(problem: Problem | undefined): boolean {
  return problem?.code === 'bad-length' || problem?.code === 'bad-cells';
}

/**
 * Single mappings, since Linux takes a device's stream IDs from these alone (iort_nc_iommu_map): stream IDs first, then the
 * ITS, where the SMMU does not lead there. Device IDs of the ITS belong to the first stream ID.
 */
function componentMappings(
  builder: IortBuilder,
  { path, msi }: DmaMaster,
  streams: MadeComponent['streams'],
  deviceIds: DeviceIds,
): MappingDraft[] {
  const single = (outputBase: number, target: number): MappingDraft => ({
    inputBase: 0,
    count: 0,
    outputBase,
    target,
    flags: 1,
  });
  const mappings = streams.map(({ iommu, id }) => single(id, builder.smmus.get(iommu)!));
  const parent = msi.parents.find(
    ({ problem, controller }) => problem === undefined && controller.problem === undefined,
  );
  const controller = parent?.controller.target;
  const group = controller && builder.its.get(controller);
  if (parent === undefined || controller === undefined || group === undefined) return mappings;
  const [id] = parent.cells;
  if (id === undefined) {
    note(builder, 'lost', path, `its msi-parent names ${controller.path} without a device ID`);
    return mappings;
  }
  const [first] = streams;
  if (first === undefined) return [single(id, group)];
  if (deviceIds.add(first.iommu, { first: first.id, last: first.id, controller, id }).length === 0) return mappings;
  const message = `stream ID ${hex(first.id)} has another device ID than ${hex(id)} by what is behind ${first.iommu.path} as well: it is mapped to the ITS directly`;
  note(builder, 'assumed', path, message);
  return [...mappings, single(id, group)];
}
