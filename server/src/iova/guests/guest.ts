// A guest's memory as its VMM lays it out: what gets mapped for DMA, one to one, when a device is passed through.
import type { AddressRange, Iova } from '../../topology/address';
import type { PresetName, PresetOptions } from './presets';

export interface GuestLayout {
  /** The preset, or the name that the user gave it. */
  readonly name: string;
  /** `QEMU virt with 4 GiB of RAM` */
  readonly title: string;
  /**
   * What the VMM maps for DMA, in the order in which it does; the IOVA is the guest physical address. Of own layouts one may
   * be empty, or wrap at 2^64: `properRam` leaves those out.
   */
  readonly ram: readonly GuestRam[];
  /** Bytes of RAM in all. */
  readonly size: bigint;
  /** Where the numbers come from. */
  readonly source: string;
  /** What of the layout can be moved, and by which option of the VMM. */
  readonly knobs: readonly string[];
  /** How the VMM gives a guest an IOMMU that works with passed-through devices; undefined where it cannot. */
  readonly guestIommu: string | undefined;
  /** The VMM compares its RAM with every reserved region, whatever the type, before it asks the kernel (kvmtool). */
  readonly strict: boolean;
  /** What else to know before the results are relied on. */
  readonly notes: readonly string[];
  /** Why no such guest can be: the VMM refuses the size, ranges that overlap, are empty or wrap. */
  readonly problems: readonly string[];
  /** The preset and what it was made with, so that it can be made again with something else; undefined for own layouts. */
  readonly preset: { readonly name: PresetName; readonly options: PresetOptions } | undefined;
}

export interface GuestRam extends AddressRange<Iova> {
  /** The end is what 64 bits make of start and size (rangeOf). */
  readonly size: bigint;
  /** `RAM`, `low RAM`, `RAM above 4 GiB`, `memory plugged in` */
  readonly what: string;
}
