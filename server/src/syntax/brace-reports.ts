// What is said of a `}` that is missing or one too many where the lines of a file show which one.
import { tokenText, type TokenStream } from '../preprocess/token-stream';
import { problemAt } from './problems';
import { quoted, type Reporter } from './reporter';

/** The nodes opened at `nodes`, from the innermost out, end before token `at` without their `}`. */
export function reportMissingBraces(
  tokens: TokenStream,
  at: number,
  nodes: readonly number[],
  { add, missing, textOf }: Reporter,
): void {
  const names = nodes.map((open) => quoted(nameOfBlock(tokens, open)));
  const isNextInFile = at < tokens.count && tokens.file[at] === tokens.file[nodes[0]!];
  const next = isNextInFile ? ` before ${textOf(at, at)}` : '';
  const why = `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} not closed${next}`;
  const related = { token: nodes[0]!, message: 'It opens here.' };
  if (isNextInFile && tokens.file[at - 1] !== tokens.file[at]) {
    // Behind an #include: nothing can be put behind the last token, which lies in the other file.
    const insert = '}; '.repeat(nodes.length);
    add({ ...problemAt('syntax-missing-brace', at, `Expected \`};\` before this: ${why}.`), insert, related });
    return;
  }
  const text = nodes.map((open) => closingText(tokens, open, at - 1)).join('');
  missing('syntax-missing-brace', at, text, { why: `: ${why}`, related });
}

/** The `}` from `first` to `last`, with its `;`, would close the node opened at `open`, which goes on behind it. */
export function reportSurplusBrace(
  tokens: TokenStream,
  first: number,
  last: number,
  open: number,
  { add }: Reporter,
): void {
  const name = quoted(nameOfBlock(tokens, open));
  add({
    ...problemAt('syntax-stray-brace', first, `This \`}\` is one too many: ${name} goes on behind it.`, last),
    isSurplus: true,
    related: { token: open, message: 'It opens here.' },
  });
}

/** Text to put behind token `before` so that it closes a node: on a line of its own where the node has its own lines. */
function closingText(tokens: TokenStream, open: number, before: number): string {
  const { text } = tokens.files[tokens.file[open]!]!;
  const start = tokens.start[open]!;
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  if (line.includes('{') || tokens.file[before] !== tokens.file[open]) return '};';
  const upTo = /^[^\r\n]*/.exec(text.slice(tokens.end[before], tokens.end[before]! + 200))![0];
  const isAtEnd = before === open && upTo.trim() === '';
  if (!isAtEnd && !text.slice(start, tokens.end[before]).includes('\n')) return '};';
  return `${text.includes('\r\n') ? '\r\n' : '\n'}${/^[ \t]*/.exec(line)![0]}};`;
}

/** The name of the node that a `{` opens, as a message quotes it. */
function nameOfBlock(tokens: TokenStream, open: number): string {
  return open <= 0 ? '{' : tokenText(tokens, open - 1);
}
