// An edited text to bytes: the nodes before and behind the edit are as they were.
import { Assembler } from './assembler';
import { assembleNodes, setNodeCount } from './assemble-iort';
import { assemble, setTotals, type Assembly } from './assemble';
import type { TableTextProblem } from './problems';
import { linesAfter, linesAround, type Reread } from './reread-lines';
import { scanProblems } from './scan-problems';
import { suspectLines } from './suspects';

/** Lines behind a node that are there when it is assembled: mending a text looks a few lines ahead. */
const ahead = 16;

/** As `assemble` of the lines, which were reread of those of `before`. */
export function reassemble(before: Assembly, reread: Reread): Assembly {
  return reassembledNodes(before, reread) ?? assemble(linesAfter(reread, before.lines));
}

/** Undefined where the nodes around the edit do not stand for themselves. */
function reassembledNodes(before: Assembly, reread: Reread): Assembly | undefined {
  const { structures, lines: oldLines } = before;
  const first = before.signature === 'IORT' ? structures.nodeBefore(reread.from) : -1;
  if (first < 0 || before.labels.size > 0 || before.ownProblems.length > mostProblems) return undefined;
  const from = structures.firstLineOf(first);
  if (before.decidedStyle === undefined || before.styleLine >= from) return undefined;
  const next = structures.nodeFrom(reread.oldTo + 1);
  const hasNext = next < structures.count;
  const oldEnd = hasNext ? structures.firstLineOf(next) : oldLines.count;
  const cut = Math.min(oldEnd + ahead, oldLines.count);
  const around = linesAround(reread, oldLines, from, cut);
  const end = oldEnd - cut + around.count;
  const assembler = new Assembler(around, { compilesFlags: false, isCut: cut < oldLines.count });
  assembler.resume({ bytes: before.bytes.subarray(0, structures.offsetOf(first)), style: before.decidedStyle });
  assembleNodes(assembler, structures.nodesBefore(first), end);
  if (assembler.ranOut || (hasNext && assembler.peek() !== end)) return undefined;
  const put = assembler.columns(end);
  const shift = {
    lines: from + end - oldEnd,
    bytes: assembler.size - (hasNext ? structures.offsetOf(next) : before.bytes.length),
    structures: first + assembler.structures.count - next,
  };
  if (hasNext) assembler.append(before.bytes.subarray(structures.offsetOf(next)));
  const after = structures.spliced(first, next, assembler.structures, from, shift);
  if (after.nodeCount === 0) return undefined;
  setNodeCount(assembler, before.slots, after.nodeCount);
  setTotals(assembler, before.slots);
  const moved = { text: reread.delta, bytes: shift.bytes, structures: shift.structures };
  const ownProblems = problemsAfter(before, assembler.problems, { first, next, moved });
  const assembly = {
    ...before,
    lines: oldLines.spliced(from, oldEnd, put, first, moved),
    parts: reread.parts,
    bytes: assembler.bytes(),
    problems: [...scanProblems(reread.parts), ...ownProblems],
    ownProblems,
    structures: after,
  };
  return { ...assembly, suspects: suspectsAfter(before, assembly, { from, oldEnd, end: from + end }) };
}

/** Those of the header, whose fields tell of the whole table, and of the nodes that were read again; the others have moved. */
function suspectsAfter(
  before: Assembly,
  assembly: Omit<Assembly, 'suspects'>,
  { from, oldEnd, end }: { readonly from: number; readonly oldEnd: number; readonly end: number },
): () => readonly number[] {
  const earlier = before.suspects();
  const header = Math.min(from, assembly.structures.firstLineOf(assembly.structures.nodeFrom(0)));
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

/** Problems with what stands before the nodes that were read again, with these, and with what has moved behind them. */
function problemsAfter(
  before: Assembly,
  found: readonly TableTextProblem[],
  {
    first,
    next,
    moved: { text, structures },
  }: {
    readonly first: number;
    readonly next: number;
    readonly moved: { readonly text: number; readonly structures: number };
  },
): readonly TableTextProblem[] {
  const owner = ({ structure = 0 }: TableTextProblem) => structure;
  return [
    ...before.ownProblems.filter((problem) => owner(problem) < first),
    ...found.map((problem) => moved(problem, 0, first)),
    ...before.ownProblems
      .filter((problem) => owner(problem) >= next)
      .map((problem) => moved(problem, text, structures)),
  ];
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
