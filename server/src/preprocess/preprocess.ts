// C preprocessing as `gcc -E -nostdinc -undef -D__DTS__ -x assembler-with-cpp` does it for device trees, from a root
// file to the unit's tokens. Plain text goes straight from a file's columns to the unit's; only where a macro stands
// does `expand.ts` take over, and what it makes is lexed again, as dtc would lex gcc's output.
import type { Diagnostic } from '../text/diagnostic';
import { positionAt, type SourceFile, sourceFile, type SourceRange } from '../text/source-file';
import { closeConditionals, lineToken, runConditional } from './conditionals';
import { type Directive, directives } from './directives';
import {
  expander,
  expandAll,
  isExpanding,
  leaveAll,
  needsBlank,
  nextExpanded,
  type PpToken,
  type TokenFeed,
} from './expand';
import { findInclude, includeOperand, type IncludeRequest } from './includes';
import { lex, lexScratch, lineStart, PpKind, spaceBefore } from './lexer';
import { type Builtin, commandLineMacro, type Macro, parseDefine, ppText, predefinedMacros } from './macros';
import { internName, nameText } from './names';
import type { PreprocessRule } from './problems';
import { appendTokens, LexState, pushCall, pushToken, tokenBuilder, type TokenSource } from './token-builder';
import type { Expansion, TokenStream } from './token-stream';
import {
  coverNames,
  type Cursor,
  fileNumber,
  type FileHost,
  type IncludeEdge,
  type PreprocessOptions,
  rangeOfTokens,
  report,
  type UnitState,
} from './unit-state';

export type { FileHost, IncludeEdge, PreprocessOptions } from './unit-state';

/** A translation unit: the root file with all that it includes. */
export interface Unit {
  readonly tokens: TokenStream;
  readonly diagnostics: readonly Diagnostic[];
  readonly includes: readonly IncludeEdge[];
  /** What conditionals left out, in the files met. */
  readonly inactive: readonly SourceRange[];
}

/** gcc's limit (libcpp: max_include_depth). */
const deepestInclude = 200;
const mostIncludes = 20_000;
const mostTokens = 8_000_000;
const mostExpanded = 2_000_000;

let lastTokenCount = 16_384;

/** Preprocesses a unit. Never fails: what cannot be read is a diagnostic, and the rest is there. */
export function preprocess(root: SourceFile, options: PreprocessOptions, host: FileHost): Unit {
  const state = initialState(root, options, host);
  readFile(state, root, { spelledPath: root.path, depth: 0, pathIndex: -1, isRaw: false });
  for (const path of options.appended ?? []) {
    const file = host.read(path);
    if ('error' in file) continue;
    const at = { file: root, start: root.text.length, end: root.text.length };
    state.includes.push({ from: root, at, to: file, path });
    readFile(state, file, { spelledPath: path, depth: 1, pathIndex: -1, isRaw: false });
  }
  return {
    tokens: tokenStream(state),
    diagnostics: state.diagnostics,
    includes: state.includes,
    inactive: state.inactive,
  };
}

function initialState(root: SourceFile, options: PreprocessOptions, host: FileHost): UnitState {
  const scratch = sourceFile('', '');
  const macros: (Macro | undefined)[] = [];
  const state: UnitState = {
    options,
    host,
    root,
    out: tokenBuilder(lastTokenCount),
    macros,
    files: [scratch],
    fileNumbers: new Map([[scratch, 0]]),
    scratch: [],
    scratchLength: 0,
    diagnostics: [],
    includes: [],
    inactive: [],
    endless: new Set(),
    onceOnly: new Set(),
    included: 0,
    counter: 0,
    line: () => 1,
    context: {
      macros,
      active: new Map(),
      budget: mostExpanded,
      recordCall: (macro, name, close) => {
        const isSameFile = close.file === name.file && close.end >= name.end;
        return pushCall(
          state.out,
          macro,
          name.file,
          name.start,
          name.end,
          isSameFile ? close.end : name.end,
          name.expansion,
        );
      },
      fileNumber: (macro) => bodyFileNumber(state, macro),
      builtin: (builtin, at) => builtinText(state, builtin, at),
      problem: (rule, at, message) => {
        reportToken(state, rule as PreprocessRule, at, message);
      },
    },
  };
  for (const macro of predefinedMacros()) define(state, macro);
  for (const [name, value] of Object.entries({ __DTS__: '1', ...options.defines })) {
    const macro = commandLineMacro(name, value);
    if (macro !== undefined) define(state, macro);
  }
  return state;
}

function define(state: UnitState, macro: Macro): void {
  coverNames(state);
  state.macros[macro.name] = macro;
}

type Reading = Pick<Cursor, 'spelledPath' | 'depth' | 'pathIndex' | 'isRaw'>;

function readFile(state: UnitState, file: SourceFile, reading: Reading): void {
  const lexed = lex(file);
  coverNames(state);
  const found = directives(lexed);
  const cursor: Cursor = {
    ...reading,
    lexed,
    directives: reading.isRaw ? found.filter(({ kind }) => kind === 'ignored') : found,
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
  const outerLine = state.line;
  const lineOf = (token: number): number => positionAt(file, lexed.start[token] ?? 0).line + 1 + cursor.lineOffset;
  state.line = () => lineOf(Math.max(0, cursor.at - 1));
  const source = fileSource(state, cursor);
  const feed = cursorFeed(state, cursor);
  while (state.out.count < mostTokens) {
    const end = textEnd(cursor);
    if (cursor.at < end) {
      cursor.at = appendTokens(state.out, source, cursor.at, end);
      if (cursor.at < end) readSpecial(state, cursor, feed);
    } else if (cursor.nextDirective < cursor.directives.length) runDirective(state, cursor);
    else break;
  }
  if (state.out.count >= mostTokens) {
    report(
      state,
      'unit-too-large',
      { file, start: 0, end: 0 },
      'The unit has millions of tokens; the rest is left out',
    );
  }
  if (!cursor.isRaw) closeConditionals(state, cursor);
  state.line = outerLine;
}

/** Where the text that comes next ends: at a directive or with the file. */
function textEnd(cursor: Cursor): number {
  return cursor.directives[cursor.nextDirective]?.hash ?? cursor.lexed.count;
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

function bodyFileNumber(state: UnitState, macro: Macro): number {
  const body = macro.body[0];
  return body === undefined ? 0 : fileNumber(state, body.lexed.file);
}

/** What plain copying stops at: `/include/`, or text with a macro. */
function readSpecial(state: UnitState, cursor: Cursor, feed: TokenFeed): void {
  if (cursor.lexed.kind[cursor.at] === PpKind.keyword) includeByDtc(state, cursor);
  else expandGroup(state, cursor, feed);
}

/** Expands what stands here up to the next blank that no macro call encloses, and appends it as dtc would lex it. */
function expandGroup(state: UnitState, cursor: Cursor, feed: TokenFeed): void {
  const run = expander(cursor.isRaw ? { ...state.context, macros: [] } : state.context, feed);
  const group: PpToken[] = [];
  for (;;) {
    const token = nextExpanded(run);
    if (token === undefined) break;
    group.push(token);
    if (isExpanding(run)) continue;
    const goesOn = cursor.at < textEnd(cursor) && (cursor.lexed.flags[cursor.at]! & (spaceBefore | lineStart)) === 0;
    if (!goesOn) break;
  }
  leaveAll(run);
  appendGroup(state, group);
}

function appendGroup(state: UnitState, group: readonly PpToken[]): void {
  const { out } = state;
  const only = group.length === 1 ? group[0]! : undefined;
  if (only?.kind === PpKind.integer && out.state === LexState.value && only.file !== 0) {
    pushToken(out, 0x6e, only.file, only.start, only.end, 0, only.expansion);
    return;
  }
  let text = '';
  const starts: number[] = [];
  group.forEach((token, index) => {
    const previous = group[index - 1];
    if (previous !== undefined && (token.space || (token.mayPaste && needsBlank(previous, token)))) text += ' ';
    starts.push(text.length);
    text += token.text;
  });
  const firstToken = out.count;
  const columns = lexScratch(text);
  coverNames(state);
  const source: TokenSource = {
    columns,
    text,
    fileNumber: 0,
    macros: [],
    fileNumberOf: () => 0,
    onUnterminatedString: () => undefined,
  };
  for (let at = 0; at < columns.count; at++) {
    // It stops only at what cannot be obeyed here, an /include/ that a macro made.
    at = appendTokens(out, source, at, columns.count);
  }
  restorePlaces(state, group, starts, text, firstToken);
}

/** Gives tokens lexed from a group's text the places that the group's tokens are spelled at. */
function restorePlaces(
  state: UnitState,
  group: readonly PpToken[],
  starts: readonly number[],
  text: string,
  firstToken: number,
): void {
  const { out } = state;
  let needsScratch = false;
  let at = 0;
  for (let token = firstToken; token < out.count; token++) {
    const start = out.start[token]!;
    const end = out.end[token]!;
    while (at + 1 < group.length && starts[at + 1]! <= start) at++;
    const first = group[at]!;
    let last = at;
    while (last + 1 < group.length && starts[last + 1]! < end) last++;
    let isWhole = first.file !== 0 && first.end - first.start === first.text.length;
    for (let next = at + 1; isWhole && next <= last; next++) {
      const part = group[next]!;
      isWhole =
        part.file === first.file &&
        part.expansion === first.expansion &&
        part.start === group[next - 1]!.end &&
        part.end - part.start === part.text.length;
    }
    if (isWhole) {
      const offset = first.start - starts[at]!;
      out.file[token] = first.file;
      out.start[token] = start + offset;
      out.end[token] = end + offset;
      out.expansion[token] = first.expansion;
    } else {
      needsScratch = true;
      out.start[token] = start + state.scratchLength;
      out.end[token] = end + state.scratchLength;
      out.expansion[token] = expansionOf(state, group, at, last);
    }
  }
  if (needsScratch) {
    state.scratch.push(text);
    state.scratchLength += text.length;
  }
}

/** The macro call to name for a token that several made; a continued line counts as a call of no macro. */
function expansionOf(state: UnitState, group: readonly PpToken[], from: number, to: number): number {
  for (let at = from; at <= to; at++) if (group[at]!.expansion >= 0) return group[at]!.expansion;
  const first = group[from]!;
  const last = group[to]!;
  return pushCall(state.out, continuedLine, first.file, first.start, last.end, last.end, -1);
}

const continuedLine: Macro = {
  name: internName('\\'),
  parameters: undefined,
  isVariadic: false,
  body: [],
  definition: undefined,
  isConstant: false,
};

function cursorFeed(state: UnitState, cursor: Cursor): TokenFeed {
  return {
    next: () => {
      for (;;) {
        if (cursor.at < textEnd(cursor)) return lineToken(cursor, cursor.at++);
        if (cursor.nextDirective >= cursor.directives.length) return undefined;
        runDirective(state, cursor);
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

function runDirective(state: UnitState, cursor: Cursor): void {
  const number = cursor.nextDirective;
  const directive = cursor.directives[number]!;
  cursor.nextDirective = number + 1;
  cursor.at = directive.end;
  switch (directive.kind) {
    case 'define':
      runDefine(state, cursor, directive);
      break;
    case 'undef':
      if (directive.operands < directive.end) state.macros[cursor.lexed.name[directive.operands]!] = undefined;
      break;
    case 'include':
    case 'include_next':
      runInclude(state, cursor, directive);
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
  if (line === undefined) return;
  cursor.lineOffset = line - (positionAt(cursor.lexed.file, cursor.lexed.start[directive.hash]!).line + 2);
  if (tokens[1]?.kind === PpKind.string) cursor.presentedPath = tokens[1].text.slice(1, -1);
}

function lineTokens(cursor: Cursor, directive: Directive): PpToken[] {
  const tokens: PpToken[] = [];
  for (let token = directive.operands; token < directive.end; token++) tokens.push(lineToken(cursor, token));
  return tokens;
}

function runInclude(state: UnitState, cursor: Cursor, directive: Directive): void {
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
  includeFile(state, cursor, { ...operand, isNext: directive.kind === 'include_next' }, range);
}

/** dtc's own `/include/ "file"`: what it brings is not preprocessed, only read. */
function includeByDtc(state: UnitState, cursor: Cursor): void {
  const { lexed } = cursor;
  const keyword = cursor.at++;
  const name = cursor.at;
  if (name >= textEnd(cursor) || lexed.kind[name] !== PpKind.string) {
    const range = rangeOfTokens(lexed, keyword, keyword);
    report(state, 'include-malformed', range, '/include/ needs the name of a file as a string');
    return;
  }
  cursor.at++;
  const path = lexed.file.text.slice(lexed.start[name]! + 1, lexed.end[name]! - 1);
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

function builtinText(state: UnitState, builtin: Builtin, at: PpToken): string {
  switch (builtin) {
    case '__LINE__':
      return String(state.line());
    case '__COUNTER__':
      return String(state.counter++);
    case '__FILE__':
    case '__BASE_FILE__': {
      const file = builtin === '__FILE__' ? state.files[at.file]! : state.root;
      return `"${file.path.replace(/["\\]/g, '\\$&')}"`;
    }
    case '__INCLUDE_LEVEL__':
      return '0';
    case '__DATE__':
      return '"??? ?? ????"';
    case '__TIME__':
      return '"??:??:??"';
  }
}

function reportToken(state: UnitState, rule: PreprocessRule, at: PpToken, message: string): void {
  let { file, start, end } = at;
  for (let call = at.expansion; call >= 0; call = state.out.calls.parent[call]!) {
    file = state.out.calls.file[call]!;
    start = state.out.calls.start[call]!;
    end = state.out.calls.end[call]!;
  }
  report(state, rule, { file: state.files[file]!, start, end }, message);
}

function tokenStream(state: UnitState): TokenStream {
  const { out } = state;
  const { count, calls } = out;
  lastTokenCount = Math.max(1024, count + (count >> 3));
  const files = [sourceFile('', state.scratch.join('')), ...state.files.slice(1)];
  const rangeIn = (file: number, start: number, end: number): SourceRange => ({ file: files[file]!, start, end });
  return {
    count,
    shape: Buffer.from(out.shape.buffer, out.shape.byteOffset, count).toString('latin1'),
    files,
    file: out.file,
    start: out.start,
    end: out.end,
    name: out.name,
    expansion: out.expansion,
    expansionAt: (number): Expansion => {
      const macro = calls.macro[number]!;
      const { definition } = macro;
      return {
        macro: nameText(macro.name),
        call: rangeIn(calls.file[number]!, calls.start[number]!, calls.end[number]!),
        whole: rangeIn(calls.file[number]!, calls.start[number]!, calls.wholeEnd[number]!),
        definition: definition && rangeOfTokens(definition.lexed, definition.token, definition.token),
        parent: calls.parent[number]!,
      };
    },
    root: state.root,
  };
}
