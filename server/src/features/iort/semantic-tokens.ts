// Colours that need to know what a line means: names of fields and of flags, values that name nodes or things, what the
// compiler computes, and lines that it does not read.
import type { TableDocument } from '../../acpi/text/document';
import type { TextField } from '../../acpi/text/table-text';
import { lineStarts, positionAt } from '../../text/source-file';

export const tokenTypes = ['property', 'decorator', 'number', 'string', 'enumMember', 'variable', 'comment'] as const;
/** `readonly`: what a compiler computes. `deprecated`: what it does not read. */
export const tokenModifiers = ['readonly', 'deprecated'] as const;

type TokenType = (typeof tokenTypes)[number];
const typeNumbers = Object.fromEntries(tokenTypes.map((type, index) => [type, index])) as Record<TokenType, number>;

interface Token {
  readonly start: number;
  readonly end: number;
  readonly type: TokenType;
  readonly modifiers: number;
}

const readonly = 1;
const deprecated = 2;

/** The tokens of a part of the text in the protocol's form: five numbers each, places relative to the one before. */
export function semanticTokens({ file, syntax }: TableDocument, from: number, to: number): readonly number[] {
  const starts = lineStarts(file);
  const data: number[] = [];
  const shown = syntax.linesBetween(from, to);
  // Lines of the text: tokens come in order.
  let row = positionAt(file, shown[0]?.line.start ?? 0).line;
  let lastRow = 0;
  let lastCharacter = 0;
  const put = (start: number, end: number, { type, modifiers }: Token): void => {
    const character = start - starts[row]!;
    data.push(row - lastRow, row === lastRow ? character - lastCharacter : character);
    data.push(end - start, typeNumbers[type], modifiers);
    lastRow = row;
    lastCharacter = character;
  };
  for (const { line, field } of shown) {
    const unreadName = { ...unread, start: line.nameStart, end: line.nameEnd };
    for (const token of field === undefined ? [unreadName] : tokensOf(field)) {
      // A token stays on its line; a list of bytes may go over several.
      for (let { start } = token; start < token.end;) {
        while (row + 1 < starts.length && starts[row + 1]! <= start) row++;
        const next = starts[row + 1] ?? file.text.length + 1;
        const end = Math.min(token.end, next - 1);
        if (end > start) put(start, end, token);
        start = next;
      }
    }
  }
  return data;
}

const unread: Token = { start: 0, end: 0, type: 'property', modifiers: deprecated };

function tokensOf(text: TextField): readonly Token[] {
  const { line, flag, field } = text;
  const computed = flag === undefined && field.computed !== undefined ? readonly : 0;
  const name: Token = {
    start: line.nameStart,
    end: line.nameEnd,
    type: flag === undefined ? 'property' : 'decorator',
    modifiers: computed,
  };
  const type = valueType(text);
  const value = { start: line.valueStart, end: line.valueEnd, type, modifiers: computed };
  return value.end > value.start ? [name, value] : [name];
}

function valueType({ field, flag, line }: TextField): TokenType {
  if (field.kind === 'heading') return 'comment';
  if (line.isQuoted) return 'string';
  if (flag === undefined && field.reference === 'table-offset') return 'variable';
  return (flag ?? field).values === undefined ? 'number' : 'enumMember';
}
