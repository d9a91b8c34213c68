// Addresses and address ranges: three kinds that look alike and must not be mixed.
import type { Brand } from '../text/brand';

/** What a DMA master emits: the address an IOMMU translates. */
export type Iova = Brand<bigint, 'Iova'>;
/** What a CPU sees. */
export type PhysicalAddress = Brand<bigint, 'PhysicalAddress'>;
/** An address on a bus before the bus's own translation: PCI, or a bus with `ranges`. */
export type BusAddress = Brand<bigint, 'BusAddress'>;

/** Part of an address space, both ends included, so that 2^64 − 1 can be an end. Not to be confused with `SourceRange`. */
export interface AddressRange<Address extends bigint = bigint> {
  readonly start: Address;
  readonly end: Address;
}

/** A range of `size` bytes at `start`; the end wraps at 2^64 as the kernel's arithmetic does. Size 0 gives an end below the start. */
export function rangeOf<Address extends bigint>(start: Address, size: bigint): AddressRange<Address> {
  return { start, end: BigInt.asUintN(64, start + size - 1n) as Address };
}
