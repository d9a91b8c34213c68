// The generated parser recurses, so what nests too deep is taken out of the shape before it is parsed.
import { problemAt } from './problems';
import { Shape } from './shape';
import type { SyntaxProblem } from './syntax-tree';

/** Levels of nodes, and levels of parentheses and ternaries in one statement, that are followed. Linux's boards need 12. */
export const maxDepth = 200;

export interface LimitedShape {
  /** What nests deeper than `maxDepth` is blank in it. */
  readonly shape: string;
  /** How many `{` lack their `}`. */
  readonly unclosed: number;
}

/** Blanks what nests too deep, and reports each place where that begins. */
export function limitDepth(shape: string, problems: SyntaxProblem[]): LimitedShape {
  let braces = 0;
  let parens = 0;
  let result = shape;
  let isCut = false;
  for (let at = 0; at < shape.length; at++) {
    switch (shape.charCodeAt(at)) {
      case Shape.openBrace:
        parens = 0;
        if (++braces > maxDepth) isCut = true;
        break;
      case Shape.closeBrace:
        parens = 0;
        if (braces > 0) braces--;
        break;
      case Shape.semicolon:
        parens = 0;
        break;
      case Shape.openParen:
      case Shape.question:
        if (++parens > maxDepth) isCut = true;
        break;
      case Shape.closeParen:
      case Shape.colon:
        if (parens > 0) parens--;
        break;
    }
  }
  if (isCut) result = cut(shape, problems);
  return { shape: result, unclosed: isCut ? countUnclosed(result) : braces };
}

function countUnclosed(shape: string): number {
  let braces = 0;
  for (let at = 0; at < shape.length; at++) {
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openBrace) braces++;
    else if (kind === Shape.closeBrace && braces > 0) braces--;
  }
  return braces;
}

function cut(shape: string, problems: SyntaxProblem[]): string {
  const pieces: string[] = [];
  let kept = 0;
  let braces = 0;
  let parens = 0;
  let at = 0;
  while (at < shape.length) {
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openBrace) {
      parens = 0;
      braces++;
      if (braces > maxDepth) blank(at + 1, endOfBraces(shape, at), 'Nodes');
    } else if (kind === Shape.closeBrace) {
      parens = 0;
      if (braces > 0) braces--;
    } else if (kind === Shape.semicolon) {
      parens = 0;
    } else if (kind === Shape.openParen || kind === Shape.question) {
      if (parens === maxDepth) blank(at, endOfParens(shape, at), 'Expressions');
      else parens++;
    } else if ((kind === Shape.closeParen || kind === Shape.colon) && parens > 0) {
      parens--;
    }
    at++;
  }
  pieces.push(shape.slice(kept));
  return pieces.join('');

  /** Blanks `from` to `end`, which stays, and goes on there. */
  function blank(from: number, end: number, what: string): void {
    const message = `${what} nest deeper than ${maxDepth} levels here; what is deeper is not looked at.`;
    if (problems.length < 100) problems.push(problemAt('syntax-too-deep', at, message));
    pieces.push(shape.slice(kept, from), ' '.repeat(end - from));
    kept = end;
    at = end - 1;
  }
}

/** The `}` that closes the `{` at `open`. */
function endOfBraces(shape: string, open: number): number {
  let depth = 0;
  for (let at = open; at < shape.length; at++) {
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openBrace) depth++;
    else if (kind === Shape.closeBrace && --depth === 0) return at;
  }
  return shape.length;
}

/** Before the `)` that closes what surrounds `open`, or the end of the statement. */
function endOfParens(shape: string, open: number): number {
  let depth = 1;
  for (let at = open; at < shape.length; at++) {
    const kind = shape.charCodeAt(at);
    if (kind === Shape.openParen) depth++;
    else if (kind === Shape.closeParen && --depth === 0) return at;
    else if (kind === Shape.openBrace || kind === Shape.closeBrace || kind === Shape.semicolon) return at;
  }
  return shape.length;
}
