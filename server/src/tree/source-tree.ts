// The model's nodes and properties where they come from sources. Mutable while merge.ts and its helpers build the tree,
// only read afterwards. Everything that nobody may ask for is made when somebody does.
import { type TokenStream, tokenName, tokenRange, tokensRange } from '../preprocess/token-stream';
import type { NodeSyntax, PropertySyntax } from '../syntax/syntax-tree';
import type { SourceRange } from '../text/source-file';
import { type ValueContext, WrittenValue } from './decode';
import type { DtNode, DtProperty, Label, NodeDefinition, Phandle, PropertyData, PropertyDefinition } from './model';

export class SourceLabel implements Label {
  readonly name: string;

  constructor(
    private readonly tokens: TokenStream,
    readonly token: number,
  ) {
    this.name = tokenName(tokens, token);
  }

  get source(): SourceRange {
    return tokenRange(this.tokens, this.token);
  }
}

export class SourceNode implements DtNode {
  /** Deleted ones included until `prune`: one that comes back takes its old place. */
  children: Map<string, SourceNode> = noChildren;
  properties: Map<string, SourceProperty> = noProperties;
  labels: SourceLabel[] = noLabels;
  phandle: Phandle | undefined = undefined;

  isDeleted = false;
  /** dtc takes a node that lost its labels for a labelled one. */
  wasLabelled = false;
  omitIfNoRef = false;
  isReferenced = false;
  /** Some property holds references. */
  hasReferences = false;
  /** Where a first block holds a deletion of the name, which dtc keeps as one more node: before or behind this one. */
  twin: 'before' | 'behind' | undefined = undefined;

  /** It came to be as a deletion in a first block. dtc never tells such a node its parent, which shows in local fixups. */
  isParentless = false;

  private first: NodeSyntax | undefined;
  private more: NodeSyntax[] | undefined;

  constructor(
    readonly context: ValueContext,
    readonly name: string,
    readonly parent: SourceNode | undefined,
  ) {}

  get definitions(): readonly NodeDefinition[] {
    const { tokens } = this.context;
    return this.syntaxes().map((syntax) => ({
      get name() {
        return tokenRange(tokens, syntax.name);
      },
      get whole() {
        return tokensRange(tokens, syntax.first, syntax.last);
      },
    }));
  }

  /** The name of the first block: there may be very many. */
  firstName(): SourceRange | undefined {
    return this.first && tokenRange(this.context.tokens, this.first.name);
  }

  /** The blocks that contributed, in source order. */
  syntaxes(): readonly NodeSyntax[] {
    if (this.first === undefined) return [];
    return this.more === undefined ? [this.first] : [this.first, ...this.more];
  }

  addSyntax(syntax: NodeSyntax): void {
    if (this.first === undefined) this.first = syntax;
    else (this.more ??= []).push(syntax);
  }

  setChild(child: SourceNode): void {
    if (this.children === noChildren) this.children = new Map();
    this.children.set(child.name, child);
  }

  setProperty(property: SourceProperty): void {
    if (this.properties === noProperties) this.properties = new Map();
    this.properties.set(property.name, property);
  }

  liveChild(name: string): SourceNode | undefined {
    const child = this.children.get(name);
    return child?.isDeleted === false ? child : undefined;
  }

  liveProperty(name: string): SourceProperty | undefined {
    const property = this.properties.get(name);
    return property?.isDeleted === false ? property : undefined;
  }
}

export class SourceProperty implements DtProperty {
  labels: SourceLabel[] = noLabels;
  isDeleted = false;
  /** The value in force holds references. */
  hasReferences = false;
  /** A deletion of the name stands before it in the block that dtc saw first; the name is that one's for dtc. */
  isShadowed = false;
  private earlier: PropertySyntax[] | undefined;
  private value: PropertyData | undefined;

  /** `syntax` is undefined for a property that dtc would add; `setValue` must follow. */
  constructor(
    readonly name: string,
    readonly node: SourceNode,
    public syntax: PropertySyntax | undefined,
  ) {}

  get definitions(): readonly PropertyDefinition[] {
    if (this.syntax === undefined) return [];
    const { tokens } = this.node.context;
    return [...(this.earlier ?? []), this.syntax].map((syntax) => ({
      get name() {
        return tokenRange(tokens, syntax.name);
      },
      get whole() {
        return tokensRange(tokens, syntax.first, syntax.last);
      },
    }));
  }

  /** The name of the first definition: there may be very many. */
  firstName(): SourceRange | undefined {
    const first = this.earlier?.[0] ?? this.syntax;
    return first && tokenRange(this.node.context.tokens, first.name);
  }

  get data(): PropertyData {
    this.value ??= this.syntax ? new WrittenValue(this.node.context, this.syntax) : noValue;
    return this.value;
  }

  setValue(value: PropertyData): void {
    this.value = value;
  }

  /** Lets the value be decoded anew: what it refers to has changed. */
  forgetValue(): void {
    this.value = undefined;
  }

  redefine(syntax: PropertySyntax): void {
    if (this.syntax !== undefined) (this.earlier ??= []).push(this.syntax);
    this.syntax = syntax;
    this.value = undefined;
    this.isDeleted = false;
  }
}

/** A value without sources. */
export function plainValue(bytes: Uint8Array): PropertyData {
  return { bytes, parts: [], broken: false };
}

// Most nodes have no children, most things no labels: they share these, which nobody writes to.
const noChildren = new Map<string, SourceNode>();
const noProperties = new Map<string, SourceProperty>();
const noLabels: SourceLabel[] = [];
const noValue = plainValue(new Uint8Array(0));
