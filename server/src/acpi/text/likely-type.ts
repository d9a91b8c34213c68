// What a node is meant to be whose type is unknown, half typed or missing: its lines have the names of one type's fields.
import type { Field } from '../layout/field';
import { bodyLayout, nodeTypes } from '../layout/iort';
import { itsIdentifier } from '../layout/iort-nodes';

/** The type that knows the most of these names, if it is one alone, and knows two of them. */
export function likelyType(names: readonly string[]): number | undefined {
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
