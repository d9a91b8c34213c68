// `/memreserve/` entries.
import { tokenName, tokensRange } from '../preprocess/token-stream';
import { evaluateInteger } from '../syntax/expression';
import type { IntegerSyntax, MemoryReserveSyntax } from '../syntax/syntax-tree';
import { problemSink } from './inspect-value';
import type { MergeState } from './merge-state';
import type { MemoryReservation } from './model';

export function reservation(state: MergeState, syntax: MemoryReserveSyntax): MemoryReservation {
  const { tokens } = state;
  const value = (integer: IntegerSyntax | undefined): bigint =>
    (integer && evaluateInteger(tokens, integer.first, integer.last, problemSink(state))) ?? 0n;
  return {
    address: value(syntax.address),
    size: value(syntax.size),
    labels: syntax.labels.map((label) => tokenName(tokens, label)),
    source: tokensRange(tokens, syntax.first, syntax.last),
  };
}
