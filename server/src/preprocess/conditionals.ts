// #if and its kind: which branch is read, which ranges are inactive.
import { evaluateCondition } from './condition';
import type { Directive } from './directives';
import { expanderOf, nextExpanded, nextUnexpanded } from './expand';
import { PpKind, spaceBefore } from './lexer';
import { ppText } from './macros';
import { internName } from './names';
import type { PpToken } from './pp-token';
import { type Cursor, rangeOfTokens, report, type UnitState } from './unit-state';

/** Whether an include would find its file: `__has_include`. */
export type HasInclude = (operand: string, isQuoted: boolean) => boolean;

/**
 * Obeys a conditional that was reached while reading: opens a branch, or leaves the one that ends here.
 * The cursor then stands behind the directive whose branch is read next.
 */
export function runConditional(state: UnitState, cursor: Cursor, number: number, hasInclude: HasInclude): void {
  const directive = cursor.directives[number]!;
  switch (directive.kind) {
    case 'if':
    case 'ifdef':
    case 'ifndef':
      cursor.open.push({ directive, hasElse: false });
      if (!holds(state, cursor, directive, hasInclude)) skipBranch(state, cursor, directive, hasInclude);
      return;
    case 'elif':
    case 'elifdef':
    case 'elifndef':
    case 'else': {
      if (!entersBranch(state, cursor, directive)) return;
      // The branch before was read, so all others up to the #endif are not.
      let skipped = directive;
      for (;;) {
        const next = endBranch(state, cursor, skipped);
        if (next === undefined || next.kind === 'endif') return;
        entersBranch(state, cursor, next);
        skipped = next;
      }
    }
    case 'endif':
      if (cursor.open.pop() === undefined) misplaced(state, cursor, directive, '#endif without #if');
      return;
    default:
      return;
  }
}

/** Reports the conditionals that the file ends in. */
export function closeConditionals(state: UnitState, cursor: Cursor): void {
  for (const { directive } of cursor.open) {
    const range = rangeOfTokens(cursor.lexed, directive.hash, directive.hash + 1);
    report(state, 'conditional-unterminated', range, `This #${directive.kind} has no #endif`);
  }
}

/** Goes from a branch that is not read to the one that is, or behind the #endif. */
function skipBranch(state: UnitState, cursor: Cursor, from: Directive, hasInclude: HasInclude): void {
  let skipped = from;
  for (;;) {
    const next = endBranch(state, cursor, skipped);
    if (next === undefined || next.kind === 'endif') return;
    if (entersBranch(state, cursor, next) && (next.kind === 'else' || holds(state, cursor, next, hasInclude))) return;
    skipped = next;
  }
}

/** Marks a branch inactive and moves behind the directive that ends it; undefined where the file ends first. */
function endBranch(state: UnitState, cursor: Cursor, branch: Directive): Directive | undefined {
  const { lexed, directives } = cursor;
  const next = branch.nextBranch < 0 ? undefined : directives[branch.nextBranch]!;
  const start = lexed.end[branch.end - 1]!;
  const end = next === undefined ? lexed.file.text.length : lexed.start[next.hash]!;
  if (end > start) state.inactive.push({ file: lexed.file, start, end });
  cursor.at = next?.end ?? lexed.count;
  cursor.nextDirective = next === undefined ? directives.length : branch.nextBranch + 1;
  if (next?.kind === 'endif') cursor.open.pop();
  return next;
}

/** Checks that a branch may stand here: there is an #if, and no #else before it. */
function entersBranch(state: UnitState, cursor: Cursor, directive: Directive): boolean {
  const open = cursor.open.at(-1);
  if (open === undefined) {
    misplaced(state, cursor, directive, `#${directive.kind} without #if`);
    return false;
  }
  if (open.hasElse) misplaced(state, cursor, directive, `#${directive.kind} behind #else`);
  if (directive.kind === 'else') open.hasElse = true;
  return true;
}

function misplaced(state: UnitState, cursor: Cursor, directive: Directive, message: string): void {
  report(state, 'conditional-misplaced', rangeOfTokens(cursor.lexed, directive.hash, directive.hash + 1), message);
}

function holds(state: UnitState, cursor: Cursor, directive: Directive, hasInclude: HasInclude): boolean {
  const { lexed } = cursor;
  const { operands, end } = directive;
  switch (directive.kind) {
    case 'ifdef':
    case 'ifndef':
    case 'elifdef':
    case 'elifndef': {
      if (operands >= end || lexed.kind[operands] !== PpKind.identifier) {
        const range = rangeOfTokens(lexed, directive.hash, Math.max(directive.hash, end - 1));
        report(state, 'condition-malformed', range, `#${directive.kind} needs the name of a macro`);
        return false;
      }
      const name = lexed.name[operands]!;
      const isDefined = state.macros[name] !== undefined || name === hasIncludeName;
      return isDefined === (directive.kind === 'ifdef' || directive.kind === 'elifdef');
    }
    default: {
      const condition = evaluateCondition(conditionTokens(state, cursor, directive, hasInclude));
      if ('value' in condition) return condition.value;
      const at = condition.at;
      const isHere = at?.file === cursor.fileNumber;
      const range = isHere
        ? { file: lexed.file, start: at.start, end: at.end }
        : rangeOfTokens(lexed, directive.hash, end - 1);
      report(state, 'condition-malformed', range, condition.error);
      return false;
    }
  }
}

const definedName = internName('defined');
const hasIncludeName = internName('__has_include');

/** The operands of #if: `defined` and `__has_include` answered, then macros expanded. */
function conditionTokens(state: UnitState, cursor: Cursor, directive: Directive, hasInclude: HasInclude): PpToken[] {
  const { lexed } = cursor;
  const tokens: PpToken[] = [];
  for (let at = directive.operands; at < directive.end; at++) {
    const token = lineToken(cursor, at);
    if (token.kind === PpKind.identifier && token.name === hasIncludeName) {
      const text = lexed.file.text.slice(lexed.end[at], lexed.end[directive.end - 1]);
      const operand = /^\s*\(\s*(?:"([^"\n]*)"|<([^>\n]*)>)\s*\)/.exec(text);
      if (operand !== null) {
        tokens.push(answer(token, hasInclude(operand[1] ?? operand[2]!, operand[1] !== undefined)));
        const behind = lexed.end[at]! + operand[0].length;
        while (at + 1 < directive.end && lexed.start[at + 1]! < behind) at++;
        continue;
      }
    }
    tokens.push(token);
  }
  return expandedCondition(state, tokens);
}

/** Expands macros, and answers `defined` wherever it comes from, before its operand is expanded (libcpp/expr.cc parse_defined). */
function expandedCondition(state: UnitState, tokens: readonly PpToken[]): PpToken[] {
  const run = expanderOf(state.context, tokens);
  const expanded: PpToken[] = [];
  for (let token = nextExpanded(run); token !== undefined; token = nextExpanded(run)) {
    if (token.kind !== PpKind.identifier || token.name !== definedName) {
      expanded.push(token);
      continue;
    }
    let operand = nextUnexpanded(run);
    const inParentheses = operand?.text === '(';
    if (inParentheses) operand = nextUnexpanded(run);
    const isClosed = !inParentheses || nextUnexpanded(run)?.text === ')';
    // A name is worth 0; what is no name here must not be.
    if (operand?.kind !== PpKind.identifier || !isClosed) expanded.push({ ...token, kind: PpKind.unterminatedString });
    else expanded.push(answer(token, state.macros[operand.name] !== undefined || operand.name === hasIncludeName));
  }
  return expanded;
}

function answer(token: PpToken, isTrue: boolean): PpToken {
  return { ...token, kind: PpKind.integer, text: isTrue ? '1' : '0' };
}

/** A token of a directive's line. */
export function lineToken(cursor: Cursor, token: number): PpToken {
  const { lexed } = cursor;
  return {
    kind: lexed.kind[token]!,
    name: lexed.name[token]!,
    text: ppText(lexed, token),
    file: cursor.fileNumber,
    start: lexed.start[token]!,
    end: lexed.end[token]!,
    space: (lexed.flags[token]! & spaceBefore) !== 0,
    hasOwnSpace: (lexed.flags[token]! & spaceBefore) !== 0,
    mayPaste: false,
    isPainted: false,
    expansion: -1,
  };
}
