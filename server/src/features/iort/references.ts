// Node offsets as references: where the node is that one names, and who names a node.
import { referencesOf } from '../../acpi/iort/edit';
import type { IortNode, Value } from '../../acpi/iort/model';
import type { TableDocument } from '../../acpi/text/document';
import type { SourceRange } from '../../text/source-file';
import { nodeHolding } from './names';

/** The value at an offset of the text that names a node by its offset, whether or not there is one. */
export function referenceAt(document: TableDocument, offset: number): Value | undefined {
  const field = document.fieldAt(offset);
  const { iort } = document;
  if (field === undefined || iort === undefined || field.field.reference !== 'table-offset') return undefined;
  if (field.field === iort.nodeOffset?.field) return iort.nodeOffset;
  const node = nodeHolding(iort, field.offset);
  return node && referencesOf(node).find((value) => value.offset === field.offset);
}

/** The node that is meant at an offset of the text: the one that a reference leads to, else the one whose line it is. */
export function nodeMeantAt(document: TableDocument, offset: number): IortNode | undefined {
  const { iort } = document;
  const reference = referenceAt(document, offset);
  if (iort === undefined) return undefined;
  if (reference !== undefined) return iort.nodeAt(Number(reference.value));
  const field = document.fieldAt(offset);
  return field === undefined ? undefined : nodeHolding(iort, field.offset);
}

export interface Definition {
  /** The value that was asked about. */
  readonly origin: SourceRange;
  /** The node as a whole, and its first line. */
  readonly target: SourceRange;
  readonly selection: SourceRange;
}

/** Where the node begins that the reference at an offset of the text leads to; undefined where there is no reference, or no node. */
export function definition(document: TableDocument, offset: number): Definition | undefined {
  const reference = referenceAt(document, offset);
  const node = reference && document.iort?.nodeAt(Number(reference.value));
  const origin = reference && document.placeOf(reference);
  const target = node && nodeRange(document, node);
  const selection = node && document.placeOf(node.header.type, 'line');
  return origin && target && selection && { origin, target, selection };
}

/** The values that name the node at an offset of the text, or that the reference there leads to; with its own first line if asked for. */
export function references(document: TableDocument, offset: number, withDeclaration: boolean): readonly SourceRange[] {
  const { iort, placeOf } = document;
  const node = nodeMeantAt(document, offset);
  if (iort === undefined || node === undefined) return [];
  const own = withDeclaration ? [placeOf(node.header.type, 'line')] : [];
  const first = iort.nodeOffset === undefined ? [] : [iort.nodeOffset];
  const named = [...first, ...iort.nodes.flatMap(referencesOf)]
    .filter(({ value }) => value === BigInt(node.offset))
    .map((value) => placeOf(value));
  return [...own, ...named].filter((range) => range !== undefined);
}

/** From a node's first line to its last. */
export function nodeRange({ placeOf, fieldAt }: TableDocument, node: IortNode): SourceRange | undefined {
  const first = placeOf(node.header.type, 'line');
  const structure = first && fieldAt(first.end)?.structure;
  return first && { ...first, end: Math.max(first.end, structure?.end ?? 0) };
}
