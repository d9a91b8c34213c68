// Colours that need to know what a line means: names of fields and of flags, values that name nodes or things, what the
// compiler computes, and lines that it does not read.
import type { Field, FlagField } from '../../acpi/layout/field';
import type { TableDocument } from '../../acpi/text/document';
import type { TextField } from '../../acpi/text/table-text';
import { oncePer } from '../../text/once';
import { lineStarts, positionAt } from '../../text/source-file';

export const tokenTypes = ['property', 'decorator', 'number', 'string', 'enumMember', 'variable', 'comment'] as const;
/** `readonly`: what a compiler computes. `deprecated`: what it does not read. */
export const tokenModifiers = ['readonly', 'deprecated'] as const;

type TokenType = (typeof tokenTypes)[number];
const typeNumbers = Object.fromEntries(tokenTypes.map((type, index) => [type, index])) as Record<TokenType, number>;

/** What a line's name and its value look like, as numbers of types and modifiers. */
interface Paint {
  readonly name: number;
  readonly value: number;
  readonly modifiers: number;
}

const readonly = 1;
const deprecated = 2;

/** Takes a token: its line, character and length, and its type and modifiers as numbers. */
export type PutToken = (line: number, character: number, length: number, type: number, modifiers: number) => void;

/** The tokens of a part of the text, in order. */
export function semanticTokens({ file, syntax }: TableDocument, from: number, to: number, put: PutToken): void {
  const { places } = syntax;
  const starts = lineStarts(file);
  const [first, end] = places.between(from, to);
  // Lines of the text: tokens come in order.
  let row = first < end ? positionAt(file, places.place(first, 'start')).line : 0;
  /** A token stays on its line; a list of bytes may go over several. */
  const putLines = (tokenStart: number, tokenEnd: number, type: number, modifiers: number): void => {
    for (let start = tokenStart; start < tokenEnd;) {
      while (row + 1 < starts.length && starts[row + 1]! <= start) row++;
      const next = starts[row + 1] ?? tokenEnd + 1;
      const last = Math.min(tokenEnd, next - 1);
      if (last > start) put(row, start - starts[row]!, last - start, type, modifiers);
      start = next;
    }
  };
  for (let line = first; line < end; line++) {
    const meaning = places.meaning(line);
    const { name, value, modifiers } = meaning === undefined ? unread : paintOf(meaning);
    putLines(places.place(line, 'nameStart'), places.place(line, 'nameEnd'), name, modifiers);
    if (meaning === undefined) continue;
    const type = value !== typeNumbers.comment && places.isQuoted(line) ? typeNumbers.string : value;
    putLines(places.place(line, 'valueStart'), places.place(line, 'valueEnd'), type, modifiers);
  }
}

const unread: Paint = { name: typeNumbers.property, value: typeNumbers.number, modifiers: deprecated };

const paintOf = oncePer(({ field, flag }: Pick<TextField, 'field' | 'flag'>): Paint => {
  const isComputed = flag === undefined && field.computed !== undefined;
  return {
    name: typeNumbers[flag === undefined ? 'property' : 'decorator'],
    value: typeNumbers[valueType(field, flag)],
    modifiers: isComputed ? readonly : 0,
  };
});

function valueType(field: Field, flag: FlagField | undefined): TokenType {
  if (field.kind === 'heading') return 'comment';
  if (flag === undefined && field.reference === 'table-offset') return 'variable';
  return (flag ?? field).values === undefined ? 'number' : 'enumMember';
}
