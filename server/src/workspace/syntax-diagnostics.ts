// The parser's problems as diagnostics, each at its place in a file.
import { tokenRange, type TokenStream } from '../preprocess/token-stream';
import type { SyntaxProblem, SyntaxTree } from '../syntax/syntax-tree';
import type { Diagnostic, Fix } from '../text/diagnostic';
import type { SourceRange } from '../text/source-file';

export function syntaxDiagnostics({ tokens, errors }: SyntaxTree): Diagnostic[] {
  return errors.map((problem) => {
    const range = problemRange(tokens, problem);
    const fix = insertion(tokens, problem, range) ?? removal(tokens, problem, range);
    const { related } = problem;
    return {
      rule: problem.rule,
      severity: 'error',
      range,
      message: problem.message,
      ...(related === undefined
        ? {}
        : { evidence: [{ range: tokenRange(tokens, related.token), message: related.message }] }),
      ...(fix === undefined ? {} : { fixes: [fix] }),
    };
  });
}

function problemRange(tokens: TokenStream, { first, last, after }: SyntaxProblem): SourceRange {
  if (first < 0 || tokens.count === 0) return { file: tokens.root, start: 0, end: 0 };
  const range = tokenRange(tokens, Math.min(first, tokens.count - 1));
  if (after) return { file: range.file, start: range.end, end: range.end };
  const end = tokenRange(tokens, Math.min(last, tokens.count - 1));
  return end.file === range.file && end.end >= range.start ? { ...range, end: end.end } : range;
}

/** What is missing can be put in where the place is in a file, not in a macro's body. */
function insertion(tokens: TokenStream, { insert, first, after }: SyntaxProblem, range: SourceRange): Fix | undefined {
  if (insert === undefined || (first >= 0 && tokens.expansion[first]! >= 0)) return undefined;
  const { file } = range;
  const at = after ? range.end : range.start;
  return {
    title: `Insert ${insert.trim()}`,
    isPreferred: true,
    change: () => ({ edits: [{ file, start: at, end: at, newText: insert }] }),
  };
}

/** What is too much goes with its line, where nothing else stands on it. */
function removal(tokens: TokenStream, { isSurplus, first }: SyntaxProblem, range: SourceRange): Fix | undefined {
  if (isSurplus !== true || tokens.expansion[first]! >= 0) return undefined;
  const { file, start, end } = range;
  const before = /(?:^|\n)[ \t]*$/.exec(file.text.slice(0, start))?.[0].replace('\n', '').length;
  const after = /^[ \t]*(?:\r?\n|$)/.exec(file.text.slice(end))?.[0].length;
  const isWholeLine = before !== undefined && after !== undefined;
  const edit = isWholeLine ? { start: start - before, end: end + after } : { start, end };
  return {
    title: `Remove ${file.text.slice(start, end)}`,
    isPreferred: true,
    change: () => ({ edits: [{ file, ...edit, newText: '' }] }),
  };
}
