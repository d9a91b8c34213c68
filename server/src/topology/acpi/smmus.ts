// SMMU and SMMUv3 nodes of an IORT: which of them become devices, and what their drivers take from the table.
import { rangeOf } from '../address';
import { iommuDriver } from '../iommu-drivers';
import type { AddressRange, Availability, DeviceIdRule, Iommu, PhysicalAddress, StreamDoorbells } from '../model';
import { nodePlace, nodeText, tableOffset, type AcpiBuilder } from './builder';
import type { ItsGroups } from './msi-controllers';
import { itsTypes, nodeType, smmuTypes, type KernelNode } from './kernel-table';
import type { ReservedMemoryRanges } from './reservations';

/** By the place of its node. */
export type Smmus = ReadonlyMap<number, Iommu>;

const smmuv3Flags = { coherencyOverride: 1n };
const smmuFlags = { coherentWalk: 2n };
/** acpi_smmu_get_data: the models that the driver of SMMUv1 and v2 knows. */
const lastSmmuModel = 5n;
const hisiliconHi161x = 1n;
const caviumCn99xx = 2n;

export function readSmmus(builder: AcpiBuilder, ranges: ReservedMemoryRanges, groups: ItsGroups): Smmus {
  const found = new Map<number, Iommu>();
  const paths = new Set<string>();
  const placed = newPlacement();
  for (const node of builder.table.nodes) {
    const isSmmu = ((1 << node.type) & smmuTypes) !== 0 && node.type < 8;
    if (!isSmmu && node.type !== nodeType.pmcg) continue;
    const registers = registersOf(builder, node);
    const failure = placed.add(node, registers);
    if (!isSmmu) continue;
    const base = builder.table.value(node, 'base')?.value ?? 0n;
    const plain = `${node.type === nodeType.smmuv3 ? 'smmuv3' : 'smmu'}@${base.toString(16)}`;
    const path = paths.has(plain) ? `${plain}+${tableOffset(node.offset)}` : plain;
    paths.add(path);
    found.set(node.offset, readSmmu(builder, node, { path, registers, failure, ranges, groups }));
  }
  return found;
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
  const flags = table.value(node, 'flags')?.value ?? 0n;
  const model = table.value(node, 'model')?.value ?? 0n;
  const unknownModel =
    !isV3 && model > lastSmmuModel ? `model ${String(model)} is none that the driver arm-smmu knows` : undefined;
  const reason = failure ?? unknownModel;
  const streamReservations = ranges.of(node);
  return {
    path,
    labels: [],
    driver: iommuDriver([isV3 ? 'arm,smmu-v3' : 'arm,smmu-v2']),
    compatible: [],
    availability: availability(reason, builder, node),
    cells: undefined,
    coherent: (flags & (isV3 ? smmuv3Flags.coherencyOverride : smmuFlags.coherentWalk)) !== 0n,
    streamMatchMask: 0,
    get source() {
      return nodePlace(builder, node);
    },
    problem: undefined,
    registers,
    ...(streamReservations.length > 0 && { streamReservations }),
    ...(isV3 && model === hisiliconHi161x && { streamDoorbells: doorbellsByRule(builder, node, groups) }),
  };
}

function availability(reason: string | undefined, builder: AcpiBuilder, node: KernelNode): Availability {
  if (reason === undefined) return { enabled: true };
  return {
    enabled: false,
    reason,
    get source() {
      return nodePlace(builder, node);
    },
  };
}

/** arm_smmu_v3_init_resources, arm_smmu_init_resources, arm_smmu_v3_pmcg_init_resources. */
function registersOf({ table }: AcpiBuilder, node: KernelNode): AddressRange<PhysicalAddress>[] {
  const at = (field: string, size: bigint): AddressRange<PhysicalAddress> =>
    rangeOf((table.value(node, field)?.value ?? 0n) as PhysicalAddress, size);
  switch (node.type) {
    case nodeType.smmuv3:
      return [at('base', table.value(node, 'model')?.value === caviumCn99xx ? 0x10000n : 0x20000n)];
    case nodeType.smmu:
      return [at('base', table.value(node, 'span')?.value ?? 0n)];
    default:
      return [at('page0Base', 0x1000n), ...(node.revision > 0 ? [at('page1Base', 0x1000n)] : [])];
  }
}

/**
 * Linux makes devices of SMMU and PMCG nodes in the order of the table, and stops at the first that fails
 * (iort_init_platform_devices): one whose registers lie across those of another cannot be added (kernel/resource.c
 * __insert_resource). Two at the same place are added, and the driver gets the registers for the first alone.
 */
function newPlacement(): { add: (node: KernelNode, ranges: readonly AddressRange[]) => string | undefined } {
  const taken: { range: AddressRange; node: KernelNode }[] = [];
  let stopped: KernelNode | undefined;
  return {
    add(node, ranges) {
      if (stopped !== undefined) {
        return `Linux makes no device of the ${nodeText(node)}, since it stops at the ${nodeText(stopped)}, whose registers lie across those of another`;
      }
      for (const range of ranges) {
        const across = taken.find((other) => liesAcross(other.range, range));
        if (range.end < range.start || across !== undefined) {
          stopped = node;
          return across === undefined
            ? 'it has no registers'
            : `its registers lie across those of the ${nodeText(across.node)}`;
        }
      }
      const isSmmu = node.type !== nodeType.pmcg;
      const same = taken.find(
        (other) => isSmmu && other.node.type !== nodeType.pmcg && other.range.start === ranges[0]?.start,
      );
      for (const range of ranges) taken.push({ range, node });
      return same === undefined ? undefined : `its registers are those of the ${nodeText(same.node)}`;
    },
  };
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
