// Tokens that expansion makes: pasted with `##`, turned into strings with `#`, computed; and where they must not touch.
import type { PpToken } from './pp-token';
import { lexScratch, PpKind } from './lexer';

/** A token that no file holds. Text that is several tokens becomes several. */
export function made(text: string, space: boolean, expansion: number): PpToken[] {
  const lexed = lexScratch(text);
  const tokens: PpToken[] = [];
  for (let token = 0; token < lexed.count; token++) {
    tokens.push({
      kind: lexed.kind[token]!,
      name: lexed.name[token]!,
      text: text.slice(lexed.start[token], lexed.end[token]),
      file: 0,
      start: 0,
      end: 0,
      space: token === 0 && space,
      hasOwnSpace: token === 0 && space,
      mayPaste: false,
      isPainted: false,
      expansion,
    });
  }
  return tokens;
}

/** Operators of two characters, which dtc's lexer puts together itself. */
const operators = ['<<', '>>', '<=', '>=', '==', '!=', '&&', '||', '##', '++', '--', '->'];

/** Two tokens as one, undefined where they make no token; in assembler mode gcc then leaves both (libcpp paste_tokens). */
export function paste(left: PpToken, right: PpToken, expansion: number): PpToken | undefined {
  const text = left.text + right.text;
  if (operators.includes(text))
    return {
      ...right,
      kind: PpKind.punctuation,
      text,
      file: 0,
      start: 0,
      end: 0,
      space: left.space,
      mayPaste: left.mayPaste,
      expansion,
    };
  const [token, second] = made(text, left.space, expansion);
  if (token?.text.length !== text.length || second !== undefined) return undefined;
  return { ...token, mayPaste: left.mayPaste };
}

/** An argument as a string (libcpp stringify_arg): blanks are one space, quotes and backslashes inside literals are escaped. */
export function stringified(argument: readonly PpToken[]): string {
  let text = '';
  argument.forEach((token, index) => {
    if (index > 0 && token.space) text += ' ';
    const isLiteral = token.kind === PpKind.string || token.kind === PpKind.character;
    text += isLiteral ? token.text.replace(/["\\]/g, '\\$&') : token.text;
  });
  return `"${text}"`;
}

/**
 * Whether gcc prints a blank between two tokens that an expansion brought together, since they would be read as one
 * (libcpp/lex.cc cpp_avoid_paste).
 */
export function needsBlank(left: PpToken, right: PpToken): boolean {
  const first = right.text.charAt(0);
  switch (left.kind) {
    case PpKind.identifier:
      return (
        right.kind === PpKind.identifier ||
        right.kind === PpKind.character ||
        right.kind === PpKind.string ||
        // libcpp's name_p: a number that could go on a name
        ((right.kind === PpKind.integer || right.kind === PpKind.oddNumber) && /^\w+$/.test(right.text))
      );
    case PpKind.integer:
    case PpKind.oddNumber:
      return (
        right.kind === PpKind.integer ||
        right.kind === PpKind.oddNumber ||
        right.kind === PpKind.identifier ||
        right.kind === PpKind.character ||
        first === '.' ||
        first === '+' ||
        first === '-'
      );
    default:
      break;
  }
  if (left.text.length !== 1) return false;
  if (left.text === '\\' && right.kind === PpKind.identifier) return true;
  if (first === '=' && '=!<>+-*/%&|^'.includes(left.text)) return true;
  const partners = pasting[left.text];
  if (partners?.includes(first) === true) return true;
  return left.text === '.' && (right.kind === PpKind.integer || right.kind === PpKind.oddNumber);
}

const pasting: Readonly<Partial<Record<string, string>>> = {
  '>': '>',
  '<': '<%:',
  '+': '+',
  '-': '->',
  '/': '/*',
  '%': ':%',
  '&': '&',
  '|': '|',
  ':': ':>',
  '.': '.%',
  '#': '#%',
};
