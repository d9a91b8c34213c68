// What lies between masters and memory: PCI host bridges, the windows of buses in both directions, and memory itself.
import type { SourceRange } from '../text/source-file';
import type { AddressRange, BusAddress, PhysicalAddress } from './address';
import type { Availability, Problem } from './problem';

export interface HostBridge {
  readonly path: string;
  readonly labels: readonly string[];
  readonly availability: Availability;
  /** PCI segment: `linux,pci-domain`, IORT segment; else the order of probing, which is a guess. */
  readonly segment: number;
  readonly segmentKnown: boolean;
  readonly busRange: { readonly first: number; readonly last: number };
  readonly outbound: readonly OutboundWindow[];
  /** `ranges` that could not be read. */
  readonly outboundProblem: Problem | undefined;
  /** Why the windows are not known, where something else than what was read tells them (ACPI: the DSDT). */
  readonly outboundUnknown?: string;
  readonly source: SourceRange | undefined;
}

/** A window of PCI addresses that CPUs reach devices through. DMA to such a bus address never leaves the bus. */
export interface OutboundWindow {
  readonly bus: AddressRange<BusAddress>;
  /** After all translations up to the CPU; undefined when they fail. */
  readonly cpu: AddressRange<PhysicalAddress> | undefined;
  readonly kind: 'io' | 'memory32' | 'memory64' | 'configuration';
  readonly prefetchable: boolean;
  readonly source: SourceRange | undefined;
}

/** The way from a device to memory, through the `dma-ranges` of every bus above it. */
export interface Inbound {
  /** From the device upwards; only buses that have something to say (`dma-ranges` present and not empty). */
  readonly levels: readonly InboundLevel[];
  /**
   * What gets through all of them, as the device emits it and as it comes out. Undefined: everything, unchanged.
   * Empty: nothing can be said, or nothing gets through.
   */
  readonly windows: readonly InboundWindow[] | undefined;
  readonly problem: Problem | undefined;
}

export interface InboundLevel {
  /** The node that has the property. */
  readonly bus: string;
  readonly source: SourceRange | undefined;
  readonly windows: readonly InboundWindow[];
}

export interface InboundWindow {
  /** As emitted on the bus. */
  readonly device: AddressRange<BusAddress>;
  /** As seen above the bus. */
  readonly memory: AddressRange<PhysicalAddress>;
  readonly kind: 'io' | 'memory32' | 'memory64' | 'configuration' | undefined;
  readonly source: SourceRange | undefined;
}

export interface MemoryRange {
  readonly path: string;
  readonly kind: 'memory' | 'reserved' | 'memreserve';
  readonly range: AddressRange<PhysicalAddress>;
  readonly noMap: boolean;
  readonly reusable: boolean;
  /** The kernel uses it: a node with another status than okay is not set aside. */
  readonly availability: Availability;
  readonly source: SourceRange | undefined;
}
