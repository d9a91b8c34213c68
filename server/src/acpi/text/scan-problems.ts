// What scanning found wrong with the text as such, in words.
import type { Lines } from './lines';
import type { TableTextProblem } from './problems';
import type { ScanProblem } from './scan';

/** More characters than this for which iasl takes the file for a binary are not listed. */
const mostForeign = 20;

export function scanProblems(lines: Lines): TableTextProblem[] {
  let foreign = 0;
  const found: TableTextProblem[] = [];
  for (const problem of lines.problems) {
    if (problem.kind === 'not-text' && ++foreign > mostForeign) continue;
    found.push(inWords(lines, problem));
  }
  for (const { start, end } of lines.meaningless) {
    const text = lines.file.text.slice(start, end);
    const isOwn = text.startsWith('//doorbell');
    const message = isOwn
      ? 'This comment of Doorbell’s says nothing it could follow.'
      : 'iasl skips this line: it has no colon.';
    if (isOwn || !isUsual(text)) {
      found.push({ rule: isOwn ? 'table-own-line' : 'table-line-ignored', start, end, message });
    }
  }
  return [...found, ...foreignBehind(lines), ...definitionBlocks(lines)];
}

/** A character behind the table for which iasl takes the file for a binary all the same. */
function foreignBehind(lines: Lines): TableTextProblem[] {
  const { text } = lines.file;
  if (lines.foreignBehind < 0) return [];
  const start = text.length - lines.foreignBehind;
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
  const isInComment = line.includes('//') || text.lastIndexOf('/*', start) > text.lastIndexOf('*/', start);
  return isInComment ? [] : [inWords(lines, { kind: 'not-text', start })];
}

/** iasl looks through a file line by line, comments and all, for the word that begins ASL (AslDetectSourceFileType). */
const aslWord = /DefinitionBlock/i;

function definitionBlocks({ file, comments, meaningless, end: readTo }: Lines): TableTextProblem[] {
  const found: TableTextProblem[] = [];
  const lookIn = (from: number, to: number): void => {
    const at = file.text.slice(from, to).search(aslWord);
    if (at < 0) return;
    const start = from + at;
    const end = start + 'DefinitionBlock'.length;
    const message = 'iasl takes a file with this word, wherever it stands, for ASL, and refuses it.';
    const fix = { title: 'Write “Definition Block”', start, end, newText: 'Definition Block' };
    found.push({ rule: 'table-definition-block', start, end, message, fix });
  };
  for (let index = 0; index < comments.length; index += 2) lookIn(comments[index]!, comments[index + 1]!);
  for (const { start, end } of meaningless) lookIn(start, end);
  // Behind the table a text may be long, and is looked through for the usual spelling alone.
  const behind = file.text.indexOf('DefinitionBlock', readTo);
  if (behind >= 0) lookIn(behind, file.text.length);
  return found;
}

/** What iasl itself writes without a colon. */
function isUsual(text: string): boolean {
  return text.startsWith('****') || /^\s*Invalid zero length/.test(text);
}

function inWords({ file }: Lines, problem: ScanProblem): TableTextProblem {
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
      const code = file.text.codePointAt(start)!;
      const end = start + (code > 0xffff ? 2 : 1);
      const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
      const message = `iasl takes a file with ${name} outside of comments for a binary, and writes nothing.`;
      const fix = { title: `Remove ${name}`, start, end, newText: '' };
      return { rule: 'table-not-text', start, end, message, fix };
    }
  }
}
