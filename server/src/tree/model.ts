// The devicetree as the kernel gets it, each part with every source place that contributed to it.
// Built from sources by merge.ts, from blobs by fdt-read.ts; read-only for everybody else.
import type { Brand } from '../text/brand';
import type { SourceRange } from '../text/source-file';

export type Phandle = Brand<number, 'Phandle'>;

export interface DeviceTree {
  readonly root: DtNode;
  readonly memoryReservations: readonly MemoryReservation[];
  readonly labels: ReadonlyMap<string, DtNode>;
  /** Explicit and allocated ones. */
  readonly phandles: ReadonlyMap<number, DtNode>;
  readonly bootCpu: number;
  /** `/plugin/`: an overlay; references to labels it does not define are fixups, not errors. */
  readonly isPlugin: boolean;
}

export interface MemoryReservation {
  readonly address: bigint;
  readonly size: bigint;
  readonly labels: readonly string[];
  readonly source: SourceRange | undefined;
}

export interface DtNode {
  /** With its unit address; empty for the root. */
  readonly name: string;
  readonly parent: DtNode | undefined;
  /** In dtc's order. */
  readonly children: ReadonlyMap<string, DtNode>;
  readonly properties: ReadonlyMap<string, DtProperty>;
  readonly labels: readonly Label[];
  readonly phandle: Phandle | undefined;
  /** Every block that contributed, in source order; empty for a tree read from a blob. */
  readonly definitions: readonly NodeDefinition[];
}

export interface Label {
  readonly name: string;
  readonly source: SourceRange | undefined;
}

export interface NodeDefinition {
  /** The name or reference that opens the block. */
  readonly name: SourceRange;
  /** From the first label to the closing `;`. */
  readonly whole: SourceRange;
}

export interface DtProperty {
  readonly name: string;
  readonly node: DtNode;
  readonly labels: readonly Label[];
  /** Every definition in source order, deleted and overridden ones included; the last one is in force. Empty for a blob. */
  readonly definitions: readonly PropertyDefinition[];
  /** The value, decoded on first use. */
  readonly data: PropertyData;
}

export interface PropertyDefinition {
  readonly name: SourceRange;
  readonly whole: SourceRange;
}

export interface PropertyData {
  readonly bytes: Uint8Array;
  /** What the bytes were written as, in order; empty for a blob. */
  readonly parts: readonly ValuePart[];
  /** Some of the value could not be read (syntax error, unresolved reference, missing incbin): do not trust the bytes. */
  readonly broken: boolean;
  /** The strings of a value that is written as nothing but plain strings; spares the decoding of names that are read often. */
  readonly texts?: readonly string[] | undefined;
}

/** One element as written: a cell, a string, a byte, a path reference. */
export interface ValuePart {
  readonly offset: number;
  readonly length: number;
  readonly kind: 'integer' | 'phandle' | 'path' | 'string' | 'byte' | 'incbin';
  readonly source: SourceRange;
  /** For `phandle` and `path`: what was written after `&`, and the node if it was found. */
  readonly reference?: { readonly text: string; readonly target: DtNode | undefined };
}
