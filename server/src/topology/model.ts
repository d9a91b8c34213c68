// The machine as DMA sees it, in neutral terms: built from a devicetree (from-tree.ts) or from ACPI tables, read by iova/ and rules/.
// Nothing is dropped: what is malformed or leads nowhere stays as a value with a `Problem`.
// The objects refer to each other directly; they are never changed once the topology is returned.
import type { SourceRange } from '../text/source-file';
import type { AddressRange, Iova, PhysicalAddress } from './address';
import type { MediatekIommu } from './mediatek-iommus';
import type { HostBridge, Inbound, MemoryRange } from './buses';
import type { Availability, Link, Problem } from './problem';

export type { AddressRange, BusAddress, Iova, PhysicalAddress } from './address';
export type * from './buses';
export type * from './problem';

export interface Topology {
  /** Where the description comes from; rules of one world ask for it. */
  readonly firmware: 'devicetree' | 'acpi';
  /**
   * The same object in the topologies of all versions of a table: what such a version has of an earlier one is the same object, and
   * unchanged but for the places in the text. Undefined where nothing is shared.
   */
  readonly lineage?: object;
  readonly masters: readonly DmaMaster[];
  readonly hostBridges: readonly HostBridge[];
  readonly iommus: readonly Iommu[];
  readonly msiControllers: readonly MsiController[];
  /** `/memory` and all that firmware takes out of it, in physical addresses. */
  readonly memory: readonly MemoryRange[];
  /** Nodes that hold reservations of IOVA space, each once, whether or not a master leads there. */
  readonly reservationNodes: readonly ReservationNode[];
  /** Every problem that is attached to some value below, in order of the walk. */
  readonly problems: readonly Problem[];
}

/** Anything that writes to memory by itself. */
export interface DmaMaster {
  /** Tree path or ACPI object; of a PCI segment that ACPI describes, `pci` and its number as sysfs has it (`pci0000`). */
  readonly path: string;
  readonly labels: readonly string[];
  /** `bus`: its children have stream IDs of their own (PCI host bridge, fsl-mc), the node's device itself has none. */
  readonly kind: 'platform' | 'pci-host' | 'pci-function' | 'bus';
  readonly compatible: readonly string[];
  readonly source: SourceRange | undefined;
  readonly availability: Availability;
  /** The same by the bus rule `own-cells`, where that may differ. */
  readonly laterAvailability?: Availability;
  /** DMA is cache-coherent. */
  readonly coherent: boolean;
  /** The host bridge it is, or that it sits behind. */
  readonly hostBridge: HostBridge | undefined;
  /** Bus, device and function as 16 bits; only for a `pci-function` whose bus number is known. */
  readonly requesterId: number | undefined;
  /** Further requester IDs that its DMA may carry: bridges to conventional PCI put their own in place of the function's. */
  readonly aliases: readonly number[];
  /** The described bridge that a `pci-function` sits behind; undefined on the root bus. */
  readonly upstream: DmaMaster | undefined;
  /** It is a PCI bridge itself. */
  readonly isBridge: boolean;
  /** Stream IDs that the node itself lists (`iommus`); what is behind a PCI host bridge has them by the bridge's `iommuMap`. */
  readonly streams: readonly StreamEntry[];
  /** The map for what is behind a `pci-host` or `bus`. */
  readonly iommuMap: IdMap<Iommu> | undefined;
  readonly msi: MsiRouting;
  /** Reservations that apply to this device, by the order in which the kernel finds them. Those by stream ID are with its IOMMU. */
  readonly reservations: readonly Reservation[];
  /** Where the device's `memory-region` leads. */
  readonly memoryRegions: readonly Link<ReservationNode>[];
  /** What the buses between the device and memory forward. For a `pci-host` or `bus`: of what is behind it. */
  readonly inbound: Inbound;
  /** A limit on addresses that the description gives by itself (IORT address size limit); undefined when none. */
  readonly addressLimit: bigint | undefined;
  /** Firmware keeps its own set-up of the PCI hierarchy (`linux,pci-probe-only`, ACPI `_DSM` 5). */
  readonly preservesBootConfiguration: boolean;
}

/** One entry of a master's list of stream IDs. */
export interface StreamEntry {
  readonly iommu: Link<Iommu>;
  /** The specifier as written, in cells. */
  readonly cells: readonly number[];
  /** First cell for IOMMUs that have stream IDs, else undefined. */
  readonly streamId: number | undefined;
  /** SMR mask of the two-cell form. */
  readonly mask: number | undefined;
  /** Reference and cells. */
  readonly source: SourceRange | undefined;
  readonly problem: Problem | undefined;
  /**
   * Where its IOMMU does not come up, the entries before it stay: under ACPI, where 7.2 finds them when it asks for the device's IOMMU
   * again (drivers/iommu/iommu.c iommu_init_device; of_iommu_configure takes them away).
   */
  readonly leavesEarlier?: true;
}

/**
 * Kernels differ in how they size the entries of a map: always four cells (to 7.1), or three and the target's own cell count (7.2).
 * ACPI maps read the same by both.
 */
export type MapRule = 'four-cells' | 'target-cells';

/** A map from requester IDs (or another bus's device IDs) to IDs of a target: `iommu-map`, `msi-map`, IORT ID mappings. */
export interface IdMap<Target> {
  readonly property: 'iommu-map' | 'msi-map' | 'iort';
  /** Applied to the ID before the look-up; 0xffffffff when not given. */
  readonly mask: number;
  readonly maskSource: SourceRange | undefined;
  readonly source: SourceRange | undefined;
  readonly readings: Readonly<Record<MapRule, IdMapReading<Target>>>;
}

export interface IdMapReading<Target> {
  readonly entries: readonly IdMapEntry<Target>[];
  /** The kernel refuses the map: at once (`entries` is then empty, or only what we read for hints), or when the walk gets past the last good entry. */
  readonly problem: Problem | undefined;
  /** The map is refused as a whole, no entry counts. */
  readonly unusable: boolean;
}

export interface IdMapEntry<Target> {
  readonly input: number;
  readonly target: Link<Target>;
  /** Output base; cells beyond the first in `extra`. */
  readonly output: number;
  readonly extra: readonly number[];
  readonly length: number;
  /** All inputs become `output` itself (IORT: a single mapping on the way). */
  readonly single?: true;
  readonly source: SourceRange | undefined;
  readonly inputSource: SourceRange | undefined;
  readonly outputSource: SourceRange | undefined;
  readonly lengthSource: SourceRange | undefined;
  readonly problem: Problem | undefined;
}

export interface Iommu {
  readonly path: string;
  readonly labels: readonly string[];
  readonly driver: IommuDriver;
  readonly compatible: readonly string[];
  readonly availability: Availability;
  /** The node's `#iommu-cells`, undefined if it has none. */
  readonly cells: number | undefined;
  /** Its page table walks are cache-coherent (`dma-coherent`, IORT COHACC). */
  readonly coherent: boolean;
  /** `stream-match-mask`: the mask of a one-cell entry. */
  readonly streamMatchMask: number;
  readonly source: SourceRange | undefined;
  /** The device does not probe at all: no registers (`no-registers`), or `#iommu-cells` that its driver refuses. */
  readonly problem: Problem | undefined;
  /** Why a kernel of the rule `own-cells` finds no registers where others do. */
  readonly laterProblem?: Problem | undefined;
  /** Registers, to tell when a range runs into them. */
  readonly registers: readonly AddressRange<PhysicalAddress>[];
  /** Reservations that devices have by their stream IDs alone (RMR), in the order in which the kernel finds them. */
  readonly streamReservations?: readonly StreamReservation[] | undefined;
  /** Pages that devices with these stream IDs write their MSIs to untranslated (IORT: HiSilicon Hi161x), by the kernel's rule. */
  readonly streamDoorbells?: Readonly<Record<DeviceIdRule, readonly StreamDoorbells[]>> | undefined;
}

/**
 * Which mapping of a SMMUv3's IORT node is that of its own MSIs, so that no device's pass through it: kernels before 6.2 go by the
 * node's interrupts, later ones by a flag, for nodes of revision 5 and above (drivers/acpi/arm64/iort.c iort_get_id_mapping_index).
 */
export type DeviceIdRule = 'by-interrupts' | 'by-flag';

/** An RMR as one IOMMU's devices see it. */
export interface StreamReservation {
  /** The RMR's mappings to the IOMMU, in order. A range whose end is below its start has no device. */
  readonly streams: readonly StreamRange[];
  /** One for each of its descriptors. */
  readonly reservations: readonly Reservation[];
}

/** Stream IDs, both ends included. */
export interface StreamRange {
  readonly first: number;
  readonly last: number;
  readonly source: SourceRange | undefined;
}

export interface StreamDoorbells {
  readonly first: number;
  readonly last: number;
  readonly pages: readonly AddressRange<PhysicalAddress>[];
  /** Why the pages are not known. */
  readonly unknown: string | undefined;
}

/** The kernels that Doorbell has profiles of. */
export type KernelVersion = '6.1' | '6.12' | '7.2';

/** What Linux's driver for a kind of IOMMU does; data in iommu-drivers.ts. */
export interface IommuDriver {
  /** Linux's name of it; empty, with `known: false`, when no driver of Linux binds the node. */
  readonly name: string;
  readonly known: boolean;
  /** Those whose driver binds a node with this `compatible`; the others have no driver for it. */
  readonly kernels: readonly KernelVersion[];
  /** Adds the software MSI window: always, only when the hardware reported no MSI region of its own, or never. */
  readonly softwareMsi: 'always' | 'unless-reported' | 'never';
  /** Firmware regions (`iommu-addresses`, RMR) reach the list; 'from-6.17' for Exynos. */
  readonly firmwareRegions: 'yes' | 'no' | 'from-6.17';
  /**
   * Regions of its own: those that the hypervisor announces, which no source tells (`announced`); the page that PCI functions
   * write their MSIs to (`msi-page`); windows of other devices within the device's own (`windows`).
   */
  readonly ownRegions: 'none' | 'announced' | 'msi-page' | 'windows';
  /** VFIO binds devices behind it: when table walks are coherent; or the master is; always; never. */
  readonly vfio: 'coherent-walk' | 'coherent-walk-or-master' | 'always' | 'never' | 'unknown';
  /** How much of registers its probe asks for; 0 where it is not known to ask. */
  readonly registerBytes: bigint;
  /** `#iommu-cells` values that the driver takes; empty when any. */
  readonly acceptedCells: readonly number[];
  /** Its probe fails when `#iommu-cells` is not among them. */
  readonly refusesCells: boolean;
  /** Its `of_xlate` refuses each device whose entry has another count than one; other drivers do not look. */
  readonly refusesEntries: boolean;
  /** First cell is a stream ID (or its like). */
  readonly hasStreamIds: boolean;
  /**
   * How devices share groups beside PCI's own reasons: a stream ID belongs to its first owner and the second device fails
   * (`stream-owner`); devices whose stream ID and mask match share (`stream-match`); all behind one IOMMU share (`iommu`);
   * those of one window (`window`, MediaTek) or memory client (`swgroup`, Tegra); never (`device`).
   */
  readonly grouping: 'stream-owner' | 'stream-match' | 'iommu' | 'window' | 'swgroup' | 'device';
  /** MediaTek's windows. */
  readonly mediatek: MediatekIommu | undefined;
  /** Tegra's memory clients that share one group (`tegra_smmu_group_soc`). */
  readonly sharedSwgroups: readonly number[];
  /** Width of a stream ID, or what hardware usually has (`known: false`) where only a register tells. */
  readonly streamIdBits: { readonly bits: number; readonly known: boolean } | undefined;
  /** Usual domain geometry for VFIO; undefined when only the hardware knows. */
  readonly aperture: AddressRange<Iova> | undefined;
}

export type MsiControllerKind = 'its' | 'gicv2m' | 'mbi' | 'gicv5-its' | 'other';

export interface MsiController {
  readonly path: string;
  readonly labels: readonly string[];
  readonly kind: MsiControllerKind;
  readonly compatible: readonly string[];
  readonly availability: Availability;
  /** `#msi-cells`, 0 when absent. */
  readonly cells: number;
  /** Where devices write; empty with a reason when the binding does not tell. */
  readonly doorbells: readonly Doorbell[];
  readonly doorbellsUnknown: string | undefined;
  /** A device can raise only its own interrupts (IRQ_DOMAIN_FLAG_ISOLATED_MSI); undefined when we do not know the driver. */
  readonly isolated: boolean | undefined;
  readonly source: SourceRange | undefined;
}

export interface Doorbell {
  /** The register that is written. */
  readonly address: PhysicalAddress;
  /** What must be mapped or left alone: a whole page of 4 or 64 KiB. */
  readonly page: AddressRange<PhysicalAddress>;
  readonly source: SourceRange | undefined;
}

/** How a master's MSIs find their controller. */
export interface MsiRouting {
  /** `msi-parent`, in order. */
  readonly parents: readonly MsiParent[];
  /** `msi-map`, or the IORT's way to the ITS. */
  readonly map: IdMap<MsiController> | undefined;
  /** The same by the rule `by-interrupts`, where that gives something else. */
  readonly earlierMap?: IdMap<MsiController> | undefined;
  readonly earlierParents?: readonly MsiParent[] | undefined;
  /** The node that holds them: the master, its host bridge, or an ancestor bus (`interrupt-parent` does not count). */
  readonly node: string | undefined;
  readonly source: SourceRange | undefined;
}

export interface MsiParent {
  readonly controller: Link<MsiController>;
  readonly cells: readonly number[];
  readonly source: SourceRange | undefined;
  readonly problem: Problem | undefined;
}

/** What sets IOVA space aside: a reserved-memory node with `iommu-addresses`, or a descriptor of an RMR. */
export interface ReservationNode {
  readonly path: string;
  readonly labels: readonly string[];
  /** First `reg` entry (RMR: the descriptor); a second one is never looked at. */
  readonly physical: AddressRange<PhysicalAddress> | undefined;
  /** Why there is no `physical` although there is a `reg`: the whole node then reserves nothing. */
  readonly physicalProblem: Problem | undefined;
  readonly physicalSource: SourceRange | undefined;
  /** The entries as an author would read them: phandle, then cells by that device's bus. */
  readonly entries: readonly WrittenReservation[];
  readonly source: SourceRange | undefined;
  /** `iommu-addresses` as a whole. */
  readonly addressesSource: SourceRange | undefined;
}

/** One entry of `iommu-addresses` as meant: a reference to a device and what follows up to the next one. */
export interface WrittenReservation {
  /** The cell of `iommu-addresses` that it starts at. */
  readonly cell: number;
  readonly devicePath: string | undefined;
  readonly phandle: number;
  /** Cells between this reference and the next, and how many the device's bus asks for. */
  readonly cells: readonly number[];
  readonly addressCells: number;
  readonly sizeCells: number;
  /** The device lists the node in its `memory-region`. */
  readonly listed: boolean;
  readonly problem: Problem | undefined;
  readonly referenceSource: SourceRange | undefined;
  /** Reference and cells. */
  readonly source: SourceRange | undefined;
}

/**
 * Kernels to 6.12 let a bus without `#address-cells` inherit its parent's when they translate; from 6.13 translation then fails.
 * ACPI reservations read the same by both.
 */
export type BusRule = 'inherited-cells' | 'own-cells';

/** One reservation that the kernel finds for one device. */
export interface Reservation {
  readonly origin: 'iommu-addresses' | 'rmr';
  readonly node: ReservationNode;
  readonly outcomes: Readonly<Record<BusRule, ReservationOutcome>>;
  /** The entry of `node` that it is; undefined where it is read from cells that were meant otherwise, and for an RMR. */
  readonly entry: WrittenReservation | undefined;
  /** Read from a cell of another device's entry that happens to equal this device's phandle. */
  readonly accidental: boolean;
  /** As written, before `dma-ranges`. */
  readonly writtenStart: bigint;
  readonly size: bigint;
  /** Reference, address and size. */
  readonly source: SourceRange | undefined;
  readonly addressSource: SourceRange | undefined;
  readonly sizeSource: SourceRange | undefined;
}

export type ReservationOutcome =
  /** in the list */
  | {
      readonly kind: 'region';
      readonly range: AddressRange<Iova>;
      readonly type: 'direct' | 'direct-relaxable' | 'reserved';
      /** has a physical region, but not at the same place: the kernel warns and reserves */
      readonly notDirect: boolean;
      /** the property ends inside the entry, and what the kernel reads behind it can be told */
      readonly truncated: Problem | undefined;
    }
  /** skipped with a message */
  | { readonly kind: 'ignored'; readonly problem: Problem }
  /** the kernel dereferences NULL while it holds the group's lock */
  | { readonly kind: 'oops'; readonly problem: Problem }
  /** the kernel reads past the end of the property, and what it finds there cannot be told */
  | { readonly kind: 'unknown'; readonly problem: Problem };
