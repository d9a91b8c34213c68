// Flags that iasl compiles from the lines below the number (MADT): what it says where the two disagree.
import type { Field, FlagField } from '../layout/field';
import { withFlag } from '../layout/field';
import type { Assembler } from './assembler';
import { evaluate } from './expression';
import { valueOfLine } from './lines';
import type { ProblemEdit } from './problems';

export interface LineOfFlag {
  readonly flag: FlagField;
  readonly line: number;
}

/** Reports a number that is not what its lines make; either can follow the other, as far as the lines can say the number. */
export function reportFlagLines(
  assembler: Assembler,
  field: Field,
  fieldLine: number,
  lines: readonly LineOfFlag[],
  compiled: bigint,
): void {
  const evaluation = evaluate(valueOfLine(assembler.lines, fieldLine), assembler.labels);
  const written = evaluation.kind === 'value' ? evaluation.value : undefined;
  if (written === compiled) return;
  const digits = compiled
    .toString(16)
    .toUpperCase()
    .padStart(2 * field.size, '0');
  const [start, end] = assembler.placeOfValue(fieldLine);
  const message = `In this table iasl compiles the lines below, which make 0x${digits}, and not this number.`;
  const fix = { title: `Set to ${digits}`, start, end, newText: digits };
  const edits = written === undefined ? undefined : editsOfLines(assembler, lines, written);
  const otherFix = edits && { title: 'Set the lines below as this number says', edits };
  assembler.report('table-flag-lines', fieldLine, 'value', message, fix, otherFix);
}

/** Undefined where a bit of the number has no line. */
function editsOfLines(
  assembler: Assembler,
  lines: readonly LineOfFlag[],
  wanted: bigint,
): readonly ProblemEdit[] | undefined {
  let said = 0n;
  const edits = lines.map(({ flag, line }) => {
    const bits = { ...flag, width: flag.lineWidth ?? flag.width };
    const value = (wanted >> BigInt(bits.bit)) & ((1n << BigInt(bits.width)) - 1n);
    said = withFlag(bits, said, value);
    const [start, end] = assembler.placeOfValue(line);
    return {
      start,
      end,
      newText: value
        .toString(16)
        .toUpperCase()
        .padStart(flag.digits ?? 1, '0'),
    };
  });
  return said === wanted ? edits : undefined;
}
