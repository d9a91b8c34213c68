// A machine's topology with what its VIOT adds: devices behind a virtio-iommu. Linux asks it for what the IORT has no SMMU for
// (drivers/acpi/scan.c acpi_iommu_configure_id).
import type { ViotIommu, ViotTable } from '../acpi/viot';
import { usableEntries } from './id-maps';
import { iommuDriver } from './iommu-drivers';
import type { DmaMaster, HostBridge, IdMap, IdMapEntry, Iommu, Link, MsiRouting, Problem, Topology } from './model';

/** Segments without a root complex in the IORT; real tables have one or none. */
const mostSegments = 64;

export function withViot(topology: Topology, viot: ViotTable): Topology {
  const iommus = new Map(viot.iommus.map((each) => [each, virtioIommu(each)]));
  const hosts = new Set<number>();
  const masters = topology.masters.map((master) => {
    const { hostBridge } = master;
    if (master.kind !== 'pci-host' || hostBridge?.availability.enabled !== true) return master;
    hosts.add(hostBridge.segment);
    return behindBoth(master, segmentEntries(viot, iommus, hostBridge.segment));
  });
  const further = segmentsOf(viot)
    .filter((segment) => !hosts.has(segment))
    .slice(0, mostSegments)
    .map((segment) => bareHost(topology, segment, segmentEntries(viot, iommus, segment)));
  const devices = platformMasters(viot, iommus);
  return {
    ...topology,
    masters: [...masters, ...further, ...devices],
    hostBridges: [...topology.hostBridges, ...further.flatMap(({ hostBridge }) => hostBridge ?? [])],
    iommus: [...topology.iommus, ...iommus.values()],
  };
}

type Iommus = ReadonlyMap<ViotIommu, Iommu>;

function virtioIommu(found: ViotIommu): Iommu {
  const place = found.kind === 'pci' ? functionName(found.segment, found.requesterId) : found.base.toString(16);
  return {
    path: `virtio-iommu@${place}`,
    labels: [],
    driver: iommuDriver([found.kind === 'pci' ? 'virtio,pci-iommu' : 'virtio,mmio']),
    compatible: [],
    availability: { enabled: true },
    cells: undefined,
    coherent: true,
    streamMatchMask: 0,
    source: undefined,
    problem: undefined,
    registers: [],
  };
}

function segmentsOf({ ranges }: ViotTable): number[] {
  const found = new Set<number>();
  for (const { segments } of ranges)
    for (let segment = segments.first; segment <= segments.last && found.size < mostSegments; segment++)
      found.add(segment);
  return [...found];
}

/** viot_pci_dev_iommu_init: the first range that has a function decides. */
function segmentEntries({ ranges }: ViotTable, iommus: Iommus, segment: number): IdMapEntry<Iommu>[] {
  return ranges.flatMap(({ segments, functions: { first, last }, endpoint, iommu }) => {
    if (segment < segments.first || segment > segments.last || first > last) return [];
    const base = (endpoint + (segment - segments.first) * 0x10000) >>> 0;
    const entry = entryOf(first, last, base, linkTo(iommu.offset, iommus.get(iommu)!));
    if (iommu.kind !== 'pci' || iommu.segment !== segment) return [entry];
    const { requesterId } = iommu;
    return requesterId < first || requesterId > last ? [entry] : [itself(iommus.get(iommu)!, requesterId), entry];
  });
}

function linkTo(offset: number, target: Iommu): Link<Iommu> {
  return { phandle: offset, path: target.path, target, problem: undefined, source: undefined };
}

function itself({ path }: Iommu, requesterId: number): IdMapEntry<Iommu> {
  const problem: Problem = {
    code: 'unresolved',
    message: `${path} does not translate for itself`,
    node: path,
    property: 'VIOT',
    source: undefined,
  };
  const target: Link<Iommu> = { phandle: 0, path: undefined, target: undefined, problem, source: undefined };
  return entryOf(requesterId, requesterId, 0, target, problem);
}

function entryOf(
  first: number,
  last: number,
  output: number,
  target: Link<Iommu>,
  problem?: Problem,
): IdMapEntry<Iommu> {
  return {
    input: first,
    length: last - first + 1,
    output,
    extra: [],
    target,
    problem,
    source: undefined,
    inputSource: undefined,
    outputSource: undefined,
    lengthSource: undefined,
  };
}

/** A root complex of the IORT: what it has no SMMU for, the VIOT may have. */
function behindBoth(master: DmaMaster, added: readonly IdMapEntry<Iommu>[]): DmaMaster {
  if (added.length === 0) return master;
  const own = usableEntries(master.iommuMap, 'four-cells');
  const translated = own.filter(({ target }) => target.target !== undefined);
  // What leads nowhere says why, where nothing else takes the function.
  const lost = own.filter(({ target }) => target.target === undefined);
  return copyOf(master, mapOf([...translated, ...notCovered(added, translated), ...lost]));
}

/** Entries without the parts that earlier ones cover. */
function notCovered(entries: readonly IdMapEntry<Iommu>[], earlier: readonly IdMapEntry<Iommu>[]): IdMapEntry<Iommu>[] {
  const covered = [...earlier];
  return entries.flatMap((entry) => {
    let parts = [{ first: entry.input, last: entry.input + entry.length - 1 }];
    for (const { input, length } of covered) {
      parts = parts.flatMap(({ first, last }) => [
        ...(first < input ? [{ first, last: Math.min(last, input - 1) }] : []),
        ...(last >= input + length ? [{ first: Math.max(first, input + length), last }] : []),
      ]);
    }
    covered.push(entry);
    return parts.map(({ first, last }) => ({
      ...entry,
      input: first,
      length: last - first + 1,
      output: (entry.output + (first - entry.input)) >>> 0,
    }));
  });
}

function mapOf(entries: readonly IdMapEntry<Iommu>[]): IdMap<Iommu> {
  const reading = { entries, problem: undefined, unusable: false };
  const readings = { 'four-cells': reading, 'target-cells': reading };
  return { property: 'iort', mask: 0xffffffff, maskSource: undefined, source: undefined, readings };
}

function copyOf(master: DmaMaster, iommuMap: IdMap<Iommu>): DmaMaster {
  return {
    path: master.path,
    labels: master.labels,
    kind: master.kind,
    compatible: master.compatible,
    get source() {
      return master.source;
    },
    availability: master.availability,
    coherent: master.coherent,
    hostBridge: master.hostBridge,
    requesterId: master.requesterId,
    aliases: master.aliases,
    upstream: master.upstream,
    isBridge: master.isBridge,
    streams: master.streams,
    iommuMap,
    msi: master.msi,
    reservations: master.reservations,
    memoryRegions: master.memoryRegions,
    inbound: master.inbound,
    addressLimit: master.addressLimit,
    preservesBootConfiguration: master.preservesBootConfiguration,
  };
}

/** A segment that the IORT does not know: MSIs of its functions go to the first GICv2m frame. */
function bareHost({ msiControllers }: Topology, segment: number, entries: readonly IdMapEntry<Iommu>[]): DmaMaster {
  const path = `pci${segment.toString(16).padStart(4, '0')}`;
  const hostBridge: HostBridge = {
    path,
    labels: [],
    availability: { enabled: true },
    segment,
    segmentKnown: true,
    busRange: { first: 0, last: 0xff },
    outbound: [],
    outboundProblem: undefined,
    outboundUnknown: 'which addresses it forwards to functions stands in the DSDT (_CRS)',
    source: undefined,
  };
  const frame = msiControllers.find(({ kind }) => kind === 'gicv2m');
  const controller = { phandle: 0, path: frame?.path, target: frame, problem: undefined, source: undefined };
  const parents = frame === undefined ? [] : [{ controller, cells: [], source: undefined, problem: undefined }];
  const msi: MsiRouting = { parents, map: undefined, node: path, source: undefined };
  return { ...plainMaster(path, msi), kind: 'pci-host', hostBridge, iommuMap: mapOf(notCovered(entries, [])) };
}

function plainMaster(path: string, msi: MsiRouting): DmaMaster {
  return {
    path,
    labels: [],
    kind: 'platform',
    compatible: [],
    source: undefined,
    availability: { enabled: true },
    coherent: true,
    hostBridge: undefined,
    requesterId: undefined,
    aliases: [],
    upstream: undefined,
    isBridge: false,
    streams: [],
    iommuMap: undefined,
    msi,
    reservations: [],
    memoryRegions: [],
    inbound: { levels: [], windows: undefined, problem: undefined },
    addressLimit: undefined,
    preservesBootConfiguration: false,
  };
}

/** viot_mmio_dev_iommu_init. Which object of the namespace has its registers there, no data table tells. */
function platformMasters({ endpoints }: ViotTable, iommus: Iommus): DmaMaster[] {
  const seen = new Set<bigint>();
  return endpoints.flatMap(({ base, endpoint, iommu }) => {
    if (seen.has(base)) return [];
    seen.add(base);
    if (iommu.kind === 'mmio' && iommu.base === base) return [];
    const path = `mmio@${base.toString(16)}`;
    const target = linkTo(iommu.offset, iommus.get(iommu)!);
    const entry = {
      iommu: target,
      cells: [endpoint],
      streamId: endpoint,
      mask: 0,
      source: undefined,
      problem: undefined,
    };
    const msi: MsiRouting = { parents: [], map: undefined, node: undefined, source: undefined };
    return [{ ...plainMaster(path, msi), streams: [entry] }];
  });
}

/** As the kernel has it: `0000:00:04.0`. */
function functionName(segment: number, requesterId: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(segment, 4)}:${hex(requesterId >> 8, 2)}:${hex((requesterId >> 3) & 0x1f, 2)}.${String(requesterId & 7)}`;
}
