// What a text came to, in a form in which two texts can be compared.
import type { Assembly } from '../../../server/src/acpi/text/assemble';

export function plainAssembly(assembly: Assembly): unknown {
  const { lines, parts, bytes, structures, suspects, ...other } = assembly;
  const { problems, ownProblems, ...rest } = other;
  const inOrder = [...problems].sort((a, b) => a.start - b.start || a.message.localeCompare(b.message));
  const ofLines = Array.from({ length: lines.count }, (_, line) => [
    lines.textLine(parts.file, line),
    lines.value(parts.file, line),
    lines.isOdd(line),
    [lines.meaning(line), lines.offset(line), lines.size(line), lines.structureOf(line)],
  ]);
  return {
    ...rest,
    parts: { ...parts, file: parts.file.text, comments: [...parts.comments] },
    ofLines,
    bytes: Buffer.from(bytes).toString('hex'),
    structures: structures.all(),
    nodes: structures.nodeCount,
    suspects: suspects(),
    problems: inOrder,
    own: ownProblems.length,
  };
}
