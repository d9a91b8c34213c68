// Collects a unit's problems: as many as somebody may read, and one where several things are missing at one place.
import { tokenText, type TokenStream } from '../preprocess/token-stream';
import { problemAfter, problemAt, type SyntaxRuleId } from './problems';
import type { SyntaxProblem } from './syntax-tree';

/** More problems than this in one unit are not listed. */
const maxProblems = 1000;

export interface MissingDetail {
  /** What the message ends with. */
  readonly why: string;
  readonly related: NonNullable<SyntaxProblem['related']>;
}

export interface Reporter {
  readonly add: (problem: SyntaxProblem) => void;
  /** Tokens `first` to `last` are wrong. */
  readonly report: (rule: SyntaxRuleId, first: number, last: number, message: string) => void;
  /** Text should stand before token `at`. Several such at one place become one problem with one insertion. */
  readonly missing: (rule: SyntaxRuleId, at: number, text: string, detail?: MissingDetail) => void;
  readonly unexpected: (first: number, last: number, where: string) => void;
  /** A word stands where only a value or a macro could. */
  readonly word: (first: number, last: number) => void;
  /** The tokens as a message quotes them. */
  readonly textOf: (first: number, last: number) => string;
}

export function createReporter(tokens: TokenStream, problems: SyntaxProblem[]): Reporter {
  return { add, report, missing, unexpected, word, textOf };

  function add(problem: SyntaxProblem): void {
    if (problems.length < maxProblems) {
      problems.push(problem);
    } else if (problems.length === maxProblems) {
      const message = 'Too many syntax problems; the rest is not listed.';
      problems.push({ ...problem, rule: 'syntax-too-many', message });
    }
  }

  /** No more can be listed: what would only make a message can be left out. */
  function isFull(): boolean {
    return problems.length > maxProblems;
  }

  function report(rule: SyntaxRuleId, first: number, last: number, message: string): void {
    if (!isFull()) add(problemAt(rule, first, message, last));
  }

  function missing(rule: SyntaxRuleId, at: number, text: string, detail?: MissingDetail): void {
    if (isFull()) return;
    const before = problems.at(-1);
    const isSamePlace = before?.after === true && before.first === at - 1;
    // Something that must be written by hand is missing here first.
    if (isSamePlace && before.insert === undefined) return;
    const insert = isSamePlace ? `${before.insert ?? ''}${text}` : text;
    const message = `Expected ${quoted(insert.trim())} here${detail?.why ?? ''}.`;
    const related = detail === undefined ? {} : { related: detail.related };
    if (isSamePlace) problems[problems.length - 1] = { ...before, insert, message, ...related };
    else add({ ...problemAfter(rule, at - 1, message, insert), ...related });
  }

  function unexpected(first: number, last: number, where: string): void {
    report('syntax-unexpected', first, last, `Unexpected ${textOf(first, last)} ${where}.`);
  }

  function word(first: number, last: number): void {
    if (isFull()) return;
    const text = tokenText(tokens, first);
    if (/^\w/.test(text)) {
      report('syntax-unknown-word', first, last, `${quoted(text)} is no macro that is known here, and no value.`);
    } else {
      unexpected(first, last, 'in a value');
    }
  }

  function textOf(first: number, last: number): string {
    if (isFull()) return '';
    const words: string[] = [];
    for (let token = first; token <= last && words.length < 8; token++) words.push(tokenText(tokens, token));
    return quoted(words.join(' '));
  }
}

/** Source text in a message: one line, not too long. */
export function quoted(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return `\`${line.length > 40 ? `${line.slice(0, 39)}…` : line}\``;
}
