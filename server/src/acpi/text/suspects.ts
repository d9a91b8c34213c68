// Lines whose text needs a second look: what they say is not simply what was compiled. In a text as iasl writes it there are
// none, so whoever compares text and table looks at these alone.
import { textBetween, type SourceFile } from '../../text/source-file';
import type { Field, FlagField } from '../layout/field';
import type { CompiledLines, Piece } from './compiled-lines';
import { meaningAt } from './meanings';
import { columnsOfLine } from './line-columns';

/** A text's lines and what they came to: see Assembly. */
interface Compiled {
  readonly lines: CompiledLines;
  readonly parts: { readonly file: SourceFile };
  readonly bytes: Uint8Array;
}

/**
 * Indices of the lines of integers that are not plain digits, of computed fields that are not as compiled, and of flags that
 * are not as the integer above them says; of the lines from `from` to before `to`.
 */
export function suspectLines({ lines, parts, bytes }: Compiled, from = 0, to = lines.count): number[] {
  const found: number[] = [];
  let line = from;
  for (const piece of lines.piecesBetween(from, to)) {
    for (const at of suspectsOf(piece, parts.file, bytes)) found.push(line + at);
    line += piece.count;
  }
  return found;
}

/** Indices from the piece's first line. */
function suspectsOf(piece: Piece, file: SourceFile, bytes: Uint8Array): number[] {
  const { columns, numbers, meanings, offsets, sizes } = piece.columns;
  const found: number[] = [];
  const end = piece.from + piece.count;
  for (let line = piece.from; line < end; line++) {
    const meaning = meaningAt(meanings[line]!);
    if (meaning === undefined || (meaning.field.kind !== 'integer' && meaning.field.kind !== 'flags')) continue;
    const { field, flag } = meaning;
    const valueStart = columns[line * columnsOfLine + 3]!;
    const valueEnd = columns[line * columnsOfLine + 4]!;
    const isSuspect =
      !isUsualValue(field, flag, sizes[line]!, valueStart, valueEnd) ||
      (numbers[line]! < 0 && !hasDigits(valueStart, valueEnd)) ||
      ((flag !== undefined || field.computed !== undefined) && !isCompiled(line, flag));
    if (isSuspect) found.push(line - piece.from);
  }
  return found;

  function hasDigits(from: number, to: number): boolean {
    return /^[0-9a-fA-F]*$/.test(textBetween(file, from + piece.text, to + piece.text));
  }

  /** No field that is computed or a flag is longer than 32 bits. */
  function isCompiled(line: number, flag: FlagField | undefined): boolean {
    let compiled = 0;
    const offset = offsets[line]! + piece.bytes;
    for (let at = sizes[line]! - 1; at >= 0; at--) compiled = compiled * 256 + (bytes[offset + at] ?? 0);
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
