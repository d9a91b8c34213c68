// DMA masters of an IORT: PCI segments by their root complexes, and the named components of the ACPI namespace.
import type { BusAddress } from '../address';
import type {
  Availability,
  DeviceIdRule,
  DmaMaster,
  Link,
  MsiController,
  MsiRouting,
  Problem,
  ProblemCode,
  StreamEntry,
} from '../model';
import {
  brokenLink,
  isEnabled,
  mappingPlace,
  NodeOff,
  nodeText,
  nothing,
  stopText,
  tableProblem,
  wholeMapping,
  type AcpiBuilder,
} from './builder';
import { Parent, Routing, Segment, Stream, TableMaster } from './master-values';
import { itsLink, readIommuMap, readMsiMaps, smmuLink, streamIdTooLarge } from './id-maps';
import { bodyPlace, itsTypes, nodeType, smmuTypes, type KernelMapping, type KernelNode } from './kernel-table';
import type { ItsGroups } from './msi-controllers';
import type { Smmus } from './smmus';

/** What is at hand when masters are read. */
export interface MasterContext {
  readonly builder: AcpiBuilder;
  readonly smmus: Smmus;
  readonly groups: ItsGroups;
  /** `_DSM` function 5 of the host bridges says that the boot configuration stays, as the settings have it. */
  readonly preservesBootConfiguration: boolean;
}

/** By what Linux tells masters apart: the number of a PCI segment, the name of a component. */
export type MasterKey = number | string;

/** Of two nodes with the same key, the first one counts. Undefined for nodes that are no masters. */
export function masterKey(builder: AcpiBuilder, node: KernelNode): MasterKey | undefined {
  if (node.type === nodeType.rootComplex) return builder.table.number(node, 'segment') ?? 0;
  return node.type === nodeType.namedComponent ? nameOf(builder, node) : undefined;
}

/**
 * A PCI segment; only the first root complex of a segment is ever looked at (iort_match_node_callback): `before` is an earlier one
 * of the same.
 */
export function readRootComplex(
  { builder, smmus, groups, preservesBootConfiguration }: MasterContext,
  node: KernelNode,
  segment: number,
  before: KernelNode | undefined,
): DmaMaster {
  const name = `pci${segment.toString(16).padStart(4, '0')}`;
  const path = before === undefined ? name : `${name}+${node.offset.toString(16)}`;
  const availability: Availability =
    before === undefined
      ? isEnabled
      : new NodeOff(
          builder,
          node,
          `Linux takes the ${nodeText(before)} for PCI segment ${String(segment)} and looks at no further one`,
        );
  const bridge = new Segment(builder, node, path, availability, segment);
  const { map, earlier: earlierMap } = readMsiMaps(builder, node, path, groups);
  const iommuMap = readIommuMap(builder, node, path, smmus);
  const { fallback } = groups;
  // The IORT's way to an ITS, else the first GICv2m frame (drivers/pci/probe.c pci_set_bus_msi_domain, drivers/pci/pci-acpi.c).
  const parents = fallback === undefined ? nothing : [new Parent(builder, undefined, fallbackLink(node, fallback))];
  return new TableMaster(builder, node, {
    kind: 'pci-host',
    path,
    availability,
    hostBridge: bridge,
    streams: nothing,
    iommuMap,
    msi: new Routing(builder, node, undefined, path, parents, undefined, map, earlierMap),
    addressLimit: node.revision < 1 ? undefined : addressLimit(builder, node),
    preservesBootConfiguration,
  });
}

function fallbackLink({ offset }: KernelNode, target: MsiController): Link<MsiController> {
  return { phandle: offset, path: target.path, target, problem: undefined, source: undefined };
}

/** nc_dma_get_range, rc_dma_get_range: 0 is a firmware bug and limits nothing. */
function addressLimit({ table }: AcpiBuilder, node: KernelNode): BusAddress | undefined {
  return addressLimits[table.number(node, 'memorySizeLimit') ?? 0];
}

/** By the number of bits. */
const addressLimits = Array.from({ length: 64 }, (_, bits) =>
  bits === 0 ? undefined : (((1n << BigInt(bits)) - 1n) as BusAddress),
);

/** Padded segments behind a backslash: what acpi_get_name gives, and nothing else can be equal to it. */
const fullPath = /^\\(?:[A-Z_][A-Z0-9_]{3}(?:\.[A-Z_][A-Z0-9_]{3})*)?$/;

/** A device of the namespace; the first named component of its name counts: `before` is an earlier one. */
export function readNamedComponent(
  context: MasterContext,
  node: KernelNode,
  name: string,
  before: KernelNode | undefined,
): DmaMaster {
  const { builder } = context;
  const path = before === undefined && name !== '' ? printable(name) : `${printable(name)}+${node.offset.toString(16)}`;
  const availability: Availability =
    before !== undefined
      ? new NodeOff(builder, node, `Linux takes the ${nodeText(before)} for ${name} and looks at no further one`)
      : fullPath.test(name)
        ? isEnabled
        : new NodeOff(
            builder,
            node,
            `"${printable(name)}" is no full path in padded segments (\\_SB_.DEV0), and Linux compares byte for byte, so that no device has this name`,
          );
  return new TableMaster(builder, node, {
    kind: 'platform',
    path,
    availability,
    hostBridge: undefined,
    iommuMap: undefined,
    streams: readStreams(context, node, path),
    msi: componentMsi(context, node, path),
    addressLimit: addressLimit(builder, node),
    preservesBootConfiguration: false,
  });
}

const longestName = 1024;

/** Up to the NUL, one character a byte; the kernel looks for the NUL past the node's end as well. */
function nameOf({ table }: AcpiBuilder, node: KernelNode): string {
  const before = bodyPlace(table, node, 'memorySizeLimit');
  return before === undefined ? '' : table.text(before + 1, longestName);
}

const isPrintable = /^[\x21-\x7e]*$/;

/** Names are printed between blanks. */
function printable(name: string): string {
  return isPrintable.test(name) ? name : name.replace(/[^\x21-\x7e]/g, '?');
}

/**
 * iort_nc_iommu_map with iort_node_get_id: mapping after mapping gives one stream ID, as long as each is a single one that leads
 * to an SMMU. Where that ends for a reason that is worth knowing, the last entry says it.
 */
function readStreams(context: MasterContext, node: KernelNode, path: string): readonly StreamEntry[] {
  const { mappings } = context.builder.table.mappingsOf(node);
  const entries: StreamEntry[] = [];
  for (const mapping of mappings) {
    const entry = readStream(context, node, mapping, path);
    // Hardly any component has several.
    if (mappings.length === 1) return entry === undefined ? nothing : [entry];
    if (entry === undefined) break;
    entries.push(entry);
    if (entry.streamId === undefined) break;
  }
  return entries;
}

/** The stream ID of one mapping, or why Linux ends the list with it; undefined where that goes without saying. */
function readStream(
  { builder, smmus }: MasterContext,
  node: KernelNode,
  mapping: KernelMapping,
  path: string,
): StreamEntry | undefined {
  const { index, reference, outputBase } = mapping;
  if (reference === 0) {
    const message = `ID mapping ${String(index)} has output reference 0, where Linux ends the list`;
    return lastEntry(builder, mapping, 'unresolved', message, path);
  }
  if (!mapping.single) {
    // One range to the ITS behind the stream IDs is the device's MSIs, and no mistake.
    if (!leadsToSmmu(builder, mapping)) return undefined;
    const message = `ID mapping ${String(index)} is a range: Linux takes stream IDs of a device from single mappings alone, and ends the list here`;
    return lastEntry(builder, mapping, 'not-single', message, path);
  }
  const target = builder.table.nodeAt(reference);
  if (target === undefined)
    return lastEntry(builder, mapping, 'unresolved', stopText('outside-table', node, mapping), path);
  const router = builder.routers['by-flag'];
  const arrival = router.arrival(target, outputBase, smmuTypes);
  if (arrival !== undefined) {
    const link = smmuLink(builder, arrival.node, mapping, path, smmus);
    return streamEntry(builder, mapping, arrival.output, link, path);
  }
  const end = router.route(target, outputBase, outputBase, smmuTypes).stops[0];
  if (end === undefined || end.reason === 'no-mappings') return undefined;
  return lastEntry(builder, mapping, 'unresolved', stopText(end.reason, end.node, mapping), path);
}

function lastEntry(
  builder: AcpiBuilder,
  mapping: KernelMapping,
  code: ProblemCode,
  message: string,
  path: string,
): StreamEntry {
  const source = wholeMapping(builder, mapping);
  const problem = tableProblem(builder, code, message, path, 'Flags', source);
  const iommu = brokenLink(mapping.reference, problem);
  return { iommu, cells: [], streamId: undefined, mask: undefined, source, problem };
}

function leadsToSmmu({ table }: AcpiBuilder, { reference }: KernelMapping): boolean {
  const type = table.nodeAt(reference)?.type;
  return type === nodeType.smmu || type === nodeType.smmuv3;
}

function streamEntry(
  builder: AcpiBuilder,
  mapping: KernelMapping,
  streamId: number,
  iommu: StreamEntry['iommu'],
  path: string,
): StreamEntry {
  const refusal = iommu.target && streamIdTooLarge(iommu.target, streamId);
  let problem: Problem | undefined;
  if (refusal !== undefined) {
    const place = mappingPlace(builder, mapping, 'outputBase');
    problem = tableProblem(builder, 'stream-id-range', refusal, path, 'Output Base', place);
  }
  return new Stream(builder, mapping, iommu, streamId, problem);
}

/** iort_get_platform_device_domain: the first mapping by which an ITS is reached. */
function componentMsi(context: MasterContext, node: KernelNode, path: string): MsiRouting {
  const parents = msiParents(context, node, path, 'by-flag');
  const earlierParents = context.builder.rulesDiffer ? msiParents(context, node, path, 'by-interrupts') : parents;
  const isSame = earlierParents[0]?.controller.target === parents[0]?.controller.target;
  if (parents.length === 0 && isSame) return noRouting;
  const mapping = parents[0]?.mapping ?? earlierParents[0]?.mapping;
  const earlier = isSame ? undefined : earlierParents;
  return new Routing(context.builder, node, mapping, path, parents, earlier, undefined, undefined);
}

const noRouting: MsiRouting = { parents: nothing, map: undefined, node: undefined, source: undefined };

function msiParents(
  { builder, groups }: MasterContext,
  node: KernelNode,
  path: string,
  rule: DeviceIdRule,
): readonly Parent[] {
  for (const mapping of builder.table.mappingsOf(node).mappings) {
    const { reference, single, outputBase } = mapping;
    const target = single && reference !== 0 ? builder.table.nodeAt(reference) : undefined;
    if (target === undefined) continue;
    const arrival = builder.routers[rule].arrival(target, outputBase, itsTypes);
    if (arrival === undefined) continue;
    const controller = itsLink(builder, arrival.node, mapping, path, groups);
    return [new Parent(builder, mapping, controller)];
  }
  return nothing;
}
