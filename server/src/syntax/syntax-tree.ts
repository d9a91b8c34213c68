// What the grammar makes of a unit's tokens. All numbers are token indices into the unit's TokenStream, so exact source
// ranges cost nothing. Values are kept as token ranges; `values.ts` decodes them when somebody asks.
import type { TokenStream } from '../preprocess/token-stream';

export interface SyntaxTree {
  readonly tokens: TokenStream;
  readonly items: readonly TopLevelItem[];
  readonly errors: readonly SyntaxProblem[];
}

export type TopLevelItem = HeaderSyntax | MemoryReserveSyntax | NodeSyntax | DeleteNodeSyntax | OmitNodeSyntax;

/** `/dts-v1/;` or `/plugin/;` */
export interface HeaderSyntax {
  readonly kind: 'version' | 'plugin';
  readonly first: number;
  readonly last: number;
}

/** `label: /memreserve/ ADDRESS SIZE;` */
export interface MemoryReserveSyntax {
  readonly kind: 'memreserve';
  readonly labels: readonly number[];
  readonly address: IntegerSyntax | undefined;
  readonly size: IntegerSyntax | undefined;
  readonly first: number;
  readonly last: number;
}

/** A literal, or an expression with its parentheses: tokens `first` to `last`. */
export interface IntegerSyntax {
  readonly first: number;
  readonly last: number;
}

/** `label: name { … };`, `&label { … };`, `&{/path} { … };` or `/ { … };` */
export interface NodeSyntax {
  readonly kind: 'node';
  readonly labels: readonly number[];
  /** The name, the reference, or the `/` of a root block. */
  readonly name: number;
  readonly omitIfNoRef: boolean;
  /** In source order: the merge needs it (a deletion takes effect where it stands). */
  readonly members: readonly MemberSyntax[];
  /** The `{`. */
  readonly open: number;
  /** The `}`, or -1 where it is missing. */
  readonly close: number;
  readonly first: number;
  readonly last: number;
}

export type MemberSyntax = PropertySyntax | NodeSyntax | DeletePropertySyntax | DeleteNodeSyntax;

export interface PropertySyntax {
  readonly kind: 'property';
  readonly labels: readonly number[];
  readonly name: number;
  readonly values: readonly ValueSyntax[];
  /** Part of the value could not be read; what it would have been is unknown. */
  readonly broken: boolean;
  readonly first: number;
  readonly last: number;
}

/** `/delete-property/ name;` */
export interface DeletePropertySyntax {
  readonly kind: 'delete-property';
  readonly name: number;
  readonly first: number;
  readonly last: number;
}

/** `/delete-node/ name;` in a node, `/delete-node/ &ref;` at top level. */
export interface DeleteNodeSyntax {
  readonly kind: 'delete-node';
  readonly name: number;
  readonly first: number;
  readonly last: number;
}

/** `/omit-if-no-ref/ &ref;` at top level. */
export interface OmitNodeSyntax {
  readonly kind: 'omit-if-no-ref';
  readonly name: number;
  readonly first: number;
  readonly last: number;
}

export type ValueSyntax = CellsSyntax | StringSyntax | BytesSyntax | ReferenceSyntax | IncbinSyntax;

/** `<…>` or `/bits/ N <…>`: from `<` to `>`; labels, literals, references and parenthesised expressions between them. */
export interface CellsSyntax {
  readonly kind: 'cells';
  /** The literal after `/bits/`, or -1. */
  readonly bits: number;
  readonly first: number;
  readonly last: number;
}

export interface StringSyntax {
  readonly kind: 'string';
  readonly first: number;
  readonly last: number;
}

/** `[…]`: from `[` to `]`, bytes and labels between them. */
export interface BytesSyntax {
  readonly kind: 'bytes';
  readonly first: number;
  readonly last: number;
}

/** `&label` or `&{/path}` as a value: the path as a string. */
export interface ReferenceSyntax {
  readonly kind: 'reference';
  readonly first: number;
  readonly last: number;
}

/** `/incbin/("file")` or `/incbin/("file", offset, length)` */
export interface IncbinSyntax {
  readonly kind: 'incbin';
  /** The string. */
  readonly path: number;
  readonly offset: IntegerSyntax | undefined;
  readonly length: IntegerSyntax | undefined;
  readonly first: number;
  readonly last: number;
}

/**
 * Something the grammar had to recover from. `after`: the problem is what is missing behind token `first`
 * (reported at that token's end, -1 at the start of the unit); else tokens `first` to `last` are wrong.
 */
export interface SyntaxProblem {
  readonly rule: string;
  readonly message: string;
  readonly first: number;
  readonly last: number;
  readonly after: boolean;
  /** Text to insert there (missing `;`, `}`, `>`); before the tokens where they are wrong for lack of it. */
  readonly insert?: string;
  /** The tokens are to be taken out. */
  readonly isSurplus?: boolean;
  /** Another place that it is about. */
  readonly related?: { readonly token: number; readonly message: string };
}
