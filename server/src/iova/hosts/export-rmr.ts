// Reservations as an IORT with a reserved memory range node, in the data-table text that iasl compiles (DEN0049 E.d).
import { inLargePages, partsOf, type GuestReservation, type GuestReservations } from './guest-reservations';

export interface RmrOptions {
  /** Stream IDs that the guest's SMMU sees of the device. */
  readonly streamIds: readonly number[];
  /** Base of the guest's SMMUv3. */
  readonly smmuBase: bigint;
  /** The guest may map the ranges otherwise (flag bit 0): `direct-relaxable` in its list, else `direct`. */
  readonly isRemappable: boolean;
}

const headerLength = 0x30;
const smmuLength = 0x44;
/** A node's length has 16 bits. */
const mostNodeLength = 0xffff;

/** The table's text; an error where there are more ranges than a node can hold. */
export function exportRmr(
  reservations: GuestReservations,
  options: RmrOptions,
  comment: readonly string[],
): { readonly text: string } | { readonly error: string } {
  const { ranges } = inLargePages(reservations);
  const parts = ranges.flatMap((reservation) =>
    partsOf(reservation.range, 1n << 63n).map((part) => ({ ...part, reservation })),
  );
  const descriptors = parts.length * 20;
  const mapping = 0x1c + descriptors;
  const length = mapping + options.streamIds.length * 20;
  if (length > mostNodeLength) return { error: `${parts.length} ranges are more than one RMR node can hold` };
  const lines = [
    '/*',
    ...comment.map((line) => ` * ${line}`.replaceAll('*/', '* /')),
    ' */',
    text('Signature', '"IORT"'),
    text('Table Length', hex(headerLength + smmuLength + length, 8)),
    text('Revision', '05'),
    text('Checksum', '00'),
    text('Oem ID', '"DOORBL"'),
    text('Oem Table ID', '"HOSTRMR "'),
    text('Oem Revision', hex(1, 8)),
    text('Asl Compiler ID', '"DOOR"'),
    text('Asl Compiler Revision', hex(1, 8)),
    '',
    text('Node Count', hex(2, 8)),
    text('Node Offset', hex(headerLength, 8)),
    text('Reserved', hex(0, 8)),
    '',
    "/* The guest's own SMMUv3: what the mappings below refer to by its offset, 0x30 here. */",
    ...smmuLines(options.smmuBase),
    '',
    '/* The reserved memory range node. */',
    text('Type', '06'),
    text('Length', hex(length, 4)),
    text('Revision', '03'),
    text('Identifier', hex(1, 8)),
    text('Mapping Count', hex(options.streamIds.length, 8)),
    text('Mapping Offset', hex(mapping, 8)),
    '',
    text('Flags (decoded below)', hex(options.isRemappable ? 1 : 0, 8)),
    text('Remapping Permitted', options.isRemappable ? '1' : '0'),
    text('Access Privileged', '0'),
    text('Access Attributes', '00'),
    text('Number of RMR Descriptors', hex(parts.length, 8)),
    text('RMR Descriptor Offset', hex(0x1c, 8)),
    ...parts.flatMap(({ start, size, reservation }) => descriptorLines(start, size, reservation)),
    ...options.streamIds.flatMap(mappingLines),
    '',
  ];
  return { text: lines.join('\n') };
}

function smmuLines(base: bigint): string[] {
  return [
    text('Type', '04'),
    text('Length', hex(smmuLength, 4)),
    text('Revision', '04'),
    text('Identifier', hex(0, 8)),
    text('Mapping Count', hex(0, 8)),
    text('Mapping Offset', hex(0, 8)),
    '',
    text('Base Address', hex(base, 16)),
    text('Flags (decoded below)', hex(1, 8)),
    text('COHACC Override', '1'),
    text('HTTU Override', '0'),
    text('Proximity Domain Valid', '0'),
    text('DeviceID Valid', '0'),
    text('Reserved', hex(0, 8)),
    text('VATOS Address', hex(0, 16)),
    text('Model', hex(0, 8)),
    text('Event GSIV', hex(0, 8)),
    text('PRI GSIV', hex(0, 8)),
    text('GERR GSIV', hex(0, 8)),
    text('Sync GSIV', hex(0, 8)),
    text('Proximity Domain', hex(0, 8)),
    text('Device ID Mapping Index', hex(0, 8)),
  ];
}

function descriptorLines(start: bigint, size: bigint, { types, isRounded }: GuestReservation): string[] {
  const rounded = isRounded ? ', rounded outwards to 64 KiB' : '';
  return [
    '',
    `/* ${types.join(', ')}${rounded} */`,
    text('Base Address of RMR', hex(start, 16)),
    text('Length of RMR', hex(size, 16)),
    text('Reserved', hex(0, 8)),
  ];
}

/** One ID each: the count is of the IDs behind the first. */
function mappingLines(streamId: number): string[] {
  return [
    '',
    text('Input base', hex(0, 8)),
    text('ID Count', hex(0, 8)),
    text('Output Base', hex(streamId, 8)),
    text('Output Reference', hex(headerLength, 8)),
    text('Flags (decoded below)', hex(1, 8)),
    text('Single Mapping', '1'),
  ];
}

function text(label: string, value: string): string {
  return `${label.padStart(27)} : ${value}`;
}

function hex(value: number | bigint, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
