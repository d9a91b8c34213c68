// A node whose parts are measured. Values are made when somebody asks for them and kept: a large table is read in a fraction
// of the time that all of its values would take.
import { idMappingLayout, nodeHeaderLayout } from '../layout/iort';
import { itsIdentifier, rmrDescriptorLayout } from '../layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout, pmuInterrupt } from '../layout/iort-smmu';
import type { Field, StructureLayout } from '../layout/field';
import { byName, gapsBetween, inOrder, nameValue, structureValues, valueAt } from '../structure-values';
import type { Gap, GlobalInterrupts, IdMapping, IortNode, NodeKind, RmrDescriptor, Value } from './model';

/** Elements that lie in the node. */
export interface ArrayPlace {
  /** From the table's start. */
  readonly start: number;
  readonly count: number;
}

/** Where the parts of a node are; offsets are from the table's start. */
export interface NodePlaces {
  readonly kind: NodeKind;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
  readonly end: number;
  readonly layout: StructureLayout | undefined;
  /** Where the mappings begin, or the node ends: fields of later revisions lie before. */
  readonly bodyEnd: number;
  /** -1 where there is no name. */
  readonly nameStart: number;
  readonly nameEnd: number;
  /** ITS identifiers; global, context and PMU interrupts; RMR descriptors. None where the fixed part is cut. */
  readonly arrays: readonly ArrayPlace[];
  readonly mappingStart: number;
  readonly mappingCount: number;
}

/** What a node needs of its table. */
interface Source {
  readonly bytes: Uint8Array;
  readonly nodeAt: (offset: number) => IortNode | undefined;
}

/** The node with those parts. */
export function decodedNode(source: Source, places: NodePlaces): IortNode {
  return new DecodedNode(source.bytes, source.nodeAt, places) as unknown as IortNode;
}

/** Bytes of an element of a kind's array. */
export function sizeOfElement(kind: NodeKind, which: number): number {
  if (kind === 'its-group') return itsIdentifier.size;
  if (kind === 'rmr') return rmrDescriptorLayout.size;
  return which === 0 ? globalInterruptLayout.size : contextInterrupt.size;
}

/** All kinds at once: the types of the model say which parts a kind has. */
class DecodedNode {
  readonly kind: NodeKind;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
  readonly end: number;
  private headerKept: IortNode['header'] | undefined;
  private bodyKept: readonly Value[] | undefined;
  private valuesKept: Partial<Record<string, Value>> | undefined;
  private mappingsKept: readonly IdMapping[] | undefined;
  private allKept: readonly Value[] | undefined;
  private gapsKept: readonly Gap[] | undefined;
  private elementsKept: (readonly Value[])[] | undefined;
  private globalKept: GlobalInterrupts | undefined;
  private descriptorsKept: readonly RmrDescriptor[] | undefined;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly nodeAt: (offset: number) => IortNode | undefined,
    private readonly places: NodePlaces,
  ) {
    this.kind = places.kind;
    this.index = places.index;
    this.offset = places.offset;
    this.length = places.length;
    this.end = places.end;
  }

  get header(): IortNode['header'] {
    this.headerKept ??= byName(
      structureValues(this.bytes, nodeHeaderLayout, this.offset, this.bytes.length),
    ) as IortNode['header'];
    return this.headerKept;
  }

  get values(): Partial<Record<string, Value>> {
    this.valuesKept ??= byName(this.body());
    return this.valuesKept;
  }

  get mappings(): readonly IdMapping[] {
    this.mappingsKept ??= this.readMappings();
    return this.mappingsKept;
  }

  get all(): readonly Value[] {
    this.allKept ??= this.readAll();
    return this.allKept;
  }

  get gaps(): readonly Gap[] {
    const { nameEnd } = this.places;
    this.gapsKept ??= gapsBetween(this.all, this.offset, this.end, (at) => (at === nameEnd ? 'padding' : 'node'));
    return this.gapsKept;
  }

  get identifiers(): readonly Value[] | undefined {
    return this.kind === 'its-group' ? this.elements(0, itsIdentifier) : undefined;
  }

  get globalInterrupts(): GlobalInterrupts | undefined {
    const place = this.places.arrays[0];
    if (this.kind !== 'smmu' || place === undefined || place.count === 0) return undefined;
    this.globalKept ??= byName(
      structureValues(this.bytes, globalInterruptLayout, place.start, this.end),
    ) as GlobalInterrupts;
    return this.globalKept;
  }

  get contextInterrupts(): readonly Value[] | undefined {
    return this.kind === 'smmu' ? this.elements(1, contextInterrupt) : undefined;
  }

  get pmuInterrupts(): readonly Value[] | undefined {
    return this.kind === 'smmu' ? this.elements(2, pmuInterrupt) : undefined;
  }

  get descriptors(): readonly RmrDescriptor[] | undefined {
    if (this.kind !== 'rmr') return undefined;
    this.descriptorsKept ??= this.readDescriptors();
    return this.descriptorsKept;
  }

  /** The body's fields, the name last. */
  private body(): readonly Value[] {
    if (this.bodyKept === undefined) {
      const { layout, bodyEnd, nameStart, nameEnd } = this.places;
      const start = this.offset + nodeHeaderLayout.size;
      const body = layout === undefined ? [] : structureValues(this.bytes, layout, start, this.end, bodyEnd);
      if (nameStart >= 0) {
        const field = layout!.fields.find(({ kind }) => kind === 'name')!;
        body.push(nameValue(this.bytes, field, nameStart, nameEnd));
      }
      this.bodyKept = body;
    }
    return this.bodyKept;
  }

  private elements(which: number, field: Field): readonly Value[] {
    this.elementsKept ??= [];
    let found = this.elementsKept[which];
    if (found === undefined) {
      const { start, count } = this.places.arrays[which] ?? { start: 0, count: 0 };
      const all: Value[] = [];
      for (let index = 0; index < count; index++) {
        all.push(valueAt(this.bytes, field, start + index * field.size, this.end)!);
      }
      found = all;
      this.elementsKept[which] = found;
    }
    return found;
  }

  private readDescriptors(): RmrDescriptor[] {
    const { start, count } = this.places.arrays[0] ?? { start: 0, count: 0 };
    const found: RmrDescriptor[] = [];
    for (let index = 0; index < count; index++) {
      const offset = start + index * rmrDescriptorLayout.size;
      const [base, length, reserved] = structureValues(this.bytes, rmrDescriptorLayout, offset, this.end);
      found.push({ index, offset, base: base!, length: length!, reserved: reserved! });
    }
    return found;
  }

  private readMappings(): IdMapping[] {
    const { mappingStart, mappingCount } = this.places;
    const found: IdMapping[] = [];
    for (let index = 0; index < mappingCount; index++) {
      const offset = mappingStart + index * idMappingLayout.size;
      const values = structureValues(this.bytes, idMappingLayout, offset, this.end);
      found.push(new DecodedMapping(index, offset, values, this.nodeAt));
    }
    return found;
  }

  private readAll(): readonly Value[] {
    const all: Value[] = [...Object.values(this.header), ...this.body()];
    const add = (values: readonly Value[] | undefined): void => {
      for (const value of values ?? []) all.push(value);
    };
    add(this.identifiers);
    if (this.globalInterrupts !== undefined) add(Object.values(this.globalInterrupts));
    add(this.contextInterrupts);
    add(this.pmuInterrupts);
    for (const { base, length, reserved } of this.descriptors ?? []) all.push(base, length, reserved);
    for (const { inputBase, count, outputBase, outputReference, flags } of this.mappings) {
      all.push(inputBase, count, outputBase, outputReference, flags);
    }
    return inOrder(all);
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
    private readonly nodeAt: (offset: number) => IortNode | undefined,
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
    return this.nodeAt(Number(this.outputReference.value));
  }
}
