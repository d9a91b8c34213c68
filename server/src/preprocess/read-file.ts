// Reads a file into the unit: plain text goes straight from its columns, directives are obeyed, includes are read in place.
import { positionAt, type SourceFile, type SourceRange } from '../text/source-file';
import { closeConditionals, lineToken } from './conditionals';
import { directives } from './directives';
import { expandAll, type TokenFeed } from './expand';
import { expandGroup } from './expanded-text';
import { findInclude, type IncludeRequest } from './includes';
import { lex } from './lexed-files';
import { PpKind } from './lexer';
import { ppText } from './macros';
import { runDirective } from './run-directive';
import { appendTokens, isFull, type TokenSource } from './token-builder';
import {
  bodyFileNumber,
  coverNames,
  type Cursor,
  fileNumber,
  rangeOfTokens,
  report,
  textEnd,
  type UnitState,
} from './unit-state';

/** gcc's limit (libcpp: max_include_depth). */
const deepestInclude = 200;
const mostIncludes = 20_000;
/** Characters of a file, twenty times as many as the largest board of Linux has with all its includes. */
const longestText = 8 * 1024 * 1024;

type Reading = Pick<Cursor, 'spelledPath' | 'depth' | 'pathIndex' | 'isRaw'>;

/** Whether a file is longer than is read. */
export function isTooLarge(file: SourceFile): boolean {
  return file.text.length > longestText;
}

/** Appends a file's tokens, with all that it includes. */
export function readFile(state: UnitState, file: SourceFile, reading: Reading): void {
  if (isTooLarge(file)) {
    const range = { file, start: 0, end: 0 };
    const size = Math.ceil(file.text.length / 1024 / 1024);
    report(
      state,
      'unit-too-large',
      range,
      `The file has ${size} MiB and is not read: no devicetree source is that large`,
    );
    return;
  }
  const lexed = lex(file);
  coverNames(state);
  const found = directives(lexed);
  const cursor: Cursor = {
    ...reading,
    lexed,
    // dtc itself reads line markers and #line.
    directives: reading.isRaw ? found.filter(({ kind }) => kind === 'ignored' || kind === 'line') : found,
    fileNumber: fileNumber(state, file),
    at: 0,
    nextDirective: 0,
    open: [],
    lineOffset: 0,
    presentedPath: reading.spelledPath,
  };
  if (lexed.unterminatedComment >= 0) {
    const start = lexed.unterminatedComment;
    const range = { file, start, end: Math.min(start + 2, file.text.length) };
    report(state, 'comment-unterminated', range, 'This comment is never closed: the rest of the file is part of it');
  }
  const outerPlace = state.place;
  let groupAt = -1;
  state.place = () => {
    // In a macro call it is the call's first line (libcpp _cpp_builtin_macro_expand).
    const offset = lexed.start[groupAt >= 0 ? groupAt : Math.max(0, cursor.at - 1)] ?? 0;
    const line = positionAt(file, offset).line + 1 + cursor.lineOffset;
    return { line, path: cursor.presentedPath, level: cursor.depth };
  };
  const source = fileSource(state, cursor);
  const feed = cursorFeed(state, cursor);
  while (!isFull(state.out)) {
    const end = textEnd(cursor);
    if (cursor.at < end) {
      cursor.at = appendTokens(state.out, source, cursor.at, end);
      if (cursor.at < end) {
        groupAt = cursor.at;
        readSpecial(state, cursor, feed);
        groupAt = -1;
      }
    } else if (cursor.nextDirective < cursor.directives.length) runDirective(state, cursor, includeFile);
    else break;
  }
  if (isFull(state.out)) {
    report(
      state,
      'unit-too-large',
      { file, start: 0, end: 0 },
      'The unit has more than a million tokens; the rest is left out',
    );
  }
  if (!cursor.isRaw) closeConditionals(state, cursor);
  state.place = outerPlace;
}

function fileSource(state: UnitState, cursor: Cursor): TokenSource {
  const { file } = cursor.lexed;
  return {
    columns: cursor.lexed,
    text: file.text,
    fileNumber: cursor.fileNumber,
    macros: cursor.isRaw ? [] : state.macros,
    fileNumberOf: (macro) => bodyFileNumber(state, macro),
    onUnterminatedString: (start, end) => {
      report(state, 'string-unterminated', { file, start, end }, 'The closing quote of this string is missing');
    },
  };
}

/** What plain copying stops at: `/include/`, or text with a macro. */
function readSpecial(state: UnitState, cursor: Cursor, feed: TokenFeed): void {
  if (cursor.lexed.kind[cursor.at] === PpKind.keyword) includeByDtc(state, cursor);
  else expandGroup(state, cursor, feed);
}

function cursorFeed(state: UnitState, cursor: Cursor): TokenFeed {
  return {
    next: () => {
      for (;;) {
        if (cursor.at < textEnd(cursor)) return lineToken(cursor, cursor.at++);
        if (cursor.nextDirective >= cursor.directives.length) return undefined;
        runDirective(state, cursor, includeFile);
      }
    },
    opensParenthesis: () => cursor.at < textEnd(cursor) && ppText(cursor.lexed, cursor.at) === '(',
    mark: () => {
      const { at, nextDirective } = cursor;
      const open = cursor.open.length;
      return () => {
        if (cursor.open.length !== open) return;
        cursor.at = at;
        cursor.nextDirective = nextDirective;
      };
    },
  };
}

/** dtc's own `/include/ "file"`: what it brings is not preprocessed, only read. */
function includeByDtc(state: UnitState, cursor: Cursor): void {
  const { lexed } = cursor;
  const keyword = cursor.at++;
  const name = cursor.at;
  const written = name < textEnd(cursor) ? lineToken(cursor, name) : undefined;
  const [operand, more] = written === undefined || cursor.isRaw ? [written] : expandAll(state.context, [written]);
  if (operand?.kind !== PpKind.string || more !== undefined) {
    const range = rangeOfTokens(lexed, keyword, keyword);
    report(state, 'include-malformed', range, '/include/ needs the name of a file as a string');
    return;
  }
  cursor.at++;
  const path = operand.text.slice(1, -1);
  includeFile(state, cursor, { path, isQuoted: true, isNext: false, isByDtc: true }, rangeOfTokens(lexed, name, name));
}

function includeFile(state: UnitState, cursor: Cursor, request: IncludeRequest, range: SourceRange): void {
  const from = cursor.lexed.file;
  const found = findInclude(state, cursor, request);
  if ('error' in found) {
    state.includes.push({ from, at: range, to: undefined, path: request.path });
    report(state, found.isUnreadable ? 'include-unreadable' : 'include-not-found', range, found.error);
    return;
  }
  const { file, spelledPath, pathIndex } = found;
  state.includes.push({ from, at: range, to: file, path: request.path });
  if (state.onceOnly.has(file) || state.endless.has(file)) return;
  if (request.isOnce === true) {
    state.onceOnly.add(file);
    if (state.fileNumbers.has(file)) return;
  }
  if (cursor.depth + 1 >= deepestInclude) {
    state.endless.add(file);
    const message = `Files include each other ${deepestInclude} levels deep: ${request.path} is not read again`;
    report(state, 'include-too-deep', range, message);
    return;
  }
  if (++state.included > mostIncludes) {
    if (state.included === mostIncludes + 1) {
      report(state, 'unit-too-large', range, `The unit includes more than ${mostIncludes} files; the rest is left out`);
    }
    return;
  }
  const isRaw = cursor.isRaw || request.isByDtc === true;
  readFile(state, file, { spelledPath, depth: cursor.depth + 1, pathIndex, isRaw });
}
