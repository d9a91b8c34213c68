// An IORT as its bytes have it. Every value knows its field and where it lies; nothing is corrected, nothing is lost: what
// belongs to no field is kept as a gap.
import type { Field, StructureLayout } from '../layout/field';
import type { tableHeaderLayout } from '../layout/table-header';
import type { globalInterruptLayout, smmuLayout, smmuv3Layout } from '../layout/iort-smmu';
import type { nodeHeaderLayout } from '../layout/iort';
import type {
  itsGroupLayout,
  iwbLayout,
  namedComponentLayout,
  pmcgLayout,
  rmrLayout,
  rootComplexLayout,
} from '../layout/iort-nodes';

/** The names of a structure's fields. */
export type NamesOf<Layout extends StructureLayout> = Layout extends StructureLayout<infer Name> ? Name : never;

/** A field's value in a table. */
export interface Value {
  readonly field: Field;
  /** In bytes, from the table's start. */
  readonly offset: number;
  readonly size: number;
  /** 0 for names and bytes. */
  readonly value: bigint;
  /** Of names and characters; each byte is one character (Latin-1), a name without its NUL. */
  readonly text?: string;
}

/** Bytes that no field covers. */
export interface Gap {
  /** From the table's start. */
  readonly offset: number;
  readonly end: number;
  /**
   * `optional-padding`: before the first node. `padding`: between a name and what follows it. `node`: elsewhere in a node.
   * `rest`: behind the last node that could be read. `tail`: behind the table, in the file. `table`: elsewhere.
   */
  readonly kind: 'optional-padding' | 'padding' | 'node' | 'rest' | 'tail' | 'table';
}

export type TableHeaderName = NamesOf<typeof tableHeaderLayout>;

/** The header of a table; values that the bytes do not reach are absent. */
export type TableHeader = Readonly<Partial<Record<TableHeaderName, Value>>>;

/** Codes are stable: rules give them their words and severities. */
export type TableProblemCode =
  /** Fewer bytes than the fixed part of the table. */
  | 'too-short'
  /** The header's length is less than the table's fixed part, or more than the bytes that are there. */
  | 'table-length'
  | 'checksum'
  /** More bytes than the header's length. */
  | 'bytes-after-table'
  /** More bytes than anybody reads (1 MiB). */
  | 'too-large'
  /** The first node would be inside the header, or behind the table. */
  | 'node-offset'
  | 'node-count'
  /** A node's header does not fit in the table. */
  | 'node-truncated'
  /** A node is shorter than its own header: where the next one begins is unknown. */
  | 'node-length'
  /** A node reaches past the table's end. */
  | 'node-past-end'
  /** A node's fixed part, or an array that it counts, does not fit in it. */
  | 'node-too-short'
  | 'array-outside-node'
  | 'mapping-outside-node'
  /** A name has no NUL inside its node. */
  | 'name-unterminated'
  | 'node-type';

export interface TableProblem {
  readonly code: TableProblemCode;
  /** The bytes that it is about, from the table's start. */
  readonly offset: number;
  readonly size: number;
  readonly message: string;
}

export type NodeKind =
  'its-group' | 'named-component' | 'root-complex' | 'smmu' | 'smmuv3' | 'pmcg' | 'rmr' | 'iwb' | 'unknown';

/** One of a node's ID mappings, all five fields of which are there. */
export interface IdMapping {
  readonly index: number;
  /** From the table's start. */
  readonly offset: number;
  readonly inputBase: Value;
  /** The number of IDs minus 1. */
  readonly count: Value;
  readonly outputBase: Value;
  readonly outputReference: Value;
  readonly flags: Value;
  readonly single: boolean;
  /** The node that begins where the reference says; undefined where none does. */
  readonly target: IortNode | undefined;
}

export interface NodeOf<Kind extends NodeKind, Names extends string> {
  readonly kind: Kind;
  /** Among `IortTable.nodes`. */
  readonly index: number;
  /** From the table's start. */
  readonly offset: number;
  /** As the node's header states it. */
  readonly length: number;
  /** Where the node's bytes end, from the table's start: as stated, but never past the table. */
  readonly end: number;
  /**
   * The same object in the next version of a table where the node's own bytes, place and index are; the node itself is only
   * where that holds of all nodes that it leads to as well.
   */
  readonly content: object;
  readonly header: Readonly<Record<NamesOf<typeof nodeHeaderLayout>, Value>>;
  /**
   * The fields of the body that are there: mapping offset, array offsets and length decide, not the revision. Whether the
   * revision gives them a meaning is another question (`Field.sinceNode`).
   */
  readonly values: Readonly<Partial<Record<Names, Value>>>;
  /** Every value of the node in order of bytes: header, body, arrays, mappings. */
  readonly all: readonly Value[];
  readonly mappings: readonly IdMapping[];
  readonly gaps: readonly Gap[];
}

export interface ItsGroupNode extends NodeOf<'its-group', NamesOf<typeof itsGroupLayout>> {
  readonly identifiers: readonly Value[];
}

export type NamedComponentNode = NodeOf<'named-component', NamesOf<typeof namedComponentLayout>>;

export type RootComplexNode = NodeOf<'root-complex', NamesOf<typeof rootComplexLayout>>;

/** The interrupts for global faults of an SMMUv1/v2. */
export type GlobalInterrupts = Readonly<Record<NamesOf<typeof globalInterruptLayout>, Value>>;

export interface SmmuNode extends NodeOf<'smmu', NamesOf<typeof smmuLayout>> {
  /** Undefined where its offset leads out of the node. */
  readonly globalInterrupts: GlobalInterrupts | undefined;
  /** GSIV in the low half, flags in the high half. */
  readonly contextInterrupts: readonly Value[];
  readonly pmuInterrupts: readonly Value[];
}

export type Smmuv3Node = NodeOf<'smmuv3', NamesOf<typeof smmuv3Layout>>;

export type PmcgNode = NodeOf<'pmcg', NamesOf<typeof pmcgLayout>>;

export interface RmrDescriptor {
  readonly index: number;
  /** From the table's start. */
  readonly offset: number;
  readonly base: Value;
  readonly length: Value;
  readonly reserved: Value;
}

export interface RmrNode extends NodeOf<'rmr', NamesOf<typeof rmrLayout>> {
  readonly descriptors: readonly RmrDescriptor[];
}

export type IwbNode = NodeOf<'iwb', NamesOf<typeof iwbLayout>>;

/** A type that nobody has published: its header and mappings are read, the rest is a gap. */
export type UnknownNode = NodeOf<'unknown', never>;

export type IortNode =
  | ItsGroupNode
  | NamedComponentNode
  | RootComplexNode
  | SmmuNode
  | Smmuv3Node
  | PmcgNode
  | RmrNode
  | IwbNode
  | UnknownNode;

export interface IortTable {
  /** The file's bytes, unchanged; may be shorter or longer than the header says. */
  readonly bytes: Uint8Array;
  /** Where the table ends: what the header says, as far as there are bytes. */
  readonly end: number;
  readonly header: TableHeader;
  /** Undefined where the bytes end before. */
  readonly nodeCount: Value | undefined;
  readonly nodeOffset: Value | undefined;
  readonly reserved: Value | undefined;
  /** Every node as they lie, to the table's end or to one whose length leads nowhere. */
  readonly nodes: readonly IortNode[];
  /**
   * The nodes that Linux walks: as many as Node Count says, none that begins at or behind the end of the table
   * (drivers/acpi/arm64/iort.c iort_scan_node).
   */
  readonly counted: readonly IortNode[];
  /** The node that begins at an offset from the table's start. */
  readonly nodeAt: (offset: number) => IortNode | undefined;
  /** Bytes in no field, in no node. Those in nodes are with the nodes. */
  readonly gaps: readonly Gap[];
  /** What stops or bends decoding, in order of offsets. */
  readonly problems: readonly TableProblem[];
  /** The same object in all versions of a table that were decoded one from the other: what is kept from version to version goes by it. */
  readonly lineage: object;
}
