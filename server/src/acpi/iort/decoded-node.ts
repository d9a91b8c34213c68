// A node as the rest of the program sees it: its content, and what its references lead to in its table.
import { idMappingLayout } from '../layout/iort';
import type { Gap, GlobalInterrupts, IdMapping, IortNode, NodeKind, RmrDescriptor, Value } from './model';
import type { ByteSource } from '../structure-values';
import type { NodeContent } from './node-content';

/** What a node needs of its table. */
export interface TableSource extends ByteSource {
  readonly nodeAt: (offset: number) => IortNode | undefined;
}

/** The node of that content. */
export function decodedNode(source: TableSource, content: NodeContent): IortNode {
  return new DecodedNode(source, content) as unknown as IortNode;
}

/** The content of a node that was decoded. */
export function contentOf(node: IortNode): NodeContent {
  return (node as unknown as DecodedNode).content;
}

/** The node is part of a later version of its table, where all that it leads to is as it was. */
export function moveNode(node: IortNode, source: TableSource): void {
  (node as unknown as DecodedNode).moveTo(source);
}

class DecodedNode {
  readonly kind: NodeKind;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
  readonly end: number;
  private mappingsKept: readonly IdMapping[] | undefined;

  constructor(
    private source: TableSource,
    readonly content: NodeContent,
  ) {
    const { kind, index, offset, length, end } = content.places;
    this.kind = kind;
    this.index = index;
    this.offset = offset;
    this.length = length;
    this.end = end;
  }

  moveTo(source: TableSource): void {
    this.source = source;
  }

  nodeAt(offset: number): IortNode | undefined {
    return this.source.nodeAt(offset);
  }

  get header(): IortNode['header'] {
    return this.content.header;
  }

  get values(): Partial<Record<string, Value>> {
    return this.content.values;
  }

  get all(): readonly Value[] {
    return this.content.all;
  }

  get gaps(): readonly Gap[] {
    return this.content.gaps;
  }

  get identifiers(): readonly Value[] | undefined {
    return this.content.identifiers;
  }

  get globalInterrupts(): GlobalInterrupts | undefined {
    return this.content.globalInterrupts;
  }

  get contextInterrupts(): readonly Value[] | undefined {
    return this.content.contextInterrupts;
  }

  get pmuInterrupts(): readonly Value[] | undefined {
    return this.content.pmuInterrupts;
  }

  get descriptors(): readonly RmrDescriptor[] | undefined {
    return this.content.descriptors;
  }

  get mappings(): readonly IdMapping[] {
    this.mappingsKept ??= this.content.mappings.map((values, index) => {
      const offset = this.content.places.mappingStart + index * idMappingLayout.size;
      return new DecodedMapping(index, offset, values, this);
    });
    return this.mappingsKept;
  }
}

/** A mapping of its five values; the target is looked up when somebody asks: it may lie behind. */
class DecodedMapping implements IdMapping {
  readonly inputBase: Value;
  readonly count: Value;
  readonly outputBase: Value;
  readonly outputReference: Value;
  readonly flags: Value;

  constructor(
    readonly index: number,
    readonly offset: number,
    values: readonly Value[],
    private readonly owner: DecodedNode,
  ) {
    const [inputBase, count, outputBase, outputReference, flags] = values;
    this.inputBase = inputBase!;
    this.count = count!;
    this.outputBase = outputBase!;
    this.outputReference = outputReference!;
    this.flags = flags!;
  }

  get single(): boolean {
    return (this.flags.value & 1n) === 1n;
  }

  get target(): IortNode | undefined {
    return this.owner.nodeAt(Number(this.outputReference.value));
  }
}
