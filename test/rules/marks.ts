// Boards with marks: a comment `//^^^^ warning[rule-id]` points at the columns of the line above it that a diagnostic has.
import assert from 'node:assert/strict';
import type { KernelVersion } from '../../server/src/iova/kernel-profile';
import { exampleSource } from '../../server/src/rules/documentation';
import type { Diagnostic } from '../../server/src/text/diagnostic';
import { positionAt } from '../../server/src/text/source-file';
import { diagnosticsOf, onBoard } from './board';

const mark = /^\s*\/\/ *(\^+) *(\w+)\[([\w-]+)\]\s*$/;

/** Checks that an addition to the board of docs/rules has the marked diagnostics and no others; gives them back. */
export function checkMarks(text: string, kernel?: KernelVersion, settings?: object): readonly Diagnostic[] {
  const found = diagnosticsOf(onBoard(text, settings), kernel);
  const lines = exampleSource(text).split('\n');
  const expected: string[] = [];
  let code = 0;
  for (const [number, line] of lines.entries()) {
    const marked = mark.exec(line);
    if (marked === null) {
      code = number;
      continue;
    }
    const column = line.indexOf('^');
    expected.push(`${code + 1}:${column}-${column + marked[1]!.length} ${marked[2]!}[${marked[3]!}]`);
  }
  assert.deepEqual(found.map(placed).sort(), expected.sort());
  return found;
}

function placed({ range, severity, rule }: Diagnostic): string {
  if (range === undefined) return `- ${severity}[${rule}]`;
  const start = positionAt(range.file, range.start);
  const end = positionAt(range.file, range.end);
  const last = end.line === start.line ? end.character : range.file.text.split('\n')[start.line]!.length;
  return `${start.line + 1}:${start.character}-${last} ${severity}[${rule}]`;
}
