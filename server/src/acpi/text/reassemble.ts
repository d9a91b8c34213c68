// An edited text to bytes: the nodes before and behind the edit are as they were.
import type { Computed } from '../layout/field';
import type { Slot } from './assembler';
import { Assembler } from './assembler';
import { assembleNodes, setNodeCount } from './assemble-iort';
import { assemble, assemblyOf, setTotals, type Assembly } from './assemble';
import type { ProblemEdit, TableTextProblem } from './problems';
import type { Reread } from './reread-lines';
import { suspectLines } from './suspects';

/** As `assemble` of the lines, which were reread of those of `before`. */
export function reassemble(before: Assembly, reread: Reread): Assembly {
  const { lines, oldTo } = reread;
  const first = before.signature === 'IORT' ? nodeBefore(before, reread.from) : undefined;
  if (first === undefined || before.labels.size > 0 || before.ownProblems.length > mostProblems) return assemble(lines);
  const next = nodeFrom(before, oldTo + 1);
  const { structures } = before;
  const from = structures.firstLineOf(first);
  if (before.decidedStyle === undefined || before.styleLine >= from) return assemble(lines);
  const slots: ReadonlyMap<Computed, Slot> = before.slots;
  const assembler = new Assembler(lines, { compilesFlags: false });
  assembler.resume(cutBefore(before, first));
  const oldEnd = next === undefined ? before.lines.count : structures.firstLineOf(next);
  const end = oldEnd - before.lines.count + lines.count;
  assembleNodes(assembler, assembler.structures.nodeCount, end);
  if (next !== undefined) {
    if (assembler.peek() !== end) return assemble(lines);
    assembler.takeOver(cutBefore(before, next), before.lines.count);
  }
  setNodeCount(assembler, slots);
  setTotals(assembler, slots);
  const added = assembler.structures.count - structures.count;
  const owner = ({ structure = 0 }: TableTextProblem) => structure;
  assembler.problems.unshift(...before.ownProblems.filter((problem) => owner(problem) < first));
  assembler.problems.push(
    ...before.ownProblems
      .filter((problem) => owner(problem) >= (next ?? Infinity))
      .map((problem) => moved(problem, reread.delta, added)),
  );
  const assembly = assemblyOf(assembler, before.signature, slots);
  return { ...assembly, suspects: suspectsAfter(before, assembly, { from, oldEnd, end }) };
}

/** Those of the header, whose fields tell of the whole table, and of the nodes that were read again; the others have moved. */
function suspectsAfter(
  before: Assembly,
  assembly: Assembly,
  { from, oldEnd, end }: { readonly from: number; readonly oldEnd: number; readonly end: number },
): () => readonly number[] {
  const earlier = before.suspects();
  const header = Math.min(from, assembly.structures.firstLineOf(nodeFrom(assembly, 0)!));
  const all = [
    ...suspectLines(assembly, 0, header),
    ...earlier.filter((line) => line >= header && line < from),
    ...suspectLines(assembly, from, end),
    ...earlier.filter((line) => line >= oldEnd).map((line) => line - oldEnd + end),
  ];
  return () => all;
}

/** More than that are sooner found anew. */
const mostProblems = 1000;

function cutBefore(before: Assembly, structure: number) {
  const { structures, decidedStyle: style } = before;
  return {
    ...before,
    structure,
    lines: structures.firstLineOf(structure),
    size: structures.offsetOf(structure),
    style,
  };
}

/** The last node, by its index among the structures, that begins before a line and not on it. */
function nodeBefore({ structures }: Assembly, line: number): number | undefined {
  let found: number | undefined;
  for (let index = 0; index < structures.count && structures.firstLineOf(index) < line; index++) {
    if (structures.isNode(index)) found = index;
  }
  return found;
}

/** The first node that begins at a line or behind it. */
function nodeFrom({ structures }: Assembly, line: number): number | undefined {
  for (let index = 0; index < structures.count; index++) {
    if (structures.isNode(index) && structures.firstLineOf(index) >= line) return index;
  }
  return undefined;
}

function moved(problem: TableTextProblem, delta: number, structures: number): TableTextProblem {
  const { fix, otherFix } = problem;
  const move = <T extends ProblemEdit>(edit: T): T => ({ ...edit, start: edit.start + delta, end: edit.end + delta });
  return {
    ...problem,
    start: problem.start + delta,
    end: problem.end + delta,
    structure: (problem.structure ?? 0) + structures,
    fix: fix && move(fix),
    ...(otherFix && { otherFix: { ...otherFix, edits: otherFix.edits.map(move) } }),
  };
}
