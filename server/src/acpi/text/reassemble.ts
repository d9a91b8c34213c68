// An edited text to bytes: the nodes before and behind the edit are as they were.
import type { Computed } from '../layout/field';
import type { Slot } from './assembler';
import { Assembler } from './assembler';
import { assembleNodes, setNodeCount } from './assemble-iort';
import { assemble, assemblyOf, setTotals, type Assembly } from './assemble';
import type { TableTextProblem } from './problems';
import type { Reread } from './reread-lines';

/** As `assemble` of the lines, which were reread of those of `before`. */
export function reassemble(before: Assembly, reread: Reread): Assembly {
  const { lines, oldTo } = reread;
  const first = before.signature === 'IORT' ? nodeBefore(before, reread.from) : undefined;
  if (first === undefined || before.labels.size > 0 || before.ownProblems.length > mostProblems) return assemble(lines);
  const next = nodeFrom(before, oldTo + 1);
  const start = before.structures[first]!;
  if (before.decidedStyle === undefined || before.styleLine >= start.firstLine) return assemble(lines);
  const slots: ReadonlyMap<Computed, Slot> = before.slots;
  const assembler = new Assembler(lines, { compilesFlags: false });
  assembler.resume(cutBefore(before, first));
  const nodes = before.structures.slice(0, first).filter(({ kind }) => kind === 'node').length;
  const oldEnd = next === undefined ? before.lines.count : before.structures[next]!.firstLine;
  const end = oldEnd - before.lines.count + lines.count;
  assembleNodes(assembler, nodes, end);
  if (next !== undefined) {
    if (assembler.peek() !== end) return assemble(lines);
    assembler.takeOver(cutBefore(before, next), before.lines.count);
  }
  setNodeCount(assembler, slots);
  setTotals(assembler, slots);
  const structures = assembler.structures.length - before.structures.length;
  const owner = ({ structure = 0 }: TableTextProblem) => structure;
  assembler.problems.unshift(...before.ownProblems.filter((problem) => owner(problem) < first));
  assembler.problems.push(
    ...before.ownProblems
      .filter((problem) => owner(problem) >= (next ?? Infinity))
      .map((problem) => moved(problem, reread.delta, structures)),
  );
  return assemblyOf(assembler, before.signature, slots);
}

/** More than that are sooner found anew. */
const mostProblems = 1000;

function cutBefore(before: Assembly, structure: number) {
  const { offset: size, firstLine: lines } = before.structures[structure]!;
  return { ...before, structure, lines, size, style: before.decidedStyle };
}

/** The last node, by its index among the structures, that begins before a line and not on it. */
function nodeBefore({ structures }: Assembly, line: number): number | undefined {
  let found: number | undefined;
  for (let index = 0; index < structures.length && structures[index]!.firstLine < line; index++) {
    if (structures[index]!.kind === 'node') found = index;
  }
  return found;
}

/** The first node that begins at a line or behind it. */
function nodeFrom({ structures }: Assembly, line: number): number | undefined {
  const found = structures.findIndex(({ kind, firstLine }) => kind === 'node' && firstLine >= line);
  return found < 0 ? undefined : found;
}

function moved(problem: TableTextProblem, delta: number, structures: number): TableTextProblem {
  const { fix } = problem;
  return {
    ...problem,
    start: problem.start + delta,
    end: problem.end + delta,
    structure: (problem.structure ?? 0) + structures,
    fix: fix && { ...fix, start: fix.start + delta, end: fix.end + delta },
  };
}
