// The line of a field where the next one is another: iasl gives up in a cascade, and here the lines that fit are found again.
import { lineEndAt } from '../../text/source-file';
import type { Field } from '../layout/field';
import type { Assembler, SkippedLines } from './assembler';
import { hasName, isOwnLine, isVoid, nameOfLine } from './lines';
import type { ProblemFix } from './problems';
import { columnsOfLine } from './line-columns';

/** The line of a field: the next one, or, where that is another, what mends the text with the least. */
export function lineFor(assembler: Assembler, label: string, later: readonly Field[]): number | 'missing' | undefined {
  const line = assembler.peek();
  if (line < 0) return undefined;
  if (hasName(assembler.lines, line, label)) return assembler.take();
  const found = nameOfLine(assembler.lines, line);
  if (beginsStructure(found) || later.some((each) => each.label === found)) {
    missing(assembler, label, line);
    return 'missing';
  }
  assembler.take();
  if (assembler.nextHasName(label)) {
    assembler.readOnAt(line);
    skipUnexpected(assembler, `“${label}”`);
    return assembler.take();
  }
  assembler.readOnAt(line + 1);
  const fix = replaceName(assembler, line, label);
  assembler.report('table-line-unexpected', line, 'name', `“${found}” stands where “${label}” is expected.`, fix);
  return line;
}

function beginsStructure(name: string): boolean {
  return name === 'Type' || name === 'Input base' || name === 'Subtable Type' || name === 'Base Address of RMR';
}

function replaceName(assembler: Assembler, line: number, label: string): ProblemFix {
  const at = line * columnsOfLine;
  const [, start, end] = assembler.lines.columns.subarray(at, at + 3);
  return { title: `Change to “${label}”`, start: start!, end: end!, newText: label };
}

/** A field that should stand before the next line. */
export function reportMissing(assembler: Assembler, label: string): void {
  missing(assembler, label, assembler.peek());
}

/** A field without a line: reported where the line should stand. */
export function missing(assembler: Assembler, label: string, before = -1): void {
  const at = before * columnsOfLine;
  const { columns, parts, text, textStart } = assembler.lines;
  const textEnd = parts.end;
  const last = assembler.lines.count - 1;
  const start = before >= 0 ? columns[at]! : textEnd;
  const lineEnd = lineEndAt(text, start - textStart);
  const newText = `${`${label} : `.padStart(46)}0${lineEnd}`;
  const shown = before >= 0 ? columns[at + 5]! : textEnd;
  const place = before >= 0 || last < 0 ? start : columns[last * columnsOfLine]!;
  const end = before >= 0 || last < 0 ? shown : columns[last * columnsOfLine + 5]!;
  const where = before >= 0 ? 'before this line' : 'behind the last line';
  const message = `The field “${label}” is missing ${where}.`;
  const fix = before < 0 ? undefined : { title: `Insert “${label}”`, start, end: start, newText };
  const structure = assembler.structures.count - 1;
  assembler.problems.push({ rule: 'table-line-missing', start: place, end, message, fix, structure });
}

/** A line that no structure asks for. Those behind it that are asked for no more are counted rather than told each. */
export function skipUnexpected(assembler: Assembler, expected: string): void {
  const line = assembler.take();
  const found = nameOfLine(assembler.lines, line);
  if (isOwnLine(assembler.lines, line)) {
    assembler.report('table-own-line', line, 'whole', `Nothing at this place is called “${found}”.`);
    return;
  }
  const run = runBefore(assembler, line);
  if (run !== undefined) {
    const first = assembler.problems[run.problem]!;
    assembler.problems[run.problem] = { ...first, alike: (first.alike ?? 0) + 1 };
    run.names.push(found);
    run.last = line;
    return;
  }
  assembler.report('table-line-unexpected', line, 'name', `“${found}” stands where ${expected} is expected.`);
  assembler.skipped = { problem: assembler.problems.length - 1, first: line, last: line, names: [found] };
}

/** The lines that were not asked for, if they end before this one: what stands between has no value. */
function runBefore({ lines, skipped, problems }: Assembler, line: number): SkippedLines | undefined {
  if (skipped?.problem !== problems.length - 1) return undefined;
  let next = skipped.last + 1;
  while (next < line && isVoid(lines, next)) next++;
  return next === line ? skipped : undefined;
}
