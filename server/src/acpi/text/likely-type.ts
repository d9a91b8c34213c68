// What a node is meant to be whose type is unknown, half typed or missing: its lines have the names of one type's fields.
import type { Field } from '../layout/field';
import { bodyLayout, nodeTypes } from '../layout/iort';
import { itsIdentifier } from '../layout/iort-nodes';
import type { Assembler } from './assembler';
import { hasName, isVoid } from './lines';

/** Offers the type that the lines which a node has no use for are of; undefined for lines that stand before all nodes. */
export function suggestType(
  assembler: Assembler,
  node: { readonly typeLine: number; readonly type: number } | undefined,
): void {
  const run = assembler.skipped;
  if (run === undefined || run.first < (node?.typeLine ?? 0)) return;
  const { lines } = assembler;
  const lineBefore = run.first - 1;
  const isOpen = lineBefore >= 0 && isVoid(lines, lineBefore) && hasName(lines, lineBefore, 'Type');
  const typeLine = isOpen ? lineBefore : node?.typeLine;
  const likely = likelyType(run.names);
  if (likely === undefined || typeLine === undefined || (!isOpen && likely === node?.type)) return;
  const [start, end] = assembler.placeOfValue(typeLine);
  const digits = likely.toString(16).toUpperCase().padStart(2, '0');
  const isTight = lines.text.charAt(start - lines.textStart - 1) === ':';
  const title = `Set the type to ${digits}: ${nodeTypes[likely]!.name}`;
  const fix = { title, start, end, newText: `${isTight ? ' ' : ''}${digits}` };
  const { problems } = assembler;
  problems[run.problem] = { ...problems[run.problem]!, fix };
  const before = problems[run.problem - 1];
  if (before?.rule === 'table-node-unknown' && before.start === start) problems[run.problem - 1] = { ...before, fix };
}

/** The type that knows the most of these names, if it is one alone, and knows two of them. */
function likelyType(names: readonly string[]): number | undefined {
  labelsOfTypes ??= nodeTypes.map(({ value }) => labelsOf(Number(value)));
  const scores = labelsOfTypes.map((labels) => names.filter((name) => labels.has(name)).length);
  const best = Math.max(...scores);
  return best >= 2 && scores.indexOf(best) === scores.lastIndexOf(best) ? scores.indexOf(best) : undefined;
}

/** By type, the names of its lines. */
let labelsOfTypes: readonly ReadonlySet<string>[] | undefined;

function labelsOf(type: number): ReadonlySet<string> {
  const labels = (bodyLayout(type)?.fields ?? []).flatMap(({ label, flags = [] }: Field) => [
    label,
    ...flags.map((flag) => flag.label),
  ]);
  return new Set(type === 0 ? [...labels, itsIdentifier.label] : labels);
}
