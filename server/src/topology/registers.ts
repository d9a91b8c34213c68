// Physical ranges of a node's `reg`, as Linux makes resources of them.
import type { BusKind } from '../tree/addresses';
import { addressSpace, busKind, translateReg } from '../tree/addresses';
import type { DeviceTree, DtNode } from '../tree/model';
import { nodePath } from '../tree/navigate';
import type { SourceRange } from '../text/source-file';
import type { AddressRange, PhysicalAddress } from './address';
import { rangeOf } from './address';
import { badAddress } from './translate';

export interface Register {
  readonly range: AddressRange<PhysicalAddress>;
  readonly source: SourceRange | undefined;
}

/** What Linux makes of an entry of `reg`. */
export type Resource =
  /** `size` may be 0; the end is inside 64 bits. */
  | {
      readonly kind: 'memory';
      readonly start: PhysicalAddress;
      readonly size: bigint;
      readonly source: SourceRange | undefined;
    }
  /** It has no such resource, and says why. */
  | { readonly kind: 'none'; readonly message: string }
  /** It depends on what no source tells. */
  | { readonly kind: 'unknown'; readonly message: string };

/** include/linux/ioport.h */
const IORESOURCE_IO = 0x100;
const IORESOURCE_MEM = 0x200;

/** Linux drivers/of/address.c __of_address_to_resource, for entry `index` of a node's `reg`. */
export function readResource(tree: DeviceTree, node: DtNode, index: number): Resource {
  const kind = node.parent === undefined ? 'plain' : busKind(node.parent);
  if (kind === 'pci') return belowPci(node);
  const entry = translateReg(tree, node, index);
  if (entry === undefined) return none('reg holds no whole entry by the cell counts of the parent');
  const { translation, size, flags } = entry;
  const space = spaceOf(kind, flags);
  if (space === 'neither') {
    const bus = node.parent === undefined ? '/' : nodePath(node.parent);
    return none(
      `reg is no resource: the first of the three address cells below ${bus} holds flags, and 0x${flags.toString(16)} says neither memory (0x200) nor I/O (0x100)`,
    );
  }
  if (!translation.ok) return none(`reg has no physical address: ${translation.message}`);
  // Its number comes from the windows of the host bridges that have been probed by then (pci_address_to_pio).
  if (space === 'io')
    return { kind: 'unknown', message: 'reg is in I/O space: which port that is, the host bridges decide at run time' };
  // OF_BAD_ADDR cannot be told from an address.
  if (translation.address === badAddress) return none('reg is all ones, which Linux takes for no address');
  const start = translation.address as PhysicalAddress;
  // __of_address_resource_bounds
  if (size > 0n && rangeOf(start, size).end < start) return none('reg runs past the end of the address space');
  return {
    kind: 'memory',
    start,
    size,
    get source() {
      return entry.source;
    },
  };
}

/** A PCI function's `reg` is its place in configuration space; of_bus_pci looks for its memory elsewhere. */
function belowPci({ properties }: DtNode): Resource {
  if (!properties.has('assigned-addresses'))
    return none('below a PCI bus Linux looks for memory in assigned-addresses, and there is none');
  return { kind: 'unknown', message: 'assigned-addresses is what firmware made of the BARs, and Linux may move them' };
}

function none(message: string): Resource {
  return { kind: 'none', message };
}

/** The `get_flags` of a bus: where addresses have three cells and the bus is not PCI, the first is IORESOURCE flags as it stands. */
function spaceOf(kind: BusKind, flags: number): 'memory' | 'io' | 'neither' {
  if (kind !== 'flags') return addressSpace(kind, flags) === 'io' ? 'io' : 'memory';
  if ((flags & IORESOURCE_MEM) !== 0) return 'memory';
  return (flags & IORESOURCE_IO) !== 0 ? 'io' : 'neither';
}

/** The entries of `reg` that are memory and not empty, in order; what comes after one that is not even a resource is no resource either. */
export function registerList(tree: DeviceTree, node: DtNode): Register[] {
  const found: Register[] = [];
  for (let index = 0; node.properties.has('reg'); index++) {
    const resource = readResource(tree, node, index);
    if (resource.kind !== 'memory') return found;
    if (resource.size === 0n) continue;
    found.push({
      range: rangeOf(resource.start, resource.size),
      get source() {
        return resource.source;
      },
    });
  }
  return found;
}

export function registersOf(tree: DeviceTree, node: DtNode): AddressRange<PhysicalAddress>[] {
  return registerList(tree, node).map(({ range }) => range);
}
