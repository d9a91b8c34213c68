// Nodes that are as most are: no rule about single nodes finds anything wrong with one. A large table has thousands of them, and
// they are told by some of their bytes, in a fraction of the time that the rules would take, one after the other. A node that is
// not plain is not wrong for that; the rules look at it.
import { nodeHeaderSize } from '../../acpi/iort/decode-node';
import { contentOf } from '../../acpi/iort/decoded-node';
import { hasUsualRevision } from '../../acpi/layout/node-revisions';
import type { IortNode, IortTable } from '../../acpi/iort/model';
import type { NodeContent, NodePlaces } from '../../acpi/iort/node-content';
import { idMappingLayout, nodeHeaderLayout } from '../../acpi/layout/iort';
import { itsIdentifier, itsGroupLayout, namedComponentLayout } from '../../acpi/layout/iort-nodes';
import { rmrDescriptorLayout, rmrLayout, rootComplexLayout } from '../../acpi/layout/iort-nodes';
import { smmuv3Layout } from '../../acpi/layout/iort-smmu';
import { fieldOffsets } from '../../acpi/structure-values';
import type { KernelProfile } from '../../iova/kernel-profile';
import type { TableMachine } from '../table-rule';
import { hasItsGroup } from './finding';
import { usualStreamIdBits } from './stream-ids';
import { rangeMappings } from './translation';

/** Those of the nodes that rules about single nodes have to look at, in their order. */
export function remarkableNodes(
  { table, kernel, settings }: Pick<TableMachine, 'table' | 'kernel' | 'settings'>,
  nodes: readonly IortNode[],
): readonly IortNode[] {
  const { bytes } = table;
  const { streamIdBits = usualStreamIdBits } = settings;
  const reading: Reading = {
    table,
    kernel,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    revision: table.header.revision === undefined ? 0 : Number(table.header.revision.value),
    hasIts: hasItsGroup(table),
    served: new Map(),
    lastStream: 2 ** streamIdBits - 1,
  };
  return nodes.filter((node) => !isPlain(reading, node));
}

interface Reading {
  readonly table: IortTable;
  readonly kernel: KernelProfile;
  readonly view: DataView;
  /** The table's. */
  readonly revision: number;
  readonly hasIts: boolean;
  /** Larger stream IDs are told of behind an SMMUv3. */
  readonly lastStream: number;
  /** Of the SMMUs that were met, the stream IDs that have a way to an ITS group. */
  readonly served: Map<IortNode, readonly IdSpan[]>;
}

/** IDs, both ends included; they have 32 bits. */
interface IdSpan {
  readonly first: number;
  readonly last: number;
}

const header = fieldOffsets(nodeHeaderLayout);
const group = fieldOffsets(itsGroupLayout, nodeHeaderSize);
const component = fieldOffsets(namedComponentLayout, nodeHeaderSize);
const complex = fieldOffsets(rootComplexLayout, nodeHeaderSize);
const smmuv3 = fieldOffsets(smmuv3Layout, nodeHeaderSize);
const rmr = fieldOffsets(rmrLayout, nodeHeaderSize);
const mapping = fieldOffsets(idMappingLayout);
const descriptor = fieldOffsets(rmrDescriptorLayout);

/** The largest ID: what goes past it is another rule's. */
const lastId = 0xffffffff;
/** Numbers of IDs that look like a count are multiples of a bus's. */
const bus = 0x100;

function isPlain(reading: Reading, node: IortNode): boolean {
  const content = contentOf(node);
  const { places, problems } = content;
  const { kind, offset } = places;
  if (kind === 'unknown' || problems.length > 0) return false;
  if (!hasUsualRevision(kind, reading.view.getUint8(offset + header.revision), reading.revision)) return false;
  switch (kind) {
    case 'its-group':
      return isPlainGroup(reading, places);
    case 'named-component':
      return isPlainComponent(reading, content);
    case 'root-complex':
      return isPlainComplex(reading, places);
    case 'smmuv3':
      return isPlainSmmuv3(reading, places);
    case 'rmr':
      return isPlainRmr(reading, places);
    default:
      return false;
  }
}

/** Identifiers and nothing else. */
function isPlainGroup({ view }: Reading, { offset, end }: NodePlaces): boolean {
  const count = view.getUint32(offset + group.itsCount, true);
  if (view.getUint32(offset + header.mappingCount, true) !== 0) return false;
  if (view.getUint32(offset + header.mappingOffset, true) !== 0) return false;
  return count > 0 && end === offset + nodeHeaderSize + itsGroupLayout.size + count * itsIdentifier.size;
}

/** No flags, usual properties, single mappings to SMMUs behind a name with some padding. */
function isPlainComponent(reading: Reading, { places, name }: NodeContent): boolean {
  const { view } = reading;
  const { offset, end, nameStart, nameEnd, mappingStart, mappingCount } = places;
  if (nameStart < 0 || view.getUint32(offset + component.nodeFlags, true) !== 0) return false;
  if (!hasPlainMemory(view, offset + component.cacheCoherency)) return false;
  if (!isPlainLimit(view.getUint8(offset + component.memorySizeLimit))) return false;
  if (!namePattern.test(name)) return false;
  if (mappingCount === 0) return view.getUint32(offset + header.mappingCount, true) === 0;
  if ((mappingStart - offset) % 4 !== 0 || mappingStart <= nameEnd) return false;
  if (end !== mappingStart + mappingCount * idMappingLayout.size) return false;
  for (let at = mappingStart; at < end; at += idMappingLayout.size) {
    const id = view.getUint32(at + mapping.outputBase, true);
    if (view.getUint32(at + mapping.flags, true) !== 1 || !isPlainStream(reading, at, id, id)) return false;
  }
  return true;
}

/** Characters that break no text, whether or not a name may have them. */
const namePattern = /^[\\.A-Z0-9_]*$/;

/** All requester IDs in one mapping to an SMMU, ATS at most. */
function isPlainComplex(reading: Reading, { offset, end, mappingStart, mappingCount }: NodePlaces): boolean {
  const { view } = reading;
  // The flags behind are told of where they are there.
  if (mappingStart !== offset + complex.flags || mappingCount !== 1) return false;
  if (end !== mappingStart + idMappingLayout.size) return false;
  if (!hasPlainMemory(view, offset + complex.cacheCoherency)) return false;
  if (!isPlainLimit(view.getUint8(offset + complex.memorySizeLimit))) return false;
  if (view.getUint32(offset + complex.atsAttribute, true) > 1) return false;
  if (view.getUint16(offset + complex.pasidCapabilities, true) !== 0) return false;
  if (view.getUint8(offset + complex.reserved) !== 0) return false;
  if (view.getUint32(mappingStart + mapping.flags, true) !== 0) return false;
  if (view.getUint32(mappingStart + mapping.inputBase, true) !== 0) return false;
  if (view.getUint32(mappingStart + mapping.count, true) !== 0xffff) return false;
  const first = view.getUint32(mappingStart + mapping.outputBase, true);
  return isPlainStream(reading, mappingStart, first, first + 0xffff);
}

/** Coherent, with four wired interrupts, and a mapping of ranges to an ITS group or none. */
function isPlainSmmuv3({ view, table }: Reading, { offset, end, mappingStart, mappingCount }: NodePlaces): boolean {
  if (end < offset + nodeHeaderSize + smmuv3Layout.size) return false;
  const flags = view.getUint32(offset + smmuv3.flags, true);
  const isWithoutDomain = (flags & 8) === 0 || view.getUint8(offset + header.revision) >= 1;
  if ((flags & 1) === 0 || flags > 0xf || (flags & 6) === 6 || !isWithoutDomain) return false;
  if (view.getUint32(offset + smmuv3.reserved, true) !== 0) return false;
  if (view.getUint32(offset + smmuv3.model, true) > 2) return false;
  const event = view.getUint32(offset + smmuv3.eventGsiv, true);
  const pri = view.getUint32(offset + smmuv3.priGsiv, true);
  const gerr = view.getUint32(offset + smmuv3.gerrGsiv, true);
  const sync = view.getUint32(offset + smmuv3.syncGsiv, true);
  if (event === 0 || pri === 0 || gerr === 0 || sync === 0) return false;
  if (event === pri || event === gerr || event === sync || pri === gerr || pri === sync || gerr === sync) return false;
  const fieldsEnd = offset + nodeHeaderSize + smmuv3Layout.size;
  if (mappingCount === 0) return end === fieldsEnd && view.getUint32(offset + header.mappingCount, true) === 0;
  if (mappingCount > 1 || mappingStart !== fieldsEnd || end !== mappingStart + idMappingLayout.size) return false;
  if (view.getUint32(mappingStart + mapping.flags, true) !== 0 || !isPlainRange(view, mappingStart)) return false;
  return table.nodeAt(view.getUint32(mappingStart + mapping.outputReference, true))?.kind === 'its-group';
}

/** Whole blocks of 64 KiB, descriptors and then mappings to SMMUs, in a table that Linux reads them in. */
function isPlainRmr(
  { view, table, revision }: Reading,
  { offset, end, arrays, mappingStart, mappingCount }: NodePlaces,
) {
  const [descriptors] = arrays;
  const flags = view.getUint32(offset + rmr.flags, true);
  if (revision < 5 || descriptors === undefined || descriptors.count === 0 || mappingCount === 0) return false;
  if (view.getUint8(offset + header.revision) === 2 || flags >> 10 !== 0 || ((flags >> 2) & 0xff) > 5) return false;
  if (descriptors.start !== offset + nodeHeaderSize + rmrLayout.size) return false;
  if (mappingStart !== descriptors.start + descriptors.count * rmrDescriptorLayout.size) return false;
  if (end !== mappingStart + mappingCount * idMappingLayout.size) return false;
  for (let at = descriptors.start; at < mappingStart; at += rmrDescriptorLayout.size) {
    if (!isPlainReservation(view, at)) return false;
  }
  for (let at = mappingStart; at < end; at += idMappingLayout.size) {
    const isRange = view.getUint32(at + mapping.flags, true) === 0;
    if (!isPlainRange(view, at)) return false;
    if (!isRange && (view.getUint32(at + mapping.flags, true) !== 1 || view.getUint32(at + mapping.count, true) !== 0))
      return false;
    if (!isSmmu(table.nodeAt(view.getUint32(at + mapping.outputReference, true)))) return false;
  }
  return true;
}

function isPlainReservation(view: DataView, at: number): boolean {
  const [baseLow, baseHigh] = [
    view.getUint32(at + descriptor.base, true),
    view.getUint32(at + descriptor.base + 4, true),
  ];
  const [low, high] = [view.getUint32(at + descriptor.length, true), view.getUint32(at + descriptor.length + 4, true)];
  if (((baseLow | low) & 0xffff) !== 0 || (low === 0 && high === 0) || baseHigh + high >= 0xffffffff) return false;
  return view.getUint32(at + descriptor.reserved, true) === 0;
}

/** Cache coherency, hints, reserved bytes and memory flags go together. */
function hasPlainMemory(view: DataView, at: number): boolean {
  const coherency = view.getUint32(at, true);
  const flags = view.getUint8(at + component.memoryFlags - component.cacheCoherency);
  const isAgreed = coherency === 1 ? (flags & 1) === 1 : coherency === 0 && flags !== 3;
  if (!isAgreed || flags > 3) return false;
  if (view.getUint8(at + component.hints - component.cacheCoherency) > 0xf) return false;
  return view.getUint16(at + component.memoryReserved - component.cacheCoherency, true) === 0;
}

function isPlainLimit(bits: number): boolean {
  return bits >= 32 && bits <= 64;
}

/** Of a mapping of ranges: it ends where IDs do, and does not look like one whose count is one too large. */
function isPlainRange(view: DataView, at: number): boolean {
  const count = view.getUint32(at + mapping.count, true);
  if (count !== 0 && count % bus === 0) return false;
  if (view.getUint32(at + mapping.inputBase, true) + count > lastId) return false;
  return view.getUint32(at + mapping.outputBase, true) + count <= lastId;
}

/** Of a mapping of a master: its stream IDs have the usual size and a way from their SMMU to an ITS. */
function isPlainStream(reading: Reading, at: number, first: number, last: number): boolean {
  const { view, table, hasIts, lastStream } = reading;
  const smmu = table.nodeAt(view.getUint32(at + mapping.outputReference, true));
  if (smmu === undefined || !isSmmu(smmu) || last > lastStream) return false;
  if (!hasIts) return true;
  return servedBy(reading, smmu).some((span) => span.first <= first && last <= span.last);
}

function isSmmu(node: IortNode | undefined): boolean {
  return node?.kind === 'smmuv3' || node?.kind === 'smmu';
}

function servedBy(reading: Reading, smmu: IortNode): readonly IdSpan[] {
  let found = reading.served.get(smmu);
  if (found === undefined) reading.served.set(smmu, (found = onlySpan(reading, smmu) ?? spansOf(reading, smmu)));
  return found;
}

/** By its only mapping, where it is easily told. */
function onlySpan(reading: Reading, smmu: IortNode): readonly IdSpan[] | undefined {
  const { view, table } = reading;
  const { places } = contentOf(smmu);
  const { mappingStart: at, mappingCount } = places;
  if (mappingCount !== 1 || view.getUint32(at + mapping.flags, true) !== 0) return undefined;
  // Of another SMMUv3 the mapping may be its own.
  if (smmu.kind === 'smmuv3' && !isPlainSmmuv3(reading, places)) return undefined;
  if (table.nodeAt(view.getUint32(at + mapping.outputReference, true))?.kind !== 'its-group') return undefined;
  const first = view.getUint32(at + mapping.inputBase, true);
  return [{ first, last: first + view.getUint32(at + mapping.count, true) }];
}

function spansOf(reading: Reading, smmu: IortNode): readonly IdSpan[] {
  const toIts = rangeMappings(reading, smmu).filter((range) => range.mapping.target?.kind === 'its-group');
  return toIts.map(({ start, end }) => ({ first: Number(start), last: Number(end) }));
}
