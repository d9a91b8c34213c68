// Walks the elements of a property's value in source order, allocating nothing: every element is a call of `visit`.
import type { TokenStream } from '../preprocess/token-stream';
import type { BytesSyntax, CellsSyntax, PropertySyntax } from './syntax-tree';
import { literalU32 } from './literals';
import { Shape } from './shape';

/**
 * What stands in a cell list: a literal or parenthesised expression, `&label` or `&{/path}` (both a phandle), `label:`,
 * or a word that is none of them (the property is marked broken then).
 */
export type CellKind = 'integer' | 'reference' | 'label' | 'unknown';

export type CellVisitor = (kind: CellKind, first: number, last: number) => void;

/** Calls `visit` for each element between `<` and `>`; `first` and `last` are token indices, equal but for expressions. */
export function visitCells(tokens: TokenStream, cells: CellsSyntax, visit: CellVisitor): void {
  const { shape } = tokens;
  for (let at = cellsOpen(cells) + 1; at <= cells.last; at++) {
    switch (shape.charCodeAt(at)) {
      case Shape.number:
      case Shape.character:
        visit('integer', at, at);
        break;
      case Shape.labelReference:
      case Shape.pathReference:
        visit('reference', at, at);
        break;
      case Shape.openParen: {
        const last = closingParen(shape, at, cells.last);
        visit('integer', at, last);
        at = last;
        break;
      }
      case Shape.label:
        visit('label', at, at);
        break;
      case Shape.unknown:
      case Shape.name:
        visit('unknown', at, at);
        break;
    }
  }
}

/** Calls `visit` for each byte and label between `[` and `]`. */
export function visitBytes(
  tokens: TokenStream,
  bytes: BytesSyntax,
  visit: (kind: 'byte' | 'label', token: number) => void,
): void {
  for (let at = bytes.first + 1; at <= bytes.last; at++) {
    const kind = tokens.shape.charCodeAt(at);
    if (kind === Shape.byte) visit('byte', at);
    else if (kind === Shape.label) visit('label', at);
  }
}

/** Calls `visit` for each label in a property's value: before and after values, and inside cell lists and byte strings. */
export function visitValueLabels(tokens: TokenStream, property: PropertySyntax, visit: (token: number) => void): void {
  if (property.values.length === 0) return;
  const { shape } = tokens;
  for (let at = property.name + 1; at < property.last; at++) {
    if (shape.charCodeAt(at) === Shape.label) visit(at);
  }
}

/** Width of a cell list's elements; like dtc, 32 where `/bits/` names another width than these (that is reported by the parser). */
export function cellWidth(tokens: TokenStream, cells: CellsSyntax): 8 | 16 | 32 | 64 {
  if (cells.bits < 0) return 32;
  const bits = literalU32(tokens, cells.bits);
  return bits === 8 || bits === 16 || bits === 64 ? bits : 32;
}

/** The value of a byte token, 0 to 255. */
export function byteValue(tokens: TokenStream, token: number): number {
  const { text } = tokens.files[tokens.file[token]!]!;
  const start = tokens.start[token]!;
  return hexDigit(text.charCodeAt(start)) * 16 + hexDigit(text.charCodeAt(start + 1));
}

/** The `<` of a cell list, which `/bits/ N` may precede. */
function cellsOpen(cells: CellsSyntax): number {
  return cells.bits < 0 ? cells.first : cells.bits + 1;
}

function closingParen(shape: string, open: number, end: number): number {
  let depth = 0;
  for (let at = open; at <= end; at++) {
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openParen) depth++;
    else if (kind === Shape.closeParen && --depth === 0) return at;
  }
  return end;
}

function hexDigit(code: number): number {
  return (code & 15) + (code > 0x40 ? 9 : 0);
}
