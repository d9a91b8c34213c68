// SMMU and SMMUv3 nodes of an IORT: which of them become devices, and what their drivers take from the table.
import type { SourceRange } from '../../text/source-file';
import { rangeOf } from '../address';
import { iommuDriver } from '../iommu-drivers';
import type {
  AddressRange,
  Availability,
  DeviceIdRule,
  Iommu,
  IommuDriver,
  PhysicalAddress,
  StreamDoorbells,
  StreamReservation,
} from '../model';
import { isEnabled, NodeOff, nodePlace, nodeText, nothing, tableOffset, type AcpiBuilder } from './builder';
import type { ItsGroups } from './msi-controllers';
import { itsTypes, nodeType, type KernelNode } from './kernel-table';
import type { ReservedMemoryRanges } from './reservations';

/** By the place of its node. */
export type Smmus = ReadonlyMap<number, Iommu>;

const smmuv3Flags = { coherencyOverride: 1 };
const smmuFlags = { coherentWalk: 2 };
/** acpi_smmu_get_data: the models that the driver of SMMUv1 and v2 knows. */
const lastSmmuModel = 5;
const hisiliconHi161x = 1;
const caviumCn99xx = 2;

/** `before` has those of an earlier version of the table, as far as `isKept` says that the node is as it was. */
export function readSmmus(
  builder: AcpiBuilder,
  ranges: ReservedMemoryRanges,
  groups: ItsGroups,
  before?: { readonly smmus: Smmus; readonly isKept: (node: KernelNode) => boolean },
): Smmus {
  const found = new Map<number, Iommu>();
  const paths = new Set<string>();
  const claims = builder.table.nodes
    .filter(({ type }) => isSmmu(type) || type === nodeType.pmcg)
    .map((node) => ({ node, ranges: registersOf(builder, node) }));
  const failures = placementFailures(claims);
  for (const [index, { node, ranges: registers }] of claims.entries()) {
    if (!isSmmu(node.type)) continue;
    const base = registers[0]!.start;
    const plain = `${node.type === nodeType.smmuv3 ? 'smmuv3' : 'smmu'}@${base.toString(16)}`;
    const path = paths.has(plain) ? `${plain}+${tableOffset(node.offset)}` : plain;
    paths.add(path);
    const failure = failures.get(index);
    const earlier = before?.isKept(node) === true ? before.smmus.get(node.offset) : undefined;
    const isKept = earlier !== undefined && isSame(earlier, path, failure, ranges.of(node));
    found.set(node.offset, isKept ? earlier : readSmmu(builder, node, { path, registers, failure, ranges, groups }));
  }
  return found;
}

/** Whether it would be made the same now, its node being as it was. */
function isSame(
  { path, availability, streamReservations }: Iommu,
  newPath: string,
  failure: string | undefined,
  reservations: readonly StreamReservation[],
): boolean {
  return (
    availability.enabled &&
    failure === undefined &&
    path === newPath &&
    streamReservations?.length === reservations.length &&
    streamReservations.every((each, index) => each === reservations[index])
  );
}

function isSmmu(type: number): boolean {
  return type === nodeType.smmu || type === nodeType.smmuv3;
}

interface Facts {
  readonly path: string;
  readonly registers: readonly AddressRange<PhysicalAddress>[];
  readonly failure: string | undefined;
  readonly ranges: ReservedMemoryRanges;
  readonly groups: ItsGroups;
}

function readSmmu(builder: AcpiBuilder, node: KernelNode, { path, registers, failure, ranges, groups }: Facts): Iommu {
  const { table } = builder;
  const isV3 = node.type === nodeType.smmuv3;
  const model = table.number(node, 'model') ?? 0;
  const unknownModel =
    !isV3 && model > lastSmmuModel ? `model ${String(model)} is none that the driver arm-smmu knows` : undefined;
  const reason = failure ?? unknownModel;
  const flags = table.number(node, 'flags') ?? 0;
  const coherent = (flags & (isV3 ? smmuv3Flags.coherencyOverride : smmuFlags.coherentWalk)) !== 0;
  const availability = reason === undefined ? isEnabled : new NodeOff(builder, node, reason);
  const streamDoorbells = isV3 && model === hisiliconHi161x ? doorbellsByRule(builder, node, groups) : undefined;
  return new TableIommu(builder, node, {
    path,
    driver: isV3 ? iommuDriver(smmuv3Names, builder.hardware) : smmuDriver,
    availability,
    coherent,
    registers,
    streamReservations: ranges.of(node),
    streamDoorbells,
  });
}

const smmuv3Names = ['arm,smmu-v3'];
const smmuDriver = iommuDriver(['arm,smmu-v2']);

type IommuFacts = Pick<
  Iommu,
  'path' | 'driver' | 'availability' | 'coherent' | 'registers' | 'streamReservations' | 'streamDoorbells'
>;

class TableIommu implements Iommu {
  readonly path: string;
  readonly labels = nothing;
  readonly driver: IommuDriver;
  readonly compatible = nothing;
  readonly availability: Availability;
  readonly cells = undefined;
  readonly coherent: boolean;
  readonly streamMatchMask = 0;
  readonly problem = undefined;
  readonly registers: readonly AddressRange<PhysicalAddress>[];
  readonly streamReservations: Iommu['streamReservations'];
  readonly streamDoorbells: Iommu['streamDoorbells'];

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly node: KernelNode,
    facts: IommuFacts,
  ) {
    this.path = facts.path;
    this.driver = facts.driver;
    this.availability = facts.availability;
    this.coherent = facts.coherent;
    this.registers = facts.registers;
    this.streamReservations = facts.streamReservations;
    this.streamDoorbells = facts.streamDoorbells;
  }

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.node);
  }
}

/** arm_smmu_v3_init_resources, arm_smmu_init_resources, arm_smmu_v3_pmcg_init_resources. */
function registersOf({ table }: AcpiBuilder, node: KernelNode): AddressRange<PhysicalAddress>[] {
  const at = (field: string, size: bigint): AddressRange<PhysicalAddress> =>
    rangeOf((table.value(node, field)?.value ?? 0n) as PhysicalAddress, size);
  switch (node.type) {
    case nodeType.smmuv3:
      return [at('base', table.number(node, 'model') === caviumCn99xx ? 0x10000n : 0x20000n)];
    case nodeType.smmu:
      return [at('base', table.value(node, 'span')?.value ?? 0n)];
    default:
      return [at('page0Base', 0x1000n), ...(node.revision > 0 ? [at('page1Base', 0x1000n)] : [])];
  }
}

/** The registers that the driver of a node takes. */
interface Claim {
  readonly node: KernelNode;
  readonly ranges: readonly AddressRange[];
}

/**
 * Linux makes devices of SMMU and PMCG nodes in the order of the table, and stops at the first that fails
 * (iort_init_platform_devices): one whose registers lie across those of another cannot be added (kernel/resource.c
 * __insert_resource). Two at the same place are added, and the driver gets the registers for the first alone. The reasons by
 * the claims' places in the list.
 */
function placementFailures(claims: readonly Claim[]): ReadonlyMap<number, string> {
  const failures = new Map<number, string>();
  const stop = mayFail(claims) ? firstFailure(claims) : undefined;
  const starts = new Map<bigint, KernelNode>();
  for (const [index, { node, ranges }] of claims.entries()) {
    if (stop !== undefined && index >= stop.index) {
      const later = `Linux makes no device of the ${nodeText(node)}, since it stops at the ${nodeText(claims[stop.index]!.node)}, whose registers lie across those of another`;
      failures.set(index, index === stop.index ? stop.reason : later);
    } else if (node.type !== nodeType.pmcg) {
      const same = starts.get(ranges[0]!.start);
      if (same === undefined) starts.set(ranges[0]!.start, node);
      else failures.set(index, `its registers are those of the ${nodeText(same)}`);
    }
  }
  return failures;
}

/** Whether any registers have no length, or lie across others, in whatever order they come: hardly ever. */
function mayFail(claims: readonly Claim[]): boolean {
  const all = claims.flatMap(({ ranges }) => ranges);
  // What holds others goes before them.
  all.sort((one, other) => compare(one.start, other.start) || compare(other.end, one.end));
  const around: AddressRange[] = [];
  for (const range of all) {
    if (range.end < range.start) return true;
    while (around.length > 0 && around.at(-1)!.end < range.start) around.pop();
    if (around.length > 0 && around.at(-1)!.end < range.end) return true;
    around.push(range);
  }
  return false;
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function firstFailure(claims: readonly Claim[]): { readonly index: number; readonly reason: string } | undefined {
  const taken: { range: AddressRange; node: KernelNode }[] = [];
  for (const [index, { node, ranges }] of claims.entries()) {
    for (const range of ranges) {
      const across = taken.find((other) => liesAcross(other.range, range));
      if (across !== undefined) {
        return { index, reason: `its registers lie across those of the ${nodeText(across.node)}` };
      }
      if (range.end < range.start) return { index, reason: 'it has no registers' };
    }
    for (const range of ranges) taken.push({ range, node });
  }
  return undefined;
}

/** They meet, and neither is inside the other. */
function liesAcross(one: AddressRange, other: AddressRange): boolean {
  if (one.end < other.start || other.end < one.start) return false;
  const holdsOther = one.start <= other.start && other.end <= one.end;
  return !holdsOther && !(other.start <= one.start && one.end <= other.end);
}

/** iort_iommu_msi_get_resv_regions: of all ITS in the group that the SMMU's mappings lead to. */
function doorbellsByRule(
  builder: AcpiBuilder,
  node: KernelNode,
  groups: ItsGroups,
): Readonly<Record<DeviceIdRule, readonly StreamDoorbells[]>> {
  const by = (rule: DeviceIdRule): StreamDoorbells[] =>
    builder.routers[rule].route(node, 0, 0xffffffff, itsTypes).arrivals.map(({ first, last, node: group }) => ({
      first,
      last,
      ...groups.pagesOf(group),
    }));
  return { 'by-interrupts': by('by-interrupts'), 'by-flag': by('by-flag') };
}
