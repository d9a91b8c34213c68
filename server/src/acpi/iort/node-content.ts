// What a node's own bytes say, whatever its references lead to. Values are made when somebody asks for them and kept: a large
// table is read in a fraction of the time that all of its values would take, and the next version of a table keeps the
// contents of nodes that it does not change.
import { idMappingLayout, nodeHeaderLayout } from '../layout/iort';
import { itsIdentifier, rmrDescriptorLayout } from '../layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout, pmuInterrupt } from '../layout/iort-smmu';
import type { Field, StructureLayout } from '../layout/field';
import { readNumber, readText } from '../bytes';
import {
  byName,
  fieldOffset,
  gapsBetween,
  inOrder,
  nameValue,
  structureSize,
  structureValues,
  valueAt,
} from '../structure-values';
import type { BytePlace, ByteSource } from '../structure-values';
import type { Gap, GlobalInterrupts, IortNode, NodeKind, RmrDescriptor, TableProblem, Value } from './model';

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

/** Bytes of an element of a kind's array. */
export function sizeOfElement(kind: NodeKind, which: number): number {
  if (kind === 'its-group') return itsIdentifier.size;
  if (kind === 'rmr') return rmrDescriptorLayout.size;
  return which === 0 ? globalInterruptLayout.size : contextInterrupt.size;
}

/** All kinds at once: the types of the model say which parts a kind has. */
export class NodeContent implements ByteSource {
  private headerKept: IortNode['header'] | undefined;
  private bodyKept: readonly Value[] | undefined;
  private valuesKept: Partial<Record<string, Value>> | undefined;
  private mappingsKept: readonly (readonly Value[])[] | undefined;
  private allKept: readonly Value[] | undefined;
  private gapsKept: readonly Gap[] | undefined;
  private elementsKept: (readonly Value[])[] | undefined;
  private globalKept: GlobalInterrupts | undefined;
  private descriptorsKept: readonly RmrDescriptor[] | undefined;
  private referencesKept: readonly number[] | undefined;
  private nameKept: string | undefined;

  /** `source` is the latest table that it is part of. */
  constructor(
    private source: ByteSource,
    readonly places: NodePlaces,
    readonly problems: readonly TableProblem[],
  ) {}

  get bytes(): Uint8Array {
    return this.source.bytes;
  }

  /** Reads from a later version of the table, which has the same bytes here: the earlier one is not kept for its sake. */
  moveTo(source: ByteSource): void {
    this.source = source;
  }

  /** Offsets in the table to which the node refers: of its mappings, and of its own. */
  get references(): readonly number[] {
    this.referencesKept ??= this.readReferences();
    return this.referencesKept;
  }

  /** The name of a component without its NUL, a character a byte; empty where there is none. */
  get name(): string {
    this.nameKept ??= this.readName();
    return this.nameKept;
  }

  get header(): IortNode['header'] {
    this.headerKept ??= byName(
      structureValues(this, nodeHeaderLayout, this.places.offset, this.bytes.length),
    ) as IortNode['header'];
    return this.headerKept;
  }

  get values(): Partial<Record<string, Value>> {
    this.valuesKept ??= byName(this.body());
    return this.valuesKept;
  }

  /** The five values of each mapping. */
  get mappings(): readonly (readonly Value[])[] {
    this.mappingsKept ??= this.readMappings();
    return this.mappingsKept;
  }

  get all(): readonly Value[] {
    this.allKept ??= this.readAll();
    return this.allKept;
  }

  get gaps(): readonly Gap[] {
    const { offset, end, nameEnd } = this.places;
    this.gapsKept ??= gapsBetween(this.covered(), offset, end, (at) => (at === nameEnd ? 'padding' : 'node'));
    return this.gapsKept;
  }

  get identifiers(): readonly Value[] | undefined {
    return this.places.kind === 'its-group' ? this.elements(0, itsIdentifier) : undefined;
  }

  get globalInterrupts(): GlobalInterrupts | undefined {
    const place = this.places.arrays[0];
    if (this.places.kind !== 'smmu' || place === undefined || place.count === 0) return undefined;
    this.globalKept ??= byName(
      structureValues(this, globalInterruptLayout, place.start, this.places.end),
    ) as GlobalInterrupts;
    return this.globalKept;
  }

  get contextInterrupts(): readonly Value[] | undefined {
    return this.places.kind === 'smmu' ? this.elements(1, contextInterrupt) : undefined;
  }

  get pmuInterrupts(): readonly Value[] | undefined {
    return this.places.kind === 'smmu' ? this.elements(2, pmuInterrupt) : undefined;
  }

  get descriptors(): readonly RmrDescriptor[] | undefined {
    if (this.places.kind !== 'rmr') return undefined;
    this.descriptorsKept ??= this.readDescriptors();
    return this.descriptorsKept;
  }

  private readName(): string {
    const { nameStart, nameEnd } = this.places;
    return nameStart < 0 ? '' : readText(this.bytes, nameStart, nameEnd - 1);
  }

  /** The body's fields, the name last. */
  private body(): readonly Value[] {
    if (this.bodyKept === undefined) {
      const { layout, offset, end, bodyEnd, nameStart, nameEnd } = this.places;
      const start = offset + nodeHeaderLayout.size;
      const body = layout === undefined ? [] : structureValues(this, layout, start, end, bodyEnd);
      if (nameStart >= 0) {
        const field = layout!.fields.find(({ kind }) => kind === 'name')!;
        body.push(nameValue(this.bytes, field, nameStart, nameEnd));
      }
      this.bodyKept = body;
    }
    return this.bodyKept;
  }

  /** The bytes that values take, in order: those of `all`, which need not be made to know them. */
  private covered(): readonly BytePlace[] {
    const { kind, layout, offset, end, bodyEnd, nameStart, nameEnd, arrays, mappingStart, mappingCount } = this.places;
    const start = offset + nodeHeaderLayout.size;
    const found: BytePlace[] = [{ offset, size: nodeHeaderLayout.size }];
    const add = (from: number, size: number): void => void found.push({ offset: from, size });
    if (layout !== undefined) add(start, structureSize(this, layout, start, end, bodyEnd));
    if (nameStart >= 0) add(nameStart, nameEnd - nameStart);
    arrays.forEach(({ start: from, count }, which) => {
      if (count > 0) add(from, count * sizeOfElement(kind, which));
    });
    if (mappingCount > 0) add(mappingStart, mappingCount * idMappingLayout.size);
    return inOrder(found);
  }

  private elements(which: number, field: Field): readonly Value[] {
    this.elementsKept ??= [];
    let found = this.elementsKept[which];
    if (found === undefined) {
      const { start, count } = this.places.arrays[which] ?? { start: 0, count: 0 };
      const all: Value[] = [];
      for (let index = 0; index < count; index++) {
        all.push(valueAt(this, field, start + index * field.size, this.places.end)!);
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
      const [base, length, reserved] = structureValues(this, rmrDescriptorLayout, offset, this.places.end);
      found.push({ index, offset, base: base!, length: length!, reserved: reserved! });
    }
    return found;
  }

  private readMappings(): (readonly Value[])[] {
    const { mappingStart, mappingCount, end } = this.places;
    const found: (readonly Value[])[] = [];
    for (let index = 0; index < mappingCount; index++) {
      found.push(structureValues(this, idMappingLayout, mappingStart + index * idMappingLayout.size, end));
    }
    return found;
  }

  private readReferences(): number[] {
    const { layout, offset, end, bodyEnd, mappingStart, mappingCount } = this.places;
    const found: number[] = [];
    for (const field of layout?.fields ?? []) {
      if (field.reference !== 'table-offset') continue;
      const at = offset + nodeHeaderLayout.size + fieldOffset(layout!, field.name)!;
      if (at + field.size <= Math.min(end, bodyEnd)) found.push(readNumber(this.bytes, at, 4)!);
    }
    for (let index = 0; index < mappingCount; index++) {
      found.push(readNumber(this.bytes, mappingStart + index * idMappingLayout.size + outputReferenceAt, 4)!);
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
    for (const values of this.mappings) add(values);
    return inOrder(all);
  }
}

const outputReferenceAt = fieldOffset(idMappingLayout, 'outputReference')!;
