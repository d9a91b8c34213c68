// The one look at each property's tokens while the tree is built: what is rare is noted for later steps, and numbers that
// may not fit are evaluated. Everything else waits until somebody asks for the value.
import { evaluateInteger, smallInteger } from '../syntax/expression';
import type { ProblemSink } from '../syntax/problems';
import { Shape } from '../syntax/shape';
import { stringBytes } from '../syntax/strings';
import type { CellsSyntax, IncbinSyntax, PropertySyntax } from '../syntax/syntax-tree';
import { cellWidth, visitCells } from '../syntax/values';
import { type MergeState, report, tokensAt } from './merge-state';
import type { SourceProperty } from './source-tree';

export function inspectValue(state: MergeState, property: SourceProperty, syntax: PropertySyntax): void {
  const { tokens } = state;
  const { shape } = tokens;
  let needsCheck = false;
  let hasLabels = false;
  for (let at = syntax.name + 1; at < syntax.last; at++) {
    switch (shape.charCodeAt(at)) {
      case Shape.labelReference:
      case Shape.pathReference:
        property.hasReferences = true;
        property.node.hasReferences = true;
        break;
      case Shape.number:
        needsCheck ||= !isPlainNumber(state, at);
        break;
      case Shape.string:
        needsCheck ||= hasEscapes(state, at);
        break;
      case Shape.openParen:
      case Shape.character:
      case Shape.bits:
      case incbinShape:
        needsCheck = true;
        break;
      case Shape.label:
        hasLabels = true;
        break;
    }
  }
  if (hasLabels) state.labelled.push(property);
  if (needsCheck) checkValue(state, property, syntax);
}

const incbinShape = 73; // I
const zero = 48;
const letterX = 120;
const backslash = 92;

/** Surely a good literal that fits in 32 bits: nine decimal or eight hex digits at most, and not octal. */
function isPlainNumber({ tokens }: MergeState, token: number): boolean {
  const start = tokens.start[token]!;
  const size = tokens.end[token]! - start;
  if (size === 1) return true;
  const { text } = tokens.files[tokens.file[token]!]!;
  if (text.charCodeAt(start) !== zero) return size <= 9;
  return size <= 10 && (text.charCodeAt(start + 1) | 32) === letterX;
}

function hasEscapes({ tokens }: MergeState, token: number): boolean {
  const { text } = tokens.files[tokens.file[token]!]!;
  const end = tokens.end[token]!;
  for (let at = tokens.start[token]!; at < end; at++) if (text.charCodeAt(at) === backslash) return true;
  return false;
}

function checkValue(state: MergeState, property: SourceProperty, syntax: PropertySyntax): void {
  const sink = problemSink(state);
  for (const value of syntax.values) {
    if (value.kind === 'cells') checkCells(state, property, value, sink);
    else if (value.kind === 'string') stringBytes(state.tokens, value.first, sink);
    else if (value.kind === 'incbin') checkIncbin(state, property, value, sink);
  }
}

/** dtc-parser.y arrayprefix: the bits above an element's width must all be equal, so that negative numbers pass. */
function checkCells(state: MergeState, property: SourceProperty, cells: CellsSyntax, sink: ProblemSink): void {
  const { tokens } = state;
  const width = cellWidth(tokens, cells);
  const mask = (1n << BigInt(width)) - 1n;
  visitCells(tokens, cells, (kind, first, last) => {
    if (kind !== 'integer') return;
    const small = smallInteger(tokens, first, last);
    if (small >= 0 && small < 2 ** width) return;
    const value = evaluateInteger(tokens, first, last, sink);
    if (value === undefined || value <= mask || (value | mask) === 0xffff_ffff_ffff_ffffn) return;
    const kept = (value & mask).toString(16).padStart(width / 4, '0');
    report(state, 'truncated-value', {
      range: tokensAt(state, first, last),
      node: property.node,
      message: `0x${value.toString(16)} does not fit in ${width} bits: the blob holds 0x${kept}`,
    });
  });
}

function checkIncbin(state: MergeState, property: SourceProperty, syntax: IncbinSyntax, sink: ProblemSink): void {
  const [offset] = [syntax.offset, syntax.length].map(
    (integer) => integer && evaluateInteger(state.tokens, integer.first, integer.last, sink),
  );
  const bytes = property.node.context.incbin(syntax);
  const isNegative = offset !== undefined && offset >> 63n !== 0n;
  if (!('error' in bytes) && !isNegative) return;
  const reason = 'error' in bytes ? bytes.error : 'its offset is negative';
  report(state, 'unreadable-incbin', {
    range: tokensAt(state, syntax.path, syntax.path),
    node: property.node,
    message: `The file cannot be read (${reason}): the property has no value, and dtc refuses the source`,
  });
}

/** Where the evaluation of literals and expressions reports: as a diagnostic of the unit. */
export function problemSink(state: MergeState): ProblemSink {
  return ({ rule, message, first, last }) => {
    const range = tokensAt(state, Math.max(first, 0), Math.max(last, 0));
    state.diagnostics.push({ rule, severity: 'error', range, message });
  };
}
