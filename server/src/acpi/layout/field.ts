// How the layout of ACPI's structures is written down: one table of fields drives decoding, assembling, printing, hover,
// completion and the rules about reserved bits. All integers are little-endian, all structures packed.

/**
 * The two forms of iasl's data-table text: what Debian 12's iasl writes and reads, and what iasl does since 2021–2025 (the
 * node's identifier, RMR, PASID capabilities, further flag lines). A text of one does not compile with the other.
 */
export type TextStyle = '20200925' | 'current';

export const textStyles: readonly TextStyle[] = ['20200925', 'current'];

/** A value that has a name in the specification. */
export interface NamedValue {
  readonly value: bigint;
  readonly name: string;
  readonly meaning: string;
}

/** Bits of a field. */
export interface FlagField {
  /** Unique in its field. */
  readonly name: string;
  /** iasl's words where it writes a line for the bits, ours where it does not. */
  readonly label: string;
  /** The lowest bit. */
  readonly bit: number;
  readonly width: number;
  /** Bits that iasl's line shows, where it shows fewer than there are. */
  readonly lineWidth?: number;
  /** Upper-case hexadecimal digits of iasl's line; 1 where absent. */
  readonly digits?: number;
  /** The styles that write a line for it; both where absent, none where iasl leaves the bits in the integer. */
  readonly lines?: readonly TextStyle[];
  readonly values?: readonly NamedValue[];
  readonly meaning: string;
  /** The first node revision that defines the bits. */
  readonly sinceNode?: number;
  /** The first table revision that defines the bits. */
  readonly sinceTable?: number;
}

/** What a compiler decides itself, whatever the text says. */
export type Computed =
  | 'table-length'
  | 'checksum'
  | 'node-count'
  | 'node-offset'
  | 'node-length'
  | 'mapping-count'
  | 'mapping-offset'
  | 'its-count'
  | 'global-interrupt-offset'
  | 'context-interrupt-count'
  | 'context-interrupt-offset'
  | 'pmu-interrupt-count'
  | 'pmu-interrupt-offset'
  | 'rmr-count'
  | 'rmr-offset'
  | 'subtable-length'
  /** iasl puts its own name and version there; `-z` keeps the text's. */
  | 'compiler';

export interface Field<Name extends string = string> {
  /** Unique in its structure. */
  readonly name: Name;
  /** iasl's words. */
  readonly label: string;
  /** In bytes; 0 for what has no fixed size (names, padding). */
  readonly size: number;
  /**
   * `flags`: an integer whose bits have meanings. `characters`: text of a fixed size. `name`: text up to a NUL. `bytes`:
   * uninterpreted. `heading`: no bytes of its own, a line that names those of the next fields.
   */
  readonly kind: 'integer' | 'flags' | 'characters' | 'name' | 'bytes' | 'heading';
  /** The bits of a field of kind `flags`; all others are reserved. */
  readonly flags?: readonly FlagField[];
  readonly computed?: Computed;
  /** A place in the table: counted from the table's start, or from the node's. 0 is "none" for both. */
  readonly reference?: 'table-offset' | 'node-offset';
  /** Must be zero. */
  readonly reserved?: true;
  /** What iasl writes in brackets: behind the signature, or alone for a heading. */
  readonly note?: string;
  readonly values?: readonly NamedValue[];
  /** Whether other values than the named ones are wrong. */
  readonly isClosed?: true;
  /** The first node revision that defines the field. */
  readonly sinceNode?: number;
  /** The first table revision that defines the field. */
  readonly sinceTable?: number;
  /** What a new structure has here; 0 where absent. */
  readonly default?: bigint;
  /** Whether people read the value in base 10 (counts, interrupts, bits of an address) or as an address. */
  readonly shownAs?: 'decimal' | 'address' | 'size';
  readonly meaning: string;
  readonly units?: string;
  /** Where the field is defined: 'Arm DEN0049, SMMUv3 node'. */
  readonly specification: string;
}

export interface StructureLayout<Name extends string = string> {
  readonly name: string;
  /** For people: 'SMMUv3'. */
  readonly title: string;
  /** Every field in order of bytes. */
  readonly fields: readonly Field<Name>[];
  /** Where a style of iasl knows other fields there than `fields`: its lines, in order. */
  readonly written?: Readonly<Partial<Record<TextStyle, readonly Field[]>>>;
  /** Bytes of the fields of a fixed size. */
  readonly size: number;
  readonly meaning: string;
  readonly specification: string;
}

/** Bytes that a field takes of the structure: headings take none. */
export function sizeOf(field: Field): number {
  return field.kind === 'heading' ? 0 : field.size;
}

/** The fields for which this style of iasl has lines, in order. */
export function writtenFields(layout: StructureLayout, style: TextStyle): readonly Field[] {
  return layout.written?.[style] ?? layout.fields;
}

/** The flag lines that this style of iasl writes under the field. */
export function flagLines(field: Field, style: TextStyle): readonly FlagField[] {
  const { flags } = field;
  if (flags === undefined) return [];
  return flags.filter(({ lines }) => lines === undefined || lines.includes(style));
}

/** The value of some bits of a field. */
export function flagValue(flag: FlagField, value: bigint): bigint {
  return (value >> BigInt(flag.bit)) & ((1n << BigInt(flag.width)) - 1n);
}

/** The field's value with some of its bits changed; what does not fit in them is cut off. */
export function withFlag(flag: FlagField, value: bigint, bits: bigint): bigint {
  const mask = (1n << BigInt(flag.width)) - 1n;
  return (value & ~(mask << BigInt(flag.bit))) | ((bits & mask) << BigInt(flag.bit));
}

/** The bits that the specification gives a meaning, under the revisions (all, where none are said). */
export function definedBits(field: Field, nodeRevision = Infinity, tableRevision = Infinity): bigint {
  const all = (1n << BigInt(8 * field.size)) - 1n;
  if (field.reserved === true) return 0n;
  if (field.flags === undefined) return all;
  let bits = 0n;
  for (const { bit, width, sinceNode, sinceTable } of field.flags) {
    if ((sinceNode ?? 0) > nodeRevision || (sinceTable ?? 0) > tableRevision) continue;
    bits |= ((1n << BigInt(width)) - 1n) << BigInt(bit);
  }
  return bits;
}

/** The name that the specification gives the value. */
export function nameOfValue(field: Field | FlagField, value: bigint): NamedValue | undefined {
  return field.values?.find((each) => each.value === value);
}
