// A tree to boot, as a value that can be made at random and made smaller. Things refer to each other by name; a name of
// something that is gone means nothing, so that whatever is left out, a tree remains.

export interface TreeDescription {
  readonly smmu: SmmuDescription;
  readonly host: HostDescription;
  readonly buses: readonly BusDescription[];
  readonly masters: readonly MasterDescription[];
  readonly functions: readonly FunctionDescription[];
  readonly reservedMemory: ReservedMemoryDescription;
  readonly regions: readonly RegionDescription[];
  /** Maps tried through VFIO. */
  readonly maps: readonly MapDescription[];
  readonly premaps: readonly MapDescription[];
}

export interface MapDescription {
  readonly iova: bigint;
  readonly size: bigint;
}

export interface SmmuDescription {
  readonly cells?: number | undefined;
  readonly incoherent?: true | undefined;
  readonly disabled?: true | undefined;
  /** The bus that it is on. */
  readonly bus?: string | undefined;
  /** A second SMMU that no driver can use, for references of the kind `off`: disabled, or without registers. */
  readonly second?: 'disabled' | 'no-registers' | undefined;
}

/** The PCI host bridge. */
export interface HostDescription {
  readonly iommuMap?: readonly MapEntryDescription[] | undefined;
  readonly iommuMapMask?: number | undefined;
  readonly msiMap?: readonly MapEntryDescription[] | undefined;
  readonly msiMapMask?: number | undefined;
  /** The root bridge's own function 00:00.0 has a node. */
  readonly describesRoot?: true | undefined;
  /** `msi-parent` to the ITS with so many cells. */
  readonly msiParentCells?: number | undefined;
  readonly dmaRanges?: readonly RangeDescription[] | undefined;
  readonly memoryRegion?: readonly string[] | undefined;
}

export interface MapEntryDescription {
  readonly input: number;
  readonly target: Target;
  readonly output: readonly number[];
  readonly length: number;
}

/** What a reference leads to: what it should, something that is none, one that is there and does not work, or nothing. */
export type Target = 'right' | 'wrong' | 'off' | 'nothing';

/** A `simple-bus`. */
export interface BusDescription {
  readonly name: string;
  readonly parent?: string | undefined;
  readonly addressCells?: number | undefined;
  readonly sizeCells?: number | undefined;
  /** No property at all when undefined, identity when empty. */
  readonly dmaRanges?: readonly RangeDescription[] | undefined;
  readonly disabled?: true | undefined;
  /** First cell of registers' addresses where they have three. */
  readonly flags: number;
  /** By how much registers have lower addresses on it than on the bus above. */
  readonly shift: bigint;
  /** No `ranges`: what is below it has no addresses. */
  readonly withoutRanges?: true | undefined;
}

export interface RangeDescription {
  /** First cell on a bus with three address cells. */
  readonly flags: number;
  readonly child: bigint;
  readonly parent: bigint;
  readonly size: bigint;
}

/** A platform device. */
export interface MasterDescription {
  readonly name: string;
  readonly kind: 'virtio' | 'driverless' | 'pl061' | 'pl031';
  /** One of the machine's virtio-mmio transports; without it the device has no registers. */
  readonly slot?: number | undefined;
  readonly bus?: string | undefined;
  readonly phandle: number;
  readonly iommus: readonly StreamDescription[];
  /** Names of regions; any other word is a phandle that leads nowhere. */
  readonly memoryRegion: readonly string[];
  readonly disabled?: true | undefined;
  /** Bus whose node it names as the provider of its `dma-mem` interconnect. */
  readonly dmaParent?: string | undefined;
}

export interface StreamDescription {
  readonly target: Target;
  readonly cells: readonly number[];
}

/** A PCI function of the machine. Bridges always have a node, so that bus numbers can be told. */
export interface FunctionDescription {
  readonly name: string;
  readonly kind: 'endpoint' | 'root-port' | 'pci-bridge';
  /** The bridge that it is behind. */
  readonly behind?: string | undefined;
  readonly device: number;
  readonly function: number;
  readonly described?: true | undefined;
  readonly phandle: number;
  readonly memoryRegion: readonly string[];
}

export interface ReservedMemoryDescription {
  readonly addressCells: number;
  readonly sizeCells: number;
  readonly withoutRanges?: true | undefined;
}

export interface RegionDescription {
  readonly name: string;
  readonly reg?: readonly RegDescription[] | undefined;
  readonly disabled?: true | undefined;
  readonly noMap?: true | undefined;
  /** At the root, not in /reserved-memory. */
  readonly atRoot?: true | undefined;
  /** On a bus, not in /reserved-memory. */
  readonly bus?: string | undefined;
  /** First cell of its `reg` where addresses have three. */
  readonly flags: number;
  readonly entries: readonly EntryDescription[];
}

export interface RegDescription {
  readonly address: bigint;
  readonly size: bigint;
}

/** An entry of `iommu-addresses`. */
export interface EntryDescription {
  /** Name of a master or function; any other word is a phandle that leads nowhere. */
  readonly device: string;
  /** First cell where the device's bus has three. */
  readonly flags: number;
  readonly address: bigint;
  readonly size: bigint;
  /** Written with two cells for each, whatever the device's bus asks for. */
  readonly twoAndTwo?: true | undefined;
  /** So many cells are missing at its end. */
  readonly missing?: number | undefined;
}

/** Keys of properties that a tree can do without, for making it smaller. */
export const optionalKeys: ReadonlySet<string> = new Set([
  'iommuMap',
  'iommuMapMask',
  'msiMap',
  'msiMapMask',
  'msiParentCells',
  'dmaRanges',
  'dmaParent',
  'bus',
  'parent',
  'behind',
  'slot',
  'reg',
  'missing',
] satisfies (
  | keyof HostDescription
  | keyof BusDescription
  | keyof MasterDescription
  | keyof FunctionDescription
  | keyof RegionDescription
  | keyof EntryDescription
)[]);
