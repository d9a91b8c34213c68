// Masters of an IORT and what belongs to them, as values of the topology. They are of classes, whose getters find the places in
// the text when somebody asks.
import type { SourceRange } from '../../text/source-file';
import type { BusAddress } from '../address';
import type {
  Availability,
  DmaMaster,
  HostBridge,
  IdMap,
  Inbound,
  Iommu,
  Link,
  MsiController,
  MsiParent,
  MsiRouting,
  Problem,
  StreamEntry,
} from '../model';
import { nodePlace, nothing, wholeMapping, type AcpiBuilder } from './builder';
import type { KernelMapping, KernelNode } from './kernel-table';

/** A host bridge, of which an IORT has little more than the number. */
export class Segment implements HostBridge {
  readonly labels = nothing;
  readonly segmentKnown = true;
  readonly busRange = { first: 0, last: 0xff };
  readonly outbound = nothing;
  readonly outboundProblem = undefined;
  readonly outboundUnknown = 'which addresses it forwards to functions stands in the DSDT (_CRS)';

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly from: KernelNode,
    readonly path: string,
    readonly availability: Availability,
    readonly segment: number,
  ) {}

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.from);
  }
}

/** What root complexes and named components differ in. */
interface MasterFacts {
  readonly kind: 'pci-host' | 'platform';
  readonly path: string;
  readonly availability: Availability;
  readonly hostBridge: HostBridge | undefined;
  readonly streams: readonly StreamEntry[];
  readonly iommuMap: IdMap<Iommu> | undefined;
  readonly msi: MsiRouting;
  readonly addressLimit: BusAddress | undefined;
  readonly preservesBootConfiguration: boolean;
}

export class TableMaster implements DmaMaster {
  readonly kind: 'pci-host' | 'platform';
  readonly path: string;
  readonly labels = nothing;
  readonly compatible = nothing;
  readonly availability: Availability;
  readonly coherent: boolean;
  readonly hostBridge: HostBridge | undefined;
  readonly requesterId = undefined;
  readonly aliases = nothing;
  readonly upstream = undefined;
  readonly isBridge = false;
  readonly streams: readonly StreamEntry[];
  readonly iommuMap: IdMap<Iommu> | undefined;
  readonly msi: MsiRouting;
  readonly reservations = nothing;
  readonly memoryRegions = nothing;
  readonly inbound = anyAddress;
  readonly addressLimit: BusAddress | undefined;
  readonly preservesBootConfiguration: boolean;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly from: KernelNode,
    facts: MasterFacts,
  ) {
    this.kind = facts.kind;
    this.path = facts.path;
    this.availability = facts.availability;
    this.coherent = builder.table.number(from, 'cacheCoherency') === 1;
    this.hostBridge = facts.hostBridge;
    this.streams = facts.streams;
    this.iommuMap = facts.iommuMap;
    this.msi = facts.msi;
    this.addressLimit = facts.addressLimit;
    this.preservesBootConfiguration = facts.preservesBootConfiguration;
  }

  get source(): SourceRange | undefined {
    return nodePlace(this.builder, this.from);
  }
}

/** `_DMA` methods of the namespace may limit more; they are in no data table. */
const anyAddress: Inbound = { levels: [], windows: undefined, problem: undefined };

export class Stream implements StreamEntry {
  readonly leavesEarlier = true;

  constructor(
    private readonly builder: AcpiBuilder,
    private readonly mapping: KernelMapping,
    readonly iommu: Link<Iommu>,
    readonly streamId: number,
    readonly problem: Problem | undefined,
  ) {}

  get cells(): readonly number[] {
    return [this.streamId];
  }

  /** drivers/iommu/arm/arm-smmu/arm-smmu.c arm_smmu_probe_device: the upper half of an ID is its SMR mask. */
  get mask(): number | undefined {
    return this.iommu.target?.driver.grouping === 'stream-match' ? this.streamId >>> 16 : undefined;
  }

  get source(): SourceRange | undefined {
    return wholeMapping(this.builder, this.mapping);
  }
}

/** By a mapping of a named component, or for all of a root complex. */
export class Routing implements MsiRouting {
  constructor(
    private readonly builder: AcpiBuilder,
    private readonly from: KernelNode,
    private readonly mapping: KernelMapping | undefined,
    readonly node: string,
    readonly parents: readonly MsiParent[],
    /** By kernels that tell an SMMU's own mapping otherwise, where that leads elsewhere. */
    readonly earlierParents: readonly MsiParent[] | undefined,
    readonly map: IdMap<MsiController> | undefined,
    readonly earlierMap: IdMap<MsiController> | undefined,
  ) {}

  get source(): SourceRange | undefined {
    return this.mapping ? wholeMapping(this.builder, this.mapping) : nodePlace(this.builder, this.from);
  }
}

export class Parent implements MsiParent {
  readonly cells = nothing;
  readonly problem = undefined;

  constructor(
    private readonly builder: AcpiBuilder,
    readonly mapping: KernelMapping | undefined,
    readonly controller: Link<MsiController>,
  ) {}

  get source(): SourceRange | undefined {
    return this.mapping && wholeMapping(this.builder, this.mapping);
  }
}
