// What a hover is about, and small words that all its texts share.
import path from 'node:path';
import type { RegionPrediction } from '../../iova/prediction';
import { formatRange } from '../../rules/numbers';
import type { SyntaxTree } from '../../syntax/syntax-tree';
import { positionAt, type SourceRange } from '../../text/source-file';
import type { AddressRange, Topology } from '../../topology/model';
import type { DeviceTree, DtNode, DtProperty, ValuePart } from '../../tree/model';
import { nodePath } from '../../tree/navigate';

/** The part of a snapshot that hovers read. */
export interface Analysis {
  readonly syntax: SyntaxTree;
  readonly overlays: readonly { readonly syntax: SyntaxTree }[];
  readonly tree: DeviceTree;
  readonly topology: Topology;
  readonly prediction: RegionPrediction;
}

/** A property in force, and the cell of its value that the cursor is on. */
export interface CellSubject {
  readonly analysis: Analysis;
  readonly node: DtNode;
  readonly property: DtProperty;
  readonly values: Uint32Array;
  /** Index of the cell; of the first one where a macro gave several; undefined on the property's name. */
  readonly cell: number | undefined;
  readonly part: ValuePart | undefined;
}

/** A paragraph or list of the hover in Markdown; undefined adds nothing. */
export type Text = string | undefined;

/** Whether a value made in the sources is written around this place of the part. */
export function covers(source: SourceRange | undefined, part: ValuePart): boolean {
  return (
    source?.file === part.source.file &&
    source.start <= part.source.start &&
    part.source.start < Math.max(source.end, source.start + 1)
  );
}

/** `juno-base.dtsi:93` */
export function placeText(source: SourceRange | undefined): string {
  if (source === undefined) return 'no source';
  return `${path.basename(source.file.path)}:${positionAt(source.file, source.start).line + 1}`;
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function nodeText(node: DtNode | string): string {
  return code(typeof node === 'string' ? node : nodePath(node));
}

export function rangeText(range: AddressRange): string {
  return range.end < range.start ? `nothing (size 0 at 0x${range.start.toString(16)})` : code(formatRange(range));
}

export function bullets(lines: readonly Text[]): Text {
  const found = lines.filter((line) => line !== undefined);
  return found.length === 0 ? undefined : found.map((line) => `- ${line}`).join('\n');
}

export function overlaps(one: AddressRange, other: AddressRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}

export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}
