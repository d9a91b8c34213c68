// The Virtual I/O Translation table: which devices of a virtual machine are behind which virtio-iommu (ACPI 6.5, 5.2.34). It is read
// as Linux reads it (drivers/acpi/viot.c): from the first node that makes no sense on, nothing counts.

export interface ViotPciRange {
  readonly segments: { readonly first: number; readonly last: number };
  /** Bus, device and function as 16 bits. */
  readonly functions: { readonly first: number; readonly last: number };
  /** Of the first function of the first segment; each further segment has 65,536 more. */
  readonly endpoint: number;
  readonly iommu: ViotIommu;
}

export interface ViotEndpoint {
  /** Where the registers of a platform device begin. */
  readonly base: bigint;
  readonly endpoint: number;
  readonly iommu: ViotIommu;
}

export type ViotIommu =
  | { readonly kind: 'pci'; readonly offset: number; readonly segment: number; readonly requesterId: number }
  | { readonly kind: 'mmio'; readonly offset: number; readonly base: bigint };

export interface ViotTable {
  /** In the order in which Linux looks through them: the last of the table first. */
  readonly ranges: readonly ViotPciRange[];
  readonly endpoints: readonly ViotEndpoint[];
  readonly iommus: readonly ViotIommu[];
  /** What is wrong with the table, with offsets. */
  readonly problems: readonly string[];
}

const headerLength = 48;
const nodeType = { pciRange: 1, mmioEndpoint: 2, pciIommu: 3, mmioIommu: 4 };
const nodeLength = 24;
const iommuLength = 16;

/** Undefined for what is no VIOT. */
export function decodeViot(bytes: Uint8Array): ViotTable | undefined {
  const table = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (table.length < headerLength || table.toString('latin1', 0, 4) !== 'VIOT') return undefined;
  const end = Math.min(table.readUInt32LE(4), table.length);
  const first = table.readUInt16LE(38);
  const start = Math.max(headerLength, first);
  const iommus = new Map<number, ViotIommu | undefined>();
  const ranges: ViotPciRange[] = [];
  const endpoints: ViotEndpoint[] = [];
  const problems: string[] = [];
  let offset = first;
  for (let left = table.readUInt16LE(36); left > 0; left--) {
    if (!isNode(offset)) {
      problems.push(`the node at ${hex(offset)} does not lie in the table, or is shorter than its header`);
      break;
    }
    const type = table.readUInt8(offset);
    const length = table.readUInt16LE(offset + 2);
    if (type === nodeType.pciRange || type === nodeType.mmioEndpoint) {
      if (length < nodeLength || offset + nodeLength > end) {
        problems.push(`the node at ${hex(offset)} is too short for its type`);
        break;
      }
      readNode(type, offset);
    } else if (type !== nodeType.pciIommu && type !== nodeType.mmioIommu) {
      problems.push(`the node at ${hex(offset)} is of type ${String(type)}, which Linux passes over`);
    }
    offset += length;
  }
  const found = [...iommus.values()].filter((iommu) => iommu !== undefined);
  return { ranges: ranges.reverse(), endpoints: endpoints.reverse(), iommus: found, problems };

  /** viot_check_bounds */
  function isNode(at: number): boolean {
    return at >= start && at + 4 <= end && table.readUInt16LE(at + 2) >= 4;
  }

  function readNode(type: number, at: number): void {
    const target = table.readUInt16LE(at + 16);
    const iommu = iommuAt(target);
    if (iommu === undefined) {
      problems.push(`the node at ${hex(at)} leads to ${hex(target)}, where no virtio-iommu is`);
      return;
    }
    const endpoint = table.readUInt32LE(at + 4);
    if (type === nodeType.mmioEndpoint) {
      endpoints.push({ base: table.readBigUInt64LE(at + 8), endpoint, iommu });
      return;
    }
    const span = (place: number) => ({ first: table.readUInt16LE(place), last: table.readUInt16LE(place + 2) });
    ranges.push({ segments: span(at + 8), functions: span(at + 12), endpoint, iommu });
  }

  /** viot_get_iommu */
  function iommuAt(at: number): ViotIommu | undefined {
    if (iommus.has(at)) return iommus.get(at);
    const iommu = readIommu(at);
    iommus.set(at, iommu);
    return iommu;
  }

  function readIommu(at: number): ViotIommu | undefined {
    if (!isNode(at) || table.readUInt16LE(at + 2) < iommuLength || at + iommuLength > end) return undefined;
    switch (table.readUInt8(at)) {
      case nodeType.pciIommu:
        return {
          kind: 'pci',
          offset: at,
          segment: table.readUInt16LE(at + 4),
          requesterId: table.readUInt16LE(at + 6),
        };
      case nodeType.mmioIommu:
        return { kind: 'mmio', offset: at, base: table.readBigUInt64LE(at + 8) };
      default:
        return undefined;
    }
  }
}

function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}
