// Lines whose text needs a second look: what they say is not simply what was compiled. In a text as iasl writes it there are
// none, so whoever compares text and table looks at these alone.
import type { Field, FlagField } from '../layout/field';
import type { Assembly } from './assemble';
import { columnsOfLine } from './scan';

/**
 * Indices of the lines of integers that are not plain digits, of computed fields that are not as compiled, and of flags that
 * are not as the integer above them says. Takes time in proportion to the lines; an edit of a large table can afford it.
 */
export function suspectLines({ lines, fields, flags, offsets, sizes, bytes }: Assembly): number[] {
  const { text } = lines.file;
  const { columns } = lines;
  const found: number[] = [];
  for (let line = 0; line < lines.count; line++) {
    const field = fields[line];
    if (field === undefined || (field.kind !== 'integer' && field.kind !== 'flags')) continue;
    const start = columns[line * columnsOfLine + 3]!;
    const end = columns[line * columnsOfLine + 4]!;
    const isUsual = isUsualValue(field, flags[line], sizes[line]!, start, end);
    if (!isUsual || !hasDigits(start, end)) found.push(line);
    else if ((flags[line] !== undefined || field.computed !== undefined) && !isCompiled(line, start, end))
      found.push(line);
  }
  return found;

  function hasDigits(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (digitAt(at) < 0) return false;
    return true;
  }

  function digitAt(at: number): number {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) return code - 48;
    if (code >= 65 && code <= 70) return code - 55;
    return code >= 97 && code <= 102 ? code - 87 : -1;
  }

  /** Compares from the last digit and the lowest byte on; no field that is computed or a flag is longer than 32 bits. */
  function isCompiled(line: number, start: number, end: number): boolean {
    let compiled = 0;
    for (let at = sizes[line]! - 1; at >= 0; at--) compiled = compiled * 256 + (bytes[offsets[line]! + at] ?? 0);
    const flag = flags[line];
    if (flag !== undefined) {
      const width = flag.lineWidth ?? flag.width;
      compiled = Math.floor(compiled / 2 ** flag.bit) % 2 ** width;
    }
    let written = 0;
    for (let at = start; at < end; at++) written = written * 16 + digitAt(at);
    return written === compiled;
  }
}

/** As many digits as iasl writes. */
function isUsualValue(field: Field, flag: FlagField | undefined, size: number, start: number, end: number): boolean {
  const digits = flag === undefined ? 2 * size : (flag.digits ?? 1);
  // Of 64 bits a number is not exact.
  const isExact = size <= 4 || (flag === undefined && field.computed === undefined);
  return isExact && end - start === digits;
}
