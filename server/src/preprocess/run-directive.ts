// What each directive does, conditionals aside (see conditionals.ts).
import { positionAt } from '../text/source-file';
import { lineToken, runConditional } from './conditionals';
import type { Directive } from './directives';
import { expandAll } from './expand';
import { findInclude, includeOperand, type IncludeRequest } from './includes';
import { PpKind } from './lexer';
import { type Macro, parseDefine, ppText } from './macros';
import { nameText } from './names';
import type { PpToken } from './pp-token';
import type { SourceRange } from '../text/source-file';
import { type Cursor, rangeOfTokens, report, type UnitState } from './unit-state';

/** Reads an included file in the place of its directive. */
export type IncludeFile = (state: UnitState, cursor: Cursor, request: IncludeRequest, range: SourceRange) => void;

/** Obeys the directive that comes next, and moves behind it. */
export function runDirective(state: UnitState, cursor: Cursor, include: IncludeFile): void {
  const number = cursor.nextDirective;
  const directive = cursor.directives[number]!;
  cursor.nextDirective = number + 1;
  cursor.at = directive.end;
  switch (directive.kind) {
    case 'define':
      runDefine(state, cursor, directive);
      break;
    case 'undef':
      runUndef(state, cursor, directive);
      break;
    case 'include':
    case 'include_next':
    case 'import':
      runInclude(state, cursor, directive, include);
      break;
    case 'error':
    case 'warning': {
      const range = rangeOfTokens(cursor.lexed, directive.hash, directive.end - 1);
      const said = cursor.lexed.file.text.slice(range.start, range.end).replace(/^#\s*\w+\s*/, '');
      report(
        state,
        directive.kind === 'error' ? 'error-directive' : 'warning-directive',
        range,
        said || `#${directive.kind}`,
      );
      break;
    }
    case 'line':
      runLine(state, cursor, directive);
      break;
    case 'pragma':
      if (directive.operands < directive.end && ppText(cursor.lexed, directive.operands) === 'once') {
        state.onceOnly.add(cursor.lexed.file);
      }
      break;
    case 'ignored':
      break;
    default:
      runConditional(state, cursor, number, (path, isQuoted) => {
        const request: IncludeRequest = { path, isQuoted, isNext: false };
        return 'file' in findInclude(state, cursor, request);
      });
  }
}

function runUndef(state: UnitState, { lexed }: Cursor, { hash, operands, end }: Directive): void {
  if (operands < end && lexed.kind[operands] === PpKind.identifier) state.macros[lexed.name[operands]!] = undefined;
  else report(state, 'macro-malformed', rangeOfTokens(lexed, hash, end - 1), '#undef needs the name of a macro');
}

function runDefine(state: UnitState, cursor: Cursor, directive: Directive): void {
  const macro = (directive.macro ??= parseDefine(cursor.lexed, directive));
  if ('error' in macro) {
    report(state, 'macro-malformed', rangeOfTokens(cursor.lexed, macro.token, macro.token), macro.error);
    return;
  }
  const before = state.macros[macro.name];
  if (before !== undefined && before !== macro && !isSameMacro(before, macro)) {
    const at = rangeOfTokens(cursor.lexed, directive.operands, directive.operands);
    const { definition } = before;
    report(
      state,
      'macro-redefined',
      at,
      `Macro ${nameText(macro.name)} has another value from here on`,
      definition && [
        { range: rangeOfTokens(definition.lexed, definition.token, definition.token), message: 'defined here before' },
      ],
    );
  }
  state.macros[macro.name] = macro;
}

/** C11 6.10.3: the same parameters, the same tokens, blanks in the same places. */
function isSameMacro(one: Macro, other: Macro): boolean {
  if (one.builtin !== undefined || one.body.length !== other.body.length) return false;
  if (one.isVariadic !== other.isVariadic || one.parameters?.join() !== other.parameters?.join()) return false;
  if (one.bodyWithoutOptional?.length !== other.bodyWithoutOptional?.length) return false;
  return one.body.every((part, index) => {
    const twin = other.body[index]!;
    return (
      part.space === twin.space &&
      part.isStringified === twin.isStringified &&
      part.pastesRight === twin.pastesRight &&
      ppText(part.lexed, part.token) === ppText(twin.lexed, twin.token)
    );
  });
}

function runLine(state: UnitState, cursor: Cursor, directive: Directive): void {
  const tokens = expandAll(state.context, lineTokens(cursor, directive));
  const line = tokens[0]?.kind === PpKind.integer ? parseInt(tokens[0].text, 10) : undefined;
  if (line === undefined) {
    const range = rangeOfTokens(cursor.lexed, directive.hash, directive.end - 1);
    report(state, 'line-malformed', range, '#line needs the number of a line');
    return;
  }
  cursor.lineOffset = line - (positionAt(cursor.lexed.file, cursor.lexed.start[directive.hash]!).line + 2);
  if (tokens[1]?.kind === PpKind.string) cursor.presentedPath = tokens[1].text.slice(1, -1);
}

function lineTokens(cursor: Cursor, directive: Directive): PpToken[] {
  const tokens: PpToken[] = [];
  for (let token = directive.operands; token < directive.end; token++) tokens.push(lineToken(cursor, token));
  return tokens;
}

function runInclude(state: UnitState, cursor: Cursor, directive: Directive, include: IncludeFile): void {
  const { lexed } = cursor;
  const range = rangeOfTokens(lexed, Math.min(directive.operands, directive.end - 1), directive.end - 1);
  const operand = includeOperand(lexed.file.text.slice(range.start, range.end), () =>
    expandAll(state.context, lineTokens(cursor, directive))
      .map((token, index) => (index > 0 && token.space ? ` ${token.text}` : token.text))
      .join(''),
  );
  if (operand === undefined) {
    report(state, 'include-malformed', range, 'An include names its file as "file" or <file>');
    return;
  }
  const { kind } = directive;
  include(state, cursor, { ...operand, isNext: kind === 'include_next', isOnce: kind === 'import' }, range);
}
