// A new IORT from a description of its nodes: lengths, counts, offsets and the checksum are computed, arrays lie where iasl
// puts them. References are named by the index of the node, so that nobody counts bytes.
import { bodyLayout, idMappingLayout, iortFixedSize, iortTableLayout, nodeTypes } from '../layout/iort';
import { itsIdentifier, rmrDescriptorLayout } from '../layout/iort-nodes';
import { contextInterrupt, globalInterruptLayout } from '../layout/iort-smmu';
import { sizeOf } from '../layout/field';
import type { Field, StructureLayout } from '../layout/field';
import { tableHeaderLayout } from '../layout/table-header';
import { writeInteger, writeText } from '../bytes';
import { checksumOf } from '../table-header';
import { fieldOffset } from '../structure-values';
import { kindOfType, nodeHeaderSize } from './decode-node';
import type { NodeKind } from './model';

type Integer = bigint | number;

/** A node by its index in the draft, or an offset as it shall stand in the table. */
export type DraftTarget = number | { readonly offset: number };

export interface MappingDraft {
  readonly inputBase: Integer;
  /** The number of IDs minus 1, as in the table. */
  readonly count: Integer;
  readonly outputBase: Integer;
  readonly target: DraftTarget;
  /** Bit 0: single mapping. */
  readonly flags?: Integer;
}

export interface DescriptorDraft {
  readonly base: Integer;
  readonly length: Integer;
  readonly reserved?: Integer;
}

export interface NodeDraft {
  readonly kind: Exclude<NodeKind, 'unknown'>;
  /** Decides which fields there are, where `fixedSize` does not. */
  readonly revision: number;
  /** Bytes of the header and the fixed fields. iasl has one size for all revisions of a kind. */
  readonly fixedSize?: number;
  readonly identifier?: number;
  /** Fields of the body by name; 0 where absent, counts and offsets of arrays are computed. */
  readonly fields?: Readonly<Record<string, Integer>>;
  /** Named component, IWB. */
  readonly name?: string;
  /** Behind the name; zeros up to a multiple of 4 where absent. */
  readonly padding?: Uint8Array;
  /** ITS group. */
  readonly identifiers?: readonly Integer[];
  /** SMMUv1/v2: by the names of its fields. */
  readonly globalInterrupts?: Readonly<Record<string, Integer>>;
  readonly contextInterrupts?: readonly Integer[];
  readonly pmuInterrupts?: readonly Integer[];
  /** RMR. */
  readonly descriptors?: readonly DescriptorDraft[];
  /** PMCG: whose counters they are. */
  readonly reference?: DraftTarget;
  readonly mappings?: readonly MappingDraft[];
}

export interface TableDraft {
  readonly revision: number;
  /** Fields of the header by name, texts cut or filled with zeros. */
  readonly header?: Readonly<Record<string, Integer | string>>;
  /** Between the header and the first node. */
  readonly padding?: Uint8Array;
  readonly nodes: readonly NodeDraft[];
}

export type BuildResult = { readonly bytes: Uint8Array } | { readonly problem: string; readonly node: number };

const longestNode = 0xffff;

/** The table's bytes, or the node that no table can hold. */
export function buildIort(draft: TableDraft): BuildResult {
  const plans = draft.nodes.map(planNode);
  const tooLong = plans.findIndex(({ length }) => length > longestNode);
  if (tooLong >= 0) {
    const problem = `node ${tooLong} would have ${plans[tooLong]!.length} bytes, more than the 65535 that its length can say`;
    return { problem, node: tooLong };
  }
  const padding = draft.padding ?? new Uint8Array();
  const first = iortFixedSize + padding.length;
  const offsets: number[] = [];
  let end = first;
  for (const { length } of plans) {
    offsets.push(end);
    end += length;
  }
  const bytes = new Uint8Array(end);
  writeHeader(bytes, draft);
  bytes.set(padding, iortFixedSize);
  writeFields(bytes, iortTableLayout, tableHeaderLayout.size, { nodeCount: plans.length, nodeOffset: first });
  for (const [index, plan] of plans.entries()) writeNode(bytes, offsets[index]!, plan, offsets);
  bytes[fieldOffset(tableHeaderLayout, 'checksum')!] = checksumOf(bytes);
  return { bytes };
}

/** Bytes of a node's header and fixed body at a revision; a name is not counted. */
export function fixedNodeSize(layout: StructureLayout, revision: number): number {
  let size = 0;
  let at = 0;
  for (const field of layout.fields) {
    at += sizeOf(field);
    if ((field.sinceNode ?? 0) <= revision) size = at;
  }
  return nodeHeaderSize + size;
}

/** Where the parts of a node lie, from its start. */
interface NodePlan {
  readonly draft: NodeDraft;
  readonly type: number;
  readonly layout: StructureLayout;
  readonly fixed: number;
  readonly global: number;
  readonly contexts: number;
  readonly pmu: number;
  readonly mappings: number;
  readonly length: number;
}

function planNode(draft: NodeDraft): NodePlan {
  const type = nodeTypes.findIndex((_, index) => kindOfType(index) === draft.kind);
  const layout = bodyLayout(type)!;
  const fixed = draft.fixedSize ?? fixedNodeSize(layout, draft.revision);
  const global = fixed;
  const contexts = global + (draft.kind === 'smmu' ? globalInterruptLayout.size : 0);
  const pmu = contexts + contextInterrupt.size * (draft.contextInterrupts?.length ?? 0);
  let mappings = pmu + contextInterrupt.size * (draft.pmuInterrupts?.length ?? 0);
  mappings += itsIdentifier.size * (draft.identifiers?.length ?? 0);
  mappings += rmrDescriptorLayout.size * (draft.descriptors?.length ?? 0);
  if (hasName(layout)) mappings += (draft.name ?? '').length + 1;
  mappings += draft.padding?.length ?? (hasName(layout) ? -mappings & 3 : 0);
  const length = mappings + idMappingLayout.size * (draft.mappings?.length ?? 0);
  return { draft, type, layout, fixed, global, contexts, pmu, mappings, length };
}

function hasName(layout: StructureLayout): boolean {
  return layout.fields.some(({ kind }) => kind === 'name');
}

function writeHeader(bytes: Uint8Array, draft: TableDraft): void {
  const header = {
    signature: 'IORT',
    oemId: 'DOORBL',
    oemTableId: 'DOORBELL',
    creatorId: 'DRBL',
    ...draft.header,
    length: bytes.length,
    revision: draft.revision,
  };
  writeFields(bytes, tableHeaderLayout, 0, header);
}

function writeNode(bytes: Uint8Array, start: number, plan: NodePlan, offsets: readonly number[]): void {
  const { draft, layout } = plan;
  const body = start + nodeHeaderSize;
  const mappings = draft.mappings ?? [];
  writeInteger(bytes, start, 1, BigInt(plan.type));
  writeInteger(bytes, start + 1, 2, BigInt(plan.length));
  writeInteger(bytes, start + 3, 1, BigInt(draft.revision));
  writeInteger(bytes, start + 4, 4, BigInt(draft.identifier ?? 0));
  writeInteger(bytes, start + 8, 4, BigInt(mappings.length));
  writeInteger(bytes, start + 12, 4, BigInt(mappings.length === 0 ? 0 : plan.mappings));
  const computed = computedFields(plan, offsets);
  writeFields(bytes, layout, body, { ...draft.fields, ...computed }, start + plan.fixed);
  if (hasName(layout)) {
    const name = draft.name ?? '';
    writeText(bytes, start + plan.fixed, name);
    if (draft.padding !== undefined) bytes.set(draft.padding, start + plan.fixed + name.length + 1);
  }
  const array = (values: readonly Integer[], field: Field, at: number) => {
    for (const [index, value] of values.entries()) {
      writeInteger(bytes, start + at + index * field.size, field.size, BigInt(value));
    }
  };
  array(draft.identifiers ?? [], itsIdentifier, plan.fixed);
  array(draft.contextInterrupts ?? [], contextInterrupt, plan.contexts);
  array(draft.pmuInterrupts ?? [], contextInterrupt, plan.pmu);
  if (draft.kind === 'smmu')
    writeFields(bytes, globalInterruptLayout, start + plan.global, draft.globalInterrupts ?? {});
  for (const [index, descriptor] of (draft.descriptors ?? []).entries()) {
    const at = start + plan.fixed + index * rmrDescriptorLayout.size;
    writeFields(bytes, rmrDescriptorLayout, at, { ...descriptor });
  }
  for (const [index, { target, ...mapping }] of mappings.entries()) {
    const at = start + plan.mappings + index * idMappingLayout.size;
    writeFields(bytes, idMappingLayout, at, { ...mapping, outputReference: offsetOf(target, offsets) });
  }
}

/** Counts, offsets and the reference of a node's body; the others are the draft's. */
function computedFields(plan: NodePlan, offsets: readonly number[]): Record<string, Integer> {
  const { draft } = plan;
  switch (draft.kind) {
    case 'its-group':
      return { itsCount: draft.identifiers?.length ?? 0 };
    case 'smmu':
      return {
        globalOffset: plan.global,
        contextCount: draft.contextInterrupts?.length ?? 0,
        contextOffset: plan.contexts,
        pmuCount: draft.pmuInterrupts?.length ?? 0,
        pmuOffset: plan.pmu,
      };
    case 'rmr':
      return { descriptorCount: draft.descriptors?.length ?? 0, descriptorOffset: plan.fixed };
    case 'pmcg':
      return draft.reference === undefined ? {} : { nodeReference: offsetOf(draft.reference, offsets) };
    default:
      return {};
  }
}

/** A node that is not there is 0, "none". */
function offsetOf(target: DraftTarget, offsets: readonly number[]): number {
  return typeof target === 'number' ? (offsets[target] ?? 0) : target.offset;
}

/** Writes the fields that are given and end by `end`. */
function writeFields(
  bytes: Uint8Array,
  layout: StructureLayout,
  start: number,
  values: Readonly<Record<string, Integer | string | undefined>>,
  end = bytes.length,
): void {
  let at = start;
  for (const field of layout.fields) {
    const size = sizeOf(field);
    const value = values[field.name];
    if (value !== undefined && size > 0 && at + size <= end) {
      if (typeof value === 'string') writeText(bytes, at, value.slice(0, size));
      else writeInteger(bytes, at, size, BigInt(value));
    }
    at += size;
  }
}
