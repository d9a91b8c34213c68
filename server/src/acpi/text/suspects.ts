// Lines whose text needs a second look: what they say is not simply what was compiled. In a text as iasl writes it there are
// none, so whoever compares text and table looks at these alone.
import type { Field, FlagField } from '../layout/field';
import type { Lines } from './lines';
import { meaningAt } from './meanings';
import { columnsOfLine } from './ordinary-lines';

/** Lines and what they came to: see Assembly. */
interface Compiled {
  readonly lines: Lines;
  readonly meanings: Uint16Array;
  readonly offsets: Int32Array;
  readonly sizes: Int32Array;
  readonly bytes: Uint8Array;
}

/**
 * Indices of the lines of integers that are not plain digits, of computed fields that are not as compiled, and of flags that
 * are not as the integer above them says; of the lines from `from` to before `to`.
 */
export function suspectLines(
  { lines, meanings, offsets, sizes, bytes }: Compiled,
  from = 0,
  to = lines.count,
): number[] {
  const { columns, numbers } = lines;
  const { text } = lines.file;
  const found: number[] = [];
  for (let line = from; line < to; line++) {
    const meaning = meaningAt(meanings, line);
    if (meaning === undefined || (meaning.field.kind !== 'integer' && meaning.field.kind !== 'flags')) continue;
    const { field, flag } = meaning;
    const start = columns[line * columnsOfLine + 3]!;
    const end = columns[line * columnsOfLine + 4]!;
    if (!isUsualValue(field, flag, sizes[line]!, start, end)) found.push(line);
    else if (numbers[line]! < 0 && !hasDigits(start, end)) found.push(line);
    else if ((flag !== undefined || field.computed !== undefined) && !isCompiled(line, flag)) found.push(line);
  }
  return found;

  function hasDigits(start: number, end: number): boolean {
    return /^[0-9a-fA-F]*$/.test(text.slice(start, end));
  }

  /** No field that is computed or a flag is longer than 32 bits. */
  function isCompiled(line: number, flag: FlagField | undefined): boolean {
    let compiled = 0;
    for (let at = sizes[line]! - 1; at >= 0; at--) compiled = compiled * 256 + (bytes[offsets[line]! + at] ?? 0);
    if (flag !== undefined) {
      const width = flag.lineWidth ?? flag.width;
      compiled = Math.floor(compiled / 2 ** flag.bit) % 2 ** width;
    }
    return numbers[line] === compiled;
  }
}

/** As many digits as iasl writes. */
function isUsualValue(field: Field, flag: FlagField | undefined, size: number, start: number, end: number): boolean {
  const digits = flag === undefined ? 2 * size : (flag.digits ?? 1);
  // Of 64 bits a number is not exact.
  const isExact = size <= 4 || (flag === undefined && field.computed === undefined);
  return isExact && end - start === digits;
}
