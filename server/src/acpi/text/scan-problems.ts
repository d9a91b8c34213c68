// What scanning found wrong with the text as such, in words.
import { lengthOf, textBetween, type SourceFile } from '../../text/source-file';
import { aslWord } from './asl-words';
import type { TextParts } from './lines';
import type { TableTextProblem } from './problems';
import type { ScanProblem } from './scan';

/** More characters than this for which iasl takes the file for a binary are not listed. */
const mostForeign = 20;

export function scanProblems(parts: TextParts): TableTextProblem[] {
  const { file } = parts;
  let foreign = 0;
  const found: TableTextProblem[] = [];
  for (const problem of parts.problems) {
    if (problem.kind === 'not-text' && ++foreign > mostForeign) continue;
    found.push(inWords(file, problem));
  }
  for (const { start, end } of parts.meaningless) {
    const text = textBetween(file, start, end);
    const isOwn = text.startsWith('//doorbell');
    const message = isOwn
      ? 'This comment of Doorbell’s says nothing it could follow.'
      : 'iasl skips this line: it has no colon.';
    if (isOwn || !isUsual(text)) {
      found.push({ rule: isOwn ? 'table-own-line' : 'table-line-ignored', start, end, message });
    }
  }
  return [...found, ...foreignBehind(parts), ...definitionBlocks(parts)];
}

/** A character behind the table for which iasl takes the file for a binary all the same. */
function foreignBehind({ file, behind }: TextParts): TableTextProblem[] {
  if (behind.foreign < 0) return [];
  const { text } = file;
  const start = text.length - behind.foreign;
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
  const isInComment = line.includes('//') || text.lastIndexOf('/*', start) > text.lastIndexOf('*/', start);
  return isInComment ? [] : [inWords(file, { kind: 'not-text', start })];
}

function definitionBlocks({ file, aslWords, behind }: TextParts): TableTextProblem[] {
  const places = behind.aslWord < 0 ? aslWords : [...aslWords, lengthOf(file) - behind.aslWord];
  return places.map((start) => {
    const end = start + aslWord.length;
    const message = 'iasl takes a file with this word, wherever it stands, for ASL, and refuses it.';
    const fix = { title: 'Write “Definition Block”', start, end, newText: 'Definition Block' };
    return { rule: 'table-definition-block', start, end, message, fix };
  });
}

/** What iasl itself writes without a colon. */
function isUsual(text: string): boolean {
  return text.startsWith('****') || /^\s*Invalid zero length/.test(text);
}

function inWords(file: SourceFile, problem: ScanProblem): TableTextProblem {
  const { start } = problem;
  switch (problem.kind) {
    case 'directive':
      return { rule: 'table-directive', start, end: problem.end, message: problem.message };
    case 'comment-unclosed': {
      const message = 'This comment is not closed: iasl compiles what stands before it, and reports success.';
      return { rule: 'table-comment-unclosed', start, end: start + 2, message };
    }
    case 'string-unclosed': {
      const message = 'This string is not closed on its line: iasl takes the next line into it.';
      return { rule: 'table-string-unclosed', start, end: start + 1, message };
    }
    case 'lone-return': {
      const message = 'A carriage return without a newline: iasl reads no further.';
      return { rule: 'table-lone-return', start, end: start + 1, message };
    }
    case 'not-text': {
      const code = textBetween(file, start, start + 2).codePointAt(0)!;
      const end = start + (code > 0xffff ? 2 : 1);
      const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
      const message = `iasl takes a file with ${name} outside of comments for a binary, and writes nothing.`;
      const fix = { title: `Remove ${name}`, start, end, newText: '' };
      return { rule: 'table-not-text', start, end, message, fix };
    }
  }
}
