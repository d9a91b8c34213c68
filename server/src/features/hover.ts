// What stands under the cursor, in words of DMA: addresses, IOVAs, sizes, stream IDs, and the devices that they belong to.
import { tokenName, tokenText, type TokenStream } from '../preprocess/token-stream';
import type { NodeSyntax, PropertySyntax, SyntaxTree } from '../syntax/syntax-tree';
import type { SourceRange } from '../text/source-file';
import { cells } from '../tree/cells';
import type { DeviceTree, DtNode, DtProperty, ValuePart } from '../tree/model';
import { nodeByReference } from '../tree/navigate';
import { cellsText, cellText, macroText, numberText, plainCellText, referenceText } from './hover/cells';
import { nodeHover, titleText } from './hover/node';
import { rangesText, regText } from './hover/registers';
import { iommuAddressesText, memoryRegionText } from './hover/reservations';
import { idMapText, iommusText, msiParentText } from './hover/stream-ids';
import { placeText, type Analysis, type CellSubject, type Text } from './hover/subject';
import { nodeOfBlocks, nodeOfOverlay, placeAt, referenceText as referenceName, type Place } from './place';

export interface Hover {
  readonly range: SourceRange;
  readonly markdown: string;
}

const propertyTexts: Readonly<Record<string, (subject: CellSubject) => readonly Text[]>> = {
  reg: regText,
  ranges: rangesText,
  'dma-ranges': rangesText,
  'iommu-addresses': iommuAddressesText,
  'memory-region': memoryRegionText,
  iommus: iommusText,
  'iommu-map': idMapText,
  'iommu-map-mask': idMapText,
  'msi-map': idMapText,
  'msi-map-mask': idMapText,
  'msi-parent': msiParentText,
};

/** The hover at an offset of a file of the board; undefined where there is nothing to say. */
export function hover(analysis: Analysis, path: string, offset: number): Hover | undefined {
  const { syntax, overlays } = analysis;
  for (const unit of [syntax, ...overlays.map((overlay) => overlay.syntax)]) {
    const place = placeAt(unit, path, offset);
    if (place === undefined) continue;
    const own = textsAt(analysis, unit, place);
    const texts = [...own, macroText(unit.tokens, place.token)].filter((text) => text !== undefined);
    return texts.length === 0 ? undefined : { range: place.range, markdown: texts.join('\n\n') };
  }
  return undefined;
}

/** Markdown for clients that show plain text. */
export function plainText(markdown: string): string {
  return markdown.replaceAll('**', '').replaceAll('`', '');
}

function textsAt(analysis: Analysis, unit: SyntaxTree, place: Place): readonly Text[] {
  const { tree, syntax } = analysis;
  const { syntax: at, blocks, token } = place;
  if (at === undefined) return [];
  const { tokens } = unit;
  const isOverlay = unit !== syntax;
  if (at.kind === 'node') {
    const node = isOverlay ? nodeOfOverlay(tree, tokens, blocks) : nodeOfBlocks(tree, tokens, blocks);
    if (token !== at.name && !at.labels.includes(token)) return [];
    if (node !== undefined) return nodeHover(analysis, node);
    return isOverlay ? [] : [removedNode(tokens, at)];
  }
  if (at.kind === 'memreserve') {
    const number = tree.memoryReservations.find(
      ({ source }) =>
        source?.file === place.range.file && source.start <= place.range.start && place.range.end <= source.end,
    );
    return number === undefined
      ? []
      : [
          `Memory that the kernel leaves alone from the start: ${numberText(number.address)}, size ${numberText(number.size)}`,
        ];
  }
  if (at.kind === 'delete-node' || at.kind === 'omit-if-no-ref') {
    const text = tokenText(tokens, at.name);
    const node = text.startsWith('&') ? nodeByReference(tree, referenceName(text)) : undefined;
    return node === undefined ? [] : nodeHover(analysis, node);
  }
  if (at.kind !== 'property') return [];
  if (!isOverlay) {
    const node = nodeOfBlocks(tree, tokens, blocks);
    return node === undefined ? [] : propertyHover(analysis, node, tokenName(tokens, at.name), at, place);
  }
  const node = nodeOfOverlay(tree, tokens, blocks);
  return node === undefined
    ? targetText(tree, tokens, place)
    : propertyHover(analysis, node, tokenName(tokens, at.name), at, place);
}

/** The reference of a fragment's `target`, and others in what is no part of the board's tree. */
function targetText(tree: DeviceTree, tokens: TokenStream, { token }: Place): readonly Text[] {
  const text = tokenText(tokens, token);
  const node = text.startsWith('&') ? nodeByReference(tree, referenceName(text)) : undefined;
  return node === undefined ? [] : [titleText(node)];
}

function propertyHover(
  analysis: Analysis,
  node: DtNode,
  name: string,
  syntax: PropertySyntax,
  place: Place,
): readonly Text[] {
  const property = node.properties.get(name);
  if (property === undefined) return ['Deleted further on: this value is not in the tree.'];
  const inForce = property.definitions.at(-1)?.whole;
  if (inForce !== undefined && !isWithin(place.range, inForce)) {
    return [`Overridden at ${placeText(inForce)}: this value is not in the tree.`];
  }
  const values = cells(property);
  const parts = partsAt(property, place.range);
  const isName = place.token === syntax.name;
  const [part] = parts;
  if (part?.kind === 'path') return [referenceText(part)];
  if (values === undefined || (part === undefined && !isName)) return [];
  const subject: CellSubject = { analysis, node, property, values, cell: part && part.offset >> 2, part };
  const own = propertyTexts[property.name]?.(subject).filter((text) => text !== undefined) ?? [];
  if (isName) return own;
  const found = parts.map((each) => partValue(property, each));
  if (own.length === 0) return [...plainCellText(subject), cellsText(found)];
  return [...own, part?.kind === 'phandle' ? referenceText(part) : cellText(name, found[0] ?? 0n), cellsText(found)];
}

/** The number that an element holds, whatever its width. */
function partValue({ data }: DtProperty, { offset, length }: ValuePart): bigint {
  let value = 0n;
  for (const byte of data.bytes.subarray(offset, offset + Math.min(length, 8))) value = (value << 8n) | BigInt(byte);
  return value;
}

function isWithin(inner: SourceRange, outer: SourceRange): boolean {
  return inner.file === outer.file && outer.start <= inner.start && inner.start < outer.end;
}

/** The elements of the value in force that are written at a place: several where a macro gave them all. */
function partsAt({ data }: DtProperty, { file, start, end }: SourceRange): readonly ValuePart[] {
  const within = data.parts.filter(({ source }) => source.file === file && source.start >= start && source.start < end);
  if (within.length > 0) return within;
  return data.parts.filter(({ source }) => source.file === file && source.start <= start && start < source.end);
}

function removedNode(tokens: TokenStream, { name }: NodeSyntax): Text {
  const text = tokenText(tokens, name);
  return text.startsWith('&')
    ? `${text}: no such label on this board.`
    : 'Deleted further on: this node is not in the tree.';
}
